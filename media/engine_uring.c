/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine on io_uring: every socket has one multishot recvmsg that takes its
 * buffers from a shared ring; one system call sends everything that a turn has
 * to send, one receives everything that the next has to handle.  Needs
 * Linux 6.1 (DEFER_TASKRUN; with it come recvmsg multishot and SEND with an
 * address), and io_uring not forbidden; engine.c falls back to epoll.
 *
 * Traps: a buffer that is being sent from goes back to the ring only after the
 * system call that sends it; a completion may belong to a socket's former life,
 * so its word carries a generation; files are registered many at a time, so
 * whatever submits goes through uring_submit.
 *
 *   user_data:  kind (8) | generation (24) | socket or fd (32)
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/clock.h"
#include "media/engine.h"

#define SQ_ENTRIES   512
#define CQ_ENTRIES   4096 /* > N_BUFFERS: the queue cannot overflow */
#define N_BUFFERS    1024 /* packets in flight; a power of two */
#define BUFFER_SIZE  2048
#define BUFFER_GROUP 1
#define NO_UPDATE    IORING_REGISTER_FILES_SKIP

_Static_assert(sizeof(struct io_uring_recvmsg_out) + sizeof(struct addr) +
			       ENGINE_PACKET_MAX <=
		       BUFFER_SIZE,
	       "a packet fits a buffer");

enum uring_word {
	WORD_RECEIVE = 1,
	WORD_SEND,
	WORD_CONTROL,
	WORD_CANCEL
};

struct uring_socket {
	bool is_added;
	uint32_t generation; /* 24 bits, raised at every add */
};

struct uring_engine {
	struct engine_events events;
	struct io_uring ring;
	bool has_ring;
	struct io_uring_buf_ring *buffers;
	uint8_t *memory;     /* N_BUFFERS of BUFFER_SIZE */
	struct msghdr shape; /* of what recvmsg writes into a buffer */
	unsigned max_sockets;
	struct uring_socket *sockets;
	/* Descriptors that are still to be registered: one system call for all
	 * from first to end, since a successor has thousands.  By socket. */
	int *updates; /* NO_UPDATE: stays as it is */
	unsigned first_update, end_update;
	int error; /* of registering: sockets would be deaf */
	/* Buffers handed over in this turn: their bytes may be queued. */
	uint16_t held[N_BUFFERS];
	unsigned n_held;
	struct engine_packet packets[ENGINE_BATCH];
	unsigned n_packets;
};

static uint64_t uring_word(enum uring_word kind, uint32_t generation,
			   uint32_t which)
{
	return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 |
	       which;
}

static void uring_give_back(struct uring_engine *engine, unsigned buffer,
			    int offset)
{
	io_uring_buf_ring_add(engine->buffers,
			      engine->memory + (size_t)buffer * BUFFER_SIZE,
			      BUFFER_SIZE, (unsigned short)buffer,
			      io_uring_buf_ring_mask(N_BUFFERS), offset);
}

static void uring_release_held(struct uring_engine *engine)
{
	for (unsigned i = 0; i < engine->n_held; i++)
		uring_give_back(engine, engine->held[i], (int)i);
	io_uring_buf_ring_advance(engine->buffers, (int)engine->n_held);
	engine->n_held = 0;
}

static void uring_close(void *state)
{
	struct uring_engine *engine = state;

	if (!engine)
		return;
	if (engine->has_ring)
		io_uring_queue_exit(&engine->ring);
	if (engine->buffers)
		munmap(engine->buffers,
		       N_BUFFERS * sizeof(struct io_uring_buf));
	if (engine->memory)
		munmap(engine->memory, (size_t)N_BUFFERS * BUFFER_SIZE);
	free(engine->updates);
	free(engine->sockets);
	free(engine);
}

static void *uring_map(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

static int uring_open_ring(struct uring_engine *engine)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG,
		.cq_entries = CQ_ENTRIES,
	};
	int error =
		io_uring_queue_init_params(SQ_ENTRIES, &engine->ring, &params);

	if (error)
		return error;
	engine->has_ring = true;
	return io_uring_register_files_sparse(&engine->ring,
					      engine->max_sockets);
}

static int uring_open_buffers(struct uring_engine *engine)
{
	struct io_uring_buf_reg reg = {
		.ring_entries = N_BUFFERS,
		.bgid = BUFFER_GROUP,
	};

	engine->buffers = uring_map(N_BUFFERS * sizeof(struct io_uring_buf));
	engine->memory = uring_map((size_t)N_BUFFERS * BUFFER_SIZE);
	if (!engine->buffers || !engine->memory)
		return -ENOMEM;
	reg.ring_addr = (uint64_t)(uintptr_t)engine->buffers;
	io_uring_buf_ring_init(engine->buffers);
	for (unsigned i = 0; i < N_BUFFERS; i++)
		engine->held[i] = (uint16_t)i;
	engine->n_held = N_BUFFERS;
	uring_release_held(engine);
	return io_uring_register_buf_ring(&engine->ring, &reg, 0);
}

static int uring_open_tables(struct uring_engine *engine)
{
	unsigned n = engine->max_sockets;

	engine->sockets = calloc(n, sizeof(*engine->sockets));
	engine->updates = calloc(n, sizeof(*engine->updates));
	if (!engine->sockets || !engine->updates)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		engine->updates[i] = NO_UPDATE;
	engine->first_update = n;
	return 0;
}

static int uring_open(const struct engine_settings *settings, void **ret_state)
{
	struct uring_engine *engine = calloc(1, sizeof(*engine));
	int error;

	if (!engine)
		return -ENOMEM;
	engine->events = settings->events;
	engine->max_sockets = settings->max_sockets;
	engine->shape.msg_namelen = sizeof(struct addr);
	error = uring_open_tables(engine);
	if (error == 0)
		error = uring_open_ring(engine);
	if (error == 0)
		error = uring_open_buffers(engine);
	if (error) {
		uring_close(engine);
		return error;
	}
	*ret_state = engine;
	return 0;
}

static void uring_register(struct uring_engine *engine, uint32_t socket, int fd)
{
	engine->updates[socket] = fd;
	if (socket < engine->first_update)
		engine->first_update = socket;
	if (socket >= engine->end_update)
		engine->end_update = socket + 1;
}

static void uring_settle_files(struct uring_engine *engine)
{
	unsigned first = engine->first_update, end = engine->end_update;
	int n;

	if (first >= end)
		return;
	n = io_uring_register_files_update(
		&engine->ring, first, engine->updates + first, end - first);
	for (unsigned i = first; i < end; i++)
		engine->updates[i] = NO_UPDATE;
	engine->first_update = engine->max_sockets;
	engine->end_update = 0;
	if (n < (int)(end - first))
		engine->error = n < 0 ? n : -EBADF;
}

static void uring_submit(struct uring_engine *engine)
{
	uring_settle_files(engine);
	io_uring_submit(&engine->ring);
}

/* The next free submission; when all are filled, what is queued goes first. */
static struct io_uring_sqe *uring_sqe(struct uring_engine *engine)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&engine->ring);

	if (sqe)
		return sqe;
	uring_submit(engine);
	return io_uring_get_sqe(&engine->ring);
}

static void uring_arm(struct uring_engine *engine, uint32_t socket)
{
	struct io_uring_sqe *sqe = uring_sqe(engine);

	if (!sqe)
		return;
	io_uring_prep_recvmsg_multishot(sqe, (int)socket, &engine->shape, 0);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
	sqe->user_data = uring_word(WORD_RECEIVE,
				    engine->sockets[socket].generation, socket);
}

static int uring_add(void *state, uint32_t socket, int fd)
{
	struct uring_engine *engine = state;

	if (socket >= engine->max_sockets)
		return -ERANGE;
	uring_register(engine, socket, fd);
	engine->sockets[socket].is_added = true;
	engine->sockets[socket].generation++;
	uring_arm(engine, socket);
	return 0;
}

static void uring_cancel(struct uring_engine *engine, uint64_t word)
{
	struct io_uring_sqe *sqe = uring_sqe(engine);

	if (!sqe)
		return;
	io_uring_prep_cancel64(sqe, word, 0);
	sqe->user_data = uring_word(WORD_CANCEL, 0, 0);
}

static void uring_remove(void *state, uint32_t socket)
{
	struct uring_engine *engine = state;

	if (socket >= engine->max_sockets || !engine->sockets[socket].is_added)
		return;
	uring_cancel(engine,
		     uring_word(WORD_RECEIVE,
				engine->sockets[socket].generation, socket));
	/* What is queued for this socket must leave before its place is
	 * emptied. */
	uring_submit(engine);
	engine->sockets[socket].is_added = false;
	/* At once: the caller may close it, and the port must be free then. */
	uring_register(engine, socket, -1);
	uring_settle_files(engine);
}

static int uring_watch(void *state, int fd)
{
	struct uring_engine *engine = state;
	struct io_uring_sqe *sqe = uring_sqe(engine);

	if (!sqe)
		return -EBUSY;
	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	sqe->user_data = uring_word(WORD_CONTROL, 0, (uint32_t)fd);
	return 0;
}

static void uring_unwatch(void *state, int fd)
{
	uring_cancel(state, uring_word(WORD_CONTROL, 0, (uint32_t)fd));
}

static void uring_send(void *state, const struct engine_send *send)
{
	struct uring_engine *engine = state;
	struct io_uring_sqe *sqe = uring_sqe(engine);

	if (!sqe) {
		engine->events.on_send_failed(engine->events.arg, send->socket,
					      EBUSY);
		return;
	}
	io_uring_prep_send(sqe, (int)send->socket, send->bytes, send->len,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	sqe->addr2 = (uint64_t)(uintptr_t)send->to;
	sqe->addr_len = (uint16_t)addr_len(send->to);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = uring_word(WORD_SEND, 0, send->socket);
}

static void uring_hand_over(struct uring_engine *engine)
{
	if (engine->n_packets)
		engine->events.on_packets(engine->events.arg, engine->packets,
					  engine->n_packets);
	engine->n_packets = 0;
}

/* A filled buffer of a socket that is still the same one. */
static void uring_take_packet(struct uring_engine *engine, uint32_t socket,
			      uint8_t *buffer, int len)
{
	struct io_uring_recvmsg_out *out =
		io_uring_recvmsg_validate(buffer, len, &engine->shape);

	if (!out)
		return;
	if (out->flags & MSG_TRUNC || out->payloadlen > ENGINE_PACKET_MAX) {
		engine->events.on_oversize(engine->events.arg, socket);
		return;
	}
	engine->packets[engine->n_packets++] = (struct engine_packet){
		.socket = socket,
		.len = out->payloadlen,
		.bytes = io_uring_recvmsg_payload(out, &engine->shape),
		.source = io_uring_recvmsg_name(out),
	};
	if (engine->n_packets == ENGINE_BATCH)
		uring_hand_over(engine);
}

/* A receive that ended by itself is armed again, unless it can never work. */
static bool uring_may_arm(int result)
{
	return result != -EBADF && result != -EINVAL && result != -ENOTSOCK &&
	       result != -ECANCELED;
}

static void uring_on_receive(struct uring_engine *engine, uint64_t word,
			     const struct io_uring_cqe *cqe)
{
	uint32_t socket = (uint32_t)word;
	struct uring_socket *entry = &engine->sockets[socket];
	bool is_ours =
		entry->is_added &&
		word == uring_word(WORD_RECEIVE, entry->generation, socket);

	if (cqe->flags & IORING_CQE_F_BUFFER) {
		uint16_t buffer =
			(uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

		engine->held[engine->n_held++] = buffer;
		if (is_ours && cqe->res > 0)
			uring_take_packet(engine, socket,
					  engine->memory +
						  (size_t)buffer * BUFFER_SIZE,
					  cqe->res);
	}
	if (is_ours && !(cqe->flags & IORING_CQE_F_MORE) &&
	    uring_may_arm(cqe->res))
		uring_arm(engine, socket);
}

static void uring_on_control(struct uring_engine *engine, uint64_t word,
			     bool is_armed)
{
	int fd = (int)(uint32_t)word;
	bool is_wanted = engine->events.on_control(engine->events.arg, fd);

	if (is_wanted && !is_armed)
		uring_watch(engine, fd);
	else if (!is_wanted && is_armed)
		uring_unwatch(engine, fd);
}

static void uring_on_completion(struct uring_engine *engine,
				const struct io_uring_cqe *cqe)
{
	const struct engine_events *events = &engine->events;
	uint64_t word = cqe->user_data;

	switch ((enum uring_word)(word >> 56)) {
	case WORD_RECEIVE:
		uring_on_receive(engine, word, cqe);
		break;
	case WORD_SEND:
		if (cqe->res < 0)
			events->on_send_failed(events->arg, (uint32_t)word,
					       -cqe->res);
		break;
	case WORD_CONTROL:
		if (cqe->res != -ECANCELED)
			uring_on_control(engine, word,
					 cqe->flags & IORING_CQE_F_MORE);
		break;
	case WORD_CANCEL:
		break;
	}
}

static void uring_drain_queue(struct uring_engine *engine)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_for_each_cqe(&engine->ring, head, cqe)
	{
		uring_on_completion(engine, cqe);
		n++;
	}
	io_uring_cq_advance(&engine->ring, n);
	uring_hand_over(engine);
}

static bool uring_has_work(const struct uring_engine *engine)
{
	return IO_URING_READ_ONCE(*engine->ring.sq.kflags) & IORING_SQ_TASKRUN;
}

/* What has come out of the sockets since the last time.  The kernel does only
 * a part (20 pieces of work, in Linux 6.12 and later) each time that it is
 * asked. */
static int uring_receive(struct uring_engine *engine)
{
	int error;

	do
		error = io_uring_get_events(&engine->ring);
	while (error >= 0 && uring_has_work(engine) &&
	       io_uring_cq_ready(&engine->ring) < N_BUFFERS);
	return error;
}

/* Where traffic is dense, not in io_uring_enter: a process that is killed there
 * takes what waits for it into its buffers, and these packets die with it.
 * Asleep here it leaves them to its successor. */
static int uring_gather(struct uring_engine *engine, uint64_t wait_us)
{
	struct timespec patience = {
		.tv_sec = (time_t)(wait_us / USEC_PER_SEC),
		.tv_nsec = (long)(wait_us % USEC_PER_SEC * 1000),
	};

	nanosleep(&patience, NULL);
	return uring_receive(engine);
}

static int uring_wait(struct uring_engine *engine, uint64_t wait_us)
{
	struct __kernel_timespec patience = {
		.tv_sec = (int64_t)(wait_us / USEC_PER_SEC),
		.tv_nsec = (long long)(wait_us % USEC_PER_SEC * 1000),
	};
	struct io_uring_cqe *first;

	return io_uring_wait_cqes(&engine->ring, &first, 1, &patience, NULL);
}

static int uring_turn(void *state, const struct engine_wait *wait)
{
	struct uring_engine *engine = state;
	int error;

	uring_submit(engine);
	if (engine->error)
		return engine->error;
	/* Refused submissions (a full completion queue) still own their bytes
	 * and go with the next turn. */
	if (io_uring_sq_ready(&engine->ring) == 0)
		uring_release_held(engine);
	error = wait->min_packets > 1 ? uring_gather(engine, wait->wait_us)
				      : uring_wait(engine, wait->wait_us);
	if (error < 0 && error != -ETIME && error != -EINTR && error != -EAGAIN)
		return error;
	uring_drain_queue(engine);
	return 0;
}

const struct engine_kind engine_uring = {
	.name = "uring",
	.open = uring_open,
	.close = uring_close,
	.add = uring_add,
	.remove = uring_remove,
	.watch = uring_watch,
	.unwatch = uring_unwatch,
	.send = uring_send,
	.turn = uring_turn,
};
