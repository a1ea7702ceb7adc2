/* SPDX-License-Identifier: Apache-2.0
 *
 * See observer_query.h.  Called by mspool-observer.c in the observer.  The
 * verbs run here as they do in mspoolctl, into memory; only those of `verbs`,
 * and never upon another folder or file than the pool's.  Who may connect says
 * the socket's mode (0660: root, our user, our group); SO_PEERCRED tells users
 * apart, so that one of them leaves room for the others.
 * Trap: `workers` looks for a fifth of a second, so one question a turn; the
 * board's beat must not become old.
 */
#include "tools/observer_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/str.h"
#include "tools/ctl.h"

struct client {
	struct query *query;
	int fd; /* -1: the place is free */
	struct watch *watch;
	uid_t uid;
	uint64_t until_us;
	char line[QUERY_LINE_MAX];
	size_t line_len;
	bool is_asked; /* the line is whole */
	char *answer;  /* malloc'd; NULL until it is made */
	size_t len, written;
};

struct query {
	struct loop *loop;
	const char *run_dir;
	int fd;
	struct watch *watch;
	struct client clients[QUERY_CLIENTS_MAX];
};

static ctl_handler *const verbs[] = {
	ctl_status, ctl_workers,   ctl_gateways, ctl_frontends,	 ctl_trunks,
	ctl_calls,  ctl_show_call, ctl_events,	 ctl_test_route, ctl_check,
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* ---- a question ---------------------------------------------------------- */

static bool is_allowed(const struct ctl *ctl)
{
	if (ctl->options[CTL_OPTION_FOLLOW] || ctl->options[CTL_OPTION_FILE] ||
	    ctl->options[CTL_OPTION_CONFIG])
		return false;
	for (unsigned i = 0; i < N_VERBS; i++) {
		if (ctl->verb->run == verbs[i])
			return true;
	}
	return false;
}

/* "query WIDTH COLOUR" and the words; how many, or -EINVAL. */
static int read_question(struct client *client, struct ctl *ctl,
			 char *words[QUERY_WORDS_MAX + 1])
{
	char *at = client->line, *end = client->line + client->line_len;
	struct slice head = slice_of(at);
	uint64_t width, colour;
	int n = 0;

	if (!slice_is(slice_cut(&head, ' '), SLICE("query")) ||
	    slice_to_u64(slice_cut(&head, ' '), 10000, &width) < 0 ||
	    slice_to_u64(head, 1, &colour) < 0)
		return -EINVAL;
	ctl->width = (unsigned)width;
	ctl->has_colour = colour;
	words[n++] = at; /* stands for the program's name */
	for (at += strlen(at) + 1; at < end; at += strlen(at) + 1) {
		if (n == QUERY_WORDS_MAX)
			return -EINVAL;
		words[n++] = at;
	}
	words[n] = NULL;
	return n > 1 ? n : -EINVAL;
}

static int run_question(struct client *client, struct ctl *ctl)
{
	char *words[QUERY_WORDS_MAX + 1];
	int n = read_question(client, ctl, words), code;

	if (n < 0)
		return ctl_fail(ctl, CTL_USAGE, "that is no question");
	if (!ctl_parse(ctl, n, words, &code))
		return code;
	ctl->run_dir = client->query->run_dir;
	log_event(LOG_LVL_DEBUG, "query", "uid=%u verb=%s",
		  (unsigned)client->uid,
		  log_quote(ctl->verb->words, (int)strlen(ctl->verb->words)));
	if (!is_allowed(ctl))
		return ctl_fail(ctl, CTL_REFUSED,
				"this is not answered to members of the group: "
				"run it as root or as the user of the pool");
	return ctl->verb->run(ctl);
}

/* ---- its answer ---------------------------------------------------------- */

struct text {
	char *bytes;
	size_t len;
};

static int put_together(struct client *client, int code, struct text out,
			struct text err)
{
	char head[64];
	size_t len = (size_t)snprintf(head, sizeof(head), "%d %zu %zu\n", code,
				      out.len, err.len);

	if (out.len + err.len > QUERY_ANSWER_MAX)
		return -EFBIG;
	client->answer = malloc(len + out.len + err.len);
	if (!client->answer)
		return -ENOMEM;
	memcpy(client->answer, head, len);
	if (out.len)
		memcpy(client->answer + len, out.bytes, out.len);
	if (err.len)
		memcpy(client->answer + len + out.len, err.bytes, err.len);
	client->len = len + out.len + err.len;
	return 0;
}

/* 0; without memory -ENOMEM, and the client sees an end without an answer. */
static int answer(struct client *client)
{
	struct text out = {0}, err = {0};
	struct ctl ctl = {
		.out = open_memstream(&out.bytes, &out.len),
		.err = open_memstream(&err.bytes, &err.len),
	};
	int code = 0, rc = ctl.out && ctl.err ? 0 : -ENOMEM;

	if (rc == 0)
		code = run_question(client, &ctl);
	if (ctl.out && fclose(ctl.out) != 0)
		rc = -ENOMEM;
	if (ctl.err && fclose(ctl.err) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = put_together(client, code, out, err);
	free(out.bytes);
	free(err.bytes);
	return rc;
}

/* ---- a client ------------------------------------------------------------ */

static void drop(struct client *client)
{
	client->watch = watch_free(client->watch);
	close(client->fd);
	free(client->answer);
	client->answer = NULL;
	client->fd = -1;
}

/* False: it is gone, or asks too much. */
static bool read_line(struct client *client)
{
	size_t room = sizeof(client->line) - client->line_len;
	ssize_t n = recv(client->fd, client->line + client->line_len, room,
			 MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	client->line_len += (size_t)n;
	if (client->line[client->line_len - 1] != '\n')
		return client->line_len < sizeof(client->line);
	client->line[--client->line_len] = '\0';
	client->is_asked = true;
	return true;
}

/* False: everything is written, or nobody reads. */
static bool write_answer(struct client *client)
{
	while (client->written < client->len) {
		ssize_t n = send(client->fd, client->answer + client->written,
				 client->len - client->written,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		client->written += (size_t)n;
		client->until_us = clock_boot_us() + QUERY_TALK_US;
	}
	return false;
}

static void on_client(int fd, unsigned what, void *arg)
{
	struct client *client = arg;

	(void)fd, (void)what;
	if (client->answer ? !write_answer(client) : !read_line(client)) {
		drop(client);
		return;
	}
	if (client->is_asked && !client->answer) /* it has said everything */
		client->watch = watch_free(client->watch);
}

static void answer_one(struct client *client)
{
	struct query *query = client->query;

	client->until_us = clock_boot_us() + QUERY_TALK_US;
	if (answer(client) < 0 || !write_answer(client)) {
		drop(client);
		return;
	}
	client->watch = loop_watch(query->loop, client->fd, LOOP_WRITE,
				   on_client, client);
	if (!client->watch)
		drop(client);
}

/* ---- who comes ----------------------------------------------------------- */

static struct client *free_place(struct query *query, uid_t uid)
{
	struct client *place = NULL;
	unsigned n_of_uid = 0;

	for (unsigned i = 0; i < QUERY_CLIENTS_MAX; i++) {
		struct client *client = &query->clients[i];

		if (client->fd < 0)
			place = client;
		else
			n_of_uid += client->uid == uid;
	}
	return n_of_uid < QUERY_OF_ONE_MAX ? place : NULL;
}

static uid_t uid_of(int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.uid;
}

/* Who finds no place is closed at once: it may come again. */
static void on_connect(int listening, unsigned what, void *arg)
{
	struct query *query = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	(void)what;
	if (fd < 0)
		return;
	client = free_place(query, uid_of(fd));
	if (!client) {
		close(fd);
		return;
	}
	*client = (struct client){
		.query = query,
		.fd = fd,
		.uid = uid_of(fd),
		.until_us = clock_boot_us() + QUERY_TALK_US,
	};
	client->watch =
		loop_watch(query->loop, fd, LOOP_READ, on_client, client);
	if (!client->watch)
		drop(client);
}

bool query_review(struct query *query, uint64_t now_us)
{
	bool is_answered = false, is_waiting = false;

	if (!query)
		return false;
	for (unsigned i = 0; i < QUERY_CLIENTS_MAX; i++) {
		struct client *client = &query->clients[i];
		bool is_question =
			client->fd >= 0 && client->is_asked && !client->answer;

		if (is_question && !is_answered) {
			answer_one(client);
			is_answered = true;
		} else if (is_question) {
			is_waiting = true;
		} else if (client->fd >= 0 && now_us >= client->until_us) {
			drop(client);
		}
	}
	return is_waiting;
}

/* ---- the socket ---------------------------------------------------------- */

/* The name is taken from a predecessor, which may still be ending: it keeps
 * its own clients, and whoever comes from now on is ours. */
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
	unlink(path);
	before = umask(0117);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, QUERY_CLIENTS_MAX) < 0)
		rc = -errno;
	umask(before);
	if (rc < 0)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

struct query *query_new(struct loop *loop, const char *run_dir, int *ret_error)
{
	struct query *query = calloc(1, sizeof(*query));
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int rc = query ? 0 : -ENOMEM;

	if (rc == 0 && (size_t)snprintf(path, sizeof(path), "%s/" QUERY_SOCKET,
					run_dir) >= sizeof(path))
		rc = -ENAMETOOLONG;
	if (rc == 0)
		rc = bind_socket(path, &query->fd);
	if (rc < 0) {
		free(query);
		*ret_error = rc;
		return NULL;
	}
	query->loop = loop;
	query->run_dir = run_dir;
	for (unsigned i = 0; i < QUERY_CLIENTS_MAX; i++)
		query->clients[i].fd = -1;
	query->watch =
		loop_watch(loop, query->fd, LOOP_READ, on_connect, query);
	if (query->watch)
		return query;
	*ret_error = -ENOMEM;
	return query_free(query);
}

/* The name stays: it may be a successor's by now. */
struct query *query_free(struct query *query)
{
	if (!query)
		return NULL;
	for (unsigned i = 0; i < QUERY_CLIENTS_MAX; i++) {
		if (query->clients[i].fd >= 0)
			drop(&query->clients[i]);
	}
	watch_free(query->watch);
	close(query->fd);
	free(query);
	return NULL;
}
