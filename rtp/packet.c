/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP heads and a source's figures (RFC 3550), for the media workers, the
 * simulator and the bench.  Pure.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |                             SSRC                              |
 *   |                       CC times a CSRC                         |
 *   |  with X: profile's word, length in words, the extension       |
 *   |  payload; with P: padding, its last byte is its length        |
 *
 * Trap: everything in a packet is the peer's word; figures must stay sane
 * whatever sequence numbers and timestamps it makes up.
 */
#include "rtp/packet.h"

#include <errno.h>
#include <stdlib.h>

#define RTP_VERSION  2
#define MAX_DROPOUT  3000 /* RFC 3550 A.1: a bigger step is a new beginning */
#define MAX_MISORDER 100
#define SEQ_MOD	     0x10000u
/* A timestamp that leaps by more than this is a new talk spurt's clock, not a
 * packet that came so late. */
#define MAX_TRANSIT_STEP_S 3

static uint16_t read_16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_32(const uint8_t *at)
{
	return (uint32_t)read_16(at) << 16 | read_16(at + 2);
}

static void write_16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write_32(uint8_t *at, uint32_t value)
{
	write_16(at, (uint16_t)(value >> 16));
	write_16(at + 2, (uint16_t)value);
}

/* Where the payload begins; 0 when the packet is too short for its head. */
static size_t head_len(const uint8_t *packet, size_t len)
{
	size_t head = RTP_HEAD_LEN + (packet[0] & 15u) * 4;

	if (head > len)
		return 0;
	if (!(packet[0] & 0x10))
		return head;
	if (head + 4 > len)
		return 0;
	head += 4 + read_16(packet + head + 2) * 4u;
	return head <= len ? head : 0;
}

/* Bytes of padding; more than there is room for when it is bad. */
static size_t padding_len(const uint8_t *packet, size_t len)
{
	if (!(packet[0] & 0x20))
		return 0;
	return packet[len - 1] ? packet[len - 1] : len + 1;
}

int rtp_parse(const uint8_t *packet, size_t len, struct rtp_view *ret_view)
{
	size_t head, padding;

	if (len < RTP_HEAD_LEN || packet[0] >> 6 != RTP_VERSION)
		return -EINVAL;
	head = head_len(packet, len);
	padding = padding_len(packet, len);
	if (head == 0 || padding > len - head)
		return -EINVAL;
	*ret_view = (struct rtp_view){
		.payload_type = packet[1] & 0x7f,
		.is_marked = packet[1] & 0x80,
		.sequence = read_16(packet + 2),
		.timestamp = read_32(packet + 4),
		.ssrc = read_32(packet + 8),
		.payload = packet + head,
		.payload_len = len - head - padding,
	};
	return 0;
}

size_t rtp_write_head(uint8_t *packet, const struct rtp_view *view)
{
	packet[0] = RTP_VERSION << 6;
	packet[1] = (uint8_t)((view->is_marked ? 0x80 : 0) |
			      (view->payload_type & 0x7f));
	write_16(packet + 2, view->sequence);
	write_32(packet + 4, view->timestamp);
	write_32(packet + 8, view->ssrc);
	return RTP_HEAD_LEN;
}

bool rtp_is_rtcp(const uint8_t *packet, size_t len)
{
	unsigned type;

	if (len < 2 || packet[0] >> 6 != RTP_VERSION)
		return false;
	type = packet[1] & 0x7f;
	return type >= 64 && type <= 95;
}

/* ---- figures ------------------------------------------------------------ */

static void start(struct rtp_figures *figures, const struct rtp_view *view)
{
	*figures = (struct rtp_figures){
		.is_started = true,
		.ssrc = view->ssrc,
		.extended_seq = view->sequence,
		.base_seq = view->sequence,
		.received = 1,
	};
}

/* The source counts from somewhere else now.  What was lost before stays lost:
 * the base is laid so that expected - received does not change. */
static void start_sequence_again(struct rtp_figures *figures, uint16_t sequence)
{
	uint32_t lost = (uint32_t)rtp_figures_lost(figures);

	figures->received++;
	figures->extended_seq =
		(figures->extended_seq & ~(SEQ_MOD - 1)) + SEQ_MOD + sequence;
	figures->base_seq =
		figures->extended_seq + 1 - lost - (uint32_t)figures->received;
	figures->jump_seq = 0;
}

/* RFC 3550 A.1.  One packet far off is a stray; two in a row are a source that
 * began again. */
static void take_sequence(struct rtp_figures *figures, uint16_t sequence)
{
	uint16_t step = (uint16_t)(sequence - figures->extended_seq);

	if (step >= MAX_DROPOUT && step <= SEQ_MOD - MAX_MISORDER) {
		if (figures->jump_seq == sequence + 1u)
			start_sequence_again(figures, sequence);
		else
			figures->jump_seq = (sequence + 1u) % SEQ_MOD + 1;
		return;
	}
	if (step < MAX_DROPOUT)
		figures->extended_seq += step;
	figures->received++;
	figures->jump_seq = 0;
}

/* RFC 3550 A.8, scaled by 16 as there. */
static void take_transit(struct rtp_figures *figures, uint32_t transit,
			 uint32_t clock_rate)
{
	int32_t difference = (int32_t)(transit - figures->transit);
	uint32_t step = difference < 0 ? 0u - (uint32_t)difference
				       : (uint32_t)difference;

	figures->transit = transit;
	if (step > (uint64_t)clock_rate * MAX_TRANSIT_STEP_S)
		return;
	figures->jitter_16 += step - ((figures->jitter_16 + 8) >> 4);
}

void rtp_figures_take(struct rtp_figures *figures, const struct rtp_view *view,
		      uint64_t arrival_us, uint32_t clock_rate)
{
	uint32_t transit =
		(uint32_t)(arrival_us * clock_rate / 1000000) - view->timestamp;

	if (!figures->is_started || figures->ssrc != view->ssrc) {
		start(figures, view);
		figures->transit = transit;
		return;
	}
	take_sequence(figures, view->sequence);
	take_transit(figures, transit, clock_rate);
}

uint64_t rtp_figures_lost(const struct rtp_figures *figures)
{
	uint32_t expected = figures->extended_seq - figures->base_seq + 1;

	if (!figures->is_started || figures->received >= expected)
		return 0; /* duplicates may exceed what was lost */
	return expected - figures->received;
}

uint32_t rtp_figures_jitter_us(const struct rtp_figures *figures,
			       uint32_t clock_rate)
{
	if (clock_rate == 0)
		return 0;
	return (uint32_t)((uint64_t)figures->jitter_16 * 1000000 / 16 /
			  clock_rate);
}
