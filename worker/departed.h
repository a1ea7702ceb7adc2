/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers that a reload took out of the configuration while calls with them were
 * up: their messages within those calls still come in (CONTRACT "reload":
 * running calls are unaffected), their new calls do not.
 */
#ifndef WORKER_DEPARTED_H
#define WORKER_DEPARTED_H

#include "worker/worker.h"

/* A reload replaced `old` by what is in force now. */
void departed_note(struct worker *worker, const struct config *old);
bool departed_knows(const struct worker *worker, const struct addr *source);

#endif
