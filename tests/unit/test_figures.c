/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stream row shows of a side (media/figures.c).
 */
#include "media/figures.h"

#include <criterion/criterion.h>

static void takes(struct way *way, uint32_t ssrc, uint16_t sequence)
{
	struct rtp_view view = {
		.sequence = sequence,
		.timestamp = sequence * 160u,
		.ssrc = ssrc,
	};

	figures_take(way, &view, 172, sequence * 20000ull);
}

static struct way counting(struct stream_side_row *row)
{
	return (struct way){.row = row, .clock_rate = 8000};
}

Test(figures, packets_bytes_and_losses_are_shown)
{
	struct stream_side_row row = {0};
	struct way way = counting(&row);

	takes(&way, 7, 100);
	takes(&way, 7, 101);
	takes(&way, 7, 104);
	cr_expect_eq(row.packets_in, 3);
	cr_expect_eq(row.bytes_in, 3 * 172);
	cr_expect_eq(row.lost, 2);
	cr_expect_eq(row.ssrc, 7);
	cr_expect_eq(row.last_packet_us, 104 * 20000);
}

Test(figures, a_new_source_keeps_the_losses_of_the_old_one)
{
	struct stream_side_row row = {0};
	struct way way = counting(&row);

	takes(&way, 7, 100);
	takes(&way, 7, 103);
	takes(&way, 8, 5000);
	takes(&way, 8, 5002);
	cr_expect_eq(row.lost, 3);
	cr_expect_eq(row.packets_in, 4);
	cr_expect_eq(row.ssrc, 8);
}

Test(figures, a_successor_goes_on_and_calls_nothing_lost_that_it_missed)
{
	struct stream_side_row row = {0};
	struct way way = counting(&row), heir = counting(&row);

	takes(&way, 7, 100);
	takes(&way, 7, 102);
	figures_restore(&heir);
	takes(&heir, 7, 110);
	takes(&heir, 7, 111);
	cr_expect_eq(row.packets_in, 4);
	cr_expect_eq(row.lost, 1);
}
