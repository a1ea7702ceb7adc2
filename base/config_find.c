/* SPDX-License-Identifier: Apache-2.0
 *
 * Look-ups in a finished configuration.  Workers ask them for every packet
 * and call, so each is a hash or a binary search; config_make_indexes builds
 * what they need, and makes the order of routes and of trunks by gateway.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define LENGTHS_MAX (33 + 129) /* prefix lengths of IPv4 and IPv6 */
#define KEY_MAX	    24
#define NONE	    UINT_MAX

/* Peers that share a key, in file order. */
struct link {
	unsigned peer;
	unsigned next; /* or NONE */
};

struct table {
	struct names *heads; /* key -> first link */
	struct link *links;
	unsigned n_links;
};

/* By whom an address is used, on one side. */
struct config_sources {
	struct table exact, hosts, prefixes;
	struct {
		uint8_t family; /* 4 or 6 */
		uint8_t bits;
	} lengths[LENGTHS_MAX]; /* that occur */
	unsigned n_lengths;
};

static struct config_memory *memory(const struct config *config)
{
	return config->arena;
}

/* ---- keys ------------------------------------------------------------- */

static const uint8_t *host_bytes(const struct addr *addr, unsigned *ret_n)
{
	if (addr->sa.sa_family == AF_INET) {
		*ret_n = 4;
		return (const uint8_t *)&addr->in4.sin_addr;
	}
	*ret_n = 16;
	return (const uint8_t *)&addr->in6.sin6_addr;
}

/* Length of the prefix, port, and the host's bytes cut to that length; the
 * length of the host tells the family. */
static struct slice make_key(const struct addr *addr, unsigned bits,
			     uint16_t port, char buf[KEY_MAX])
{
	unsigned n;
	const uint8_t *bytes = host_bytes(addr, &n);

	buf[0] = (char)bits;
	buf[1] = (char)(port >> 8);
	buf[2] = (char)port;
	for (unsigned i = 0; i < n; i++) {
		unsigned left = bits > i * 8 ? bits - i * 8 : 0;
		uint8_t mask = left >= 8 ? 0xff : (uint8_t)(0xff00 >> left);

		buf[3 + i] = (char)(bytes[i] & mask);
	}
	return (struct slice){buf, 3 + n};
}

static unsigned host_bits(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET ? 32 : 128;
}

/* ---- building --------------------------------------------------------- */

static int table_init(struct table *table, struct arena *arena, unsigned n_most)
{
	table->heads = names_new(arena);
	table->links = arena_array(arena, n_most, sizeof(*table->links));
	return table->heads && table->links ? 0 : -ENOMEM;
}

static int table_add(struct table *table, struct arena *arena, struct slice key,
		     unsigned peer)
{
	long at = names_find(table->heads, key);
	struct link *link;

	if (at >= 0) { /* links are few: peers at one address */
		link = &table->links[at];
		while (link->next != NONE)
			link = &table->links[link->next];
		link->next = table->n_links;
	} else {
		char *copy = arena_text(arena, key);

		if (!copy ||
		    names_add(table->heads, (struct slice){copy, key.len},
			      table->n_links) < 0)
			return -ENOMEM;
	}
	table->links[table->n_links++] = (struct link){peer, NONE};
	return 0;
}

static void note_length(struct config_sources *sources,
			const struct addr_prefix *prefix)
{
	uint8_t family = prefix->net.sa.sa_family == AF_INET ? 4 : 6;

	for (unsigned i = 0; i < sources->n_lengths; i++)
		if (sources->lengths[i].family == family &&
		    sources->lengths[i].bits == prefix->bits)
			return;
	sources->lengths[sources->n_lengths].family = family;
	sources->lengths[sources->n_lengths++].bits = (uint8_t)prefix->bits;
}

static int add_peer(struct config_sources *sources, struct arena *arena,
		    const struct config_peer *peer, unsigned index)
{
	const struct addr *addr = &peer->address;
	char buf[KEY_MAX];

	if (!addr_is_none(addr) &&
	    (table_add(&sources->exact, arena,
		       make_key(addr, host_bits(addr), addr_port(addr), buf),
		       index) < 0 ||
	     table_add(&sources->hosts, arena,
		       make_key(addr, host_bits(addr), 0, buf), index) < 0))
		return -ENOMEM;
	for (unsigned i = 0; i < peer->n_sources; i++) {
		const struct addr_prefix *prefix = &peer->sources[i];

		note_length(sources, prefix);
		if (table_add(&sources->prefixes, arena,
			      make_key(&prefix->net, prefix->bits, 0, buf),
			      index) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int make_sources(struct config *config, unsigned side)
{
	struct arena *arena = memory(config)->arena;
	unsigned first = side == SIDE_INTERNAL ? 0 : config->n_frontends;
	unsigned end =
		side == SIDE_INTERNAL ? config->n_frontends : config->n_peers;
	struct config_sources *sources = arena_alloc(arena, sizeof(*sources));
	unsigned n_prefixes = 0;

	for (unsigned i = first; i < end; i++)
		n_prefixes += config->peers[i].n_sources;
	if (!sources || table_init(&sources->exact, arena, end - first) < 0 ||
	    table_init(&sources->hosts, arena, end - first) < 0 ||
	    table_init(&sources->prefixes, arena, n_prefixes) < 0)
		return -ENOMEM;
	for (unsigned i = first; i < end; i++)
		if (add_peer(sources, arena, &config->peers[i], i) < 0)
			return -ENOMEM;
	memory(config)->sources[side] = sources;
	return 0;
}

static int make_names(struct config *config)
{
	struct config_memory *mem = memory(config);

	mem->peers = names_new(mem->arena);
	mem->trunks = names_new(mem->arena);
	if (!mem->peers || !mem->trunks)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_peers; i++)
		if (names_add(mem->peers, slice_of(config->peers[i].name), i) ==
		    -ENOMEM)
			return -ENOMEM;
	for (unsigned i = 0; i < config->n_trunks; i++)
		if (names_add(mem->trunks, slice_of(config->trunks[i].name),
			      i) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

static int make_trunk_lists(struct config *config)
{
	struct config_memory *mem = memory(config);

	mem->first_trunk =
		arena_array(mem->arena, config->n_peers, sizeof(unsigned));
	mem->trunk_listener =
		arena_array(mem->arena, config->n_trunks, sizeof(unsigned));
	if (!mem->first_trunk || !mem->trunk_listener)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_peers; i++)
		mem->first_trunk[i] = NONE;
	for (unsigned i = config->n_trunks; i-- > 0;) {
		mem->trunk_listener[i] = NONE;
		if (config->trunks[i].gateway < config->n_peers)
			mem->first_trunk[config->trunks[i].gateway] = i;
	}
	for (unsigned i = config->n_listeners; i-- > 0;)
		if (config->listeners[i].trunk >= 0)
			mem->trunk_listener[config->listeners[i].trunk] = i;
	while (mem->n_shared < config->n_listeners &&
	       config->listeners[mem->n_shared].trunk < 0)
		mem->n_shared++;
	return 0;
}

static int by_listener_id(const void *a, const void *b, void *arg)
{
	const struct config *config = arg;
	const unsigned *left = a, *right = b;

	return (int)config->listeners[*left].id -
	       (int)config->listeners[*right].id;
}

static int make_listener_ids(struct config *config)
{
	struct config_memory *mem = memory(config);

	mem->listeners_by_id =
		arena_array(mem->arena, config->n_listeners, sizeof(unsigned));
	if (!mem->listeners_by_id)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_listeners; i++)
		mem->listeners_by_id[i] = i;
	qsort_r(mem->listeners_by_id, config->n_listeners, sizeof(unsigned),
		by_listener_id, config);
	return 0;
}

/* By priority, then as they stand: insertion would be quadratic, qsort is not
 * stable, so equal ones are told apart by where they stood. */
static int by_priority(const void *a, const void *b, void *arg)
{
	const struct config_route *routes = arg;
	const unsigned *left = a, *right = b;
	unsigned l = routes[*left].priority, r = routes[*right].priority;

	if (l != r)
		return (l > r) - (l < r);
	return (*left > *right) - (*left < *right);
}

static int sort_routes(struct config *config)
{
	struct arena *arena = memory(config)->arena;
	unsigned *order = arena_array(arena, config->n_routes, sizeof(*order));
	struct config_route *sorted =
		arena_array(arena, config->n_routes, sizeof(*sorted));

	if (!order || !sorted)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_routes; i++)
		order[i] = i;
	qsort_r(order, config->n_routes, sizeof(*order), by_priority,
		config->routes);
	for (unsigned i = 0; i < config->n_routes; i++)
		sorted[i] = config->routes[order[i]];
	config->routes = sorted;
	return 0;
}

int config_make_indexes(struct config_build *build)
{
	struct config *config = build->config;

	if (make_names(config) < 0 || make_trunk_lists(config) < 0 ||
	    make_listener_ids(config) < 0 ||
	    make_sources(config, SIDE_INTERNAL) < 0 ||
	    make_sources(config, SIDE_GATEWAY) < 0)
		return -ENOMEM;
	return sort_routes(config);
}

/* ---- look-ups --------------------------------------------------------- */

const struct config_peer *config_peer(const struct config *config,
				      struct slice name)
{
	long at = names_find(memory(config)->peers, name);

	return at < 0 ? NULL : &config->peers[at];
}

int config_trunk_index(const struct config *config, struct slice name)
{
	return (int)names_find(memory(config)->trunks, name);
}

/* The best of the peers that an address may belong to. */
struct choice {
	const struct config *config;
	unsigned
		port_owner; /* gateway whose trunk's port it came to, or NONE */
	uint16_t via_port;
	unsigned peer; /* best so far, or NONE */
	unsigned rank; /* of it: lower is better */
};

static unsigned rank_of(const struct choice *choice, unsigned peer)
{
	if (peer == choice->port_owner)
		return 0;
	if (addr_port(&choice->config->peers[peer].address) == choice->via_port)
		return 1;
	return 2;
}

static void consider(struct choice *choice, const struct table *table,
		     struct slice key)
{
	long at = names_find(table->heads, key);
	unsigned next = at < 0 ? NONE : (unsigned)at;

	while (next != NONE) {
		const struct link *link = &table->links[next];
		unsigned rank = rank_of(choice, link->peer);

		if (choice->peer == NONE || rank < choice->rank ||
		    (rank == choice->rank && link->peer < choice->peer)) {
			choice->peer = link->peer;
			choice->rank = rank;
		}
		next = link->next;
	}
}

static void consider_prefixes(struct choice *choice,
			      const struct config_sources *sources,
			      const struct addr *source)
{
	uint8_t family = source->sa.sa_family == AF_INET ? 4 : 6;
	char buf[KEY_MAX];

	for (unsigned i = 0; i < sources->n_lengths; i++)
		if (sources->lengths[i].family == family)
			consider(choice, &sources->prefixes,
				 make_key(source, sources->lengths[i].bits, 0,
					  buf));
}

const struct config_peer *config_peer_by_source(
	const struct config *config, const struct config_listener *at,
	const struct addr *source, uint16_t via_port)
{
	const struct config_sources *sources =
		memory(config)->sources[at->side];
	struct choice choice = {config, NONE, via_port, NONE, 0};
	struct addr from = *source;
	char buf[KEY_MAX];

	addr_unmap(&from);
	if (at->trunk >= 0)
		choice.port_owner = config->trunks[at->trunk].gateway;
	if (at->transport == TRANSPORT_UDP)
		consider(&choice, &sources->exact,
			 make_key(&from, host_bits(&from), addr_port(&from),
				  buf));
	if (choice.peer == NONE)
		consider(&choice, &sources->hosts,
			 make_key(&from, host_bits(&from), 0, buf));
	if (choice.peer == NONE)
		consider_prefixes(&choice, sources, &from);
	return choice.peer == NONE ? NULL : &config->peers[choice.peer];
}

const struct config_listener *config_listener(const struct config *config,
					      uint16_t id)
{
	const unsigned *ids = memory(config)->listeners_by_id;
	unsigned low = 0, high = config->n_listeners;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (config->listeners[ids[middle]].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == config->n_listeners || config->listeners[ids[low]].id != id)
		return NULL;
	return &config->listeners[ids[low]];
}

static bool can_reach(const struct config_listener *listener,
		      const struct config_peer *peer)
{
	return listener->transport == peer->transport &&
	       (addr_is_none(&peer->address) ||
		listener->address.sa.sa_family == peer->address.sa.sa_family);
}

/* Listeners of one trunk stand together. */
static const struct config_listener *own_listener(
	const struct config *config, const struct config_peer *peer, int trunk)
{
	unsigned i = memory(config)->trunk_listener[trunk];

	for (; i < config->n_listeners && config->listeners[i].trunk == trunk;
	     i++)
		if (can_reach(&config->listeners[i], peer))
			return &config->listeners[i];
	return NULL;
}

const struct config_listener *config_listener_for_peer(
	const struct config *config, const struct config_peer *peer, int trunk)
{
	unsigned side = peer->is_frontend ? SIDE_INTERNAL : SIDE_GATEWAY;
	const struct config_listener *own =
		trunk < 0 ? NULL : own_listener(config, peer, trunk);

	if (own)
		return own;
	for (unsigned i = 0; i < memory(config)->n_shared; i++)
		if (config->listeners[i].side == side &&
		    can_reach(&config->listeners[i], peer))
			return &config->listeners[i];
	return NULL;
}

int config_trunk_for_source(const struct config *config,
			    const struct config_listener *at,
			    const struct config_peer *gateway)
{
	unsigned index = (unsigned)(gateway - config->peers);

	if (at->trunk >= 0 && config->trunks[at->trunk].gateway == index)
		return at->trunk;
	index = memory(config)->first_trunk[index];
	return index == NONE ? -1 : (int)index;
}
