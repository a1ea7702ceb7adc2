/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_snapshot.h.  The observer makes one for each page; nothing is
 * kept between two, so nothing can go stale or leak.
 * Trap: a process may have its environments open once only, so there is one
 * snapshot (or one view) at a time.
 */
#include "tools/metrics_snapshot.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tools/ctl_show.h"

/* ---- figures of all workers ---------------------------------------------- */

static void add_words(_Atomic uint64_t *to, const _Atomic uint64_t *from,
		      size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes / sizeof(*to); i++)
		to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

/* What follows a row's name is nothing but words. */
#define ADD_ROW(to, from)                                                      \
	add_words((_Atomic uint64_t *)(void *)((to)->name + PEER_NAME_MAX),    \
		  (const _Atomic uint64_t *)(const void *)((from)->name +      \
							   PEER_NAME_MAX),     \
		  sizeof(*(to)) - PEER_NAME_MAX)

static struct slice name_of(const char name[PEER_NAME_MAX])
{
	return (struct slice){name, strnlen(name, PEER_NAME_MAX)};
}

static void add_figures(struct figures *sum, const struct figures *page)
{
	add_words(&sum->sip.requests[0][0][0], &page->sip.requests[0][0][0],
		  sizeof(sum->sip));
	for (unsigned i = 0; i < FIGURE_TRUNKS; i++) {
		const struct figures_trunk *row = &page->trunks[i];

		if (i == 0 || *row->name)
			ADD_ROW(figures_trunk(sum, name_of(row->name)), row);
	}
	for (unsigned i = 0; i < FIGURE_PEERS; i++) {
		const struct figures_peer *row = &page->peers[i];

		if (i == 0 || *row->name)
			ADD_ROW(figures_peer(sum, name_of(row->name)), row);
	}
}

/* What is configured is shown from the start. */
static void add_configured(struct figures *sum, const struct config *config)
{
	for (unsigned i = 0; i < config->n_trunks; i++)
		figures_trunk(sum, slice_of(config->trunks[i].name));
	for (unsigned i = 0; i < config->n_peers; i++)
		figures_peer(sum, slice_of(config->peers[i].name));
}

static int load_figures(struct snapshot *snapshot)
{
	snapshot->figures = calloc(1, sizeof(*snapshot->figures));
	if (!snapshot->figures)
		return -ENOMEM;
	add_configured(snapshot->figures, snapshot->view->config);
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		struct slot_id slot = {SLOT_SIGNALLING, (uint8_t)i};
		const struct figures *page;

		if (figures_open(snapshot->view->ctl->run_dir, slot, &page) < 0)
			continue;
		add_figures(snapshot->figures, page);
		figures_close(page);
	}
	return 0;
}

/* ---- calls --------------------------------------------------------------- */

static void add_media(struct snapshot *snapshot, const struct call_record *call)
{
	const struct media_wish *wish = &call->wish;

	if (!wish->is_on)
		return;
	if (wish->worker <= MEDIA_SLOT_MAX)
		snapshot->calls_of_media[wish->worker]++;
	for (unsigned i = 0; i < N_LEGS; i++)
		snapshot->pairs[wish->side[i].side == SIDE_GATEWAY]++;
}

static void add_call(void *arg, const struct call_record *call)
{
	struct snapshot *snapshot = arg;
	struct figures_trunk *row;
	struct snapshot_load *load;

	add_media(snapshot, call);
	if (!ctl_call_is_active(call))
		return;
	row = figures_trunk(snapshot->figures, record_slice(call, call->trunk));
	load = &snapshot->loads[row - snapshot->figures->trunks]
			       [call->direction == CALL_INBOUND];
	load->active++;
	load->early += call->state < CALL_ANSWERED;
	snapshot->n_active++;
	if (call_book(call->id) <= BOOK_MAX)
		snapshot->calls_of_book[call_book(call->id)]++;
}

static int load_book(struct snapshot *snapshot, unsigned index)
{
	struct book *book = ctl_view_book(snapshot->view, index);
	int rc;

	if (!book)
		return 0; /* not made yet */
	rc = book_glance_calls(book, add_call, snapshot);
	if (rc == 0)
		rc = store_usage(book_store(book), &snapshot->maps[index].used,
				 &snapshot->maps[index].size);
	return rc;
}

/* ---- all of it ----------------------------------------------------------- */

int snapshot_open(struct ctl *ctl, struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	return ctl_view_open(ctl, &snapshot->view) == CTL_DONE ? 0 : -EIO;
}

int snapshot_load(struct snapshot *snapshot)
{
	struct ctl_view *view = snapshot->view;
	int rc = load_figures(snapshot);

	for (unsigned i = 0; i < view->n_slots && rc == 0; i++) {
		struct slot_id id = view->slots[i].slot;

		if (id.kind == SLOT_SIGNALLING && id.index <= BOOK_MAX)
			rc = load_book(snapshot, id.index);
	}
	return rc;
}

void snapshot_done(struct snapshot *snapshot)
{
	free(snapshot->figures);
	snapshot->figures = NULL;
	snapshot->view = ctl_view_free(snapshot->view);
}

/* ---- is it well? --------------------------------------------------------- */

void snapshot_workers(const struct snapshot *snapshot, enum slot_kind kind,
		      unsigned *ret_up, unsigned *ret_of)
{
	const struct ctl_view *view = snapshot->view;

	*ret_up = *ret_of = 0;
	for (unsigned i = 0; i < view->n_slots; i++) {
		const char *state = ctl_slot_state(view, &view->slots[i]);

		if (view->slots[i].slot.kind != kind || !state)
			continue;
		++*ret_of;
		*ret_up += strcmp(state, "up") == 0;
	}
}

static bool is_full(const struct ctl_view *view)
{
	uint64_t calls = 0;

	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (view->boards[i])
			calls += atomic_load_explicit(&view->boards[i]->calls,
						      memory_order_relaxed);
	return view->config->pool.max_calls &&
	       calls >= view->config->pool.max_calls;
}

const char *snapshot_not_ready(const struct snapshot *snapshot)
{
	const struct ctl_view *view = snapshot->view;
	unsigned up, of;

	if (view->pool.state == POOL_DRAINING)
		return "the pool is stopping";
	if (view->pool.state == POOL_STARTING)
		return "the pool is starting";
	snapshot_workers(snapshot, SLOT_SIGNALLING, &up, &of);
	if (up == 0)
		return "no signalling worker is up";
	snapshot_workers(snapshot, SLOT_MEDIA, &up, &of);
	if (of > 0 && up == 0)
		return "no media worker is up";
	if (is_full(view))
		return "max_calls is reached";
	return NULL;
}
