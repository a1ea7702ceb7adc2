/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of the simulator: UDP as it comes, TCP framed by sip_frame, one
 * connection to whom it calls.  Runs in mspool-gwsim only.
 * Trap: a stream may end while its own bytes are being taken (the peer
 * closes, an answer cannot be sent): it is only marked then, and wire_sweep
 * frees it between two turns of the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/gwsim.h"

#define STREAM_ROOM 65536

struct sim_stream {
	struct sim_stream *next;
	struct sim *sim;
	uint64_t number;
	int fd;
	struct watch *read, *write;
	struct addr peer, local;
	bool is_gone; /* to be freed by the next sweep */
	size_t in_len, out_len;
	char in[STREAM_ROOM], out[STREAM_ROOM];
};

static int own_address(int fd, struct addr *ret_addr)
{
	socklen_t len = sizeof(*ret_addr);

	return getsockname(fd, &ret_addr->sa, &len) < 0 ? -errno : 0;
}

/* ---- UDP ----------------------------------------------------------------- */

static void on_datagram(int fd, unsigned what, void *arg)
{
	struct sim *sim = arg;
	static char bytes[SIP_MESSAGE_MAX + 1];

	(void)what;
	for (unsigned i = 0; i < 64; i++) {
		struct way way = {.transport = SIM_UDP, .udp_fd = fd};
		socklen_t len = sizeof(way.peer);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				     &way.peer.sa, &len);

		if (n < 0)
			return;
		own_address(fd, &way.local);
		sim_take_message(sim, &way, bytes, (size_t)n);
	}
}

static int open_udp(struct sim *sim, const struct addr *address)
{
	int fd = socket(address->sa.sa_family,
			SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int room = 4 << 20;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (bind(fd, &address->sa, addr_len(address)) < 0 ||
	    sim_keep_watch(sim, loop_watch(sim->loop, fd, LOOP_READ,
					   on_datagram, sim)) < 0) {
		int error = errno ? -errno : -ENOMEM;

		close(fd);
		return error;
	}
	sim->udp_fds[sim->n_udp++] = fd;
	return fd;
}

/* ---- TCP ----------------------------------------------------------------- */

static struct sim_stream *stream_find(struct sim *sim, uint64_t number)
{
	struct sim_stream *stream = sim->streams;

	while (stream && (stream->number != number || stream->is_gone))
		stream = stream->next;
	return stream;
}

static void stream_close(struct sim_stream *stream)
{
	if (stream->is_gone)
		return;
	watch_free(stream->read);
	watch_free(stream->write);
	stream->read = stream->write = NULL;
	close(stream->fd);
	stream->is_gone = true;
}

void wire_sweep(struct sim *sim)
{
	struct sim_stream **link = &sim->streams;

	while (*link) {
		struct sim_stream *stream = *link;

		if (!stream->is_gone) {
			link = &stream->next;
			continue;
		}
		*link = stream->next;
		free(stream);
	}
}

static void drop_input(struct sim_stream *stream, size_t n)
{
	memmove(stream->in, stream->in + n, stream->in_len - n);
	stream->in_len -= n;
}

/* Takes the first whole message; false when there is none. */
static bool take_one(struct sim_stream *stream)
{
	struct way way = {.transport = SIM_TCP,
			  .peer = stream->peer,
			  .local = stream->local,
			  .udp_fd = -1,
			  .stream = stream->number};
	size_t len = 0;
	enum sip_frame_state state =
		stream->in_len ? sip_frame(stream->in, stream->in_len, &len)
			       : SIP_FRAME_MORE;

	switch (state) {
	case SIP_FRAME_WHOLE: {
		static char bytes[STREAM_ROOM];

		memcpy(bytes, stream->in, len);
		drop_input(stream, len);
		sim_take_message(stream->sim, &way, bytes, len);
		return true;
	}
	case SIP_FRAME_PING:
		drop_input(stream, len);
		wire_send(stream->sim, &way, SLICE("\r\n"));
		return true;
	case SIP_FRAME_SKIP:
		drop_input(stream, len);
		return true;
	case SIP_FRAME_MORE:
		return false;
	case SIP_FRAME_BAD:
	case SIP_FRAME_BIG:
		stream->sim->figures.malformed++;
		stream_close(stream);
	}
	return false;
}

static void on_stream_read(int fd, unsigned what, void *arg)
{
	struct sim_stream *stream = arg;
	ssize_t n = recv(fd, stream->in + stream->in_len,
			 sizeof(stream->in) - stream->in_len, MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_close(stream);
		return;
	}
	stream->in_len += (size_t)n;
	while (!stream->is_gone && take_one(stream))
		;
}

static void stream_flush(struct sim_stream *stream);

static void on_stream_write(int fd, unsigned what, void *arg)
{
	(void)fd;
	(void)what;
	stream_flush(arg);
}

/* What does not go now goes when the socket takes more. */
static void stream_flush(struct sim_stream *stream)
{
	ssize_t n = send(stream->fd, stream->out, stream->out_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
		stream_close(stream);
		return;
	}
	if (n > 0) {
		stream->out_len -= (size_t)n;
		memmove(stream->out, stream->out + n, stream->out_len);
	}
	if (stream->out_len > 0 && !stream->write)
		stream->write = loop_watch(stream->sim->loop, stream->fd,
					   LOOP_WRITE, on_stream_write, stream);
	if (stream->out_len == 0)
		stream->write = watch_free(stream->write);
}

static struct sim_stream *stream_add(struct sim *sim, int fd,
				     const struct addr *peer)
{
	struct sim_stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		close(fd);
		return NULL;
	}
	stream->sim = sim;
	stream->fd = fd;
	stream->number = ++sim->next_stream;
	stream->peer = *peer;
	own_address(fd, &stream->local);
	stream->read =
		loop_watch(sim->loop, fd, LOOP_READ, on_stream_read, stream);
	stream->next = sim->streams;
	sim->streams = stream;
	return stream;
}

static void on_accept(int fd, unsigned what, void *arg)
{
	struct addr peer;
	socklen_t len = sizeof(peer);
	int accepted =
		accept4(fd, &peer.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (accepted >= 0)
		stream_add(arg, accepted, &peer);
}

static int open_tcp(struct sim *sim, const struct addr *address)
{
	int fd = socket(address->sa.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address->sa, addr_len(address)) < 0 ||
	    listen(fd, 128) < 0 ||
	    sim_keep_watch(sim, loop_watch(sim->loop, fd, LOOP_READ, on_accept,
					   sim)) < 0) {
		int error = errno ? -errno : -ENOMEM;

		close(fd);
		return error;
	}
	sim->tcp_fds[sim->n_tcp++] = fd;
	return fd;
}

/* From the host that we listen at, since the pool knows peers by address. */
static void bind_to_own_host(const struct sim *sim, int fd, int family)
{
	for (unsigned i = 0; i < sim->options.n_listens; i++) {
		struct addr host = sim->options.listens[i].address;

		if (host.sa.sa_family != family || addr_is_wildcard(&host))
			continue;
		addr_set_port(&host, 0);
		if (bind(fd, &host.sa, addr_len(&host)) < 0)
			continue;
		return;
	}
}

static struct sim_stream *stream_connect(struct sim *sim,
					 const struct addr *peer)
{
	int fd = socket(peer->sa.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return NULL;
	bind_to_own_host(sim, fd, peer->sa.sa_family);
	if (connect(fd, &peer->sa, addr_len(peer)) < 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	return stream_add(sim, fd, peer);
}

/* ---- ways ---------------------------------------------------------------- */

static struct sim_stream *stream_to(struct sim *sim, const struct addr *peer)
{
	for (struct sim_stream *s = sim->streams; s; s = s->next)
		if (!s->is_gone && addr_is_same(&s->peer, peer))
			return s;
	return stream_connect(sim, peer);
}

/* An address of our own that reaches the peer, for a caller that was given
 * none. */
static int open_udp_towards(struct sim *sim, const struct addr *peer)
{
	int probe = socket(peer->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr own = {0};

	if (probe < 0)
		return -errno;
	if (connect(probe, &peer->sa, addr_len(peer)) < 0 ||
	    own_address(probe, &own) < 0) {
		int error = -errno;

		close(probe);
		return error;
	}
	close(probe);
	addr_set_port(&own, 0);
	return open_udp(sim, &own);
}

static int udp_way(struct sim *sim, const struct addr *peer,
		   struct way *ret_way)
{
	int fd = -1;

	for (unsigned i = 0; i < sim->n_udp && fd < 0; i++) {
		struct addr own;

		if (own_address(sim->udp_fds[i], &own) == 0 &&
		    own.sa.sa_family == peer->sa.sa_family)
			fd = sim->udp_fds[i];
	}
	if (fd < 0)
		fd = open_udp_towards(sim, peer);
	if (fd < 0)
		return fd;
	*ret_way =
		(struct way){.transport = SIM_UDP, .peer = *peer, .udp_fd = fd};
	return own_address(fd, &ret_way->local);
}

int wire_way_to(struct sim *sim, enum sim_transport transport,
		const struct addr *peer, struct way *ret_way)
{
	struct sim_stream *stream;

	if (transport == SIM_UDP)
		return udp_way(sim, peer, ret_way);
	stream = stream_to(sim, peer);
	if (!stream)
		return -ECONNREFUSED;
	*ret_way = (struct way){.transport = SIM_TCP,
				.peer = *peer,
				.local = stream->local,
				.udp_fd = -1,
				.stream = stream->number};
	return 0;
}

static void send_stream(struct sim *sim, struct way *way, struct slice bytes)
{
	struct sim_stream *stream = stream_find(sim, way->stream);

	if (!stream) {
		stream = stream_to(sim, way->listens_at.sa.sa_family
						? &way->listens_at
						: &way->peer);
		if (!stream)
			return;
		way->stream = stream->number;
	}
	if (stream->out_len + bytes.len > sizeof(stream->out)) {
		stream_close(stream);
		return;
	}
	memcpy(stream->out + stream->out_len, bytes.ptr, bytes.len);
	stream->out_len += bytes.len;
	if (!stream->write)
		stream_flush(stream);
}

void wire_send(struct sim *sim, struct way *way, struct slice bytes)
{
	if (way->transport == SIM_TCP)
		send_stream(sim, way, bytes);
	else if (sendto(way->udp_fd, bytes.ptr, bytes.len,
			MSG_DONTWAIT | MSG_NOSIGNAL, &way->peer.sa,
			addr_len(&way->peer)) < 0)
		return; /* a lost datagram is repeated by its transaction */
}

int wire_open(struct sim *sim)
{
	for (unsigned i = 0; i < sim->options.n_listens; i++) {
		const struct sim_listen *listen = &sim->options.listens[i];
		int fd = listen->transport == SIM_UDP
				 ? open_udp(sim, &listen->address)
				 : open_tcp(sim, &listen->address);

		if (fd < 0)
			return fd;
	}
	return 0;
}

void wire_close(struct sim *sim)
{
	for (struct sim_stream *s = sim->streams; s; s = s->next)
		stream_close(s);
	wire_sweep(sim);
	for (unsigned i = 0; i < sim->n_udp; i++)
		close(sim->udp_fds[i]);
	for (unsigned i = 0; i < sim->n_tcp; i++)
		close(sim->tcp_fds[i]);
}
