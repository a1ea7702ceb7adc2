/* SPDX-License-Identifier: Apache-2.0
 *
 * base/wheel.c: no timer early, none late by more than a tick, none lost.
 */
#include "base/wheel.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define START_US 123456789012ull
#define TICK_US	 1000

static struct wheel *wheel;

static void setup(void)
{
	wheel = wheel_new(START_US);
}

static void teardown(void)
{
	wheel = wheel_free(wheel);
}

TestSuite(wheel, .init = setup, .fini = teardown);

Test(wheel, a_timer_expires_at_its_deadline_and_not_before)
{
	struct timer timer = {.kind = 3};

	wheel_set(wheel, &timer, START_US + 5000);
	cr_assert_null(wheel_expire(wheel, START_US + 4999));
	cr_assert_eq(wheel_expire(wheel, START_US + 5000 + TICK_US), &timer);
	cr_assert_eq(timer.kind, 3);
	cr_assert_eq(timer.deadline_us, 0);
	cr_assert_null(wheel_expire(wheel, START_US + 10000));
}

Test(wheel, each_level_keeps_its_time)
{
	static const uint64_t waits[] = {
		1,
		999,
		1000,
		255000,
		256000,
		257000,
		65535000,
		65536000,
		65537000,
		16777215000,
		16777216000,
		16777217000,
		4294967295000,
		4294967296000,
		9000000000000,
	};

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct wheel *fresh = wheel_new(START_US);
		struct timer timer = {0};
		uint64_t deadline = START_US + waits[i];

		wheel_set(fresh, &timer, deadline);
		cr_expect_null(wheel_expire(fresh, deadline - 1));
		cr_expect_eq(wheel_expire(fresh, deadline + TICK_US), &timer,
			     "%llu", (unsigned long long)waits[i]);
		wheel_free(fresh);
	}
}

Test(wheel, a_deadline_that_has_passed_expires_at_once)
{
	struct timer timer = {0};

	cr_assert_null(wheel_expire(wheel, START_US + 1000000));
	wheel_set(wheel, &timer, START_US + 10);
	cr_assert_eq(wheel_wait_us(wheel, START_US + 1000000, 99), 0);
	cr_assert_eq(wheel_expire(wheel, START_US + 1000000), &timer);
}

Test(wheel, a_cancelled_timer_does_not_expire)
{
	struct timer a = {0}, b = {0};

	wheel_set(wheel, &a, START_US + 1000);
	wheel_set(wheel, &b, START_US + 1000);
	timer_cancel(&a);
	timer_cancel(&a);
	cr_assert_eq(wheel_expire(wheel, START_US + 5000), &b);
	cr_assert_null(wheel_expire(wheel, START_US + 5000));
}

Test(wheel, a_moved_timer_expires_once_and_later)
{
	struct timer timer = {0};

	wheel_set(wheel, &timer, START_US + 1000);
	wheel_set(wheel, &timer, START_US + 900000);
	cr_assert_null(wheel_expire(wheel, START_US + 899999));
	cr_assert_eq(wheel_expire(wheel, START_US + 901000), &timer);
	cr_assert_null(wheel_expire(wheel, START_US + 9000000));
}

Test(wheel, a_deadline_of_zero_takes_the_timer_out)
{
	struct timer timer = {0};

	wheel_set(wheel, &timer, START_US + 1000);
	wheel_set(wheel, &timer, 0);
	cr_assert_null(timer.next);
	cr_assert_null(wheel_expire(wheel, START_US + 9000000));
}

Test(wheel, one_timer_may_cancel_another_that_is_due_too)
{
	struct timer a = {0}, b = {0};

	wheel_set(wheel, &a, START_US + 1000);
	wheel_set(wheel, &b, START_US + 1000);
	cr_assert_eq(wheel_expire(wheel, START_US + 5000), &a);
	timer_cancel(&b);
	cr_assert_null(wheel_expire(wheel, START_US + 5000));
}

Test(wheel, an_empty_wheel_waits_as_long_as_it_may)
{
	cr_assert_eq(wheel_wait_us(wheel, START_US, 12345), 12345);
	cr_assert_eq(wheel_wait_us(wheel, START_US, 0), 0);
}

Test(wheel, freeing_the_wheel_lets_go_of_its_timers)
{
	struct wheel *other = wheel_new(START_US);
	struct timer near = {0}, far = {0};

	wheel_set(other, &near, START_US + 1);
	wheel_set(other, &far, START_US + 99000000);
	cr_assert_null(wheel_free(other));
	cr_assert_null(near.next);
	timer_cancel(&far);
	cr_assert_null(wheel_free(NULL));
}

#define MANY 3000

static uint64_t random_wait(void)
{
	return ((uint64_t)rand() << 16 ^ (uint64_t)rand()) %
	       (1ull << (rand() % 34 + 6));
}

static uint64_t earliest(const struct timer *timers)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < MANY; i++)
		if (timers[i].next && timers[i].deadline_us < least)
			least = timers[i].deadline_us;
	return least;
}

/* Sleeps as long as the wheel says and takes what expires; returns how many.
 */
static unsigned take_next(const struct timer *timers, const uint64_t *deadlines,
			  uint64_t *now)
{
	uint64_t next = earliest(timers);
	uint64_t wait = wheel_wait_us(wheel, *now, UINT64_MAX / 4);
	struct timer *timer;
	unsigned n = 0;

	cr_assert(*now + wait < next + TICK_US, "slept too long");
	*now += wait + 1;
	while ((timer = wheel_expire(wheel, *now))) {
		cr_assert_leq(deadlines[timer - timers], *now, "too early");
		n++;
	}
	if (earliest(timers) != UINT64_MAX)
		cr_assert(earliest(timers) + TICK_US > *now, "too late");
	return n;
}

Test(wheel, thousands_of_timers_expire_in_time_when_slept_as_told)
{
	static struct timer timers[MANY];
	static uint64_t deadlines[MANY];
	uint64_t now = START_US;
	unsigned left = MANY;

	srand(20);
	for (unsigned i = 0; i < MANY; i++) {
		deadlines[i] = now + random_wait();
		wheel_set(wheel, &timers[i], deadlines[i]);
	}
	while (left > 0)
		left -= take_next(timers, deadlines, &now);
	cr_assert_null(wheel_expire(wheel, now + (1ull << 45)));
}
