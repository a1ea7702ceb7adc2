/* SPDX-License-Identifier: Apache-2.0
 *
 * A start in the background (mspoold without -f): the command returns when the
 * pool is up, with its exit code.
 */
#ifndef MASTER_BACKGROUND_H
#define MASTER_BACKGROUND_H

/* Forks; returns in the child, with the descriptor by which the waiting parent
 * learns how it went.  0, or an exit code when it cannot. */
int background_begin(int *ret_ready_fd);
/* Lets the parent exit with this code; *fd becomes -1. */
void background_end(int *fd, int exit_code);
/* From now on the log goes to the system log; where there is none, to the file
 * that stderr is, or nowhere. */
void background_log(void);

#endif
