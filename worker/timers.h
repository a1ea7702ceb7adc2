/* SPDX-License-Identifier: Apache-2.0
 *
 * What is due in a turn: called by the main loop after all input was handled.
 */
#ifndef WORKER_TIMERS_H
#define WORKER_TIMERS_H

#include "worker/worker.h"

/* Runs every timer that is due; after an adoption first settles what the
 * predecessor may not have sent, as soon as the input is dry. */
void timers_run(struct worker *worker);

#endif
