/* SPDX-License-Identifier: Apache-2.0
 *
 * What metrics and health are made of: one look at everything that the pool's
 * processes share.
 */
#ifndef TOOLS_METRICS_SNAPSHOT_H
#define TOOLS_METRICS_SNAPSHOT_H

#include "shm/figures.h"
#include "tools/ctl_view.h"

struct snapshot_load {
	unsigned active, early;
};

struct snapshot {
	struct ctl_view *view;
	struct figures *figures; /* all workers' added up, rows by name */
	/* by the rows of figures->trunks and direction */
	struct snapshot_load loads[FIGURE_TRUNKS][2];
	unsigned calls_of_book[BOOK_MAX + 1];
	unsigned calls_of_media[MEDIA_SLOT_MAX + 1];
	unsigned pairs[2]; /* port pairs in use, by enum listener_side */
	unsigned n_active;
	struct {
		uint64_t used, size;
	} maps[BOOK_MAX + 1];
};

/* A short look without calls and figures: view only. */
int snapshot_open(struct ctl *ctl, struct snapshot *snapshot);
/* The rest of it. */
int snapshot_load(struct snapshot *snapshot);
void snapshot_done(struct snapshot *snapshot);

/* Workers that serve, and that should. */
void snapshot_workers(const struct snapshot *snapshot, enum slot_kind kind,
		      unsigned *ret_up, unsigned *ret_of);
/* Why no new call would be taken; NULL: one would. */
const char *snapshot_not_ready(const struct snapshot *snapshot);

#endif
