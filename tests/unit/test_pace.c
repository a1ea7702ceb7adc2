/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the media worker waits (media/pace.c).
 */
#include "media/pace.h"

#include <criterion/criterion.h>

#include "media/engine.h"

#define IDLE_US 50000

/* Packets come at this rate for a tenth of a second. */
static struct engine_wait wait_at(unsigned packets_per_ms, unsigned *ret_dense)
{
	struct pace pace = {0};
	uint64_t now_us = 1000000;

	for (unsigned ms = 0; ms < 100; ms++)
		pace_count(&pace, packets_per_ms, now_us += 1000);
	*ret_dense = pace.is_dense;
	return pace_wait(&pace, IDLE_US);
}

Test(pace, a_single_packet_is_waited_for_while_traffic_is_sparse)
{
	unsigned is_dense;
	struct engine_wait wait = wait_at(1, &is_dense);

	cr_expect_not(is_dense);
	cr_expect_eq(wait.min_packets, 1);
	cr_expect_eq(wait.wait_us, IDLE_US);
}

Test(pace, dense_traffic_is_gathered_for_a_millisecond)
{
	unsigned is_dense;
	struct engine_wait wait = wait_at(80, &is_dense);

	cr_expect(is_dense);
	cr_expect_gt(wait.min_packets, 1);
	cr_expect_eq(wait.wait_us, PACE_GATHER_US);
}

Test(pace, gathering_ends_when_traffic_does)
{
	struct pace pace = {0};
	uint64_t now_us = 1000000;

	for (unsigned ms = 0; ms < 20; ms++)
		pace_count(&pace, 80, now_us += 1000);
	cr_assert(pace.is_dense);
	for (unsigned ms = 0; ms < 20; ms++)
		pace_count(&pace, 0, now_us += 1000);
	cr_expect_not(pace.is_dense);
}
