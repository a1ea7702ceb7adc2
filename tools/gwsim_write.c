/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages that the simulator sends.  Requests go into call->sent, from
 * where they are repeated; responses to anything but an INVITE are sent once,
 * from the caller's buffer.
 */
#include "sip/write.h"

#include "base/ids.h"
#include "tools/gwsim.h"

#define SDP_ROOM 512

static const char *const transport_names[] = {
	[SIM_UDP] = "UDP", [SIM_TCP] = "TCP"};

static void write_uri_host(struct out *out, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	out_text(out, addr_text(addr, text));
}

/* Where we listen on this transport, else where the message leaves from: what
 * our Via and Contact say, so that who loses the connection finds us. */
static struct addr listening_address(const struct sim_call *call)
{
	const struct sim_options *options = &call->sim->options;

	for (unsigned i = 0; i < options->n_listens; i++) {
		const struct sim_listen *listen = &options->listens[i];

		if (listen->transport == call->way.transport &&
		    listen->address.sa.sa_family ==
			    call->way.local.sa.sa_family &&
		    !addr_is_wildcard(&listen->address))
			return listen->address;
	}
	return call->way.local;
}

static void write_via(struct out *out, const struct sim_call *call,
		      const char *branch)
{
	struct addr address = listening_address(call);

	out_printf(out, "Via: SIP/2.0/%s ",
		   transport_names[call->way.transport]);
	write_uri_host(out, &address);
	out_printf(out, ";branch=%s;rport\r\n", branch);
}

static void write_contact(struct out *out, const struct sim_call *call)
{
	struct addr address = listening_address(call);

	out_text(out, "Contact: <sip:");
	write_uri_host(out, &address);
	out_text(out, call->way.transport == SIM_TCP ? ";transport=tcp>\r\n"
						     : ">\r\n");
}

static void write_with_sdp(struct out *out, struct sim_call *call)
{
	char sdp[SDP_ROOM];
	struct out body = out_init(sdp, sizeof(sdp));

	media_write_sdp(call, &body);
	sip_write_body(out, SLICE("application/sdp"), out_as_slice(&body));
}

/* What every request of this dialog has in common. */
static void write_head(struct out *out, const struct sim_call *call,
		       enum sip_method method, uint32_t cseq,
		       const char *branch)
{
	sip_write_request_line(out, method, slice_of(call->target));
	write_via(out, call, branch);
	if (call->routes[0])
		sip_write_header(out, SIP_H_ROUTE, slice_of(call->routes));
	out_text(out, "Max-Forwards: 70\r\n");
	sip_write_header(out, SIP_H_FROM, slice_of(call->local));
	sip_write_header(out, SIP_H_TO, slice_of(call->remote));
	sip_write_header(out, SIP_H_CALL_ID, slice_of(call->call_id));
	out_printf(out, "CSeq: %u %s\r\n", cseq, sip_method_names[method]);
	sip_write_header(out, SIP_H_USER_AGENT,
			 slice_of(call->sim->options.name));
}

static void new_branch(struct sim_call *call)
{
	uint8_t random[12];
	struct out out = out_init(call->branch, sizeof(call->branch));

	random_bytes(random, sizeof(random));
	out_text(&out, "z9hG4bK");
	out_hex(&out, random, sizeof(random));
	out_end(&out);
}

void write_request(struct sim_call *call, enum sip_method method)
{
	struct out out = out_init(call->sent, sizeof(call->sent));

	if (method != SIP_CANCEL) { /* has the number of its INVITE */
		new_branch(call);
		call->cseq++;
	}
	if (method == SIP_INVITE)
		call->invite_cseq = call->cseq;
	write_head(&out, call, method, call->cseq, call->branch);
	if (method == SIP_INVITE) {
		write_contact(&out, call);
		out_text(&out, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, "
			       "INFO, UPDATE\r\n");
	}
	if (method == SIP_INVITE && !call->sim->options.is_without_media)
		write_with_sdp(&out, call);
	else
		sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	call->sent_len = out.len;
	call->sending = method;
}

/* RFC 3261 17.1.1.3: that of a refusal has the INVITE's branch and URI, that
 * of a 2xx is a request of its own (13.2.2.4). */
void write_ack(struct sim_call *call, const struct sip_message *response)
{
	char buf[SIM_OUT_MAX], branch[sizeof(call->branch)];
	struct out out = out_init(buf, sizeof(buf));
	uint8_t random[12];
	struct out fresh = out_init(branch, sizeof(branch));

	if (response->status < 300) {
		random_bytes(random, sizeof(random));
		out_text(&fresh, "z9hG4bK");
		out_hex(&fresh, random, sizeof(random));
	} else {
		out_slice(&fresh, response->branch);
	}
	write_head(&out, call, SIP_ACK, response->cseq, out_end(&fresh));
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	wire_send(call->sim, &call->way, out_as_slice(&out));
}

struct slice write_response(struct sim_call *call,
			    const struct sip_message *request, int status,
			    bool has_sdp, char *buf, size_t size)
{
	struct out out = out_init(buf, size);
	struct slice tag = status == 100 ? SLICE_NONE : slice_of(call->tag);

	sip_write_response_head(&out, request, status,
				slice_of(sip_status_text(status)), tag,
				&call->way.peer);
	sip_copy_headers(&out, request, SIP_H_RECORD_ROUTE);
	if (status != 100 && status < 300)
		write_contact(&out, call);
	sip_write_header(&out, SIP_H_SERVER, slice_of(call->sim->options.name));
	if (has_sdp)
		write_with_sdp(&out, call);
	else
		sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	return out_as_slice(&out);
}

struct slice write_stray_response(struct sim *sim,
				  const struct sip_message *request,
				  const struct way *way, int status, char *buf,
				  size_t size)
{
	struct out out = out_init(buf, size);

	sip_write_response_head(&out, request, status,
				slice_of(sip_status_text(status)),
				SLICE("stray"), &way->peer);
	if (status == 200)
		out_text(&out, "Accept: application/sdp\r\nAllow: INVITE, ACK, "
			       "CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n");
	sip_write_header(&out, SIP_H_SERVER, slice_of(sim->options.name));
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	return out_as_slice(&out);
}
