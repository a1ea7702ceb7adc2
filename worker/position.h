/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a TCP connection really got, by the kernel's own account: what an
 * heir compares with the committed stream record (DESIGN 3, exact streams).
 */
#ifndef WORKER_POSITION_H
#define WORKER_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct position {
	uint64_t consumed; /* bytes of the peer's that were read */
	uint64_t written;  /* bytes of ours that were written */
};

enum position_state {
	POSITION_CONNECTING,
	POSITION_OPEN,
	POSITION_CLOSED
};

enum position_state position_state(int fd);
/* Are these bytes, which were looked at and not read, the last that come?  Then
 * the peer has closed, and waiting for more would never end. */
bool position_is_last(int fd, size_t n_bytes);
/* Of a connection that was made; is_outgoing: by our connect. */
struct position position_measure(int fd, bool is_outgoing);

#endif
