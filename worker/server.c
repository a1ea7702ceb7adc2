/* SPDX-License-Identifier: Apache-2.0
 *
 * A Mediation Server's book, sockets and rings, and taking it over from a
 * predecessor (DESIGN 3 "input before time").  Signalling worker.
 */
#include "worker/server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/adopt.h"
#include "worker/call.h"
#include "worker/cdr.h"
#include "worker/load.h"
#include "worker/poison.h"
#include "worker/transport.h"

#define BOOK_MAP_SIZE (64ull << 20) /* at most, to begin with; it grows */

struct server *server_get(struct worker *worker, unsigned index)
{
	struct server *server;

	if (index == 0 || index > BOOK_MAX)
		return NULL;
	server = worker->servers[index];
	if (server)
		return server;
	server = calloc(1, sizeof(*server));
	must(server);
	server->worker = worker;
	server->index = index;
	worker->servers[index] = server;
	server->next = worker->first_server;
	worker->first_server = server;
	worker->n_servers++;
	return server;
}

int server_add_socket(struct server *server,
		      const struct message_listener *listener, int fd)
{
	struct socket_row *row = calloc(1, sizeof(*row));

	if (!row)
		return -ENOMEM;
	*row = (struct socket_row){
		.next = server->sockets,
		.server = server,
		.fd = fd,
		.listener = listener->listener,
		.side = listener->side,
		.transport = listener->transport,
		.bound = listener->bound,
	};
	server->sockets = row;
	if (server->book) /* a listener that a reload added */
		row->watch = loop_watch(
			server->worker->child.loop, fd, LOOP_READ,
			row->transport == TRANSPORT_UDP ? udp_read
							: connection_accept,
			row);
	return 0;
}

static void watch_sockets(struct server *server)
{
	for (struct socket_row *row = server->sockets; row; row = row->next)
		if (!row->watch)
			row->watch = loop_watch(server->worker->child.loop,
						row->fd, LOOP_READ,
						row->transport == TRANSPORT_UDP
							? udp_read
							: connection_accept,
						row);
}

struct socket_row *server_socket(struct server *server, uint16_t listener,
				 enum transport transport)
{
	for (struct socket_row *row = server->sockets; row; row = row->next)
		if (row->listener == listener && row->transport == transport)
			return row;
	return NULL;
}

void server_write_sent_by(struct server *server, uint16_t listener,
			  enum transport transport, struct out *out)
{
	const struct config_listener *at =
		config_listener(server->worker->child.config, listener);
	struct socket_row *row = server_socket(server, listener, transport);
	char text[ADDR_TEXT_MAX];

	if (at && at->advertise)
		out_text(out, at->advertise);
	else if (row)
		out_text(out, addr_uri_host_text(&row->bound, text));
	else if (at)
		out_text(out, addr_uri_host_text(&at->address, text));
	if (!row && !at)
		return;
	out_char(out, ':');
	out_u64(out, addr_port(row ? &row->bound : &at->address));
}

bool server_has_ring(struct server *server, unsigned book)
{
	if (!book || book > BOOK_MAX)
		return false;
	if (!server->out[book])
		ring_open(server->worker->child.run_dir, RING_HANDOVER,
			  server->index, book, &server->out[book]);
	return server->out[book] != NULL;
}

/* Opens what is there and was not open; the master makes the files. */
void server_open_rings(struct server *server)
{
	const char *run = server->worker->child.run_dir;
	unsigned self = server->index;

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		if (i == self)
			continue;
		if (!server->in[i])
			ring_open(run, RING_HANDOVER, i, self, &server->in[i]);
		if (server->in[i])
			server->in_open |= bit_of(i);
		if (!server->out[i])
			ring_open(run, RING_HANDOVER, self, i, &server->out[i]);
	}
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		if (!server->look[i])
			ring_open(run, RING_LOOK, self, i, &server->look[i]);
		if (!server->told[i])
			ring_open(run, RING_TOLD, i, self, &server->told[i]);
		if (server->told[i])
			server->told_open |= bit_of(i);
		for (unsigned side = 0; side < 2; side++)
			if (!server->ports[i][side])
				ring_open(run, RING_PORTS_INTERNAL + side, i,
					  self, &server->ports[i][side]);
	}
}

/* A map grows by doubling, to end at its limit exactly. */
static size_t first_map_size(uint64_t limit)
{
	while (limit > BOOK_MAP_SIZE)
		limit = (limit + 1) / 2;
	return (size_t)limit;
}

int server_serve(struct server *server, uint32_t epoch)
{
	uint64_t limit =
		(uint64_t)server->worker->child.config->pool.max_book_mb << 20;
	struct book_settings settings = {
		.run_dir = server->worker->child.run_dir,
		.index = server->index,
		.epoch = epoch,
		.map_size = first_map_size(limit),
		.map_limit = limit,
	};
	int error;

	if (server->book)
		return 0;
	error = book_own(&settings, &server->book);
	if (error)
		return error;
	server_open_rings(server);
	error = adopt_book(server);
	if (error)
		return error;
	watch_sockets(server);
	return 0;
}

/* They stand in the book: here only their memory and timers go. */
static void drop_calls(struct server *server)
{
	struct call *call, *next_call;
	struct tx *tx, *next_tx;

	HASH_CLEAR(hh, server->invites);
	HASH_ITER(hh, server->calls, call, next_call)
	{
		for (tx = call->txs; tx; tx = next_tx) {
			next_tx = tx->next;
			timer_cancel(&tx->timer);
			tx_free(tx);
		}
		if (call->record->state != CALL_ABSORBING)
			load_changed(server, -1, 0);
		load_drop(call);
		HASH_DEL(server->calls, call);
		call_free(call);
	}
}

static void unlink_server(struct server *server)
{
	struct server **link = &server->worker->first_server;

	while (*link != server)
		link = &(*link)->next;
	*link = server->next;
}

static void close_rings(struct server *server)
{
	server->in_open = server->told_open = 0;
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		server->in[i] = ring_close(server->in[i]);
		server->out[i] = ring_close(server->out[i]);
	}
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		server->look[i] = ring_close(server->look[i]);
		server->told[i] = ring_close(server->told[i]);
		for (unsigned side = 0; side < 2; side++)
			server->ports[i][side] =
				ring_close(server->ports[i][side]);
	}
}

void server_leave(struct server *server)
{
	struct connection *c, *next;
	struct socket_row *row, *next_row;

	drop_calls(server);
	cdr_leave(server);
	close_rings(server);
	HASH_ITER(hh, server->connections, c, next)
	{
		timer_cancel(&c->timer);
		HASH_DEL(server->connections, c);
		connection_free(c);
	}
	for (row = server->sockets; row; row = next_row) {
		next_row = row->next;
		watch_free(row->watch);
		close(row->fd);
		free(row);
	}
	poison_free(server);
	server->book = book_forget(server->book);
	unlink_server(server);
	server->worker->servers[server->index] = NULL;
	server->worker->n_servers--;
	free(server);
}
