/* SPDX-License-Identifier: Apache-2.0
 *
 * The way in: source check, pre-scan, steering, then to the transaction or
 * call whose message it is (DESIGN 4).
 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include "sip/scan.h"
#include "worker/transport.h"

/* One message of whatever transport.  True when the connection that it came
 * on must be closed (framing is lost, or a stranger). */
bool intake_message(struct arrival *arrival);
/* Entries of the ring from another book (HANDOVER). */
void intake_ring(struct server *server, unsigned from_book);
/* Who is it (CONTRACT "who is it")?  NULL: nobody we know. */
const struct config_peer *intake_peer(const struct arrival *arrival,
				      uint16_t via_port);
/* May anybody at this address talk to this listener?  TCP asks before it
 * accepts. */
bool intake_knows(struct server *server, uint16_t listener,
		  const struct addr *source);

/* steer.c: whose message is it?  Book number, or 0 when nobody's. */
unsigned steer_message(const struct arrival *arrival,
		       const struct sip_message *message, bool *ret_asks);
/* Whom next, when the book that was asked does not know it; *ret_asks: that one
 * is only asked, too. */
unsigned steer_next_book(const struct arrival *arrival, struct slice call_id,
			 bool *ret_asks);
/* Puts it into the ring of that book; false when the ring is full. */
bool steer_hand_over(const struct arrival *arrival, unsigned book,
		     enum handover_kind kind);

/* A connection of ours is gone: tells the books that had messages of it. */
void steer_tell_lost(struct server *server, uint64_t connection,
		     uint64_t handed_to);

/* reply.c: answers without a transaction (RFC 3261 8.2.7), the same for every
 * repeat of the request.  extra: further header lines with CRLF, or "". */
void reply_stateless(const struct arrival *arrival,
		     const struct sip_message *message, int status,
		     const char *reason, const char *extra);
/* The bytes alone, under this tag; in a buffer of this module. */
struct slice reply_write(const struct arrival *arrival,
			 const struct sip_message *message, int status,
			 const char *reason, const char *tag,
			 const char *extra);
void reply_options(const struct arrival *arrival,
		   const struct sip_message *message);
/* The Retry-After line of our 503s: jittered. */
const char *reply_retry_after(void);

#endif
