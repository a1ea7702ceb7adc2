/* SPDX-License-Identifier: Apache-2.0
 *
 * What the simulator does with a message: a row per method.  Called by
 * gwsim_wire for every datagram and every whole message of a connection.
 * Trap: slices of a message live in the wire's buffer only until we return.
 */
#include <errno.h>
#include <stdlib.h>

#include "sip/uri.h"
#include "tools/gwsim.h"

typedef void take_fn(struct sim *sim, struct sim_call *call,
		     const struct way *way, const struct sip_message *m);

static void answer(struct sim *sim, struct sim_call *call,
		   const struct way *way, const struct sip_message *m,
		   int status)
{
	char buf[SIM_OUT_MAX];
	struct way back = *way;

	wire_send(
		sim, &back,
		call ? write_response(call, m, status, false, buf, sizeof(buf))
		     : write_stray_response(sim, m, way, status, buf,
					    sizeof(buf)));
}

static void take_options(struct sim *sim, struct sim_call *call,
			 const struct way *way, const struct sip_message *m)
{
	answer(sim, call, way, m, 200);
}

/* ---- INVITE -------------------------------------------------------------- */

/* RFC 3261 12.1.1: dialog state of a callee. */
static void learn_dialog(struct sim_call *call, const struct sip_message *m)
{
	struct out local = out_init(call->local, sizeof(call->local));
	struct out routes = out_init(call->routes, sizeof(call->routes));
	const struct sip_header *route;

	out_slice(&local, m->to);
	out_text(&local, ";tag=");
	out_text(&local, call->tag);
	out_end(&local);
	slice_copy(m->from, call->remote, sizeof(call->remote));
	for (unsigned n = 0; (route = sip_header(m, SIP_H_RECORD_ROUTE, n));
	     n++) {
		if (n > 0)
			out_text(&routes, ",");
		out_slice(&routes, route->value);
	}
	out_end(&routes);
}

/* A connection that is lost is opened again to where the peer listens, not to
 * the port that it had connected from. */
static void learn_where_to_connect(struct sim_call *call, struct slice target)
{
	struct sip_uri uri;
	struct addr peer;

	if (call->way.transport == SIM_TCP && !call->routes[0] &&
	    uri_parse(target, &uri) == 0 &&
	    addr_parse_host(uri.host, uri.port ? uri.port : 5060, &peer) == 0)
		call->way.listens_at = peer;
}

static void learn_target(struct sim_call *call, const struct sip_message *m)
{
	struct name_addr contact;

	if (name_addr_parse(m->contact, &contact, NULL) < 0)
		return;
	slice_copy(contact.uri, call->target, sizeof(call->target));
	learn_where_to_connect(call, contact.uri);
}

/* The INVITE must outlive the wire's buffer, since its answers come later. */
static int keep_invite(struct sim_call *call, const struct sip_message *m)
{
	size_t len = m->head.len + m->body.len;
	char *bytes = malloc(len);
	struct sip_message *copy = malloc(sizeof(*copy));
	struct sip_verdict verdict;

	if (!bytes || !copy) {
		free(bytes);
		free(copy);
		return -ENOMEM;
	}
	memcpy(bytes, m->head.ptr, m->head.len);
	memcpy(bytes + m->head.len, m->body.ptr, m->body.len);
	sip_scan(bytes, len, false, copy, &verdict);
	free(call->invite);
	free(call->invite_message);
	call->invite = bytes;
	call->invite_message = copy;
	call->invite_cseq = m->cseq;
	return 0;
}

static void begin_call(struct sim *sim, const struct way *way,
		       const struct sip_message *m)
{
	struct sim_call *call = call_new(sim, m->call_id, way, false);

	sim->figures.n_taken++;
	if (!call || keep_invite(call, m) < 0 ||
	    (!sim->options.is_without_media && media_open(call) < 0)) {
		call_free(call);
		answer(sim, NULL, way, m, 500);
		return;
	}
	learn_dialog(call, m);
	learn_target(call, m);
	if (m->body.len > 0 && media_take_sdp(call, m->body) < 0) {
		answer(sim, call, way, m, 488);
		call_end(call, "SDP without a codec of ours");
		return;
	}
	call_begin_script(call);
}

/* Within a dialog: hold, resume, a new address. */
static void change_call(struct sim *sim, struct sim_call *call,
			const struct way *way, const struct sip_message *m)
{
	struct slice bytes;

	if (call->state != SIM_TALKING && call->state != SIM_ANSWERED) {
		answer(sim, call, way, m, 491);
		return;
	}
	if (m->body.len > 0 && media_take_sdp(call, m->body) < 0) {
		answer(sim, call, way, m, 488);
		return;
	}
	learn_target(call, m);
	if (m->method == SIP_INVITE && keep_invite(call, m) < 0) {
		answer(sim, call, way, m, 500);
		return;
	}
	bytes = write_response(call, m, 200,
			       m->method == SIP_INVITE || m->body.len > 0,
			       call->sent, sizeof(call->sent));
	call->sent_len = bytes.len;
	call->sending = m->method;
	call_send(call, m->method == SIP_INVITE, true);
}

static void take_invite(struct sim *sim, struct sim_call *call,
			const struct way *way, const struct sip_message *m)
{
	if (!call && !m->to_tag.ptr) {
		begin_call(sim, way, m);
	} else if (!call) {
		answer(sim, NULL, way, m, 481);
	} else if (call->invite_message && m->cseq == call->invite_cseq) {
		/* repeated: so is what was said last */
		if (call->sending == SIP_INVITE && call->sent_len > 0)
			wire_send(sim, &call->way,
				  (struct slice){call->sent, call->sent_len});
	} else {
		change_call(sim, call, way, m);
	}
}

static void take_update(struct sim *sim, struct sim_call *call,
			const struct way *way, const struct sip_message *m)
{
	if (call)
		change_call(sim, call, way, m);
	else
		answer(sim, NULL, way, m, 481);
}

static void take_ack(struct sim *sim, struct sim_call *call,
		     const struct way *way, const struct sip_message *m)
{
	(void)sim;
	(void)way;
	if (!call || m->cseq != call->invite_cseq)
		return;
	if (call->state == SIM_ANSWERED) {
		call->state = SIM_TALKING;
		call_stop_repeating(call);
		if (m->body.len > 0 && media_take_sdp(call, m->body) == 0)
			media_begin(call);
	} else if (call->state == SIM_TALKING) {
		call_stop_repeating(call);
	} else if (call->state == SIM_ENDING && call->sending == SIP_INVITE) {
		call_end(call, "");
	}
}

/* ---- ends ---------------------------------------------------------------- */

static void take_bye(struct sim *sim, struct sim_call *call,
		     const struct way *way, const struct sip_message *m)
{
	bool is_early;

	answer(sim, call, way, m, call ? 200 : 481);
	if (!call)
		return;
	/* a caller that wants so long a call got less */
	is_early = call->is_placed && sim->options.duration_ms > 0 &&
		   call->state != SIM_ENDING;
	call_end(call, is_early ? "hung up by the other side" : "");
}

static void take_cancel(struct sim *sim, struct sim_call *call,
			const struct way *way, const struct sip_message *m)
{
	struct slice bytes;

	answer(sim, call, way, m, call ? 200 : 481);
	if (!call || call->is_placed || call->state > SIM_RINGING)
		return;
	call_stop_timer(call, SIM_STEP);
	call->state = SIM_ENDING;
	call->status = 487;
	sim->figures.statuses[487]++;
	bytes = write_response(call, call->invite_message, 487, false,
			       call->sent, sizeof(call->sent));
	call->sent_len = bytes.len;
	call->sending = SIP_INVITE;
	call_send(call, true, false);
}

static void take_in_dialog(struct sim *sim, struct sim_call *call,
			   const struct way *way, const struct sip_message *m)
{
	answer(sim, call, way, m, call ? 200 : 481);
}

static take_fn *const takes[N_SIP_METHODS] = {
	[SIP_INVITE] = take_invite,    [SIP_ACK] = take_ack,
	[SIP_BYE] = take_bye,	       [SIP_CANCEL] = take_cancel,
	[SIP_OPTIONS] = take_options,  [SIP_UPDATE] = take_update,
	[SIP_INFO] = take_in_dialog,   [SIP_PRACK] = take_in_dialog,
	[SIP_NOTIFY] = take_in_dialog,
};

void sim_take_message(struct sim *sim, const struct way *way, char *bytes,
		      size_t len)
{
	static struct sip_message m;
	struct sip_verdict verdict;
	struct sim_call *call;

	sip_scan(bytes, len, way->transport == SIM_TCP, &m, &verdict);
	if (verdict.status) {
		sim->figures.malformed++;
		return;
	}
	call = call_find(sim, m.call_id);
	if (!m.is_request) {
		if (call)
			place_on_response(call, &m);
		return;
	}
	if (takes[m.method])
		takes[m.method](sim, call, way, &m);
	else
		answer(sim, call, way, &m, 501);
}
