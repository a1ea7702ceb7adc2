/* SPDX-License-Identifier: Apache-2.0
 *
 * The timer wheel of the signalling and media workers: four wheels of 256
 * slots, of which each turns once while the next moves by one slot.
 *
 *   level 0: 1 ms a slot   level 1: 256 ms   level 2: 65 s   level 3: 4.6 h
 *
 * When the lower wheel comes round, the next slot of the upper one is dealt
 * out over it.  A deadline beyond level 3 (49 days) waits in its last slot and
 * is dealt again.
 * Trap: timer_cancel knows no wheel, so the bits that tell which slots hold
 * something may be set for an empty one, never clear for a full one.
 */
#include "base/wheel.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS	  4
#define SLOTS	  256u
#define SLOT_BITS 8
#define TICK_US	  1000u
#define NO_TICK	  UINT64_MAX

struct wheel {
	uint64_t tick;	  /* the next to be run, ms */
	struct timer due; /* head: reached, not yet taken out */
	uint64_t is_used[LEVELS][SLOTS / 64];
	struct timer slots[LEVELS][SLOTS]; /* heads */
};

/* ---- lists: circular, with a head --------------------------------------- */

static void list_init(struct timer *head)
{
	head->next = head->prev = head;
}

static bool list_is_empty(const struct timer *head)
{
	return head->next == head;
}

static void list_append(struct timer *head, struct timer *timer)
{
	timer->prev = head->prev;
	timer->next = head;
	head->prev->next = timer;
	head->prev = timer;
}

static void list_remove(struct timer *timer)
{
	timer->prev->next = timer->next;
	timer->next->prev = timer->prev;
	timer->next = timer->prev = NULL;
}

void timer_cancel(struct timer *timer)
{
	if (timer->next)
		list_remove(timer);
	timer->deadline_us = 0;
}

/* ---- slots -------------------------------------------------------------- */

static void mark_used(struct wheel *wheel, unsigned level, unsigned slot)
{
	wheel->is_used[level][slot / 64] |= 1ull << slot % 64;
}

static void mark_empty(struct wheel *wheel, unsigned level, unsigned slot)
{
	wheel->is_used[level][slot / 64] &= ~(1ull << slot % 64);
}

static bool is_level_empty(const struct wheel *wheel, unsigned level)
{
	const uint64_t *bits = wheel->is_used[level];

	return (bits[0] | bits[1] | bits[2] | bits[3]) == 0;
}

/* How many slots after `from` (0: itself) the next one that is marked stands;
 * SLOTS when there is none. */
static unsigned distance_to_used(const uint64_t *bits, unsigned from)
{
	for (unsigned i = 0; i <= SLOTS / 64; i++) {
		unsigned word = (from / 64 + i) % (SLOTS / 64);
		uint64_t mask = i == 0		  ? ~0ull << from % 64
				: i == SLOTS / 64 ? ~(~0ull << from % 64)
						  : ~0ull;

		if (bits[word] & mask) {
			unsigned slot = word * 64 + (unsigned)__builtin_ctzll(
							    bits[word] & mask);

			return (slot - from) % SLOTS;
		}
	}
	return SLOTS;
}

/* The first tick that is not before the deadline. */
static uint64_t tick_of(uint64_t deadline_us)
{
	return deadline_us / TICK_US + (deadline_us % TICK_US != 0);
}

static void place(struct wheel *wheel, struct timer *timer)
{
	uint64_t tick = tick_of(timer->deadline_us);
	uint64_t last = wheel->tick + (1ull << LEVELS * SLOT_BITS) - 1;
	unsigned level = 0, slot;

	if (tick < wheel->tick) {
		list_append(&wheel->due, timer);
		return;
	}
	if (tick > last)
		tick = last;
	while ((tick - wheel->tick) >> (level + 1) * SLOT_BITS)
		level++;
	slot = tick >> level * SLOT_BITS & (SLOTS - 1);
	list_append(&wheel->slots[level][slot], timer);
	mark_used(wheel, level, slot);
}

void wheel_set(struct wheel *wheel, struct timer *timer, uint64_t deadline_us)
{
	timer_cancel(timer);
	timer->deadline_us = deadline_us;
	if (deadline_us > 0)
		place(wheel, timer);
}

/* ---- turning ------------------------------------------------------------ */

/* Takes all timers of a slot out of it, into the list `head`. */
static void empty_slot(struct wheel *wheel, unsigned level, unsigned slot,
		       struct timer *head)
{
	struct timer *from = &wheel->slots[level][slot];

	list_init(head);
	mark_empty(wheel, level, slot);
	if (list_is_empty(from))
		return;
	head->next = from->next;
	head->prev = from->prev;
	head->next->prev = head->prev->next = head;
	list_init(from);
}

/* Deals the upper wheels' slots that begin at this tick. */
static void deal_upper(struct wheel *wheel)
{
	for (unsigned level = 1; level < LEVELS; level++) {
		unsigned shift = level * SLOT_BITS;
		struct timer dealt;

		if (wheel->tick & ((1ull << shift) - 1))
			return;
		empty_slot(wheel, level, wheel->tick >> shift & (SLOTS - 1),
			   &dealt);
		while (!list_is_empty(&dealt)) {
			struct timer *timer = dealt.next;

			list_remove(timer);
			place(wheel, timer);
		}
	}
}

/* Ticks from wheel->tick on in which nothing can happen: up to the next turn
 * of the lowest wheel that holds something. */
static uint64_t idle_until(const struct wheel *wheel)
{
	unsigned level = 0;
	uint64_t span;

	while (level < LEVELS - 1 && is_level_empty(wheel, level))
		level++;
	if (level == 0)
		return wheel->tick;
	span = 1ull << level * SLOT_BITS;
	return (wheel->tick + span - 1) / span * span;
}

/* Runs one tick, or skips idle ones, but not beyond `last`. */
static void run_tick(struct wheel *wheel, uint64_t last)
{
	uint64_t busy = idle_until(wheel);
	struct timer reached;

	if (busy > wheel->tick) {
		wheel->tick = busy <= last ? busy : last + 1;
		return;
	}
	deal_upper(wheel);
	empty_slot(wheel, 0, wheel->tick & (SLOTS - 1), &reached);
	while (!list_is_empty(&reached)) {
		struct timer *timer = reached.next;

		list_remove(timer);
		list_append(&wheel->due, timer);
	}
	wheel->tick++;
}

struct timer *wheel_expire(struct wheel *wheel, uint64_t now_us)
{
	uint64_t now = now_us / TICK_US;
	struct timer *timer;

	while (list_is_empty(&wheel->due) && wheel->tick <= now)
		run_tick(wheel, now);
	if (list_is_empty(&wheel->due))
		return NULL;
	timer = wheel->due.next;
	timer_cancel(timer);
	return timer;
}

/* The tick at which a level's next marked slot is reached or dealt. */
static uint64_t next_tick_of_level(const struct wheel *wheel, unsigned level)
{
	unsigned shift = level * SLOT_BITS;
	uint64_t span = 1ull << shift;
	/* a slot that has begun was dealt already: its mark is a turn ahead */
	uint64_t first = (wheel->tick + span - 1) >> shift;
	unsigned distance =
		distance_to_used(wheel->is_used[level], first & (SLOTS - 1));

	return distance == SLOTS ? NO_TICK : (first + distance) << shift;
}

uint64_t wheel_wait_us(const struct wheel *wheel, uint64_t now_us,
		       uint64_t max_us)
{
	uint64_t next = NO_TICK;

	if (!list_is_empty(&wheel->due))
		return 0;
	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t tick = next_tick_of_level(wheel, level);

		if (tick < next)
			next = tick;
	}
	if (next == NO_TICK)
		return max_us;
	if (next * TICK_US <= now_us)
		return 0;
	next = next * TICK_US - now_us;
	return next < max_us ? next : max_us;
}

/* ---- life --------------------------------------------------------------- */

struct wheel *wheel_new(uint64_t now_us)
{
	struct wheel *wheel = calloc(1, sizeof(*wheel));

	if (!wheel)
		return NULL;
	wheel->tick = now_us / TICK_US;
	list_init(&wheel->due);
	for (unsigned i = 0; i < LEVELS * SLOTS; i++)
		list_init(&wheel->slots[i / SLOTS][i % SLOTS]);
	return wheel;
}

/* Unlinks what is still set, so that its owners may cancel it later. */
struct wheel *wheel_free(struct wheel *wheel)
{
	if (!wheel)
		return NULL;
	while (!list_is_empty(&wheel->due))
		timer_cancel(wheel->due.next);
	for (unsigned i = 0; i < LEVELS * SLOTS; i++)
		while (!list_is_empty(&wheel->slots[i / SLOTS][i % SLOTS]))
			timer_cancel(wheel->slots[i / SLOTS][i % SLOTS].next);
	free(wheel);
	return NULL;
}
