/* SPDX-License-Identifier: Apache-2.0
 *
 * See wire.h.  Every message is sent at once; what a connection does not take
 * waits in its buffer.  A connection that could not be made is tried again with
 * what waits in it (nothing was said yet), one that was lost is not.
 * Trap: connections move in the table when one is closed, so others know them
 * by number only.
 */
#include "tests/soak/wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "sip/scan.h"

#define IN_ROOM	    (1 << 18)
#define SOCKET_ROOM (4 << 20)
#define RETRY_US    (100 * USEC_PER_MSEC)
#define BACKLOG	    64

struct connection {
	uint64_t number;
	int fd;		   /* -1: to be opened again at retry_us */
	bool is_connected; /* or accepted */
	uint64_t retry_us;
	char *in, *out;
	size_t in_len, out_len, out_room;
};

struct wire {
	bool is_tcp;
	struct addr own, pool;
	char own_text[ADDR_TEXT_MAX];
	int fd; /* UDP socket or listener */
	struct connection table[WIRE_CONNECTIONS_MAX];
	unsigned n, n_lost;
	uint64_t last_number, own_number, current;
};

/* ---- trace ----------------------------------------------------------------
 */

static FILE *trace;

int wire_trace(const char *path)
{
	trace = fopen(path, "we");
	return trace ? 0 : -1;
}

static void trace_message(const struct wire *wire, const char *what,
			  uint64_t connection, const char *bytes, size_t len)
{
	if (!trace)
		return;
	fprintf(trace, "---- %llu %s %s %llu\n%.*s\n",
		(unsigned long long)clock_boot_us(), wire->own_text, what,
		(unsigned long long)connection, (int)len, bytes);
	fflush(trace);
}

/* ---- opening ------------------------------------------------------------- */

static int bound_socket(const struct addr *own, int type)
{
	int on = 1, room = SOCKET_ROOM;
	int fd = socket(own->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, &own->sa, addr_len(own)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct wire *wire_open(bool is_tcp, const struct addr *own,
		       const struct addr *pool)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		return NULL;
	wire->is_tcp = is_tcp;
	wire->own = *own;
	wire->pool = *pool;
	addr_text(own, wire->own_text);
	wire->fd = bound_socket(own, is_tcp ? SOCK_STREAM : SOCK_DGRAM);
	if (wire->fd < 0 || (is_tcp && listen(wire->fd, BACKLOG) < 0))
		return NULL;
	return wire;
}

static struct connection *add(struct wire *wire, int fd)
{
	struct connection *connection = &wire->table[wire->n];

	if (wire->n == WIRE_CONNECTIONS_MAX)
		return NULL;
	*connection =
		(struct connection){.number = ++wire->last_number, .fd = fd};
	connection->in = malloc(IN_ROOM);
	if (!connection->in)
		exit(3);
	wire->n++;
	return connection;
}

static void no_delay(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void accept_all(struct wire *wire)
{
	int fd;

	while ((fd = accept4(wire->fd, NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct connection *connection = add(wire, fd);

		if (!connection) {
			close(fd);
			return;
		}
		no_delay(fd);
		connection->is_connected = true;
	}
}

static void try_later(struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
	connection->retry_us = clock_boot_us() + RETRY_US;
}

static void connect_to_pool(struct wire *wire, struct connection *connection)
{
	struct addr own = wire->own;

	addr_set_port(&own, 0);
	connection->fd = bound_socket(&own, SOCK_STREAM);
	if (connection->fd < 0) {
		try_later(connection);
		return;
	}
	no_delay(connection->fd);
	if (connect(connection->fd, &wire->pool.sa, addr_len(&wire->pool)) <
		    0 &&
	    errno != EINPROGRESS)
		try_later(connection);
}

static struct connection *find(const struct wire *wire, uint64_t number)
{
	for (unsigned i = 0; number && i < wire->n; i++)
		if (wire->table[i].number == number)
			return (struct connection *)(uintptr_t)&wire->table[i];
	return NULL;
}

static struct connection *own_connection(struct wire *wire)
{
	struct connection *connection = find(wire, wire->own_number);

	if (connection)
		return connection;
	connection = add(wire, -1);
	if (!connection)
		return NULL;
	wire->own_number = connection->number;
	connect_to_pool(wire, connection);
	return connection;
}

static void drop(struct wire *wire, struct connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection->in);
	free(connection->out);
	*connection = wire->table[--wire->n];
	wire->n_lost++;
}

/* ---- looking ------------------------------------------------------------- */

bool wire_is_tcp(const struct wire *wire)
{
	return wire->is_tcp;
}

const char *wire_own_text(const struct wire *wire)
{
	return wire->own_text;
}

const struct addr *wire_own(const struct wire *wire)
{
	return &wire->own;
}

const struct addr *wire_pool(const struct wire *wire)
{
	return &wire->pool;
}

uint64_t wire_current(const struct wire *wire)
{
	return wire->current;
}

unsigned wire_lost(const struct wire *wire)
{
	return wire->n_lost;
}

bool wire_is_alive(const struct wire *wire, uint64_t connection)
{
	return !wire->is_tcp || find(wire, connection);
}

unsigned wire_poll(const struct wire *wire, struct pollfd *fds)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){.fd = wire->fd, .events = POLLIN};
	for (unsigned i = 0; i < wire->n; i++) {
		const struct connection *connection = &wire->table[i];
		bool wants_out =
			connection->out_len || !connection->is_connected;

		fds[n++] = (struct pollfd){
			.fd = connection->fd,
			.events = (short)(POLLIN | (wants_out ? POLLOUT : 0))};
	}
	return n;
}

/* ---- out ----------------------------------------------------------------- */

/* False when the connection is lost. */
static bool flush(struct connection *connection)
{
	while (connection->is_connected && connection->out_len) {
		ssize_t n = send(connection->fd, connection->out,
				 connection->out_len, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		connection->out_len -= (size_t)n;
		memmove(connection->out, connection->out + n,
			connection->out_len);
	}
	return true;
}

static void append(struct connection *connection, const char *bytes, size_t len)
{
	size_t room = connection->out_len + len;

	if (room > connection->out_room) {
		connection->out_room = room * 2;
		connection->out =
			realloc(connection->out, connection->out_room);
		if (!connection->out)
			exit(3);
	}
	memcpy(connection->out + connection->out_len, bytes, len);
	connection->out_len += len;
}

uint64_t wire_send(struct wire *wire, uint64_t number, const char *bytes,
		   size_t len)
{
	struct connection *connection;

	trace_message(wire, "sends", number, bytes, len);
	if (!wire->is_tcp) {
		sendto(wire->fd, bytes, len, MSG_NOSIGNAL, &wire->pool.sa,
		       addr_len(&wire->pool));
		return 0; /* lost or not: that is what repetitions are for */
	}
	connection = find(wire, number);
	if (!connection)
		connection = own_connection(wire);
	if (!connection)
		return 0;
	append(connection, bytes, len);
	flush(connection); /* a lost connection is found by wire_take */
	return connection->number;
}

/* ---- in ------------------------------------------------------------------ */

static void take_datagrams(struct wire *wire, wire_take_fn *fn, void *arg)
{
	static char buf[SIP_MESSAGE_MAX + 1];
	ssize_t n;

	while ((n = recv(wire->fd, buf, sizeof(buf), 0)) >= 0 ||
	       errno == ECONNREFUSED) {
		if (n > 0) {
			trace_message(wire, "takes", 0, buf, (size_t)n);
			fn(buf, (size_t)n, arg);
		}
	}
}

static void take_frames(const struct wire *wire, struct connection *connection,
			wire_take_fn *fn, void *arg)
{
	size_t done = 0, len;

	while (done < connection->in_len) {
		char *at = connection->in + done;
		enum sip_frame_state state =
			sip_frame(at, connection->in_len - done, &len);

		if (state == SIP_FRAME_WHOLE) {
			trace_message(wire, "takes", connection->number, at,
				      len);
			fn(at, len, arg);
		} else if (state != SIP_FRAME_SKIP && state != SIP_FRAME_PING)
			break;
		done += len;
	}
	connection->in_len -= done;
	memmove(connection->in, connection->in + done, connection->in_len);
}

/* Our connect: 1 it stands, 0 not yet, -1 it was refused. */
static int connect_result(const struct connection *connection)
{
	struct pollfd ready = {.fd = connection->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&ready, 1, 0) <= 0)
		return 0;
	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error ? -1 : 1;
}

static void finish_connect(struct wire *wire, struct connection *connection)
{
	int result;

	if (connection->fd < 0) {
		if (clock_boot_us() >= connection->retry_us)
			connect_to_pool(wire, connection);
		return;
	}
	result = connect_result(connection);
	if (result < 0)
		try_later(connection);
	connection->is_connected = result > 0;
}

/* False when the connection is lost.  A message that is taken may open a
 * connection, which moves nothing; only drop() does. */
static bool serve(struct wire *wire, struct connection *connection,
		  wire_take_fn *fn, void *arg)
{
	ssize_t n;

	if (!connection->is_connected)
		finish_connect(wire, connection);
	if (!connection->is_connected)
		return true;
	if (!flush(connection))
		return false;
	n = recv(connection->fd, connection->in + connection->in_len,
		 IN_ROOM - connection->in_len, 0);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	connection->in_len += (size_t)n;
	wire->current = connection->number;
	take_frames(wire, connection, fn, arg);
	return true;
}

void wire_take(struct wire *wire, wire_take_fn *fn, void *arg)
{
	if (!wire->is_tcp) {
		take_datagrams(wire, fn, arg);
		return;
	}
	accept_all(wire);
	for (unsigned i = 0; i < wire->n; i++)
		if (!serve(wire, &wire->table[i], fn, arg))
			drop(wire, &wire->table[i--]);
}
