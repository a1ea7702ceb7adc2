/* SPDX-License-Identifier: Apache-2.0
 *
 * What other parts of the call machine need of setup.c.
 */
#ifndef WORKER_SETUP_H
#define WORKER_SETUP_H

#include "worker/machine.h"

/* Remote target, remote URI (of a response) and route set of a leg, from a
 * message that forms or refreshes its dialog (RFC 3261 12.1, 12.2). */
void setup_take_dialog(struct call *call, enum leg_side leg,
		       const struct sip_message *message);
/* Only the remote target (RFC 3261 12.2.1.2, 12.2.2). */
void setup_take_target(struct call *call, enum leg_side leg,
		       const struct sip_message *message);
/* The n Record-Route headers of a message, last element first. */
void setup_reverse_routes(const struct sip_message *message, unsigned n,
			  struct out *out);

#endif
