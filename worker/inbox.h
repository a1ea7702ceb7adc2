/* SPDX-License-Identifier: Apache-2.0
 *
 * What the master says to a signalling worker.
 */
#ifndef WORKER_INBOX_H
#define WORKER_INBOX_H

#include "worker/worker.h"

extern const struct inbox_row worker_inbox[];

/* Opens boards and rings of slots that are new. */
void inbox_look_around(struct worker *worker);

#endif
