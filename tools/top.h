/* SPDX-License-Identifier: Apache-2.0
 *
 * The screen of `mspoolctl top` without its terminal: what a key changes, and
 * what is drawn of the documents that the looking verbs make.
 */
#ifndef TOOLS_TOP_H
#define TOOLS_TOP_H

#include <jansson.h>

#include "tools/ctl_table.h"

enum top_list {
	TOP_GATEWAYS,
	TOP_WORKERS,
	TOP_TRUNKS,
	TOP_CALLS,
	N_TOP_LISTS
};

enum {
	TOP_UP = 256,
	TOP_DOWN
}; /* keys that are no character */

struct top {
	enum top_list list;
	unsigned sort[N_TOP_LISTS]; /* column; 0: the order of the document */
	bool is_reversed, is_paused;
	unsigned first;		 /* row at the top of the list */
	double calls_per_second; /* negative: not known yet */
	const char *trouble;	 /* why there is nothing new, or NULL */
};

struct top_size {
	unsigned rows, columns;
};

/* False: to end. */
bool top_key(struct top *top, int key);
/* Draws to ctl->out, which ends with the last row; at most size.rows lines.
 * status and rows may be NULL: nothing was seen yet. */
void top_draw(struct top *top, const struct ctl *ctl, struct top_size size,
	      const json_t *status, const json_t *rows);
/* New calls a second from one status document to the next; negative when it
 * cannot be told. */
double top_rate(const json_t *before, const json_t *after, double seconds);

#endif
