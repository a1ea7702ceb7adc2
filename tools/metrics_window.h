/* SPDX-License-Identifier: Apache-2.0
 *
 * Ratios and averages of the last minutes: what the figures of trunks grew by.
 */
#ifndef TOOLS_METRICS_WINDOW_H
#define TOOLS_METRICS_WINDOW_H

#include "tools/trunk_figures.h"

#define WINDOW_STEP_US (30 * 1000000ull)
#define WINDOW_STEPS   10

struct window_slice {
	struct trunk_figures trunks[FIGURE_TRUNKS]; /* by row */
	char names[FIGURE_TRUNKS][PEER_NAME_MAX];
};

struct window {
	struct window_slice *slices[WINDOW_STEPS]; /* a ring, NULL not yet */
	unsigned next;
	uint64_t next_us; /* when the next is to be kept */
};

/* The trunk's figures so far: of `sum`, and attempts from the boards. */
void window_read(const struct ctl_view *view, const struct figures_trunk *row,
		 struct trunk_figures *ret_figures);
/* Keeps a slice when it is time. */
void window_keep(struct window *window, const struct ctl_view *view,
		 struct figures *sum);
/* What they grew by since the oldest slice; all of them before there is one. */
void window_growth(const struct window *window, const struct ctl_view *view,
		   const struct figures_trunk *row, unsigned at,
		   struct trunk_figures *ret_growth);

#endif
