/* SPDX-License-Identifier: Apache-2.0
 *
 * What the master holds for a slot: duplicates of its book's plain TCP
 * connections, or of its RTP sockets, so that a worker's death closes nothing
 * and its successor gets them back.
 */
#ifndef MASTER_HOLDS_H
#define MASTER_HOLDS_H

#include "base/channel.h"
#include "master/handed.h"

struct hold; /* one descriptor with the message that it came by */

struct holds {
	struct hold *table; /* uthash; zeroed = empty */
	enum message give; /* CONNECTION or RTP_SOCKETS: how it is given back */
};

/* Takes ownership of fd in every case.  A key that is held already gets the
 * new descriptor.  -ENOTSOCK: the child sent something else, -ENOMEM. */
int holds_keep(struct holds *holds, uint64_t key,
	       const union message_payload *payload, int fd);
/* Closes our duplicate; harmless when it is not held. */
void holds_release(struct holds *holds, uint64_t key);
/* Sends those that were not sent under this epoch yet, oldest first, as many
 * as the channel takes.  0 when all are sent, -EAGAIN: again when the channel
 * has room, or -errno of channel_send. */
int holds_give(const struct holds *holds, uint32_t epoch,
	       struct channel *channel);
/* Names each for the program that replaces this one. */
void holds_hand_over(const struct holds *holds, hand_fn *hand, void *arg);
unsigned holds_count(const struct holds *holds);
void holds_done(struct holds *holds);

static inline uint64_t rtp_socket_key(const struct message_rtp_socket *rtp)
{
	return (uint64_t)rtp->side << 16 | rtp->port;
}

#endif
