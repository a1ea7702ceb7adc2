/* SPDX-License-Identifier: Apache-2.0
 *
 * A packet's way through the media worker: whose is it, may it come in, count
 * it, change what must be changed, send it on.  The engine calls
 * relay_on_packets; stream.c connects sockets with ways.
 */
#ifndef MEDIA_RELAY_H
#define MEDIA_RELAY_H

#include "media/way.h"

/* Since the last relay_publish. */
struct relay_counts {
	uint64_t relayed, refused, malformed, rtcp, send_errors;
};

struct relay {
	struct engine *engine; /* not owned */
	struct way **ways;     /* by socket / 2: a pair of RTP and RTCP */
	unsigned n_pairs;
	uint64_t now_us;  /* of the batch */
	unsigned n_taken; /* packets, since the loop last asked */
	struct relay_counts counts;
};

int relay_init(struct relay *relay, unsigned n_pairs);
void relay_done(struct relay *relay);
/* way NULL: packets of this pair are dropped. */
void relay_connect(struct relay *relay, unsigned pair, struct way *way);
way_step *relay_step(enum media_form in, enum media_form out);
/* Adds the counts to the process's board page. */
void relay_publish(struct relay *relay, struct board *board);

/* For engine_events; arg is the relay. */
void relay_on_packets(void *arg, const struct engine_packet *packets,
		      unsigned n);
void relay_on_send_failed(void *arg, uint32_t socket, int error);
void relay_on_oversize(void *arg, uint32_t socket);

#endif
