/* SPDX-License-Identifier: Apache-2.0
 *
 * base/confine.c: every case is a child that confines itself and then tries
 * one thing.  Its exit code is what came of it.
 */
#include "base/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_KINDS 4
#define SKIPPED 250

static const enum confine_kind kinds[N_KINDS] = {CONFINE_WORKER, CONFINE_MEDIA,
						 CONFINE_OBSERVER, CONFINE_CDR};

/* errno, or 0. */
static int result_of(long value)
{
	return value == -1 ? errno : 0;
}

static int run_exec(void)
{
	char path[] = "/bin/true", *argv[] = {path, NULL};

	return result_of(execve(path, argv, NULL));
}

static int run_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result_of(pid);
}

static int run_trace(void)
{
	return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int map_with(int protection)
{
	void *map = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	return map == MAP_FAILED ? errno : 0;
}

static int run_executable_map(void)
{
	return map_with(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int run_plain_map(void)
{
	return map_with(PROT_READ | PROT_WRITE);
}

static int run_packet_socket(void)
{
	return result_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int run_udp_socket(void)
{
	return result_of(socket(AF_INET6, SOCK_DGRAM, 0));
}

static int run_parent_kill(void)
{
	return result_of(kill(getppid(), 0));
}

static int run_parent_stop(void)
{
	return result_of(kill(getppid(), SIGCONT));
}

static int run_own_kill(void)
{
	return result_of(kill(getpid(), 0));
}

static int run_ring(void)
{
	return result_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int run_accept(void)
{
	return result_of(accept4(-1, NULL, NULL, 0));
}

static int run_fsync(void)
{
	return result_of(fsync(-1));
}

/* Memory, files and a clock, as any of them needs. */
static int run_daily_work(void)
{
	char byte;
	void *block = malloc(8 << 20);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	bool is_good = block && fd >= 0 && read(fd, &byte, 1) == 1;

	block = realloc(block, 16 << 20);
	is_good = is_good && block && close(fd) == 0 && usleep(1000) == 0;
	free(block);
	return is_good ? 0 : EIO;
}

/* The wait status of a child that is of this kind and does that. */
static int status_of(enum confine_kind kind, int (*act)(void))
{
	pid_t pid = fork();
	int status = 0, rc;

	if (pid == 0) {
		rc = confine(kind);
		_exit(rc == -ENOTSUP ? SKIPPED : rc < 0 ? SKIPPED + 1 : act());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		cr_skip_test("no filter in this build");
	return status;
}

static void expect_end(int (*act)(void))
{
	for (unsigned i = 0; i < N_KINDS; i++) {
		int status = status_of(kinds[i], act);

		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
			  "kind %d: status %#x", kinds[i], status);
	}
}

static void expect_of(enum confine_kind kind, int (*act)(void), int expected)
{
	int status = status_of(kind, act);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == expected,
		  "kind %d: status %#x", kind, status);
}

static void expect(int (*act)(void), int expected)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		expect_of(kinds[i], act, expected);
}

Test(confine, a_child_that_starts_a_program_or_process_is_ended)
{
	expect_end(run_exec);
	expect_end(run_fork);
	expect_end(run_trace);
}

Test(confine, memory_is_never_executable)
{
	expect(run_executable_map, EPERM);
	expect(run_plain_map, 0);
}

Test(confine, sockets_are_of_the_internet_or_local)
{
	expect(run_packet_socket, EAFNOSUPPORT);
	expect(run_udp_socket, 0);
}

Test(confine, a_child_signals_itself_only)
{
	static const enum confine_kind signallers[] = {
		CONFINE_WORKER, CONFINE_MEDIA, CONFINE_CDR};

	for (unsigned i = 0; i < 3; i++) {
		expect_of(signallers[i], run_parent_kill, EPERM);
		expect_of(signallers[i], run_own_kill, 0);
	}
}

Test(confine, the_observer_asks_who_is_there_and_signals_nobody)
{
	expect_of(CONFINE_OBSERVER, run_parent_kill, 0);
	expect_of(CONFINE_OBSERVER, run_parent_stop, EPERM);
}

Test(confine, nobody_makes_a_ring_once_confined)
{
	expect(run_ring, ENOSYS);
}

Test(confine, each_kind_has_calls_of_its_own)
{
	expect_of(CONFINE_WORKER, run_accept, EBADF);
	expect_of(CONFINE_MEDIA, run_accept, ENOSYS);
	expect_of(CONFINE_CDR, run_accept, ENOSYS);
	expect_of(CONFINE_OBSERVER, run_accept, EBADF);
	expect_of(CONFINE_OBSERVER, run_fsync, ENOSYS);
	expect_of(CONFINE_WORKER, run_fsync, ENOSYS);
	expect_of(CONFINE_MEDIA, run_fsync, ENOSYS);
	expect_of(CONFINE_CDR, run_fsync, EBADF);
}

Test(confine, daily_work_goes_on)
{
	expect(run_daily_work, 0);
}

Test(confine, the_master_starts_programs_and_traces_none)
{
	expect_of(CONFINE_MASTER, run_fork, 0);
	expect_of(CONFINE_MASTER, run_exec, 0);
	expect_of(CONFINE_MASTER, run_accept, EBADF);
	cr_assert(WIFSIGNALED(status_of(CONFINE_MASTER, run_trace)));
}

/* After confine, so of the calling process: the status file says it. */
static int read_capabilities(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "CapEff:\t0000000000000000") &&
			       strstr(text, "CapPrm:\t0000000000000000") &&
			       strstr(text, "NoNewPrivs:\t1")
		       ? 0
		       : EIO;
}

Test(confine, no_capability_is_left)
{
	expect(read_capabilities, 0);
}
