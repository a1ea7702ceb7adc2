/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs of programs (libraries do not log): one event, one line, logfmt or
 * JSON, on stderr, with `<N>` priority prefixes under systemd.  Never blocks:
 * stderr is written with O_NONBLOCK semantics and what does not fit is
 * counted and told in the next line that does.  Warnings and errors are told
 * a limited number of times a second for each event (log_limit.h); how many
 * were kept back stands in the next that is told (log_held).  Text is escaped,
 * a line is cut at 1 kB.  Every event is a row of base/events.def.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LVL_ERROR,
	LOG_LVL_WARNING,
	LOG_LVL_NOTICE,
	LOG_LVL_INFO,
	LOG_LVL_DEBUG
};

struct log_settings {
	const char *who; /* "master", "ms1", "mw2"; must outlive the log */
	enum log_level level;
	bool is_json;
};

void log_open(const struct log_settings *settings);
/* Makes fd, which stays the caller's, standard error and the log. */
void log_use(int fd);
bool log_is_on(enum log_level level);
/* event is a short stable name ("worker_died"); format makes logfmt pairs:
 * "slot=%s pid=%d".  Values with blanks are the caller's to quote with the
 * help of log_quote(). */
void log_event(enum log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Escapes control characters and quotes if needed; static ring of 8 buffers
 * of 256 bytes, so at most 8 in one log_event. */
const char *log_quote(const char *text, int len);
int log_level_parse(const char *text, enum log_level *ret_level);

/* Our own bug: aborts in every build, after writing file, line and what to
 * stderr and to the place set by must_note_at (a board page). */
#define must(expr) ((expr) ? (void)0 : must_fail(__FILE__, __LINE__, #expr))
_Noreturn void must_fail(const char *file, int line, const char *expr);
void must_note_at(char *place, unsigned size);

#endif
