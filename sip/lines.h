/* SPDX-License-Identifier: Apache-2.0
 *
 * The lowest part of the scan: walks the head of a message once, eight bytes
 * at a time, and yields its logical lines.  Folds and HTAB become SP in place;
 * control characters, mixed line ends and lines above the caps are found here,
 * so that nothing above ever looks at them.  Only for scan.c.
 */
#ifndef SIP_LINES_H
#define SIP_LINES_H

#include "base/str.h"

struct lines {
	char *at;
	const char *end;  /* of the buffer, not of the head */
	bool has_bare_lf; /* the whole head ends its lines with LF alone */
	bool is_lf_allowed;
	bool is_started; /* has_bare_lf is known */
	bool was_folded; /* the last line */
	const char *why; /* after a bad line or a broken head */
};

enum lines_result {
	LINES_LINE,   /* a good one */
	LINES_BAD,    /* to be refused (see why), but the next can be read */
	LINES_LONG,   /* same, above SIP_LINE_MAX */
	LINES_BLANK,  /* the end of the head; `at` is the body */
	LINES_BROKEN, /* no telling where lines end: nothing more to read */
};

/* A whole head begins at buf.  Bare LF is taken only where is_lf_allowed and
 * only if no line ends with CRLF. */
void lines_init(struct lines *lines, char *buf, size_t len, bool is_lf_allowed);
enum lines_result lines_next(struct lines *lines, struct slice *ret_line);

#endif
