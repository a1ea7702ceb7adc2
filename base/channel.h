/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel between the master and a child: a SOCK_SEQPACKET pair that
 * carries the rows of base/messages.def, one message a packet, with the
 * descriptors of its row.  Never blocks: what the kernel does not take is
 * queued (the master) up to a bound, beyond which the peer counts as hung.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/messages.h"

struct channel;

/* A handler gets the payload (exactly the row's struct; checked) and the
 * descriptor (or -1), which it owns from then on.  Those of a row with FD_LIST
 * stand in the payload, and fd is -1. */
typedef void channel_handler(void *arg, const union message_payload *payload,
			     int fd);

struct inbox_row {
	enum message message;
	channel_handler *handler;
};

/* Takes ownership of fd (made non-blocking). */
struct channel *channel_new(int fd);
struct channel *channel_free(struct channel *channel);
int channel_fd(const struct channel *channel);
/* payload is copied; fd, or those that the payload of a row with FD_LIST names,
 * stay the caller's (they are duplicated by the kernel).
 * 0, or -EPIPE when the peer is gone, or -ENOBUFS when the queue is full. */
int channel_send(struct channel *channel, enum message message,
		 const void *payload, int fd);
/* Sends what is queued; true while something is left (watch for LOOP_WRITE). */
bool channel_flush(struct channel *channel);
/* Reads every message that is there and calls the handler of its row in
 * `inbox` (terminated by MESSAGE_NONE).  A message with no row or of a wrong
 * size is dropped, its descriptor closed, and counted in *ret_strange.
 * 0, or -EPIPE at end of file. */
int channel_read(struct channel *channel, const struct inbox_row *inbox,
		 void *arg, unsigned *ret_strange);

#endif
