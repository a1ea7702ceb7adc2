/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a slot as a table, and the rule by which deaths become a
 * back-off or a crash loop.  Pure: no I/O, no clock; slots.c feeds the events
 * and carries the actions out.
 */
#ifndef MASTER_SUPERVISE_H
#define MASTER_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/schema.h"

enum life {
	LIFE_GONE,     /* never used, or retired */
	LIFE_STARTING, /* exec'd, not READY yet */
	LIFE_UP,
	LIFE_LEAVING,  /* told to RETIRE */
	LIFE_CHANGING, /* the same, and its successor follows at once */
	LIFE_DEAD,     /* waits out its back-off */
	LIFE_DOWN,     /* crash loop: its book is with an heir */
	LIFE_TRIAL,    /* started again out of DOWN */
	N_LIVES
};

enum life_event {
	EVENT_ADD,     /* wanted by the configuration or by scale */
	EVENT_READY,   /* the process serves */
	EVENT_DIED,    /* the process ended */
	EVENT_LOOPED,  /* it ended once too often */
	EVENT_DUE,     /* the time that the last action set is over */
	EVENT_HUNG,    /* no beat, or not READY in time */
	EVENT_RETIRE,  /* not wanted any more */
	EVENT_REPLACE, /* by the program now on disk */
	EVENT_KEPT,    /* an earlier master's process came back to us */
	N_LIFE_EVENTS
};

/* What slots.c does after the step, in this order. */
#define ACT_SPAWN	 1u
#define ACT_KILL	 2u
#define ACT_JOIN	 4u   /* takes new calls from now on */
#define ACT_BACK_OFF	 8u   /* EVENT_DUE after the back-off */
#define ACT_REST	 16u  /* EVENT_DUE after DOWN_REST_US */
#define ACT_QUIT	 32u  /* takes no new calls any more */
#define ACT_BEQUEATH	 64u  /* what it serves goes to siblings */
#define ACT_LEAVE	 128u /* RETIRE is sent; EVENT_DUE after LEAVE_US */

#define DEATHS_MAX	 10
#define DEATHS_WITHIN_US (10 * 1000000ull)
#define SHORT_LIFE_US	 (1000000ull)
#define BACK_OFF_MIN_US	 (10 * 1000ull)
#define BACK_OFF_MAX_US	 (1000000ull)
#define LONG_LIFE_US	 (10 * 1000000ull) /* after it the back-off is forgiven */
#define DOWN_REST_US	 (30 * 1000000ull)
#define LEAVE_US	 (1000000ull)	  /* then SIGKILL: gone within 2 s */
#define START_GRACE_US	 (5 * 1000000ull) /* from exec to READY */

struct life_row {
	uint8_t next; /* enum life */
	uint8_t actions;
};

struct life_row life_step(enum life life, enum life_event event);
/* The word of the slot table for it. */
enum slot_state life_shown(enum life life, bool is_drained);
extern const char *const life_names[N_LIVES];
extern const char *const life_event_names[N_LIFE_EVENTS];

/* The last deaths of a slot, zeroed when the slot is made. */
struct deaths {
	uint64_t died_us[DEATHS_MAX]; /* short lives in a row, oldest first */
	unsigned n;
	uint64_t back_off_us; /* of the next death; 0 = the smallest */
};

/* Notes a death: EVENT_DIED with the time to wait before the next start (0
 * after a life of SHORT_LIFE_US or more), or
 * EVENT_LOOPED (CONTRACT "crash loop": ten deaths in ten seconds, each within
 * 1 s of its start), which also forgets them. */
enum life_event deaths_note(struct deaths *deaths, uint64_t started_us,
			    uint64_t died_us, uint64_t *ret_back_off_us);

#endif
