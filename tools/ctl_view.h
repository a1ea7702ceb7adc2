/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool as mspoolctl sees it at one moment: everything in the run folder,
 * opened read only.
 */
#ifndef TOOLS_CTL_VIEW_H
#define TOOLS_CTL_VIEW_H

#include "base/config.h"
#include "shm/board.h"
#include "shm/book.h"
#include "shm/cdr_page.h"
#include "shm/health.h"
#include "shm/pool_table.h"
#include "shm/record.h"
#include "shm/rollback.h"
#include "tools/ctl.h"

#define VIEW_SLOTS_MAX (BOOK_MAX + MEDIA_SLOT_MAX)

struct ctl_view {
	const struct ctl *ctl;
	uint64_t now_us, now_wall_us;
	struct pool_table *pool_table;
	struct pool_record pool;
	struct rollback rollback;
	bool is_master_alive;
	struct slot_record slots[VIEW_SLOTS_MAX]; /* retired ones, too */
	unsigned n_slots;
	struct config *config;	     /* in force; never NULL */
	struct health_table *health; /* NULL: not there yet */
	/* by number, from 1; NULL where there is none */
	struct book *books[BOOK_MAX + 1];
	const struct board *boards[BOOK_MAX + 1];
	const struct board *media_boards[MEDIA_SLOT_MAX + 1];
	const struct board *master_board, *cdr_board;
	const struct cdr_page *cdr_page;
	const struct stream_board *streams[MEDIA_SLOT_MAX + 1];
	struct call_record **calls; /* by call id; view_load_calls */
	unsigned n_calls, calls_room;
	bool is_short_of_memory;
};

/* CTL_DONE, or the exit code, the reason told.  CTL_NOT_RUNNING unless the
 * master or a worker of this boot is alive. */
int ctl_view_open(const struct ctl *ctl, struct ctl_view **ret_view);
struct ctl_view *ctl_view_free(struct ctl_view *view);
/* Reads every book; what could not be read is told on ctl->err. */
int ctl_view_load_calls(struct ctl_view *view);
/* The book of this Mediation Server, the view's; NULL: none that can be read.
 */
struct book *ctl_view_book(struct ctl_view *view, unsigned index);
/* One call, which the caller frees.  CTL_NO_OBJECT when there is none. */
int ctl_view_get_call(struct ctl_view *view, uint64_t id,
		      struct call_record **ret_call);
/* Opens the boards only, not asking whether the pool runs: what a dead pool
 * said last is worth reading, too. */
void ctl_view_open_boards(struct ctl_view *view);
void ctl_view_close_boards(struct ctl_view *view);

/* Is this the process that the pool started then?  Not a zombie, not another
 * that was given the same number. */
bool ctl_process_lives(int32_t pid, uint64_t started_us);
bool ctl_slot_lives(const struct slot_record *slot);
const struct slot_record *ctl_view_slot(const struct ctl_view *view,
					struct slot_id id);
/* Over all processes, the dead ones, too. */
uint64_t ctl_view_count(const struct ctl_view *view, enum counter counter);
/* Call records that are not on disk yet, of the books that were read. */
uint64_t ctl_view_cdrs_waiting(const struct ctl_view *view);
void ctl_view_health(const struct ctl_view *view,
		     const struct config_peer *peer,
		     struct peer_health *ret_health);
/* By the administrator. */
bool ctl_view_is_drained(const struct ctl_view *view, struct slice name);
/* A call that only absorbs retransmissions is not active. */
bool ctl_call_is_active(const struct call_record *call);

#endif
