/* SPDX-License-Identifier: Apache-2.0
 *
 * The [state][event] table of a slot.  Called by slots.c in the master alone;
 * tests/unit/test_supervise.c walks every cell.  The trap: a cell that is not
 * written here keeps the state and does nothing, which is right for events
 * that come late (READY of a process that was told to leave), so a new state
 * needs a look at every column.
 */
#include "master/supervise.h"

#include <string.h>

#define STAY(life)                                                             \
	{                                                                      \
		LIFE_##life, 0                                                 \
	}
#define GO(life, actions)                                                      \
	{                                                                      \
		LIFE_##life, actions                                           \
	}

/* clang-format off */
static const struct life_row table[N_LIVES][N_LIFE_EVENTS] = {
[LIFE_GONE] = {
	[EVENT_ADD]	= GO(STARTING, ACT_SPAWN),
	[EVENT_READY]	= STAY(GONE),
	[EVENT_DIED]	= STAY(GONE),
	[EVENT_LOOPED]	= STAY(GONE),
	[EVENT_DUE]	= STAY(GONE),
	[EVENT_HUNG]	= STAY(GONE),
	[EVENT_RETIRE]	= STAY(GONE),
},
[LIFE_STARTING] = {
	[EVENT_ADD]	= STAY(STARTING),
	[EVENT_READY]	= GO(UP, ACT_JOIN),
	[EVENT_DIED]	= GO(DEAD, ACT_BACK_OFF),
	[EVENT_LOOPED]	= GO(DOWN, ACT_REST | ACT_QUIT | ACT_BEQUEATH),
	[EVENT_DUE]	= STAY(STARTING),
	[EVENT_HUNG]	= GO(STARTING, ACT_KILL),
	[EVENT_RETIRE]	= GO(LEAVING, ACT_QUIT | ACT_LEAVE),
},
[LIFE_UP] = {
	[EVENT_ADD]	= STAY(UP),
	[EVENT_READY]	= STAY(UP),
	[EVENT_DIED]	= GO(DEAD, ACT_BACK_OFF),
	[EVENT_LOOPED]	= GO(DOWN, ACT_REST | ACT_QUIT | ACT_BEQUEATH),
	[EVENT_DUE]	= STAY(UP),
	[EVENT_HUNG]	= GO(UP, ACT_KILL),
	[EVENT_RETIRE]	= GO(LEAVING, ACT_QUIT | ACT_LEAVE),
},
[LIFE_LEAVING] = {
	[EVENT_ADD]	= STAY(LEAVING), /* slots_reconcile adds it when gone */
	[EVENT_READY]	= STAY(LEAVING),
	[EVENT_DIED]	= GO(GONE, ACT_BEQUEATH),
	[EVENT_LOOPED]	= GO(GONE, ACT_BEQUEATH),
	[EVENT_DUE]	= GO(LEAVING, ACT_KILL),
	[EVENT_HUNG]	= GO(LEAVING, ACT_KILL),
	[EVENT_RETIRE]	= STAY(LEAVING),
},
[LIFE_DEAD] = {
	[EVENT_ADD]	= STAY(DEAD),
	[EVENT_READY]	= STAY(DEAD),
	[EVENT_DIED]	= STAY(DEAD),
	[EVENT_LOOPED]	= STAY(DEAD),
	[EVENT_DUE]	= GO(STARTING, ACT_SPAWN),
	[EVENT_HUNG]	= STAY(DEAD),
	[EVENT_RETIRE]	= GO(GONE, ACT_QUIT | ACT_BEQUEATH),
},
[LIFE_DOWN] = {
	[EVENT_ADD]	= STAY(DOWN),
	[EVENT_READY]	= STAY(DOWN),
	[EVENT_DIED]	= STAY(DOWN),
	[EVENT_LOOPED]	= STAY(DOWN),
	[EVENT_DUE]	= GO(TRIAL, ACT_SPAWN),
	[EVENT_HUNG]	= STAY(DOWN),
	[EVENT_RETIRE]	= GO(GONE, ACT_BEQUEATH),
},
[LIFE_TRIAL] = {
	[EVENT_ADD]	= STAY(TRIAL),
	[EVENT_READY]	= GO(UP, ACT_JOIN),
	[EVENT_DIED]	= GO(DOWN, ACT_REST | ACT_BEQUEATH),
	[EVENT_LOOPED]	= GO(DOWN, ACT_REST | ACT_BEQUEATH),
	[EVENT_DUE]	= STAY(TRIAL),
	[EVENT_HUNG]	= GO(TRIAL, ACT_KILL),
	[EVENT_RETIRE]	= GO(LEAVING, ACT_LEAVE),
},
};

const char *const life_names[N_LIVES] = {
	[LIFE_GONE] = "gone",	   [LIFE_STARTING] = "starting",
	[LIFE_UP] = "up",	   [LIFE_LEAVING] = "leaving",
	[LIFE_DEAD] = "dead",	   [LIFE_DOWN] = "down",
	[LIFE_TRIAL] = "trial",
};

const char *const life_event_names[N_LIFE_EVENTS] = {
	[EVENT_ADD] = "add",	   [EVENT_READY] = "ready",
	[EVENT_DIED] = "died",	   [EVENT_LOOPED] = "looped",
	[EVENT_DUE] = "due",	   [EVENT_HUNG] = "hung",
	[EVENT_RETIRE] = "retire",
};

static const uint8_t shown[N_LIVES] = {
	[LIFE_GONE] = SLOT_RETIRED,  [LIFE_STARTING] = SLOT_STARTING,
	[LIFE_UP] = SLOT_UP,	     [LIFE_LEAVING] = SLOT_DRAINING,
	[LIFE_DEAD] = SLOT_DEAD,     [LIFE_DOWN] = SLOT_DOWN,
	[LIFE_TRIAL] = SLOT_STARTING,
};
/* clang-format on */

struct life_row life_step(enum life life, enum life_event event)
{
	return table[life][event];
}

enum slot_state life_shown(enum life life, bool is_drained)
{
	if (is_drained && shown[life] == SLOT_UP)
		return SLOT_DRAINING;
	return shown[life];
}

static void note_short_life(struct deaths *deaths, uint64_t died_us)
{
	if (deaths->n == DEATHS_MAX) {
		memmove(deaths->died_us, deaths->died_us + 1,
			(DEATHS_MAX - 1) * sizeof(deaths->died_us[0]));
		deaths->n--;
	}
	deaths->died_us[deaths->n++] = died_us;
}

static bool is_loop(const struct deaths *deaths)
{
	return deaths->n == DEATHS_MAX &&
	       deaths->died_us[DEATHS_MAX - 1] - deaths->died_us[0] <=
		       DEATHS_WITHIN_US;
}

static uint64_t next_back_off(struct deaths *deaths, uint64_t lived_us)
{
	uint64_t now = deaths->back_off_us;

	if (now == 0 || lived_us >= LONG_LIFE_US)
		now = BACK_OFF_MIN_US;
	deaths->back_off_us =
		now * 2 < BACK_OFF_MAX_US ? now * 2 : BACK_OFF_MAX_US;
	return now;
}

enum life_event deaths_note(struct deaths *deaths, uint64_t started_us,
			    uint64_t died_us, uint64_t *ret_back_off_us)
{
	uint64_t lived_us = died_us - started_us;

	if (lived_us >= SHORT_LIFE_US)
		deaths->n = 0;
	else
		note_short_life(deaths, died_us);
	if (is_loop(deaths)) {
		memset(deaths, 0, sizeof(*deaths));
		return EVENT_LOOPED;
	}
	*ret_back_off_us = next_back_off(deaths, lived_us);
	return EVENT_DIED;
}
