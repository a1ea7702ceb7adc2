/* SPDX-License-Identifier: Apache-2.0
 *
 * See dispatch.h.  Signalling worker.  A tag or branch of ours is believed
 * only with its 96 random bits, and from the host that the dialog is with.
 */
#include "worker/dispatch.h"

#include "worker/intake.h"
#include "worker/machine.h"
#include "worker/message.h"
#include "worker/poison.h"
#include "worker/prober.h"

/* ---- responses ----------------------------------------------------------- */

static void drop_response(struct server *server)
{
	worker_count(server->worker, COUNTER_sip_bad_responses);
}

/* A CANCEL has its INVITE's branch (RFC 3261 9.1). */
static struct tx *find_client(struct call *call, uint16_t number,
			      enum sip_method method)
{
	for (struct tx *tx = call->txs; tx; tx = tx->next) {
		if (tx->record->role != TX_CLIENT &&
		    tx->record->role != TX_INVITE_CLIENT)
			continue;
		if (method == SIP_CANCEL ? tx->record->method == SIP_CANCEL &&
						   tx->record->partner == number
					 : tx->record->tx == number &&
						   tx->record->method == method)
			return tx;
	}
	return NULL;
}

/* The random part of the branch that we sent, whatever the leg's is now. */
static bool is_our_branch(const struct tx *tx, struct slice branch)
{
	struct slice bytes = record_slice(tx->record, tx->record->bytes);

	if (tx->record->state != TX_TRYING &&
	    tx->record->state != TX_PROCEEDING)
		return true; /* it was checked when the first answer came */
	return memmem(bytes.ptr, bytes.len, branch.ptr, branch.len) != NULL;
}

static void on_call_response(struct arrival *arrival,
			     const struct sip_message *message,
			     const struct token *token, unsigned number)
{
	struct call *call = call_find(arrival->server, token->call);
	struct tx *tx =
		call ? find_client(call, (uint16_t)number, message->method)
		     : NULL;

	if (!tx || !is_our_branch(tx, message->branch) ||
	    !addr_is_same_host(&arrival->from.addr, &tx->record->peer)) {
		drop_response(arrival->server);
		return;
	}
	poison_at_call(call);
	if (arrival->from.connection &&
	    tx->record->connection != arrival->from.connection) {
		tx->record->connection = arrival->from.connection;
		turn_mark_tx(tx);
	}
	tx_step(tx,
		message->status < 200	? TX_EV_1XX
		: message->status < 300 ? TX_EV_2XX
					: TX_EV_3XX_6XX,
		arrival, message);
}

static void on_response(struct arrival *arrival,
			const struct sip_message *message)
{
	struct token token;
	unsigned tx, book;
	uint64_t number;
	uint8_t secret[LEG_SECRET_LEN];

	if (branch_parse(message->branch, &token, &tx, secret) == 0)
		on_call_response(arrival, message, &token, tx);
	else if (probe_branch_parse(message->branch, &book, &number) == 0)
		prober_on_response(arrival->server->worker, number, message);
	else
		drop_response(arrival->server);
}

/* ---- requests with our tag ------------------------------------------------
 */

static void no_dialog(struct arrival *arrival,
		      const struct sip_message *message)
{
	worker_count(arrival->server->worker, COUNTER_sip_no_dialog);
	reply_stateless(arrival, message, 481,
			"Call/Transaction Does Not Exist", "");
}

/* Is it from the peer that this leg's dialog is with? */
static bool is_from_peer(const struct arrival *arrival,
			 const struct sip_message *message,
			 const struct call *call, enum leg_side leg)
{
	const struct config_peer *peer =
		intake_peer(arrival, message->sent_by_port);
	const struct leg_record *record = &call->record->leg[leg];

	return (peer && slice_is(slice_of(peer->name),
				 call_text(call, record->peer))) ||
	       addr_is_same_host(&arrival->from.addr, &record->hop);
}

/* The INVITE that an ACK acknowledges: the same branch for a refusal, the
 * same CSeq for a 2xx. */
static void on_ack(struct call *call, enum leg_side leg,
		   const struct arrival *arrival,
		   const struct sip_message *message)
{
	for (struct tx *tx = call->txs; tx; tx = tx->next)
		if (tx->record->role == TX_INVITE_SERVER &&
		    tx->record->leg == leg &&
		    tx->record->cseq == message->cseq) {
			tx_step(tx, TX_EV_ACK, arrival, message);
			return;
		}
	worker_count(call->server->worker, COUNTER_sip_repeats_received);
}

static struct call *find_dialog(const struct arrival *arrival,
				const struct sip_message *message,
				enum leg_side *ret_leg)
{
	struct token token;
	uint8_t secret[LEG_SECRET_LEN];
	struct call *call;

	if (tag_parse(message->to_tag, &token, secret, NULL))
		return NULL;
	call = call_find(arrival->server, token.call);
	*ret_leg = token.leg == 'a' ? LEG_A : LEG_B;
	if (!call ||
	    memcmp(secret, call->record->leg[*ret_leg].secret,
		   sizeof(secret)) != 0 ||
	    !is_from_peer(arrival, message, call, *ret_leg))
		return NULL;
	poison_at_call(call);
	return call;
}

static void on_dialog_request(struct arrival *arrival,
			      const struct sip_message *message)
{
	enum leg_side leg;
	struct call *call = find_dialog(arrival, message, &leg);
	struct tx *tx;
	char buf[512];

	if (!call) {
		no_dialog(arrival, message);
		return;
	}
	if (message->method == SIP_ACK) {
		on_ack(call, leg, arrival, message);
		return;
	}
	/* the dialog's later requests leave on the connection of the last */
	if (arrival->from.connection &&
	    call->record->leg[leg].connection != arrival->from.connection) {
		call->record->leg[leg].connection = arrival->from.connection;
		turn_mark_call(call);
	}
	tx = tx_find_server(call, tx_request_branch(message, buf),
			    message->method);
	if (tx) {
		tx_step(tx, TX_EV_REQUEST, arrival, message);
		return;
	}
	if (message->method == SIP_CANCEL) {
		tx = tx_find_server(call, tx_request_branch(message, buf),
				    SIP_INVITE);
		if (tx)
			machine_on_cancel(tx, arrival, message);
		else
			no_dialog(arrival, message);
		return;
	}
	machine_on_request(call, leg, arrival, message);
}

/* ---- requests without -----------------------------------------------------
 */

static void on_invite(struct arrival *arrival,
		      const struct sip_message *message)
{
	struct tx *tx = tx_find_invite(arrival->server, message);

	if (tx)
		tx_step(tx, TX_EV_REQUEST, arrival, message);
	else
		setup_invite(arrival, message);
}

static void on_cancel(struct arrival *arrival,
		      const struct sip_message *message)
{
	struct tx *invite = tx_find_invite(arrival->server, message);
	struct tx *again;
	char buf[512];

	if (!invite) {
		no_dialog(arrival, message);
		return;
	}
	again = tx_find_server(invite->call, tx_request_branch(message, buf),
			       SIP_CANCEL);
	if (again)
		tx_step(again, TX_EV_REQUEST, arrival, message);
	else
		machine_on_cancel(invite, arrival, message);
}

static void on_stray_ack(struct arrival *arrival,
			 const struct sip_message *message)
{
	struct tx *tx = tx_find_invite(arrival->server, message);

	if (tx)
		tx_step(tx, TX_EV_ACK, arrival, message);
}

static void on_options(struct arrival *arrival,
		       const struct sip_message *message)
{
	reply_options(arrival, message);
}

static void refuse_method(struct arrival *arrival,
			  const struct sip_message *message)
{
	worker_count(arrival->server->worker, COUNTER_sip_refused);
	if (message->method == SIP_UNKNOWN_METHOD)
		reply_stateless(arrival, message, 501, "Not Implemented",
				"Allow: " MESSAGE_ALLOW "\r\n");
	else
		reply_stateless(arrival, message, 405, "Method Not Allowed",
				"Allow: " MESSAGE_ALLOW "\r\n");
}

typedef void request_handler(struct arrival *arrival,
			     const struct sip_message *message);

static request_handler *const handlers[N_SIP_METHODS] = {
	[SIP_INVITE] = on_invite, [SIP_CANCEL] = on_cancel,
	[SIP_ACK] = on_stray_ack, [SIP_OPTIONS] = on_options,
	[SIP_BYE] = no_dialog,	  [SIP_UPDATE] = no_dialog,
	[SIP_PRACK] = no_dialog,  [SIP_INFO] = no_dialog,
};

void dispatch_message(struct arrival *arrival,
		      const struct sip_message *message)
{
	request_handler *handler;

	if (!message->is_request) {
		on_response(arrival, message);
		return;
	}
	if (message->to_tag.len) {
		if (message->method == SIP_ACK &&
		    tx_find_invite(arrival->server, message))
			on_stray_ack(arrival, message);
		else
			on_dialog_request(arrival, message);
		return;
	}
	handler = handlers[message->method];
	(handler ? handler : refuse_method)(arrival, message);
}

/* A message of a connection goes through the ring even if we serve the next
 * book, too (intake.c, is_served_here). */
void dispatch_asked(struct arrival *arrival, const struct sip_message *message)
{
	struct worker *worker = arrival->server->worker;
	struct server *next;
	bool asks = false;
	unsigned book = arrival->server->index;

	if (!tx_find_invite(arrival->server, message))
		book = steer_next_book(arrival, message->call_id, &asks);
	next = book <= BOOK_MAX ? worker->servers[book] : NULL;
	if (book == arrival->server->index) {
		dispatch_message(arrival, message);
	} else if (!next || !next->book || arrival->from.connection) {
		steer_hand_over(arrival, book,
				asks ? HANDOVER_ASK : HANDOVER_DATAGRAM);
	} else {
		arrival->server = next;
		arrival->n_asked += asks;
		(asks ? dispatch_asked : dispatch_message)(arrival, message);
	}
}

/* ---- connections --------------------------------------------------------- */

/* A BYE or CANCEL must arrive: once more over a new connection.  An INVITE
 * that got no answer fails, so that the next trunk is tried; one that got a
 * provisional waits, since its peer may come back. */
static void lost_for(struct tx *tx)
{
	unsigned role = tx->record->role;

	if (role != TX_CLIENT && role != TX_INVITE_CLIENT)
		return;
	if (tx->record->state != TX_TRYING)
		return;
	if (role == TX_INVITE_CLIENT || (tx->record->flags & TX_WAS_RETRIED)) {
		tx_step(tx, TX_EV_FAILED, NULL, NULL);
		return;
	}
	tx->record->flags |= TX_WAS_RETRIED;
	tx->record->connection = 0;
	turn_mark_tx(tx);
	tx_send_now(tx);
}

void dispatch_connection_lost(struct server *server, uint64_t connection)
{
	struct call *call, *next_call;
	struct tx *tx, *next;

	prober_on_connection_lost(server->worker, connection);
	HASH_ITER(hh, server->calls, call, next_call)
	{
		for (unsigned i = 0; i < N_LEGS; i++)
			if (call->record->leg[i].connection == connection) {
				call->record->leg[i].connection = 0;
				turn_mark_call(call);
			}
		for (tx = call->txs; tx; tx = next) {
			next = tx->next;
			if (tx->record->connection == connection)
				lost_for(tx);
		}
	}
}

uint64_t dispatch_connect_timeout_us(struct server *server,
				     const struct target *target)
{
	const struct config *config = server->worker->child.config;

	for (unsigned i = 0; i < config->n_trunks; i++)
		if (addr_is_same(
			    &config->peers[config->trunks[i].gateway].address,
			    &target->addr))
			return config->trunks[i].connect_timeout_us;
	return 4 * USEC_PER_SEC;
}
