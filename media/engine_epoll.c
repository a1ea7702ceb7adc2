/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine that works everywhere: epoll, recvfrom, sendto.  Where traffic is
 * dense it sleeps a moment before it asks, so that one wake-up serves many
 * sockets; that halves its cost (reference/performance D1).  recvmmsg would
 * gain nothing: a stream's socket hardly ever holds two packets.
 * Trap: level-triggered on purpose; edge-triggered needs one more recvfrom per
 * packet, which costs more than epoll's second look.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "media/engine.h"

#define CONTROL_BIT (1ull << 32) /* in epoll's word: an fd, not a socket */
#define ROUNDS_MAX  16 /* batches a turn, so that control is not starved */

struct epoll_engine {
	struct engine_events events;
	int epoll_fd;
	unsigned max_sockets;
	int *fds; /* by socket, -1 none */
	struct engine_packet packets[ENGINE_BATCH];
	struct addr sources[ENGINE_BATCH];
	uint8_t bytes[ENGINE_BATCH][ENGINE_PACKET_MAX + 1];
};

static void epoll_engine_close(void *state)
{
	struct epoll_engine *engine = state;

	if (!engine)
		return;
	if (engine->epoll_fd >= 0)
		close(engine->epoll_fd);
	free(engine->fds);
	free(engine);
}

static int epoll_engine_open(const struct engine_settings *settings,
			     void **ret_state)
{
	struct epoll_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->events = settings->events;
	engine->max_sockets = settings->max_sockets;
	engine->fds = malloc(settings->max_sockets * sizeof(int));
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!engine->fds || engine->epoll_fd < 0) {
		int error = engine->fds ? -errno : -ENOMEM;

		epoll_engine_close(engine);
		return error;
	}
	for (unsigned i = 0; i < settings->max_sockets; i++)
		engine->fds[i] = -1;
	*ret_state = engine;
	return 0;
}

static int epoll_engine_ctl_add(struct epoll_engine *engine, int fd,
				uint64_t word)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = word};

	return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0
		       ? -errno
		       : 0;
}

static int epoll_engine_add(void *state, uint32_t socket, int fd)
{
	struct epoll_engine *engine = state;
	int error;

	if (socket >= engine->max_sockets)
		return -ERANGE;
	error = epoll_engine_ctl_add(engine, fd, socket);
	if (error == 0)
		engine->fds[socket] = fd;
	return error;
}

static void epoll_engine_remove(void *state, uint32_t socket)
{
	struct epoll_engine *engine = state;

	if (socket >= engine->max_sockets || engine->fds[socket] < 0)
		return;
	epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, engine->fds[socket], NULL);
	engine->fds[socket] = -1;
}

static int epoll_engine_watch(void *state, int fd)
{
	return epoll_engine_ctl_add(state, fd, CONTROL_BIT | (unsigned)fd);
}

static void epoll_engine_unwatch(void *state, int fd)
{
	struct epoll_engine *engine = state;

	epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void epoll_engine_send(void *state, const struct engine_send *send)
{
	struct epoll_engine *engine = state;
	ssize_t n = sendto(engine->fds[send->socket], send->bytes, send->len,
			   MSG_DONTWAIT | MSG_NOSIGNAL, &send->to->sa,
			   addr_len(send->to));

	if (n < 0)
		engine->events.on_send_failed(engine->events.arg, send->socket,
					      errno);
}

/* Receives one datagram into place i of the batch; true if there was one that
 * may be handed over. */
static bool epoll_engine_receive(struct epoll_engine *engine, uint32_t socket,
				 unsigned i)
{
	struct addr *source = &engine->sources[i];
	socklen_t source_len = sizeof(*source);
	ssize_t n = recvfrom(engine->fds[socket], engine->bytes[i],
			     sizeof(engine->bytes[i]), MSG_DONTWAIT,
			     &source->sa, &source_len);

	if (n < 0)
		return false; /* EAGAIN, or an ICMP error, absorbed here */
	if (n > ENGINE_PACKET_MAX) {
		engine->events.on_oversize(engine->events.arg, socket);
		return false;
	}
	engine->packets[i] = (struct engine_packet){
		.socket = socket,
		.len = (uint32_t)n,
		.bytes = engine->bytes[i],
		.source = source,
	};
	return true;
}

static void epoll_engine_control(struct epoll_engine *engine, int fd)
{
	if (!engine->events.on_control(engine->events.arg, fd))
		epoll_engine_unwatch(engine, fd);
}

static void epoll_engine_serve(struct epoll_engine *engine,
			       const struct epoll_event *ready, int n_ready)
{
	unsigned n = 0;

	for (int i = 0; i < n_ready; i++) {
		uint64_t word = ready[i].data.u64;

		if (word & CONTROL_BIT)
			epoll_engine_control(engine, (int)(uint32_t)word);
		else if (epoll_engine_receive(engine, (uint32_t)word, n))
			n++;
	}
	if (n)
		engine->events.on_packets(engine->events.arg, engine->packets,
					  n);
}

static struct timespec epoll_engine_timespec(uint64_t us)
{
	return (struct timespec){
		.tv_sec = (time_t)(us / USEC_PER_SEC),
		.tv_nsec = (long)(us % USEC_PER_SEC * 1000),
	};
}

static int epoll_engine_round(struct epoll_engine *engine,
			      const struct timespec *patience)
{
	struct epoll_event ready[ENGINE_BATCH];
	int n = epoll_pwait2(engine->epoll_fd, ready, ENGINE_BATCH, patience,
			     NULL);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	epoll_engine_serve(engine, ready, n);
	return n;
}

static int epoll_engine_turn(void *state, const struct engine_wait *wait)
{
	struct timespec patience = epoll_engine_timespec(wait->wait_us);
	int n = ENGINE_BATCH;

	if (wait->min_packets > 1) {
		nanosleep(&patience, NULL);
		patience = (struct timespec){0};
	}
	/* On to the next round only if this one was full: to ask again for the
	 * few that came meanwhile would undo the gathering. */
	for (int i = 0; i < ROUNDS_MAX && n == ENGINE_BATCH; i++) {
		n = epoll_engine_round(state, &patience);
		patience = (struct timespec){0};
	}
	return n < 0 ? n : 0;
}

const struct engine_kind engine_epoll = {
	.name = "epoll",
	.open = epoll_engine_open,
	.close = epoll_engine_close,
	.add = epoll_engine_add,
	.remove = epoll_engine_remove,
	.watch = epoll_engine_watch,
	.unwatch = epoll_engine_unwatch,
	.send = epoll_engine_send,
	.turn = epoll_engine_turn,
};
