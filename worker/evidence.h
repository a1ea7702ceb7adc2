/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls see of peers, written on our board page for everybody, and the
 * view of all peers that routing takes (CONTRACT "calls as evidence").
 */
#ifndef WORKER_EVIDENCE_H
#define WORKER_EVIDENCE_H

#include "worker/call.h"

/* A final answer to a request sent at sent_us; code 408 and 503 are bad. */
void evidence_answer(struct worker *worker, struct slice peer, unsigned code,
		     unsigned retry_after_s, uint64_t sent_us);
/* Refused connection, or no answer at all. */
void evidence_unreachable(struct worker *worker, struct slice peer,
			  uint64_t sent_us);
/* Fills views for route_request: trunks and front ends; static buffers. */
void evidence_view(struct worker *worker, struct route_request *request);

#endif
