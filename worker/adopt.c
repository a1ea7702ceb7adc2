/* SPDX-License-Identifier: Apache-2.0
 *
 * See adopt.h.  Signalling worker.  What the predecessor committed and did not
 * send is sent again here: datagrams above the board's highest sent number,
 * the missing end of streams, and the wishes of calls.  What it had not
 * committed is still in the sockets, or comes again from the peer.
 */
#include "worker/adopt.h"

#include <stdlib.h>

#include "base/crash.h"
#include "shm/version.h"
#include "worker/cdr.h"
#include "worker/dispatch.h"
#include "worker/intake.h"
#include "worker/load.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/poison.h"

struct adoption {
	struct server *server;
	uint64_t gap_us;      /* nobody served the book for so long */
	uint64_t effect_sent; /* of the predecessor */
	unsigned n_calls, n_txs;
	unsigned n_refused; /* calls that this release does not read */
	uint64_t *lost;	    /* connections that closed while nobody watched */
	unsigned n_lost;
};

static void on_call(void *arg, struct call_record *record)
{
	struct adoption *adoption = arg;
	static const enum call_timer waiting[] = {
		CALL_TIMER_TRYING, CALL_TIMER_FAILOVER, CALL_TIMER_NO_ANSWER};
	struct call *call;

	if (poison_drops(adoption->server, record)) {
		free(record);
		return;
	}
	call = call_load(adoption->server, record);
	for (unsigned i = 0; i < sizeof(waiting) / sizeof(*waiting); i++)
		if (record->deadline_us[waiting[i]]) {
			record->deadline_us[waiting[i]] += adoption->gap_us;
			turn_mark_call(call);
		}
	record->flags |= CALL_IS_ADOPTED;
	call_timer_rearm(call);
	if (record->state != CALL_ABSORBING)
		load_place(call);
	if ((record->flags & CALL_SHOWED_18X) && !record->answered_us &&
	    record->state < CALL_ANSWERED)
		load_changed(adoption->server, 0, +1);
	if (record->wish.worker)
		turn_note_media(adoption->server, record->wish.worker,
				record->id);
	adoption->n_calls++;
}

/* A provisional that was read and not committed comes again when its INVITE
 * is repeated once.  Also that of a try that was left, and if it was never
 * heard of: the callee that rings must get its CANCEL. */
static bool is_open_invite(const struct tx_record *record)
{
	return record->role == TX_INVITE_CLIENT &&
	       (record->state == TX_TRYING || record->state == TX_PROCEEDING);
}

static bool is_to_repeat(const struct adoption *adoption,
			 const struct tx_record *record)
{
	const struct transport_row *row = transport_row(record->transport);

	if (!record->bytes.len || !row || row->is_reliable)
		return false;
	return is_open_invite(record) || record->effect > adoption->effect_sent;
}

/* What belongs to a call that was deleted is deleted, too; what may belong to
 * one that was refused is left with it. */
static bool is_orphan(const struct adoption *adoption)
{
	return adoption->n_refused == 0;
}

static void on_tx(void *arg, struct tx_record *record)
{
	struct adoption *adoption = arg;
	struct call *call = call_find(adoption->server, record->call);
	struct tx *tx;

	if (!call) {
		if (is_orphan(adoption)) {
			book_del_tx(adoption->server->book, record->call,
				    record->tx);
			adoption->server->is_dirty = true;
		}
		free(record);
		return;
	}
	tx = tx_load(call, record);
	if (record->timeout_us)
		record->timeout_us += adoption->gap_us;
	tx_rearm(tx);
	tx->is_unsettled = is_to_repeat(adoption, record);
	tx->adopted_state = record->state;
	adoption->n_txs++;
}

static void note_lost(struct adoption *adoption, uint64_t connection)
{
	adoption->lost = realloc(adoption->lost, (adoption->n_lost +
						  1) * sizeof(*adoption->lost));
	must(adoption->lost);
	adoption->lost[adoption->n_lost++] = connection;
}

static void on_invite(void *arg, struct invite_record *record)
{
	struct adoption *adoption = arg;
	struct call *call = call_find(adoption->server, record->call);

	if (call) {
		call_load_invite(call, record);
		return;
	}
	if (is_orphan(adoption)) {
		book_del_invite(adoption->server->book, record->call);
		adoption->server->is_dirty = true;
	}
	free(record);
}

static void on_stream(void *arg, struct stream_record *record)
{
	struct adoption *adoption = arg;
	struct connection *connection =
		connection_find(adoption->server, record->connection);

	if (connection) {
		connection_restore(connection, record);
	} else { /* it closed while nobody watched */
		book_del_stream(adoption->server->book, record->connection);
		adoption->server->is_dirty = true;
		note_lost(adoption, record->connection);
	}
	free(record);
}

/* What follows may write to connections, so all of them are whole by now. */
static void tell_lost(struct adoption *adoption)
{
	for (unsigned i = 0; i < adoption->n_lost; i++) {
		steer_tell_lost(adoption->server, adoption->lost[i],
				UINT64_MAX);
		dispatch_connection_lost(adoption->server, adoption->lost[i]);
	}
	free(adoption->lost);
}

static void on_intake(void *arg, char kind, uint64_t key, uint64_t value)
{
	struct adoption *adoption = arg;
	struct server *server = adoption->server;

	if (kind == 'p' || kind == 'k') {
		poison_on_row(server, kind, key, value);
	} else if (kind == 'r' && key <= BOOK_MAX && server->in[key]) {
		ring_rewind(server->in[key], value);
		server->in_position[key] = value;
	} else if (kind == 'w' && key <= BOOK_MAX && server->out[key]) {
		if (ring_resume(server->out[key], value))
			server->out_used |= bit_of((unsigned)key);
	}
}

static void rewind_rings(struct server *server)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (server->in[i])
			ring_rewind(server->in[i], 0);
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		if (server->told[i])
			ring_rewind(server->told[i], 0);
		for (unsigned side = 0; side < 2; side++)
			if (server->ports[i][side])
				ring_rewind(server->ports[i][side], 0);
	}
}

/* Connections that were accepted and not committed yet: from their start. */
static void restore_others(struct server *server)
{
	struct connection *c, *next;

	HASH_ITER(hh, server->connections, c, next)
	if (!c->watch)
		connection_restore(c, NULL);
}

static void tell(const struct adoption *adoption, unsigned bad)
{
	struct worker *worker = adoption->server->worker;
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	if (!adoption->n_calls && !bad)
		return;
	board_add(worker->board, COUNTER_calls_adopted, adoption->n_calls);
	out_printf(&out,
		   "book=ms%u calls=%u transactions=%u bad=%u gap_ms=%llu",
		   adoption->server->index, adoption->n_calls, adoption->n_txs,
		   bad, (unsigned long long)(adoption->gap_us / USEC_PER_MSEC));
	log_event(LOG_LVL_NOTICE, "book_adopted", "%s", out_end(&out));
	board_event(worker->board, LOG_LVL_NOTICE, "book_adopted",
		    out_end(&out));
}

/* What another release has written stays in the book, for one that reads it. */
static void tell_refused(const struct adoption *adoption)
{
	struct worker *worker = adoption->server->worker;
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));
	uint16_t kind, version;
	unsigned n = record_refused(&kind, &version);

	if (!n)
		return;
	board_add(worker->board, COUNTER_records_refused, n);
	out_printf(&out, "book=ms%u n=%u kind=%u version=%u",
		   adoption->server->index, n, kind, version);
	log_event(LOG_LVL_ERROR, "records_refused", "%s", out_end(&out));
	board_event(worker->board, LOG_LVL_ERROR, "records_refused",
		    out_end(&out));
}

/* Numbers of datagrams grow with time in every process, so that one page tells
 * for whoever served the book last under this slot's name; after a sibling it
 * is too low, and what was sent is sent once more, which does no harm. */
static uint64_t effect_sent_of(const struct worker *worker, unsigned book)
{
	const struct board *board = worker->health.boards[book];

	if (worker->child.slot.index == book)
		return worker->effect_sent_before;
	return board ? atomic_load_explicit(&board->effect_sent,
					    memory_order_relaxed)
		     : 0;
}

/* The one of a call that was sent first: an ACK leaves before its BYE. */
static struct tx *first_unsettled(const struct call *call)
{
	struct tx *first = NULL;

	for (struct tx *tx = call->txs; tx; tx = tx->next)
		if (tx->is_unsettled &&
		    (!first || tx->record->effect < first->record->effect))
			first = tx;
	return first;
}

/* Input came first: what an answer has overtaken is not repeated, and the 2xx
 * whose ACK came has no bytes any more. */
static void settle(struct tx *tx)
{
	tx->is_unsettled = false;
	if (tx->record->state != tx->adopted_state || !tx->record->bytes.len)
		return;
	if (tx->record->flags & TX_HAD_100)
		answer_trying_again(tx);
	tx_send_now(tx);
}

void adopt_settle(struct server *server)
{
	struct call *call, *next;
	struct tx *tx;

	HASH_ITER(hh, server->calls, call, next)
	while ((tx = first_unsettled(call)))
		settle(tx);
}

int adopt_book(struct server *server)
{
	struct worker *worker = server->worker;
	uint64_t until = book_served_until_us(server->book);
	struct adoption adoption = {
		.server = server,
		.gap_us = until && until < worker->now_us
				  ? worker->now_us - until
				  : 0,
		.effect_sent = effect_sent_of(worker, server->index),
	};
	unsigned bad_invites = 0, bad_txs = 0, bad_streams = 0;
	int error;

	rewind_rings(server);
	error = cdr_adopt(server);
	if (!error)
		error = book_scan_intake(server->book, on_intake, &adoption);
	if (!error)
		error = poison_look(server);
	if (!error)
		error = book_scan_calls(server->book, on_call, &adoption,
					&adoption.n_refused);
	if (!error)
		error = book_scan_invites(server->book, on_invite, &adoption,
					  &bad_invites);
	if (!error)
		error = book_scan_txs(server->book, on_tx, &adoption, &bad_txs);
	if (!error)
		error = book_scan_streams(server->book, on_stream, &adoption,
					  &bad_streams);
	if (error)
		return error;
	restore_others(server);
	media_adopt_ports(server);
	poison_done(worker);
	poison_settle(server);
	tell_lost(&adoption);
	worker->quiet_since_us = worker->now_us;
	worker->had_input = true; /* not asked yet: the next turn tells */
	tell(&adoption,
	     adoption.n_refused + bad_invites + bad_txs + bad_streams);
	tell_refused(&adoption);
	CRASH_POINT(adopted);
	return 0;
}
