/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners: those of the [listen] sections first, then trunks' own ports on
 * the gateway side.  Here they get ids that stay the same over reloads, and
 * here overlaps are found, `per-server` ranges included.
 * Trap: TCP and TLS share the ports of one protocol; UDP has its own.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const transport_names[N_TRANSPORTS] = {"udp", "tcp", "tls"};

/* A listener with what messages about it need. */
struct spot {
	struct config_listener *listener;
	uint64_t hash;	/* of side, transport and address */
	char title[96]; /* "[listen gateway] tcp" */
	struct report_place at;
};

struct spots {
	struct config_build *build;
	struct spot *items;
	unsigned n;
	unsigned n_servers; /* ports that each listener takes */
};

static bool is_stream(uint8_t transport)
{
	return transport != TRANSPORT_UDP;
}

/* ---- making ----------------------------------------------------------- */

static unsigned count_listeners(const struct config_build *build)
{
	const struct config *config = build->config;
	unsigned n_shared = 0, n_gateway = 0, n_ports = 0;

	for (int t = 0; t < N_TRANSPORTS; t++) {
		n_shared += build->listen[SIDE_INTERNAL].n_addresses[t];
		n_gateway += build->listen[SIDE_GATEWAY].n_addresses[t];
	}
	for (unsigned i = 0; i < config->n_trunks; i++)
		n_ports += config->trunks[i].port != 0;
	return n_shared + n_gateway * (1 + n_ports);
}

static struct addr media_address(const struct config_listen *listen,
				 const struct addr *address)
{
	struct addr media = listen->media_address;

	if (addr_is_none(&media))
		media = *address;
	/* Behind a wildcard the advertised address is the best guess. */
	if (addr_is_wildcard(&media) &&
	    (!listen->advertise ||
	     addr_parse_host(slice_of(listen->advertise), 0, &media) < 0))
		media = *address;
	addr_set_port(&media, 0);
	return media;
}

static struct config_listener *add_listener(struct spots *spots, unsigned side,
					    int transport,
					    const struct addr *address)
{
	struct config *config = spots->build->config;
	struct config_listen *listen = &spots->build->listen[side];
	struct config_listener *listener =
		&config->listeners[config->n_listeners++];

	*listener = (struct config_listener){
		.side = (uint8_t)side,
		.transport = (uint8_t)transport,
		.address = *address,
		.advertise = listen->advertise,
		.media_address = media_address(listen, address),
		.trunk = -1,
	};
	spots->items[spots->n].listener = listener;
	return listener;
}

static void set_place(struct spots *spots, struct spot *spot)
{
	char text[PATH_MAX + 16];

	snprintf(text, sizeof(text), "%s:%u", spot->at.file->name,
		 spot->at.line);
	spot->listener->place = arena_text(spots->build->arena, slice_of(text));
}

static void add_shared(struct spots *spots, unsigned side)
{
	const struct config_listen *listen = &spots->build->listen[side];
	const struct config_object *object = spots->build->listen_objects[side];

	for (int t = 0; t < N_TRANSPORTS; t++) {
		for (unsigned i = 0; i < listen->n_addresses[t]; i++) {
			struct spot *spot;

			add_listener(spots, side, t, &listen->addresses[t][i]);
			spot = &spots->items[spots->n++];
			spot->at = config_place(object, transport_names[t]);
			snprintf(spot->title, sizeof(spot->title), "[%s] %s",
				 object->section->title, transport_names[t]);
			set_place(spots, spot);
		}
	}
}

/* A trunk's port stands on every address on which the gateway's transport is
 * spoken. */
static void add_trunk_port(struct spots *spots, unsigned index)
{
	struct config_build *build = spots->build;
	const struct config_trunk *trunk = &build->config->trunks[index];
	const struct config_listen *listen = &build->listen[SIDE_GATEWAY];
	const struct config_object *object =
		&build->objects[SECTION_TRUNK][index];
	int t = build->config->peers[trunk->gateway].transport;

	for (unsigned i = 0; i < listen->n_addresses[t]; i++) {
		struct addr address = listen->addresses[t][i];
		struct spot *spot = &spots->items[spots->n];

		addr_set_port(&address, trunk->port);
		add_listener(spots, SIDE_GATEWAY, t, &address)->trunk =
			(int)index;
		spot->at = config_place(object, "port");
		snprintf(spot->title, sizeof(spot->title), "[%s] port",
			 object->section->title);
		set_place(spots, spot);
		spots->n++;
	}
}

/* ---- ids -------------------------------------------------------------- */

static uint64_t identity(const struct config_listener *listener, uint64_t salt)
{
	char text[ADDR_TEXT_MAX];

	addr_text(&listener->address, text);
	return slice_hash(slice_of(text), salt << 16 | listener->side << 8 |
						  listener->transport);
}

static int by_hash(const void *a, const void *b)
{
	const struct spot *left = a, *right = b;

	return (left->hash > right->hash) - (left->hash < right->hash);
}

/* Ids are given in the order of the hashes, not of the file, so that moving
 * lines about changes none; the few that collide take the next hash. */
static int give_ids(struct spots *spots)
{
	uint8_t *taken = arena_alloc(spots->build->arena, UINT16_MAX + 1);

	if (!taken)
		return -ENOMEM;
	for (unsigned i = 0; i < spots->n; i++)
		spots->items[i].hash = identity(spots->items[i].listener, 0);
	qsort(spots->items, spots->n, sizeof(*spots->items), by_hash);
	taken[0] = 1; /* 0 is nobody */
	for (unsigned i = 0; i < spots->n; i++) {
		struct config_listener *listener = spots->items[i].listener;
		uint16_t id = (uint16_t)spots->items[i].hash;

		for (uint64_t salt = 1; taken[id]; salt++)
			id = (uint16_t)identity(listener, salt);
		taken[id] = 1;
		listener->id = id;
	}
	return 0;
}

/* ---- overlaps --------------------------------------------------------- */

static unsigned first_port(const struct spot *spot)
{
	return addr_port(&spot->listener->address);
}

static int compare_hosts(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return a->sa.sa_family - b->sa.sa_family;
	if (a->sa.sa_family == AF_INET)
		return memcmp(&a->in4.sin_addr, &b->in4.sin_addr,
			      sizeof(a->in4.sin_addr));
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
		      sizeof(a->in6.sin6_addr));
}

/* By protocol, host, port; then by place, so that the later one is told. */
static int by_port(const void *a, const void *b)
{
	const struct spot *left = a, *right = b;
	int order = is_stream(left->listener->transport) -
		    is_stream(right->listener->transport);

	if (!order)
		order = compare_hosts(&left->listener->address,
				      &right->listener->address);
	if (!order)
		order = (int)first_port(left) - (int)first_port(right);
	return order ? order
		     : (left->listener > right->listener) -
			       (left->listener < right->listener);
}

static bool is_overlap(const struct spots *spots, const struct spot *a,
		       const struct spot *b)
{
	const struct addr *left = &a->listener->address;
	const struct addr *right = &b->listener->address;

	return is_stream(a->listener->transport) ==
		       is_stream(b->listener->transport) &&
	       left->sa.sa_family == right->sa.sa_family &&
	       first_port(a) < first_port(b) + spots->n_servers &&
	       first_port(b) < first_port(a) + spots->n_servers;
}

static const char *range_text(const struct spots *spots,
			      const struct spot *spot, char *buf, size_t size)
{
	char text[ADDR_TEXT_MAX];

	addr_text(&spot->listener->address, text);
	if (spots->n_servers == 1)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "%s-%u", text,
			 first_port(spot) + spots->n_servers - 1);
	return buf;
}

static void tell_overlap(struct spots *spots, const struct spot *a,
			 const struct spot *b)
{
	bool is_a_first = a->listener < b->listener;
	const struct spot *first = is_a_first ? a : b;
	const struct spot *second = is_a_first ? b : a;
	char one[96], other[96];

	report_error(spots->build->report, second->at,
		     "%s %s overlaps with %s %s (%s:%u)", second->title,
		     range_text(spots, second, one, sizeof(one)), first->title,
		     range_text(spots, first, other, sizeof(other)),
		     first->at.file->name, first->at.line);
}

/* Sorted, only neighbours on the same host can overlap. */
static void find_overlaps(struct spots *spots)
{
	for (unsigned i = 1; i < spots->n; i++) {
		const struct spot *before = &spots->items[i - 1];
		const struct spot *spot = &spots->items[i];

		if (is_overlap(spots, before, spot) &&
		    addr_is_same_host(&before->listener->address,
				      &spot->listener->address))
			tell_overlap(spots, before, spot);
	}
}

static void find_wildcard_overlaps(struct spots *spots)
{
	for (unsigned i = 0; i < spots->n; i++) {
		const struct spot *wild = &spots->items[i];

		if (!addr_is_wildcard(&wild->listener->address))
			continue;
		for (unsigned j = 0; j < spots->n; j++) {
			const struct spot *spot = &spots->items[j];

			if (!addr_is_wildcard(&spot->listener->address) &&
			    is_overlap(spots, wild, spot))
				tell_overlap(spots, wild, spot);
		}
	}
}

static void check_ranges(struct spots *spots)
{
	for (unsigned i = 0; i < spots->n; i++) {
		const struct spot *spot = &spots->items[i];

		if (first_port(spot) + spots->n_servers - 1 > UINT16_MAX)
			report_error(spots->build->report, spot->at,
				     "%s: with addressing = per-server and %u "
				     "servers the ports pass 65535",
				     spot->title, spots->n_servers);
	}
}

/* An RTP port that SIP has taken is only passed over. */
static void warn_of_media_ports(struct spots *spots)
{
	const struct config_media *media = &spots->build->config->media;

	for (unsigned i = 0; i < spots->n; i++) {
		const struct spot *spot = &spots->items[i];

		if (spot->listener->transport == TRANSPORT_UDP &&
		    first_port(spot) <= media->port_max &&
		    first_port(spot) + spots->n_servers - 1 >= media->port_min)
			report_warning(spots->build->report, spot->at,
				       "%s: port %u lies among the ports for "
				       "audio (%u-%u)",
				       spot->title, first_port(spot),
				       media->port_min, media->port_max);
	}
}

/* The observer's HTTP stands on a port of its own. */
static void check_metrics(struct spots *spots)
{
	struct config_build *build = spots->build;
	const struct config_metrics *metrics = &build->config->metrics;
	unsigned port = addr_port(&metrics->listen);
	char text[ADDR_TEXT_MAX], range[96];

	for (unsigned i = 0; metrics->is_enabled && i < spots->n; i++) {
		const struct spot *spot = &spots->items[i];
		const struct addr *other = &spot->listener->address;

		if (!is_stream(spot->listener->transport) ||
		    port < first_port(spot) ||
		    port >= first_port(spot) + spots->n_servers ||
		    !(addr_is_same_host(other, &metrics->listen) ||
		      addr_is_wildcard(other) ||
		      addr_is_wildcard(&metrics->listen)))
			continue;
		addr_text(&metrics->listen, text);
		report_error(
			build->report,
			build->n_objects[SECTION_METRICS]
				? config_place(
					  &build->objects[SECTION_METRICS][0],
					  "listen")
				: spot->at,
			"[metrics] listen %s overlaps with %s %s (%s:%u)", text,
			spot->title,
			range_text(spots, spot, range, sizeof(range)),
			spot->at.file->name, spot->at.line);
	}
}

/* ---- the [listen] sections -------------------------------------------- */

static bool has_tls(struct config_build *build,
		    const struct config_object *object)
{
	if (!config_is_given(object, "tls"))
		return false;
	report_error(build->report, config_place(object, "tls"),
		     "tls: TLS comes in a later release; take the line out of "
		     "[%s] and use udp or tcp",
		     object->section->title);
	return true;
}

static void check_wildcard(struct config_build *build, unsigned side, int t,
			   const struct addr *address)
{
	const struct config_listen *listen = &build->listen[side];
	const struct config_object *object = build->listen_objects[side];
	struct addr media = media_address(listen, address);

	if (!addr_is_wildcard(address))
		return;
	if (!listen->advertise)
		report_error(build->report,
			     config_place(object, transport_names[t]),
			     "%s: a wildcard address needs \"advertise\" in "
			     "[%s]: the host that peers shall call",
			     transport_names[t], object->section->title);
	else if (addr_is_wildcard(&media) && build->config->pool.media_workers)
		report_error(build->report,
			     config_place(object, transport_names[t]),
			     "%s: a wildcard address needs \"media_address\" "
			     "in [%s], since \"advertise\" is a name",
			     transport_names[t], object->section->title);
}

static void check_listen(struct config_build *build, unsigned side)
{
	static const char *const titles[] = {"listen internal",
					     "listen gateway"};
	const struct config_listen *listen = &build->listen[side];
	const struct config_object *object = build->listen_objects[side];

	if (!object) {
		report_error(build->report, build->ini.start,
			     "there is no [%s] and no peer with an IP address "
			     "on that side from which one could be chosen: "
			     "write udp = address:port or tcp = address:port",
			     titles[side]);
		return;
	}
	if (build->config->is_listen_chosen[side])
		return;
	if (!has_tls(build, object) && !config_is_given(object, "udp") &&
	    !config_is_given(object, "tcp"))
		report_error(build->report, object->section->at,
			     "[%s] has no address: write udp = address:port or "
			     "tcp = address:port",
			     titles[side]);
	for (int t = 0; t < N_TRANSPORTS; t++)
		for (unsigned i = 0; i < listen->n_addresses[t]; i++)
			check_wildcard(build, side, t,
				       &listen->addresses[t][i]);
}

/* ---- peers and their listeners ---------------------------------------- */

static bool has_listener(const struct config_listen *listen,
			 const struct config_peer *peer)
{
	const struct addr *addresses = listen->addresses[peer->transport];

	for (unsigned i = 0; i < listen->n_addresses[peer->transport]; i++)
		if (addr_is_none(&peer->address) ||
		    addresses[i].sa.sa_family == peer->address.sa.sa_family)
			return true;
	return false;
}

static bool is_ours(const struct config_listen *listen,
		    const struct config_peer *peer)
{
	const struct addr *addresses = listen->addresses[peer->transport];

	for (unsigned i = 0; i < listen->n_addresses[peer->transport]; i++)
		if (addr_is_same(&addresses[i], &peer->address))
			return true;
	return false;
}

static void check_peer(struct config_build *build,
		       const struct config_object *object, unsigned side)
{
	const struct config_peer *peer = object->target;
	const char *family =
		peer->address.sa.sa_family == AF_INET6 ? "IPv6 " : "";

	if (!peer->address_text || peer->transport == TRANSPORT_TLS ||
	    !build->listen_objects[side])
		return;
	if (is_ours(&build->listen[SIDE_INTERNAL], peer) ||
	    is_ours(&build->listen[SIDE_GATEWAY], peer))
		report_error(build->report, config_place(object, "address"),
			     "address: \"%s\" is the pool's own",
			     peer->address_text);
	else if (!has_listener(&build->listen[side], peer))
		report_error(build->report, config_place(object, "address"),
			     "[%s] is reached over %s%s, and [%s] has no %s%s",
			     object->section->title, family,
			     transport_names[peer->transport],
			     build->listen_objects[side]->section->title,
			     family, transport_names[peer->transport]);
}

static void check_peers(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_FRONTEND]; i++)
		check_peer(build, &build->objects[SECTION_FRONTEND][i],
			   SIDE_INTERNAL);
	for (unsigned i = 0; i < build->n_objects[SECTION_GATEWAY]; i++)
		check_peer(build, &build->objects[SECTION_GATEWAY][i],
			   SIDE_GATEWAY);
}

static int make_spots(struct config_build *build, struct spots *ret)
{
	struct config *config = build->config;
	unsigned n = count_listeners(build);

	*ret = (struct spots){.build = build, .n_servers = 1};
	if (config->pool.addressing == ADDRESSING_PER_SERVER)
		ret->n_servers = config->pool.signalling_workers;
	config->listeners =
		arena_array(build->arena, n, sizeof(*config->listeners));
	ret->items = arena_array(build->arena, n, sizeof(*ret->items));
	if (!config->listeners || !ret->items)
		return -ENOMEM;
	add_shared(ret, SIDE_INTERNAL);
	add_shared(ret, SIDE_GATEWAY);
	for (unsigned i = 0; i < config->n_trunks; i++)
		if (config->trunks[i].port &&
		    config->trunks[i].gateway < config->n_peers)
			add_trunk_port(ret, i);
	for (unsigned i = 0; i < ret->n; i++)
		if (!ret->items[i].listener->place)
			return -ENOMEM;
	return 0;
}

int config_make_listeners(struct config_build *build)
{
	struct spots spots;

	check_listen(build, SIDE_INTERNAL);
	check_listen(build, SIDE_GATEWAY);
	check_peers(build);
	if (make_spots(build, &spots) < 0)
		return -ENOMEM;
	if (spots.n > UINT16_MAX / 2) {
		report_error(build->report, build->ini.start,
			     "%u listeners are too many: at most %u", spots.n,
			     UINT16_MAX / 2);
		return 0;
	}
	check_ranges(&spots);
	check_metrics(&spots);
	warn_of_media_ports(&spots);
	if (give_ids(&spots) < 0)
		return -ENOMEM;
	qsort(spots.items, spots.n, sizeof(*spots.items), by_port);
	find_overlaps(&spots);
	find_wildcard_overlaps(&spots);
	return 0;
}
