/* SPDX-License-Identifier: Apache-2.0
 *
 * The way in: see intake.h.  Signalling worker.  The one trap: a message is
 * changed in place by the pre-scan, so what is handed over is handed over
 * after it; the next scan finds the same.
 */
#include "worker/intake.h"

#include <stdlib.h>

#include "base/crash.h"
#include "worker/departed.h"
#include "worker/dispatch.h"
#include "worker/poison.h"
#include "worker/tally.h"

bool intake_knows(struct server *server, uint16_t listener,
		  const struct addr *source)
{
	const struct config *config = server->worker->child.config;
	const struct config_listener *at = config_listener(config, listener);

	return (at && config_peer_by_source(config, at, source, 0)) ||
	       departed_knows(server->worker, source);
}

const struct config_peer *intake_peer(const struct arrival *arrival,
				      uint16_t via_port)
{
	const struct config *config = arrival->server->worker->child.config;
	const struct config_listener *at =
		config_listener(config, arrival->from.listener);

	if (!at)
		return NULL;
	return config_peer_by_source(config, at, &arrival->from.addr, via_port);
}

/* The wire hears nothing, or 403; the log names who it was, once in a while. */
static bool refuse_stranger(struct arrival *arrival)
{
	struct worker *worker = arrival->server->worker;
	static struct sip_message message;
	struct sip_verdict verdict;

	worker_count(worker, COUNTER_sip_unknown_peer);
	if (worker->child.config->pool.unknown_peer != UNKNOWN_PEER_403)
		return true;
	if (poison_skips(arrival))
		return true;
	poison_at_message(arrival);
	sip_scan(arrival->bytes, arrival->len,
		 arrival->from.transport != TRANSPORT_UDP, &message, &verdict);
	if (!verdict.status)
		reply_stateless(arrival, &message, 403, "Forbidden", "");
	poison_done(worker);
	return verdict.status != 0;
}

static bool refuse_malformed(struct arrival *arrival,
			     const struct sip_message *message,
			     const struct sip_verdict *verdict)
{
	struct worker *worker = arrival->server->worker;

	if (verdict->status == 413 || verdict->status == 513)
		worker_count(worker, COUNTER_sip_oversize);
	else
		worker_count(worker, COUNTER_sip_malformed);
	if (verdict->is_answerable)
		reply_stateless(arrival, message, verdict->status,
				verdict->reason, "");
	return verdict->is_fatal;
}

static bool is_keep_alive(const struct arrival *arrival)
{
	for (size_t i = 0; i < arrival->len && i < 5; i++)
		if (arrival->bytes[i] != '\r' && arrival->bytes[i] != '\n' &&
		    arrival->bytes[i] != '\0')
			return false;
	return arrival->len <= 4;
}

/* A full ring loses a datagram, which comes again; a stream's message stays
 * where it is until there is room. */
static void hand_over(struct arrival *arrival, unsigned book,
		      enum handover_kind kind)
{
	struct connection *connection = NULL;
	bool is_put = steer_hand_over(arrival, book, kind);

	if (arrival->from.connection)
		connection = connection_find(arrival->server,
					     arrival->from.connection);
	if (!connection)
		return;
	arrival->is_stuck = !is_put;
	connection->handed_to |= bit_of(book);
}

/* A message of a connection is handed over even if we serve its call's book,
 * too: what is consumed and what became of it stand in different books, and no
 * turn commits two of them at once. */
static bool is_served_here(const struct arrival *arrival, unsigned book)
{
	const struct server *server = arrival->server->worker->servers[book];

	if (arrival->from.connection && !arrival->is_final &&
	    book != arrival->server->index)
		return false;
	return server && server->book;
}

/* A tag or branch may name a book that this pool never had.  Nobody can take
 * it, and on a stream nothing behind it would ever come: whoever got it says
 * that there is no such dialog. */
static unsigned book_or_ours(const struct arrival *arrival,
			     const struct sip_message *message, unsigned book)
{
	struct server *server = arrival->server;

	if (message->is_request && !message->to_tag.len)
		return book;
	if (server->worker->servers[book] || server_has_ring(server, book))
		return book;
	return server->index;
}

/* Ours, a book's that this process serves too, or a sibling's. */
static void route_to_book(struct arrival *arrival,
			  const struct sip_message *message)
{
	struct worker *worker = arrival->server->worker;
	bool asks = arrival->is_asked;
	unsigned book = arrival->server->index;

	if (!arrival->is_final && !asks)
		book = steer_message(arrival, message, &asks);
	if (book > BOOK_MAX || (book == 0 && !message->is_request)) {
		worker_count(worker, COUNTER_sip_bad_responses);
		return;
	}
	book = book_or_ours(arrival, message, book);
	if (book && is_served_here(arrival, book)) {
		arrival->server = worker->servers[book];
		arrival->n_asked += asks && !arrival->is_asked;
		if (asks)
			dispatch_asked(arrival, message);
		else
			dispatch_message(arrival, message);
		return;
	}
	if (book)
		hand_over(arrival, book,
			  asks			     ? HANDOVER_ASK
			  : arrival->from.connection ? HANDOVER_STREAM
						     : HANDOVER_DATAGRAM);
}

static bool intake_scanned(struct arrival *arrival)
{
	static struct sip_message message;
	struct worker *worker = arrival->server->worker;
	struct sip_verdict verdict;

	sip_scan(arrival->bytes, arrival->len,
		 arrival->from.transport != TRANSPORT_UDP, &message, &verdict);
	if (verdict.status)
		return refuse_malformed(arrival, &message, &verdict);
	poison_test_message(&message);
	worker_count(worker, COUNTER_sip_received);
	if (!arrival->is_final && !arrival->is_asked) /* else a sibling did */
		tally_received(worker, &message, arrival->from.transport);
	route_to_book(arrival, &message);
	return false;
}

/* Named on the board meanwhile; one that killed two owners is skipped. */
static bool intake_guarded(struct arrival *arrival)
{
	struct server *server = arrival->server; /* handling may change it */
	bool is_fatal;

	if (poison_skips(arrival))
		return false;
	poison_at_message(arrival);
	is_fatal = intake_scanned(arrival);
	poison_clear_message(server);
	poison_done(server->worker);
	return is_fatal;
}

bool intake_message(struct arrival *arrival)
{
	struct server *server = arrival->server;

	server->worker->had_input = true;
	if (!intake_knows(server, arrival->from.listener, &arrival->from.addr))
		return refuse_stranger(arrival);
	if (is_keep_alive(arrival)) {
		worker_count(server->worker, COUNTER_pings);
		return false;
	}
	return intake_guarded(arrival);
}

/* Nothing here needs to be told apart from a repetition: what was taken is
 * committed with its place in the ring, and its giver put it there once, with
 * the commit that consumed its source (turn.c, 'w').  An order of offsets would
 * be no help: what was asked of a previous book first comes later than what
 * followed it on its connection. */
static void take_message(struct server *server, const struct handover *head,
			 const char *bytes)
{
	static char copy[SIP_MESSAGE_MAX + 1];
	struct arrival arrival = {
		.server = server,
		.bytes = copy,
		.len = head->len,
		.from = {.transport = head->transport,
			 .listener = head->listener,
			 .connection = head->connection,
			 .addr = head->source},
		.offset = head->offset,
		.is_asked = head->kind == HANDOVER_ASK,
		.n_asked = head->n_asked,
		.is_final = head->kind != HANDOVER_ASK,
	};

	if (head->len > sizeof(copy))
		return;
	memcpy(copy, bytes, head->len);
	worker_count(server->worker, COUNTER_handovers_in);
	CRASH_POINT(ring_taken);
	intake_guarded(&arrival);
}

/* A sibling answers over a connection that is ours. */
static void take_send(struct server *server, const struct handover *head,
		      const char *bytes)
{
	struct target target = {.transport = head->transport,
				.listener = head->listener,
				.connection = head->connection,
				.addr = head->source};
	uint64_t effect;

	if (connection_send(server, &target, (struct slice){bytes, head->len},
			    &effect) < 0)
		worker_count(server->worker, COUNTER_send_errors);
}

/* A sibling may be of another release: kinds are only ever added. */
static bool is_understood(const struct slice *entry, struct handover *ret_head)
{
	if (entry->len < sizeof(*ret_head))
		return false;
	memcpy(ret_head, entry->ptr, sizeof(*ret_head));
	return ret_head->len == entry->len - sizeof(*ret_head) &&
	       ret_head->kind < N_HANDOVERS;
}

void intake_ring(struct server *server, unsigned from_book)
{
	struct ring *ring = server->in[from_book];
	struct slice entry;
	struct handover head;

	for (unsigned i = 0; i < 256; i++) {
		if (ring_take(ring, &entry, &server->in_position[from_book]))
			return;
		server->in_used |= bit_of(from_book);
		server->worker->had_input = true;
		if (!is_understood(&entry, &head)) {
			worker_count(server->worker, COUNTER_handovers_refused);
			continue;
		}
		if (head.kind == HANDOVER_SEND)
			take_send(server, &head, entry.ptr + sizeof(head));
		else if (head.kind == HANDOVER_LOST)
			dispatch_connection_lost(server, head.connection);
		else
			take_message(server, &head, entry.ptr + sizeof(head));
	}
}
