/* SPDX-License-Identifier: Apache-2.0
 *
 * What this worker counts for each trunk and peer, on its page of figures
 * (shm/figures.h): how calls end and how long things take.
 */
#ifndef WORKER_TALLY_H
#define WORKER_TALLY_H

#include "sip/scan.h"
#include "worker/call.h"

/* The caller is about to hear a ring, early media or the answer for the first
 * time. */
void tally_rang(struct call *call);
void tally_answered(struct call *call);
/* An answered call ends. */
void tally_talked(struct call *call);
/* A call ends that was never answered: with this code to the caller. */
void tally_refused(struct call *call, int code);
/* The call leaves this trunk for the next. */
void tally_failover(struct call *call);
void tally_probe_answer(struct worker *worker, struct slice peer,
			uint64_t took_us);
void tally_probe_lost(struct worker *worker, struct slice peer);
void tally_received(struct worker *worker, const struct sip_message *message,
		    enum transport transport);
void tally_sent(struct worker *worker, struct slice bytes,
		enum transport transport);

#endif
