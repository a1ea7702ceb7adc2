/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP as bytes (RFC 3550): what media workers, the simulator and the bench
 * share.
 */
#ifndef RTP_PACKET_H
#define RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEAD_LEN 12

struct rtp_view {
	uint8_t payload_type;
	bool is_marked;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	const uint8_t *payload;
	size_t payload_len;
};

/* 0 or -EINVAL (no version 2, too short, bad padding or extension). */
int rtp_parse(const uint8_t *packet, size_t len, struct rtp_view *ret_view);
/* Writes a 12-byte head; returns RTP_HEAD_LEN. */
size_t rtp_write_head(uint8_t *packet, const struct rtp_view *view);
/* RFC 5761 4: payload types 64-95 of a packet in the RTCP range. */
bool rtp_is_rtcp(const uint8_t *packet, size_t len);

/* Sequence and jitter figures of one source (RFC 3550 A.1, A.3, A.8). */
struct rtp_figures {
	bool is_started;
	uint32_t ssrc;
	uint32_t extended_seq, base_seq; /* extended: cycles << 16 | seq */
	uint32_t jump_seq; /* after a leap: what must follow it, + 1; 0 none */
	uint64_t received;
	uint32_t transit;
	uint32_t jitter_16; /* jitter * 16 in clock units */
};
void rtp_figures_take(struct rtp_figures *figures, const struct rtp_view *view,
		      uint64_t arrival_us, uint32_t clock_rate);
uint64_t rtp_figures_lost(const struct rtp_figures *figures);
uint32_t rtp_figures_jitter_us(const struct rtp_figures *figures,
			       uint32_t clock_rate);

#endif
