/* SPDX-License-Identifier: Apache-2.0
 *
 * RTCP through the media worker: passed from side to side unchanged (the two
 * legs share SSRC and sequence, since RTP is relayed), and counted.
 */
#ifndef MEDIA_RTCP_H
#define MEDIA_RTCP_H

#include "media/relay.h"

/* A well-formed RTCP packet that was let in: hears its side, and sends it on to
 * the other side's RTCP address if there is one. */
void rtcp_pass(struct relay *relay, struct way *way,
	       const struct engine_packet *packet);

#endif
