/* SPDX-License-Identifier: Apache-2.0
 *
 * The signalling worker: one process that serves one book, or several after it
 * adopted a sibling's.  Everything of the process hangs here; everything of a
 * Mediation Server hangs on its struct server.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "base/child.h"
#include "base/clock.h"
#include "base/wheel.h"
#include "route/route.h"
#include "shm/board.h"
#include "shm/book.h"
#include "shm/cdr_page.h"
#include "shm/figures.h"
#include "shm/health.h"
#include "shm/ring.h"
#include "worker/rejoin.h"
#include "worker/turn.h"

struct server;
struct prober;

/* Words for struct timer.kind. */
enum timer_kind {
	TIMER_TX,
	TIMER_CALL,
	TIMER_CONNECTION,
	TIMER_PROBE
};

#define DEPARTED_MAX 256 /* peers that a reload took out */

struct worker {
	struct child child;
	struct board *board;	 /* our page */
	struct figures *figures; /* and that of figures */
	struct wheel *wheel;
	struct route_rules *rules; /* of child.config */
	struct health_sources health;
	struct steer_board const *steer;
	struct server *servers[BOOK_MAX + 1]; /* served here, by book */
	struct server *first_server;	      /* the same, as a list */
	unsigned n_servers;
	struct watch *channel_watch;
	struct rejoin rejoin;
	struct watch *bell_watches[BOOK_MAX + 1];
	int bells[BOOK_MAX + 1];	     /* doorbells of signalling slots */
	int media_bells[MEDIA_SLOT_MAX + 1]; /* and of media slots; -1 none */
	struct turn turn;
	const struct cdr_page *cdr_page; /* NULL: not there yet */
	uint64_t cdr_unacked;		 /* call records in all our books */
	uint64_t cdr_told_us;		 /* that some were dropped */
	const struct stream_board *streams[MEDIA_SLOT_MAX + 1]; /* or NULL */
	struct prober *prober;
	uint64_t effect_sent_before; /* our board's, when we started */
	uint64_t now_us; /* CLOCK_BOOTTIME at the start of the turn */
	uint64_t round_robin;
	uint64_t second_us; /* the second that second_calls counts */
	unsigned second_calls;
	unsigned next_media;	 /* round robin of media slots */
	uint64_t quiet_since_us; /* adoption: timers wait for dry input */
	struct addr departed[DEPARTED_MAX];
	unsigned n_departed; /* ever noted */
	bool is_draining;    /* this server: no new calls */
	bool is_leaving;     /* RETIRE was heard */
	bool had_input;	     /* this turn */
};

/* Logs as the configuration in force says. */
void worker_open_log(struct worker *worker);

/* The board's counter, in one word. */
static inline void worker_count(struct worker *worker, enum counter counter)
{
	board_count(worker->board, counter);
}

#endif
