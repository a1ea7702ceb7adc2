/* SPDX-License-Identifier: Apache-2.0
 *
 * See ports.h.  Called by offers.c, stream.c and inbox.c.
 * Trap: both sides may have the same media address; then a port bound for one
 * is in use for the other, which the kernel's EADDRINUSE tells.
 */

#include "media/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/messages.h"

#define BIND_TRIES                                                             \
	64 /* candidates a call may look at: others use the range              \
	    */

int pairs_init(struct pairs *pairs, unsigned max, struct channel *master)
{
	*pairs = (struct pairs){.max = max, .n_free = max, .master = master};
	pairs->by_id = calloc(max, sizeof(*pairs->by_id));
	pairs->free_ids = calloc(max, sizeof(*pairs->free_ids));
	if (!pairs->by_id || !pairs->free_ids) {
		pairs_done(pairs);
		return -ENOMEM;
	}
	/* Low ids first: dense tables. */
	for (unsigned i = 0; i < max; i++)
		pairs->free_ids[i] = max - 1 - i;
	return 0;
}

void pairs_done(struct pairs *pairs)
{
	free(pairs->by_id);
	free(pairs->free_ids);
	*pairs = (struct pairs){0};
}

static struct pair *pair_new(struct pairs *pairs)
{
	struct pair *pair;

	if (pairs->n_free == 0)
		return NULL;
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return NULL;
	pair->id = pairs->free_ids[--pairs->n_free];
	pair->fd[0] = pair->fd[1] = -1;
	pairs->by_id[pair->id] = pair;
	return pair;
}

static struct pair *pair_free(struct pairs *pairs, struct pair *pair)
{
	pair_close(pair);
	pairs->by_id[pair->id] = NULL;
	pairs->free_ids[pairs->n_free++] = pair->id;
	free(pair);
	return NULL;
}

void pair_tell(struct pairs *pairs, const struct pair *pair,
	       enum message message)
{
	for (unsigned i = 0; i < 2; i++) {
		struct message_rtp_socket note = {
			.slot = pair->slot,
			.side = pair->side,
			.port = (uint16_t)(addr_port(&pair->local) + i),
		};

		if (pairs->master)
			channel_send(pairs->master, message, &note,
				     message == MESSAGE_HOLD_RTP ? pair->fd[i]
								 : -1);
	}
}

static struct pair **ports_place(const struct ports *ports, uint8_t side,
				 uint16_t port)
{
	return &ports->by_port[side][port / 2];
}

int ports_init(struct ports *ports, unsigned slot, struct pairs *pairs)
{
	*ports = (struct ports){.slot = slot, .n_slots = 1, .pairs = pairs};
	for (unsigned side = 0; side < N_SIDES; side++) {
		ports->by_port[side] =
			calloc(PORT_PAIRS, sizeof(*ports->by_port[side]));
		if (!ports->by_port[side]) {
			ports_done(ports, false);
			return -ENOMEM;
		}
	}
	return 0;
}

static void ports_drop(struct ports *ports, struct pair *pair, bool is_released)
{
	*ports_place(ports, pair->side, addr_port(&pair->local)) = NULL;
	pair_close(pair);
	if (is_released)
		pair_tell(ports->pairs, pair, MESSAGE_RELEASE_RTP);
	pair_free(ports->pairs, pair);
}

void ports_done(struct ports *ports, bool is_released)
{
	for (unsigned side = 0; side < N_SIDES; side++) {
		for (unsigned i = 0; ports->by_port[side] && i < PORT_PAIRS;
		     i++)
			if (ports->by_port[side][i])
				ports_drop(ports, ports->by_port[side][i],
					   is_released);
		free(ports->by_port[side]);
	}
	*ports = (struct ports){0};
}

uint16_t port_start(const struct port_range *range, unsigned slot,
		    unsigned n_slots)
{
	unsigned width = (unsigned)range->max - range->min;
	unsigned share = width / (n_slots ? n_slots : 1);
	unsigned first = range->min + (slot - 1) * share % (width + 1);

	return (uint16_t)port_after(range, (uint16_t)(first - 1));
}

uint16_t port_after(const struct port_range *range, uint16_t port)
{
	unsigned next = ((unsigned)port + 2) & ~1u;

	/* Its RTCP port must lie in the range, too. */
	if (next + 1 > range->max || next < range->min)
		next = (range->min + 1u) & ~1u;
	return (uint16_t)next;
}

void ports_set_range(struct ports *ports, const struct port_range *range,
		     unsigned n_slots)
{
	ports->range = *range;
	ports->n_slots = n_slots ? n_slots : 1;
	for (unsigned side = 0; side < N_SIDES; side++) {
		ports->next[side] = port_start(range, ports->slot, n_slots);
		ports->n_refused[side] = 0;
	}
}

static unsigned ports_in_range(const struct ports *ports)
{
	return (ports->range.max - ports->range.min + 1u) / 2;
}

unsigned ports_fair_part(const struct ports *ports, unsigned n_rings)
{
	unsigned of_range =
		ports_in_range(ports) / 2 / ports->n_slots / n_rings;
	unsigned of_pairs =
		ports->pairs->max / 2 / (ports->n_slots + 1) / n_rings;
	unsigned part = of_range < of_pairs ? of_range : of_pairs;

	return part ? part : 1;
}

struct pair *ports_find(const struct ports *ports, uint8_t side, uint16_t port)
{
	return side < N_SIDES ? *ports_place(ports, side, port) : NULL;
}

int ports_adopt(struct ports *ports, uint8_t side, uint16_t port, int fd)
{
	struct pair *pair = ports_find(ports, side, port);
	struct addr local = {0};
	socklen_t len = sizeof(local);

	if (side >= N_SIDES || getsockname(fd, &local.sa, &len) < 0 ||
	    addr_port(&local) != port) {
		close(fd);
		return -EINVAL;
	}
	if (!pair)
		pair = pair_new(ports->pairs);
	if (!pair || pair->fd[port % 2] >= 0) {
		close(fd);
		return pair ? -EEXIST : -ENOMEM;
	}
	pair->local = local;
	addr_set_port(&pair->local, port & 0xfffe);
	pair->slot = (uint8_t)ports->slot;
	pair->side = side;
	pair->fd[port % 2] = fd;
	*ports_place(ports, side, port) = pair;
	return 0;
}

void ports_adopted(struct ports *ports)
{
	for (unsigned side = 0; side < N_SIDES; side++)
		for (unsigned i = 0; i < PORT_PAIRS; i++) {
			struct pair *pair = ports->by_port[side][i];

			if (!pair || pair->state != PAIR_INCOMPLETE)
				continue;
			if (pair->fd[0] < 0 || pair->fd[1] < 0)
				ports_drop(ports, pair, true);
			else
				ports_rest(ports, pair, 0);
		}
}

void ports_avoid(struct ports *ports, uint16_t port)
{
	ports->avoided[port / 16] |= (uint8_t)(1u << port / 2 % 8);
}

static bool ports_is_avoided(const struct ports *ports, uint16_t port)
{
	return ports->avoided[port / 16] & 1u << port / 2 % 8;
}

static int ports_bind(struct ports *ports, uint8_t side,
		      const struct addr *local, struct pair **ret_pair)
{
	struct pair *pair = pair_new(ports->pairs);
	int error;

	if (!pair)
		return -EMFILE;
	pair->local = *local;
	pair->slot = (uint8_t)ports->slot;
	pair->side = side;
	error = pair_bind(pair, ports->pairs->dscp);
	if (error) {
		pair_free(ports->pairs, pair);
		return error;
	}
	*ports_place(ports, side, addr_port(local)) = pair;
	pair_tell(ports->pairs, pair, MESSAGE_HOLD_RTP);
	*ret_pair = pair;
	return 0;
}

/* Bound by us, for this side or for the other one at the same address. */
static bool ports_has(const struct ports *ports, uint8_t side, uint16_t port)
{
	const struct addr *address = ports->range.address;

	if (ports_find(ports, side, port))
		return true;
	return addr_is_same_host(&address[0], &address[1]) &&
	       ports_find(ports, !side, port);
}

/* The next candidate that is nobody's that we know; 0 when there is none. After
 * a reload the search begins anew, among those that are. */
static uint16_t ports_next(struct ports *ports, uint8_t side)
{
	for (unsigned i = 0; i < PORT_PAIRS; i++) {
		uint16_t port = ports->next[side];

		ports->next[side] = port_after(&ports->range, port);
		if (!ports_has(ports, side, port) &&
		    !ports_is_avoided(ports, port))
			return port;
	}
	return 0;
}

/* A pair whose holding is not told yet dies with this process, though it may
 * lie in a ring: no more of them until the master reads. */
static bool ports_is_master_behind(const struct ports *ports)
{
	struct channel *master = ports->pairs->master;

	return master && channel_flush(master);
}

static struct pair *ports_bind_next(struct ports *ports, uint8_t side)
{
	struct addr local = ports->range.address[side];
	unsigned *n_refused = &ports->n_refused[side];
	struct pair *pair = NULL;
	int error = -EADDRINUSE;

	if (ports_are_used_up(ports, side))
		*n_refused = 0; /* once more from here */
	if (addr_is_none(&local) || ports_is_master_behind(ports))
		return NULL;
	for (unsigned i = 0; i < BIND_TRIES && error == -EADDRINUSE; i++) {
		uint16_t port = ports_next(ports, side);

		addr_set_port(&local, port);
		error = port ? ports_bind(ports, side, &local, &pair) : -EMFILE;
		*n_refused = error == -EADDRINUSE ? *n_refused + 1
			     : error		  ? ports_in_range(ports)
						  : 0;
	}
	return pair;
}

bool ports_are_used_up(const struct ports *ports, uint8_t side)
{
	return ports->n_refused[side] >= ports_in_range(ports);
}

struct pair *ports_get(struct ports *ports, uint8_t side, uint64_t now_us)
{
	struct pair *first = ports->resting[side].first;

	if (first &&
	    (first->since_us == 0 || now_us - first->since_us >= PORT_REST_US))
		return pair_pop(&ports->resting[side]);
	return ports_bind_next(ports, side);
}

int ports_get_exact(struct ports *ports, uint8_t side, const struct addr *local,
		    struct pair **ret_pair)
{
	struct pair *pair = ports_find(ports, side, addr_port(local));

	if (!pair)
		return side < N_SIDES ? ports_bind(ports, side, local, ret_pair)
				      : -EINVAL;
	if (pair->state == PAIR_RESTING)
		pair_unlink(&ports->resting[side], pair);
	*ret_pair = pair;
	return 0;
}

void ports_rest(struct ports *ports, struct pair *pair, uint64_t now_us)
{
	pair->state = PAIR_RESTING;
	pair->stream = NULL;
	pair->since_us = now_us;
	pair_push(&ports->resting[pair->side], pair);
}
