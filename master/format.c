/* SPDX-License-Identifier: Apache-2.0
 *
 * See format.h.  Called by slots.c in the master.  A process says on its board
 * page which format it has; one whose page this release cannot read, or that
 * said nothing yet though it serves, is taken for the oldest.
 */
#include "master/format.h"

#include "master/slots.h"
#include "shm/version.h"

static uint32_t format_of(struct slot *slot)
{
	if (!slot->board)
		board_open(slot->master->run_dir, slot->id, &slot->board);
	return slot->board && slot->board->format ? slot->board->format
						  : FORMAT_OLDEST;
}

static uint32_t lowest(struct master *m, const struct slot **ret_who)
{
	uint32_t format = FORMAT;

	for_each_slot(slot, m)
	{
		uint32_t theirs = FORMAT;

		if (slot->channel && slot->generation)
			theirs = format_of(slot);
		if (theirs >= format)
			continue;
		format = theirs;
		*ret_who = slot;
	}
	return format;
}

void format_review(struct master *m)
{
	const struct slot *who = NULL;
	uint32_t now =
		atomic_load_explicit(&m->steer->format, memory_order_relaxed);
	uint32_t format = lowest(m, &who);

	if (format < FORMAT_OLDEST) {
		if (now != FORMAT_OLDEST)
			tell(m, LOG_LVL_ERROR, "release_too_old",
			     "slot=%s format=%u reads=%u", who->name, format,
			     FORMAT_OLDEST);
		format = FORMAT_OLDEST;
	}
	if (format == now || (format > now && !slots_are_up(m)))
		return;
	atomic_store_explicit(&m->steer->format, format, memory_order_relaxed);
	tell(m, now ? LOG_LVL_NOTICE : LOG_LVL_INFO, "record_format",
	     "format=%u before=%u slot=%s", format, now,
	     who ? who->name : "all");
}
