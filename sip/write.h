/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing messages: copy-build into a bounded buffer, our own canonical header
 * names, nothing taken over that the caller did not name.
 */
#ifndef SIP_WRITE_H
#define SIP_WRITE_H

#include "base/addr.h"
#include "sip/scan.h"

const char *sip_status_text(int status);
void sip_write_request_line(struct out *out, enum sip_method method,
			    struct slice uri);
void sip_write_status_line(struct out *out, int status, struct slice reason);
void sip_write_header(struct out *out, enum sip_header_id id,
		      struct slice value);
/* Every header of this id in `from`, in order. */
void sip_copy_headers(struct out *out, const struct sip_message *from,
		      enum sip_header_id id);
/* "Content-Type" (if body), "Content-Length", blank line, body. */
void sip_write_body(struct out *out, struct slice content_type,
		    struct slice body);
/* The start of a response to `request`: status line, all Vias (with received
 * and rport of the source address, RFC 3581), From, To (with `tag` added when
 * it has none; "" none), Call-ID, CSeq.  The caller adds the rest and ends
 * with sip_write_body. */
void sip_write_response_head(struct out *out, const struct sip_message *request,
			     int status, struct slice reason, struct slice tag,
			     const struct addr *source);
/* All Via values of a request as one text "v1\r\nVia: v2" ready to be
 * answered with, received/rport filled in: what a server transaction keeps. */
void sip_write_via_values(struct out *out, const struct sip_message *request,
			  const struct addr *source);

#endif
