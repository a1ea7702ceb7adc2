/* SPDX-License-Identifier: Apache-2.0
 *
 * Both engines behind one interface (media/engine*.c): every test runs on each
 * that this host permits.
 */
#include "media/engine.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_SOCKETS 8

struct seen {
	unsigned n_packets, n_oversize, n_failed, n_control;
	uint32_t socket, len;
	uint8_t first;
	struct addr source;
	int control_fd;
	bool is_control_wanted;
	struct engine *engine;
	const struct addr *echo_to; /* NULL: nothing is echoed */
};

struct bench {
	struct engine *engine;
	struct seen seen;
	int fd[N_SOCKETS];
	struct addr at[N_SOCKETS];
};

static void on_packets(void *arg, const struct engine_packet *packets,
		       unsigned n)
{
	struct seen *seen = arg;

	for (unsigned i = 0; i < n; i++) {
		seen->n_packets++;
		seen->socket = packets[i].socket;
		seen->len = packets[i].len;
		seen->first = packets[i].len ? packets[i].bytes[0] : 0;
		seen->source = *packets[i].source;
		if (seen->echo_to)
			engine_send(seen->engine,
				    &(struct engine_send){
					    .socket = packets[i].socket,
					    .len = packets[i].len,
					    .bytes = packets[i].bytes,
					    .to = seen->echo_to,
				    });
	}
}

static bool on_control(void *arg, int fd)
{
	struct seen *seen = arg;
	uint64_t rings;

	/* To be called in vain now and then is allowed. */
	if (read(fd, &rings, sizeof(rings)) == sizeof(rings))
		seen->n_control++;
	seen->control_fd = fd;
	return seen->is_control_wanted;
}

static void on_send_failed(void *arg, uint32_t socket, int error)
{
	struct seen *seen = arg;

	(void)socket;
	(void)error;
	seen->n_failed++;
}

static void on_oversize(void *arg, uint32_t socket)
{
	struct seen *seen = arg;

	(void)socket;
	seen->n_oversize++;
}

static int open_socket(struct addr *ret_at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*ret_at);

	*ret_at = (struct addr){0};
	addr_parse_host(SLICE("127.0.0.1"), 0, ret_at);
	cr_assert_eq(bind(fd, &ret_at->sa, addr_len(ret_at)), 0);
	cr_assert_eq(getsockname(fd, &ret_at->sa, &len), 0);
	return fd;
}

/* Skips the test where the host forbids this engine. */
static void bench_open(struct bench *bench, const char *name)
{
	struct engine_settings settings = {
		.name = name,
		.max_sockets = N_SOCKETS,
		.events = {.arg = &bench->seen,
			   .on_packets = on_packets,
			   .on_control = on_control,
			   .on_send_failed = on_send_failed,
			   .on_oversize = on_oversize},
	};
	int error;

	*bench = (struct bench){.seen.is_control_wanted = true};
	error = engine_new(&settings, &bench->engine);
	if (error && strcmp(name, "uring") == 0)
		cr_skip_test("io_uring is not permitted here");
	cr_assert_eq(error, 0);
	cr_assert_str_eq(engine_name(bench->engine), name);
	bench->seen.engine = bench->engine;
	for (unsigned i = 0; i < N_SOCKETS; i++)
		bench->fd[i] = open_socket(&bench->at[i]);
}

static void bench_close(struct bench *bench)
{
	engine_free(bench->engine);
	for (unsigned i = 0; i < N_SOCKETS; i++)
		close(bench->fd[i]);
}

static void throw_at(const struct bench *bench, unsigned from, unsigned to,
		     const void *bytes, size_t len)
{
	cr_assert_eq(sendto(bench->fd[from], bytes, len, 0, &bench->at[to].sa,
			    addr_len(&bench->at[to])),
		     (ssize_t)len);
}

static void turns(struct bench *bench, unsigned n)
{
	struct engine_wait wait = {.wait_us = 5000, .min_packets = 1};

	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(engine_turn(bench->engine, &wait), 0);
}

static char engine_words[2][8] = {"epoll", "uring"};

static struct criterion_test_params both_engines(void)
{
	return cr_make_param_array(char[8], engine_words, 2);
}

#define EngineTest(what)                                                       \
	ParameterizedTestParameters(engine, what)                              \
	{                                                                      \
		return both_engines();                                         \
	}                                                                      \
	ParameterizedTest(char(*name)[8], engine, what)

EngineTest(hands_over_what_came_with_its_source)
{
	struct bench bench;

	bench_open(&bench, *name);
	cr_assert_eq(engine_add(bench.engine, 3, bench.fd[3]), 0);
	throw_at(&bench, 0, 3, "hello", 5);
	turns(&bench, 2);
	cr_expect_eq(bench.seen.n_packets, 1);
	cr_expect_eq(bench.seen.socket, 3);
	cr_expect_eq(bench.seen.len, 5);
	cr_expect_eq(bench.seen.first, 'h');
	cr_expect(addr_is_same(&bench.seen.source, &bench.at[0]));
	bench_close(&bench);
}

EngineTest(sends_on_from_the_socket_that_is_named)
{
	struct bench bench;
	struct addr from = {0};
	socklen_t len = sizeof(from);
	char bytes[16];

	bench_open(&bench, *name);
	cr_assert_eq(engine_add(bench.engine, 1, bench.fd[1]), 0);
	bench.seen.echo_to = &bench.at[7];
	throw_at(&bench, 0, 1, "there", 5);
	turns(&bench, 3);
	cr_expect_eq(recvfrom(bench.fd[7], bytes, sizeof(bytes), MSG_DONTWAIT,
			      &from.sa, &len),
		     5);
	cr_expect(addr_is_same(&from, &bench.at[1]));
	cr_expect_eq(memcmp(bytes, "there", 5), 0);
	bench_close(&bench);
}

EngineTest(survives_bursts_larger_than_its_buffers)
{
	const struct engine_wait at_once = {.wait_us = 0, .min_packets = 1};
	const unsigned n = 3000, step = 50;
	struct bench bench;

	bench_open(&bench, *name);
	for (uint32_t i = 1; i < 4; i++)
		cr_assert_eq(engine_add(bench.engine, i, bench.fd[i]), 0);
	bench.seen.echo_to = &bench.at[7];
	for (unsigned i = 0; i < n; i++) {
		throw_at(&bench, 0, 1 + i % 3, "burst", 5);
		for (unsigned turn = 0; i % step == 0 && turn < step; turn++)
			cr_assert_eq(engine_turn(bench.engine, &at_once), 0);
	}
	turns(&bench, step);
	cr_expect_eq(bench.seen.n_packets, n, "%u", bench.seen.n_packets);
	bench_close(&bench);
}

EngineTest(a_removed_socket_is_silent_and_can_be_added_again)
{
	struct bench bench;

	bench_open(&bench, *name);
	cr_assert_eq(engine_add(bench.engine, 2, bench.fd[2]), 0);
	turns(&bench, 1);
	engine_remove(bench.engine, 2);
	engine_remove(bench.engine, 2);
	throw_at(&bench, 0, 2, "lost", 4);
	turns(&bench, 3);
	cr_expect_eq(bench.seen.n_packets, 0);
	cr_assert_eq(engine_add(bench.engine, 2, bench.fd[4]), 0);
	throw_at(&bench, 0, 4, "found", 5);
	turns(&bench, 3);
	cr_expect_eq(bench.seen.n_packets, 1);
	cr_expect_eq(bench.seen.first, 'f');
	bench_close(&bench);
}

EngineTest(a_datagram_that_is_too_long_is_told_and_dropped)
{
	static uint8_t bytes[ENGINE_PACKET_MAX + 500];
	struct bench bench;

	bench_open(&bench, *name);
	cr_assert_eq(engine_add(bench.engine, 0, bench.fd[0]), 0);
	throw_at(&bench, 1, 0, bytes, sizeof(bytes));
	throw_at(&bench, 1, 0, bytes, ENGINE_PACKET_MAX + 1);
	throw_at(&bench, 1, 0, bytes, ENGINE_PACKET_MAX);
	turns(&bench, 5);
	cr_expect_eq(bench.seen.n_oversize, 2);
	cr_expect_eq(bench.seen.n_packets, 1);
	cr_expect_eq(bench.seen.len, ENGINE_PACKET_MAX);
	bench_close(&bench);
}

EngineTest(an_empty_datagram_is_one_too)
{
	struct bench bench;

	bench_open(&bench, *name);
	cr_assert_eq(engine_add(bench.engine, 0, bench.fd[0]), 0);
	throw_at(&bench, 1, 0, "", 0);
	throw_at(&bench, 1, 0, "x", 1);
	turns(&bench, 4);
	cr_expect_eq(bench.seen.n_packets, 2);
	cr_expect_eq(bench.seen.first, 'x');
	bench_close(&bench);
}

EngineTest(a_failed_send_is_told)
{
	struct addr multicast = {0};
	struct bench bench;

	bench_open(&bench, *name);
	/* A datagram longer than UDP allows cannot be sent. */
	static uint8_t bytes[70000];

	cr_assert_eq(engine_add(bench.engine, 0, bench.fd[0]), 0);
	addr_parse(SLICE("127.0.0.1:9"), 0, &multicast);
	engine_send(bench.engine, &(struct engine_send){.socket = 0,
							.len = sizeof(bytes),
							.bytes = bytes,
							.to = &multicast});
	turns(&bench, 2);
	cr_expect_eq(bench.seen.n_failed, 1);
	bench_close(&bench);
}

EngineTest(a_bell_is_heard_each_time_until_it_is_not_wanted)
{
	struct bench bench;
	int bell = eventfd(0, EFD_NONBLOCK);

	bench_open(&bench, *name);
	cr_assert_eq(engine_watch(bench.engine, bell), 0);
	turns(&bench, 1);
	cr_expect_eq(bench.seen.n_control, 0);
	for (unsigned i = 1; i < 4; i++) {
		bench.seen.is_control_wanted = i < 3;
		eventfd_write(bell, 1);
		turns(&bench, 3);
		cr_expect_eq(bench.seen.n_control, i);
		cr_expect_eq(bench.seen.control_fd, bell);
	}
	eventfd_write(bell, 1);
	turns(&bench, 3);
	cr_expect_eq(bench.seen.n_control, 3, "no longer watched");
	bench_close(&bench);
	close(bell);
}

Test(engine, a_name_that_nobody_has_is_refused)
{
	struct engine_settings settings = {.name = "carrier-pigeon",
					   .max_sockets = 1};
	struct engine *engine;

	cr_expect_eq(engine_new(&settings, &engine), -EINVAL);
}

Test(engine, without_a_name_the_best_one_is_taken)
{
	struct engine_settings settings = {.name = "", .max_sockets = 8};
	struct engine *engine;

	cr_assert_eq(engine_new(&settings, &engine), 0);
	engine_free(engine);
}
