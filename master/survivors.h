/* SPDX-License-Identifier: Apache-2.0
 *
 * Children of an earlier master (that was killed, or replaced itself): they
 * live on, and come to RUN/adopt.sock with every descriptor they have.
 */
#ifndef MASTER_SURVIVORS_H
#define MASTER_SURVIVORS_H

#include "master/master.h"

enum coming {
	COMING_NOT,
	COMING_EXPECTED, /* its process lives */
	COMING_TALKING,	 /* its descriptors are arriving */
	COMING_BACK	 /* all are here */
};

/* Opens the socket; on failure `why` (SOCKETS_WHY_MAX). */
int survivors_open(struct master *m, char *why);
/* The slot's process was pid: it is expected if it lives. */
void survivors_expect(struct slot *slot, pid_t pid);
/* Ends it instead.  0 or -ETIMEDOUT. */
int survivors_end(struct slot *slot, pid_t pid);
/* Waits for those expected, GATHER_US at most; the rest is ended.  0, or
 * -ETIMEDOUT: one does not end. */
int survivors_gather(struct master *m);
/* They are ours from now on: told everything that is new. */
void survivors_take_back(struct master *m);
void survivors_close(struct master *m);

/* Rows of master_inbox. */
channel_handler on_child_offer, on_child_offer_served, on_worker_hold_listener,
	on_child_hold_doorbell, on_child_offered;

#endif
