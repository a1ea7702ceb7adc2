/* SPDX-License-Identifier: Apache-2.0
 *
 * One side's wire of sipgen: a UDP socket with recvmmsg and sendmmsg, or one
 * TCP connection with the system under test (the caller connects, the callee
 * is connected to).
 */
#ifndef TESTS_BENCH_SIPGEN_WIRE_H
#define TESTS_BENCH_SIPGEN_WIRE_H

#include <poll.h>

#include "base/addr.h"

struct wire;

typedef void wire_take_fn(char *bytes, size_t len, void *arg);

/* NULL with errno set.  is_caller: connects over TCP. */
struct wire *wire_open(bool is_tcp, const struct addr *own,
		       const struct addr *sut, bool is_caller);
/* What to poll for input, into fds (room for WIRE_FDS_MAX); how many. */
#define WIRE_FDS_MAX 17
unsigned wire_poll(const struct wire *wire, struct pollfd *fds);
/* Over TCP: the connection of the message being taken, which answers go to;
 * and its choice for what is sent later. */
unsigned wire_current(const struct wire *wire);
void wire_select(struct wire *wire, unsigned stream);
const struct addr *wire_own(const struct wire *wire);
/* Queues a message; a full queue is flushed first. */
void wire_put(struct wire *wire, const char *bytes, size_t len);
void wire_flush(struct wire *wire);
/* Hands over every message that is there. */
void wire_take(struct wire *wire, wire_take_fn *fn, void *arg);

#endif
