/* SPDX-License-Identifier: Apache-2.0
 *
 * The master as a process, with fake children: supervision, ownership of
 * books, scaling, reload, the control socket, the end.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/pool_rig.h"

TestSuite(master, .init = rig_make, .fini = rig_remove, .timeout = 60);

#define expect_line(file, pattern)                                             \
	cr_expect(rig_wait_line(file, pattern), "no %s in %s", pattern, file)
#define assert_line(file, pattern)                                             \
	cr_assert(rig_wait_line(file, pattern), "no %s in %s", pattern, file)

static bool exists(const char *rest)
{
	return access(rig_path(rest), F_OK) == 0;
}

static void expect_part(const char *text, const char *part)
{
	cr_expect_not_null(strstr(text, part), "no %s in %s", part, text);
}

/* ---- start --------------------------------------------------------------- */

Test(master, starts_every_worker_and_gives_it_all_it_needs_before_serve)
{
	rig_config(2, 1, "");
	rig_start_up();
	/* three listeners of its own book, doorbells of all three slots */
	expect_line("fake.log", "ms1 serve ms1 * listeners 3 held 0 bells 3");
	expect_line("fake.log", "ms2 serve ms2 * listeners 3 held 0 bells 3");
	expect_line("fake.log", "mw1 serve mw1 *");
	cr_expect(exists("run/state/config.txt"));
	cr_expect(exists("run/state/rings/handover-1-2"));
	cr_expect(exists("run/state/rings/handover-2-1"));
	cr_expect(exists("run/state/rings/look-2-1"));
	cr_expect(rig_is_ok("workers-ready"));
}

/* Waits for a datagram of the notify socket that begins so. */
static bool wait_notice(int fd, const char *begin)
{
	char text[256];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		if (strncmp(text, begin, strlen(begin)) == 0)
			return true;
	}
	return false;
}

static int open_notify_socket(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval wait = {RIG_WAIT_MS / 1000, 0};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", rig_path("notify"));
	cr_assert(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setenv("NOTIFY_SOCKET", at.sun_path, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	return fd;
}

Test(master, tells_systemd_of_its_start_life_reload_and_end)
{
	int fd = open_notify_socket();

	rig_config(1, 0, "");
	rig_start_up();
	cr_expect(wait_notice(fd, "READY=1"));
	cr_expect(wait_notice(fd, "WATCHDOG=1"));
	rig_config(2, 0, "");
	cr_expect(rig_is_ok("reload"));
	cr_expect(wait_notice(fd, "RELOADING=1\nMONOTONIC_USEC="));
	cr_expect(wait_notice(fd, "READY=1"));
	rig_signal(SIGTERM);
	cr_expect(wait_notice(fd, "STOPPING=1"));
	cr_expect(eq(int, rig_wait_end(), 0));
}

Test(master, refuses_a_wrong_configuration_with_78_and_its_lines)
{
	rig_config(1, 0, "[gateway gw2]\nadress = 127.0.0.1:11\n");
	rig_start();
	cr_expect(eq(int, rig_wait_end(), 78));
	expect_line("log", "*pool.ini:*error:*adress*");
	cr_expect(not(exists("run/mspoold.pid")));
}

Test(master, names_the_listener_whose_address_is_taken)
{
	int fd = rig_bind(1, rig_port());

	cr_assert(ge(int, fd, 0));
	rig_config(1, 0, "");
	rig_start();
	cr_expect(eq(int, rig_wait_end(), 1));
	expect_line("log", "*pool.ini:10: cannot listen on udp 127.0.0.1:*"
			   "[[]listen gateway]*already in use*");
	close(fd);
}

/* Runs mspoold in the foreground beside the one of the rig. */
static int run_second(void)
{
	char command[512];
	int n = snprintf(command, sizeof(command), "%s -f",
			 rig_path("mspoold"));

	n += snprintf(command + n, sizeof(command) - (size_t)n, " -c %s",
		      rig_path("pool.ini"));
	snprintf(command + n, sizeof(command) - (size_t)n, " 2>>%s",
		 rig_path("log"));
	return WEXITSTATUS(system(command));
}

Test(master, is_alone_on_its_run_folder)
{
	char first[32];

	rig_config(1, 0, "");
	snprintf(first, sizeof(first), "*(pid %d)*", (int)rig_start_up());
	cr_expect(eq(int, run_second(), 1));
	expect_line("log", first);
	cr_expect(rig_is_ok("workers-ready"));
	cr_expect(exists("run/mspoold.pid"));
}

/* ---- a master that was killed -------------------------------------------- */

/* kill -9 and another one, with workers that live on. */
static void succeed(void)
{
	rig_signal(SIGKILL);
	cr_assert(eq(int, rig_wait_end(), -1));
	rig_forget_lines("fake.log");
	rig_start_up();
}

Test(master, killed_gets_its_workers_back_by_its_successor)
{
	pid_t ms1, mw1;

	rig_config(2, 1, "");
	rig_ask("hold-ms1", "3");
	rig_ask("hold-mw1", "");
	rig_start_up();
	ms1 = rig_pid("ms1");
	mw1 = rig_pid("mw1");
	succeed();
	expect_line("log", "*event=workers_kept*workers=3 sockets=6*");
	expect_line("fake.log", "ms1 config 2");
	expect_line("fake.log", "mw1 config 2");
	expect_line("fake.log", "ms1 drain 0");
	cr_expect(eq(uint, rig_count_lines("fake.log", "* drain 1"), 0));
	cr_expect(eq(uint, rig_count_lines("fake.log", "* start *"), 0));
	cr_expect(eq(uint, rig_count_lines("fake.log", "* serve *"), 0));
	cr_expect(eq(int, rig_pid("ms1"), ms1));
	cr_expect(eq(int, rig_pid("mw1"), mw1));
	cr_expect(rig_is_ok("workers-ready"));
	/* All descriptors are held again: a successor gets them. */
	kill(ms1, SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 held 3 *");
	kill(mw1, SIGKILL);
	expect_line("fake.log", "mw1 serve mw1 held 1");
}

Test(master, killed_five_times_in_a_row_keeps_its_workers)
{
	pid_t ms1;

	rig_config(1, 1, "");
	rig_ask("hold-ms1", "500");
	rig_start_up();
	ms1 = rig_pid("ms1");
	for (unsigned i = 0; i < 5; i++)
		succeed();
	cr_expect(eq(int, rig_pid("ms1"), ms1));
	kill(ms1, SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 held 500 *");
}

Test(master, successor_ends_and_replaces_a_worker_that_does_not_come_back)
{
	pid_t ms1, ms2;

	rig_config(2, 0, "");
	rig_start_up();
	ms1 = rig_pid("ms1");
	ms2 = rig_pid("ms2");
	rig_ask("lost-ms1", "");
	succeed();
	expect_line("log", "*event=survivor_ended*slot=ms1*not come back*");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 *");
	cr_expect(ne(int, rig_pid("ms1"), ms1));
	cr_expect(eq(int, rig_pid("ms2"), ms2));
}

Test(master, successor_starts_what_died_while_there_was_no_master)
{
	rig_config(2, 0, "");
	rig_start_up();
	rig_signal(SIGKILL);
	cr_assert(eq(int, rig_wait_end(), -1));
	kill(rig_pid("ms2"), SIGKILL);
	rig_forget_lines("fake.log");
	rig_start_up();
	expect_line("fake.log", "ms2 serve ms2 epoch 2 listeners 3 held 0 "
				"bells 2");
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms1 start *"), 0));
}

Test(master, successor_knows_who_serves_an_adopted_book)
{
	rig_config(2, 0, "");
	rig_ask("hold-ms2", "2");
	rig_start_up();
	rig_config(1, 0, "");
	cr_assert(rig_is_ok("reload"));
	assert_line("fake.log", "ms1 serve ms2 epoch 2 *");
	succeed();
	cr_expect(eq(uint, rig_count_lines("fake.log", "* serve *"), 0));
	cr_assert(rig_is_ok("scale signalling 2"));
	expect_line("fake.log", "ms1 retire ms2");
	expect_line("fake.log", "ms2 serve ms2 epoch 3 listeners 3 held 2 *");
}

Test(master, successor_retires_what_its_configuration_does_not_want)
{
	rig_config(2, 1, "");
	rig_start_up();
	rig_config(1, 1, "");
	succeed();
	expect_line("fake.log", "ms2 retire ms2");
	expect_line("fake.log", "ms1 serve ms2 epoch 2 *");
}

Test(master, successor_gives_workers_the_listeners_that_are_new)
{
	char more[128];

	rig_config(1, 0, "");
	rig_start_up();
	snprintf(more, sizeof(more), "[trunk gw1]\ngateway = gw1\nport = %u\n",
		 rig_port() + 1);
	rig_config(1, 0, more);
	succeed();
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 4 *");
}

Test(master, successor_keeps_the_prober)
{
	unsigned prober;

	rig_config(3, 0, "");
	rig_start_up();
	assert_line("fake.log", "ms? probe 1");
	prober = (unsigned)(rig_line()[2] - '0');
	kill(rig_pid(prober == 1 ? "ms1" : "ms2"), SIGKILL);
	usleep(300000);
	succeed();
	expect_line("fake.log", "ms? probe 1");
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms? probe 1"), 1));
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms? probe 0"), 2));
}

Test(master, successor_keeps_nobody_where_the_addressing_changed)
{
	pid_t ms1;

	rig_config(1, 0, "");
	rig_start_up();
	ms1 = rig_pid("ms1");
	rig_pool_lines("addressing = per-server\n");
	rig_config(1, 0, "");
	succeed();
	expect_line("log", "*event=workers_not_kept*addressing*");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 *");
	cr_expect(ne(int, rig_pid("ms1"), ms1));
}

Test(master, watches_and_kills_a_worker_that_is_not_its_child)
{
	rig_config(1, 0, "");
	rig_start_up();
	succeed();
	kill(rig_pid("ms1"), SIGSTOP);
	expect_line("log", "*event=worker_hung*slot=ms1*no beat*");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 *");
	cr_expect(rig_is_ok("stop now"));
	cr_expect(eq(int, rig_wait_end(), 0));
}

Test(master, sends_a_stranger_at_its_adoption_socket_away)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval wait = {RIG_WAIT_MS / 1000, 0};
	char byte;

	rig_config(1, 0, "");
	rig_start_up();
	snprintf(to.sun_path, sizeof(to.sun_path), "%s",
		 rig_path("run/adopt.sock"));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	cr_assert(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	(void)!send(fd, "hello", 5, MSG_NOSIGNAL);
	cr_expect(le(long, recv(fd, &byte, 1, 0), 0));
	cr_expect(rig_is_ok("workers-ready"));
	close(fd);
}

/* ---- deaths -------------------------------------------------------------- */

Test(master, replaces_a_killed_worker_with_its_connections_and_a_higher_epoch)
{
	rig_config(2, 0, "");
	rig_ask("hold-ms1", "3");
	rig_start_up();
	rig_forget_lines("fake.log");
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 held 3 *");
	expect_line("log", "*event=worker_died*slot=ms1*signal 9*");
	expect_line("log", "*event=worker_replaced*slot=ms1*");
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms2 serve *"), 0));
}

/* Many times what a channel's buffer holds, and an odd end.  AddressSanitizer
 * makes a fake child's socketpairs so slow that fewer must do. */
#ifdef SANITIZED
#define MANY_CONNECTIONS "1200"
#define MANY_SOCKETS	 "1301"
#else
#define MANY_CONNECTIONS "3000"
#define MANY_SOCKETS	 "2601"
#endif

Test(master, gives_back_more_descriptors_than_a_channel_takes_at_once)
{
	rig_config(1, 0, "");
	rig_ask("hold-ms1", MANY_CONNECTIONS);
	rig_start_up();
	rig_forget_lines("fake.log");
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log",
		    "ms1 serve ms1 epoch 2 * held " MANY_CONNECTIONS " *");
}

Test(master, gives_a_media_worker_its_sockets_back)
{
	rig_config(1, 1, "");
	rig_ask("hold-mw1", "");
	rig_start_up();
	rig_forget_lines("fake.log");
	kill(rig_pid("mw1"), SIGKILL);
	expect_line("fake.log", "mw1 serve mw1 held 1");
}

Test(master, gives_back_more_rtp_sockets_than_a_message_takes)
{
	rig_config(1, 1, "");
	rig_ask("hold-mw1", MANY_SOCKETS);
	rig_start_up();
	rig_forget_lines("fake.log");
	kill(rig_pid("mw1"), SIGKILL);
	expect_line("fake.log", "mw1 serve mw1 held " MANY_SOCKETS);
}

Test(master, kills_and_replaces_a_worker_that_hangs)
{
	pid_t old;

	rig_config(1, 0, "");
	rig_start_up();
	old = rig_pid("ms1");
	rig_forget_lines("fake.log");
	kill(old, SIGSTOP);
	expect_line("log", "*event=worker_hung*slot=ms1*no beat*");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 *");
	cr_expect(ne(int, rig_pid("ms1"), old));
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* From SIGSTOP until the successor serves, less the longest time for which this
 * process, too, was not let run: so busy was the host. */
static uint64_t hang_ms(void)
{
	uint64_t from = now_ms(), last = from, now = from, stalled = 0;

	rig_forget_lines("fake.log");
	kill(rig_pid("ms1"), SIGSTOP);
	while (rig_count_lines("fake.log", "ms1 serve ms1 *") == 0) {
		usleep(1000);
		now = now_ms();
		if (now - last > stalled)
			stalled = now - last;
		last = now;
		cr_assert(lt(u64, now - from, 20000), "nobody serves");
	}
	return now - from - stalled;
}

/* A master that looks too rarely is late most of the time: 800 ms are the
 * watchdog's.  Who dies within a second of its start is held back longer each
 * time, so each lives longer. */
Test(master, succeeds_a_hung_worker_within_the_watchdog_and_50_ms)
{
	unsigned n_late = 0;

	rig_pool_lines("watchdog = 800ms\n");
	rig_config(1, 0, "");
	rig_start_up();
	for (unsigned i = 0; i < 5; i++) {
		uint64_t ms;

		usleep(400000 + 37000 * i);
		ms = hang_ms();
		cr_expect(ge(u64, ms, 800 - 100), "the beat is 20 ms");
		n_late += ms > 850;
	}
	cr_expect(le(uint, n_late, 1), "%u of 5 were late", n_late);
}

Test(master, kills_a_worker_that_never_gets_ready)
{
	rig_config(2, 0, "");
	rig_ask("mute-ms2", "");
	rig_start();
	assert_line("log", "*event=worker_hung*slot=ms2*not ready in time*");
	rig_ask("mute-ms2", NULL);
	expect_line("log", "*event=pool_up*");
}

Test(master, gives_the_book_of_a_crash_loop_to_a_sibling)
{
	rig_config(2, 0, "");
	rig_start_up();
	rig_ask("die-ms2", "");
	rig_forget_lines("fake.log");
	kill(rig_pid("ms2"), SIGKILL);
	assert_line("log", "*event=worker_down*slot=ms2*");
	expect_line("fake.log", "ms1 serve ms2 epoch * listeners 3 *");
	expect_line("log", "*event=book_moved*book=ms2*owner=ms1*");
	cr_expect(not(strcmp(rig_request("reload"), "ok\n")),
		  "a slot that is down holds no reload up");
}

/* The slow one: a slot that is down rests for 30 s. */
Test(master, tries_a_slot_that_is_down_again_and_gives_it_its_book_back)
{
	rig_config(2, 0, "");
	rig_start_up();
	rig_ask("die-ms2", "");
	kill(rig_pid("ms2"), SIGKILL);
	assert_line("log", "*event=worker_down*slot=ms2*");
	assert_line("fake.log", "ms1 serve ms2 *");
	rig_ask("die-ms2", NULL);
	rig_forget_lines("fake.log");
	sleep(25);
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms2 *"), 0));
	assert_line("fake.log", "ms1 retire ms2");
	expect_line("fake.log", "ms2 serve ms2 epoch * listeners 3 *");
	cr_expect(rig_is_ok("workers-ready"));
}

Test(master, moves_the_prober_at_its_death)
{
	rig_config(2, 0, "");
	rig_start_up();
	assert_line("fake.log", "ms? probe 1");
	if (rig_line()[2] == '1') {
		kill(rig_pid("ms1"), SIGKILL);
		expect_line("fake.log", "ms2 probe 1");
	} else {
		kill(rig_pid("ms2"), SIGKILL);
		expect_line("fake.log", "ms1 probe 1");
	}
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms? probe 1"), 2));
}

/* ---- scale --------------------------------------------------------------- */

Test(master, scales_up_with_doorbells_and_rings_for_all)
{
	rig_config(1, 1, "");
	rig_start_up();
	cr_assert(rig_is_ok("scale signalling 3"));
	expect_line("fake.log", "ms3 serve ms3 epoch 1 listeners 3 * bells 4");
	cr_expect(exists("run/state/rings/handover-3-1"));
	cr_expect(exists("run/state/rings/handover-2-3"));
	cr_assert(rig_is_ok("scale media 2"));
	expect_line("fake.log", "mw2 serve mw2 *");
	cr_expect(exists("run/state/rings/look-3-2"));
}

Test(master, gives_a_retired_book_to_an_heir_and_back_when_it_is_wanted_again)
{
	pid_t old;

	rig_config(2, 0, "");
	rig_ask("hold-ms2", "2");
	rig_start_up();
	old = rig_pid("ms2");
	cr_assert(rig_is_ok("scale signalling 1"));
	cr_expect(eq(int, kill(old, 0), -1), "the process is gone");
	expect_line("fake.log", "ms2 retire ms2");
	expect_line("fake.log", "ms1 serve ms2 epoch 2 listeners 3 held 2 *");
	rig_forget_lines("fake.log");
	cr_assert(rig_is_ok("scale signalling 2"));
	expect_line("fake.log", "ms1 retire ms2");
	expect_line("fake.log", "ms2 serve ms2 epoch 3 listeners 3 held 2 *");
}

Test(master, gives_an_heir_that_died_its_own_and_the_adopted_book)
{
	rig_config(3, 0, "");
	rig_start_up();
	cr_assert(rig_is_ok("scale signalling 1"));
	rig_forget_lines("fake.log");
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 *");
	expect_line("fake.log", "ms1 serve ms2 *");
	expect_line("fake.log", "ms1 serve ms3 *");
}

Test(master, retires_a_media_worker_whose_streams_go_to_a_sibling)
{
	rig_config(1, 2, "");
	rig_ask("hold-mw2", "");
	rig_start_up();
	cr_assert(rig_is_ok("scale media 1"));
	expect_line("fake.log", "mw1 serve mw2 held 1");
	cr_expect(not(rig_is_ok("scale media 0")), "no heir");
	rig_forget_lines("fake.log");
	cr_assert(rig_is_ok("scale media 2"));
	expect_line("fake.log", "mw2 serve mw2 held 1");
}

Test(master, kills_a_worker_that_ignores_retire_within_two_seconds)
{
	struct timespec from, to;

	rig_config(2, 0, "");
	rig_ask("stay-ms2", "");
	rig_start_up();
	clock_gettime(CLOCK_MONOTONIC, &from);
	cr_expect(rig_is_ok("scale signalling 1"));
	clock_gettime(CLOCK_MONOTONIC, &to);
	cr_expect(lt(long, to.tv_sec - from.tv_sec, 3));
	expect_line("fake.log", "ms1 serve ms2 epoch 2 *");
}

Test(master, kills_an_heir_that_does_not_let_go)
{
	rig_config(2, 0, "");
	rig_ask("keep-ms1", "");
	rig_start_up();
	cr_assert(rig_is_ok("scale signalling 1"));
	cr_assert(rig_is_ok("scale signalling 2"));
	expect_line("log", "*event=worker_hung*slot=ms1*does not let go*");
	expect_line("fake.log", "ms2 serve ms2 epoch 3 *");
}

Test(master, refuses_to_scale_beyond_its_limits)
{
	rig_config(1, 0, "");
	rig_start_up();
	cr_expect_str_eq(rig_request("scale signalling 0"),
			 "error 2 signalling workers are 1 to 64, not 0\n");
	cr_expect(not(rig_is_ok("scale signalling 65")));
	cr_expect(not(rig_is_ok("scale signalling many")));
	cr_expect(not(rig_is_ok("scale horses 2")));
}

/* ---- reload -------------------------------------------------------------- */

Test(master, reload_takes_new_worker_counts_and_tells_every_child)
{
	rig_config(1, 1, "");
	rig_start_up();
	rig_config(2, 2, "");
	cr_assert(rig_is_ok("reload"), "%s", rig_request("reload"));
	expect_line("fake.log", "ms1 config 2");
	expect_line("fake.log", "mw1 config 2");
	expect_line("fake.log", "ms2 config 2");
	expect_line("fake.log", "mw2 serve mw2 *");
}

Test(master, reload_by_a_signal_does_the_same)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	rig_signal(SIGHUP);
	expect_line("fake.log", "ms2 serve ms2 *");
	expect_line("log", "*event=reload*signalling_workers 1 -> 2*");
}

Test(master, reload_says_what_changed)
{
	const char *answer;

	rig_config(1, 0, "[trunk gw1]\ngateway = gw1\nmax_calls = 6\n");
	rig_start_up();
	rig_config(1, 0, "[trunk gw1]\ngateway = gw1\nmax_calls = 7\n");
	answer = rig_request("reload");
	expect_part(answer, "[trunk gw1] max_calls 6 -> 7");
	expect_part(answer, "\nok\n");
}

Test(master, reload_with_mistakes_changes_nothing_and_names_them_all)
{
	const char *answer;

	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "[gateway g]\nadress = 1\n[trunk t]\ngatway = g\n");
	answer = rig_request("reload");
	expect_part(answer, "adress");
	expect_part(answer, "gatway");
	cr_expect(
		ne(ptr, (void *)(uintptr_t)strstr(answer, "\nerror 1 "), NULL));
	expect_line("log", "*event=reload_refused*");
	cr_expect(eq(uint, rig_count_lines("fake.log", "* config 2"), 0));
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms2 *"), 0));
}

static void expect_free(unsigned last, unsigned port)
{
	int fd = rig_bind(last, port);

	cr_expect(ge(int, fd, 0), "127.0.0.%u:%u is taken", last, port);
	close(fd);
}

/* Two trunk ports, of which the second is taken: the first is given up. */
Test(master, reload_that_cannot_bind_changes_nothing)
{
	unsigned port = rig_port();
	int fd = rig_bind(1, port + 2);
	char more[256];

	cr_assert(ge(int, fd, 0));
	rig_config(1, 0, "");
	rig_start_up();
	snprintf(more, sizeof(more),
		 "[trunk gw1]\ngateway = gw1\nport = %u\n"
		 "[trunk t2]\ngateway = gw1\nport = %u\n",
		 port + 1, port + 2);
	rig_config(2, 0, more);
	expect_part(rig_request("reload"), "cannot listen on");
	expect_free(1, port + 1);
	cr_expect(eq(uint, rig_count_lines("fake.log", "* config 2"), 0));
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms2 *"), 0));
	close(fd);
	expect_part(rig_request("reload"), "\nok\n"); /* it is free now */
	expect_line("fake.log", "ms2 serve ms2 epoch 1 listeners 5 *");
}

/* Per server, ms2 could be had and ms3 could not: neither is added. */
Test(master, scale_that_cannot_bind_for_every_server_adds_none)
{
	unsigned port = rig_port();
	int fd = rig_bind(1, port + 2);

	cr_assert(ge(int, fd, 0));
	rig_pool_lines("addressing = per-server\n");
	rig_config(1, 0, "");
	rig_start_up();
	expect_part(rig_request("scale signalling 3"), "ms3): Address already");
	expect_free(1, port + 1);
	expect_free(2, port + 1);
	expect_free(2, port + 2);
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms2 *"), 0));
	close(fd);
	cr_expect(rig_is_ok("scale signalling 3"));
	expect_line("fake.log", "ms3 serve ms3 epoch 1 listeners 3 *");
}

Test(master, reload_n_only_looks)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_expect(rig_is_ok("reload -n"));
	cr_expect(eq(uint, rig_count_lines("fake.log", "* config 2"), 0));
	cr_expect(not(rig_is_ok("reload -x")));
}

Test(master, reload_refuses_what_only_a_restart_can_change)
{
	rig_config(1, 1, "");
	rig_start_up();
	rig_config(1, 0, "");
	cr_expect_str_eq(rig_request("reload"),
			 "error 1 media_workers (to 0) takes effect at a "
			 "restart only\n");
}

/* Unconfirmed, the configuration of before comes back by itself; the children
 * see a third generation, and the second worker goes again. */
Test(master, reload_on_trial_goes_back_when_nobody_confirms)
{
	const char *answer;

	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	answer = rig_request("reload --confirm 1");
	expect_part(answer, "signalling_workers 1 -> 2");
	expect_part(answer, "generation 1 comes back at ");
	expect_line("fake.log", "ms1 config 2");
	expect_line("log", "*event=rollback generation=3 back_to=1 refused=2*");
	expect_line("fake.log", "ms1 config 3");
	expect_line("fake.log", "ms2 retire*");
	expect_part(rig_request("reload --keep"), "error 1 no reload waits");
	expect_part(rig_request("upgrade"), "was changed: reload first");
}

Test(master, reload_on_trial_stays_when_it_is_kept_or_loaded_again)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_assert(rig_is_ok("reload --confirm 2"));
	cr_expect(exists("run/state/rollback"));
	cr_expect(rig_is_ok("reload --keep"));
	cr_expect(not(exists("run/state/rollback")));
	cr_assert(rig_is_ok("reload --confirm 1"));
	cr_assert(rig_is_ok("reload"));
	cr_expect(not(exists("run/state/rollback")));
	sleep(3); /* both deadlines pass */
	cr_expect(zero(uint, rig_count_lines("log", "*event=rollback *")));
}

Test(master, reload_on_trial_is_undone_at_once)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_assert(rig_is_ok("reload --confirm 600"));
	cr_expect(rig_is_ok("reload --undo"));
	expect_line("log", "*event=rollback generation=3 back_to=1 refused=2*");
	cr_expect(rig_is_ok("reload")); /* the file is as it was: asked again */
	expect_line("fake.log", "ms1 config 4");
}

/* A second trial moves the deadline; what comes back stays the first. */
Test(master, trial_upon_trial_goes_back_to_what_was_confirmed)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_assert(rig_is_ok("reload --confirm 600"));
	rig_config(3, 0, "");
	cr_assert(rig_is_ok("reload --confirm 1"));
	expect_line("log", "*event=rollback generation=4 back_to=1 refused=3*");
	rig_config(2, 0, "[gateway g]\nadress = 1\n");
	expect_part(rig_request("reload --confirm 1"), "\nerror 1 ");
	cr_expect_str_eq(rig_request("reload --keep"),
			 "error 1 no reload waits to be confirmed\n");
}

Test(master, successor_knows_when_to_go_back)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_assert(rig_is_ok("reload --confirm 3"));
	succeed();
	expect_line("log", "*event=rollback_pending back_to=1 *");
	expect_line("log", "*event=rollback generation=4 back_to=1 refused=3*");
}

/* The file still holds what was rolled back, and a crash does not bring it
 * into force; an order, a change or a stop does. */
Test(master, successor_does_not_load_what_was_rolled_back)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	cr_assert(rig_is_ok("reload --confirm 600"));
	cr_assert(rig_is_ok("reload --undo"));
	succeed();
	expect_line("log", "*event=rollback_holds refused=2*");
	cr_expect(zero(uint, rig_count_lines("fake.log", "ms2 *")));
	rig_signal(SIGTERM);
	cr_expect(eq(int, rig_wait_end(), 0));
	rig_forget_lines("fake.log");
	rig_start_up();
	expect_line("fake.log", "ms2 serve ms2 *");
}

Test(master, reload_refuses_what_is_no_trial)
{
	rig_config(1, 0, "");
	rig_start_up();
	expect_part(rig_request("reload --confirm 0"), "error 2 usage");
	expect_part(rig_request("reload --confirm"), "error 2 usage");
	expect_part(rig_request("reload --confirm 5m"), "error 2 usage");
	expect_part(rig_request("reload --keep -n"), "error 2 usage");
	cr_expect(rig_is_ok("reload -n --confirm 5"));
	cr_expect(not(exists("run/state/rollback")));
}

Test(master, replaces_a_child_that_refuses_the_configuration)
{
	rig_config(1, 0, "");
	rig_ask("refuse-ms1", "");
	rig_start_up();
	rig_config(1, 0, "[trunk gw1]\ngateway = gw1\nmax_calls = 7\n");
	cr_expect(rig_is_ok("reload"));
	expect_line("log", "*slot=ms1*refused the configuration*");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 *");
}

/* ---- upgrade ------------------------------------------------------------- */

Test(master, upgrade_replaces_every_process_and_keeps_its_own_pid)
{
	pid_t master, ms1, ms2, mw1;

	rig_config(2, 1, "");
	rig_ask("hold-ms1", "300");
	rig_ask("hold-mw1", "300");
	master = rig_start_up();
	ms1 = rig_pid("ms1");
	ms2 = rig_pid("ms2");
	mw1 = rig_pid("mw1");
	cr_assert(rig_is_ok("upgrade"), "%s", rig_request("upgrade"));
	expect_line("log", "*event=upgrade *phase=exec*");
	expect_line("log", "*event=upgraded *");
	cr_expect(eq(int, kill(master, 0), 0));
	cr_expect(ne(int, rig_pid("ms1"), ms1));
	cr_expect(ne(int, rig_pid("ms2"), ms2));
	cr_expect(ne(int, rig_pid("mw1"), mw1));
	cr_expect(eq(int, kill(ms1, 0), -1), "reaped, too");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 held 300 *");
	expect_line("fake.log", "mw1 serve mw1 held 300");
	cr_expect(zero(uint, rig_count_lines("log", "*event=worker_died*")));
	/* It stops as the one did that was started. */
	rig_signal(SIGTERM);
	cr_expect(eq(int, rig_wait_end(), 0));
	cr_expect(not(exists("run/mspoold.pid")));
	cr_expect(not(exists("run/control.sock")));
}

static unsigned count_fds(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	cr_assert_not_null(folder);
	while ((entry = readdir(folder)))
		n++;
	closedir(folder);
	return n;
}

Test(master, upgraded_over_and_over_holds_what_it_held)
{
	unsigned before;
	pid_t master;

	rig_config(2, 1, "");
	rig_ask("hold-ms1", "20");
	master = rig_start_up();
	cr_assert(rig_is_ok("upgrade"));
	usleep(100000);
	before = count_fds(master);
	for (unsigned i = 0; i < 4; i++)
		cr_assert(rig_is_ok("upgrade"));
	usleep(100000);
	cr_expect(eq(uint, count_fds(master), before));
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 7 listeners 3 held 20 *");
}

Test(master, upgrades_at_usr2)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_signal(SIGUSR2);
	expect_line("log", "*event=upgraded *");
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 *");
}

Test(master, upgrade_keeps_what_was_scaled_and_drained)
{
	rig_config(1, 0, "");
	rig_start_up();
	cr_assert(rig_is_ok("scale signalling 3"));
	cr_assert(rig_is_ok("drain ms3"));
	rig_forget_lines("fake.log");
	cr_assert(rig_is_ok("upgrade"));
	expect_line("fake.log", "ms3 serve ms3 epoch 2 *");
	expect_line("fake.log", "ms3 drain 1");
	cr_expect(rig_is_ok("scale signalling 2"));
}

Test(master, upgrade_is_refused_by_a_new_program_that_cannot_run)
{
	const char *answer;
	pid_t ms1;
	FILE *bad;

	rig_config(1, 0, "");
	rig_start_up();
	ms1 = rig_pid("ms1");
	bad = fopen(rig_path("mspoold.new"), "we");
	fputs("#!/bin/sh\necho I am broken\nexit 3\n", bad);
	fclose(bad);
	chmod(rig_path("mspoold.new"), 0755);
	rig_replace("mspoold.new", "mspoold");
	answer = rig_request("upgrade");
	expect_part(answer, "error 1 the new mspoold -t ended with exit 3: "
			    "I am broken");
	expect_line("log", "*event=upgrade_refused*exit 3*");
	cr_expect(rig_is_ok("workers-ready"));
	cr_expect(eq(int, rig_pid("ms1"), ms1));
	kill(ms1, SIGKILL); /* it supervises as before */
	expect_line("fake.log", "ms1 serve ms1 epoch 2 listeners 3 *");
}

Test(master, upgrade_is_refused_when_pool_ini_is_not_in_force)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_config(2, 0, "");
	expect_part(rig_request("upgrade"), "was changed: reload first");
	rig_config(2, 0, "[gateway g]\nadress = 1\n");
	expect_part(rig_request("upgrade"), "has mistakes");
	cr_expect(zero(uint, rig_count_lines("log", "*phase=exec*")));
}

Test(master, upgrade_stops_at_a_worker_that_does_not_come_up)
{
	pid_t ms2;

	rig_config(2, 0, "");
	rig_start_up();
	ms2 = rig_pid("ms2");
	rig_ask("die-ms1", "");
	expect_part(rig_request("upgrade"),
		    "error 1 ms1 does not come up with the new program");
	expect_line("log", "*event=upgrade_stopped*");
	cr_expect(eq(int, rig_pid("ms2"), ms2), "it goes on as it was");
	expect_line("fake.log", "ms2 serve ms1 epoch * listeners 3 *");
}

/* ---- drain --------------------------------------------------------------- */

Test(master, drains_a_server_and_its_successor_stays_drained)
{
	rig_config(2, 0, "");
	rig_start_up();
	rig_forget_lines("fake.log");
	cr_assert(rig_is_ok("drain ms2"));
	expect_line("fake.log", "ms2 drain 1");
	rig_forget_lines("fake.log");
	kill(rig_pid("ms2"), SIGKILL);
	expect_line("fake.log", "ms2 drain 1");
	rig_forget_lines("fake.log");
	cr_assert(rig_is_ok("undrain ms2"));
	expect_line("fake.log", "ms2 drain 0");
}

Test(master, drains_peers_by_name_and_suggests_the_nearest)
{
	rig_config(1, 0, "");
	rig_start_up();
	cr_expect(rig_is_ok("drain gw1"));
	cr_expect(rig_is_ok("undrain fe1"));
	cr_expect_str_eq(rig_request("drain gw2"),
			 "error 4 no server, gateway or front end gw2 "
			 "(did you mean gw1?)\n");
	cr_expect_str_eq(rig_request("drain ms11"),
			 "error 4 no server, gateway or front end ms11 "
			 "(did you mean ms1?)\n");
	cr_expect(not(rig_is_ok("drain ms2")), "not a slot of this pool");
}

/* ---- the control socket ---------------------------------------------------
 */

Test(master, answers_strange_requests_with_usage)
{
	rig_config(1, 0, "");
	rig_start_up();
	cr_expect(not(strncmp(rig_request("dance"), "error 2 ", 8)));
	cr_expect(not(strncmp(rig_request(""), "error 2 ", 8)));
	cr_expect(not(strncmp(rig_request("drain"), "error 2 usage", 13)));
	cr_expect(not(strncmp(rig_request("drain a\tb"), "error 2 ", 8)));
	cr_expect(not(strncmp(rig_request("hangup ms1-1"), "error 4 ", 8)));
	cr_expect(not(strncmp(rig_request("hangup x"), "error 4 ", 8)));
	cr_expect(rig_is_ok("workers-ready"));
}

Test(master, drops_a_client_that_sends_more_than_a_line)
{
	char line[2048];

	rig_config(1, 0, "");
	rig_start_up();
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	cr_expect(zero(sz, strlen(rig_request(line))));
	cr_expect(rig_is_ok("workers-ready"));
}

Test(master, silent_clients_do_not_keep_others_out)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fds[64];

	rig_config(1, 0, "");
	rig_start_up();
	snprintf(to.sun_path, sizeof(to.sun_path), "%s",
		 rig_path("run/control.sock"));
	for (unsigned i = 0; i < 64; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&to, sizeof(to));
	}
	sleep(6); /* their time to talk is 5 s */
	cr_expect(rig_is_ok("workers-ready"));
	for (unsigned i = 0; i < 64; i++)
		close(fds[i]);
}

Test(master, lets_nobody_but_owner_and_group_connect)
{
	struct stat st;

	rig_config(1, 0, "");
	rig_start_up();
	cr_assert(stat(rig_path("run/control.sock"), &st) == 0);
	cr_expect(eq(uint, st.st_mode & 0777, 0660));
}

/* ---- the end ------------------------------------------------------------- */

Test(master, stops_when_the_last_call_has_ended)
{
	rig_config(2, 1, "");
	rig_start_up();
	rig_ask("calls-ms1", "2");
	usleep(100000); /* five beats: the page shows the calls */
	rig_forget_lines("fake.log");
	rig_signal(SIGTERM);
	expect_line("fake.log", "ms1 drain 1");
	usleep(500000);
	cr_expect(eq(uint, rig_count_lines("fake.log", "ms1 retire *"), 0));
	rig_ask("calls-ms1", NULL);
	cr_expect(eq(int, rig_wait_end(), 0));
	expect_line("fake.log", "ms1 retire ms1");
	cr_expect(not(exists("run/mspoold.pid")));
	cr_expect(not(exists("run/control.sock")));
}

Test(master, replaces_workers_that_die_while_it_waits_for_calls_to_end)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_ask("calls-ms1", "1");
	usleep(100000);
	rig_signal(SIGTERM);
	assert_line("log", "*event=stop*phase=draining*");
	rig_forget_lines("fake.log");
	kill(rig_pid("ms1"), SIGKILL);
	expect_line("fake.log", "ms1 serve ms1 epoch 2 *");
	rig_ask("calls-ms1", NULL);
	cr_expect(eq(int, rig_wait_end(), 0));
}

Test(master, stops_at_once_at_the_second_term)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_ask("calls-ms1", "1");
	usleep(100000);
	rig_signal(SIGTERM);
	assert_line("log", "*event=stop*phase=draining*");
	rig_signal(SIGTERM);
	cr_expect(eq(int, rig_wait_end(), 0));
}

Test(master, ends_every_call_at_quit)
{
	rig_config(1, 0, "");
	rig_start_up();
	rig_ask("calls-ms1", "1");
	usleep(100000);
	rig_signal(SIGQUIT);
	expect_line("fake.log", "ms1 hang up all");
	rig_ask("calls-ms1", NULL);
	cr_expect(eq(int, rig_wait_end(), 0));
}

Test(master, stops_by_request_and_answers_when_it_is_done)
{
	pid_t worker;

	rig_config(1, 0, "");
	rig_start_up();
	worker = rig_pid("ms1");
	cr_expect(rig_is_ok("stop"));
	cr_expect(eq(int, kill(worker, 0), -1));
	cr_expect(eq(int, rig_wait_end(), 0));
}
