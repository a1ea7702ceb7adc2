/* SPDX-License-Identifier: Apache-2.0
 *
 * base/child.c: what a child insists on, and how it takes a configuration.
 * child_start changes a whole process, so each start is a fork of this test.
 */
#include "base/child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int inside_fn(struct child *child);

struct start {
	int argc;
	const char *slot;
	int socket_type; /* 0: descriptor 3 is closed */
};

static void run_child(const struct start *start, inside_fn *inside)
{
	char program[] = "mspool-worker", slot[16], dir[] = "/run/x";
	char *argv[] = {program, slot, dir, NULL};
	struct child child;
	int fds[2];

	snprintf(slot, sizeof(slot), "%s", start->slot);
	close(CHILD_CHANNEL_FD);
	if (start->socket_type != 0) {
		socketpair(AF_UNIX, start->socket_type, 0, fds);
		if (fds[0] != CHILD_CHANNEL_FD)
			dup2(fds[0], CHILD_CHANNEL_FD);
	}
	fcntl(open("/dev/null", O_RDWR), F_DUPFD, 50);
	child_start(&child, start->argc, argv);
	_exit(inside ? inside(&child) : 0);
}

static int exit_code_of(struct start start, inside_fn *inside)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		run_child(&start, inside);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int check_started(struct child *child)
{
	if (strcmp(child->name, "ms3") != 0 || child->slot.index != 3 ||
	    strcmp(child->run_dir, "/run/x") != 0 || child->config)
		return 10;
	if (channel_fd(child->channel) != CHILD_CHANNEL_FD || !child->loop)
		return 11;
	if (fcntl(50, F_GETFD) != -1)
		return 12;
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 13;
	raise(SIGHUP);
	raise(SIGPIPE);
	return 42;
}

Test(child, a_good_start_leaves_channel_loop_and_nothing_else)
{
	cr_assert_eq(exit_code_of((struct start){3, "ms3", SOCK_SEQPACKET},
				  check_started),
		     42);
}

Test(child, a_start_by_hand_is_refused)
{
	cr_expect_eq(exit_code_of((struct start){3, "ms3", 0}, NULL), 2);
	cr_expect_eq(exit_code_of((struct start){3, "ms3", SOCK_STREAM}, NULL),
		     2);
	cr_expect_eq(
		exit_code_of((struct start){2, "ms3", SOCK_SEQPACKET}, NULL),
		2);
	cr_expect_eq(
		exit_code_of((struct start){3, "gw1", SOCK_SEQPACKET}, NULL),
		2);
}

static const char text[] = "[pool]\nfqdn = pool.example.com\n"
			   "[listen internal]\nudp = 127.0.0.1:5070\n"
			   "[listen gateway]\nudp = 127.0.0.1:5068\n"
			   "[frontend fe1]\naddress = 127.0.0.1:5060\n"
			   "transport = udp\n"
			   "[gateway gw1]\naddress = 127.0.0.2:5066\n"
			   "transport = udp\n";

static int memfd_of(const char *bytes, size_t len)
{
	int fd = memfd_create("config", MFD_CLOEXEC);

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	return fd;
}

static int take(struct child *child, uint32_t generation, uint32_t size, int fd,
		struct config **ret_old)
{
	struct message_config head = {.generation = generation, .size = size};

	return child_take_config(child, &head, fd, ret_old);
}

Test(child, a_configuration_replaces_the_one_before)
{
	struct child child = {0};
	struct config *old = NULL, *first;
	int fd = memfd_of(text, strlen(text));

	cr_assert_eq(take(&child, 1, strlen(text), fd, &old), 0);
	cr_assert_null(old);
	cr_assert_str_eq(child.config->pool.fqdn, "pool.example.com");
	cr_assert_eq(child.generation, 1);
	cr_assert_eq(fcntl(fd, F_GETFD), -1); /* closed */
	first = child.config;
	fd = memfd_of(text, strlen(text));
	cr_assert_eq(take(&child, 2, strlen(text), fd, &old), 0);
	cr_assert_eq(old, first);
	cr_assert_eq(child.generation, 2);
	config_free(old);
	config_free(child.config);
}

Test(child, a_configuration_that_is_no_good_changes_nothing)
{
	struct config *old = (struct config *)&text;
	struct child child = {.generation = 7};
	int fd = memfd_of("[pool]\nnonsense = 1\n", 20);

	cr_expect_lt(take(&child, 8, 20, fd, &old), 0);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
	fd = memfd_of(text, strlen(text));
	cr_expect_eq(take(&child, 8, sizeof(text) + 9000, fd, &old), -EPROTO);
	fd = memfd_of("", 0);
	cr_expect_eq(take(&child, 8, 0, fd, &old), -EPROTO);
	cr_expect_lt(take(&child, 8, 10, open("/dev/null", O_RDONLY), &old), 0);
	cr_assert_eq(child.generation, 7);
	cr_assert_null(child.config);
	cr_assert_eq(old, (struct config *)&text);
}
