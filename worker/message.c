/* SPDX-License-Identifier: Apache-2.0
 *
 * See message.h.  Signalling worker.
 */
#include "worker/message.h"

#include "sip/uri.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "?"
#endif

void message_write_server(struct out *out)
{
	out_text(out, "Server: mspool/" PACKAGE_VERSION "\r\n");
}

void message_write_user(struct out *out, struct slice number)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < number.len; i++) {
		unsigned char c = (unsigned char)number.ptr[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || (c && strchr("+-_.!~*'()", c))) {
			out_char(out, (char)c);
		} else {
			out_char(out, '%');
			out_char(out, hex[c >> 4]);
			out_char(out, hex[c & 15]);
		}
	}
}

const char *message_tag(const struct call *call, enum leg_side leg,
			char buf[TAG_MAX])
{
	const struct leg_record *record = &call->record->leg[leg];
	struct token token = {call->record->id, leg == LEG_A ? 'a' : 'b'};

	return tag_make(&token, record->secret, record->local_fork, buf);
}

/* ---- which headers pass -------------------------------------------------- */

struct pass_row {
	enum sip_header_id id;
	bool in_requests, in_responses;
	bool (*may)(const struct config_trunk *trunk);
};

static bool pass_ALWAYS(const struct config_trunk *trunk)
{
	(void)trunk;
	return true;
}

static bool pass_forward_pai(const struct config_trunk *trunk)
{
	return trunk && trunk->forward_pai;
}

static bool pass_forward_call_history(const struct config_trunk *trunk)
{
	return trunk && trunk->forward_call_history;
}

static const struct pass_row pass_rows[] = {
#define PASS(header, requests, responses, policy)                              \
	{SIP_H_##header, requests, responses, pass_##policy},
#include "worker/pass.def"
#undef PASS
};

static void write_passed(const struct call *call,
			 const struct sip_message *from, bool is_request,
			 struct out *out)
{
	const struct config *config = call->server->worker->child.config;
	int index = config_trunk_index(config,
				       call_text(call, call->record->trunk));
	const struct config_trunk *trunk =
		index < 0 ? NULL : &config->trunks[index];

	for (unsigned i = 0; from && i < sizeof(pass_rows) / sizeof(*pass_rows);
	     i++) {
		const struct pass_row *row = &pass_rows[i];

		if ((is_request ? row->in_requests : row->in_responses) &&
		    row->may(trunk))
			sip_copy_headers(out, from, row->id);
	}
}

/* ---- pieces -------------------------------------------------------------- */

static void write_via(const struct call *call, enum leg_side leg,
		      const struct tx *tx, struct out *out)
{
	const struct leg_record *record = &call->record->leg[leg];
	struct token token = {call->record->id, leg == LEG_A ? 'a' : 'b'};
	char branch[BRANCH_MAX];

	out_text(out, "Via: ");
	out_text(out, transport_row(record->transport)->via);
	server_write_sent_by(call->server, record->listener, record->transport,
			     out);
	out_text(out, ";branch=");
	out_text(out,
		 branch_make(&token, tx->record->tx, record->secret, branch));
	out_text(out, ";rport\r\n");
}

static void write_contact(const struct call *call, enum leg_side leg,
			  struct out *out)
{
	const struct leg_record *record = &call->record->leg[leg];

	out_text(out, "Contact: <sip:");
	server_write_sent_by(call->server, record->listener, record->transport,
			     out);
	if (record->transport != TRANSPORT_UDP) {
		out_text(out, ";transport=");
		out_text(out, transport_row(record->transport)->name);
	}
	out_text(out, ">\r\n");
}

static void write_party(struct out *out, const char *header, struct slice uri,
			const char *tag)
{
	out_text(out, header);
	out_slice(out, uri);
	if (tag) {
		out_text(out, ";tag=");
		out_text(out, tag);
	}
	out_text(out, "\r\n");
}

static void write_cseq(struct out *out, uint32_t cseq, enum sip_method method)
{
	out_text(out, "CSeq: ");
	out_u64(out, cseq);
	out_char(out, ' ');
	out_text(out, sip_method_names[method]);
	out_text(out, "\r\n");
}

static bool has_contact(enum sip_method method)
{
	return method == SIP_INVITE || method == SIP_UPDATE;
}

static void write_extra(const struct call *call,
			const struct message_extra *extra, bool is_request,
			struct out *out)
{
	if (extra->lines)
		out_text(out, extra->lines);
	write_passed(call, extra->pass, is_request, out);
}

/* RFC 3261 12.2.1.1: a first route without ;lr takes the Request-URI. */
static struct slice strict_route(struct slice route_set)
{
	struct name_addr route;
	struct sip_uri uri;

	if (!route_set.len || name_addr_parse(route_set, &route, NULL) ||
	    uri_parse(route.uri, &uri) || uri_param(&uri, "lr", NULL))
		return SLICE_NONE;
	return route.uri;
}

static void write_routes(struct out *out, struct slice route_set,
			 struct slice strict, struct slice target)
{
	struct name_addr first;
	struct slice rest = route_set;

	if (!route_set.len)
		return;
	if (strict.len && name_addr_parse(route_set, &first, &rest))
		return;
	out_text(out, "Route: ");
	out_slice(out, rest);
	if (strict.len) {
		out_text(out, rest.len ? ", <" : "<");
		out_slice(out, target);
		out_text(out, ">");
	}
	out_text(out, "\r\n");
}

/* ---- whole messages ------------------------------------------------------ */

void message_request(const struct call *call, enum leg_side leg,
		     const struct tx *tx, const struct message_extra *extra,
		     struct out *out)
{
	const struct call_record *record = call->record;
	const struct leg_record *l = &record->leg[leg];
	enum sip_method method = tx->record->method;
	struct slice target = call_text(call, l->remote_target);
	struct slice routes = call_text(call, l->route_set);
	struct slice strict = strict_route(routes);
	char tag[TAG_MAX];

	sip_write_request_line(out, method, strict.len ? strict : target);
	write_via(call, leg, tx, out);
	write_routes(out, routes, strict, target);
	out_text(out, "Max-Forwards: ");
	out_u64(out, record->max_forwards);
	out_text(out, "\r\n");
	write_party(out, "From: ", call_text(call, l->local_uri),
		    message_tag(call, leg, tag));
	write_party(out, "To: ", call_text(call, l->remote_uri), NULL);
	sip_write_header(out, SIP_H_CALL_ID, call_text(call, l->call_id));
	write_cseq(out, tx->record->cseq, method);
	if (has_contact(method))
		write_contact(call, leg, out);
	if (method == SIP_INVITE)
		out_text(out, "Allow: " MESSAGE_ALLOW "\r\n");
	write_extra(call, extra, true, out);
	out_text(out, "User-Agent: mspool/" PACKAGE_VERSION "\r\n");
	sip_write_body(out, extra->content_type, extra->body);
}

void message_response(const struct call *call, const struct tx *tx, int status,
		      struct slice reason, const struct message_extra *extra,
		      struct out *out)
{
	enum leg_side leg = tx->record->leg;
	const struct leg_record *l = &call->record->leg[leg];
	bool is_dialog_forming =
		tx->record->role == TX_INVITE_SERVER && status < 300;
	char tag[TAG_MAX];

	sip_write_status_line(out, status, reason);
	sip_write_header(out, SIP_H_VIA,
			 record_slice(tx->record, tx->record->via));
	if (is_dialog_forming && status > 100)
		if (l->route_set.len)
			sip_write_header(out, SIP_H_RECORD_ROUTE,
					 call_text(call, l->route_set));
	write_party(out, "From: ", call_text(call, l->remote_uri), NULL);
	write_party(out, "To: ", call_text(call, l->local_uri),
		    status > 100 || l->state >= LEG_ANSWERED
			    ? message_tag(call, leg, tag)
			    : NULL);
	sip_write_header(out, SIP_H_CALL_ID, call_text(call, l->call_id));
	write_cseq(out, tx->record->cseq, tx->record->method);
	if (status > 100 && status < 300 && has_contact(tx->record->method))
		write_contact(call, leg, out);
	if (status >= 200 && status < 300 && tx->record->method == SIP_INVITE)
		out_text(out, "Allow: " MESSAGE_ALLOW "\r\n");
	write_extra(call, extra, false, out);
	message_write_server(out);
	sip_write_body(out, extra->content_type, extra->body);
}

/* ---- from the stored bytes of an INVITE ---------------------------------- */

static bool scan_stored(const struct tx *invite, struct sip_message *ret)
{
	static char copy[SIP_MESSAGE_MAX + 1];
	struct slice bytes =
		record_slice(invite->record, invite->record->bytes);
	struct sip_verdict verdict;

	if (bytes.len > sizeof(copy))
		return false;
	memcpy(copy, bytes.ptr, bytes.len);
	sip_scan(copy, bytes.len, false, ret, &verdict);
	return verdict.status == 0;
}

static struct sip_message stored;

bool message_can_end(const struct tx *invite, const struct out *out)
{
	static char copy[SIP_MESSAGE_MAX + 1];
	struct sip_verdict verdict;

	if (out->is_full || out->len > tx_room(invite))
		return false;
	memcpy(copy, out->buf, out->len);
	sip_scan(copy, out->len, false, &stored, &verdict);
	return verdict.status == 0;
}

/* Everything but the start line and the top Via. */
static void write_like_invite(struct out *out, struct slice to,
			      enum sip_method method, uint32_t cseq)
{
	out_text(out, "Max-Forwards: 70\r\n");
	sip_write_header(out, SIP_H_FROM, stored.from);
	sip_write_header(out, SIP_H_TO, to);
	sip_write_header(out, SIP_H_CALL_ID, stored.call_id);
	write_cseq(out, cseq, method);
}

void message_ack_refusal(const struct tx *invite,
			 const struct sip_message *response, struct out *out)
{
	if (!scan_stored(invite, &stored))
		return;
	sip_write_request_line(out, SIP_ACK, stored.uri);
	sip_write_header(out, SIP_H_VIA, stored.via);
	sip_copy_headers(out, &stored, SIP_H_ROUTE);
	write_like_invite(out, response->to, SIP_ACK, stored.cseq);
	sip_write_body(out, SLICE_NONE, SLICE_NONE);
}

void message_cancel(const struct tx *invite, const char *lines, struct out *out)
{
	if (!scan_stored(invite, &stored))
		return;
	sip_write_request_line(out, SIP_CANCEL, stored.uri);
	sip_write_header(out, SIP_H_VIA, stored.via);
	sip_copy_headers(out, &stored, SIP_H_ROUTE);
	write_like_invite(out, stored.to, SIP_CANCEL, stored.cseq);
	if (lines)
		out_text(out, lines);
	sip_write_body(out, SLICE_NONE, SLICE_NONE);
}

/* Record-Route of a response, reversed (RFC 3261 12.1.2), as Route lines. */
static void write_reversed_routes(struct out *out,
				  const struct sip_message *response)
{
	for (unsigned n = 64; n-- > 0;) {
		const struct sip_header *header =
			sip_header(response, SIP_H_RECORD_ROUTE, n);

		if (header)
			sip_write_header(out, SIP_H_ROUTE, header->value);
	}
}

static void write_stray(const struct sip_message *response,
			enum sip_method method, const char *via_branch,
			uint32_t cseq, struct out *out)
{
	struct name_addr contact;
	struct slice uri = stored.uri, before, via = stored.via;

	if (response->contact.len &&
	    name_addr_parse(response->contact, &contact, NULL) == 0)
		uri = contact.uri;
	sip_write_request_line(out, method, uri);
	before = slice_cut(&via, ';');
	out_text(out, "Via: ");
	out_slice(out, before);
	out_printf(out, ";branch=%s;rport\r\n", via_branch);
	write_reversed_routes(out, response);
	write_like_invite(out, response->to, method, cseq);
	sip_write_body(out, SLICE_NONE, SLICE_NONE);
}

void message_ack_stray(const struct tx *invite,
		       const struct sip_message *response, struct out *out)
{
	const struct call *call = invite->call;
	struct token token = {call->record->id, 'b'};
	uint64_t dialog = slice_hash(response->to_tag, invite->record->tx);
	uint8_t secret[LEG_SECRET_LEN];
	char branch[BRANCH_MAX];

	if (!scan_stored(invite, &stored))
		return;
	/* an ACK's branch is answered by nobody (number 0), but no other
	 * dialog's is the same, and that of the 2xx repeated is */
	memcpy(secret, call->record->leg[LEG_B].secret, sizeof(secret));
	memcpy(secret, &dialog, sizeof(dialog));
	branch_make(&token, 0, secret, branch);
	write_stray(response, SIP_ACK, branch, stored.cseq, out);
}

void message_bye_stray(const struct tx *invite, const struct tx *bye,
		       const struct sip_message *response, struct out *out)
{
	const struct call *call = invite->call;
	struct token token = {call->record->id, 'b'};
	char branch[BRANCH_MAX];

	if (!scan_stored(invite, &stored))
		return;
	branch_make(&token, bye->record->tx, call->record->leg[LEG_B].secret,
		    branch);
	write_stray(response, SIP_BYE, branch, stored.cseq + 1, out);
}

/* ---- where it goes ------------------------------------------------------- */

/* The first route, or the remote target, if it names an address. */
static bool addr_of_uri(struct slice text, struct addr *ret_addr)
{
	struct sip_uri uri;

	if (uri_parse(text, &uri) || uri.scheme > URI_SIPS)
		return false;
	return addr_parse_host(uri.host, uri.port ? uri.port : 5060,
			       ret_addr) == 0;
}

void message_target(const struct call *call, enum leg_side leg,
		    struct target *ret_target)
{
	const struct leg_record *l = &call->record->leg[leg];
	struct slice routes = call_text(call, l->route_set);
	struct name_addr route;
	struct addr addr;

	*ret_target = (struct target){l->transport, l->listener, l->connection,
				      l->hop};
	if (routes.len && name_addr_parse(routes, &route, NULL) == 0) {
		if (addr_of_uri(route.uri, &addr))
			ret_target->addr = addr;
	} else if (addr_of_uri(call_text(call, l->remote_target), &addr)) {
		ret_target->addr = addr;
	}
}
