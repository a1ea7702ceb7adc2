/* SPDX-License-Identifier: Apache-2.0
 *
 * The master's state: one struct, one process, one loop.  Slots are found by
 * number and never move; who serves a slot's book (or streams) is `owner`.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "base/channel.h"
#include "base/config.h"
#include "base/loop.h"
#include "master/handed.h"
#include "master/holds.h"
#include "master/sockets.h"
#include "master/spawn.h"
#include "master/supervise.h"
#include "master/upgrade.h"
#include "shm/board.h"
#include "shm/book.h"
#include "shm/pool_table.h"
#include "shm/rollback.h"

struct master;
struct control;
struct simulator;
struct helper;

/* One Mediation Server or media worker: its process, and its book or streams,
 * which another slot's process may serve. */
struct slot {
	struct master *master;
	struct slot_id id;
	char name[SLOT_NAME_MAX];
	bool is_known;	  /* doorbell, rings and sockets exist */
	bool is_wanted;	  /* by the configuration or by scale */
	bool is_drained;  /* by the administrator */
	bool takes_calls; /* has been up since it was added */
	bool is_prober;
	int doorbell;	   /* eventfd, open as long as the master runs */
	bool is_bell_kept; /* it is an earlier master's */

	/* the process */
	uint8_t life; /* enum life */
	struct process process;
	struct process ended;	 /* its predecessor, until it is reaped */
	struct channel *channel; /* NULL without a process */
	struct watch *readable, *writable;
	uint32_t generation; /* of the configuration it said READY to */
	uint32_t restarts;
	uint64_t since_us; /* start of the process */
	uint64_t due_us;   /* EVENT_DUE; 0 none */
	struct deaths deaths;
	uint64_t back_off_us;	   /* after the last death */
	const struct board *board; /* its page; NULL before it exists */
	uint64_t beat;		   /* as last seen */
	uint8_t coming;	      /* enum coming, survivors.h: of another master */
	uint64_t patience_us; /* hung when this passes without a beat; 0 none */
	bool is_killed;	      /* by us */
	bool is_warned;	      /* of its strange ways, once */

	/* its book, or its streams */
	struct slot *owner; /* whose process serves it: itself or an heir */
	bool is_claimed;    /* by the owner, which served it before we were */
	struct slot *next_owner; /* it is moving there; NULL */
	uint64_t let_go_by_us;	 /* the owner has this long to let go */
	bool is_granting;	 /* descriptors are being sent to the owner */
	uint32_t epoch;		 /* of the last SERVE */
	struct holds holds;
	struct book *book; /* for the reader check; NULL before it exists */
};

#define N_SLOTS (BOOK_MAX + MEDIA_SLOT_MAX)

enum stop_phase {
	STOP_NONE,
	STOP_DRAINING,	 /* no new calls, until the last has ended */
	STOP_HANGING_UP, /* every call gets its BYE */
	STOP_RETIRING,	 /* processes end */
	STOP_DONE
};

struct master {
	const char *config_path;
	struct config *config; /* in force */
	char *config_text;     /* of the same generation, malloc'd */
	int config_fd;	       /* the same, sealed */
	uint32_t generation;
	struct rollback rollback; /* pending: rollback.c */
	char *rollback_text;	  /* what comes back, malloc'd; NULL none */
	char run_dir[256];
	int pid_fd; /* RUN/mspoold.pid, locked */
	uint64_t started_us, started_wall_us;

	struct loop *loop;
	struct board *board;
	struct steer_board *steer;
	struct pool_table *table;
	struct health_table *health; /* never written here: the prober does */
	struct sockets sockets;
	struct slot slots[N_SLOTS];
	unsigned n_signalling, n_media; /* wanted */
	struct simulator *simulators;
	struct helper *helpers; /* helpers.c */
	struct control *control;
	struct handed handed;
	struct upgrade upgrade;
	char **argv;  /* of main: how the next program is run */
	int adopt_fd; /* RUN/adopt.sock, -1 */
	struct watch *adopt_watch;
	unsigned n_kept_sockets; /* of an earlier master */

	bool is_gathering; /* starting: children of an earlier master come */
	bool is_changed;   /* slot or admin table: children are to be told */
	bool is_reloading; /* not every worker has the configuration yet */
	bool is_up;	   /* every wanted worker was up once */
	uint8_t stop_phase;
	uint64_t stop_since_us, stop_by_us;
	uint64_t ticked_us; /* last slots_tick */
	uint64_t watchdog_sent_us;
	int ready_fd; /* the parent of a background start waits; -1 */
};

#define for_each_slot(it, m)                                                   \
	for (struct slot *it = (m)->slots; it < (m)->slots + N_SLOTS; it++)    \
		if (it->is_known)

/* The place of a slot, known or not; NULL for a number out of range. */
struct slot *master_slot(struct master *m, struct slot_id id);

/* The slot of a place in `slots`. */
struct slot_id slot_id_at(unsigned place);
/* With the settings of the configuration in force. */
void master_open_log(const struct master *m);

/* One thing that happened: a line of the log and a row of the event table. */
void tell(struct master *m, enum log_level level, const char *event,
	  const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
