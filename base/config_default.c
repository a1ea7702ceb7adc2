/* SPDX-License-Identifier: Apache-2.0
 *
 * Listeners of a side that has no [listen] section: the addresses from which
 * this host reaches that side's peers, on the ports by which Mediation Servers
 * are known.  So two sections, a front end and a gateway, make a pool.
 * Called by config_load_*; in a child the text has the section already,
 * written by config_files.c.
 * Trap: nothing is sent: connect(2) of a UDP socket only asks for the route.
 */
#include "base/config_build.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *title, *name;
	uint16_t port;
} sides[] = {
	[SIDE_INTERNAL] = {"listen internal", "internal", 5070},
	[SIDE_GATEWAY] = {"listen gateway", "gateway", 5068},
};

/* The address that this host would send from. */
static bool find_own_address(const struct addr *peer, struct addr *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = socket(peer->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_found = fd >= 0 && !connect(fd, &peer->sa, addr_len(peer)) &&
			!getsockname(fd, &ret->sa, &len);

	if (fd >= 0)
		close(fd);
	return is_found;
}

/* A simulated gateway on this host shall not hide the way to a real one, so
 * that an address which is not the loopback's is taken first. */
static bool find_for_family(const struct config *config, unsigned side,
			    sa_family_t family, struct addr *ret)
{
	unsigned first = side == SIDE_INTERNAL ? 0 : config->n_frontends;
	unsigned end =
		side == SIDE_INTERNAL ? config->n_frontends : config->n_peers;
	bool is_found = false;

	for (unsigned i = first; i < end; i++) {
		struct addr own;

		if (config->peers[i].address.sa.sa_family != family ||
		    !find_own_address(&config->peers[i].address, &own))
			continue;
		if (!is_found || !addr_is_loopback(&own))
			*ret = own;
		is_found = true;
		if (!addr_is_loopback(&own))
			break;
	}
	return is_found;
}

/* An object as if the section were written, without a line in it. */
static int pretend_section(struct config_build *build, unsigned side)
{
	struct config_object *object =
		arena_alloc(build->arena, sizeof(*object));
	struct ini_section *section =
		arena_alloc(build->arena, sizeof(*section));

	if (!object || !section)
		return -ENOMEM;
	*section = (struct ini_section){.kind = SLICE("listen"),
					.name = slice_of(sides[side].name),
					.title = sides[side].title,
					.at = build->ini.start,
					.name_at = build->ini.start};
	*object = (struct config_object){.kind = SECTION_LISTEN,
					 .section = section,
					 .target = &build->listen[side]};
	build->listen_objects[side] = object;
	return 0;
}

static int choose(struct config_build *build, unsigned side)
{
	static const sa_family_t families[] = {AF_INET, AF_INET6};
	struct config_listen *listen = &build->listen[side];
	struct addr *addresses =
		arena_array(build->arena, 2, sizeof(*addresses));
	unsigned n = 0;

	if (!addresses)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		if (!find_for_family(build->config, side, families[i],
				     &addresses[n]))
			continue;
		addr_set_port(&addresses[n++], sides[side].port);
	}
	if (!n)
		return 0; /* config_listen.c tells that there is none */
	listen->addresses[TRANSPORT_UDP] = addresses;
	listen->addresses[TRANSPORT_TCP] = addresses;
	listen->n_addresses[TRANSPORT_UDP] = n;
	listen->n_addresses[TRANSPORT_TCP] = n;
	return pretend_section(build, side);
}

int config_choose_listeners(struct config_build *build)
{
	int rc = 0;

	for (unsigned side = 0; side < 2 && !rc; side++) {
		if (build->listen_objects[side])
			continue;
		build->config->is_listen_chosen[side] = true;
		rc = choose(build, side);
	}
	return rc;
}
