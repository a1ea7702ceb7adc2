/* SPDX-License-Identifier: Apache-2.0
 *
 * What the master says to a signalling worker.
 */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

#include "worker/worker.h"

extern const struct inbox_row worker_inbox[];

/* The channel is readable (a loop_fn); at its end the master is gone. */
void inbox_read(int fd, unsigned what, void *worker);
/* Opens boards and rings of slots that are new. */
void inbox_look_around(struct worker *worker);

#endif
