/* SPDX-License-Identifier: Apache-2.0
 *
 * The acting verbs of mspoolctl.  What is asked for is checked here as far as
 * the command line tells, everything else by the master.
 * Trap: a master that hangs accepts connections all the same (the kernel does),
 * so every wait has an end.
 */
#include "tools/ctl_command.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "tools/ctl_json.h"
#include "tools/ctl_remote.h"
#include "tools/ctl_view.h"

#define ANSWER_MAX (4u << 20) /* of a reload with very many mistakes */

struct talk {
	const struct ctl *ctl;
	int fd;
	uint64_t deadline_us; /* 0: none */
	char *answer;	      /* malloc'd, what came so far */
	size_t len, room;
};

/* ---- socket -------------------------------------------------------------- */

static int connect_failed(const struct ctl *ctl, int error)
{
	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
		return ctl_fail(ctl, CTL_NOT_RUNNING,
				"no master is running in %s", ctl->run_dir);
	if (error == EAGAIN)
		return ctl_fail(ctl, CTL_TIMED_OUT,
				"the master takes no more connections");
	return ctl_fail(ctl, CTL_REFUSED, "the control socket in %s: %s",
			ctl->run_dir, strerror(error));
}

static int talk_open(struct talk *talk)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if ((size_t)snprintf(to.sun_path, sizeof(to.sun_path),
			     "%s/control.sock",
			     talk->ctl->run_dir) >= sizeof(to.sun_path))
		return ctl_fail(talk->ctl, CTL_USAGE,
				"the name of the run folder is too long");
	talk->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (talk->fd < 0 ||
	    connect(talk->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return connect_failed(talk->ctl, errno);
	return CTL_DONE;
}

static void talk_close(struct talk *talk)
{
	if (talk->fd >= 0)
		close(talk->fd);
	free(talk->answer);
}

/* Waits for POLLIN or POLLOUT; an exit code. */
static int talk_wait(struct talk *talk, short what)
{
	struct pollfd poll_fd = {.fd = talk->fd, .events = what};
	int n, wait_ms = -1;

	do {
		uint64_t now_us = clock_boot_us();

		if (talk->deadline_us)
			wait_ms = talk->deadline_us <= now_us
					  ? 0
					  : (int)((talk->deadline_us - now_us) /
						  USEC_PER_MSEC) +
						    1;
		n = poll(&poll_fd, 1, wait_ms);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return CTL_DONE;
	return ctl_fail(talk->ctl, CTL_TIMED_OUT,
			"the master did not answer in time; what was asked may "
			"still be done");
}

static int talk_send(struct talk *talk, const char *line)
{
	char text[1024];
	int len = snprintf(text, sizeof(text), "%s\n", line);
	int code = talk_wait(talk, POLLOUT);

	if (code)
		return code;
	if ((size_t)len >= sizeof(text))
		return ctl_fail(talk->ctl, CTL_USAGE, "the name is too long");
	/* a fresh stream socket takes a short line whole */
	if (send(talk->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
		return ctl_fail(talk->ctl, CTL_REFUSED,
				"the master closed the connection");
	return CTL_DONE;
}

static int make_room(struct talk *talk)
{
	size_t room = talk->room ? talk->room * 2 : 4096;
	char *more;

	if (talk->len + 1 < talk->room)
		return 0;
	more = room > ANSWER_MAX ? NULL : realloc(talk->answer, room);
	if (!more)
		return -ENOMEM;
	talk->answer = more;
	talk->room = room;
	return 0;
}

/* Reads to the end; the master closes after its last line. */
static int talk_read(struct talk *talk)
{
	for (;;) {
		ssize_t n;
		int code = talk_wait(talk, POLLIN);

		if (code)
			return code;
		if (make_room(talk) < 0)
			return ctl_fail(talk->ctl, CTL_REFUSED,
					"the answer is too long");
		n = read(talk->fd, talk->answer + talk->len,
			 talk->room - talk->len - 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		talk->len += (size_t)n;
		talk->answer[talk->len] = 0;
		if (ctl_answer_is_whole(talk->answer, talk->len))
			break;
	}
	return CTL_DONE;
}

/* ---- answer -------------------------------------------------------------- */

/* Where the last line begins: the whole answer's text stands before it. */
static size_t last_line(const char *answer, size_t len)
{
	size_t at = len;

	if (at && answer[at - 1] == '\n')
		at--;
	while (at && answer[at - 1] != '\n')
		at--;
	return at;
}

bool ctl_answer_is_whole(const char *answer, size_t len)
{
	struct slice line;
	size_t at = last_line(answer, len);

	if (!len || answer[len - 1] != '\n')
		return false;
	line = (struct slice){answer + at, len - at - 1};
	return slice_is(line, SLICE("ok")) ||
	       slice_starts_nocase(line, SLICE("error "));
}

int ctl_answer_code(struct slice last, struct slice *ret_reason)
{
	struct slice rest = last;
	struct slice word = slice_cut(&rest, ' ');
	uint64_t code;

	*ret_reason = SLICE_NONE;
	if (slice_is(last, SLICE("ok")))
		return CTL_DONE;
	*ret_reason = last;
	if (!slice_is(word, SLICE("error")))
		return CTL_REFUSED;
	word = slice_cut(&rest, ' ');
	if (slice_to_u64(word, CTL_ANSWER_IS_NO, &code) < 0 || code == 0)
		return CTL_REFUSED;
	*ret_reason = rest;
	return (int)code;
}

static json_t *lines_json(struct slice text)
{
	json_t *lines = json_array();

	while (text.len) {
		struct slice line = slice_cut(&text, '\n');

		json_array_append_new(lines, ctl_json_text(line));
	}
	return lines;
}

/* The text goes to stdout when it was done, else to stderr with the reason. */
static int print_answer(const struct ctl *ctl, struct slice text, int code,
			struct slice reason)
{
	if (ctl->is_json && code == CTL_DONE)
		return ctl_json_print(ctl, json_pack("{s:b, s:o}", "done", 1,
						     "text", lines_json(text)));
	if (text.len)
		fwrite(text.ptr, 1, text.len, code ? ctl->err : ctl->out);
	if (code)
		return ctl_fail(ctl, (enum ctl_exit)code, "%.*s",
				SLICE_ARG(reason));
	return CTL_DONE;
}

static int judge(const struct talk *talk, bool is_last)
{
	size_t at = last_line(talk->answer, talk->len);
	struct slice text = {talk->answer, talk->len};
	struct slice reason;
	int code;

	if (!ctl_answer_is_whole(talk->answer, talk->len)) {
		if (is_last)
			return print_answer(talk->ctl, text, CTL_DONE,
					    SLICE_NONE);
		return print_answer(talk->ctl, text, CTL_REFUSED,
				    SLICE("the master ended without an "
					  "answer"));
	}
	text.len = at;
	code = ctl_answer_code(
		(struct slice){talk->answer + at, talk->len - at - 1}, &reason);
	return print_answer(talk->ctl, text, code, reason);
}

int ctl_command_run(const struct ctl *ctl, const struct ctl_command *command)
{
	struct talk talk = {.ctl = ctl, .fd = -1};
	int code;

	if (command->wait_s)
		talk.deadline_us =
			clock_boot_us() + command->wait_s * USEC_PER_SEC;
	code = talk_open(&talk);
	if (!code)
		code = talk_send(&talk, command->line);
	if (!code)
		code = talk_read(&talk);
	if (!code)
		code = judge(&talk, command->is_last);
	talk_close(&talk);
	return code;
}

/* ---- verbs --------------------------------------------------------------- */

static int wait_of(const struct ctl *ctl, unsigned *ret_wait_s)
{
	const char *text = ctl->options[CTL_OPTION_TIMEOUT];
	uint64_t seconds = ctl->verb->wait_s;

	if (text &&
	    (slice_to_u64(slice_of(text), 86400, &seconds) < 0 || seconds == 0))
		return ctl_fail(ctl, CTL_USAGE,
				"--timeout takes seconds from 1 to 86400");
	*ret_wait_s = (unsigned)seconds;
	return CTL_DONE;
}

/* A word of the protocol holds no blank and no control character. */
static bool is_word(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

int ctl_ask(struct ctl *ctl, const char *line, bool is_last)
{
	struct ctl_command command = {.line = line, .is_last = is_last};
	int code = wait_of(ctl, &command.wait_s);

	return code ? code : ctl_command_run(ctl, &command);
}

static int ask_about(struct ctl *ctl, const char *verb, const char *name)
{
	char line[512];

	if (!is_word(name) || strlen(name) > sizeof(line) / 2)
		return ctl_fail(ctl, CTL_NO_OBJECT, "nothing is named '%s'",
				name);
	snprintf(line, sizeof(line), "%s %s", verb, name);
	return ctl_ask(ctl, line, false);
}

int ctl_drain(struct ctl *ctl)
{
	return ask_about(ctl, "drain", ctl->args[0]);
}

int ctl_undrain(struct ctl *ctl)
{
	return ask_about(ctl, "undrain", ctl->args[0]);
}

/* The master passes the id on to the book's owner and knows no calls, so
 * whether there is such a call is read here, by whoever may read. */
int ctl_hangup(struct ctl *ctl)
{
	struct call_record *call;
	struct ctl_view *view;
	uint64_t id;
	int code;

	if (call_id_parse(slice_of(ctl->args[0]), &id) < 0)
		return ctl_fail(ctl, CTL_NO_OBJECT,
				"%s is no call id (they look like ms1-42)",
				ctl->args[0]);
	if (ctl_state_is_closed(ctl)) /* to a member of the group */
		return ask_about(ctl, "hangup", ctl->args[0]);
	code = ctl_view_open(ctl, &view);
	if (code)
		return code;
	code = ctl_view_get_call(view, id, &call);
	ctl_view_free(view);
	if (code)
		return code;
	free(call);
	return ask_about(ctl, "hangup", ctl->args[0]);
}

int ctl_scale(struct ctl *ctl)
{
	static const char *const kinds[] = {"signalling", "media", NULL};
	const char *kind = ctl->args[0];
	char line[64];
	uint64_t n;

	if (strcmp(kind, kinds[0]) != 0 && strcmp(kind, kinds[1]) != 0) {
		const char *meant = str_nearest(kind, kinds);

		return ctl_fail(ctl, CTL_USAGE, "'%s' cannot be scaled: %s%s",
				kind, meant ? "did you mean " : "",
				meant ? meant : "it is signalling or media");
	}
	if (slice_to_u64(slice_of(ctl->args[1]), BOOK_MAX, &n) < 0)
		return ctl_fail(ctl, CTL_USAGE, "'%s' is no number up to %d",
				ctl->args[1], BOOK_MAX);
	snprintf(line, sizeof(line), "scale %s %u", kind, (unsigned)n);
	return ctl_ask(ctl, line, false);
}

int ctl_upgrade(struct ctl *ctl)
{
	return ctl_ask(ctl, "upgrade", false);
}

int ctl_stop(struct ctl *ctl)
{
	if (ctl->n_args == 0)
		return ctl_ask(ctl, "stop", true);
	if (strcmp(ctl->args[0], "now") != 0)
		return ctl_fail(ctl, CTL_USAGE, "usage: mspoolctl stop [now]");
	return ctl_ask(ctl, "stop now", true);
}
