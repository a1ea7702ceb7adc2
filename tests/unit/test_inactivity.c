/* SPDX-License-Identifier: Apache-2.0
 *
 * When a stream counts as dead (media/inactivity.c).
 */
#include "media/inactivity.h"

#include <criterion/criterion.h>

#define MS_US 1000ull
#define T0_US 1000000ull

/* Both sides known at T0, both ways, one second allowed. */
static struct stream talking(void)
{
	return (struct stream){
		.inactivity_ms = 1000,
		.quiet_since_us = T0_US,
		.flow = {MEDIA_TAKE | MEDIA_GIVE, MEDIA_TAKE | MEDIA_GIVE},
	};
}

Test(inactivity, a_stream_that_both_hear_lives)
{
	struct stream stream = talking();

	stream.way[LEG_A].heard_us = T0_US + 5000 * MS_US;
	stream.way[LEG_B].heard_us = T0_US + 5000 * MS_US;
	cr_expect_not(inactivity_is_over(&stream, T0_US + 5999 * MS_US));
}

Test(inactivity, one_silent_side_ends_it)
{
	struct stream stream = talking();

	stream.way[LEG_A].heard_us = T0_US + 5000 * MS_US;
	stream.way[LEG_B].heard_us = T0_US + 4000 * MS_US;
	cr_expect(inactivity_is_over(&stream, T0_US + 5000 * MS_US));
}

Test(inactivity, a_side_that_need_not_send_may_be_silent)
{
	struct stream stream = talking();

	stream.flow[LEG_B] = MEDIA_GIVE;
	stream.way[LEG_A].heard_us = T0_US + 5000 * MS_US;
	cr_expect_not(inactivity_is_over(&stream, T0_US + 5500 * MS_US));
	cr_expect(inactivity_is_over(&stream, T0_US + 6000 * MS_US));
}

Test(inactivity, the_time_counts_from_when_both_sides_are_known)
{
	struct stream stream = talking();

	cr_expect_not(inactivity_is_over(&stream, T0_US + 999 * MS_US));
	cr_expect(inactivity_is_over(&stream, T0_US + 1000 * MS_US));
	stream.quiet_since_us = 0;
	cr_expect_not(inactivity_is_over(&stream, T0_US + 9000 * MS_US));
}

Test(inactivity, zero_means_never)
{
	struct stream stream = talking();

	stream.inactivity_ms = 0;
	cr_expect_not(inactivity_is_over(&stream, T0_US + 900000 * MS_US));
}

Test(inactivity, on_hold_one_voice_is_enough)
{
	struct stream stream = talking();

	stream.is_held = true;
	stream.flow[LEG_A] = stream.flow[LEG_B] = 0;
	stream.way[LEG_A].heard_us = T0_US + 5000 * MS_US;
	cr_expect_not(inactivity_is_over(&stream, T0_US + 5500 * MS_US));
	cr_expect(inactivity_is_over(&stream, T0_US + 6000 * MS_US));
}
