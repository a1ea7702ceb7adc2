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
};

struct process_order {
	const char *program; /* "mspool-worker": see program_find */
	char *const *argv;   /* its words, argv[0] the name, NULL at the end */
	int channel_fd;	     /* becomes descriptor 3; -1 none */
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
/* After on_end: how it ended, as waitpid(2) would say. */
int process_status(const struct process *process);
/* Later: reaps it and forgets it; harmless when there is no process.  Where
 * somebody looked at its folder in /proc, this takes milliseconds. */
void process_reap(struct process *process);
/* "exit 1", "signal 9 (Killed)" into buf; returns buf. */
const char *process_status_text(int status, char *buf, size_t size);
/* Ends the process pid of an earlier master if it is really this program with
 * these two arguments; waits at most 2 s.  0 when none is left. */
int process_end_survivor(pid_t pid, const char *program, const char *name,
			 const char *run_dir);

#endif
