/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing messages into a bounded buffer.  Called by the worker and the
 * simulator; nothing is taken over from another message that the caller did
 * not name (an allow-list, not a strip list).
 * Trap: a slice that came from the wire holds no CR or LF (the scan saw to
 * it); text from elsewhere must be as clean.
 */
#include "sip/write.h"

#include "sip/chars.h"
#include "sip/names.h"
#include "sip/params.h"
#include "sip/via.h"

void sip_write_request_line(struct out *out, enum sip_method method,
			    struct slice uri)
{
	out_text(out, sip_method_names[method]);
	out_char(out, ' ');
	out_slice(out, uri);
	out_text(out, " SIP/2.0\r\n");
}

void sip_write_status_line(struct out *out, int status, struct slice reason)
{
	out_text(out, "SIP/2.0 ");
	out_u64(out, (uint64_t)status);
	out_char(out, ' ');
	out_slice(out, reason);
	out_text(out, "\r\n");
}

void sip_write_header(struct out *out, enum sip_header_id id,
		      struct slice value)
{
	out_text(out, sip_header_names[id]);
	out_text(out, ": ");
	out_slice(out, value);
	out_text(out, "\r\n");
}

void sip_copy_headers(struct out *out, const struct sip_message *from,
		      enum sip_header_id id)
{
	for (unsigned i = 0; i < from->n_headers; i++)
		if (from->headers[i].id == id)
			sip_write_header(out, id, from->headers[i].value);
}

void sip_write_body(struct out *out, struct slice content_type,
		    struct slice body)
{
	if (body.len > 0 && content_type.len > 0)
		sip_write_header(out, SIP_H_CONTENT_TYPE, content_type);
	out_text(out, "Content-Length: ");
	out_u64(out, body.len);
	out_text(out, "\r\n\r\n");
	out_slice(out, body);
}

static bool is_from_sent_by(const struct sip_via *via,
			    const struct addr *source)
{
	struct addr sent_by;

	return addr_parse_host(via->host, 0, &sent_by) == 0 &&
	       addr_is_same_host(&sent_by, source);
}

/* A Via without the received and rport it came with: only we know those. */
static void write_via_params(struct out *out, struct slice params)
{
	struct slice name, value;

	while (sip_param_next(&params, &name, &value) > 0) {
		if (slice_is_nocase(name, SLICE("received")) ||
		    slice_is_nocase(name, SLICE("rport")))
			continue;
		out_char(out, ';');
		out_slice(out, name);
		if (value.len > 0) {
			out_char(out, '=');
			out_slice(out, value);
		}
	}
}

static void write_received(struct out *out, const struct addr *source)
{
	char text[ADDR_TEXT_MAX];

	out_text(out, ";received=");
	out_text(out, addr_host_text(source, text));
}

/* RFC 3261 18.2.1, RFC 3581 4: where the request really came from. */
static void write_top_via(struct out *out, const struct sip_via *via,
			  const struct addr *source)
{
	size_t head_len = (size_t)(via->params.ptr - via->text.ptr);

	out_slice(out, slice_trim(sip_first(via->text, head_len)));
	write_via_params(out, via->params);
	if (via->has_rport || !is_from_sent_by(via, source))
		write_received(out, source);
	if (via->has_rport) {
		out_text(out, ";rport=");
		out_u64(out, addr_port(source));
	}
}

/* The first Via header: its first value filled in, the rest as it is. */
static void write_first_via(struct out *out, struct slice value,
			    const struct addr *source)
{
	struct slice rest;
	struct sip_via via;

	if (addr_is_none(source) || via_parse(value, &via, &rest) < 0) {
		out_slice(out, value);
		return;
	}
	write_top_via(out, &via, source);
	if (rest.ptr) {
		out_text(out, ", ");
		out_slice(out, slice_trim(rest));
	}
}

void sip_write_via_values(struct out *out, const struct sip_message *request,
			  const struct addr *source)
{
	const struct sip_header *via;

	for (unsigned n = 0; (via = sip_header(request, SIP_H_VIA, n)); n++) {
		if (n == 0) {
			write_first_via(out, via->value, source);
			continue;
		}
		out_text(out, "\r\nVia: ");
		out_slice(out, via->value);
	}
}

static void write_to(struct out *out, const struct sip_message *request,
		     struct slice tag)
{
	if (!request->to.ptr)
		return;
	out_text(out, "To: ");
	out_slice(out, request->to);
	if (!request->to_tag.ptr && tag.len > 0) {
		out_text(out, ";tag=");
		out_slice(out, tag);
	}
	out_text(out, "\r\n");
}

/* What a broken request does not have is left out. */
static void write_first(struct out *out, const struct sip_message *request,
			enum sip_header_id id)
{
	const struct sip_header *header = sip_header(request, id, 0);

	if (header)
		sip_write_header(out, id, header->value);
}

void sip_write_response_head(struct out *out, const struct sip_message *request,
			     int status, struct slice reason, struct slice tag,
			     const struct addr *source)
{
	sip_write_status_line(out, status, reason);
	out_text(out, "Via: ");
	sip_write_via_values(out, request, source);
	out_text(out, "\r\n");
	write_first(out, request, SIP_H_FROM);
	write_to(out, request, tag);
	write_first(out, request, SIP_H_CALL_ID);
	write_first(out, request, SIP_H_CSEQ);
}
