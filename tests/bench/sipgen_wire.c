/* SPDX-License-Identifier: Apache-2.0
 *
 * See sipgen_wire.h.  Sends in batches at the end of a turn, as the systems
 * under test do, so that the generator is not what limits them.
 * Trap: a system may open several connections to the callee, so who answers
 * later remembers wire_current() and selects it again.
 */
#include "tests/bench/sipgen_wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/scan.h"

#define BATCH	     64
#define MESSAGE_ROOM 4096
#define STREAM_ROOM  (1 << 20)
#define STREAMS_MAX  16
#define SOCKET_ROOM  (4 << 20)

struct stream {
	int fd;
	size_t in_len, out_len;
	char in[STREAM_ROOM], out[STREAM_ROOM];
};

struct wire {
	bool is_tcp;
	struct addr own, sut;
	int fd; /* UDP, or the TCP callee's listener, or the caller's stream */
	unsigned n_out;
	struct mmsghdr out_heads[BATCH], in_heads[BATCH];
	struct iovec out_parts[BATCH], in_parts[BATCH];
	char out[BATCH][MESSAGE_ROOM], in[BATCH][MESSAGE_ROOM];
	struct stream *streams[STREAMS_MAX]; /* TCP */
	unsigned n_streams, current;
};

static void enlarge(int fd)
{
	int room = SOCKET_ROOM;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

static int bound_socket(const struct addr *own, int type)
{
	int on = 1;
	int fd = socket(own->sa.sa_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	enlarge(fd);
	if (bind(fd, &own->sa, addr_len(own)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void prepare_batches(struct wire *wire)
{
	for (unsigned i = 0; i < BATCH; i++) {
		wire->out_parts[i].iov_base = wire->out[i];
		wire->in_parts[i] = (struct iovec){wire->in[i], MESSAGE_ROOM};
		wire->out_heads[i].msg_hdr =
			(struct msghdr){.msg_name = &wire->sut,
					.msg_namelen = addr_len(&wire->sut),
					.msg_iov = &wire->out_parts[i],
					.msg_iovlen = 1};
		wire->in_heads[i].msg_hdr = (struct msghdr){
			.msg_iov = &wire->in_parts[i], .msg_iovlen = 1};
	}
}

static int add_stream(struct wire *wire, int fd)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream || wire->n_streams == STREAMS_MAX) {
		free(stream);
		close(fd);
		return -1;
	}
	stream->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	wire->streams[wire->n_streams++] = stream;
	return 0;
}

static int open_tcp(struct wire *wire, bool is_caller)
{
	struct addr own = wire->own;

	if (is_caller)
		addr_set_port(&own, 0);
	wire->fd = bound_socket(&own, SOCK_STREAM);
	if (wire->fd < 0)
		return -1;
	if (!is_caller)
		return listen(wire->fd, STREAMS_MAX);
	if (connect(wire->fd, &wire->sut.sa, addr_len(&wire->sut)) < 0)
		return -1;
	return add_stream(wire, wire->fd);
}

struct wire *wire_open(bool is_tcp, const struct addr *own,
		       const struct addr *sut, bool is_caller)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (!wire)
		return NULL;
	wire->is_tcp = is_tcp;
	wire->own = *own;
	wire->sut = *sut;
	wire->fd = -1;
	prepare_batches(wire);
	if (is_tcp && open_tcp(wire, is_caller) < 0)
		return NULL;
	if (!is_tcp)
		wire->fd = bound_socket(own, SOCK_DGRAM);
	return is_tcp || wire->fd >= 0 ? wire : NULL;
}

unsigned wire_poll(const struct wire *wire, struct pollfd *fds)
{
	unsigned n = 0;

	fds[n++] = (struct pollfd){.fd = wire->fd, .events = POLLIN};
	for (unsigned i = 0; i < wire->n_streams; i++)
		if (wire->streams[i]->fd != wire->fd)
			fds[n++] = (struct pollfd){.fd = wire->streams[i]->fd,
						   .events = POLLIN};
	return n;
}

unsigned wire_current(const struct wire *wire)
{
	return wire->current;
}

void wire_select(struct wire *wire, unsigned stream)
{
	wire->current = stream;
}

const struct addr *wire_own(const struct wire *wire)
{
	return &wire->own;
}

/* ---- out ----------------------------------------------------------------- */

static void flush_stream(struct stream *stream)
{
	size_t sent = 0;

	while (sent < stream->out_len) {
		ssize_t n = send(stream->fd, stream->out + sent,
				 stream->out_len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	stream->out_len = 0;
}

static void put_stream(struct wire *wire, const char *bytes, size_t len)
{
	struct stream *stream;

	if (wire->current >= wire->n_streams)
		return;
	stream = wire->streams[wire->current];
	if (stream->out_len + len > STREAM_ROOM)
		flush_stream(stream);
	memcpy(stream->out + stream->out_len, bytes, len);
	stream->out_len += len;
}

static void flush_datagrams(struct wire *wire)
{
	unsigned sent = 0;

	while (sent < wire->n_out) {
		int n = sendmmsg(wire->fd, wire->out_heads + sent,
				 wire->n_out - sent, 0);

		if (n <= 0)
			break;
		sent += (unsigned)n;
	}
	wire->n_out = 0;
}

void wire_flush(struct wire *wire)
{
	if (!wire->is_tcp)
		flush_datagrams(wire);
	for (unsigned i = 0; i < wire->n_streams; i++)
		flush_stream(wire->streams[i]);
}

void wire_put(struct wire *wire, const char *bytes, size_t len)
{
	if (len > MESSAGE_ROOM)
		return;
	if (wire->is_tcp) {
		put_stream(wire, bytes, len);
		return;
	}
	if (wire->n_out == BATCH)
		wire_flush(wire);
	memcpy(wire->out[wire->n_out], bytes, len);
	wire->out_parts[wire->n_out++].iov_len = len;
}

/* ---- in ------------------------------------------------------------------ */

static void take_datagrams(struct wire *wire, wire_take_fn *fn, void *arg)
{
	int n;

	do {
		n = recvmmsg(wire->fd, wire->in_heads, BATCH, MSG_DONTWAIT,
			     NULL);
		for (int i = 0; i < n; i++)
			fn(wire->in[i], wire->in_heads[i].msg_len, arg);
	} while (n == BATCH);
}

static void accept_more(struct wire *wire)
{
	struct pollfd ready = {.fd = wire->fd, .events = POLLIN};
	int fd;

	if (poll(&ready, 1, 0) <= 0)
		return;
	fd = accept(wire->fd, NULL, NULL);
	if (fd >= 0)
		add_stream(wire, fd);
}

static void take_frames(struct stream *stream, wire_take_fn *fn, void *arg)
{
	size_t done = 0, len;

	while (done < stream->in_len) {
		char *at = stream->in + done;
		enum sip_frame_state state =
			sip_frame(at, stream->in_len - done, &len);

		if (state == SIP_FRAME_WHOLE)
			fn(at, len, arg);
		else if (state != SIP_FRAME_SKIP && state != SIP_FRAME_PING)
			break;
		done += len;
	}
	stream->in_len -= done;
	memmove(stream->in, stream->in + done, stream->in_len);
}

static void take_streams(struct wire *wire, wire_take_fn *fn, void *arg)
{
	if (wire->n_streams == 0 || wire->streams[0]->fd != wire->fd)
		accept_more(wire);
	for (unsigned i = 0; i < wire->n_streams; i++) {
		struct stream *stream = wire->streams[i];
		ssize_t n = recv(stream->fd, stream->in + stream->in_len,
				 STREAM_ROOM - stream->in_len, MSG_DONTWAIT);

		if (n <= 0)
			continue;
		stream->in_len += (size_t)n;
		wire->current = i;
		take_frames(stream, fn, arg);
	}
}

void wire_take(struct wire *wire, wire_take_fn *fn, void *arg)
{
	if (wire->is_tcp)
		take_streams(wire, fn, arg);
	else
		take_datagrams(wire, fn, arg);
}
