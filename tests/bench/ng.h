/* SPDX-License-Identifier: Apache-2.0
 *
 * Just enough of rtpengine's `ng` control protocol (a cookie and a bencoded
 * dictionary in a UDP datagram) to set up relayed calls for the media bench.
 */
#ifndef TESTS_BENCH_NG_H
#define TESTS_BENCH_NG_H

#include "base/addr.h"

struct ng_call {
	unsigned number;
	struct addr caller, callee; /* where the generator sends and receives */
	/* out: rtpengine's ports towards each of them */
	struct addr to_caller_side, to_callee_side;
};

/* Offer and answer of one call; waits at most 2 s for each.  0/-errno. */
int ng_set_up(int fd, struct ng_call *call);

#endif
