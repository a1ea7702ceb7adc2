/* SPDX-License-Identifier: Apache-2.0
 *
 * RUN/observer.sock: the looking verbs of mspoolctl for members of the pool's
 * group, who may not open the state.  Observer; the client is ctl_remote.c.
 *
 *   -> "query WIDTH COLOUR" NUL word NUL word ... LF   words as of argv
 *   <- "CODE OUT ERR" LF, OUT bytes of stdout, ERR bytes of stderr; the end
 */
#ifndef TOOLS_OBSERVER_QUERY_H
#define TOOLS_OBSERVER_QUERY_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct query;

#define QUERY_SOCKET	  "observer.sock"
#define QUERY_CLIENTS_MAX 8	      /* at once */
#define QUERY_OF_ONE_MAX  4	      /* of these by one user */
#define QUERY_LINE_MAX	  2048u	      /* bytes of a question */
#define QUERY_WORDS_MAX	  16	      /* words of it */
#define QUERY_ANSWER_MAX  (64u << 20) /* bytes of an answer */
#define QUERY_TALK_US	  5000000ull  /* to ask, and to take each piece */

/* Binds the socket: before the process is confined.  NULL: it cannot be, with
 * *ret_error. */
struct query *query_new(struct loop *loop, const char *run_dir, int *ret_error);
struct query *query_free(struct query *query);
/* Answers at most one question and lets go of whoever is done or late; every
 * turn.  True: another one waits. */
bool query_review(struct query *query, uint64_t now_us);

#endif
