/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of the simulator: calls placed at a rate, their answers, BYE and
 * CANCEL of either side.  Client transactions are the least that RFC 3261 17.1
 * asks for: one request open per call, repeated over UDP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ids.h"
#include "sip/uri.h"
#include "tools/gwsim.h"

int place_prepare(struct sim *sim)
{
	struct sim_options *options = &sim->options;
	struct sip_uri uri;
	struct slice transport;
	struct addr peer;

	if (uri_parse(slice_of(options->target), &uri) < 0 ||
	    addr_parse_host(uri.host, uri.port ? uri.port : 5060, &peer) < 0)
		return -EINVAL;
	if (uri_param(&uri, "transport", &transport))
		options->transport = slice_is_nocase(transport, SLICE("tcp"))
					     ? SIM_TCP
					     : SIM_UDP;
	sim->figures.ring_us = calloc(options->n_calls, sizeof(uint32_t));
	sim->figures.answer_us = calloc(options->n_calls, sizeof(uint32_t));
	if (!sim->figures.ring_us || !sim->figures.answer_us)
		return -ENOMEM;
	sim->next_call_us = clock_boot_us();
	return wire_way_to(sim, options->transport, &peer, &sim->target_way);
}

static void write_identity(struct sim_call *call)
{
	const struct sim_options *options = &call->sim->options;
	char host[ADDR_TEXT_MAX];
	struct out out = out_init(call->local, sizeof(call->local));

	out_printf(&out, "\"%s\" <sip:%s@%s>;tag=%s", options->name,
		   options->from, addr_uri_host_text(&call->way.local, host),
		   call->tag);
	out_end(&out);
	snprintf(call->remote, sizeof(call->remote), "<%s>", options->target);
	snprintf(call->target, sizeof(call->target), "%s", options->target);
}

static void place_one(struct sim *sim)
{
	char id[64];
	uint8_t random[12];
	struct out out = out_init(id, sizeof(id));
	struct sim_call *call;

	random_bytes(random, sizeof(random));
	out_hex(&out, random, sizeof(random));
	sim->figures.n_placed++;
	call = call_new(sim, out_as_slice(&out), &sim->target_way, true);
	if (!call || (!sim->options.is_without_media && media_open(call) < 0)) {
		sim->figures.n_failed++;
		call_free(call);
		return;
	}
	write_identity(call);
	write_request(call, SIP_INVITE);
	call_send(call, true, false);
	call_set_timer(call, SIM_STEP,
		       sim->options.patience_ms * USEC_PER_MSEC);
}

uint64_t place_due(struct sim *sim)
{
	const struct sim_options *options = &sim->options;
	uint64_t gap_us = (uint64_t)(USEC_PER_SEC / options->rate);

	while (options->target && !sim->is_stopping &&
	       sim->figures.n_placed < options->n_calls) {
		uint64_t now_us = clock_boot_us();

		if (now_us < sim->next_call_us)
			return sim->next_call_us - now_us;
		sim->next_call_us += gap_us;
		place_one(sim);
	}
	return UINT64_MAX;
}

/* ---- answers to our INVITE ----------------------------------------------- */

/* RFC 3261 12.1.2: dialog state of a caller, and 12.2.1.1 for the routes. */
static void learn_dialog(struct sim_call *call, const struct sip_message *m)
{
	struct out routes = out_init(call->routes, sizeof(call->routes));
	struct name_addr contact;
	unsigned n = 0;

	slice_copy(m->to, call->remote, sizeof(call->remote));
	if (name_addr_parse(m->contact, &contact, NULL) == 0)
		slice_copy(contact.uri, call->target, sizeof(call->target));
	while (sip_header(m, SIP_H_RECORD_ROUTE, n))
		n++;
	while (n-- > 0) {
		if (routes.len > 0)
			out_text(&routes, ",");
		out_slice(&routes, sip_header(m, SIP_H_RECORD_ROUTE, n)->value);
	}
	out_end(&routes);
}

static void on_provisional(struct sim_call *call, const struct sip_message *m)
{
	struct sim_figures *figures = &call->sim->figures;

	if (call->state > SIM_RINGING)
		return;
	if (call->state == SIM_CALLING)
		call_stop_repeating(call);
	call->state = SIM_RINGING;
	if (m->status > 100 && !call->rang_us) {
		call->rang_us = clock_boot_us();
		figures->ring_us[figures->n_ring++] =
			(uint32_t)(call->rang_us - call->began_us);
	}
	if (m->body.len > 0 && media_take_sdp(call, m->body) == 0)
		media_begin(call);
}

static void on_answer(struct sim_call *call, const struct sip_message *m)
{
	struct sim_figures *figures = &call->sim->figures;
	bool is_cancelled = call->state == SIM_ENDING;

	if (call->answered_us || call->state == SIM_ENDED) {
		/* a repeated 200: its ACK was lost */
		write_ack(call, m);
		return;
	}
	call_stop_repeating(call);
	learn_dialog(call, m);
	write_ack(call, m);
	call->answered_us = clock_boot_us();
	call->state = SIM_TALKING;
	call->status = m->status;
	figures->n_answered++;
	figures->statuses[m->status]++;
	figures->answer_us[figures->n_answer++] =
		(uint32_t)(call->answered_us - call->began_us);
	if (m->body.len > 0 && media_take_sdp(call, m->body) == 0)
		media_begin(call);
	call_stop_timer(call, SIM_STEP);
	if (is_cancelled)
		place_bye(call);
	else if (call->sim->options.duration_ms)
		call_set_timer(call, SIM_STEP,
			       call->sim->options.duration_ms * USEC_PER_MSEC);
}

static void on_refusal(struct sim_call *call, const struct sip_message *m)
{
	char why[sizeof(call->why)];

	slice_copy(m->to, call->remote, sizeof(call->remote));
	write_ack(call, m);
	if (call->state == SIM_ENDED)
		return;
	call->status = m->status;
	call->sim->figures.statuses[m->status]++;
	snprintf(why, sizeof(why), "refused with %d %.*s", m->status,
		 SLICE_ARG(m->reason));
	call_end(call, why);
}

static void on_bye_answer(struct sim_call *call, const struct sip_message *m)
{
	char why[sizeof(call->why)] = "";

	if (m->status < 200 || call->sending != SIP_BYE)
		return;
	if (m->status >= 300)
		snprintf(why, sizeof(why), "BYE was answered with %d",
			 m->status);
	call_end(call, why);
}

void place_on_response(struct sim_call *call, const struct sip_message *m)
{
	if (m->method == SIP_BYE)
		on_bye_answer(call, m);
	else if (m->method == SIP_CANCEL && call->sending == SIP_CANCEL)
		call_stop_timer(call, SIM_REPEAT);
	else if (m->method != SIP_INVITE || !call->is_placed ||
		 m->cseq != call->invite_cseq)
		return;
	else if (m->status < 200)
		on_provisional(call, m);
	else if (m->status < 300)
		on_answer(call, m);
	else
		on_refusal(call, m);
}

/* ---- ends ---------------------------------------------------------------- */

void place_bye(struct sim_call *call)
{
	call->state = SIM_ENDING;
	call_stop_timer(call, SIM_STEP);
	write_request(call, SIP_BYE);
	call_send(call, true, false);
}

/* RFC 3261 9.1: only after a provisional; without one the INVITE is given up
 * by its own time-out. */
void place_cancel(struct sim_call *call)
{
	bool is_early = call->state == SIM_RINGING;

	snprintf(call->why, sizeof(call->why), "given up without an answer");
	call->state = SIM_ENDING;
	call_stop_timer(call, SIM_STEP);
	if (!is_early) {
		call_end(call, call->why);
		return;
	}
	write_request(call, SIP_CANCEL);
	call_send(call, true, false);
}
