/* SPDX-License-Identifier: Apache-2.0
 *
 * A way: what comes from one side of a stream and leaves by the other.  It
 * holds all that a packet's relay needs, so that a packet touches one object;
 * made by stream.c from a wish, used by relay.c and rtcp.c.
 * Trap: the engine sends from `back`'s target after the relay has returned, so
 * a stream changes between turns only.
 */
#ifndef MEDIA_WAY_H
#define MEDIA_WAY_H

#include "media/engine.h"
#include "media/payload.h"
#include "media/source.h"
#include "rtp/packet.h"
#include "shm/board.h"

struct relay;
struct way;

/* What is done to a packet between its check and its sending.  Chosen once per
 * wish from the table in relay.c. */
typedef void way_step(struct relay *relay, struct way *way,
		      const struct engine_packet *packet);

/* How media looks on the wire of one side: rows and columns of that table. */
enum media_form {
	FORM_RTP,
	N_FORMS
};

struct way {
	struct source rtp, rtcp; /* of the peer it comes from */
	way_step *step;
	struct way *back;     /* the other direction of the stream */
	uint32_t out_socket;  /* RTP; RTCP leaves by out_socket + 1 */
	uint32_t clock_rate;  /* of the codec, Hz */
	bool is_relayed;      /* we take from here and give there */
	uint64_t heard_us;    /* last good RTP or RTCP; CLOCK_BOOTTIME */
	uint64_t lost_before; /* of former sources (SSRC) of this side */
	struct rtp_figures figures;
	struct stream_side_row *row; /* on the stream board */
	struct payload_table payloads;
};

#endif
