/* SPDX-License-Identifier: Apache-2.0
 *
 * The client of the master's control socket: a line of words to it, lines of
 * text back, the last of them "ok" or "error CODE REASON".
 */
#ifndef TOOLS_CTL_COMMAND_H
#define TOOLS_CTL_COMMAND_H

#include "base/str.h"
#include "tools/ctl.h"

/* Sends the line and prints the answer; the exit code.  wait_s 0: for ever.
 * is_last: the master may end instead of answering. */
struct ctl_command {
	const char *line; /* without line feed */
	unsigned wait_s;
	bool is_last;
};

int ctl_command_run(const struct ctl *ctl, const struct ctl_command *command);
/* The same with the time-out of the verb or of --timeout. */
int ctl_ask(struct ctl *ctl, const char *line, bool is_last);
/* Has the last line, which says what became of it, come? */
bool ctl_answer_is_whole(const char *answer, size_t len);
/* The exit code that the last line tells, and its reason. */
int ctl_answer_code(struct slice last, struct slice *ret_reason);

#endif
