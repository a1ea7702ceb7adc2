/* SPDX-License-Identifier: Apache-2.0
 *
 * See source.h.  Called by relay.c for every packet and by stream.c when a wish
 * is applied, in the media worker.
 */
#include "media/source.h"

bool source_is_allowed(const struct source *source, const struct addr *to)
{
	return !addr_is_none(to) && !addr_is_wildcard(to) &&
	       addr_port(to) != 0 && !addr_is_multicast_or_broadcast(to) &&
	       (source->may_be_loopback || !addr_is_loopback(to));
}

static void source_aim(struct source *source, const struct addr *to)
{
	source->target = source_is_allowed(source, to) ? *to : (struct addr){0};
}

void source_set(struct source *source, const struct addr *signalled,
		bool is_latching, const struct addr *local)
{
	bool is_same = source->is_latching == is_latching &&
		       addr_is_same(&source->signalled, signalled);

	source->is_latching = is_latching;
	source->may_be_loopback = addr_is_loopback(local);
	if (is_same)
		return;
	source->signalled = *signalled;
	source->learned = (struct addr){0};
	source_aim(source, signalled);
}

static void source_learn(struct source *source, const struct addr *from)
{
	source->learned = *from;
	source_aim(source, from);
}

void source_restore(struct source *source, const struct addr *learned,
		    uint64_t now_us)
{
	if (!source->is_latching || addr_is_none(learned))
		return;
	source_learn(source, learned);
	source->heard_us = now_us;
}

/* The learned address may be left: it is silent, or the peer that SDP names
 * comes itself. */
static bool source_may_relearn(const struct source *source,
			       const struct addr *from, uint64_t now_us)
{
	return addr_is_none(&source->learned) ||
	       now_us - source->heard_us >= SOURCE_SILENCE_US ||
	       (addr_is_same_host(from, &source->signalled) &&
		!addr_is_same_host(&source->learned, &source->signalled));
}

static bool source_check_latching(struct source *source,
				  const struct addr *from, bool is_valid,
				  uint64_t now_us)
{
	if (addr_is_none(&source->signalled))
		return false;
	if (addr_is_same(from, &source->learned))
		return true;
	if (is_valid && source_may_relearn(source, from, now_us)) {
		source_learn(source, from);
		return true;
	}
	return addr_is_same_host(from, &source->signalled);
}

bool source_check(struct source *source, const struct addr *from, bool is_valid,
		  uint64_t now_us)
{
	bool is_in =
		source->is_latching
			? source_check_latching(source, from, is_valid, now_us)
			: addr_is_same_host(from, &source->signalled);

	if (is_in &&
	    (!source->is_latching || addr_is_same(from, &source->learned)))
		source->heard_us = now_us;
	return is_in;
}
