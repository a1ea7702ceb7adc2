/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a turn waits.  Sparse traffic: until a packet comes, so that it is
 * hardly delayed.  Dense traffic: until a batch is there or a millisecond has
 * gone, so that one wake-up and one system call serve many packets; what costs
 * is wake-ups (reference/performance D1).  Pure.
 */
#ifndef MEDIA_PACE_H
#define MEDIA_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_WINDOW_US	8000
#define PACE_DENSE	16 /* packets in a window from which on we gather */
#define PACE_GATHER_US	1000
#define PACE_GATHER_MIN 128 /* packets that end the gathering early */

struct engine_wait;

struct pace {
	uint64_t window_us; /* begin of the running window */
	unsigned n;	    /* packets in it */
	bool is_dense;	    /* the last full window was */
};

void pace_count(struct pace *pace, unsigned n_packets, uint64_t now_us);
/* idle_us: how long to wait at most when traffic is sparse. */
struct engine_wait pace_wait(const struct pace *pace, uint64_t idle_us);

#endif
