/* SPDX-License-Identifier: Apache-2.0
 *
 * See rtcp.h.  Called by relay.c.  RTCP flows whatever the direction of the
 * media is (RFC 3264 5.1: a stream on hold still has RTCP).
 */
#include "media/rtcp.h"

#include "media/figures.h"

void rtcp_pass(struct relay *relay, struct way *way,
	       const struct engine_packet *packet)
{
	way->heard_us = relay->now_us;
	figures_add(&way->row->rtcp_in, 1);
	if (addr_is_none(&way->back->rtcp.target))
		return;
	engine_send(relay->engine, &(struct engine_send){
					   .socket = way->out_socket + 1,
					   .len = packet->len,
					   .bytes = packet->bytes,
					   .to = &way->back->rtcp.target,
				   });
	figures_add(&way->back->row->rtcp_out, 1);
	relay->counts.rtcp++;
}
