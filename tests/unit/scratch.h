/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder for one test, on tmpfs, removed at its end; and helper processes
 * (tests/shm_helper) that a test talks to by lines and kills.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stdio.h>
#include <sys/types.h>

#define SCRATCH_MAX 256

/* Makes a folder under $TMPDIR or /dev/shm; static, one per process. */
const char *scratch_make(void);
void scratch_remove(void);
/* "FOLDER/rest", static, overwritten by the next call. */
const char *scratch_path(const char *rest);
/* Overwrites the file with this text. */
void scratch_write(const char *rest, const char *text);

struct helper {
	pid_t pid;
	FILE *to, *from;
};

/* Starts tests/shm_helper with these words (at most 6, NULL-terminated). */
struct helper helper_start(const char *const *words);
/* Sends a line (NULL: none) and returns the first number of the answer; aborts
 * the test at end of file. */
long helper_ask(struct helper *helper, const char *line);
/* Kills it with signal, waits for it, closes the pipes. */
void helper_kill(struct helper *helper, int signal);
/* Waits for its end; exit status, or -1. */
int helper_wait(struct helper *helper);

#endif
