/* SPDX-License-Identifier: Apache-2.0
 *
 * Setting up a call: the caller's INVITE, its route, and one try after the
 * other.  Signalling worker.  The caller's INVITE stays in the record until
 * the call is answered, since every try is made of it.
 */
#include <stdlib.h>

#include "sip/uri.h"
#include "worker/evidence.h"
#include "worker/intake.h"
#include "worker/load.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/message.h"
#include "worker/setup.h"
#include "worker/tally.h"

#define NUMBER_MAX    ROUTE_NUMBER_MAX
#define ROUTE_SET_MAX 8192 /* bytes: some eighty proxies */
#define TELL_FULL_US  (60 * USEC_PER_SEC)

/* ---- may it come in at all? ---------------------------------------------- */

struct refusal {
	int status;
	const char *reason;
	const char *lines;
};

static bool is_loop(const struct sip_message *message)
{
	struct token token;
	unsigned tx;
	uint8_t secret[LEG_SECRET_LEN];

	for (unsigned i = 0; i < message->n_headers; i++) {
		struct slice rest = message->headers[i].value, via, branch;

		if (message->headers[i].id != SIP_H_VIA)
			continue;
		while (rest.len) {
			via = slice_cut(&rest, ',');
			while (via.len) {
				branch = slice_trim(slice_cut(&via, ';'));
				if (!slice_starts_nocase(branch,
							 SLICE("branch=")))
					continue;
				branch.ptr += 7;
				branch.len -= 7;
				if (branch_parse(branch, &token, &tx, secret) ==
				    0)
					return true;
			}
		}
	}
	return false;
}

static struct refusal check_extensions(const struct sip_message *message)
{
	static char line[SIP_LINE_MAX + 32];
	struct out out = out_init(line, sizeof(line));
	const struct sip_header *header = sip_header(message, SIP_H_REQUIRE, 0);

	if (!header || !slice_trim(header->value).len)
		return (struct refusal){0};
	out_text(&out, "Unsupported: ");
	out_slice(&out, header->value);
	out_text(&out, "\r\n");
	return (struct refusal){420, "Bad Extension", out_end(&out)};
}

static struct refusal check_invite(const struct sip_message *message)
{
	struct sip_uri uri;
	const char *why;

	if (sip_check_grammar(message->head, &why))
		return (struct refusal){400, why, ""};
	if (message->max_forwards == 0)
		return (struct refusal){483, "Too Many Hops", ""};
	if (uri_parse(message->uri, &uri))
		return (struct refusal){400, "Bad Request-URI", ""};
	if (uri.scheme == URI_OTHER)
		return (struct refusal){416, "Unsupported URI Scheme", ""};
	if (is_loop(message))
		return (struct refusal){482, "Loop Detected", ""};
	if (message->body.len && !message_has_sdp(message))
		return (struct refusal){415, "Unsupported Media Type",
					"Accept: application/sdp\r\n"};
	return check_extensions(message);
}

static bool is_full(struct worker *worker)
{
	const struct config_pool *pool = &worker->child.config->pool;
	unsigned calls = 0;

	if (worker->now_us - worker->second_us >= USEC_PER_SEC) {
		worker->second_us = worker->now_us;
		worker->second_calls = 0;
	}
	/* the pool's limit, shared evenly: each Mediation Server is as likely
	 * to get a call as any other */
	if (pool->max_calls_per_second &&
	    worker->second_calls * pool->signalling_workers >=
		    pool->max_calls_per_second)
		return true;
	worker->second_calls++;
	if (!pool->max_calls)
		return false;
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->health.boards[i])
			calls += atomic_load_explicit(
				&worker->health.boards[i]->calls,
				memory_order_relaxed);
	return calls >= pool->max_calls;
}

/* ---- the caller's leg ---------------------------------------------------- */

static void copy_routes(struct call *call, enum leg_side leg,
			const struct sip_message *message, bool is_reversed)
{
	static char text[ROUTE_SET_MAX];
	struct out out = out_init(text, sizeof(text));
	const struct sip_header *header;
	unsigned n = 0;

	while (sip_header(message, SIP_H_RECORD_ROUTE, n))
		n++;
	if (!is_reversed) {
		for (unsigned i = 0; i < n; i++) {
			header = sip_header(message, SIP_H_RECORD_ROUTE, i);
			if (i)
				out_text(&out, ", ");
			out_slice(&out, header->value);
		}
	} else {
		setup_reverse_routes(message, n, &out);
	}
	if (out.is_full) { /* a part of a route leads nowhere */
		call->is_too_large = true;
		return;
	}
	call_set(call, LEG_TEXT(leg, route_set), out_as_slice(&out));
}

/* Elements of all headers, last first; a header may hold several. */
void setup_reverse_routes(const struct sip_message *message, unsigned n,
			  struct out *out)
{
	struct slice elements[64];
	unsigned n_elements = 0;

	for (unsigned i = 0; i < n; i++) {
		struct slice rest =
			sip_header(message, SIP_H_RECORD_ROUTE, i)->value;
		struct name_addr name;

		while (rest.len && n_elements < 64) {
			struct slice start = rest;

			if (name_addr_parse(rest, &name, &rest))
				break;
			start.len = rest.ptr ? (size_t)(rest.ptr - start.ptr)
					     : start.len;
			start = slice_trim(start);
			while (start.len && start.ptr[start.len - 1] == ',')
				start = slice_trim((struct slice){
					start.ptr, start.len - 1});
			elements[n_elements++] = start;
		}
	}
	while (n_elements-- > 0) {
		out_slice(out, elements[n_elements]);
		if (n_elements)
			out_text(out, ", ");
	}
}

void setup_take_target(struct call *call, enum leg_side leg,
		       const struct sip_message *message)
{
	struct name_addr contact;

	if (message->contact.len &&
	    name_addr_parse(message->contact, &contact, NULL) == 0)
		call_set(call, LEG_TEXT(leg, remote_target), contact.uri);
}

void setup_take_dialog(struct call *call, enum leg_side leg,
		       const struct sip_message *message)
{
	setup_take_target(call, leg, message);
	if (!message->is_request)
		call_set(call, LEG_TEXT(leg, remote_uri), message->to);
	copy_routes(call, leg, message, leg == LEG_B);
}

static void take_caller(struct call *call, const struct arrival *arrival,
			const struct sip_message *message,
			const struct config_peer *peer)
{
	struct leg_record *leg = &call->record->leg[LEG_A];
	char text[ADDR_TEXT_MAX + 8] = "sip:";

	leg->state = LEG_PROCEEDING;
	leg->side = peer->is_frontend ? SIDE_INTERNAL : SIDE_GATEWAY;
	leg->transport = arrival->from.transport;
	leg->listener = arrival->from.listener;
	leg->connection = arrival->from.connection;
	leg->hop = arrival->from.addr;
	leg->remote_cseq = message->cseq;
	call->record->direction =
		peer->is_frontend ? CALL_OUTBOUND : CALL_INBOUND;
	call->record->max_forwards =
		message->max_forwards < 0 ? 69u
					  : (uint32_t)message->max_forwards - 1;
	call_set(call, LEG_TEXT(LEG_A, peer), slice_of(peer->name));
	call_set(call, LEG_TEXT(LEG_A, call_id), message->call_id);
	call_set(call, LEG_TEXT(LEG_A, local_uri), message->to);
	call_set(call, LEG_TEXT(LEG_A, remote_uri), message->from);
	call_set(call, LEG_TEXT(LEG_A, remote_tag), message->from_tag);
	addr_text(&arrival->from.addr, text + 4);
	call_set(call, LEG_TEXT(LEG_A, remote_target), slice_of(text));
	setup_take_dialog(call, LEG_A, message);
	call_keep_invite(call,
			 (struct slice){message->head.ptr,
					message->head.len + message->body.len});
}

/* ---- the route ----------------------------------------------------------- */

static int numbers(const struct sip_message *message, char *called,
		   char *calling)
{
	struct sip_uri uri;
	struct name_addr from;

	if (uri_parse(message->uri, &uri) ||
	    uri_number(&uri, called, NUMBER_MAX))
		return -1;
	calling[0] = '\0';
	if (name_addr_parse(message->from, &from, NULL) == 0 &&
	    uri_parse(from.uri, &uri) == 0)
		(void)uri_number(&uri, calling, NUMBER_MAX);
	return 0;
}

static void keep_try(struct call *call, unsigned n, const struct config *config,
		     const struct route_try *try)
{
	const size_t at = offsetof(struct call_record, tries) +
			  n * sizeof(struct try_record);

	if (try->trunk >= 0)
		call_set(call, at + offsetof(struct try_record, trunk),
			 slice_of(config->trunks[try->trunk].name));
	call_set(call, at + offsetof(struct try_record, peer),
		 slice_of(config->peers[try->peer].name));
	call_set(call, at + offsetof(struct try_record, called),
		 slice_of(try->called));
	call_set(call, at + offsetof(struct try_record, calling),
		 slice_of(try->calling));
	call->record->tries[n].route = (uint16_t)(try->route + 1);
}

static int plan(struct call *call, const struct config_peer *peer,
		const struct arrival *arrival, const char *called,
		const char *calling)
{
	static struct route_plan route;
	struct worker *worker = call->server->worker;
	const struct config *config = worker->child.config;
	const struct config_listener *at =
		config_listener(config, arrival->from.listener);
	struct route_request request = {
		.config = config,
		.from = peer,
		.from_trunk = peer->is_frontend ? -1
						: config_trunk_for_source(
							  config, at, peer),
		.called = called,
		.calling = calling,
		.turn = worker->round_robin++,
	};

	evidence_view(worker, &request);
	route_plan_call(worker->rules, &request, &route);
	if (request.from_trunk >= 0)
		call_set(call, CALL_TEXT(trunk),
			 slice_of(config->trunks[request.from_trunk].name));
	if (route.status)
		return route.status;
	for (unsigned i = 0; i < route.n_tries && i < TRIES_MAX; i++) {
		keep_try(call, i, config, &route.tries[i]);
		call->record->n_tries = (uint8_t)(i + 1);
	}
	return call->record->n_tries ? 0 : 503;
}

/* ---- one try ------------------------------------------------------------- */

static void write_uri(struct out *out, const struct target *target,
		      struct slice number)
{
	char host[ADDR_TEXT_MAX];

	out_text(out, "sip:");
	message_write_user(out, number);
	out_char(out, '@');
	out_text(out, addr_text(&target->addr, host));
	if (target->transport != TRANSPORT_UDP)
		out_printf(out, ";transport=%s",
			   transport_row(target->transport)->name);
	if (number.len && number.ptr[0] == '+')
		out_text(out, ";user=phone");
}

static void write_caller(struct call *call, const struct sip_message *invite,
			 struct slice number, struct out *out)
{
	const struct leg_record *leg = &call->record->leg[LEG_B];
	struct name_addr from;

	if (!number.len) {
		out_text(out,
			 "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
		return;
	}
	if (name_addr_parse(invite->from, &from, NULL) == 0 &&
	    from.display.len) {
		out_slice(out, from.display);
		out_char(out, ' ');
	}
	out_text(out, "<sip:");
	message_write_user(out, number);
	out_char(out, '@');
	server_write_sent_by(call->server, leg->listener, leg->transport, out);
	out_char(out, '>');
}

static void write_call_id(struct call *call, struct out *out)
{
	uint8_t random[16];

	random_bytes(random, sizeof(random));
	out_hex(out, random, sizeof(random));
	(void)call;
}

static int take_callee(struct call *call, const struct sip_message *invite,
		       const struct target *target, enum listener_side side)
{
	struct leg_record *leg = &call->record->leg[LEG_B];
	const struct try_record *t =
		&call->record->tries[call->record->this_try];
	static char buf[4096];
	struct slice called = call_text(call, t->called);
	char number[ROUTE_NUMBER_MAX];
	struct out out = out_init(buf, sizeof(buf));

	leg->state = LEG_CALLING;
	leg->side = (uint8_t)side;
	leg->transport = target->transport;
	leg->listener = target->listener;
	leg->connection = 0;
	leg->hop = target->addr;
	leg->local_cseq = 1;
	random_bytes(leg->secret, sizeof(leg->secret));
	slice_copy(called, number, sizeof(number));
	write_uri(&out, target, slice_of(number));
	call_set(call, LEG_TEXT(LEG_B, remote_target), out_as_slice(&out));
	out = out_init(buf, sizeof(buf));
	out_text(&out, "<");
	write_uri(&out, target, slice_of(number));
	out_text(&out, ">");
	call_set(call, LEG_TEXT(LEG_B, remote_uri), out_as_slice(&out));
	out = out_init(buf, sizeof(buf));
	t = &call->record->tries[call->record->this_try];
	write_caller(call, invite, call_text(call, t->calling), &out);
	call_set(call, LEG_TEXT(LEG_B, local_uri), out_as_slice(&out));
	out = out_init(buf, sizeof(buf));
	write_call_id(call, &out);
	call_set(call, LEG_TEXT(LEG_B, call_id), out_as_slice(&out));
	call_set(call, LEG_TEXT(LEG_B, route_set), SLICE_NONE);
	return out.is_full ? -1 : 0;
}

/* Peer and trunk of this try, as the configuration knows them now. */
static const struct config_peer *try_peer(struct call *call, int *ret_trunk,
					  struct target *ret_target)
{
	const struct config *config = call->server->worker->child.config;
	const struct try_record *t =
		&call->record->tries[call->record->this_try];
	const struct config_peer *peer =
		config_peer(config, call_text(call, t->peer));
	const struct config_listener *at;

	*ret_trunk =
		t->trunk.len
			? config_trunk_index(config, call_text(call, t->trunk))
			: -1;
	if (!peer || addr_is_none(&peer->address))
		return NULL;
	at = config_listener_for_peer(config, peer, *ret_trunk);
	if (!at)
		return NULL;
	*ret_target =
		(struct target){peer->transport, at->id, 0, peer->address};
	return peer;
}

static void arm_timers(struct call *call, int trunk)
{
	const struct config *config = call->server->worker->child.config;
	uint64_t now = call->server->worker->now_us;
	uint64_t trying = 1500 * USEC_PER_MSEC, failover = 10 * USEC_PER_SEC;

	if (trunk >= 0) {
		trying = config->trunks[trunk].trying_timeout_us;
		failover = config->trunks[trunk].enable_fast_failover_timer
				   ? config->trunks[trunk].failover_time_us
				   : 0;
	}
	call_timer_set(call, CALL_TIMER_TRYING, trying ? now + trying : 0);
	call_timer_set(call, CALL_TIMER_FAILOVER,
		       failover ? now + failover : 0);
}

static void count_attempt(struct call *call)
{
	struct board_peer *rows[2] = {load_peer(call, LEG_B), load_trunk(call)};

	for (unsigned i = 0; i < 2; i++)
		if (rows[i])
			turn_count(call->server->worker, &rows[i]->attempts);
}

/* The caller's INVITE again, from the record. */
static bool scan_caller(struct call *call, struct sip_message *ret)
{
	static char copy[SIP_MESSAGE_MAX + 1];
	struct slice text = call_invite(call);
	struct sip_verdict verdict;

	if (!text.len || text.len > sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	sip_scan(copy, text.len, false, ret, &verdict);
	return verdict.status == 0;
}

static int send_invite(struct call *call, const struct sip_message *invite,
		       struct target *target)
{
	static char buf[SIP_MESSAGE_MAX];
	struct out out = out_init(buf, sizeof(buf));
	struct message_extra extra = {.pass = invite};
	struct tx *tx = tx_new(call, LEG_B, TX_INVITE_CLIENT, SIP_INVITE);

	if (invite->body.len) {
		extra.content_type = SLICE("application/sdp");
		if (media_pass_offer(call, LEG_A, invite->body, &extra.body)) {
			tx_end(tx);
			return 488;
		}
	} else {
		call->record->flags |= CALL_LATE_OFFER;
	}
	tx->record->cseq = call->record->leg[LEG_B].local_cseq;
	call->record->leg[LEG_B].invite_cseq = tx->record->cseq;
	call->record->leg[LEG_B].invite_tx = tx->record->tx;
	message_request(call, LEG_B, tx, &extra, &out);
	if (!message_can_end(tx, &out)) {
		call->record->leg[LEG_B].invite_tx = 0;
		tx_end(tx);
		return 513;
	}
	tx_request(tx, target, out_as_slice(&out));
	return 0;
}

/* The try at record->this_try; 0, or the status that ends the call. */
static int start_try(struct call *call)
{
	static struct sip_message invite;
	struct target target;
	int trunk, status;
	const struct config_peer *peer = try_peer(call, &trunk, &target);
	enum listener_side side;

	call->record->try_started_us = call->server->worker->now_us;
	if (!peer || !scan_caller(call, &invite))
		return 503;
	side = peer->is_frontend ? SIDE_INTERNAL : SIDE_GATEWAY;
	if (trunk >= 0)
		call_set(call, CALL_TEXT(trunk),
			 slice_of(call->server->worker->child.config
					  ->trunks[trunk]
					  .name));
	call_set(call, LEG_TEXT(LEG_B, peer), slice_of(peer->name));
	if (media_take_ports(call, call->record->leg[LEG_A].side, side))
		return 503;
	if (take_callee(call, &invite, &target, side))
		return 500;
	load_place(call);
	count_attempt(call);
	arm_timers(call, trunk);
	status = send_invite(call, &invite, &target);
	return status;
}

static void tell_failover(struct call *call)
{
	const struct call_record *record = call->record;
	const struct try_record *left = &record->tries[record->this_try];
	const struct try_record *next = left + 1;
	struct slice from = call_text(call, left->peer),
		     to = call_text(call, next->peer);
	char text[BOARD_EVENT_TEXT], id[CALL_ID_TEXT_MAX];
	struct out out = out_init(text, sizeof(text));

	out_printf(&out, "call=%s from=%.*s to=%.*s code=%u ms=%u",
		   call_id_text(record->id, id), SLICE_ARG(from), SLICE_ARG(to),
		   left->code, left->ms);
	out_end(&out);
	log_event(LOG_LVL_NOTICE, "failover", "%s", text);
	board_event(call->server->worker->board, LOG_LVL_NOTICE, "failover",
		    text);
}

void setup_next_try(struct call *call, const struct call_cause *cause)
{
	struct call_cause end = {.code = 503};
	int status;

	(void)cause;
	tell_failover(call);
	tally_failover(call);
	call->record->this_try++;
	turn_count(call->server->worker,
		   &call->server->worker->board->counters[COUNTER_failovers]);
	status = start_try(call);
	if (!status)
		return;
	end.code = status;
	machine_step(call,
		     machine_may_fail_over(call, 0) ? CALL_EV_NEXT
						    : CALL_EV_REFUSED,
		     &end);
}

/* ---- the INVITE ---------------------------------------------------------- */

static void refuse_new(struct call *call, int status)
{
	struct call_cause cause = {.code = status};

	machine_step(call, CALL_EV_REFUSED, &cause);
}

static int open_call(struct call *call, const struct config_peer *peer,
		     const struct arrival *arrival,
		     const struct sip_message *message)
{
	char called[NUMBER_MAX], calling[NUMBER_MAX];
	uint64_t no_answer =
		call->server->worker->child.config->pool.no_answer_timeout_us;
	int status;

	if (numbers(message, called, calling))
		return 404;
	call_set(call, CALL_TEXT(from), slice_of(calling));
	call_set(call, CALL_TEXT(to), slice_of(called));
	status = plan(call, peer, arrival, called, calling);
	if (status)
		return status;
	if (no_answer)
		call_timer_set(call, CALL_TIMER_NO_ANSWER,
			       call->server->worker->now_us + no_answer);
	return start_try(call);
}

static void accept_invite(struct arrival *arrival,
			  const struct sip_message *message,
			  const struct config_peer *peer)
{
	struct worker *worker = arrival->server->worker;
	struct call *call = call_new(arrival->server);
	struct tx *tx;
	int status;

	turn_count(worker, &worker->board->counters[COUNTER_calls_total]);
	call->record->flags |= CALL_IS_COUNTED;
	take_caller(call, arrival, message, peer);
	tx = tx_serve(call, LEG_A, arrival, message);
	tx_key_invite(tx);
	call->record->leg[LEG_A].invite_tx = tx->record->tx;
	answer_send(tx, 100, SLICE("Trying"), NULL, SLICE_NONE, SLICE_NONE,
		    NULL);
	load_place(call);
	if (call->record->state != CALL_TRYING)
		return; /* too large to be kept: answered already */
	status = open_call(call, peer, arrival, message);
	if (status)
		refuse_new(call, status);
}

/* The room that is left is for the calls that run.  Told once a minute. */
static void refuse_full_book(struct arrival *arrival,
			     const struct sip_message *message)
{
	struct server *server = arrival->server;
	struct worker *worker = server->worker;
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	worker_count(worker, COUNTER_calls_refused_memory);
	reply_stateless(arrival, message, 503, "Service Unavailable",
			reply_retry_after());
	if (worker->now_us < server->full_told_us + TELL_FULL_US)
		return;
	server->full_told_us = worker->now_us;
	out_printf(&out, "book=ms%u calls=%u", server->index, server->n_calls);
	log_event(LOG_LVL_ERROR, "book_full", "%s", out_end(&out));
	board_event(worker->board, LOG_LVL_ERROR, "book_full", out_end(&out));
}

/* Does its bucket name another book, though it came here?  Then it was on its
 * way when the buckets moved, and who sent it here did nothing wrong: it is the
 * last one, and is taken.  Where every book drains, buckets stay. */
static bool is_straggler(const struct arrival *arrival,
			 const struct sip_message *message)
{
	const struct server *server = arrival->server;
	const struct worker *worker = server->worker;
	unsigned bucket = slice_hash(message->call_id, 0) % BUCKETS;

	return worker->child.config->pool.addressing == ADDRESSING_SHARED &&
	       atomic_load_explicit(&worker->steer->buckets[bucket].book,
				    memory_order_relaxed) != server->index;
}

static bool is_refusing(const struct arrival *arrival,
			const struct sip_message *message)
{
	const struct worker *worker = arrival->server->worker;

	if (is_full(arrival->server->worker))
		return true;
	return (worker->is_draining || arrival->server->is_draining) &&
	       !is_straggler(arrival, message);
}

void setup_invite(struct arrival *arrival, const struct sip_message *message)
{
	struct worker *worker = arrival->server->worker;
	const struct config_peer *peer =
		intake_peer(arrival, message->sent_by_port);
	struct refusal refusal = check_invite(message);

	if (!peer)
		return;
	if (refusal.status) {
		worker_count(worker, COUNTER_sip_refused);
		reply_stateless(arrival, message, refusal.status,
				refusal.reason, refusal.lines);
	} else if (book_is_full(arrival->server->book)) {
		refuse_full_book(arrival, message);
	} else if (is_refusing(arrival, message)) {
		worker_count(worker, COUNTER_calls_refused_full);
		reply_stateless(arrival, message, 503, "Service Unavailable",
				reply_retry_after());
	} else {
		accept_invite(arrival, message, peer);
	}
}
