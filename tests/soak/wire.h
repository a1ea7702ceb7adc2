/* SPDX-License-Identifier: Apache-2.0
 *
 * One side's wire of soakgen: a UDP socket, or a TCP listener with all its
 * connections and one of our own to the pool, opened when it is needed and
 * again when it was lost.
 */
#ifndef TESTS_SOAK_WIRE_H
#define TESTS_SOAK_WIRE_H

#include <poll.h>

#include "base/addr.h"

#define WIRE_CONNECTIONS_MAX 128
#define WIRE_FDS_MAX	     (WIRE_CONNECTIONS_MAX + 1)

struct wire;

typedef void wire_take_fn(char *bytes, size_t len, void *arg);

/* NULL with errno set.  pool: where the pool listens to this side. */
struct wire *wire_open(bool is_tcp, const struct addr *own,
		       const struct addr *pool);
bool wire_is_tcp(const struct wire *wire);
const char *wire_own_text(const struct wire *wire);
const struct addr *wire_own(const struct wire *wire);
const struct addr *wire_pool(const struct wire *wire);
/* What to poll, into fds (room for WIRE_FDS_MAX); how many. */
unsigned wire_poll(const struct wire *wire, struct pollfd *fds);
/* Hands over every message that is there, finishes what is half done. */
void wire_take(struct wire *wire, wire_take_fn *fn, void *arg);
/* The connection of the message being taken; 0 over UDP. */
uint64_t wire_current(const struct wire *wire);
/* Sends on that connection, or, when it is 0 or gone, on our own to the pool.
 * Returns the number of the connection used, 0 over UDP. */
uint64_t wire_send(struct wire *wire, uint64_t connection, const char *bytes,
		   size_t len);
/* Every message from now on, with its time, for whoever looks for a mistake. */
int wire_trace(const char *path);
/* Does what was sent on it have a chance?  Always so over UDP (0). */
bool wire_is_alive(const struct wire *wire, uint64_t connection);
/* Connections that the other end closed. */
unsigned wire_lost(const struct wire *wire);

#endif
