/* SPDX-License-Identifier: Apache-2.0
 *
 * The observer's socket for members of the group, with clients that mean no
 * good: questions without end, without a question, too many at once, verbs and
 * options that are not theirs.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "tools/observer_query.h"

static char folder[64];
static struct loop *loop;
static struct query *query;
static char reply[4096];

static void make(void)
{
	int error = 0;

	snprintf(folder, sizeof(folder), "/tmp/mspool-query-XXXXXX");
	cr_assert(mkdtemp(folder));
	loop = loop_new();
	query = query_new(loop, folder, &error);
	cr_assert(query, "%s", strerror(-error));
}

static void path_of(char *path, size_t size)
{
	snprintf(path, size, "%s/" QUERY_SOCKET, folder);
}

static void drop(void)
{
	char path[128];

	query_free(query);
	loop_free(loop);
	path_of(path, sizeof(path));
	unlink(path);
	rmdir(folder);
}

TestSuite(observer_query, .init = make, .fini = drop, .timeout = 30);

static void turn(unsigned n)
{
	while (n--) {
		loop_turn(loop, 1000);
		query_review(query, clock_boot_us());
	}
}

static int come(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	path_of(to.sun_path, sizeof(to.sun_path));
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	turn(2);
	return fd;
}

static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* The whole answer, in `reply`. */
static const char *ask(const char *question, size_t len)
{
	int fd = come();
	ssize_t n;

	cr_assert_eq(send(fd, question, len, MSG_NOSIGNAL), (ssize_t)len);
	turn(6);
	n = recv(fd, reply, sizeof(reply) - 1, MSG_DONTWAIT);
	reply[n > 0 ? n : 0] = '\0';
	cr_expect(is_closed(fd));
	close(fd);
	return reply;
}

#define ASK(literal) ask(literal, sizeof(literal) - 1)

#define expect_part(text, part)                                                \
	cr_expect(strstr(text, part), "no '%s' in '%s'", part, text)

Test(observer_query, socket_is_for_owner_and_group)
{
	struct stat st;
	char path[128];

	path_of(path, sizeof(path));
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
}

Test(observer_query, answers_in_words_that_there_is_no_pool)
{
	expect_part(ASK("query 0 0\0status\n"), "3 0 ");
	expect_part(reply, "no pool is running in /tmp/mspool-query-");
}

Test(observer_query, acts_for_nobody)
{
	expect_part(ASK("query 0 0\0stop\n"), "1 0 ");
	expect_part(reply, "not answered to members of the group");
	expect_part(ASK("query 0 0\0hangup\0ms1-1\n"), "not answered");
	expect_part(ASK("query 0 0\0demo\n"), "not answered");
	expect_part(ASK("query 0 0\0events\0-f\n"), "not answered");
	expect_part(ASK("query 0 0\0reload\0-n\n"), "not answered");
}

/* A member could read files as the pool's user, or look into another pool. */
Test(observer_query, reads_no_other_file_or_folder)
{
	expect_part(ASK("query 0 0\0test\0route\0--file\0/etc/shadow\n"),
		    "not answered");
	expect_part(ASK("query 0 0\0test\0route\0001\0-c\0/etc/shadow\n"),
		    "not answered");
	expect_part(ASK("query 0 0\0-r\0/run/other\0status\n"),
		    "no pool is running in /tmp/mspool-query-");
}

Test(observer_query, refuses_what_is_no_question)
{
	char many[256] = "query 0 0";
	size_t len = strlen(many) + 1;

	expect_part(ASK("\n"), "that is no question");
	expect_part(ASK("GET / HTTP/1.0\r\n"), "that is no question");
	expect_part(ASK("query 0 0\n"), "that is no question");
	expect_part(ASK("query -1 0\0status\n"), "that is no question");
	expect_part(ASK("query 0 0\0stat\n"), "did you mean");
	for (unsigned i = 0; i <= QUERY_WORDS_MAX; i++, len += 2)
		memcpy(many + len, "a", 2);
	many[len - 1] = '\n';
	expect_part(ask(many, len), "that is no question");
}

Test(observer_query, lets_go_of_who_says_more_than_a_line)
{
	char noise[QUERY_LINE_MAX + 100];
	int fd = come();

	memset(noise, 'x', sizeof(noise));
	send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
	turn(4);
	cr_expect(is_closed(fd) || errno == ECONNRESET);
	close(fd);
	expect_part(ASK("query 0 0\0status\n"), "no pool");
}

/* One user gets his share of the places; they are free again in time. */
Test(observer_query, silent_clients_are_few_and_do_not_stay)
{
	int fds[QUERY_OF_ONE_MAX], late;

	for (unsigned i = 0; i < QUERY_OF_ONE_MAX; i++)
		fds[i] = come();
	late = come();
	cr_expect(is_closed(late));
	close(late);
	cr_expect_not(is_closed(fds[0]));
	query_review(query, clock_boot_us() + QUERY_TALK_US);
	for (unsigned i = 0; i < QUERY_OF_ONE_MAX; i++) {
		cr_expect(is_closed(fds[i]));
		close(fds[i]);
	}
	expect_part(ASK("query 0 0\0status\n"), "no pool");
}
