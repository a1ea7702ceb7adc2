/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings: mmap'd files of one producer and one consumer, under
 * run_dir/state/rings.  Two kinds share the header: message rings (HANDOVER
 * between books, doorbell notes to media workers) carry entries of any length;
 * port rings carry free media ports.  Positions only grow and survive both
 * ends' deaths.
 *
 *   handover-I-J  from book I to book J        (ring_open with RING_HANDOVER)
 *   look-I-M      from book I to media slot M  (call ids)
 *   told-M-I      from media slot M to book I  (ids of calls whose media died)
 *   ports-internal-M-I, ports-gateway-M-I
 *                 from media slot M to book I  (struct ring_port of that side)
 *   ports-back-…  is not needed: a port comes back when the media worker has
 *                 echoed the end of its stream
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdatomic.h>

#include "shm/schema.h"

struct ring;

enum ring_kind {
	RING_HANDOVER,
	RING_LOOK,
	RING_TOLD,
	/* one ring for each side: RING_PORTS_INTERNAL + enum listener_side, so
	 * that a book takes a port of the side that it needs, and no other */
	RING_PORTS_INTERNAL,
	RING_PORTS_GATEWAY
};

/* Made by the master for every pair before the slots start; from/to are slot
 * indices.  size is a power of two. */
int ring_create(const char *run_dir, enum ring_kind kind, unsigned from,
		unsigned to, size_t size);
/* Maps it; producers and consumers alike.  -ENOENT. */
int ring_open(const char *run_dir, enum ring_kind kind, unsigned from,
	      unsigned to, struct ring **ret_ring);
struct ring *ring_close(struct ring *ring);

/* Producer.  Entries become visible at ring_publish, all at once.  -ENOSPC
 * when it does not fit now, -EMSGSIZE when it never will (more than half the
 * ring): nothing was put. */
int ring_put(struct ring *ring, const struct slice *parts, unsigned n_parts);
void ring_publish(struct ring *ring);
/* Position after the last published entry: the heir's "written". */
uint64_t ring_published(const struct ring *ring);
/* Position after the last entry that was put, published or not: what a book
 * commits, so that its heir can publish what the commit made true. */
uint64_t ring_written(const struct ring *ring);
/* An heir, before it puts anything: publishes what its predecessor had put up
 * to `written` and did not live to publish; the bytes stand in the ring.  False
 * when there is nothing of the kind. */
bool ring_resume(struct ring *ring, uint64_t written);
/* Bytes of the longest entry that ring_put would take now. */
uint64_t ring_room(const struct ring *ring);
/* Position up to which the consumer is done (its last ring_release): what was
 * published before it is taken and committed, or dropped for good.  By this the
 * media worker tells ports that are still on offer from those that are not;
 * so whoever takes a port commits it, or gives it up, in the same turn. */
uint64_t ring_released(const struct ring *ring);
/* After ring_publish: does the consumer sleep, so that its doorbell must be
 * rung?  (Consumers call ring_sleep before they wait.) */
bool ring_wants_bell(struct ring *ring);

/* Consumer.  Reads the entry at the cursor (which lives in this process and
 * begins at the tail) and moves the cursor, not the tail: -EAGAIN when there
 * is none; -EPROTO when it is torn (cursor skips to what is published).  The
 * slice points into the ring and is valid until ring_release.  *ret_position
 * is the position after the entry: what the book commits as taken, and what
 * ring_rewind wants. */
int ring_take(struct ring *ring, struct slice *ret_entry,
	      uint64_t *ret_position);
/* After the commit: the tail moves to the cursor. */
void ring_release(struct ring *ring);
/* Puts the cursor back to the tail (an heir, or a turn that failed), but not
 * before `position`, which the book has committed. */
void ring_rewind(struct ring *ring, uint64_t position);
/* Before waiting: ring_sleep(true), then look at ring_is_empty once more, then
 * wait; after it: ring_sleep(false).  Either this look sees an entry or its
 * producer sees the sleeper (both sides fence), so no bell is lost. */
void ring_sleep(struct ring *ring, bool is_asleep);
bool ring_is_empty(const struct ring *ring);

struct ring_port {
	uint16_t port; /* RTP; RTCP is port + 1 */
	uint8_t side;  /* enum listener_side */
	uint8_t pad;
};

/* HANDOVER entry: this head, then the message. */
enum handover_kind {
	HANDOVER_DATAGRAM, /* a UDP message that belongs to your book */
	HANDOVER_STREAM,   /* the same, of a connection of mine at an offset */
	HANDOVER_SEND,	   /* write this on connection, which is yours */
	HANDOVER_ASK,	   /* the bucket moved: do you know this INVITE? */
	HANDOVER_LOST,	   /* connection is gone: fail what waits on it */
	N_HANDOVERS
};

struct handover {
	uint8_t kind; /* enum handover_kind */
	uint8_t transport;
	uint16_t listener;
	uint32_t len;
	struct addr source;
	uint32_t n_asked; /* ASK: books that were asked, this one included */
	uint64_t connection, offset;
};

#endif
