/* SPDX-License-Identifier: Apache-2.0
 *
 * See soakgen.h: every message that soakgen sends.  Called by both halves.
 * Trap: a branch is made of run, call, side and CSeq, so that a request that is
 * written again is the same transaction; only the ACK of a 2xx has one of its
 * own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sip/uri.h"
#include "sip/write.h"
#include "tests/soak/soakgen.h"

static const char SDP[] = "v=0\r\n"
			  "o=- %u %u IN IP4 %s\r\n"
			  "s=-\r\n"
			  "c=IN IP4 %s\r\n"
			  "t=0 0\r\n"
			  "m=audio 20000 RTP/AVP 8 101\r\n"
			  "a=rtpmap:8 PCMA/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\n"
			  "a=fmtp:101 0-15\r\n"
			  "a=%s\r\n";

/* ---- dialogs ------------------------------------------------------------- */

struct slice dialog_part(const struct half *half, enum dialog_part part)
{
	const char *text = half->dialog;

	for (unsigned i = 0; i < part; i++)
		text += strlen(text) + 1;
	return slice_of(text);
}

void dialog_set(struct half *half, const struct slice parts[N_DIALOG_PARTS])
{
	size_t len = 0;
	char *text, *at;

	for (unsigned i = 0; i < N_DIALOG_PARTS; i++)
		len += parts[i].len + 1;
	text = at = malloc(len);
	if (!text)
		exit(3);
	for (unsigned i = 0; i < N_DIALOG_PARTS; i++) {
		memcpy(at, parts[i].ptr ? parts[i].ptr : "", parts[i].len);
		at[parts[i].len] = '\0';
		at += parts[i].len + 1;
	}
	free(half->dialog); /* parts may point into it */
	half->dialog = text;
}

struct slice dialog_routes(const struct sip_message *m, bool is_backwards,
			   char *buf, size_t size)
{
	struct out out = out_init(buf, size);
	unsigned n = 0;

	while (sip_header(m, SIP_H_RECORD_ROUTE, n))
		n++;
	for (unsigned i = 0; i < n; i++) {
		unsigned which = is_backwards ? n - 1 - i : i;

		if (i)
			out_char(&out, ',');
		out_slice(&out,
			  sip_header(m, SIP_H_RECORD_ROUTE, which)->value);
	}
	return out_as_slice(&out);
}

/* ---- requests ------------------------------------------------------------ */

static void write_contact(struct out *out, enum side side)
{
	const struct wire *wire = gen.wire[side];

	out_printf(out, "Contact: <sip:soak@%s%s>\r\n", wire_own_text(wire),
		   wire_is_tcp(wire) ? ";transport=tcp" : "");
}

static void write_sdp(struct out *out, const struct half *half,
		      const char *direction)
{
	char host[ADDR_TEXT_MAX], sdp[512];
	struct out body = out_init(sdp, sizeof(sdp));
	unsigned session = (unsigned)call_index(half_call(half)) + 1;

	if (!direction) {
		sip_write_body(out, SLICE_NONE, SLICE_NONE);
		return;
	}
	addr_host_text(wire_own(gen.wire[half->side]), host);
	out_printf(&body, SDP, session,
		   session + half_call(half)->half[0].n_holds, host, host,
		   direction);
	sip_write_body(out, SLICE("application/sdp"), out_as_slice(&body));
}

/* Up to CSeq; `to` is the To value. */
static void write_head(struct out *out, const struct half *half,
		       const char *method, uint32_t cseq, const char *mark,
		       struct slice to)
{
	const struct wire *wire = gen.wire[half->side];
	struct slice routes = dialog_part(half, DIALOG_ROUTES);

	out_printf(out, "%s %.*s SIP/2.0\r\n", method,
		   SLICE_ARG(dialog_part(half, DIALOG_TARGET)));
	out_printf(out, "Via: SIP/2.0/%s %s;branch=z9hG4bKs%x.%llx.%u.%u%s\r\n",
		   wire_is_tcp(wire) ? "TCP" : "UDP", wire_own_text(wire),
		   gen.run, (unsigned long long)call_index(half_call(half)),
		   half->side, cseq, mark);
	if (routes.len)
		out_printf(out, "Route: %.*s\r\n", SLICE_ARG(routes));
	out_printf(out,
		   "Max-Forwards: 70\r\nFrom: %.*s\r\nTo: %.*s\r\n"
		   "Call-ID: %.*s\r\nCSeq: %u %s\r\n",
		   SLICE_ARG(dialog_part(half, DIALOG_LOCAL)), SLICE_ARG(to),
		   SLICE_ARG(dialog_part(half, DIALOG_CALL_ID)), cseq, method);
}

void send_request(struct half *half, enum sip_method method,
		  enum pending pending, const char *direction)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	half->cseq++;
	write_head(&out, half, sip_method_names[method], half->cseq, "",
		   dialog_part(half, DIALOG_REMOTE));
	if (direction) {
		write_contact(&out, half->side);
		out_text(&out, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n");
	}
	write_sdp(&out, half, direction);
	half_pend(half, pending, buf, out.len);
}

static void send_now(const struct half *half, struct out *out)
{
	sip_write_body(out, SLICE_NONE, SLICE_NONE);
	wire_send(gen.wire[half->side], 0, out->buf, out->len);
}

void send_ack(struct half *half, uint32_t cseq)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	write_head(&out, half, "ACK", cseq, "a",
		   dialog_part(half, DIALOG_REMOTE));
	send_now(half, &out);
}

/* RFC 3261 17.1.1.3: part of the INVITE's transaction. */
void send_refusal_ack(const struct half *half, const struct sip_message *m)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	write_head(&out, half, "ACK", m->cseq, "", m->to);
	send_now(half, &out);
}

/* RFC 3261 9.1: its branch and CSeq are those of the INVITE. */
void send_cancel(struct half *half)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	write_head(&out, half, "CANCEL", half->cseq, "",
		   dialog_part(half, DIALOG_REMOTE));
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	half_pend(half, PENDING_CANCEL, buf, out.len);
}

/* ---- responses ----------------------------------------------------------- */

static void write_response(struct out *out, const struct half *half,
			   const struct sip_message *request, int status,
			   const char *direction)
{
	char tag[32];

	snprintf(tag, sizeof(tag), "%c%llx", half->side == CALLER ? 'c' : 'e',
		 (unsigned long long)call_index(half_call(half)));
	sip_write_response_head(out, request, status,
				slice_of(sip_status_text(status)),
				status == 100 ? SLICE_NONE : slice_of(tag),
				wire_pool(gen.wire[half->side]));
	sip_copy_headers(out, request, SIP_H_RECORD_ROUTE);
	if (request->method == SIP_INVITE && status > 100 && status < 300)
		write_contact(out, half->side);
	write_sdp(out, half, direction);
}

void send_response(const struct half *half, const struct sip_message *request,
		   int status, const char *direction)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));
	struct wire *wire = gen.wire[half->side];

	write_response(&out, half, request, status, direction);
	wire_send(wire, wire_current(wire), buf, out.len);
}

void pend_response(struct half *half, const struct sip_message *request,
		   int status, const char *direction)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	write_response(&out, half, request, status, direction);
	half->connection = half->invite_connection;
	half_pend(half, status < 300 ? PENDING_ANSWER : PENDING_REFUSAL, buf,
		  out.len);
}

void send_stateless(enum side side, const struct sip_message *request,
		    int status)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));
	struct wire *wire = gen.wire[side];

	sip_write_response_head(&out, request, status,
				slice_of(sip_status_text(status)),
				SLICE("stateless"), wire_pool(wire));
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	wire_send(wire, wire_current(wire), buf, out.len);
}
