/* SPDX-License-Identifier: Apache-2.0
 *
 * master/supervise.c: the table of a slot's life, and the rule of deaths.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/clock.h"
#include "master/supervise.h"

#define ALL_ACTS                                                               \
	(ACT_SPAWN | ACT_KILL | ACT_JOIN | ACT_BACK_OFF | ACT_REST |           \
	 ACT_QUIT | ACT_BEQUEATH | ACT_LEAVE)

/* Whether a process exists in a life: what the table must never get wrong. */
static const bool has_process[N_LIVES] = {
	[LIFE_STARTING] = true, [LIFE_UP] = true,	[LIFE_LEAVING] = true,
	[LIFE_TRIAL] = true,	[LIFE_CHANGING] = true,
};

Test(supervise, a_life_follows_the_events_it_is_fed)
{
	static const struct {
		enum life_event event;
		enum life next;
	} story[] = {
		{EVENT_ADD, LIFE_STARTING},   {EVENT_READY, LIFE_UP},
		{EVENT_DIED, LIFE_DEAD},      {EVENT_DUE, LIFE_STARTING},
		{EVENT_HUNG, LIFE_STARTING},  {EVENT_DIED, LIFE_DEAD},
		{EVENT_DUE, LIFE_STARTING},   {EVENT_LOOPED, LIFE_DOWN},
		{EVENT_DUE, LIFE_TRIAL},      {EVENT_DIED, LIFE_DOWN},
		{EVENT_DUE, LIFE_TRIAL},      {EVENT_READY, LIFE_UP},
		{EVENT_RETIRE, LIFE_LEAVING}, {EVENT_ADD, LIFE_LEAVING},
		{EVENT_DIED, LIFE_GONE},      {EVENT_ADD, LIFE_STARTING},
	};
	enum life life = LIFE_GONE;

	for (unsigned i = 0; i < sizeof(story) / sizeof(story[0]); i++) {
		life = life_step(life, story[i].event).next;
		cr_expect(eq(int, life, story[i].next), "step %u", i);
	}
}

Test(supervise, a_process_is_started_exactly_where_there_was_none)
{
	for (int life = 0; life < N_LIVES; life++) {
		for (int event = 0; event < N_LIFE_EVENTS; event++) {
			struct life_row row = life_step(life, event);
			bool is_new = !has_process[life] &&
				      has_process[row.next] &&
				      event != EVENT_KEPT; /* it has one */

			is_new |= life == LIFE_CHANGING &&
				  row.next == LIFE_STARTING;

			cr_expect(
				eq(int, (row.actions & ACT_SPAWN) != 0, is_new),
				"%s %s", life_names[life],
				life_event_names[event]);
		}
	}
}

Test(supervise, a_process_is_left_only_by_its_death)
{
	for (int life = 0; life < N_LIVES; life++) {
		for (int event = 0; event < N_LIFE_EVENTS; event++) {
			struct life_row row = life_step(life, event);
			bool is_death =
				event == EVENT_DIED || event == EVENT_LOOPED;

			if (life == LIFE_CHANGING && is_death)
				continue; /* another one is there at once */
			if (!has_process[life])
				continue;
			cr_expect(eq(int, has_process[row.next], !is_death),
				  "%s %s", life_names[life],
				  life_event_names[event]);
		}
	}
}

Test(supervise, whoever_waits_without_a_process_has_a_deadline_or_an_heir)
{
	for (int life = 0; life < N_LIVES; life++) {
		for (int event = 0; event < N_LIFE_EVENTS; event++) {
			struct life_row row = life_step(life, event);

			if (!has_process[life] || has_process[row.next])
				continue;
			cr_expect(
				ne(uint,
				   row.actions & (ACT_BACK_OFF | ACT_BEQUEATH),
				   0));
			cr_expect(eq(int, row.next == LIFE_DOWN,
				     (row.actions & ACT_REST) != 0));
		}
	}
}

Test(supervise, a_slot_that_takes_calls_quits_before_it_is_given_up)
{
	cr_expect(ne(uint, life_step(LIFE_UP, EVENT_RETIRE).actions & ACT_QUIT,
		     0));
	cr_expect(ne(uint,
		     life_step(LIFE_DEAD, EVENT_RETIRE).actions & ACT_QUIT, 0));
	cr_expect(ne(uint, life_step(LIFE_UP, EVENT_LOOPED).actions & ACT_QUIT,
		     0));
}

Test(supervise, no_cell_holds_an_unknown_action)
{
	for (int life = 0; life < N_LIVES; life++)
		for (int event = 0; event < N_LIFE_EVENTS; event++)
			cr_expect(zero(int, life_step(life, event).actions &
						    ~ALL_ACTS));
}

Test(supervise, a_drained_slot_shows_as_draining_only_while_it_is_up)
{
	cr_expect(eq(int, life_shown(LIFE_UP, true), SLOT_DRAINING));
	cr_expect(eq(int, life_shown(LIFE_UP, false), SLOT_UP));
	cr_expect(eq(int, life_shown(LIFE_DOWN, true), SLOT_DOWN));
	cr_expect(eq(int, life_shown(LIFE_STARTING, true), SLOT_STARTING));
	cr_expect(eq(int, life_shown(LIFE_LEAVING, false), SLOT_DRAINING));
}

/* ---- deaths -------------------------------------------------------------- */

Test(deaths, the_back_off_doubles_from_10_ms_to_1_s)
{
	static const unsigned expected_ms[] = {10,  20,	 40,   80,  160,
					       320, 640, 1000, 1000};
	struct deaths deaths = {0};
	uint64_t now = USEC_PER_SEC, wait;

	for (unsigned i = 0; i < 9; i++) {
		now += 5 * USEC_PER_SEC; /* too slow to be a loop */
		cr_expect(eq(int, deaths_note(&deaths, now - 1, now, &wait),
			     EVENT_DIED));
		cr_expect(eq(u64, wait, expected_ms[i] * USEC_PER_MSEC));
	}
}

Test(deaths, a_long_life_forgives_the_back_off)
{
	struct deaths deaths = {0};
	uint64_t wait = 0;

	for (unsigned i = 0; i < 5; i++)
		deaths_note(&deaths, 0, 1, &wait);
	cr_expect(eq(u64, wait, 160 * USEC_PER_MSEC));
	deaths_note(&deaths, 0, 9 * USEC_PER_SEC, &wait);
	deaths_note(&deaths, 0, 1, &wait);
	cr_expect(eq(u64, wait, 320 * USEC_PER_MSEC));
	deaths_note(&deaths, 0, 10 * USEC_PER_SEC, &wait);
	deaths_note(&deaths, 0, 1, &wait);
	cr_expect(eq(u64, wait, 10 * USEC_PER_MSEC));
}

Test(deaths, who_lived_for_a_second_is_replaced_at_once)
{
	struct deaths deaths = {0};
	uint64_t wait = 1;

	for (unsigned i = 0; i < 20; i++) {
		cr_expect(eq(int, deaths_note(&deaths, 0, USEC_PER_SEC, &wait),
			     EVENT_DIED));
		cr_expect(eq(u64, wait, 0));
	}
}

/* n deaths, `apart` apart, each after a life of `lived`. */
static enum life_event die(struct deaths *deaths, unsigned n, uint64_t apart_us,
			   uint64_t lived_us)
{
	enum life_event event = EVENT_DIED;
	uint64_t now = 100 * USEC_PER_SEC, wait;

	while (n-- > 0) {
		now += apart_us;
		event = deaths_note(deaths, now - lived_us, now, &wait);
		if (n > 0)
			cr_expect(eq(int, event, EVENT_DIED));
	}
	return event;
}

Test(deaths, ten_short_lives_within_ten_seconds_are_a_crash_loop)
{
	struct deaths deaths = {0};

	cr_expect(eq(int, die(&deaths, 10, USEC_PER_SEC, 1000), EVENT_LOOPED));
	cr_expect(eq(int, die(&deaths, 9, 1000, 500), EVENT_DIED));
}

Test(deaths, nine_are_none)
{
	struct deaths deaths = {0};

	cr_expect(eq(int, die(&deaths, 9, 1000, 500), EVENT_DIED));
}

Test(deaths, ten_in_more_than_ten_seconds_are_none)
{
	struct deaths deaths = {0};

	cr_expect(eq(int, die(&deaths, 10, 1200 * USEC_PER_MSEC, 1000),
		     EVENT_DIED));
}

Test(deaths, lives_of_a_second_are_none)
{
	struct deaths deaths = {0};

	cr_expect(eq(int, die(&deaths, 30, USEC_PER_SEC, USEC_PER_SEC),
		     EVENT_DIED));
}
