/* SPDX-License-Identifier: Apache-2.0
 *
 * base/clock.c.
 */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

Test(clock, boot_time_goes_on_and_agrees_with_the_kernel)
{
	struct timespec now;
	uint64_t before = clock_boot_us(), kernel;

	clock_gettime(CLOCK_BOOTTIME, &now);
	kernel = (uint64_t)now.tv_sec * USEC_PER_SEC +
		 (uint64_t)now.tv_nsec / 1000;
	cr_assert_leq(before, kernel);
	cr_assert_lt(kernel - before, USEC_PER_SEC);
}

Test(clock, wall_time_is_printed_as_rfc_3339)
{
	char buf[32];

	cr_assert_str_eq(clock_wall_text(0, buf), "1970-01-01T00:00:00.000Z");
	cr_assert_str_eq(clock_wall_text(1709210096123999ull, buf),
			 "2024-02-29T12:34:56.123Z");
}

Test(clock, the_boot_id_is_a_uuid_and_stays)
{
	char id[37], again[37];

	cr_assert_eq(clock_boot_id(id), 0);
	cr_assert_eq(strlen(id), 36);
	cr_assert_eq(id[8], '-');
	cr_assert_eq(clock_boot_id(again), 0);
	cr_assert_str_eq(id, again);
}
