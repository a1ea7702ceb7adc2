/* SPDX-License-Identifier: Apache-2.0
 *
 * How a line of the log is spelled; for base/log.c alone.
 */
#ifndef BASE_LOG_FORMAT_H
#define BASE_LOG_FORMAT_H

#include "base/log.h"
#include "base/str.h"

struct log_line {
	uint64_t wall_us;
	const char *level, *who, *event;
	uint64_t n_held;    /* lines of this event kept back before it */
	uint64_t n_lost;    /* lines lost before this one; told if not 0 */
	struct slice pairs; /* logfmt, not yet escaped */
};

/* Both end the line with a newline and cut `pairs` to fit, saying so. */
void log_format_logfmt(struct out *out, const struct log_line *line);
void log_format_json(struct out *out, const struct log_line *line);

#endif
