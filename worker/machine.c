/* SPDX-License-Identifier: Apache-2.0
 *
 * The call machine's table, and the way from transactions and timers to its
 * events.  Signalling worker.  What an event means depends on the state by
 * this table and nothing else; actions do not ask for the state.
 */
#include "worker/machine.h"

#include "sip/uri.h"
#include "worker/cdr.h"
#include "worker/evidence.h"
#include "worker/load.h"
#include "worker/media.h"
#include "worker/message.h"
#include "worker/poison.h"

#define PROVISIONAL_REPEAT_US (60 * USEC_PER_SEC)
#define ACTIONS_MAX	      3

struct call_row {
	uint8_t is_row;
	uint8_t next;
	call_action *actions[ACTIONS_MAX];
};

static const struct call_row rows[N_CALL_STATES][N_CALL_EVENTS] = {
#define CALL_ROW(state, event, next, ...)                                      \
	[CALL_##state][CALL_EV_##event] = {1, CALL_##next, {__VA_ARGS__}},
#include "worker/machine.def"
#undef CALL_ROW
};

void machine_step(struct call *call, enum call_event event,
		  const struct call_cause *cause)
{
	const struct call_row *row = &rows[call->record->state][event];
	struct worker *worker = call->server->worker;
	bool is_alone;

	if (call->is_gone || !row->is_row)
		return;
	is_alone = poison_at_call(call);
	call->steps++;
	poison_test_call(call, "abort-step");
	if (call->record->state != row->next) {
		call->record->state = row->next;
		turn_mark_call(call);
	}
	for (unsigned i = 0; i < ACTIONS_MAX && row->actions[i]; i++)
		row->actions[i](call, cause);
	call->steps--;
	machine_settle(call);
	if (is_alone)
		poison_done(worker);
}

struct tx *machine_invite_tx(struct call *call, enum leg_side leg)
{
	return tx_find(call, call->record->leg[leg].invite_tx);
}

bool message_has_sdp(const struct sip_message *message)
{
	return message->body.len &&
	       slice_starts_nocase(message->content_type,
				   SLICE("application/sdp"));
}

/* ---- responses to the INVITE of the current try -------------------------- */

static void note_try(struct call *call, unsigned code)
{
	struct call_record *record = call->record;
	struct try_record *this_try = &record->tries[record->this_try];

	this_try->code = (uint16_t)code;
	this_try->ms = (uint32_t)((call->server->worker->now_us -
				   record->try_started_us) /
				  USEC_PER_MSEC);
	turn_mark_call(call);
}

static unsigned retry_after(const struct sip_message *message)
{
	const struct sip_header *header =
		sip_header(message, SIP_H_RETRY_AFTER, 0);
	struct slice value = header ? header->value : SLICE_NONE;
	uint64_t seconds = 0;

	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			value.len = i;
	if (!value.len || slice_to_u64(value, 86400, &seconds))
		return 0;
	return (unsigned)seconds;
}

/* After 18x never, on busy never; transport failures and time-outs (code 0)
 * always. */
bool machine_may_fail_over(const struct call *call, int code)
{
	const struct call_record *record = call->record;
	const struct config *config = call->server->worker->child.config;
	int index = config_trunk_index(config, call_text(call, record->trunk));

	if ((record->flags & CALL_SHOWED_18X) ||
	    record->this_try + 1u >= record->n_tries)
		return false;
	if (code == 0)
		return true;
	if (code == 486 || code == 600 || code == 603)
		return false;
	if (index < 0) /* a front end: as a trunk by default */
		return code == 408 || code == 500 ||
		       (code >= 502 && code <= 504);
	for (unsigned i = 0; i < config->trunks[index].n_failover_codes; i++)
		if (config->trunks[index].failover_codes[i] == code)
			return true;
	return false;
}

/* The last real answer is the best; only 503 says less than any other. */
static void remember_best(struct call *call, const struct sip_message *message)
{
	const struct sip_header *reason;

	if (message->status == 503 && call->record->best_code)
		return;
	call->record->best_code = (uint16_t)message->status;
	reason = sip_header(message, SIP_H_REASON, 0);
	call_set(call, CALL_TEXT(best_reason),
		 reason ? reason->value : SLICE_NONE);
}

static void on_try_refused(struct tx *tx, const struct call_cause *cause)
{
	struct call *call = tx->call;
	const struct sip_message *message = cause->message;

	evidence_answer(call->server->worker,
			call_text(call, call->record->leg[LEG_B].peer),
			(unsigned)message->status, retry_after(message),
			call->record->try_started_us);
	note_try(call, (unsigned)message->status);
	remember_best(call, message);
	call->record->leg[LEG_B].invite_tx = 0;
	machine_step(call,
		     machine_may_fail_over(call, message->status)
			     ? CALL_EV_NEXT
			     : CALL_EV_REFUSED,
		     cause);
}

static void on_try_provisional(struct call *call,
			       const struct call_cause *cause)
{
	call_timer_set(call, CALL_TIMER_TRYING, 0);
	if (cause->message->status == 100)
		return;
	call_timer_set(call, CALL_TIMER_FAILOVER, 0);
	call_timer_set(call, CALL_TIMER_PROVISIONAL,
		       call->server->worker->now_us + PROVISIONAL_REPEAT_US);
	note_try(call, (unsigned)cause->message->status);
	machine_step(call,
		     message_has_sdp(cause->message) ? CALL_EV_EARLY
						     : CALL_EV_RING,
		     cause);
}

static void on_try_answered(struct call *call, const struct call_cause *cause)
{
	evidence_answer(call->server->worker,
			call_text(call, call->record->leg[LEG_B].peer),
			(unsigned)cause->message->status, 0,
			call->record->try_started_us);
	note_try(call, (unsigned)cause->message->status);
	machine_step(call, CALL_EV_ANSWER, cause);
}

/* The answer again: its ACK again, if there was one; a fork: ended. */
static void on_answer_repeated(struct tx *tx, const struct sip_message *message)
{
	struct call *call = tx->call;
	struct name_addr answered;
	struct slice tag = message->to_tag, known = SLICE_NONE;

	if (name_addr_parse(
		    call_text(call, call->record->leg[LEG_B].remote_uri),
		    &answered, NULL) == 0)
		name_addr_param(&answered, "tag", &known);
	if (!slice_is(tag, known)) {
		finish_stray_response(tx, message);
		return;
	}
	worker_count(call->server->worker, COUNTER_sip_repeats_received);
	if (tx->record->flags & TX_HAS_ACK)
		tx_send_now(tx);
}

static void on_invite_response(struct tx *tx, const struct call_cause *cause)
{
	struct call *call = tx->call;
	int status = cause->message->status;
	bool is_current = call->record->leg[LEG_B].invite_tx == tx->record->tx;

	if ((tx->record->flags & TX_IS_STALE) || !is_current)
		finish_stray_response(tx, cause->message);
	else if (status < 200)
		on_try_provisional(call, cause);
	else if (status >= 300)
		on_try_refused(tx, cause);
	else if (call->record->answered_us)
		on_answer_repeated(tx, cause->message);
	else
		on_try_answered(call, cause);
}

/* ---- from transactions --------------------------------------------------- */

static bool is_first_invite(const struct tx *tx)
{
	return tx->record->method == SIP_INVITE && !tx->record->partner;
}

static void on_server_acked(struct tx *tx, const struct call_cause *cause)
{
	if (tx->record->flags & TX_GOT_ACK)
		return;
	tx->record->flags |= TX_GOT_ACK;
	tx_drop_answer(tx);
	if (is_first_invite(tx))
		machine_step(tx->call, CALL_EV_ACK, cause);
	else
		talk_on_ack(tx, cause->message);
}

void machine_on_transaction(struct tx *tx, const struct arrival *arrival,
			    const struct sip_message *message)
{
	struct call_cause cause = {
		.message = message, .arrival = arrival, .tx = tx};

	if (tx->record->role == TX_INVITE_SERVER)
		on_server_acked(tx, &cause);
	else if (tx->record->role == TX_INVITE_CLIENT && is_first_invite(tx))
		on_invite_response(tx, &cause);
	else
		talk_on_response(tx, message);
}

void machine_on_lost(struct tx *tx)
{
	struct call *call = tx->call;
	struct call_cause cause = {.tx = tx};

	if (tx->record->role == TX_INVITE_SERVER) {
		if (!(tx->record->flags & TX_GOT_ACK))
			machine_step(call, CALL_EV_NO_ACK, &cause);
		return;
	}
	if (!is_first_invite(tx)) {
		talk_on_lost(tx);
		return;
	}
	if ((tx->record->flags & TX_IS_STALE) ||
	    call->record->leg[LEG_B].invite_tx != tx->record->tx)
		return;
	evidence_unreachable(call->server->worker,
			     call_text(call, call->record->leg[LEG_B].peer),
			     call->record->try_started_us);
	note_try(call, 408);
	call->record->leg[LEG_B].invite_tx = 0;
	machine_step(call,
		     machine_may_fail_over(call, 0) ? CALL_EV_NEXT
						    : CALL_EV_REFUSED,
		     &cause);
}

/* Is anything open that the call must wait for before it only absorbs? */
static bool is_settled(const struct call *call)
{
	for (const struct tx *tx = call->txs; tx; tx = tx->next) {
		unsigned state = tx->record->state;

		/* a try that was left and never answered: nobody waits for it
		 */
		if (state == TX_TRYING && (tx->record->flags & TX_IS_STALE))
			continue;
		if (state == TX_TRYING || state == TX_PROCEEDING)
			return false;
		if (tx->record->role == TX_INVITE_SERVER &&
		    (state == TX_COMPLETED ||
		     (state == TX_ACCEPTED &&
		      !(tx->record->flags & TX_GOT_ACK))))
			return false;
	}
	return true;
}

/* A step wished to keep more than a record holds, so the call cannot go on. */
static void end_too_large(struct call *call)
{
	struct call_cause cause = {
		.code = 513,
		.reason =
			"Reason: SIP;cause=513;text=\"Message Too Large\"\r\n",
	};

	call->is_too_large = false;
	if (call->record->state >= CALL_ENDING)
		return;
	worker_count(call->server->worker, COUNTER_calls_too_large);
	machine_step(call, CALL_EV_END, &cause);
}

void machine_settle(struct call *call)
{
	struct call_cause cause = {0};

	/* actions that are still to come need what settling drops */
	if (call->is_gone || call->steps)
		return;
	if (call->is_too_large)
		end_too_large(call);
	if (call->is_gone)
		return;
	if (call->record->state >= CALL_ENDING && !call->txs)
		call_delete(call);
	else if (call->record->state == CALL_ENDING && is_settled(call))
		machine_step(call, CALL_EV_SETTLED, &cause);
}

/* ---- timers and commands ------------------------------------------------- */

static void on_try_timer(struct call *call)
{
	struct call_cause cause = {0};
	struct tx *tx = machine_invite_tx(call, LEG_B);

	evidence_unreachable(call->server->worker,
			     call_text(call, call->record->leg[LEG_B].peer),
			     call->record->try_started_us);
	note_try(call, 408);
	cause.tx = tx;
	machine_step(call,
		     machine_may_fail_over(call, 0) ? CALL_EV_NEXT
						    : CALL_EV_REFUSED,
		     &cause);
}

static void on_failover_timer(struct call *call)
{
	struct call_cause cause = {0};

	note_try(call, 408);
	machine_step(call,
		     machine_may_fail_over(call, 0) ? CALL_EV_NEXT
						    : CALL_EV_REFUSED,
		     &cause);
}

static void on_no_answer(struct call *call)
{
	struct call_cause cause = {.code = 408};

	machine_step(call, CALL_EV_NO_ANSWER, &cause);
}

static void on_duration(struct call *call)
{
	struct call_cause cause = {
		.code = 480,
		.reason = "Reason: Q.850;cause=31;text=\"Call too long\"\r\n",
	};

	machine_step(call, CALL_EV_END, &cause);
}

/* RFC 3261 13.3.1.1: proxies give up on an INVITE that is silent too long. */
static void on_provisional_repeat(struct call *call)
{
	struct tx *tx = machine_invite_tx(call, LEG_A);

	call_timer_set(call, CALL_TIMER_PROVISIONAL,
		       call->server->worker->now_us + PROVISIONAL_REPEAT_US);
	if (tx && tx->record->state == TX_PROCEEDING)
		tx_send_now(tx);
}

static void (*const timers[N_CALL_TIMERS])(struct call *call) = {
	[CALL_TIMER_TRYING] = on_try_timer,
	[CALL_TIMER_FAILOVER] = on_failover_timer,
	[CALL_TIMER_NO_ANSWER] = on_no_answer,
	[CALL_TIMER_DURATION] = on_duration,
	[CALL_TIMER_PROVISIONAL] = on_provisional_repeat,
	[CALL_TIMER_INTERIM] = cdr_interim,
};

void machine_timer(struct call *call)
{
	uint64_t now = call->server->worker->now_us;

	for (unsigned i = 0; i < N_CALL_TIMERS && !call->is_gone; i++) {
		uint64_t deadline = call->record->deadline_us[i];

		if (!deadline || deadline > now)
			continue;
		call_timer_set(call, i, 0);
		timers[i](call);
	}
	if (!call->is_gone && !call->timer.deadline_us)
		call_timer_rearm(call);
}

void machine_on_media_dead(struct call *call)
{
	struct call_cause cause = {
		.code = 480,
		.reason = "Reason: Q.850;cause=41;text=\"No media\"\r\n",
	};

	worker_count(call->server->worker, COUNTER_media_timeouts);
	machine_step(call, CALL_EV_END, &cause);
}

void machine_hang_up(struct call *call)
{
	struct call_cause cause = {
		.code = 480,
		.reason = "Reason: Q.850;cause=16;text=\"Administrator\"\r\n",
	};

	machine_step(call, CALL_EV_END, &cause);
}
