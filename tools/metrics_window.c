/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_window.h.  The observer keeps what the figures were every half
 * minute for five minutes; the difference to now is what happened since.
 * Trap: rows of the sum are claimed anew for each page, in the order of names
 * on the pages, so a trunk may lie in another row than in an older slice: the
 * name decides.
 */
#include "tools/metrics_window.h"

#include <stdlib.h>

#include "base/clock.h"

void window_read(const struct ctl_view *view, const struct figures_trunk *row,
		 struct trunk_figures *ret_figures)
{
	struct trunk_figures figures = {0};

	trunk_figures_add_boards(&figures, view, row->name);
	trunk_figures_add_row(&figures, row);
	*ret_figures = figures;
}

void window_keep(struct window *window, const struct ctl_view *view,
		 struct figures *sum)
{
	struct window_slice **slice = &window->slices[window->next];

	if (view->now_us < window->next_us)
		return;
	if (!*slice)
		*slice = malloc(sizeof(**slice));
	if (!*slice)
		return;
	for (unsigned i = 0; i < FIGURE_TRUNKS; i++) {
		memcpy((*slice)->names[i], sum->trunks[i].name, PEER_NAME_MAX);
		if (i == 0 || *sum->trunks[i].name)
			window_read(view, &sum->trunks[i],
				    &(*slice)->trunks[i]);
	}
	window->next = (window->next + 1) % WINDOW_STEPS;
	window->next_us = view->now_us + WINDOW_STEP_US;
}

static const struct window_slice *oldest(const struct window *window)
{
	for (unsigned i = 0; i < WINDOW_STEPS; i++) {
		unsigned at = (window->next + i) % WINDOW_STEPS;

		if (window->slices[at])
			return window->slices[at];
	}
	return NULL;
}

static const struct trunk_figures *find(const struct window_slice *slice,
					const char *name, unsigned near)
{
	for (unsigned i = 0; i < FIGURE_TRUNKS; i++) {
		unsigned at = (near + i) % FIGURE_TRUNKS;

		if (strcmp(slice->names[at], name) == 0 && (at || !*name))
			return &slice->trunks[at];
	}
	return NULL;
}

void window_growth(const struct window *window, const struct ctl_view *view,
		   const struct figures_trunk *row, unsigned at,
		   struct trunk_figures *ret_growth)
{
	const struct window_slice *slice = oldest(window);
	const struct trunk_figures *before =
		slice ? find(slice, row->name, at) : NULL;
	struct trunk_figures now;

	window_read(view, row, &now);
	if (before) {
		now.attempts -= before->attempts;
		now.answered -= before->answered;
		now.reached -= before->reached;
		now.talk_us -= before->talk_us;
		now.talked -= before->talked;
		now.delay_us -= before->delay_us;
		now.delayed -= before->delayed;
	}
	*ret_growth = now;
}
