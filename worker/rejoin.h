/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker without a master: it serves on, and offers itself, with every
 * descriptor it has, to the next master as soon as there is one.
 */
#ifndef WORKER_REJOIN_H
#define WORKER_REJOIN_H

#include <stdint.h>

struct worker;

enum rejoin_state {
	REJOIN_NOT, /* we have a master */
	REJOIN_ALONE,
	REJOIN_OFFERING /* descriptors are being sent */
};

struct rejoin {
	enum rejoin_state state;
	unsigned round;	  /* masters we offered ourselves to */
	uint64_t next_us; /* look for one again */
};

/* The channel ended. */
void rejoin_begin(struct worker *worker);
/* Once a turn. */
void rejoin_turn(struct worker *worker);

#endif
