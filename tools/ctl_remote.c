/* SPDX-License-Identifier: Apache-2.0
 *
 * See ctl_remote.h; the protocol is in observer_query.h.  Called by
 * mspoolctl.c.  `events -f` is asked for again and again: what was not in the
 * last answer is new.  The trap: an observer that is being replaced closes
 * without an answer; that is told, and a follower just asks again.
 */
#include "tools/ctl_remote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/observer_query.h"

#define WAIT_S	10
#define POLL_NS 500000000
#define TAIL	10 /* events that a follower sees of the past */

struct reply {
	int code;
	char *bytes; /* malloc'd: out, then err */
	size_t out_len, err_len;
};

bool ctl_state_is_closed(const struct ctl *ctl)
{
	char path[512];

	if ((size_t)snprintf(path, sizeof(path), "%s/state/.", ctl->run_dir) >=
	    sizeof(path))
		return false;
	return access(path, R_OK | X_OK) < 0 && errno == EACCES;
}

bool ctl_remote_is_needed(const struct ctl *ctl)
{
	static ctl_handler *const verbs[] = {
		ctl_status,	ctl_workers, ctl_gateways,  ctl_frontends,
		ctl_trunks,	ctl_calls,   ctl_show_call, ctl_events,
		ctl_test_route, ctl_check};

	if (ctl->options[CTL_OPTION_CONFIG] || ctl->options[CTL_OPTION_FILE])
		return false;
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (ctl->verb->run == verbs[i])
			return ctl_state_is_closed(ctl);
	}
	return false;
}

/* ---- talking ------------------------------------------------------------- */

static int connect_failed(const struct ctl *ctl, int error)
{
	if (error == EACCES || error == EPERM)
		return ctl_fail(ctl, CTL_REFUSED,
				"the pool in %s may not be read: run this as "
				"root, as the user of the pool or as a member "
				"of its group",
				ctl->run_dir);
	return ctl_fail(ctl, CTL_REFUSED,
			"the state in %s may not be read, and the observer "
			"does not answer: %s",
			ctl->run_dir, strerror(error));
}

static int talk_open(const struct ctl *ctl, int *ret_fd)
{
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd;

	if ((size_t)snprintf(to.sun_path, sizeof(to.sun_path),
			     "%s/" QUERY_SOCKET,
			     ctl->run_dir) >= sizeof(to.sun_path))
		return ctl_fail(ctl, CTL_USAGE,
				"the name of the run folder is too long");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return connect_failed(ctl, errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int error = errno;

		close(fd);
		return connect_failed(ctl, error);
	}
	*ret_fd = fd;
	return CTL_DONE;
}

static size_t add_word(char *line, size_t len, const char *word)
{
	size_t n = strlen(word) + 1;

	if (len + n + 1 > QUERY_LINE_MAX)
		return QUERY_LINE_MAX;
	memcpy(line + len, word, n);
	return len + n;
}

/* The verb's words, arguments and options, as they were given. */
static size_t put_question(const struct ctl *ctl, bool is_json,
			   char line[QUERY_LINE_MAX])
{
	struct slice words = slice_of(ctl->verb->words);
	size_t len = (size_t)snprintf(line, QUERY_LINE_MAX, "query %u %d",
				      ctl->width, ctl->has_colour) +
		     1;
	char text[512];

	if (is_json)
		len = add_word(line, len, "--json");
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];

		if (!ctl->options[i] || i == CTL_OPTION_RUN_DIR ||
		    i == CTL_OPTION_JSON || i == CTL_OPTION_FOLLOW)
			continue;
		snprintf(text, sizeof(text), "--%s%s%s", row->name,
			 row->value ? "=" : "", ctl->options[i]);
		len = add_word(line, len, text);
	}
	while (words.len > 0) {
		struct slice word = slice_cut(&words, ' ');

		snprintf(text, sizeof(text), "%.*s", SLICE_ARG(word));
		len = add_word(line, len, text);
	}
	len = add_word(line, len, "--");
	for (unsigned i = 0; i < ctl->n_args; i++)
		len = add_word(line, len, ctl->args[i]);
	return len;
}

static int send_question(const struct ctl *ctl, int fd, bool is_json)
{
	char line[QUERY_LINE_MAX];
	size_t len = put_question(ctl, is_json, line);

	if (len >= QUERY_LINE_MAX)
		return ctl_fail(ctl, CTL_USAGE, "that is too long a question");
	line[len - 1] = '\n';
	if (send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
		return ctl_fail(ctl, CTL_REFUSED,
				"the observer takes no more questions: try "
				"again");
	return CTL_DONE;
}

static char *read_to_end(int fd, size_t *ret_len)
{
	size_t len = 0, room = 0;
	char *bytes = NULL;
	ssize_t n;

	do {
		if (len == room) {
			char *more;

			room = room ? room * 2 : 65536;
			more = room > QUERY_ANSWER_MAX * 2ul
				       ? NULL
				       : realloc(bytes, room + 1);
			if (!more)
				break;
			bytes = more;
		}
		n = read(fd, bytes + len, room - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (bytes)
		bytes[len] = '\0';
	*ret_len = len;
	return bytes;
}

static int read_reply(const struct ctl *ctl, int fd, struct reply *ret_reply)
{
	size_t len = 0, body;
	char *bytes = read_to_end(fd, &len);
	const char *end = bytes ? memchr(bytes, '\n', len) : NULL;
	struct reply reply = {.bytes = bytes};

	if (!end || sscanf(bytes, "%d %zu %zu", &reply.code, &reply.out_len,
			   &reply.err_len) != 3) {
		free(bytes);
		return ctl_fail(ctl, CTL_TIMED_OUT,
				"the observer did not answer");
	}
	body = len - (size_t)(end + 1 - bytes);
	if (reply.out_len > body || reply.err_len != body - reply.out_len) {
		free(bytes);
		return ctl_fail(ctl, CTL_TIMED_OUT,
				"the observer's answer was cut short");
	}
	memmove(bytes, end + 1, body);
	*ret_reply = reply;
	return CTL_DONE;
}

static int ask(const struct ctl *ctl, bool is_json, struct reply *ret_reply)
{
	int fd = -1, code = talk_open(ctl, &fd);

	if (code)
		return code;
	code = send_question(ctl, fd, is_json);
	if (!code)
		code = read_reply(ctl, fd, ret_reply);
	close(fd);
	return code;
}

/* ---- events -f ----------------------------------------------------------- */

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
	(void)number;
	is_interrupted = 1;
}

static bool is_in(const json_t *rows, json_t *row)
{
	json_t *other;
	size_t i;

	json_array_foreach(rows, i, other)
	{
		if (json_equal(other, row))
			return true;
	}
	return false;
}

static void print_new(const struct ctl *ctl, const json_t *before,
		      const json_t *rows)
{
	size_t n = json_array_size(rows);
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (before ? !is_in(before, row) : i + TAIL >= n)
			ctl_event_print(ctl, json_incref(row));
	}
	fflush(ctl->out);
}

static json_t *ask_events(const struct ctl *ctl, int *ret_code)
{
	struct reply reply = {0};
	json_t *rows = NULL;

	*ret_code = ask(ctl, true, &reply);
	if (*ret_code == CTL_DONE) {
		*ret_code = reply.code;
		rows = json_loadb(reply.bytes, reply.out_len, 0, NULL);
		fwrite(reply.bytes + reply.out_len, 1, reply.err_len, ctl->err);
	}
	free(reply.bytes);
	return rows;
}

static int follow(const struct ctl *ctl)
{
	static const struct timespec pause = {.tv_nsec = POLL_NS};
	int code;
	json_t *before = ask_events(ctl, &code), *rows;

	if (code)
		return code;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	print_new(ctl, NULL, before);
	while (!is_interrupted && !ferror(ctl->out)) {
		nanosleep(&pause, NULL);
		rows = ask_events(ctl, &code);
		if (!rows)
			continue;
		print_new(ctl, before, rows);
		json_decref(before);
		before = rows;
	}
	json_decref(before);
	return CTL_DONE;
}

int ctl_remote_run(struct ctl *ctl)
{
	struct reply reply = {0};
	int code;

	if (ctl->options[CTL_OPTION_FOLLOW])
		return follow(ctl);
	code = ask(ctl, ctl->is_json, &reply);
	if (code)
		return code;
	fwrite(reply.bytes, 1, reply.out_len, ctl->out);
	fwrite(reply.bytes + reply.out_len, 1, reply.err_len, ctl->err);
	free(reply.bytes);
	return reply.code;
}
