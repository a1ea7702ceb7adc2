/* SPDX-License-Identifier: Apache-2.0
 *
 * fork + exec of a child, and its death seen through a pidfd.
 */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/loop.h"

struct process {
	pid_t pid; /* 0 none */
	int pidfd; /* readable when it has ended */
	struct watch *watch;
	bool is_child; /* ours to reap; else an earlier master's */
};

struct process_order {
	const char *program; /* "mspool-worker": see program_find */
	char *const *argv;   /* its words, argv[0] the name, NULL at the end */
	int channel_fd;	     /* becomes descriptor 3; -1 none */
	int output_fd;	     /* becomes 1 and 2; 0 or less: as ours */
	bool dies_with_us;   /* SIGTERM when the master ends */
};

/* Where this program lies: beside mspoold, in a sibling folder of the build
 * tree, in libexecdir.  0 or -ENOENT. */
int program_find(const char *name, char *ret_path, size_t size);
/* Starts it; on_end(fd, what, arg) is called from the loop when it ended. */
int process_start(struct process *process, const struct process_order *order,
		  struct loop *loop, loop_fn *on_end, void *arg);
/* SIGKILL or another signal; harmless when there is no process. */
void process_signal(const struct process *process, int signal);
/* A process of an earlier master: is pid alive and really this program with
 * these two arguments?  A pidfd, which names it whatever becomes of the
 * number, or -ESRCH. */
int process_find(pid_t pid, const char *program, const char *name,
		 const char *run_dir);
/* Waits, at most 2 s, for the end of a process that is about to end (its
 * command line is gone, its sockets are not). */
void process_await_end(pid_t pid);
/* Its first argument, the slot's name.  0 or -errno. */
int process_argument(pid_t pid, char *ret_name, size_t size);
/* Watches it as if we had started it; owns pidfd in every case. */
int process_take(struct process *process, pid_t pid, int pidfd,
		 struct loop *loop, loop_fn *on_end, void *arg);
#define PROCESS_STATUS_UNKNOWN (-1)
/* After on_end: how it ended, as waitpid(2) would say, or
 * PROCESS_STATUS_UNKNOWN of one that is not our child. */
int process_status(const struct process *process);
/* Later: reaps it and forgets it; harmless when there is no process.  Where
 * somebody looked at its folder in /proc, this takes milliseconds. */
void process_reap(struct process *process);
/* "exit 1", "signal 9 (Killed)" into buf; returns buf. */
const char *process_status_text(int status, char *buf, size_t size);
/* SIGKILL, and waits at most 2 s for the end.  0 or -ETIMEDOUT. */
int process_end(int pidfd);

#endif
