/* SPDX-License-Identifier: Apache-2.0
 *
 * Call records: what is told of a call goes into its book in the commit that
 * ends the call, and leaves it when mspool-cdr has acknowledged it
 * (shm/cdr_page.h).  No line is made here and no file touched.
 */
#ifndef WORKER_CDR_H
#define WORKER_CDR_H

#include "worker/machine.h"

/* The call has just ended; before its texts are dropped. */
void cdr_end(struct call *call, const struct call_cause *cause);
/* The call was answered: its first interim record is due then. */
void cdr_answered(struct call *call);
/* A timer of the call: an interim record is due. */
void cdr_interim(struct call *call);

/* A call that cannot be loaded any more (worker/poison.c): it ends here. */
void cdr_set_aside(struct server *server, const struct call_record *record);

/* Opens the page, if it was not there before. */
void cdr_open(struct worker *worker);
/* Which sequences the book has and which is next.  0 or -errno. */
int cdr_adopt(struct server *server);
void cdr_leave(struct server *server);

/* The turn's share: what is made and what may be deleted; and what holds once
 * that is committed. */
void cdr_put(struct worker *worker);
void cdr_committed(struct worker *worker);
/* A turn in which nothing happens deletes what it may; what fails is tried
 * again with the next. */
void cdr_tidy(struct worker *worker);

#endif
