/* SPDX-License-Identifier: Apache-2.0
 *
 * The observer's HTTP with clients that mean no good: connections without end,
 * requests without end.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/observer_http.h"

#define CLIENTS (2 * HTTP_CONNECTIONS_MAX)

static void say_hello(void *arg, struct http_reply *reply)
{
	(void)arg;
	fputs("hello", reply->body);
}

static const struct http_row rows[] = {{"/hello", say_hello}, {NULL, NULL}};

static struct loop *loop;
static struct http *http;
static struct addr at;

static void make(void)
{
	unsigned port = 20000 + (unsigned)getpid() % 10000;

	loop = loop_new();
	http = http_new(loop, rows, NULL);
	cr_assert(loop && http);
	cr_assert_eq(addr_parse(SLICE("127.200.1.1"), (uint16_t)port, &at), 0);
	cr_assert_eq(http_listen(http, &at), 0);
}

static void drop(void)
{
	http_free(http);
	loop_free(loop);
}

TestSuite(observer_http, .init = make, .fini = drop, .timeout = 30);

static void turn(unsigned n)
{
	while (n--)
		loop_turn(loop, 1000);
}

static int connect_to(const struct addr *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	cr_assert(connect(fd, &to->sa, addr_len(to)) == 0 ||
		  errno == EINPROGRESS);
	return fd;
}

static bool is_answered(int fd, const char *request, const char *wanted)
{
	char text[4096];
	ssize_t len = 0, n;

	turn(5);
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return false;
	turn(20);
	while ((n = recv(fd, text + len, sizeof(text) - 1 - (size_t)len, 0)) >
	       0)
		len += n;
	text[len] = 0;
	return strstr(text, wanted) != NULL;
}

static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

Test(observer_http, a_known_path_is_answered_and_others_are_not)
{
	int fd = connect_to(&at);

	cr_expect(is_answered(fd, hello, "\r\n\r\nhello"));
	close(fd);
	fd = connect_to(&at);
	cr_expect(is_answered(fd, "GET /etc HTTP/1.1\r\nHost: a\r\n\r\n",
			      "HTTP/1.1 404"));
	close(fd);
	fd = connect_to(&at);
	cr_expect_not(is_answered(fd, "DELETE /hello HTTP/1.1\r\n\r\n",
				  "HTTP/1.1 200"));
	close(fd);
}

Test(observer_http, silent_clients_take_few_places_and_not_for_long)
{
	uint64_t now_us = clock_boot_us();
	int fds[CLIENTS], late;

	for (unsigned i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(&at);
		turn(2);
	}
	late = connect_to(&at);
	cr_expect_not(is_answered(late, hello, "hello"), "there was a place");
	for (unsigned i = 0; i < 4; i++) { /* the first, then those behind */
		now_us += 2 * HTTP_LIFE_US;
		http_sweep(http, now_us);
		turn(20);
		http_sweep(http, now_us);
		turn(20);
	}
	close(late);
	late = connect_to(&at);
	cr_expect(is_answered(late, hello, "hello"), "no place came free");
	close(late);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fds[i]);
}

Test(observer_http, a_request_that_never_ends_is_refused)
{
	int fd = connect_to(&at);
	char line[1024];
	ssize_t n = 1;

	memset(line, 'x', sizeof(line));
	turn(5);
	send(fd, "GET /hello HTTP/1.1\r\nA: ", 24, MSG_NOSIGNAL);
	for (unsigned i = 0; i < 64 && n > 0; i++) {
		n = send(fd, line, sizeof(line), MSG_NOSIGNAL);
		turn(2);
	}
	turn(20);
	n = recv(fd, line, sizeof(line), 0);
	cr_expect(n == 0 || (n < 0 && errno != EAGAIN) ||
			  (n > 12 && memcmp(line, "HTTP/1.1 4", 10) == 0),
		  "it goes on for ever");
	close(fd);
}

Test(observer_http, another_place_takes_over_and_a_bad_one_changes_nothing)
{
	struct addr other = at, taken = at;
	int fd;

	addr_set_port(&other, (uint16_t)(addr_port(&at) + 1));
	cr_assert_eq(addr_parse(SLICE("198.51.100.1"), 9, &taken), 0);
	cr_expect_lt(http_listen(http, &taken), 0);
	fd = connect_to(&at);
	cr_expect(is_answered(fd, hello, "hello"));
	close(fd);
	cr_expect_eq(http_listen(http, &other), 0);
	fd = connect_to(&other);
	cr_expect(is_answered(fd, hello, "hello"));
	close(fd);
	cr_expect_eq(http_listen(http, NULL), 0);
	cr_expect_not(http_is_listening(http));
}
