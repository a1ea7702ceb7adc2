/* SPDX-License-Identifier: Apache-2.0
 *
 * A pair: two bound UDP sockets of one media address, RTP on an even port and
 * RTCP on the next.  What a call's side has as its local media address.  This
 * file opens and closes them; who has which is ports.h' matter.
 */
#ifndef MEDIA_PAIR_H
#define MEDIA_PAIR_H

#include "base/addr.h"
#include "base/ids.h"

struct stream;

enum pair_state {
	PAIR_INCOMPLETE, /* of the two sockets held by the master one came */
	PAIR_RESTING,	 /* bound, nobody's */
	PAIR_OFFERED,	 /* in a book's ring */
	PAIR_TAKEN,	 /* taken from the ring, no wish seen yet */
	PAIR_IN_USE	 /* of a stream */
};

struct pair {
	uint32_t id;	       /* sockets 2 * id and 2 * id + 1 of the engine */
	struct addr local;     /* RTP */
	int fd[2];	       /* RTP, RTCP; -1 none */
	uint8_t slot;	       /* media slot whose ring offers it */
	uint8_t side;	       /* enum listener_side */
	uint8_t state;	       /* enum pair_state */
	uint8_t book;	       /* offered or taken: to or by whom */
	uint64_t since_us;     /* of this state; 0: has never been used */
	uint64_t ring_at;      /* offered: ring position behind its entry */
	struct stream *stream; /* in use: whose; not owned */
	struct pair *next, *prev; /* in the queue of its state */
};

struct pair_queue {
	struct pair *first, *last;
	unsigned n;
};

void pair_push(struct pair_queue *queue, struct pair *pair);
/* By ring_at, which mostly is the last. */
void pair_insert(struct pair_queue *queue, struct pair *pair);
struct pair *pair_pop(struct pair_queue *queue);
/* Takes one out of the middle; harmless when it is in no queue. */
void pair_unlink(struct pair_queue *queue, struct pair *pair);

/* Binds one datagram socket at `at`, non-blocking, with this DSCP.  The
 * descriptor or -errno (-EADDRINUSE: the port is somebody's). */
int pair_bind_socket(const struct addr *at, unsigned dscp);
/* Binds both sockets of a pair whose local address is set.  0 or -errno, and
 * then none is open. */
int pair_bind(struct pair *pair, unsigned dscp);
/* Throws away what strangers sent while nobody listened. */
void pair_drain(struct pair *pair);
void pair_close(struct pair *pair);

#endif
