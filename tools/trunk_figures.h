/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of a trunk's calls, over all signalling workers, and the four
 * figures that carriers ask for:
 *
 *   ASR  answered of attempts (answer-seizure ratio, ITU-T E.411, E.425)
 *   NER  answered, busy, not answered or given up by the caller, of attempts:
 *        what did its work up to the callee (network effectiveness ratio,
 * E.425) ACD  mean time from the answer to the end of calls that ended PDD mean
 * time from the caller's INVITE to the first ring, early media or answer
 * (post-dial delay, E.431)
 */
#ifndef TOOLS_TRUNK_FIGURES_H
#define TOOLS_TRUNK_FIGURES_H

#include "shm/figures.h"
#include "tools/ctl_view.h"

struct trunk_figures {
	uint64_t attempts, answered, failed, reached;
	uint64_t talk_us, talked, delay_us, delayed;
};

/* Adds what the boards of a view say of the trunk. */
void trunk_figures_add_boards(struct trunk_figures *figures,
			      const struct ctl_view *view, const char *name);
/* Adds a trunk's row of a page of figures, or of a sum of them. */
void trunk_figures_add_row(struct trunk_figures *figures,
			   const struct figures_trunk *row);
/* The trunk's row of a page; NULL: it has none of its own there. */
const struct figures_trunk *trunk_figures_find(const struct figures *page,
					       const char *name);

#endif
