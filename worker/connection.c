/* SPDX-License-Identifier: Apache-2.0
 *
 * SIP over TCP with exact streams (DESIGN 3).  Signalling worker.  Bytes are
 * peeked, handled, and consumed only after the commit that stores how far;
 * what is to be written stands in the stream record's tail before it is
 * written.  The master holds a duplicate of every descriptor, so that a death
 * closes nothing; therefore closing is shutdown(2) and RELEASE_CONNECTION.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crash.h"
#include "worker/dispatch.h"
#include "worker/intake.h"
#include "worker/message.h"
#include "worker/poison.h"
#include "worker/position.h"

#define CONNECTIONS_MAX 2048	     /* of one Mediation Server */
#define TAIL_MAX	(256 * 1024) /* a peer that does not read */
#define MESSAGE_TIME_US 5000000ull   /* from first byte to last */
#define RECEIVE_BUFFER	(256 * 1024)

static char peek_buffer[SIP_MESSAGE_MAX + 1 + 4096];
static char message_buffer[SIP_MESSAGE_MAX + 1];

struct connection *connection_find(struct server *server, uint64_t id)
{
	struct connection *connection;

	HASH_FIND(hh, server->connections, &id, sizeof(id), connection);
	return connection;
}

static void tell_master(struct connection *connection, enum message message)
{
	struct message_connection head = {
		.connection = connection->id,
		.listener = connection->listener,
		.book = (uint8_t)connection->server->index,
		.is_outgoing = connection->is_outgoing,
		.local = connection->local,
		.remote = connection->remote,
	};

	channel_send(connection->server->worker->child.channel, message, &head,
		     message == MESSAGE_HOLD_CONNECTION ? connection->fd : -1);
}

static void connection_ready(int fd, unsigned what, void *arg);

static void watch_for(struct connection *connection, unsigned what)
{
	watch_free(connection->watch);
	connection->watch =
		loop_watch(connection->server->worker->child.loop,
			   connection->fd, what, connection_ready, connection);
	must(connection->watch);
}

static void set_low_water(struct connection *connection, size_t bytes)
{
	int low = bytes > RECEIVE_BUFFER / 2 ? RECEIVE_BUFFER / 2 : (int)bytes;

	setsockopt(connection->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
}

static struct connection *connection_add(struct server *server, uint64_t id,
					 int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	int one = 1, size = RECEIVE_BUFFER;

	must(c);
	c->id = id;
	c->server = server;
	c->fd = fd;
	c->timer.kind = TIMER_CONNECTION;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	HASH_ADD(hh, server->connections, id, sizeof(c->id), c);
	worker_count(server->worker, COUNTER_connections_opened);
	return c;
}

static uint64_t new_id(struct server *server)
{
	/* unique over the lives of this book's owners: the epoch is in it */
	return (uint64_t)server->index << 48 |
	       (uint64_t)(book_epoch(server->book) & 0xffff) << 32 |
	       (++server->next_connection & 0xffffffff);
}

static void accept_one(struct socket_row *row, int fd,
		       const struct addr *remote)
{
	struct server *server = row->server;
	struct connection *c;
	socklen_t len = sizeof(c->local);

	bool is_known = intake_knows(server, row->listener, remote);

	if (!is_known || HASH_COUNT(server->connections) >= CONNECTIONS_MAX) {
		worker_count(server->worker,
			     is_known ? COUNTER_connections_refused
				      : COUNTER_sip_unknown_peer);
		close(fd);
		return;
	}
	c = connection_add(server, new_id(server), fd);
	c->state = CONNECTION_OPEN;
	c->listener = row->listener;
	c->remote = *remote;
	getsockname(fd, &c->local.sa, &len);
	addr_unmap(&c->local);
	tell_master(c, MESSAGE_HOLD_CONNECTION);
	watch_for(c, LOOP_READ);
	turn_mark_connection(c);
}

static int spare = -1;

/* Out of descriptors: take the connection with the spare one and drop it, so
 * that it does not wake us for ever. */
static void shed(struct worker *worker, int listener)
{
	int fd;

	close(spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	worker_count(worker, COUNTER_connections_refused);
}

void connection_accept(int fd, unsigned what, void *socket_row)
{
	struct socket_row *row = socket_row;
	struct addr remote;
	socklen_t len;
	int taken;

	(void)what;
	if (spare < 0) /* while there still is one */
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < 64; i++) {
		len = sizeof(remote);
		taken = accept4(fd, &remote.sa, &len,
				SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (taken < 0) {
			if (errno == EMFILE || errno == ENFILE)
				shed(row->server->worker, fd);
			return;
		}
		CRASH_POINT(accepted);
		addr_unmap(&remote);
		accept_one(row, taken, &remote);
	}
}

static struct connection *connection_by_addr(struct server *server,
					     const struct target *target)
{
	struct connection *c, *next;

	HASH_ITER(hh, server->connections, c, next)
	if (!c->is_gone && c->state != CONNECTION_CLOSING &&
	    c->listener == target->listener &&
	    addr_is_same(&c->remote, &target->addr))
		return c;
	return NULL;
}

static int connect_socket(struct server *server, const struct target *target)
{
	struct socket_row *row =
		server_socket(server, target->listener, TRANSPORT_TCP);
	struct addr from;
	int fd = socket(target->addr.sa.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (row && !addr_is_wildcard(&row->bound)) {
		int one = 1;

		from = row->bound;
		addr_set_port(&from, 0);
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
			   sizeof(one));
		if (bind(fd, &from.sa, addr_len(&from)) < 0) {
			close(fd);
			return -errno;
		}
	}
	if (connect(fd, &target->addr.sa, addr_len(&target->addr)) < 0 &&
	    errno != EINPROGRESS) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static void await_connected(struct connection *c)
{
	struct worker *worker = c->server->worker;
	struct target target = {.transport = TRANSPORT_TCP,
				.listener = c->listener,
				.addr = c->remote};

	watch_for(c, LOOP_WRITE);
	wheel_set(worker->wheel, &c->timer,
		  worker->now_us +
			  dispatch_connect_timeout_us(c->server, &target));
}

static int connection_open(struct server *server, const struct target *target,
			   struct connection **ret_connection)
{
	struct connection *c;
	int fd;

	if (HASH_COUNT(server->connections) >= CONNECTIONS_MAX) {
		worker_count(server->worker, COUNTER_connections_refused);
		return -EMFILE;
	}
	fd = connect_socket(server, target);
	if (fd < 0)
		return fd;
	CRASH_POINT(connecting);
	c = connection_add(server, new_id(server), fd);
	c->state = CONNECTION_CONNECTING;
	c->is_outgoing = true;
	c->listener = target->listener;
	c->remote = target->addr;
	/* now, so that what is committed for it is never without it */
	tell_master(c, MESSAGE_HOLD_CONNECTION);
	await_connected(c);
	*ret_connection = c;
	return 0;
}

static int append_tail(struct connection *c, struct slice bytes)
{
	if (c->tail_len + bytes.len > TAIL_MAX)
		return -ENOBUFS;
	if (c->tail_len + bytes.len > c->tail_cap) {
		size_t cap = (c->tail_len + bytes.len) * 2;
		char *tail = realloc(c->tail, cap);

		if (!tail)
			return -ENOMEM;
		c->tail = tail;
		c->tail_cap = cap;
	}
	memcpy(c->tail + c->tail_len, bytes.ptr, bytes.len);
	c->tail_len += bytes.len;
	turn_mark_connection(c);
	return 0;
}

/* The connection belongs to a sibling's book: it alone writes. */
static int send_through_sibling(struct server *server,
				const struct target *target, struct slice bytes)
{
	struct arrival arrival = {
		.server = server,
		.bytes = (char *)(uintptr_t)bytes.ptr,
		.len = bytes.len,
		.from = *target,
	};

	return steer_hand_over(&arrival, call_book(target->connection),
			       HANDOVER_SEND)
		       ? 0
		       : -ENOBUFS;
}

int connection_send(struct server *server, struct target *target,
		    struct slice bytes, uint64_t *ret_effect)
{
	struct connection *c = NULL;
	int error;

	*ret_effect = 0;
	/* also when we serve both books: no turn commits two of them at once */
	if (target->connection &&
	    call_book(target->connection) != server->index)
		return send_through_sibling(server, target, bytes);
	if (target->connection)
		c = connection_find(server, target->connection);
	if (!c || c->is_gone || c->state == CONNECTION_CLOSING)
		c = connection_by_addr(server, target);
	if (!c) {
		error = connection_open(server, target, &c);
		if (error)
			return error;
	}
	target->connection = c->id;
	error = append_tail(c, bytes);
	if (error == -ENOBUFS)
		connection_close(c, "peer does not read");
	else if (!error)
		worker_count(server->worker, COUNTER_sip_sent);
	return error;
}

/* What a peer began and will not end is nothing to wait for: a stream that is
 * at its end is always readable. */
static void wait_for_more(struct connection *c, size_t need, size_t len)
{
	if (!c->peeked && position_is_last(c->fd, len))
		connection_close(c, "closed within a message");
	else
		set_low_water(c, need > len ? need : len + 1);
}

/* Handles the message at the start of len peeked bytes; the bytes used, 0 for
 * none yet.  The head of a message that never ends has its deadline. */
static size_t take_one(struct connection *c, char *bytes, size_t len,
		       bool *ret_close)
{
	size_t need = 0;
	enum sip_frame_state state;
	struct arrival arrival = {
		.server = c->server,
		.bytes = message_buffer,
		.from = {TRANSPORT_TCP, c->listener, c->id, c->remote},
		.offset = c->consumed + c->peeked,
	};

	poison_at_stream(c->server, c->id, arrival.offset);
	state = sip_frame(bytes, len, &need);
	poison_done(c->server->worker);
	switch (state) {
	case SIP_FRAME_PING:
		append_tail(c, SLICE("\r\n"));
		worker_count(c->server->worker, COUNTER_pings);
		return need;
	case SIP_FRAME_SKIP:
		return need;
	case SIP_FRAME_MORE:
		wait_for_more(c, need, len);
		return 0;
	case SIP_FRAME_WHOLE:
		arrival.len = need;
		break;
	default: /* no framing: let the scan find words for it, then close */
		arrival.len = len;
		*ret_close = true;
	}
	if (arrival.len > sizeof(message_buffer))
		arrival.len = sizeof(message_buffer);
	memcpy(message_buffer, bytes, arrival.len);
	if (intake_message(&arrival))
		*ret_close = true;
	return arrival.is_stuck ? 0 : arrival.len;
}

static void take_all(struct connection *c, char *bytes, size_t len)
{
	struct worker *worker = c->server->worker;
	bool is_closing = false;
	size_t used = 0, n;

	while (used < len && !is_closing && !c->is_gone) {
		n = take_one(c, bytes + used, len - used, &is_closing);
		if (n == 0)
			break;
		used += n;
		c->peeked += n;
	}
	if (c->is_gone)
		return;
	if (used) {
		set_low_water(c, 1);
		turn_mark_connection(c);
	}
	/* Half a ping is no message that has begun (RFC 5626 4.4.1). */
	if (used == len || bytes[used] == '\r')
		timer_cancel(&c->timer);
	else if (!c->timer.deadline_us)
		wheel_set(worker->wheel, &c->timer,
			  worker->now_us + MESSAGE_TIME_US);
	if (is_closing)
		c->state = CONNECTION_CLOSING; /* after the answer is out */
}

static void connection_read(struct connection *c)
{
	ssize_t n;

	if (c->peeked) /* not consumed yet: the next turn */
		return;
	n = recv(c->fd, peek_buffer, sizeof(peek_buffer),
		 MSG_PEEK | MSG_DONTWAIT);
	if (n > 0 &&
	    poison_skips_stream(c->server, c->id, c->consumed,
				(struct slice){peek_buffer, (size_t)n})) {
		connection_close(c, "set aside");
	} else if (n > 0) {
		CRASH_POINT(stream_peeked);
		take_all(c, peek_buffer, (size_t)n);
	} else if (n == 0) {
		connection_close(c, "closed by peer");
	} else if (errno != EAGAIN && errno != EINTR) {
		connection_close(c, "reset");
	}
}

static void connected(struct connection *c)
{
	socklen_t len = sizeof(int);
	int error = 0;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	/* the error is told once, perhaps to a predecessor */
	if (error || position_state(c->fd) == POSITION_CLOSED) {
		connection_close(c, "refused");
		return;
	}
	timer_cancel(&c->timer);
	len = sizeof(c->local);
	getsockname(c->fd, &c->local.sa, &len);
	c->state = CONNECTION_OPEN;
	turn_mark_connection(c);
	watch_for(c, LOOP_READ);
	CRASH_POINT(connected);
}

static void connection_ready(int fd, unsigned what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	if (c->is_gone)
		return;
	c->server->worker->had_input = true;
	if (c->state == CONNECTION_CONNECTING) {
		connected(c);
		return;
	}
	if (what & LOOP_READ)
		connection_read(c);
	/* what this turn took or wishes to write waits for its commit */
	if ((what & LOOP_WRITE) && !c->is_gone && !c->is_dirty)
		connection_settle(c);
}

static void write_tail(struct connection *c)
{
	ssize_t n;

	if (!c->tail_len || c->state == CONNECTION_CONNECTING)
		return;
	n = send(c->fd, c->tail, c->tail_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			connection_close(c, "broken");
		else
			watch_for(c, LOOP_READ | LOOP_WRITE);
		return;
	}
	CRASH_POINT(stream_written);
	c->written += (uint64_t)n;
	c->tail_len -= (size_t)n;
	memmove(c->tail, c->tail + n, c->tail_len);
	if (c->tail_len)
		watch_for(c, LOOP_READ | LOOP_WRITE);
	else if (!c->is_gone && c->state == CONNECTION_OPEN)
		watch_for(c, LOOP_READ);
}

void connection_settle(struct connection *c)
{
	if (c->is_gone)
		return;
	while (c->peeked) {
		ssize_t n =
			recv(c->fd, NULL, c->peeked, MSG_TRUNC | MSG_DONTWAIT);

		if (n <= 0) { /* or it would be readable for ever */
			connection_close(c, "broken");
			return;
		}
		CRASH_POINT(stream_consumed);
		c->consumed += (uint64_t)n;
		c->peeked -= (size_t)n;
	}
	write_tail(c);
	if (c->state == CONNECTION_CLOSING && !c->tail_len && !c->is_gone)
		connection_close(c, "after an error");
}

const struct stream_record *connection_record(struct connection *c)
{
	static union {
		struct stream_record record;
		char bytes[sizeof(struct stream_record) + TAIL_MAX];
	} buffer;

	buffer.record = (struct stream_record){
		.head = {STREAM_VERSION, RECORD_STREAM,
			 (uint32_t)(sizeof(buffer.record) + c->tail_len)},
		.connection = c->id,
		.consumed = c->consumed + c->peeked,
		.written = c->written,
		.listener = c->listener,
		.is_outgoing = c->is_outgoing,
		.is_open = c->state != CONNECTION_CLOSING,
		.local = c->local,
		.remote = c->remote,
		.tail_len = (uint32_t)c->tail_len,
	};
	if (c->tail_len)
		memcpy(buffer.bytes + sizeof(buffer.record), c->tail,
		       c->tail_len);
	return &buffer.record;
}

void connection_close(struct connection *c, const char *why)
{
	struct server *server = c->server;

	if (c->is_gone)
		return;
	c->is_gone = true;
	log_event(LOG_LVL_DEBUG, "connection_closed", "id=%llx why=%s",
		  (unsigned long long)c->id, log_quote(why, (int)strlen(why)));
	timer_cancel(&c->timer);
	c->watch = watch_free(c->watch);
	HASH_DEL(server->connections, c);
	shutdown(c->fd, SHUT_RDWR);
	CRASH_POINT(closed);
	tell_master(c, MESSAGE_RELEASE_CONNECTION);
	worker_count(server->worker, COUNTER_connections_closed);
	turn_mark_connection(c);
	steer_tell_lost(server, c->id, c->handed_to);
	dispatch_connection_lost(server, c->id);
}

void connection_expire(struct connection *c)
{
	connection_close(c, c->state == CONNECTION_CONNECTING
				    ? "connect timed out"
				    : "message not complete in time");
}

void connection_free(struct connection *c)
{
	watch_free(c->watch);
	close(c->fd);
	free(c->tail);
	free(c);
}

void connection_offer(struct connection *c)
{
	if (c->state != CONNECTION_CONNECTING && !c->is_gone)
		tell_master(c, MESSAGE_HOLD_CONNECTION);
}

/* ---- adoption ------------------------------------------------------------ */

static bool is_connecting(const struct connection *c)
{
	return c->is_outgoing && position_state(c->fd) != POSITION_OPEN;
}

int connection_adopt(struct server *server,
		     const struct message_connection *head, int fd)
{
	struct connection *c = connection_add(server, head->connection, fd);
	socklen_t len = sizeof(c->local);

	c->is_outgoing = head->is_outgoing;
	c->listener = head->listener;
	c->remote = head->remote;
	c->state = is_connecting(c) ? CONNECTION_CONNECTING : CONNECTION_OPEN;
	getsockname(fd, &c->local.sa, &len);
	addr_unmap(&c->local);
	return 0;
}

/* The end of the tail that was not written yet. */
static void restore_tail(struct connection *c,
			 const struct stream_record *record)
{
	const char *tail = (const char *)(record + 1);
	uint64_t skip = c->written - record->written;

	if (c->written >= record->written && skip < record->tail_len)
		append_tail(c, (struct slice){tail + skip,
					      record->tail_len - skip});
}

void connection_restore(struct connection *c,
			const struct stream_record *record)
{
	struct position at;

	if (c->state != CONNECTION_CONNECTING) { /* else nothing went yet */
		at = position_measure(c->fd, c->is_outgoing);
		c->consumed = at.consumed;
		c->written = at.written;
	}
	c->handed_to = UINT64_MAX; /* the predecessor knew to whom */
	c->is_stored = record != NULL;
	if (record && record->consumed > c->consumed)
		c->peeked = record->consumed - c->consumed;
	if (record)
		restore_tail(c, record);
	if (record && !record->is_open)
		c->state = CONNECTION_CLOSING;
	turn_mark_connection(c);
	if (c->state == CONNECTION_CONNECTING)
		await_connected(c);
	else
		watch_for(c, LOOP_READ);
}
