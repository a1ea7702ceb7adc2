/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions as stored records: carries out the rows of sip/transaction.c.
 * Signalling worker.  A transaction belongs to a call and dies with it; what
 * it repeats is in its record, so that an heir repeats the same bytes.
 */
#include <stdlib.h>

#include "worker/machine.h"
#include "worker/message.h"

#define TOGETHER_US 20000ull

static struct tx *tx_add(struct call *call, struct tx_record *record)
{
	struct tx *tx = calloc(1, sizeof(*tx));

	must(tx);
	tx->record = record;
	tx->call = call;
	tx->timer.kind = TIMER_TX;
	tx->next = call->txs;
	call->txs = tx;
	call->n_txs++;
	return tx;
}

/* 16 bits last for one call's long life only if they begin anew; 0 is none. */
uint16_t tx_next_number(struct call *call)
{
	uint16_t number;

	do
		number = call->record->next_tx++;
	while (!number || tx_find(call, number));
	return number;
}

struct tx *tx_new(struct call *call, enum leg_side leg, enum tx_role role,
		  enum sip_method method)
{
	struct tx_record *record = record_new(RECORD_TX, sizeof(*record), 1024);
	struct tx *tx;

	must(record);
	record->call = call->record->id;
	record->tx = tx_next_number(call);
	record->leg = (uint8_t)leg;
	record->role = (uint8_t)role;
	record->method = (uint8_t)method;
	tx = tx_add(call, record);
	turn_mark_call(call);
	turn_mark_tx(tx);
	return tx;
}

struct tx *tx_load(struct call *call, struct tx_record *record)
{
	struct tx *tx = tx_add(call, record);

	tx->is_stored = true;
	if (record->role == TX_INVITE_SERVER && record->leg == LEG_A)
		tx_key_invite(tx);
	return tx;
}

struct tx *tx_find(struct call *call, uint16_t number)
{
	for (struct tx *tx = call->txs; number && tx; tx = tx->next)
		if (tx->record->tx == number)
			return tx;
	return NULL;
}

static void set_text(struct tx *tx, size_t ref_offset, struct slice text)
{
	void *record = tx->record;

	must(record_set(&record, ref_offset, text) == 0);
	tx->record = record;
	turn_mark_tx(tx);
}

/* After the ACK of a 2xx there is nothing more to answer. */
void tx_drop_answer(struct tx *tx)
{
	set_text(tx, offsetof(struct tx_record, via), SLICE_NONE);
	tx_keep_bytes(tx, SLICE_NONE);
}

/* For what only waits from now on. */
static void trim(struct tx *tx)
{
	void *record = tx->record;

	record_trim(&record);
	tx->record = record;
}

void tx_keep_bytes(struct tx *tx, struct slice bytes)
{
	tx_set_bytes(tx, bytes);
	trim(tx);
}

static void pack(struct tx *tx)
{
	void *record = tx->record;

	record_pack(&record, sizeof(struct tx_record), tx_record_texts,
		    n_tx_record_texts);
	tx->record = record;
}

size_t tx_room(const struct tx *tx)
{
	const struct tx_record *record = tx->record;
	size_t kept = sizeof(*record) + record->branch.len +
		      record->sent_by.len + record->via.len;
	size_t room = kept < RECORD_SIZE_MAX ? RECORD_SIZE_MAX - kept : 0;

	return room < SIP_DATAGRAM_MAX ? room : SIP_DATAGRAM_MAX;
}

void tx_set_bytes(struct tx *tx, struct slice bytes)
{
	if (tx->record->head.size + bytes.len > RECORD_SIZE_MAX) {
		set_text(tx, offsetof(struct tx_record, bytes), SLICE_NONE);
		pack(tx);
	}
	set_text(tx, offsetof(struct tx_record, bytes), bytes);
	pack(tx);
}

/* ---- look-up ------------------------------------------------------------- */

struct slice tx_request_branch(const struct sip_message *message, char *buf)
{
	struct out out = out_init(buf, 512);

	if (!message->is_legacy)
		return message->branch;
	/* RFC 3261 17.2.3, for peers without the magic cookie */
	out_slice(&out, message->call_id);
	out_char(&out, '|');
	out_slice(&out, message->from_tag);
	out_printf(&out, "|%u", message->cseq);
	return out_as_slice(&out);
}

static uint64_t invite_key(struct slice branch, struct slice sent_by)
{
	return slice_hash(branch, slice_hash(sent_by, 1));
}

void tx_key_invite(struct tx *tx)
{
	if (tx->is_keyed)
		return;
	tx->key = invite_key(record_slice(tx->record, tx->record->branch),
			     record_slice(tx->record, tx->record->sent_by));
	HASH_ADD(hh, tx->call->server->invites, key, sizeof(tx->key), tx);
	tx->is_keyed = true;
}

struct tx *tx_find_invite(struct server *server,
			  const struct sip_message *message)
{
	char buf[512];
	struct slice branch = tx_request_branch(message, buf);
	uint64_t key = invite_key(branch, message->sent_by);
	struct tx *tx;

	HASH_FIND(hh, server->invites, &key, sizeof(key), tx);
	if (!tx ||
	    !slice_is(branch, record_slice(tx->record, tx->record->branch)) ||
	    !slice_is_nocase(message->sent_by,
			     record_slice(tx->record, tx->record->sent_by)))
		return NULL;
	return tx;
}

struct tx *tx_find_server(struct call *call, struct slice branch,
			  enum sip_method method)
{
	for (struct tx *tx = call->txs; tx; tx = tx->next)
		if ((tx->record->role == TX_SERVER ||
		     tx->record->role == TX_INVITE_SERVER) &&
		    tx->record->method == method &&
		    slice_is(branch,
			     record_slice(tx->record, tx->record->branch)))
			return tx;
	return NULL;
}

/* ---- timers -------------------------------------------------------------- */

static bool is_reliable(const struct tx *tx)
{
	const struct transport_row *row = transport_row(tx->record->transport);

	return row && row->is_reliable;
}

void tx_rearm(struct tx *tx)
{
	uint64_t repeat = tx->record->repeat_us,
		 timeout = tx->record->timeout_us;
	uint64_t nearest =
		repeat && (!timeout || repeat < timeout) ? repeat : timeout;

	if (nearest)
		wheel_set(tx->call->server->worker->wheel, &tx->timer, nearest);
	else
		timer_cancel(&tx->timer);
}

static void schedule_repeat(struct tx *tx)
{
	uint64_t wait =
		tx_repeat_us(tx->record->role, tx->record->state,
			     is_reliable(tx), tx->record->interval_step);

	tx->record->repeat_us =
		wait ? tx->call->server->worker->now_us + wait : 0;
}

/* An answered request of ours is not sent again; only an INVITE keeps its
 * bytes, from which ACK and CANCEL are made. */
static void drop_bytes(struct tx *tx, enum tx_state state)
{
	if (tx->record->role == TX_CLIENT && state == TX_COMPLETED)
		tx_keep_bytes(tx, SLICE_NONE);
}

/* When a state ends.  What only absorbs repeats may do so a little longer:
 * such ends come together, so that a busy worker is not woken for each. */
static uint64_t end_of(const struct tx *tx, enum tx_state state)
{
	uint64_t timeout =
		tx_state_timeout_us(tx->record->role, state, is_reliable(tx));
	uint64_t end = tx->call->server->worker->now_us + timeout;

	if (!timeout || timeout < USEC_PER_SEC || state < TX_COMPLETED)
		return timeout ? end : 0;
	return end + TOGETHER_US - end % TOGETHER_US;
}

/* Enters a state: its deadline and its first repeat. */
static void enter(struct tx *tx, enum tx_state state)
{
	tx->record->state = (uint8_t)state;
	tx->record->interval_step = 0;
	tx->record->timeout_us = end_of(tx, state);
	schedule_repeat(tx);
	tx_rearm(tx);
	drop_bytes(tx, state);
	turn_mark_tx(tx);
}

void tx_stop_repeating(struct tx *tx)
{
	tx->record->repeat_us = 0;
	tx_rearm(tx);
	turn_mark_tx(tx);
}

void tx_set_timeout(struct tx *tx, uint64_t deadline_us)
{
	tx->record->timeout_us = deadline_us;
	tx_rearm(tx);
	turn_mark_tx(tx);
}

void tx_timer(struct tx *tx)
{
	uint64_t now = tx->call->server->worker->now_us;

	if (tx->record->timeout_us && tx->record->timeout_us <= now) {
		tx_step(tx, TX_EV_TIMEOUT, NULL, NULL);
		return;
	}
	if (!tx->record->repeat_us || tx->record->repeat_us > now) {
		tx_rearm(tx);
		return;
	}
	if (tx->record->interval_step < 255)
		tx->record->interval_step++;
	schedule_repeat(tx);
	tx_rearm(tx);
	turn_mark_tx(tx);
	worker_count(tx->call->server->worker, COUNTER_sip_retransmitted);
	tx_step(tx, TX_EV_REPEAT, NULL, NULL);
}

/* ---- sending ------------------------------------------------------------- */

static int send_bytes(struct tx *tx)
{
	struct target target = {tx->record->transport, tx->record->listener,
				tx->record->connection, tx->record->peer};
	uint64_t effect;
	int error = transport_send(tx->call->server, &target,
				   record_slice(tx->record, tx->record->bytes),
				   &effect);

	if (error) {
		worker_count(tx->call->server->worker, COUNTER_send_errors);
		return error;
	}
	tx->record->effect = effect;
	if (tx->record->role == TX_CLIENT ||
	    tx->record->role == TX_INVITE_CLIENT)
		tx->record->connection = target.connection;
	turn_mark_tx(tx);
	return 0;
}

void tx_send_now(struct tx *tx)
{
	(void)send_bytes(tx); /* counted; the peer repeats what it misses */
}

void tx_request(struct tx *tx, struct target *target, struct slice bytes)
{
	tx->record->transport = target->transport;
	tx->record->listener = target->listener;
	tx->record->connection = target->connection;
	tx->record->peer = target->addr;
	bool is_sendable = bytes.len && bytes.len <= tx_room(tx);

	tx_set_bytes(tx, is_sendable ? bytes : SLICE_NONE);
	enter(tx, TX_TRYING);
	if (!is_sendable)
		worker_count(tx->call->server->worker, COUNTER_send_errors);
	if (!is_sendable || send_bytes(tx))
		tx_step(tx, TX_EV_FAILED, NULL, NULL);
}

/* RFC 3261 18.2.2: when the connection that a request came by is gone, its
 * answers go to the port that the peer listens at. */
static struct addr answers_to(const struct arrival *arrival,
			      const struct sip_message *message)
{
	const struct transport_row *row =
		transport_row(arrival->from.transport);
	struct addr addr = arrival->from.addr;

	if (row && row->is_reliable)
		addr_set_port(&addr, message->sent_by_port
					     ? message->sent_by_port
					     : 5060);
	return addr;
}

struct tx *tx_serve(struct call *call, enum leg_side leg,
		    const struct arrival *arrival,
		    const struct sip_message *message)
{
	static char via[SIP_HEAD_MAX];
	struct out out = out_init(via, sizeof(via));
	bool is_invite = message->method == SIP_INVITE;
	struct tx *tx =
		tx_new(call, leg, is_invite ? TX_INVITE_SERVER : TX_SERVER,
		       message->method);
	char buf[512];

	tx->record->transport = arrival->from.transport;
	tx->record->listener = arrival->from.listener;
	tx->record->connection = arrival->from.connection;
	tx->record->peer = answers_to(arrival, message);
	tx->record->cseq = message->cseq;
	set_text(tx, offsetof(struct tx_record, branch),
		 tx_request_branch(message, buf));
	set_text(tx, offsetof(struct tx_record, sent_by), message->sent_by);
	sip_write_via_values(&out, message, &arrival->from.addr);
	set_text(tx, offsetof(struct tx_record, via), out_as_slice(&out));
	enter(tx, is_invite ? TX_PROCEEDING : TX_TRYING);
	return tx;
}

void tx_respond(struct tx *tx, int status, struct slice bytes)
{
	enum tx_event event = status < 200   ? TX_EV_1XX
			      : status < 300 ? TX_EV_2XX
					     : TX_EV_3XX_6XX;

	if (tx->record->code == 100 && !tx->is_stored)
		tx->record->flags |= TX_HAD_100;
	tx->record->code = (uint16_t)status;
	if (status >= 200 && tx->record->role == TX_SERVER)
		tx_keep_bytes(tx, bytes);
	else
		tx_set_bytes(tx, bytes);
	tx_step(tx, event, NULL, NULL);
}

/* ---- the table at work --------------------------------------------------- */

static void make_ack(struct tx *tx, const struct sip_message *response)
{
	static char buf[SIP_MESSAGE_MAX];
	struct out out = out_init(buf, sizeof(buf));

	message_ack_refusal(tx, response, &out);
	if (out.is_full || out.len > tx_room(tx))
		return;
	tx_set_bytes(tx, out_as_slice(&out));
	tx_send_now(tx);
}

static void act(struct tx *tx, unsigned actions, const struct arrival *arrival,
		const struct sip_message *message)
{
	struct worker *worker = tx->call->server->worker;

	if (actions & TX_DO_QUIET)
		tx_stop_repeating(tx);
	if (actions & TX_DO_COUNT)
		worker_count(worker, COUNTER_sip_repeats_received);
	if ((actions & TX_DO_SEND) && tx->record->bytes.len)
		tx_send_now(tx);
	if (actions & TX_DO_ACK)
		make_ack(tx, message);
	if (actions & TX_DO_PASS)
		machine_on_transaction(tx, arrival, message);
	if (actions & TX_DO_LOST)
		machine_on_lost(tx);
}

void tx_step(struct tx *tx, enum tx_event event, const struct arrival *arrival,
	     const struct sip_message *message)
{
	enum tx_state before = tx->record->state;
	const struct tx_row *row = tx_row(tx->record->role, before, event);

	if (tx->is_gone || !row->is_row)
		return;
	if (message && !message->is_request) {
		tx->record->code = (uint16_t)message->status;
		turn_mark_tx(tx);
	}
	if (row->next != before)
		enter(tx, row->next);
	act(tx, row->actions, arrival, message);
	if (tx->is_gone)
		return;
	/* over streams most end states last no time at all */
	if (tx->record->state == TX_TERMINATED ||
	    tx_state_timeout_us(tx->record->role, tx->record->state,
				is_reliable(tx)) == 1)
		tx_end(tx);
	else
		machine_settle(tx->call);
}

void tx_end(struct tx *tx)
{
	struct tx **link = &tx->call->txs;

	if (tx->is_gone)
		return;
	while (*link != tx)
		link = &(*link)->next;
	*link = tx->next;
	tx->call->n_txs--;
	timer_cancel(&tx->timer);
	if (tx->is_keyed)
		HASH_DEL(tx->call->server->invites, tx);
	tx->is_keyed = false;
	tx->is_gone = true;
	turn_mark_tx(tx);
	machine_settle(tx->call);
}

void tx_free(struct tx *tx)
{
	free(tx->record);
	free(tx);
}
