/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending calls: CANCEL, refusals, BYE, and what comes too late.  Actions of
 * the call machine, signalling worker.
 */
#include "base/clock.h"
#include "worker/cdr.h"
#include "worker/intake.h"
#include "worker/load.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/message.h"
#include "worker/tally.h"

#define STRAY_BYES_MAX 8

static char buffer[SIP_MESSAGE_MAX];

/* ---- the callee's INVITE is not wanted any more ---------------------------
 */

/* RFC 3261 9.1: only after a provisional; the same branch as the INVITE. */
void finish_cancel_invite(struct tx *invite, const char *lines)
{
	struct out out = out_init(buffer, sizeof(buffer));
	struct target target = {
		invite->record->transport, invite->record->listener,
		invite->record->connection, invite->record->peer};
	struct tx *cancel;

	if (invite->record->flags & TX_CANCELLED)
		return;
	invite->record->flags |= TX_CANCELLED;
	message_cancel(invite, lines, &out);
	tx_set_timeout(invite,
		       invite->call->server->worker->now_us + 64 * SIP_T1_US);
	cancel = tx_new(invite->call, invite->record->leg, TX_CLIENT,
			SIP_CANCEL);
	cancel->record->partner = invite->record->tx;
	cancel->record->cseq = invite->record->cseq;
	tx_request(cancel, &target, out_as_slice(&out));
}

void finish_abandon(struct call *call, const struct call_cause *cause)
{
	struct tx *invite = machine_invite_tx(call, LEG_B);

	(void)cause;
	call->record->leg[LEG_B].invite_tx = 0;
	turn_mark_call(call);
	if (!invite)
		return;
	invite->record->flags |= TX_IS_STALE | TX_CANCEL_WANTED;
	if (invite->record->state == TX_PROCEEDING)
		finish_cancel_invite(invite, NULL);
	else
		tx_stop_repeating(invite);
}

static unsigned stray_byes(const struct call *call)
{
	unsigned n = 0;

	for (const struct tx *tx = call->txs; tx; tx = tx->next)
		n += (tx->record->flags & TX_IS_STRAY) != 0;
	return n;
}

static void bye_stray(struct tx *invite, const struct sip_message *message)
{
	struct call *call = invite->call;
	struct out out = out_init(buffer, sizeof(buffer));
	struct target target = {
		invite->record->transport, invite->record->listener,
		invite->record->connection, invite->record->peer};
	struct tx *bye;
	uint64_t effect;

	message_ack_stray(invite, message, &out);
	if (transport_send(call->server, &target, out_as_slice(&out), &effect))
		worker_count(call->server->worker, COUNTER_send_errors);
	if (stray_byes(call) >= STRAY_BYES_MAX ||
	    (invite->record->flags & TX_HAS_ACK))
		return;
	bye = tx_new(call, LEG_B, TX_CLIENT, SIP_BYE);
	bye->record->flags |= TX_IS_STRAY;
	out = out_init(buffer, sizeof(buffer));
	message_bye_stray(invite, bye, message, &out);
	bye->record->cseq = invite->record->cseq + 1;
	tx_request(bye, &target, out_as_slice(&out));
	if (invite->record->flags & TX_IS_STALE)
		invite->record->flags |= TX_HAS_ACK;
}

void finish_stray_response(struct tx *tx, const struct sip_message *message)
{
	if (message->status < 200) {
		if (tx->record->flags & TX_CANCEL_WANTED)
			finish_cancel_invite(tx, NULL);
	} else if (message->status < 300) {
		bye_stray(tx, message);
	}
}

/* ---- a call that was never answered ---------------------------------------
 */

static void end_common(struct call *call)
{
	for (unsigned i = 0; i < N_CALL_TIMERS; i++)
		call_timer_set(call, i, 0);
	if ((call->record->flags & CALL_SHOWED_18X) &&
	    !call->record->answered_us)
		load_changed(call->server, 0, -1);
	call->record->ended_wall_us = clock_wall_us();
	media_end(call);
	turn_mark_call(call);
}

static void count_end(struct call *call, int code)
{
	struct worker *worker = call->server->worker;
	struct board_peer *rows[2] = {load_peer(call, LEG_B), load_trunk(call)};
	bool is_busy = code == 486 || code == 600;
	enum counter counter = code == 487 ? COUNTER_calls_cancelled
			       : is_busy   ? COUNTER_calls_busy
					   : COUNTER_calls_failed;

	tally_refused(call, code);
	turn_count(worker, &worker->board->counters[counter]);
	for (unsigned i = 0; i < 2; i++) {
		if (!rows[i])
			continue;
		turn_count(worker, code == 487 ? &rows[i]->cancelled
				   : is_busy   ? &rows[i]->busy
					       : &rows[i]->failed);
	}
}

static void log_end(struct call *call, const char *how)
{
	struct call_record *record = call->record;
	struct slice from = call_text(call, record->from),
		     to = call_text(call, record->to),
		     trunk = call_text(call, record->trunk);
	char id[CALL_ID_TEXT_MAX];

	log_event(LOG_LVL_INFO, "call_end",
		  "call=%s how=%s code=%u from=%s to=%s trunk=%s seconds=%.3f",
		  call_id_text(record->id, id), how, record->code,
		  log_quote(from.ptr, (int)from.len),
		  log_quote(to.ptr, (int)to.len),
		  log_quote(trunk.ptr, (int)trunk.len),
		  record->answered_wall_us
			  ? (double)(record->ended_wall_us -
				     record->answered_wall_us) /
				    1e6
			  : 0.0);
}

/* What the caller gets of a call that was never answered. */
struct last_answer {
	int code;
	struct slice reason;		/* phrase */
	const struct sip_message *pass; /* the callee's, whose headers pass */
	const char *lines;		/* headers of ours, or NULL */
};

static void answer_caller(struct call *call, const struct call_cause *cause,
			  const struct last_answer *answer)
{
	struct tx *tx = machine_invite_tx(call, LEG_A);
	int code = answer->code;

	call->record->code = (uint16_t)code;
	end_common(call);
	cdr_end(call, cause);
	count_end(call, code);
	log_end(call, "not_answered");
	if (tx && tx->record->state == TX_PROCEEDING)
		answer_send(tx, code, answer->reason, answer->pass, SLICE_NONE,
			    SLICE_NONE, answer->lines);
}

/* A redirection shows topology, so it never passes as it is. */
static int code_for_caller(struct call *call, int code)
{
	const struct config *config = call->server->worker->child.config;
	int trunk = config_trunk_index(config,
				       call_text(call, call->record->trunk));

	if (code < 400)
		code = 480;
	return (int)route_translate_status(config, trunk, (unsigned)code, -1);
}

/* The last real answer of all tries; without one, what we found ourselves. */
void finish_refuse(struct call *call, const struct call_cause *cause)
{
	struct call_record *record = call->record;
	const struct sip_message *message = cause->message;
	struct slice why = call_text(call, record->best_reason);
	char lines[1024];
	struct out out = out_init(lines, sizeof(lines));
	int code = record->best_code ? record->best_code
		   : cause->code     ? cause->code
				     : 503;
	bool is_live =
		message && !message->is_request && message->status == code;
	struct slice reason =
		is_live ? message->reason : slice_of(sip_status_text(code));
	int shown = code_for_caller(call, code);

	if (!is_live && record->best_code && why.len)
		sip_write_header(&out, SIP_H_REASON, why);
	if (shown == 503 && !record->best_code)
		out_text(&out, reply_retry_after());
	if (shown != code)
		reason = slice_of(sip_status_text(shown));
	record->released_by = record->best_code ? 'b' : 'm';
	answer_caller(call, cause,
		      &(struct last_answer){
			      .code = shown,
			      .reason = reason,
			      .pass = is_live ? message : NULL,
			      .lines = out.is_full ? "" : out_end(&out),
		      });
}

void finish_no_answer(struct call *call, const struct call_cause *cause)
{
	call->record->released_by = 'm';
	answer_caller(call, cause,
		      &(struct last_answer){
			      .code = 408, .reason = SLICE("Request Timeout")});
}

void finish_cancelled(struct call *call, const struct call_cause *cause)
{
	call->record->released_by = 'a';
	answer_caller(call, cause,
		      &(struct last_answer){.code = 487,
					    .reason = SLICE("Request "
							    "Terminated")});
}

void finish_end_early(struct call *call, const struct call_cause *cause)
{
	call->record->released_by = 'm';
	answer_caller(call, cause,
		      &(struct last_answer){
			      .code = cause->code,
			      .reason = slice_of(sip_status_text(cause->code)),
			      .lines = cause->reason,
		      });
}

/* ---- a call that was answered ---------------------------------------------
 */

static bool caller_acked(struct call *call)
{
	struct tx *tx = machine_invite_tx(call, LEG_A);

	return !tx || tx->record->state != TX_ACCEPTED ||
	       (tx->record->flags & TX_GOT_ACK);
}

static void bye(struct call *call, enum leg_side leg,
		const struct call_cause *cause)
{
	const struct sip_message *pass =
		cause->message && cause->message->is_request &&
				cause->message->method == SIP_BYE
			? cause->message
			: NULL;

	if (call->record->leg[leg].state >= LEG_ENDING)
		return;
	call->record->leg[leg].state = LEG_ENDING;
	talk_request(call, leg, SIP_BYE, pass, SLICE_NONE, SLICE_NONE,
		     cause->reason);
}

static void end_answered(struct call *call, const struct call_cause *cause,
			 char released_by)
{
	if (call->record->ended_wall_us)
		return;
	call->record->released_by = (uint8_t)released_by;
	end_common(call);
	talk_end(call);
	tally_talked(call);
	cdr_end(call, cause);
	log_end(call, released_by == 'a'   ? "caller"
		      : released_by == 'b' ? "callee"
					   : "pool");
}

/* A BYE must not leave before the ACK (RFC 3261 15): the callee's ACK is ours
 * to send. */
static void bye_callee(struct call *call, const struct call_cause *cause)
{
	struct call_cause none = {0};

	if (!(call->record->flags & CALL_ACKED))
		answer_ack(call, &none);
	bye(call, LEG_B, cause);
}

void finish_bye_b(struct call *call, const struct call_cause *cause)
{
	call->record->leg[LEG_A].state = LEG_ENDED;
	end_answered(call, cause, 'a');
	bye_callee(call, cause);
}

/* The caller's ACK is waited for: this runs again at ACK or NO_ACK. */
void finish_bye_a(struct call *call, const struct call_cause *cause)
{
	if (!call->record->ended_wall_us)
		call->record->leg[LEG_B].state = LEG_ENDED;
	end_answered(call, cause, 'b');
	if (caller_acked(call))
		bye(call, LEG_A, cause);
}

void finish_end_call(struct call *call, const struct call_cause *cause)
{
	end_answered(call, cause, 'm');
	bye_callee(call, cause);
	if (caller_acked(call))
		bye(call, LEG_A, cause);
}

/* Only transactions that absorb repeats are left: what told of the call is
 * dropped, so that it weighs little until they end. */
void finish_absorb(struct call *call, const struct call_cause *cause)
{
	static const size_t kept[] = {CALL_TEXT(from), CALL_TEXT(to)};
	struct record_text texts[sizeof(kept) / sizeof(*kept)];
	char *base;

	(void)cause;
	load_changed(call->server, -1, 0);
	load_drop(call);
	call_drop_invite(call);
	base = (char *)call->record;
	for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		memcpy(&texts[i], base + kept[i], sizeof(texts[i]));
	for (unsigned i = 0; i < n_call_record_texts; i++)
		memset(base + call_record_texts[i], 0,
		       sizeof(struct record_text));
	for (unsigned i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		memcpy(base + kept[i], &texts[i], sizeof(texts[i]));
	call_pack(call);
}
