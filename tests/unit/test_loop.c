/* SPDX-License-Identifier: Apache-2.0
 *
 * base/loop.c: turns end in time and run what is ready.
 */
#include "base/loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"

static struct loop *loop;
static struct watch *own;
static unsigned n_called, last_what;
static int last_fd;

static void count(int fd, unsigned what, void *arg)
{
	(void)arg;
	n_called++;
	last_fd = fd;
	last_what = what;
}

static void setup(void)
{
	loop = loop_new();
}

static void teardown(void)
{
	loop = loop_free(loop);
}

TestSuite(loop, .init = setup, .fini = teardown, .timeout = 10);

Test(loop, a_turn_with_nothing_to_do_ends_when_it_should)
{
	uint64_t before = clock_boot_us(), took;

	cr_assert_eq(loop_turn(loop, 30000), 0);
	took = clock_boot_us() - before;
	cr_assert(took >= 29000 && took < 2000000);
	before = clock_boot_us();
	cr_assert_eq(loop_turn(loop, 0), 0);
	cr_assert_lt(clock_boot_us() - before, 500000u);
}

Test(loop, a_shorter_wait_is_not_held_up_by_a_longer_one_before_it)
{
	uint64_t before = clock_boot_us();
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	own = loop_watch(loop, fds[0], LOOP_READ, count, NULL);
	cr_assert_eq(loop_turn(loop, 8000000), 0); /* ended by input */
	cr_assert_eq(n_called, 1);
	own = watch_free(own);
	cr_assert_eq(loop_turn(loop, 20000), 0);
	cr_assert_lt(clock_boot_us() - before, 4000000u);
}

Test(loop, what_is_ready_is_run_and_ends_the_turn)
{
	struct watch *watch;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	watch = loop_watch(loop, fds[0], LOOP_READ, count, NULL);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	cr_assert_eq(loop_turn(loop, 5000000), 0);
	cr_assert_eq(n_called, 1);
	cr_assert_eq(last_fd, fds[0]);
	cr_assert_eq(last_what, LOOP_READ);
	cr_assert_eq(loop_turn(loop, 0), 0); /* still readable */
	cr_assert_eq(n_called, 2);
	watch_free(watch);
	cr_assert_eq(loop_turn(loop, 0), 0);
	cr_assert_eq(n_called, 2);
}

Test(loop, an_edge_is_told_once)
{
	struct watch *watch;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	watch = loop_watch(loop, fds[0], LOOP_READ | LOOP_EDGE, count, NULL);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	cr_assert_eq(n_called, 1);
	cr_assert_eq(last_what, LOOP_READ);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	loop_turn(loop, 0);
	cr_assert_eq(n_called, 2);
	watch_free(watch);
}

Test(loop, a_signal_is_heard_in_the_loop)
{
	struct watch *watch = loop_watch_signal(loop, SIGUSR1, count, NULL);

	raise(SIGUSR1);
	cr_assert_eq(n_called, 0);
	loop_turn(loop, 1000000);
	cr_assert_eq(n_called, 1);
	cr_assert_eq(last_fd, SIGUSR1);
	watch_free(watch);
}

Test(loop, an_interval_repeats_until_it_is_freed)
{
	struct watch *watch = loop_watch_every(loop, 5000, count, NULL);

	while (n_called < 3)
		loop_turn(loop, 1000000);
	watch_free(watch);
	n_called = 0;
	loop_turn(loop, 20000);
	cr_assert_eq(n_called, 0);
}

static struct watch *own_watch;

static void free_itself(int fd, unsigned what, void *arg)
{
	count(fd, what, arg);
	own_watch = watch_free(own_watch);
}

Test(loop, a_watch_may_be_freed_from_its_own_call)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	own_watch = loop_watch(loop, fds[1], LOOP_WRITE, free_itself, NULL);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	cr_assert_eq(n_called, 1);
	cr_assert_eq(last_what, LOOP_WRITE);
}

Test(loop, the_environment_does_not_bring_the_changelist)
{
	struct watch *watch;
	int fds[2], copy;

	setenv("EVENT_EPOLL_USE_CHANGELIST", "1", 1);
	loop = loop_free(loop);
	loop = loop_new();
	cr_assert_eq(pipe(fds), 0);
	copy = dup(fds[0]); /* the master's duplicate */
	watch = loop_watch(loop, fds[0], LOOP_READ, count, NULL);
	watch_free(watch);
	close(fds[0]);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	loop_turn(loop, 20000);
	cr_assert_eq(n_called, 0, "heard through the duplicate");
	close(copy);
}
