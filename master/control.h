/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket RUN/control.sock.
 *
 *   request   one line of words, at most CONTROL_LINE_MAX bytes
 *   answer    zero or more lines of text, then
 *             "ok" or "error <exit code of mspoolctl> <reason>"
 *
 * A verb that takes its time is answered when it is done.
 */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include <sys/types.h>

#include "master/master.h"

#define CONTROL_LINE_MAX  512
#define CONTROL_WORDS_MAX 4

/* Exit codes of mspoolctl (CONTRACT "Programs"). */
enum {
	CTL_REFUSED = 1,
	CTL_USAGE = 2,
	CTL_NO_SUCH = 4,
	CTL_TIMED_OUT = 5
};

enum answer {
	ANSWER_OK,
	ANSWER_LATER, /* ask the verb's is_done again */
	ANSWER_NO     /* request_refuse was called */
};

struct request; /* a connection with its one request */

/* Binds and listens; on failure `why` (SOCKETS_WHY_MAX). */
int control_open(struct master *m, char *why);
/* Names the socket and the requests that wait for the upgrade, for the program
 * that replaces this one; all others are told to come again. */
void control_hand_over(struct master *m, hand_fn *hand, void *arg);
/* Once a turn: answers what is done, drops who is too slow. */
void control_review(struct master *m, uint64_t now_us);
/* Answers what can be, closes all, removes the socket. */
void control_close(struct master *m);

/* For the verbs: a line of the answer; the text may hold several lines. */
void request_say(struct request *request, const char *text);
enum answer request_refuse(struct request *request, int exit_code,
			   const char *format, ...)
	__attribute__((format(printf, 3, 4)));
uid_t request_uid(const struct request *request);

/* Splits at blanks, in place.  The number of words, or -EINVAL: control
 * characters, nothing, or too many. */
int control_split(char *line, char *words[CONTROL_WORDS_MAX]);

#endif
