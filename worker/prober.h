/* SPDX-License-Identifier: Apache-2.0
 *
 * The prober: one process of the pool sends OPTIONS to every peer and writes
 * what it finds into state/health, for all (CONTRACT "probes").
 */
#ifndef WORKER_PROBER_H
#define WORKER_PROBER_H

#include "sip/scan.h"
#include "worker/transport.h"

/* Begins, with the configuration in force; earlier findings are kept. */
void prober_start(struct worker *worker);
void prober_stop(struct worker *worker);
/* After a reload: new peers, other intervals. */
void prober_reload(struct worker *worker);
void prober_expire(struct worker *worker, struct timer *timer);
void prober_on_response(struct worker *worker, uint64_t number,
			const struct sip_message *message);
void prober_on_connection_lost(struct worker *worker, uint64_t connection);

#endif
