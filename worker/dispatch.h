/* SPDX-License-Identifier: Apache-2.0
 *
 * From a scanned message to the transaction or call that it belongs to.
 */
#ifndef WORKER_DISPATCH_H
#define WORKER_DISPATCH_H

#include "worker/call.h"

/* arrival->server is whose message it is. */
void dispatch_message(struct arrival *arrival,
		      const struct sip_message *message);
/* A bucket moved and we were its book: handle what we know, else pass it to
 * the book that has the bucket now. */
void dispatch_asked(struct arrival *arrival, const struct sip_message *message);
/* A connection is gone: what waits on it fails, or is sent over a new one. */
void dispatch_connection_lost(struct server *server, uint64_t connection);
/* connect_timeout of the trunk towards this address. */
uint64_t dispatch_connect_timeout_us(struct server *server,
				     const struct target *target);

#endif
