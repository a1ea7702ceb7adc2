/* SPDX-License-Identifier: Apache-2.0
 *
 * The [state][event] table of a slot, from supervise.def.  Called by slots.c in
 * the master alone; tests/unit/test_supervise.c walks every cell.  The trap: a
 * new state needs a look at every column, since a missing row is no error.
 */
#include "master/supervise.h"

#include <string.h>

static const struct cell {
	bool is_set;
	struct life_row row;
} table[N_LIVES][N_LIFE_EVENTS] = {
#define LIFE_ROW(life, event, next, actions)                                   \
	[LIFE_##life][EVENT_##event] = {true, {LIFE_##next, actions}},
#include "master/supervise.def"
#undef LIFE_ROW
};

/* clang-format off */
const char *const life_names[N_LIVES] = {
	[LIFE_GONE] = "gone",	   [LIFE_STARTING] = "starting",
	[LIFE_UP] = "up",	   [LIFE_LEAVING] = "leaving",
	[LIFE_DEAD] = "dead",	   [LIFE_DOWN] = "down",
	[LIFE_TRIAL] = "trial",	   [LIFE_CHANGING] = "changing",
};

const char *const life_event_names[N_LIFE_EVENTS] = {
	[EVENT_ADD] = "add",	   [EVENT_READY] = "ready",
	[EVENT_DIED] = "died",	   [EVENT_LOOPED] = "looped",
	[EVENT_DUE] = "due",	   [EVENT_HUNG] = "hung",
	[EVENT_RETIRE] = "retire", [EVENT_KEPT] = "kept",
	[EVENT_REPLACE] = "replace",
};

static const uint8_t shown[N_LIVES] = {
	[LIFE_GONE] = SLOT_RETIRED,  [LIFE_STARTING] = SLOT_STARTING,
	[LIFE_UP] = SLOT_UP,	     [LIFE_LEAVING] = SLOT_DRAINING,
	[LIFE_DEAD] = SLOT_DEAD,     [LIFE_DOWN] = SLOT_DOWN,
	[LIFE_TRIAL] = SLOT_STARTING, [LIFE_CHANGING] = SLOT_STARTING,
};
/* clang-format on */

struct life_row life_step(enum life life, enum life_event event)
{
	const struct cell *cell = &table[life][event];

	return cell->is_set ? cell->row : (struct life_row){life, 0};
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

/* Who lived for a while is no loop: its successor starts at once, since every
 * millisecond is heard. */
static uint64_t next_back_off(struct deaths *deaths, uint64_t lived_us)
{
	uint64_t now = deaths->back_off_us;

	if (lived_us >= LONG_LIFE_US)
		deaths->back_off_us = 0;
	if (lived_us >= SHORT_LIFE_US)
		return 0;
	if (now == 0)
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
