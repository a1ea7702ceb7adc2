/* SPDX-License-Identifier: Apache-2.0
 *
 * See rings.h.  Called by slots.c when a slot becomes known, in the master.
 */
#include "master/rings.h"

#include "shm/ring.h"

/* Bytes of tmpfs, allocated.  A HANDOVER ring holds some 700 messages of usual
 * size or 7 of the greatest: what a respawn of 50 ms lets pile up.  The others
 * hold entries of a few bytes. */
enum {
	HANDOVER_SIZE = 512 << 10,
	LOOK_SIZE = 128 << 10,
	TOLD_SIZE = 64 << 10,
	PORTS_SIZE = 64 << 10,
};

/* Between a kind of slot and another: which rings, in both directions. */
static const struct ring_row {
	uint8_t from, to; /* enum slot_kind */
	uint8_t kind;	  /* enum ring_kind */
	size_t size;
} rows[] = {
	{SLOT_SIGNALLING, SLOT_SIGNALLING, RING_HANDOVER, HANDOVER_SIZE},
	{SLOT_SIGNALLING, SLOT_MEDIA, RING_LOOK, LOOK_SIZE},
	{SLOT_MEDIA, SLOT_SIGNALLING, RING_TOLD, TOLD_SIZE},
	{SLOT_MEDIA, SLOT_SIGNALLING, RING_PORTS_INTERNAL, PORTS_SIZE},
	{SLOT_MEDIA, SLOT_SIGNALLING, RING_PORTS_GATEWAY, PORTS_SIZE},
};

static int create_from(const struct master *m, struct slot_id from,
		       struct slot_id to)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc;

		if (rows[i].from != from.kind || rows[i].to != to.kind)
			continue;
		rc = ring_create(m->run_dir, rows[i].kind, from.index, to.index,
				 rows[i].size);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int rings_create(struct master *m, const struct slot *slot)
{
	for_each_slot(other, m)
	{
		int rc = 0;

		if (other == slot)
			continue;
		rc = create_from(m, slot->id, other->id);
		if (rc == 0)
			rc = create_from(m, other->id, slot->id);
		if (rc < 0)
			return rc;
	}
	return 0;
}
