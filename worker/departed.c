/* SPDX-License-Identifier: Apache-2.0
 *
 * See departed.h.  Signalling worker.  The table is bounded: the oldest gives
 * way.  An entry is harmless when its calls are over, since an address that is
 * no peer's gets no further than to a call that it is part of.
 */
#include "worker/departed.h"

static bool is_peer(const struct config *config, const struct addr *address)
{
	for (unsigned i = 0; i < config->n_peers; i++)
		if (addr_is_same_host(&config->peers[i].address, address))
			return true;
	return false;
}

static bool had_listener_gone(const struct config *old,
			      const struct config *config)
{
	for (unsigned i = 0; i < old->n_listeners; i++)
		if (!config_listener(config, old->listeners[i].id))
			return true;
	return false;
}

void departed_note(struct worker *worker, const struct config *old)
{
	const struct config *config = worker->child.config;
	bool notes_all = old && had_listener_gone(old, config);

	for (unsigned i = 0; old && i < old->n_peers; i++) {
		const struct addr *address = &old->peers[i].address;

		if (addr_is_none(address) ||
		    (is_peer(config, address) && !notes_all) ||
		    departed_knows(worker, address))
			continue;
		worker->departed[worker->n_departed++ % DEPARTED_MAX] =
			*address;
	}
}

bool departed_knows(const struct worker *worker, const struct addr *source)
{
	unsigned n = worker->n_departed < DEPARTED_MAX ? worker->n_departed
						       : DEPARTED_MAX;

	for (unsigned i = 0; i < n; i++)
		if (addr_is_same_host(&worker->departed[i], source))
			return true;
	return false;
}
