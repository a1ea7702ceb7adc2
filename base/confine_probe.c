/* SPDX-License-Identifier: Apache-2.0
 *
 * What an intruder would try, in a process that is confined; called once after
 * confine() in test builds, which ask for it by $MSPOOL_PROBE.  In a release
 * build this file is empty.
 * Trap: an act that ends the process leaves its marker first, so that the
 * successor lives.
 */
#include "base/confine.h"

#ifdef CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define PAGE_BYTES 4096

static long try_exec(void)
{
	char path[] = "/bin/true", *argv[] = {path, NULL};

	return execve(path, argv, NULL);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid(pid, NULL, 0) : -1;
}

static long try_trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_unshare(void)
{
	return syscall(SYS_unshare, 0);
}

static long try_foreign_kill(void)
{
	return kill(getppid(), SIGURG); /* nobody minds it */
}

static long try_executable_memory(void)
{
	void *map = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? -1 : 0;
}

static long try_to_make_executable(void)
{
	void *map = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED
		       ? 0
		       : mprotect(map, PAGE_BYTES, PROT_READ | PROT_EXEC);
}

static long try_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long try_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long try_terminal(void)
{
	return ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static long try_ring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long try_setuid(void)
{
	return syscall(SYS_setuid, getuid());
}

static long try_chroot(void)
{
	return chroot("/");
}

static long try_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

/* Acts of expected 0 end the process. */
static const struct act {
	const char *name;
	long (*try_it)(void);
	int expected;
} acts[] = {
	{"exec", try_exec, 0},
	{"fork", try_fork, 0},
	{"trace", try_trace, 0},
	{"unshare", try_unshare, 0},
	{"foreign_kill", try_foreign_kill, EPERM},
	{"executable_memory", try_executable_memory, EPERM},
	{"make_executable", try_to_make_executable, EPERM},
	{"packet_socket", try_packet_socket, EAFNOSUPPORT},
	{"netlink_socket", try_netlink_socket, EAFNOSUPPORT},
	{"terminal", try_terminal, EPERM},
	{"ring", try_ring, ENOSYS},
	{"setuid", try_setuid, ENOSYS},
	{"chroot", try_chroot, ENOSYS},
	{"pidfd", try_pidfd, ENOSYS},
};

#define N_ACTS (sizeof(acts) / sizeof(acts[0]))

static bool is_first(const char *run_dir, const char *name, const char *act)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/probed-%s-%s", run_dir, name, act);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void try_all_refused(void)
{
	unsigned n_refused = 0;

	for (unsigned i = 0; i < N_ACTS; i++) {
		if (acts[i].expected == 0)
			continue;
		errno = 0;
		if (acts[i].try_it() == -1 && errno == acts[i].expected)
			n_refused++;
		else
			log_event(LOG_LVL_WARNING, "probe_unexpected",
				  "act=%s errno=%d", acts[i].name, errno);
	}
	log_event(LOG_LVL_NOTICE, "probe_done", "refused=%u", n_refused);
}

static void try_fatal(const char *name)
{
	for (unsigned i = 0; i < N_ACTS; i++) {
		if (strcmp(acts[i].name, name) != 0)
			continue;
		acts[i].try_it();
		log_event(LOG_LVL_WARNING, "probe_lived", "act=%s", name);
		return;
	}
	fprintf(stderr, "MSPOOL_PROBE: no act %s\n", name);
	exit(2);
}

void confine_probe(const char *name, const char *run_dir)
{
	const char *order = getenv("MSPOOL_PROBE");
	size_t len = strlen(name);

	if (!order || strncmp(order, name, len) != 0 || order[len] != ' ')
		return;
	order += len + 1;
	if (!is_first(run_dir, name, order))
		return;
	if (strcmp(order, "refused") == 0)
		try_all_refused();
	else
		try_fatal(order);
}

#else

typedef int nothing_to_probe; /* ISO C wants something */

#endif
