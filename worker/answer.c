/* SPDX-License-Identifier: Apache-2.0
 *
 * From the callee to the caller: ringing, early media, the answer; and the
 * caller's ACK back.  Actions of the call machine, signalling worker.
 */
#include "base/clock.h"
#include "worker/cdr.h"
#include "worker/load.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/message.h"
#include "worker/setup.h"
#include "worker/tally.h"

static char buffer[SIP_MESSAGE_MAX];

/* False when it does not fit into the transaction's record, or a datagram. */
static bool respond(struct tx *tx, int status, struct slice reason,
		    const struct message_extra *extra)
{
	struct out out = out_init(buffer, sizeof(buffer));

	message_response(tx->call, tx, status, reason, extra, &out);
	if (out.is_full || out.len > tx_room(tx))
		return false;
	tx_respond(tx, status, out_as_slice(&out));
	return true;
}

/* Within a call a 2xx without its body would be another answer than the one
 * that was given, so the request fails; a new call is ended by our caller.
 * Without body and passed headers everything fits: the pre-scan bounds Vias
 * and lines, setup.c the route set. */
static void respond_bare(struct tx *tx, int status, const char *lines)
{
	bool is_refused = status >= 200 && status < 300 && tx->record->partner;
	int code = is_refused ? 500 : status;

	must(respond(tx, code, slice_of(sip_status_text(code)),
		     &(struct message_extra){.lines = lines}));
}

bool answer_send(struct tx *tx, int status, struct slice reason,
		 const struct sip_message *pass, struct slice content_type,
		 struct slice body, const char *lines)
{
	struct message_extra extra = {.pass = pass,
				      .content_type = content_type,
				      .body = body,
				      .lines = lines};

	if (respond(tx, status, reason, &extra))
		return true;
	worker_count(tx->call->server->worker, COUNTER_messages_cut);
	extra.pass = NULL;
	if (respond(tx, status, reason, &extra))
		return true;
	respond_bare(tx, status, lines);
	return false;
}

void answer_trying_again(struct tx *tx)
{
	struct out out = out_init(buffer, sizeof(buffer));
	struct message_extra extra = {0};
	struct target target = {tx->record->transport, tx->record->listener,
				tx->record->connection, tx->record->peer};
	uint64_t effect;

	message_response(tx->call, tx, 100, SLICE("Trying"), &extra, &out);
	if (transport_send(tx->call->server, &target, out_as_slice(&out),
			   &effect) < 0)
		worker_count(tx->call->server->worker, COUNTER_send_errors);
}

static const struct slice sdp_type = {"application/sdp", 15};

static void show_ringing(struct call *call, const struct call_cause *cause,
			 struct slice body)
{
	struct tx *tx = machine_invite_tx(call, LEG_A);

	if (!tx)
		return;
	if (!(call->record->flags & CALL_SHOWED_18X)) {
		tally_rang(call);
		call->record->flags |= CALL_SHOWED_18X;
		call->record->rang_wall_us = clock_wall_us();
		load_changed(call->server, 0, +1);
	}
	call->record->leg[LEG_A].state = LEG_EARLY;
	call->record->leg[LEG_B].state = LEG_EARLY;
	setup_take_dialog(call, LEG_B, cause->message);
	answer_send(tx, cause->message->status, cause->message->reason,
		    cause->message, body.len ? sdp_type : SLICE_NONE, body,
		    NULL);
}

void answer_ring(struct call *call, const struct call_cause *cause)
{
	show_ringing(call, cause, SLICE_NONE);
}

/* Early SDP that we cannot use makes a ring of it: the answer will tell. */
void answer_early(struct call *call, const struct call_cause *cause)
{
	struct slice body = SLICE_NONE;

	if ((call->record->flags & CALL_LATE_OFFER) ||
	    media_pass_answer(call, LEG_B, cause->message->body, &body))
		body = SLICE_NONE;
	show_ringing(call, cause, body);
}

static void set_answered(struct call *call)
{
	struct worker *worker = call->server->worker;
	uint64_t limit = worker->child.config->pool.max_call_duration_us;
	struct board_peer *rows[2] = {load_peer(call, LEG_B), load_trunk(call)};

	if (call->record->flags & CALL_SHOWED_18X)
		load_changed(call->server, 0, -1);
	call->record->answered_us = worker->now_us;
	call->record->answered_wall_us = clock_wall_us();
	call->record->code = 200;
	call->record->leg[LEG_A].state = LEG_ANSWERED;
	call->record->leg[LEG_B].state = LEG_ANSWERED;
	for (unsigned i = 0; i < N_CALL_TIMERS; i++)
		call_timer_set(call, i, 0);
	call_timer_set(call, CALL_TIMER_DURATION,
		       limit ? worker->now_us + limit : 0);
	cdr_answered(call);
	turn_count(worker, &worker->board->counters[COUNTER_calls_answered]);
	tally_answered(call);
	for (unsigned i = 0; i < 2; i++)
		if (rows[i])
			turn_count(worker, &rows[i]->answered);
}

/* What only the set-up needed. */
static void drop_setup(struct call *call)
{
	call_drop_invite(call);
	call_set(call, CALL_TEXT(best_reason), SLICE_NONE);
	call_pack(call);
}

static int answer_body(struct call *call, const struct sip_message *message,
		       struct slice *ret_body)
{
	*ret_body = SLICE_NONE;
	if (!message_has_sdp(message)) { /* an offer that nobody answers */
		media_forget_offer(call, LEG_A);
		return 0;
	}
	if (call->record->flags & CALL_LATE_OFFER)
		return media_pass_offer(call, LEG_B, message->body, ret_body);
	return media_pass_answer(call, LEG_B, message->body, ret_body);
}

void answer_call(struct call *call, const struct call_cause *cause)
{
	struct tx *tx = machine_invite_tx(call, LEG_A);
	struct call_cause bad = {
		.code = 488,
		.reason = "Reason: SIP;cause=488;text=\"Unusable SDP\"\r\n",
	};
	struct slice body;
	bool is_good;

	setup_take_dialog(call, LEG_B, cause->message);
	is_good = answer_body(call, cause->message, &body) == 0;
	set_answered(call);
	if (!tx)
		return;
	is_good &= answer_send(tx, 200, SLICE("OK"), cause->message,
			       body.len ? sdp_type : SLICE_NONE,
			       is_good ? body : SLICE_NONE, NULL);
	drop_setup(call);
	if (!is_good)
		machine_step(call, CALL_EV_END, &bad);
}

/* ---- ACK ----------------------------------------------------------------- */

/* Builds and sends the ACK for the 2xx of a client INVITE; it stays with the
 * transaction for the 2xx that come again. */
void answer_ack_client(struct tx *invite, const struct sip_message *pass,
		       struct slice body)
{
	struct call *call = invite->call;
	uint64_t now_us = call->server->worker->now_us;
	enum leg_side leg = invite->record->leg;
	struct tx_record record = {.tx = tx_next_number(call),
				   .method = SIP_ACK,
				   .cseq = invite->record->cseq};
	struct tx ack = {.record = &record, .call = call};
	struct message_extra extra = {.pass = pass,
				      .content_type =
					      body.len ? sdp_type : SLICE_NONE,
				      .body = body};
	struct out out = out_init(buffer, sizeof(buffer));
	struct target target;

	message_request(call, leg, &ack, &extra, &out);
	if (out.is_full || out.len > tx_room(invite)) {
		worker_count(call->server->worker, COUNTER_messages_cut);
		out = out_init(buffer, sizeof(buffer));
		message_request(call, leg, &ack, &(struct message_extra){0},
				&out);
	}
	message_target(call, leg, &target);
	if (!target.connection)
		target.connection = invite->record->connection;
	invite->record->peer = target.addr;
	invite->record->connection = target.connection;
	invite->record->flags |= TX_HAS_ACK;
	tx_keep_bytes(invite, out_as_slice(&out));
	tx_send_now(invite);
	/* it may be lost, or we die: the 2xx comes again, and finds it */
	if (invite->record->timeout_us < now_us + SIP_T4_US)
		tx_set_timeout(invite, now_us + SIP_T4_US);
	turn_mark_call(call);
}

/* An ACK that should have brought the answer and did not leaves nothing open,
 * or every later offer would meet this one. */
void answer_late_offer(struct call *call, enum leg_side answerer,
		       const struct sip_message *ack, struct slice *ret_body)
{
	*ret_body = SLICE_NONE;
	if (ack && message_has_sdp(ack) &&
	    media_pass_answer(call, answerer, ack->body, ret_body) == 0)
		return;
	*ret_body = SLICE_NONE;
	media_forget_offer(call, answerer == LEG_A ? LEG_B : LEG_A);
}

void answer_ack(struct call *call, const struct call_cause *cause)
{
	struct tx *invite = machine_invite_tx(call, LEG_B);
	const struct sip_message *message = cause->message;
	struct slice body = SLICE_NONE;

	call->record->leg[LEG_A].state = LEG_CONFIRMED;
	turn_mark_call(call);
	if ((call->record->flags & CALL_ACKED) || !invite)
		return;
	call->record->flags |= CALL_ACKED;
	call->record->leg[LEG_B].state = LEG_CONFIRMED;
	if (call->record->flags & CALL_LATE_OFFER)
		answer_late_offer(call, LEG_A, message, &body);
	answer_ack_client(invite, NULL, body);
}
