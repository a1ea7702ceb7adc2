/* SPDX-License-Identifier: Apache-2.0
 *
 * The ports of one media slot: which pairs are bound, and which of them rest.
 * Ports are bound ahead of need, so that a signalling worker can put one into
 * SDP without asking and without a bind that fails later (DESIGN 5).
 *
 *          bind                offer              take            wish
 *   (range) ──▶ RESTING ────────▶ OFFERED ────────▶ TAKEN ────────▶ IN_USE
 *                  ▲  not before PORT_REST_US         │ in no record   │ wish
 *                  └──────────────────────────────────┴────────────────┘ ends
 *
 * A pair stays bound while the slot lives; the master holds duplicates.
 */
#ifndef MEDIA_PORTS_H
#define MEDIA_PORTS_H

#include "base/channel.h"
#include "media/pair.h"

#define PORT_REST_US 2000000ull /* so that late packets die before reuse */
#define N_SIDES	     2		/* enum listener_side */
#define PORT_PAIRS   32768	/* of an address */

/* Every pair of the process, by id: its sockets' names in the engine. */
struct pairs {
	struct pair **by_id;
	uint32_t *free_ids;
	unsigned n_free, max;
	struct channel *master; /* not owned; told what to hold */
	unsigned dscp;
};

int pairs_init(struct pairs *pairs, unsigned max, struct channel *master);
void pairs_done(struct pairs *pairs);
/* HOLD_RTP or RELEASE_RTP for both sockets, if there is a master. */
void pair_tell(struct pairs *pairs, const struct pair *pair,
	       enum message message);

/* Where new pairs are bound. */
struct port_range {
	uint16_t min, max;
	struct addr address[N_SIDES]; /* media_address; port unused */
};

struct ports {
	unsigned slot;
	struct pairs *pairs; /* not owned */
	struct port_range range;
	unsigned n_slots;	/* that share range and, one day, one process */
	uint16_t next[N_SIDES]; /* candidate; slots begin at different places */
	unsigned n_refused[N_SIDES]; /* candidates in a row that were in use */
	struct pair **by_port[N_SIDES]; /* by port / 2 */
	struct pair_queue resting[N_SIDES];
	uint8_t avoided[PORT_PAIRS / 8]; /* bit by port / 2: never bound anew */
};

int ports_init(struct ports *ports, unsigned slot, struct pairs *pairs);
/* Closes all; with is_released the master is told to let go, too. */
void ports_done(struct ports *ports, bool is_released);
/* A (new) range; n_slots share it. */
void ports_set_range(struct ports *ports, const struct port_range *range,
		     unsigned n_slots);
/* How many pairs one of n_rings may offer, of the range and of the process's
 * descriptors, so that no book and no side of it can starve the others, nor a
 * book that comes later: half the range is for calls and for that.  When all
 * slots but one are retired, one process serves what all of them hold: what
 * lies in the rings is never more than three quarters of its pairs. */
unsigned ports_fair_part(const struct ports *ports, unsigned n_rings);
/* The first candidate of this slot: even, within the range. */
uint16_t port_start(const struct port_range *range, unsigned slot,
		    unsigned n_slots);
/* The even port after this one, around the range's end. */
uint16_t port_after(const struct port_range *range, uint16_t port);

/* A socket that the master held for this slot; owns fd from then on.  -EEXIST,
 * -EINVAL: closed. */
int ports_adopt(struct ports *ports, uint8_t side, uint16_t port, int fd);
/* After the last ports_adopt: halves are closed, whole pairs rest. */
void ports_adopted(struct ports *ports);
/* This port (and the next) are named by somebody who has not bound them yet: a
 * record of another slot, a record or ring entry of ours that found them busy.
 * They are not bound but by name. */
void ports_avoid(struct ports *ports, uint16_t port);
struct pair *ports_find(const struct ports *ports, uint8_t side, uint16_t port);
/* One that has rested, else a newly bound one; NULL: neither is to be had now.
 * It is in no queue then: the caller's. */
struct pair *ports_get(struct ports *ports, uint8_t side, uint64_t now_us);
/* After NULL: has the whole range been looked at?  Else the next ports_get goes
 * on where this one left off. */
bool ports_are_used_up(const struct ports *ports, uint8_t side);
/* This very port, which a record names: found, else bound.  It leaves the
 * resting queue.  0 or -errno. */
int ports_get_exact(struct ports *ports, uint8_t side, const struct addr *local,
		    struct pair **ret_pair);
void ports_rest(struct ports *ports, struct pair *pair, uint64_t now_us);

#endif
