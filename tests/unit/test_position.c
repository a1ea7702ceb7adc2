/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a TCP connection stands, while its peer never rests.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/position.h"

#define ROUNDS 20000

static int outgoing, incoming; /* the two ends of a connection */
static pthread_t peer;
static atomic_bool is_over;

static void make_connection(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	outgoing = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(outgoing, (struct sockaddr *)&at, len), 0);
	incoming = accept(listener, NULL, NULL);
	cr_assert_geq(incoming, 0);
	close(listener);
	is_over = false;
}

static void close_connection(void)
{
	close(outgoing);
	close(incoming);
}

TestSuite(position, .init = make_connection, .fini = close_connection,
	  .timeout = 60);

/* Small pieces, so that something arrives between any two system calls. */
static void *write_for_ever(void *arg)
{
	(void)arg;
	while (!is_over)
		send(outgoing, "piece", 5, MSG_DONTWAIT | MSG_NOSIGNAL);
	return NULL;
}

static void *read_for_ever(void *arg)
{
	char buf[16];

	(void)arg;
	while (!is_over)
		recv(outgoing, buf, sizeof(buf), MSG_DONTWAIT);
	return NULL;
}

static void end_peer(void)
{
	is_over = true;
	pthread_join(peer, NULL);
}

Test(position, what_arrives_meanwhile_is_not_taken_for_read)
{
	char buf[7];
	uint64_t consumed = 0;

	pthread_create(&peer, NULL, write_for_ever, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct position at = position_measure(incoming, false);

		cr_assert_eq(at.consumed, consumed, "round %u: %lu, not %lu", i,
			     at.consumed, consumed);
		consumed += (uint64_t)recv(incoming, buf, sizeof(buf), 0);
	}
	end_peer();
}

Test(position, what_is_acknowledged_meanwhile_was_written_all_the_same)
{
	uint64_t written = 0;

	pthread_create(&peer, NULL, read_for_ever, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct position at;

		written += (uint64_t)send(incoming, "12345", 5, 0);
		at = position_measure(incoming, false);
		cr_assert_eq(at.written, written, "round %u: %lu, not %lu", i,
			     at.written, written);
	}
	end_peer();
}

Test(position, neither_our_syn_nor_the_peers_fin_is_a_byte)
{
	struct position at;

	send(outgoing, "three", 3, 0);
	cr_expect_eq(position_measure(outgoing, true).written, 3u);
	shutdown(outgoing, SHUT_WR);
	usleep(50000);
	at = position_measure(incoming, false);
	cr_expect_eq(at.consumed, 0u);
	cr_expect_eq(position_state(incoming), POSITION_OPEN);
}
