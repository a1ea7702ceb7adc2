/* SPDX-License-Identifier: Apache-2.0
 *
 * The INI dialect of pool.ini (CONTRACT "pool.ini"), without any knowledge of
 * which sections and keys there are.
 *
 *   ; comment            # comment, on a line of its own
 *   [kind] [kind name]   ; a comment after white space and `;`
 *   key = value          ; the same; "…" keeps blanks and `;`, \" is a quote
 *   key = a, "b, c"      only where the reader asks for a list
 *
 * A text may be several files one after the other: a line "\001NAME" says that
 * the lines after it are those of file NAME, from 1.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include "base/arena.h"
#include "base/report.h"

#define INI_FILE_MARK '\001'

struct ini_entry {
	struct slice key;
	struct slice raw; /* to the end of the line, comment and all */
	struct report_place key_at, value_at;
	struct ini_entry *next;
};

struct ini_section {
	struct slice kind, name; /* name empty: [kind] */
	const char *title;	 /* "kind name", as one says it */
	struct report_place at, name_at;
	struct report_place again_at; /* line 0: it was opened once only */
	struct ini_entry *first, **last;
	struct ini_section *next;
};

struct ini {
	struct ini_section *first; /* in the order of the text */
	unsigned n_sections;
	struct report_place start; /* line 1 of the first file */
};

/* A value as meant: NUL-terminated, quotes and comment gone. */
struct ini_value {
	char *text;
	size_t len;
	bool is_quoted;
	struct report_place at; /* of its first character */
};

/* A section that is opened again goes on where it was; the caller judges
 * whether it may (again_at).  Mistakes go to report and the rest is read on.
 * The result points into text and arena.  0 or -ENOMEM. */
int ini_read(struct slice text, struct arena *arena, struct report *report,
	     struct ini *ret_ini);
/* The whole value of an entry.  0, -EINVAL when it was reported, -ENOMEM. */
int ini_scalar(const struct ini_entry *entry, struct arena *arena,
	       struct report *report, struct ini_value *ret_value);
/* Its items; none when the value is empty.  Same results. */
int ini_list(const struct ini_entry *entry, struct arena *arena,
	     struct report *report, struct ini_value **ret_items,
	     unsigned *ret_n);

#endif
