/* SPDX-License-Identifier: Apache-2.0
 *
 * The media side of a call: ports, SDP towards both legs, and the wish that
 * the media worker fulfils.  With no media worker in the pool SDP passes and
 * the peers exchange media directly.
 */
#ifndef WORKER_MEDIA_H
#define WORKER_MEDIA_H

#include "sip/sdp.h"
#include "worker/call.h"

/* Takes a port for each leg from one media slot; 0, or -ENOSPC when no slot
 * has one (503).  Nothing to do without media workers. */
int media_take_ports(struct call *call, enum listener_side side_a,
		     enum listener_side side_b);
/* A predecessor that died between its commit and giving back what it took of
 * the rings left ports there that calls have: they are passed over. */
void media_adopt_ports(struct server *server);
/* The body that the other leg is shown for what this leg's peer sent.
 * 0, -ENOENT: no common codec, bad or unusable SDP (488); *ret_body lives in
 * a buffer of this module until the next call. */
int media_pass_offer(struct call *call, enum leg_side from, struct slice sdp,
		     struct slice *ret_body);
int media_pass_answer(struct call *call, enum leg_side from, struct slice sdp,
		      struct slice *ret_body);
/* An offer came to nothing: what was agreed before holds. */
void media_forget_offer(struct call *call, enum leg_side from);
/* Releases the ports, through the media worker. */
void media_end(struct call *call);
/* The media worker found a call's media dead, or a ring of ports refilled. */
void media_told(struct server *server, unsigned media_slot);

#endif
