/* SPDX-License-Identifier: Apache-2.0
 *
 * The E-model's score, against figures that can be worked out by hand from
 * G.107 and G.113.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "rtp/quality.h"

static double mos(uint64_t received, uint64_t lost, uint32_t jitter_us,
		  const char *codec)
{
	struct quality quality = {received, lost, jitter_us, codec};

	return quality_mos(&quality);
}

Test(quality, a_perfect_stream_scores_as_a_good_line)
{
	/* R = 93.2 - 0.024 * 20 = 92.72 */
	cr_assert(epsilon_eq(dbl, mos(1000, 0, 0, "PCMA"), 4.400, 0.002));
}

Test(quality, one_percent_of_loss_costs_what_g113_says)
{
	/* Ie,eff = 95 / (1 + 25.1) = 3.64; R = 89.08 */
	cr_assert(epsilon_eq(dbl, mos(990, 10, 0, "PCMU"), 4.316, 0.002));
}

Test(quality, a_codec_that_compresses_scores_lower)
{
	/* R = 92.72 - 11 = 81.72 */
	cr_assert(epsilon_eq(dbl, mos(1000, 0, 0, "G729"), 4.087, 0.002));
	cr_assert(eq(dbl, mos(1000, 0, 0, "unheard-of"),
		     mos(1000, 0, 0, "PCMA")));
}

Test(quality, jitter_is_delay_and_much_of_it_hurts_more)
{
	double none = mos(1000, 0, 0, "PCMA");
	double some = mos(1000, 0, 30000, "PCMA");
	double much = mos(1000, 0, 130000, "PCMA");

	cr_assert(gt(dbl, none, some));
	/* past 177 ms of delay each millisecond costs five times as much */
	cr_assert(gt(dbl, (some - much) / 100, (none - some) / 30 * 2));
}

Test(quality, the_score_stays_within_its_scale)
{
	cr_assert(eq(dbl, mos(0, 0, 0, "PCMA"), 0));
	cr_assert(le(dbl, mos(1, 1000000, 0, "PCMA"), 1.2));
	cr_assert(eq(dbl, mos(10, 0, UINT32_MAX, NULL), 1));
}
