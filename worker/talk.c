/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests within the dialogs: what one side asks (re-INVITE, UPDATE, INFO) is
 * asked of the other, and its answer answered (CONTRACT "everything else of a
 * call end to end").  Signalling worker.  A pair of transactions name each
 * other as partner; glare is refused with 491 (RFC 3261 14.2, RFC 3311 5.2).
 */
#include "worker/intake.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/message.h"
#include "worker/setup.h"

#define TXS_MAX	    1024 /* of a call: sixteen INFOs a second over UDP */
#define TXS_FOR_BYE 16

static char buffer[SIP_MESSAGE_MAX];

static enum leg_side other(enum leg_side leg)
{
	return leg == LEG_A ? LEG_B : LEG_A;
}

static void refuse(struct tx *tx, int status, const char *lines)
{
	answer_send(tx, status, slice_of(sip_status_text(status)), NULL,
		    SLICE_NONE, SLICE_NONE, lines);
}

static bool fits(const struct tx *tx, const struct out *out)
{
	if (tx->record->method == SIP_INVITE)
		return message_can_end(tx, out);
	return !out->is_full && out->len <= tx_room(tx);
}

/* Builds and starts a request on a leg; the transaction's flags and partner
 * are the caller's to set before anything can come back.  What does not fit is
 * tried without the headers that pass; false when nothing can be sent. */
static bool request(struct call *call, struct tx *tx,
		    struct message_extra extra)
{
	struct out out = out_init(buffer, sizeof(buffer));
	enum leg_side leg = tx->record->leg;
	struct target target;

	tx->record->cseq = ++call->record->leg[leg].local_cseq;
	turn_mark_call(call);
	message_request(call, leg, tx, &extra, &out);
	if (!fits(tx, &out)) {
		worker_count(call->server->worker, COUNTER_messages_cut);
		out = out_init(buffer, sizeof(buffer));
		extra.pass = NULL;
		message_request(call, leg, tx, &extra, &out);
	}
	if (!fits(tx, &out))
		return false;
	message_target(call, leg, &target);
	tx_request(tx, &target, out_as_slice(&out));
	return true;
}

struct tx *talk_request(struct call *call, enum leg_side leg,
			enum sip_method method, const struct sip_message *pass,
			struct slice content_type, struct slice body,
			const char *lines)
{
	struct message_extra extra = {.pass = pass,
				      .content_type = content_type,
				      .body = body,
				      .lines = lines};

	struct tx *tx = tx_new(call, leg, TX_CLIENT, method);

	if (!request(call, tx, extra)) /* unheard of: as if nobody answered */
		tx_request(tx, &(struct target){0}, SLICE_NONE);
	return tx;
}

/* ---- offers -------------------------------------------------------------- */

static bool is_open_invite(const struct tx *tx)
{
	unsigned state = tx->record->state;

	if (state == TX_PROCEEDING)
		return true;
	if (tx->record->role == TX_INVITE_CLIENT)
		return state == TX_TRYING && !(tx->record->flags & TX_IS_STALE);
	/* a 2xx whose ACK is still to come */
	return state == TX_ACCEPTED && !(tx->record->flags & TX_GOT_ACK);
}

/* Is an INVITE open on this leg, other than the one that asks? */
static bool has_open_invite(const struct tx *asking, enum tx_role role,
			    enum leg_side leg)
{
	for (const struct tx *tx = asking->call->txs; tx; tx = tx->next)
		if (tx != asking && tx->record->role == role &&
		    tx->record->leg == leg && is_open_invite(tx))
			return true;
	return false;
}

/* Why this offer (or INVITE) cannot be taken now: status, or 0. */
static int glare(const struct tx *server, bool has_offer)
{
	const struct call *call = server->call;
	enum leg_side from = server->record->leg;

	if (server->record->method == SIP_INVITE) {
		if (has_open_invite(server, TX_INVITE_SERVER, from))
			return 500;
		if (has_open_invite(server, TX_INVITE_CLIENT, from) ||
		    has_open_invite(server, TX_INVITE_SERVER, other(from)))
			return 491;
	}
	if (!has_offer)
		return 0;
	if (call->record->leg[from].offer == OFFER_BY_PEER)
		return 500;
	return call->record->leg[from].offer == OFFER_BY_US ? 491 : 0;
}

/* ---- a request comes in -------------------------------------------------- */

struct passed_method {
	enum sip_method method;
	enum call_state from, to; /* states in which it passes */
};

static const struct passed_method passed[] = {
	{SIP_INVITE, CALL_ANSWERED, CALL_ANSWERED},
	{SIP_UPDATE, CALL_RINGING, CALL_ANSWERED},
	{SIP_INFO, CALL_RINGING, CALL_ANSWERED},
};

static const struct passed_method *find_passed(enum sip_method method)
{
	for (unsigned i = 0; i < sizeof(passed) / sizeof(*passed); i++)
		if (passed[i].method == method)
			return &passed[i];
	return NULL;
}

static int pass_body(struct call *call, enum leg_side from,
		     const struct sip_message *message,
		     struct message_extra *extra)
{
	extra->content_type = message->content_type;
	extra->body = message->body;
	if (!message_has_sdp(message) || message->method == SIP_INFO)
		return 0;
	return media_pass_offer(call, from, message->body, &extra->body) ? 488
									 : 0;
}

static void pass_request(struct call *call, struct tx *server,
			 const struct sip_message *message)
{
	enum leg_side from = server->record->leg;
	bool is_invite = message->method == SIP_INVITE;
	bool has_offer =
		message_has_sdp(message) && message->method != SIP_INFO;
	struct message_extra extra = {.pass = message};
	struct tx *client;
	int status = glare(server, has_offer);

	if (!status)
		status = pass_body(call, from, message, &extra);
	if (status) {
		refuse(server, status,
		       status == 500 ? "Retry-After: 3\r\n" : NULL);
		return;
	}
	if (message->method != SIP_INFO)
		setup_take_target(call, from, message);
	client = tx_new(call, other(from),
			is_invite ? TX_INVITE_CLIENT : TX_CLIENT,
			message->method);
	client->record->partner = server->record->tx;
	server->record->partner = client->record->tx;
	if (has_offer) {
		client->record->flags |= TX_HAS_OFFER;
		server->record->flags |= TX_HAS_OFFER;
	}
	if (request(call, client, extra))
		return;
	if (has_offer)
		media_forget_offer(call, from);
	refuse(server, 513, NULL);
	tx_end(client);
}

void talk_request_in(struct call *call, enum leg_side leg,
		     const struct arrival *arrival,
		     const struct sip_message *message)
{
	const struct passed_method *row = find_passed(message->method);
	struct tx *server = tx_serve(call, leg, arrival, message);

	if (!row) {
		worker_count(call->server->worker, COUNTER_sip_refused);
		refuse(server, 405, "Allow: " MESSAGE_ALLOW "\r\n");
		return;
	}
	if (message->method == SIP_INVITE)
		answer_send(server, 100, SLICE("Trying"), NULL, SLICE_NONE,
			    SLICE_NONE, NULL);
	if (call->record->state < row->from || call->record->state > row->to)
		refuse(server, call->record->state > row->to ? 481 : 491, NULL);
	else
		pass_request(call, server, message);
}

/* ---- the other side answers ---------------------------------------------- */

static void pass_2xx(struct tx *client, struct tx *server,
		     const struct sip_message *message)
{
	struct call *call = client->call;
	enum leg_side from = client->record->leg;
	struct slice body = SLICE_NONE, type = message->content_type;
	bool has_sdp =
		message_has_sdp(message) && client->record->method != SIP_INFO;
	int error = 0;

	if (client->record->method != SIP_INFO)
		setup_take_target(call, from, message);
	if (!has_sdp) {
		body = message->body;
		if (client->record->flags & TX_HAS_OFFER)
			media_forget_offer(call, server->record->leg);
	} else if (client->record->flags & TX_HAS_OFFER) {
		error = media_pass_answer(call, from, message->body, &body);
	} else {
		error = media_pass_offer(call, from, message->body, &body);
	}
	if (error)
		refuse(server, 488, NULL);
	else
		answer_send(server, message->status, message->reason, message,
			    body.len ? type : SLICE_NONE, body, NULL);
}

static void pass_refusal(struct tx *client, struct tx *server,
			 const struct sip_message *message)
{
	struct call *call = client->call;

	if (client->record->flags & TX_HAS_OFFER)
		media_forget_offer(call, server->record->leg);
	answer_send(server, message->status < 400 ? 480 : message->status,
		    message->reason, message, SLICE_NONE, SLICE_NONE, NULL);
}

static void on_provisional(struct tx *client, struct tx *server,
			   const struct sip_message *message)
{
	if (client->record->flags & TX_CANCEL_WANTED)
		finish_cancel_invite(client, NULL);
	else if (message->status > 100)
		answer_send(server, message->status, message->reason, message,
			    SLICE_NONE, SLICE_NONE, NULL);
}

/* Nobody waits for it any more: the one who asked was refused, or is gone. */
static void on_unwanted(struct tx *client, const struct sip_message *message)
{
	if (client->record->role != TX_INVITE_CLIENT)
		return;
	if (message->status < 200)
		finish_cancel_invite(client, NULL);
	else if (message->status < 300)
		answer_ack_client(client, NULL, SLICE_NONE);
}

void talk_on_response(struct tx *client, const struct sip_message *message)
{
	struct tx *server = tx_find(client->call, client->record->partner);

	if (client->record->method == SIP_CANCEL)
		return;
	if (client->record->flags & TX_HAS_ACK) {
		tx_send_now(client);
		return;
	}
	/* BYE was answered hop by hop already */
	if (!server || server->record->state == TX_COMPLETED ||
	    server->record->state == TX_CONFIRMED) {
		on_unwanted(client, message);
		return;
	}
	if (server->record->state >= TX_COMPLETED)
		return; /* the 2xx again, before the ACK of the other side */
	if (message->status < 200)
		on_provisional(client, server, message);
	else if (message->status < 300)
		pass_2xx(client, server, message);
	else
		pass_refusal(client, server, message);
}

void talk_on_lost(struct tx *client)
{
	struct call *call = client->call;
	struct tx *server = tx_find(call, client->record->partner);

	if (!server || client->record->method == SIP_CANCEL ||
	    server->record->state >= TX_COMPLETED)
		return;
	if (client->record->flags & TX_HAS_OFFER)
		media_forget_offer(call, server->record->leg);
	refuse(server, 408, NULL);
}

/* The ACK of a re-INVITE's 2xx goes on to the other side, with the answer to
 * a late offer. */
void talk_on_ack(struct tx *server, const struct sip_message *message)
{
	struct call *call = server->call;
	struct tx *client = tx_find(call, server->record->partner);
	struct slice body = SLICE_NONE;

	if (!client || client->record->role != TX_INVITE_CLIENT ||
	    client->record->state != TX_ACCEPTED)
		return;
	if (!(server->record->flags & TX_HAS_OFFER))
		answer_late_offer(call, server->record->leg, message, &body);
	answer_ack_client(client, NULL, body);
}

/* RFC 3261 15.1.2: a pending INVITE is answered 487 when the dialog ends; on
 * the other side it is cancelled, or nothing would ever end it. */
void talk_end(struct call *call)
{
	struct tx *next;

	for (struct tx *tx = call->txs; tx; tx = next) {
		next = tx->next;
		if (tx->record->method != SIP_INVITE || !tx->record->partner ||
		    tx->record->state != TX_PROCEEDING)
			continue;
		if (tx->record->role == TX_INVITE_CLIENT)
			finish_cancel_invite(tx, NULL);
		else if (tx->record->role == TX_INVITE_SERVER)
			refuse(tx, 487, NULL);
	}
}

/* ---- a request with our tag ---------------------------------------------- */

static void on_bye(struct call *call, enum leg_side leg,
		   const struct arrival *arrival,
		   const struct sip_message *message)
{
	struct tx *tx = tx_serve(call, leg, arrival, message);
	struct call_cause cause = {
		.message = message, .arrival = arrival, .tx = tx};

	answer_send(tx, 200, SLICE("OK"), NULL, SLICE_NONE, SLICE_NONE, NULL);
	machine_step(call, leg == LEG_A ? CALL_EV_BYE_A : CALL_EV_BYE_B,
		     &cause);
	machine_settle(call);
}

/* What told of the dialogs is gone (finish_absorb), so an answer is made of
 * the request alone: a BYE that crossed ours, a CANCEL that came too late. */
static bool answer_absorbed(struct call *call, enum leg_side leg,
			    const struct arrival *arrival,
			    const struct sip_message *message)
{
	bool is_end =
		message->method == SIP_BYE || message->method == SIP_CANCEL;
	int status = is_end ? 200 : 481;
	const char *reason = sip_status_text(status);
	char tag[TAG_MAX];

	if (call->record->state != CALL_ABSORBING)
		return false;
	if (is_end)
		tx_respond(tx_serve(call, leg, arrival, message), status,
			   reply_write(arrival, message, status, reason,
				       message_tag(call, leg, tag), ""));
	else
		reply_stateless(arrival, message, status, reason, "");
	return true;
}

/* A peer may ask as often as it likes, and each request is kept for half a
 * minute.  The end of a call is heard even then. */
static bool is_crowded(const struct call *call,
		       const struct sip_message *message)
{
	unsigned reserve = message->method == SIP_BYE ? TXS_FOR_BYE : 0;

	return call->n_txs >= TXS_MAX + reserve;
}

void machine_on_request(struct call *call, enum leg_side leg,
			const struct arrival *arrival,
			const struct sip_message *message)
{
	struct leg_record *record = &call->record->leg[leg];

	if (is_crowded(call, message)) {
		worker_count(call->server->worker,
			     COUNTER_requests_refused_full);
		reply_stateless(arrival, message, 500, sip_status_text(500),
				"Retry-After: 5\r\n");
		return;
	}
	if (answer_absorbed(call, leg, arrival, message))
		return;
	/* RFC 3261 12.2.2 */
	if (record->remote_cseq && message->cseq <= record->remote_cseq) {
		refuse(tx_serve(call, leg, arrival, message), 500,
		       "Retry-After: 1\r\n");
		return;
	}
	record->remote_cseq = message->cseq;
	turn_mark_call(call);
	if (message->method == SIP_BYE)
		on_bye(call, leg, arrival, message);
	else
		talk_request_in(call, leg, arrival, message);
	machine_settle(call);
}

void machine_on_cancel(struct tx *invite, const struct arrival *arrival,
		       const struct sip_message *message)
{
	struct call *call = invite->call;
	struct tx *client = tx_find(call, invite->record->partner);
	struct call_cause cause = {.message = message};
	struct tx *tx;

	if (answer_absorbed(call, invite->record->leg, arrival, message))
		return;
	tx = tx_serve(call, invite->record->leg, arrival, message);
	cause.tx = tx;
	answer_send(tx, 200, SLICE("OK"), NULL, SLICE_NONE, SLICE_NONE, NULL);
	if (invite->record->state != TX_PROCEEDING)
		return; /* too late: the final answer holds */
	if (!invite->record->partner) {
		machine_step(call, CALL_EV_CANCEL, &cause);
	} else if (client) {
		client->record->flags |= TX_CANCEL_WANTED;
		turn_mark_tx(client);
		if (client->record->state == TX_PROCEEDING)
			finish_cancel_invite(client, NULL);
	}
}
