/* SPDX-License-Identifier: Apache-2.0
 *
 * See trunk_figures.h.  Called by `mspoolctl trunks` for all calls since the
 * pool began, and by the observer for those of the last minutes, so that both
 * mean the same.
 */
#include "tools/trunk_figures.h"

#include <string.h>

void trunk_figures_add_boards(struct trunk_figures *figures,
			      const struct ctl_view *view, const char *name)
{
	char buf[PEER_NAME_MAX];
	struct slice key = board_trunk_key(slice_of(name), buf);

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		const struct board_peer *row =
			view->boards[i] ? board_find_peer(view->boards[i], key)
					: NULL;

		if (!row)
			continue;
		figures->attempts += atomic_load_explicit(&row->attempts,
							  memory_order_relaxed);
		figures->answered += atomic_load_explicit(&row->answered,
							  memory_order_relaxed);
		figures->failed += atomic_load_explicit(&row->failed,
							memory_order_relaxed);
	}
}

static uint64_t count_of(const struct histogram *histogram)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= FIGURE_BUCKETS; i++)
		n += histogram->buckets[i];
	return n;
}

static void add_direction(struct trunk_figures *figures,
			  const struct figures_calls *calls)
{
	static const enum call_result reached[] = {RESULT_answered, RESULT_busy,
						   RESULT_noanswer,
						   RESULT_cancelled};

	for (unsigned i = 0; i < sizeof(reached) / sizeof(reached[0]); i++)
		figures->reached += calls->results[reached[i]];
	figures->talk_us += calls->times[FIGURE_duration].sum_us;
	figures->talked += count_of(&calls->times[FIGURE_duration]);
	figures->delay_us += calls->times[FIGURE_setup].sum_us;
	figures->delayed += count_of(&calls->times[FIGURE_setup]);
}

void trunk_figures_add_row(struct trunk_figures *figures,
			   const struct figures_trunk *row)
{
	add_direction(figures, &row->calls[CALL_OUTBOUND]);
	add_direction(figures, &row->calls[CALL_INBOUND]);
}

const struct figures_trunk *trunk_figures_find(const struct figures *page,
					       const char *name)
{
	for (unsigned i = 1; i < FIGURE_TRUNKS; i++) {
		if (strncmp(page->trunks[i].name, name, PEER_NAME_MAX) == 0)
			return &page->trunks[i];
	}
	return NULL;
}
