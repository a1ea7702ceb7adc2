/* SPDX-License-Identifier: Apache-2.0
 *
 * A hierarchical timer wheel of 1 ms ticks for the workers' hundreds of
 * thousands of transaction and call timers.  A timer is embedded in its owner
 * and points back to nothing: what expires finds its object by container.
 * Adding, moving and removing are O(1).
 */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
	struct timer *next, *prev; /* NULL when not set */
	uint64_t deadline_us;	   /* CLOCK_BOOTTIME; 0 when not set */
	uint8_t kind;		   /* the owner's word for what it is */
};

struct wheel;

struct wheel *wheel_new(uint64_t now_us);
struct wheel *wheel_free(struct wheel *wheel);
/* Sets or moves.  A deadline in the past expires at the next wheel_expire. */
void wheel_set(struct wheel *wheel, struct timer *timer, uint64_t deadline_us);
/* Unlinks; harmless when not set. */
void timer_cancel(struct timer *timer);
/* Takes out one timer whose deadline is reached, unlinked, or NULL: call until
 * NULL.  Never returns a timer before its deadline. */
struct timer *wheel_expire(struct wheel *wheel, uint64_t now_us);
/* Microseconds until something may expire, at most max_us (0 = now).  May be
 * earlier than the true next deadline, never later by more than one tick. */
uint64_t wheel_wait_us(const struct wheel *wheel, uint64_t now_us,
		       uint64_t max_us);

#endif
