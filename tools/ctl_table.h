/* SPDX-License-Identifier: Apache-2.0
 *
 * Aligned tables for people, made from the JSON that machines get.
 */
#ifndef TOOLS_CTL_TABLE_H
#define TOOLS_CTL_TABLE_H

#include <jansson.h>

#include "tools/ctl.h"

enum ctl_format {
	CELL_TEXT,
	CELL_STATE,    /* a state word, coloured by what it means */
	CELL_TIME,     /* RFC 3339 to local time */
	CELL_DURATION, /* seconds to "2m 5s" */
	CELL_NUMBER,
	CELL_SHARE, /* 0 to 1, to percent */
	CELL_BYTES
};

struct ctl_column {
	const char *header; /* NULL ends the list */
	const char *key;    /* of the row's object */
	enum ctl_format format;
};

#define CELL_MAX 160 /* bytes of a cell with NUL */

/* The cell as it is printed, without padding and colour; null is "-".
 * Control and direction characters, which a peer could send, become '?'. */
const char *ctl_cell_text(const json_t *value, enum ctl_format format,
			  char buf[CELL_MAX]);
/* rows: an array of objects.  Wide tables are cut to ctl->width, the widest
 * text columns first. */
int ctl_table_print(const struct ctl *ctl, const struct ctl_column *columns,
		    const json_t *rows);
/* "name   value" lines of one object, in the order of columns. */
int ctl_table_print_fields(const struct ctl *ctl,
			   const struct ctl_column *columns,
			   const json_t *object);
/* word in the colour of its meaning if there are colours. */
void ctl_print_state(const struct ctl *ctl, const char *word);

#endif
