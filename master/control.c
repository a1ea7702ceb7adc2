/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections of the control socket, in the master's loop.  What a request
 * means is in verbs.c.  Who may connect is decided by the socket's mode (0660:
 * root, our uid, our group); SO_PEERCRED names who it was, for the events.
 * The trap: a client may send nothing, too much, or never read.  Everything is
 * bounded (connections, line, time), and nothing here waits.
 */
#include "master/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "master/verbs.h"

#define CONNECTIONS_MAX 32
#define PAUSE_US	(100 * USEC_PER_MSEC)
#define TALK_US		(5 * USEC_PER_SEC) /* to send a line, to read answers */

struct request {
	struct request *next;
	struct master *master;
	int fd;
	struct watch *watch;
	uid_t uid;
	char line[CONTROL_LINE_MAX];
	size_t line_len;
	const struct verb *verb; /* NULL until the line is whole */
	uint64_t until_us;
	bool is_answered;
	char *answer; /* malloc'd */
	size_t answer_len, written;
};

struct control {
	int fd;
	struct watch *watch; /* NULL while there is no descriptor to spare */
	uint64_t resume_us;  /* until then */
	struct request *requests;
	unsigned n_requests;
};

/* ---- answers ------------------------------------------------------------- */

/* Without memory the answer is cut, and the client sees no last line. */
static void add(struct request *request, const char *text, size_t len)
{
	char *longer = realloc(request->answer, request->answer_len + len);

	if (!longer)
		return;
	memcpy(longer + request->answer_len, text, len);
	request->answer = longer;
	request->answer_len += len;
}

void request_say(struct request *request, const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return;
	add(request, text, len);
	if (text[len - 1] != '\n')
		add(request, "\n", 1);
}

static void finish(struct request *request, const char *last_line)
{
	request_say(request, last_line);
	request->is_answered = true;
	request->until_us = clock_boot_us() + TALK_US;
}

enum answer request_refuse(struct request *request, int exit_code,
			   const char *format, ...)
{
	char reason[SOCKETS_WHY_MAX], line[SOCKETS_WHY_MAX + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "error %d %s", exit_code, reason);
	finish(request, line);
	return ANSWER_NO;
}

uid_t request_uid(const struct request *request)
{
	return request->uid;
}

/* ---- the line ------------------------------------------------------------ */

int control_split(char *line, char *words[CONTROL_WORDS_MAX])
{
	char *rest = NULL;
	int n = 0;

	for (const char *c = line; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 127)
			return -EINVAL;
	}
	for (char *word = strtok_r(line, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		if (n == CONTROL_WORDS_MAX)
			return -EINVAL;
		words[n++] = word;
	}
	return n > 0 ? n : -EINVAL;
}

static void settle(struct request *request, enum answer answer)
{
	if (answer == ANSWER_OK)
		finish(request, "ok");
}

static void run(struct request *request)
{
	char *words[CONTROL_WORDS_MAX];
	int n = control_split(request->line, words);
	const struct verb *verb = n > 0 ? verb_find(words[0]) : NULL;

	if (n < 0) {
		request_refuse(request, CTL_USAGE, "not a line of words");
	} else if (!verb) {
		request_refuse(request, CTL_USAGE, "unknown verb %s", words[0]);
	} else if (n - 1 < verb->min_words || n - 1 > verb->max_words) {
		request_refuse(request, CTL_USAGE, "usage: %s", verb->usage);
	} else {
		request->verb = verb;
		request->until_us = clock_boot_us() + verb->timeout_us;
		settle(request,
		       verb->start(request->master, request, words, n));
	}
}

/* ---- a connection -------------------------------------------------------- */

static void drop(struct request *request)
{
	struct control *control = request->master->control;
	struct request **at = &control->requests;

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	control->n_requests--;
	watch_free(request->watch);
	close(request->fd);
	free(request->answer);
	free(request);
}

/* True: the connection is done with. */
static bool write_answer(struct request *request)
{
	while (request->written < request->answer_len) {
		ssize_t n =
			send(request->fd, request->answer + request->written,
			     request->answer_len - request->written,
			     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		request->written += (size_t)n;
	}
	return true;
}

/* True: the peer is gone, or sends more than a line. */
static bool read_line(struct request *request)
{
	size_t room = sizeof(request->line) - request->line_len;
	ssize_t n = recv(request->fd, request->line + request->line_len, room,
			 MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (n == 0)
		return true;
	request->line_len += (size_t)n;
	end = memchr(request->line, '\n', request->line_len);
	if (!end)
		return request->line_len == sizeof(request->line);
	*end = '\0';
	run(request);
	return false;
}

static void on_request(int fd, unsigned what, void *arg)
{
	struct request *request = arg;
	char byte;

	(void)fd, (void)what;
	if (!request->verb && !request->is_answered) {
		if (read_line(request))
			drop(request);
	} else if (recv(request->fd, &byte, 1, MSG_DONTWAIT) == 0) {
		/* It has no more to say, but may wait for the answer. */
		request->watch = watch_free(request->watch);
	}
}

static uid_t uid_of(int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.uid;
}

/* NULL: fd is closed. */
static struct request *add_request(struct master *m, int fd)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request) {
		close(fd);
		return NULL;
	}
	request->master = m;
	request->fd = fd;
	request->uid = uid_of(fd);
	request->until_us = clock_boot_us() + TALK_US;
	request->next = m->control->requests;
	m->control->requests = request;
	m->control->n_requests++;
	request->watch =
		loop_watch(m->loop, fd, LOOP_READ, on_request, request);
	if (request->watch)
		return request;
	drop(request);
	return NULL;
}

static void on_connect(int listening, unsigned what, void *arg)
{
	struct master *m = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0) {
		/* Readable it stays: to watch on would be to spin. */
		if (errno == EMFILE || errno == ENFILE) {
			m->control->watch = watch_free(m->control->watch);
			m->control->resume_us = clock_boot_us() + PAUSE_US;
		}
		return;
	}
	if (m->control->n_requests >= CONNECTIONS_MAX)
		close(fd);
	else
		add_request(m, fd);
}

/* ---- every turn ---------------------------------------------------------- */

static void review(struct request *request, uint64_t now_us)
{
	bool is_late = now_us >= request->until_us;

	if (request->verb && !request->is_answered) {
		settle(request,
		       request->verb->is_done(request->master, request));
		if (is_late && !request->is_answered)
			request_refuse(request, CTL_TIMED_OUT,
				       "%s is not done yet",
				       request->verb->name);
	} else if (is_late) {
		drop(request);
		return;
	}
	if (request->is_answered && write_answer(request))
		drop(request);
}

static void watch_socket(struct master *m, uint64_t now_us)
{
	struct control *control = m->control;

	if (!control->watch && now_us >= control->resume_us)
		control->watch = loop_watch(m->loop, control->fd, LOOP_READ,
					    on_connect, m);
}

void control_review(struct master *m, uint64_t now_us)
{
	struct request *next;

	watch_socket(m, now_us);

	for (struct request *r = m->control->requests; r; r = next) {
		next = r->next;
		review(r, now_us);
	}
}

/* ---- the socket ---------------------------------------------------------- */

static int bind_socket(const char *path, int *ret_fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, rc = 0;
	mode_t before;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path); /* we hold the lock on mspoold.pid: it is stale */
	before = umask(0117);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, CONNECTIONS_MAX) < 0)
		rc = -errno;
	umask(before);
	if (rc < 0)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

static void socket_path(const struct master *m, char *path, size_t size)
{
	snprintf(path, size, "%s/control.sock", m->run_dir);
}

void control_hand_over(struct master *m, hand_fn *hand, void *arg)
{
	hand(arg, "control", m->control->fd);
	for (struct request *r = m->control->requests; r; r = r->next) {
		if (r->is_answered)
			continue;
		if (r->verb && strcmp(r->verb->name, "upgrade") == 0) {
			hand(arg, "request", r->fd);
		} else {
			request_refuse(r, CTL_TIMED_OUT,
				       "the master is being replaced");
			write_answer(r);
		}
	}
}

/* Of the program that we replaced: they wait for the end of the upgrade. */
static void take_requests(struct master *m)
{
	int fd;

	while ((fd = handed_claim(&m->handed, "request")) >= 0) {
		struct request *request = add_request(m, fd);

		if (!request)
			continue;
		request->verb = verb_find("upgrade");
		request->until_us = clock_boot_us() + request->verb->timeout_us;
	}
}

int control_open(struct master *m, char *why)
{
	struct control *control = calloc(1, sizeof(*control));
	char path[sizeof(m->run_dir) + 16];
	int rc = control ? 0 : -ENOMEM;

	socket_path(m, path, sizeof(path));
	if (rc == 0)
		control->fd = handed_claim(&m->handed, "control");
	if (rc == 0 && control->fd < 0)
		rc = bind_socket(path, &control->fd);
	if (rc < 0) {
		snprintf(why, SOCKETS_WHY_MAX, "cannot listen on %.150s: %s",
			 path, strerror(-rc));
		free(control);
		return rc;
	}
	m->control = control;
	watch_socket(m, clock_boot_us());
	take_requests(m);
	return 0;
}

void control_close(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];

	if (!m->control)
		return;
	control_review(m, clock_boot_us());
	while (m->control->requests)
		drop(m->control->requests);
	watch_free(m->control->watch);
	close(m->control->fd);
	socket_path(m, path, sizeof(path));
	unlink(path);
	free(m->control);
	m->control = NULL;
}
