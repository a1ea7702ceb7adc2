/* SPDX-License-Identifier: Apache-2.0
 *
 * One event, one line on stderr, in every program of the pool.  A process that
 * carries calls must never wait for whoever reads the log, so every kind of
 * stderr is written in a way that cannot block: a socket (the journal) with
 * MSG_DONTWAIT; a pipe or terminal through an open file description of our own
 * with O_NONBLOCK (setting it on the inherited one would change it for the
 * shell and for our siblings, too); a file as it is.
 * Trap: what does not fit is lost and counted; never use the log as a record.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_format.h"
#include "base/log_limit.h"

#define LINE_SIZE 1024

enum sink {
	SINK_PLAIN,  /* regular file: no reader to wait for */
	SINK_OWN,    /* reopened with O_NONBLOCK */
	SINK_SOCKET, /* MSG_DONTWAIT */
	SINK_POLLED  /* could not be reopened: ask before writing */
};

static struct {
	struct log_settings settings;
	enum sink sink;
	int fd;
	bool is_journal;
	uint64_t n_lost;
	char rest[LINE_SIZE]; /* of a line that a socket took in part */
	size_t rest_len;
	char *note;
	unsigned note_size;
} log_state = {
	.settings = {.who = "mspool", .level = LOG_LVL_INFO},
	.sink = SINK_POLLED,
	.fd = STDERR_FILENO,
};

static const struct level_row {
	const char *name;
	int priority; /* of syslog(3), for the journal */
} level_rows[] = {
	[LOG_LVL_ERROR] = {"error", 3},	  [LOG_LVL_WARNING] = {"warning", 4},
	[LOG_LVL_NOTICE] = {"notice", 5}, [LOG_LVL_INFO] = {"info", 6},
	[LOG_LVL_DEBUG] = {"debug", 7},
};

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (unsigned i = 0; i <= LOG_LVL_DEBUG; i++) {
		if (strcmp(text, level_rows[i].name) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool log_is_on(enum log_level level)
{
	return level <= log_state.settings.level;
}

/* systemd names the journal's socket as "device:inode" (systemd.exec(5)). */
static bool is_journal(const struct stat *status)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char expected[64];

	snprintf(expected, sizeof(expected), "%lu:%lu",
		 (unsigned long)status->st_dev, (unsigned long)status->st_ino);
	return stream && strcmp(stream, expected) == 0;
}

static enum sink sink_for(const struct stat *status)
{
	if (S_ISREG(status->st_mode))
		return SINK_PLAIN;
	return S_ISSOCK(status->st_mode) ? SINK_SOCKET : SINK_OWN;
}

/* O_APPEND: a terminal or pipe has no offset, but what a later rename made of
 * the name must not be overwritten. */
static void open_own_sink(void)
{
	int fd = open("/proc/self/fd/2",
		      O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0)
		log_state.fd = fd;
	else
		log_state.sink = SINK_POLLED;
}

void log_open(const struct log_settings *settings)
{
	struct stat status;

	log_state.settings = *settings;
	if (log_state.fd != STDERR_FILENO)
		close(log_state.fd);
	log_state.fd = STDERR_FILENO;
	log_state.sink = SINK_POLLED;
	log_state.is_journal = false;
	log_state.rest_len = 0;
	if (fstat(STDERR_FILENO, &status) < 0)
		return;
	log_state.sink = sink_for(&status);
	log_state.is_journal = is_journal(&status);
	if (log_state.sink == SINK_OWN)
		open_own_sink();
}

void log_use(int fd)
{
	struct log_settings settings = log_state.settings;

	if (dup2(fd, STDERR_FILENO) >= 0)
		log_open(&settings);
}

static ssize_t sink_write(const char *bytes, size_t len)
{
	struct pollfd ready = {.fd = log_state.fd, .events = POLLOUT};

	if (log_state.sink == SINK_SOCKET)
		return send(log_state.fd, bytes, len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (log_state.sink == SINK_POLLED && poll(&ready, 1, 0) != 1)
		return -1;
	return write(log_state.fd, bytes, len);
}

/* True when nothing of an earlier line is left. */
static bool flush_rest(void)
{
	ssize_t n;

	if (log_state.rest_len == 0)
		return true;
	n = sink_write(log_state.rest, log_state.rest_len);
	if (n > 0) {
		log_state.rest_len -= (size_t)n;
		memmove(log_state.rest, log_state.rest + n, log_state.rest_len);
	}
	return log_state.rest_len == 0;
}

static void write_line(struct slice line)
{
	ssize_t n = flush_rest() ? sink_write(line.ptr, line.len) : -1;

	if (n < 0) {
		log_state.n_lost++;
		return;
	}
	log_state.n_lost = 0; /* this line told it */
	log_state.rest_len = line.len - (size_t)n;
	memcpy(log_state.rest, line.ptr + n, log_state.rest_len);
}

static void write_event(enum log_level level, const char *event,
			uint64_t n_held, struct slice pairs)
{
	char buf[LINE_SIZE];
	struct out out = out_init(buf, sizeof(buf));
	struct log_line line = {
		.wall_us = clock_wall_us(),
		.level = level_rows[level].name,
		.who = log_state.settings.who,
		.event = event,
		.n_lost = log_state.n_lost,
		.n_held = n_held,
		.pairs = pairs,
	};

	if (log_state.is_journal)
		out_printf(&out, "<%d>", level_rows[level].priority);
	if (log_state.settings.is_json)
		log_format_json(&out, &line);
	else
		log_format_logfmt(&out, &line);
	write_line(out_as_slice(&out));
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list args;
	int n, saved_errno = errno;
	uint64_t n_held = 0;

	if (!log_is_on(level))
		return;
	if (level <= LOG_LVL_WARNING &&
	    !log_limit_pass(event, clock_boot_us(), &n_held))
		return;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		n = 0;
	write_event(level, event, n_held,
		    (struct slice){text, (size_t)n < sizeof(text)
						 ? (size_t)n
						 : sizeof(text) - 1});
	errno = saved_errno;
}

void must_note_at(char *place, unsigned size)
{
	log_state.note = place;
	log_state.note_size = size;
}

_Noreturn void must_fail(const char *file, int line, const char *expr)
{
	char text[256];

	snprintf(text, sizeof(text), "%s:%d: must(%s)", file, line, expr);
	if (log_state.note)
		slice_copy(slice_of(text), log_state.note, log_state.note_size);
	log_event(LOG_LVL_ERROR, "our_bug", "at=%s",
		  log_quote(text, (int)strlen(text)));
	abort();
}
