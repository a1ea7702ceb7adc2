/* SPDX-License-Identifier: Apache-2.0
 *
 * The SIP messages of a call, built from its record: topology hidden, since
 * nothing is copied but what worker/pass.def names.
 */
#ifndef WORKER_MESSAGE_H
#define WORKER_MESSAGE_H

#include "sip/write.h"
#include "worker/call.h"

#define MESSAGE_ALLOW "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO"

/* What a message has beyond what the record says. */
struct message_extra {
	const struct sip_message *pass; /* other leg's message; NULL none */
	struct slice content_type, body;
	const char *lines; /* further header lines with CRLF, or NULL */
};

/* A request of ours within (or opening) the dialog of this leg. */
void message_request(const struct call *call, enum leg_side leg,
		     const struct tx *tx, const struct message_extra *extra,
		     struct out *out);
/* A response of ours to the request that tx serves. */
void message_response(const struct call *call, const struct tx *tx, int status,
		      struct slice reason, const struct message_extra *extra,
		      struct out *out);
/* Can this INVITE be kept, and read again for its CANCEL and ACK?  One that our
 * own pre-scan refuses could never be ended. */
bool message_can_end(const struct tx *invite, const struct out *out);
/* The ACK of a refused INVITE (RFC 3261 17.1.1.3), the CANCEL of an open one
 * (9.1), and ACK and BYE for a fork or a late 2xx that nobody wants: all made
 * of the INVITE's stored bytes, since the leg may be in another try by now. */
void message_ack_refusal(const struct tx *invite,
			 const struct sip_message *response, struct out *out);
void message_cancel(const struct tx *invite, const char *lines,
		    struct out *out);
void message_ack_stray(const struct tx *invite,
		       const struct sip_message *response, struct out *out);
void message_bye_stray(const struct tx *invite, const struct tx *bye,
		       const struct sip_message *response, struct out *out);
/* "Server: mspool/…" */
void message_write_server(struct out *out);
/* A number as the user part of a URI, escaped. */
void message_write_user(struct out *out, struct slice number);
/* The tag of ours on this leg. */
const char *message_tag(const struct call *call, enum leg_side leg,
			char buf[TAG_MAX]);
/* Where a request within the dialog of this leg goes. */
void message_target(const struct call *call, enum leg_side leg,
		    struct target *ret_target);

#endif
