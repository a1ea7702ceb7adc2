/* SPDX-License-Identifier: Apache-2.0
 *
 * fork + exec, never fork alone: LMDB environments and libevent bases must not
 * cross a fork.  Called by slots.c and simulators.c in the master.  The trap:
 * between fork and exec only async-signal-safe calls, and everything the
 * master has open is close-on-exec, so that a child inherits 0, 1, 2 and 3.
 */
#include "master/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/str.h"

#define SURVIVOR_WAIT_MS 2000

/* Relative to the folder of mspoold; the last is of an installed tree. */
static const char *const beside[] = {
	"", "../worker/", "../media/", "../tools/", "../bin/",
};

static int own_folder(char *ret_folder, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", ret_folder, size - 1);
	char *slash;

	if (n < 0)
		return -errno;
	ret_folder[n] = '\0';
	slash = strrchr(ret_folder, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	return 0;
}

int program_find(const char *name, char *ret_path, size_t size)
{
	char folder[PATH_MAX];
	int rc = own_folder(folder, sizeof(folder));

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		int n = snprintf(ret_path, size, "%s%s%s", folder, beside[i],
				 name);

		if (n > 0 && (size_t)n < size && access(ret_path, X_OK) == 0)
			return 0;
	}
	snprintf(ret_path, size, "%s/%s", PKGLIBEXECDIR, name);
	return access(ret_path, X_OK) == 0 ? 0 : -ENOENT;
}

/* In the child, between fork and exec. */
static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves fd to CHILD_CHANNEL_FD without close-on-exec. */
static bool place_channel(int fd)
{
	if (fd == CHILD_CHANNEL_FD)
		return fcntl(fd, F_SETFD, 0) == 0;
	return dup2(fd, CHILD_CHANNEL_FD) == CHILD_CHANNEL_FD;
}

static _Noreturn void run_child(const char *path,
				const struct process_order *order, pid_t master)
{
	reset_signals();
	if (order->dies_with_us) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != master)
			_exit(127);
	}
	if (order->output_fd > 0) {
		dup2(order->output_fd, STDOUT_FILENO);
		dup2(order->output_fd, STDERR_FILENO);
	}
	if (order->channel_fd < 0 || place_channel(order->channel_fd))
		execv(path, order->argv);
	_exit(127);
}

static int watch_end(struct process *process, struct loop *loop,
		     loop_fn *on_end, void *arg)
{
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		return -errno;
	process->watch =
		loop_watch(loop, process->pidfd, LOOP_READ, on_end, arg);
	return process->watch ? 0 : -ENOMEM;
}

/* Signals are blocked meanwhile: a handler of the master that ran in the child
 * would write into the master's signal pipe.  pid or -errno. */
static pid_t fork_child(const char *path, const struct process_order *order)
{
	pid_t master = getpid();
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		run_child(path, order, master);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int process_start(struct process *process, const struct process_order *order,
		  struct loop *loop, loop_fn *on_end, void *arg)
{
	char path[PATH_MAX];
	int rc = program_find(order->program, path, sizeof(path));
	pid_t pid;

	if (rc < 0)
		return rc;
	pid = fork_child(path, order);
	if (pid < 0)
		return pid;
	process->pid = pid;
	process->is_child = true;
	rc = watch_end(process, loop, on_end, arg);
	if (rc < 0) {
		process_signal(process, SIGKILL);
		process_reap(process);
	}
	return rc;
}

void process_signal(const struct process *process, int signal)
{
	if (process->pid <= 0)
		return;
	if (process->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, 0);
	else /* not reaped yet, so the number is still this child's */
		kill(process->pid, signal);
}

int process_status(const struct process *process)
{
	siginfo_t how = {.si_code = CLD_EXITED};

	if (!process->is_child)
		return PROCESS_STATUS_UNKNOWN;
	while (waitid(P_PID, (id_t)process->pid, &how, WEXITED | WNOWAIT) < 0 &&
	       errno == EINTR)
		;
	return how.si_code == CLD_EXITED ? W_EXITCODE(how.si_status, 0)
					 : W_EXITCODE(0, how.si_status);
}

void process_reap(struct process *process)
{
	if (process->pid <= 0)
		return;
	process->watch = watch_free(process->watch);
	if (process->pidfd >= 0)
		close(process->pidfd);
	while (process->is_child && waitpid(process->pid, NULL, 0) < 0 &&
	       errno == EINTR)
		;
	process->pid = 0;
	process->pidfd = -1;
}

const char *process_status_text(int status, char *buf, size_t size)
{
	if (status == PROCESS_STATUS_UNKNOWN)
		snprintf(buf, size, "unknown (not our child)");
	else if (WIFSIGNALED(status))
		snprintf(buf, size, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "exit %d", WEXITSTATUS(status));
	return buf;
}

/* The command line of a process, NULs between its words. */
static ssize_t read_cmdline(pid_t pid, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

static bool is_child_of_ours(pid_t pid, const char *program, const char *name,
			     const char *run_dir)
{
	const char *const wanted[] = {program, name, run_dir};
	char cmdline[PATH_MAX + 256];
	ssize_t n = read_cmdline(pid, cmdline, sizeof(cmdline));
	const char *word = cmdline;

	for (unsigned i = 0; i < 3; i++) {
		const char *slash;

		if (word >= cmdline + n)
			return false;
		slash = i == 0 ? strrchr(word, '/') : NULL;
		if (strcmp(slash ? slash + 1 : word, wanted[i]) != 0)
			return false;
		word += strlen(word) + 1;
	}
	return true;
}

int process_find(pid_t pid, const char *program, const char *name,
		 const char *run_dir)
{
	/* Opened before the check, so that the number cannot be reused. */
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return -ESRCH;
	if (is_child_of_ours(pid, program, name, run_dir) &&
	    poll(&ended, 1, 0) == 0)
		return pidfd;
	close(pidfd);
	return -ESRCH;
}

void process_await_end(pid_t pid)
{
	char cmdline[16];
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return;
	if (read_cmdline(pid, cmdline, sizeof(cmdline)) == 0)
		(void)poll(&ended, 1, SURVIVOR_WAIT_MS);
	close(pidfd);
}

int process_argument(pid_t pid, char *ret_name, size_t size)
{
	char cmdline[PATH_MAX + 256];
	ssize_t n = read_cmdline(pid, cmdline, sizeof(cmdline));
	const char *word = cmdline;

	if (n < 0)
		return (int)n;
	word += strlen(word) + 1;
	if (word >= cmdline + n || strlen(word) >= size)
		return -EINVAL;
	memcpy(ret_name, word, strlen(word) + 1);
	return 0;
}

/* After an exec in place the children are still ours. */
static bool is_our_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
	       0;
}

int process_take(struct process *process, pid_t pid, int pidfd,
		 struct loop *loop, loop_fn *on_end, void *arg)
{
	*process = (struct process){
		.pid = pid,
		.pidfd = pidfd,
		.is_child = is_our_child(pid),
		.watch = loop_watch(loop, pidfd, LOOP_READ, on_end, arg),
	};
	if (process->watch)
		return 0;
	close(pidfd);
	*process = (struct process){.pidfd = -1};
	return -ENOMEM;
}

int process_end(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	return poll(&ended, 1, SURVIVOR_WAIT_MS) == 1 ? 0 : -ETIMEDOUT;
}
