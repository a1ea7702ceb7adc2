/* SPDX-License-Identifier: Apache-2.0
 *
 * See offers.h.  Called by books.c.
 * Trap: the consumer moves the ring's tail after the commit that took the port
 * (shm/ring.h), so a pair behind the tail is in a record or nobody's; a wish
 * may nevertheless be seen before the tail moves.
 */

#include "media/offers.h"

#include <errno.h>
#include <string.h>

static void offers_add(struct offer *offer, struct pair *pair, unsigned book,
		       uint64_t ring_at)
{
	pair->state = PAIR_OFFERED;
	pair->book = (uint8_t)book;
	pair->ring_at = ring_at;
	pair_insert(&offer->offered, pair);
}

/* The pair that a ring entry of a former life names, taken out of its queue. */
static int offers_pair(struct served *served, unsigned side, struct slice entry,
		       struct pair **ret_pair)
{
	struct addr local = served->ports.range.address[side];
	struct ring_port port;
	struct pair *pair;
	int error;

	if (entry.len != sizeof(port))
		return -EPROTO;
	memcpy(&port, entry.ptr, sizeof(port));
	addr_set_port(&local, port.port);
	error = ports_get_exact(&served->ports, (uint8_t)side, &local, &pair);
	if (error == -EADDRINUSE) /* nor bound as a new one: it lies here */
		ports_avoid(&served->ports, port.port);
	if (error)
		return error;
	if (pair->state != PAIR_INCOMPLETE && pair->state != PAIR_RESTING)
		return -EEXIST; /* a stream's, or reserved by a record */
	*ret_pair = pair;
	return 0;
}

/* A pair that we have is on offer from now on, not when offers_resume comes: if
 * a call takes it in between, neither the ring nor the records that were read
 * tell of it any more, and it would be offered to another one. */
static void offers_foresee_entry(struct served *served, unsigned book,
				 unsigned side, struct slice entry,
				 uint64_t position)
{
	struct offer *offer = &served->link[book].offer[side];
	struct ring_port port;
	struct pair *pair;

	if (entry.len != sizeof(port))
		return;
	memcpy(&port, entry.ptr, sizeof(port));
	if (!ports_find(&served->ports, (uint8_t)side, port.port))
		ports_avoid(&served->ports, port.port);
	else if (offers_pair(served, side, entry, &pair) == 0)
		offers_add(offer, pair, book, position);
}

void offers_foresee(struct served *served, unsigned book)
{
	for (unsigned side = 0; side < N_SIDES; side++) {
		struct offer *offer = &served->link[book].offer[side];
		struct slice entry;
		uint64_t position;

		while (offer->ring &&
		       ring_take(offer->ring, &entry, &position) == 0)
			offers_foresee_entry(served, book, side, entry,
					     position);
	}
}

/* The end of a pass: the next begins at the first port that was busy. */
static void offers_pass(struct offer *offer)
{
	offer->is_known = true;
	offer->is_resumed = !offer->has_busy;
	offer->resumed_at = offer->busy_at;
	offer->has_busy = false;
}

/* Mostly the sockets are there; not after the whole pool's death. */
static void offers_resume_side(struct served *served, unsigned book,
			       unsigned side, uint64_t now_us)
{
	struct offer *offer = &served->link[book].offer[side];
	bool may_wait = now_us < served->busy_until_us;
	struct slice entry;
	struct pair *pair;
	uint64_t position;

	ring_rewind(offer->ring, offer->resumed_at);
	for (unsigned n = 0; n < OFFERS_RESUMED_A_ROUND; n++) {
		int error = ring_take(offer->ring, &entry, &position);

		if (error) { /* -EAGAIN, or torn, then the rest is skipped */
			offers_pass(offer);
			return;
		}
		error = offers_pair(served, side, entry, &pair);
		if (error == -EADDRINUSE && may_wait && !offer->has_busy) {
			offer->has_busy = true;
			offer->busy_at = offer->resumed_at;
		}
		offer->resumed_at = position;
		if (error == 0)
			offers_add(offer, pair, book, position);
	}
}

bool offers_resume(struct served *served, unsigned book, uint64_t now_us)
{
	bool is_all = true;

	for (unsigned side = 0; side < N_SIDES; side++) {
		struct offer *offer = &served->link[book].offer[side];

		if (offer->ring && !offer->is_resumed)
			offers_resume_side(served, book, side, now_us);
		is_all = is_all && (!offer->ring || offer->is_known);
	}
	return is_all;
}

static void offers_settle(struct book_link *link, struct offer *offer,
			  uint64_t now_us)
{
	uint64_t released = ring_released(offer->ring);

	while (offer->offered.first &&
	       offer->offered.first->ring_at <= released) {
		struct pair *pair = pair_pop(&offer->offered);

		pair->state = PAIR_TAKEN;
		pair->since_us = now_us;
		pair_push(&link->taken, pair);
	}
}

static unsigned offers_limit(const struct served *served)
{
	unsigned n_rings = N_SIDES * (served->n_links ? served->n_links : 1);
	unsigned part = ports_fair_part(&served->ports, n_rings);

	return part < OFFERS_MAX ? part : OFFERS_MAX;
}

/* A ring that ran low between two rounds gets twice as many. */
static void offers_grow(const struct served *served, struct offer *offer)
{
	unsigned limit = offers_limit(served);

	if (offer->target == 0)
		offer->target = OFFERS_START;
	else if (offer->offered.n <= offer->target / 4)
		offer->target *= 2;
	if (offer->target > limit)
		offer->target = limit;
}

static int offers_put(struct served *served, struct offer *offer, unsigned book,
		      unsigned side, uint64_t now_us)
{
	struct pair *pair = ports_get(&served->ports, (uint8_t)side, now_us);
	struct ring_port port = {.side = (uint8_t)side};
	struct slice entry = {(const char *)&port, sizeof(port)};
	int error;

	if (!pair)
		return ports_are_used_up(&served->ports, (uint8_t)side)
			       ? -EMFILE
			       : -EAGAIN;
	port.port = addr_port(&pair->local);
	error = ring_put(offer->ring, &entry, 1);
	if (error) {
		ports_rest(&served->ports, pair, 0);
		return error;
	}
	ring_publish(offer->ring);
	offers_add(offer, pair, book, ring_published(offer->ring));
	return 0;
}

/* True: stopped by what may be done in a round. */
static bool offers_fill(struct served *served, struct offer *offer,
			unsigned book, unsigned side, uint64_t now_us)
{
	unsigned n = 0;
	int error;

	if (now_us < offer->retry_us)
		return false;
	offers_grow(served, offer);
	while (offer->offered.n < offer->target) {
		if (n++ == OFFERS_BINDS_A_ROUND)
			return true;
		error = offers_put(served, offer, book, side, now_us);
		if (error == -EAGAIN)
			return true;
		if (error) {
			offer->retry_us = now_us + OFFERS_RETRY_US;
			return false;
		}
	}
	return false;
}

bool offers_top_up(struct served *served, unsigned book, bool is_draining,
		   uint64_t now_us)
{
	struct book_link *link = &served->link[book];
	bool is_hungry = false;

	for (unsigned side = 0; side < N_SIDES; side++) {
		struct offer *offer = &link->offer[side];

		if (!offer->ring)
			continue;
		offers_settle(link, offer, now_us);
		if (!served->is_own || is_draining)
			continue;
		is_hungry |= offers_fill(served, offer, book, side, now_us);
	}
	return is_hungry;
}

bool offers_has_overdue(const struct served *served, unsigned book,
			uint64_t now_us)
{
	const struct pair *oldest = served->link[book].taken.first;

	return oldest && now_us - oldest->since_us >= OFFERS_RECLAIM_US;
}

unsigned offers_reclaim(struct served *served, unsigned book,
			uint64_t overdue_at_us, uint64_t now_us)
{
	struct pair_queue *taken = &served->link[book].taken;
	unsigned n = 0;

	while (taken->first &&
	       taken->first->since_us + OFFERS_RECLAIM_US <= overdue_at_us) {
		ports_rest(&served->ports, pair_pop(taken), now_us);
		n++;
	}
	return n;
}
