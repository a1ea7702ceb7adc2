/* SPDX-License-Identifier: Apache-2.0
 *
 * rtp/packet.c: heads, and figures that stay sane.
 */
#include "rtp/packet.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RATE	 8000
#define FRAME_US 20000

Test(packet, a_written_head_is_read_back)
{
	struct rtp_view view = {.payload_type = 101,
				.is_marked = true,
				.sequence = 0xfedc,
				.timestamp = 0x89abcdef,
				.ssrc = 0x01020304},
			back;
	uint8_t packet[RTP_HEAD_LEN + 4] = {0};

	cr_assert_eq(rtp_write_head(packet, &view), RTP_HEAD_LEN);
	cr_assert_eq(rtp_parse(packet, sizeof(packet), &back), 0);
	cr_assert_eq(back.payload_type, 101);
	cr_assert(back.is_marked);
	cr_assert_eq(back.sequence, 0xfedc);
	cr_assert_eq(back.timestamp, 0x89abcdef);
	cr_assert_eq(back.ssrc, 0x01020304);
	cr_assert_eq(back.payload, packet + RTP_HEAD_LEN);
	cr_assert_eq(back.payload_len, 4);
}

Test(packet, csrcs_extension_and_padding_are_no_payload)
{
	/* P, X, two CSRCs; an extension of one word; payload "ab"; 3 bytes of
	 * padding */
	static const uint8_t packet[] = {
		0xb2, 0, 0, 1,	  0,	0, 0, 0, 0, 0, 0, 9,   1,   1, 1, 1, 2,
		2,    2, 2, 0xbe, 0xde, 0, 1, 7, 7, 7, 7, 'a', 'b', 0, 0, 3,
	};
	struct rtp_view view;

	cr_assert_eq(rtp_parse(packet, sizeof(packet), &view), 0);
	cr_assert_eq(view.payload_len, 2);
	cr_assert_eq(memcmp(view.payload, "ab", 2), 0);
	for (size_t n = 0; n < 28; n++)
		cr_expect_eq(rtp_parse(packet, n, &view), -EINVAL, "%zu", n);
}

static int parse_with(size_t len, size_t at, uint8_t first, uint8_t value)
{
	uint8_t packet[32] = {0x80};
	struct rtp_view view;

	packet[0] = first;
	packet[at] = value;
	return rtp_parse(packet, len, &view);
}

Test(packet, what_is_no_rtp_is_refused)
{
	cr_assert_eq(parse_with(12, 1, 0x80, 0), 0);
	cr_assert_eq(parse_with(12, 1, 0x00, 0), -EINVAL); /* version 0: STUN */
	cr_assert_eq(parse_with(12, 1, 0xc0, 0), -EINVAL);
	cr_assert_eq(parse_with(12, 1, 0x81, 0), -EINVAL); /* no CSRC there */
	cr_assert_eq(parse_with(15, 1, 0x90, 0), -EINVAL); /* no extension */
	cr_assert_eq(parse_with(16, 15, 0x90, 0), 0);
	cr_assert_eq(parse_with(16, 15, 0x90, 1), -EINVAL); /* longer than is */
	cr_assert_eq(parse_with(14, 13, 0xa0, 0), -EINVAL); /* padding of 0 */
	cr_assert_eq(parse_with(14, 13, 0xa0, 2), 0);
	cr_assert_eq(parse_with(14, 13, 0xa0, 3), -EINVAL);
}

Test(packet, no_bytes_make_the_parser_read_beyond_them)
{
	srand(4);
	for (unsigned round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % 40;
		uint8_t *packet = malloc(len ? len : 1); /* ASan sees the end */
		struct rtp_view view;

		for (size_t i = 0; i < len; i++)
			packet[i] = (uint8_t)rand();
		if (len > 0)
			packet[0] = (uint8_t)(0x80 | (packet[0] & 0x3f));
		if (rtp_parse(packet, len, &view) == 0)
			cr_assert(view.payload >= packet + RTP_HEAD_LEN &&
				  view.payload + view.payload_len <=
					  packet + len);
		free(packet);
	}
}

Test(packet, rtcp_is_told_by_its_types)
{
	static const struct {
		uint8_t second;
		bool is_rtcp;
	} rows[] = {{0, false},	  {8, false},  {0x80 | 8, false}, {191, false},
		    {192, true},  {200, true}, {207, true},	  {223, true},
		    {224, false}, {72, true},  {101, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t packet[] = {0x80, rows[i].second};

		cr_expect_eq(rtp_is_rtcp(packet, 2), rows[i].is_rtcp, "%u",
			     rows[i].second);
	}
	cr_assert_not(rtp_is_rtcp((const uint8_t[]){0x80, 200}, 1));
	cr_assert_not(rtp_is_rtcp((const uint8_t[]){0x00, 200}, 2));
}

/* The packet that a source which keeps time sends as its n-th. */
static void take(struct rtp_figures *figures, uint32_t n, uint64_t late_us)
{
	struct rtp_view view = {
		.sequence = (uint16_t)n, .timestamp = n * 160, .ssrc = 77};

	rtp_figures_take(figures, &view,
			 1000000000 + (uint64_t)n * FRAME_US + late_us, RATE);
}

Test(packet, an_even_stream_loses_nothing_and_has_no_jitter)
{
	struct rtp_figures figures = {0};

	for (uint32_t n = 65000; n < 65000 + 70000; n++)
		take(&figures, n, 0);
	cr_assert_eq(figures.received, 70000);
	cr_assert_eq(rtp_figures_lost(&figures), 0);
	cr_assert_eq(rtp_figures_jitter_us(&figures, RATE), 0);
}

Test(packet, missing_packets_are_counted_across_the_wrap)
{
	struct rtp_figures figures = {0};

	for (uint32_t n = 65530; n < 65630; n++)
		if (n % 10 != 6)
			take(&figures, n, 0);
	cr_assert_eq(rtp_figures_lost(&figures), 10);
}

Test(packet, a_late_packet_is_not_lost)
{
	struct rtp_figures figures = {0};

	take(&figures, 1, 0);
	take(&figures, 3, 0);
	cr_assert_eq(rtp_figures_lost(&figures), 1);
	take(&figures, 2, FRAME_US);
	cr_assert_eq(rtp_figures_lost(&figures), 0);
}

Test(packet, duplicates_do_not_make_losses_negative)
{
	struct rtp_figures figures = {0};

	for (unsigned i = 0; i < 10; i++)
		take(&figures, 5, 0);
	cr_assert_eq(rtp_figures_lost(&figures), 0);
}

Test(packet, one_stray_packet_changes_nothing)
{
	struct rtp_figures figures = {0};

	take(&figures, 100, 0);
	take(&figures, 30000, 0);
	take(&figures, 101, 0);
	cr_assert_eq(figures.received, 2);
	cr_assert_eq(rtp_figures_lost(&figures), 0);
}

Test(packet, two_in_a_row_are_a_new_beginning_and_old_losses_stay)
{
	struct rtp_figures figures = {0};

	take(&figures, 100, 0);
	take(&figures, 103, 0);
	take(&figures, 30000, 0);
	take(&figures, 30001, 0);
	cr_assert_eq(rtp_figures_lost(&figures), 2);
	take(&figures, 30003, 0);
	cr_assert_eq(rtp_figures_lost(&figures), 3);
}

Test(packet, a_new_beginning_is_seen_at_the_end_of_the_numbers_too)
{
	struct rtp_figures figures = {0};

	take(&figures, 100, 0);
	take(&figures, 65535 - 30000, 0);
	take(&figures, 65535 - 30000 + 1, 0);
	take(&figures, 65535, 0);
	take(&figures, 65536, 0);
	cr_assert_eq(figures.extended_seq & 0xffff, 0);
}

Test(packet, another_source_starts_at_zero)
{
	struct rtp_figures figures = {0};
	struct rtp_view other = {.sequence = 9, .ssrc = 78};

	take(&figures, 1, 0);
	take(&figures, 9, 0);
	rtp_figures_take(&figures, &other, 2000000000, RATE);
	cr_assert_eq(figures.ssrc, 78);
	cr_assert_eq(rtp_figures_lost(&figures), 0);
	cr_assert_eq(rtp_figures_jitter_us(&figures, RATE), 0);
}

Test(packet, jitter_settles_at_the_mean_step_of_the_delay)
{
	struct rtp_figures figures = {0};

	for (uint32_t n = 1; n < 500; n++)
		take(&figures, n, n % 2 ? 5000 : 0);
	cr_assert_float_eq((double)rtp_figures_jitter_us(&figures, RATE), 5000,
			   100);
}

Test(packet, made_up_timestamps_do_not_run_jitter_away)
{
	struct rtp_figures figures = {0};

	srand(6);
	for (uint32_t n = 1; n < 5000; n++) {
		struct rtp_view view = {
			.sequence = (uint16_t)n,
			.timestamp = (uint32_t)rand() << 1,
			.ssrc = 77,
		};

		rtp_figures_take(&figures, &view, 1000000000, RATE);
		cr_assert_leq(rtp_figures_jitter_us(&figures, RATE), 3100000);
	}
	cr_assert_eq(rtp_figures_jitter_us(&figures, 0), 0);
}
