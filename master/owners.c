/* SPDX-License-Identifier: Apache-2.0
 *
 * Ownership.  Called by slots.c, inbox.c and scale.c in the master.
 *
 * A book has one owner at any time.  It moves in one of two ways:
 *   the owner's process has ended     -> the next one is granted at once
 *   the owner's process runs (heir)   -> RETIRE with the book's slot; when it
 *                                        answers LET_GO (or ends), the next
 *                                        one is granted
 * A grant is LISTENERs, held CONNECTIONs (or RTP_SOCKETs), then SERVE with a
 * raised epoch.  The trap: descriptors may be more than a channel takes, so a
 * grant is resumed by owner_pump, and SERVE goes out last.
 */
#include "master/owners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "master/slots.h"

#define LET_GO_US (2 * USEC_PER_SEC)

/* How good an heir a slot is; 0: its process will not be there soon. */
static const uint8_t heir_rank[N_LIVES] = {
	[LIFE_UP] = 3,
	[LIFE_STARTING] = 2,
	[LIFE_CHANGING] = 2,
	[LIFE_DEAD] = 1,
};

/* ---- granting ------------------------------------------------------------ */

static void send_serve(struct slot *slot)
{
	struct message_book book = {
		.book = slot->id.index,
		.epoch = slot->epoch,
	};
	struct message_slot streams = {.slot = slot->id};

	if (slot->id.kind == SLOT_MEDIA)
		slot_send(slot->owner, MESSAGE_SERVE_MEDIA, &streams, -1);
	else
		slot_send(slot->owner, MESSAGE_SERVE, &book, -1);
}

void owner_pump(struct slot *slot)
{
	int rc;

	if (!slot->is_granting)
		return;
	rc = holds_give(&slot->holds, slot->epoch, slot->owner->channel);
	if (rc == -EAGAIN) {
		slot_watch_room(slot->owner);
		return;
	}
	slot->is_granting = false;
	if (rc == 0)
		send_serve(slot);
	else /* its end will be handled, or is brought about here */
		slot_kill(slot->owner, "it takes no descriptors");
}

void owner_grant(struct slot *slot)
{
	slot->epoch++;
	slot_publish(slot);
	if (slot->id.kind == SLOT_SIGNALLING)
		sockets_give(&slot->master->sockets, 0, slot->id.index,
			     slot->owner->channel);
	slot->is_granting = true;
	owner_pump(slot);
}

/* ---- moving -------------------------------------------------------------- */

static void take_over(struct slot *slot, struct slot *to)
{
	bool is_new = slot->owner != to;

	slot->owner = to;
	slot->next_owner = NULL;
	slot->let_go_by_us = 0;
	slot->is_granting = false;
	if (is_new)
		tell(slot->master, LOG_LVL_NOTICE, "book_moved",
		     "book=%s owner=%s", slot->name, to->name);
	if (to->channel)
		owner_grant(slot);
	else
		slot_publish(slot);
}

void owner_move(struct slot *slot, struct slot *to)
{
	struct message_slot what = {.slot = slot->id};

	if (slot->next_owner) { /* asked to let go already */
		slot->next_owner = to;
	} else if (slot->owner == to) {
		return;
	} else if (slot->owner->channel) {
		slot->next_owner = to;
		slot->is_granting = false;
		slot->let_go_by_us = clock_boot_us() + LET_GO_US;
		slot_send(slot->owner, MESSAGE_RETIRE, &what, -1);
	} else {
		take_over(slot, to);
	}
}

void owner_let_go(struct slot *slot)
{
	take_over(slot, slot->next_owner);
}

void owner_died(struct slot *process)
{
	for_each_slot(slot, process->master)
	{
		if (slot->owner != process)
			continue;
		slot->is_granting = false;
		if (slot->next_owner)
			owner_let_go(slot);
	}
}

void owner_grant_all(struct slot *process)
{
	for_each_slot(slot, process->master)
	{
		if (slot->owner == process && !slot->next_owner)
			owner_grant(slot);
	}
	owner_move(process, process);
}

/* ---- heirs --------------------------------------------------------------- */

static unsigned n_served(const struct slot *by)
{
	unsigned n = 0;

	for_each_slot(slot, by->master) n +=
		slot->owner == by || slot->next_owner == by;
	return n;
}

static bool is_better(const struct slot *a, const struct slot *b)
{
	if (heir_rank[a->life] != heir_rank[b->life])
		return heir_rank[a->life] > heir_rank[b->life];
	return n_served(a) < n_served(b);
}

static struct slot *find_heir(const struct slot *gone)
{
	struct slot *best = NULL;

	for_each_slot(slot, gone->master)
	{
		if (slot == gone || slot->id.kind != gone->id.kind ||
		    !slot->is_wanted || heir_rank[slot->life] == 0)
			continue;
		if (!best || is_better(slot, best))
			best = slot;
	}
	return best;
}

void owner_bequeath(struct slot *gone)
{
	for_each_slot(slot, gone->master)
	{
		struct slot *last =
			slot->next_owner ? slot->next_owner : slot->owner;
		struct slot *heir = last == gone ? find_heir(gone) : NULL;

		if (heir)
			owner_move(slot, heir);
	}
}

static bool is_orphan(const struct slot *slot)
{
	return !slot->owner->channel && heir_rank[slot->owner->life] == 0;
}

void owner_adopt_orphans(struct slot *process)
{
	for_each_slot(slot, process->master)
	{
		if (slot->id.kind == process->id.kind && is_orphan(slot))
			owner_move(slot, process);
	}
}

bool owners_are_settled(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (slot->is_granting || slot->next_owner ||
		    !slot->owner->channel)
			return false;
	}
	return true;
}

/* ---- what follows from it -------------------------------------------------
 */

void slot_publish(struct slot *slot)
{
	struct master *m = slot->master;
	bool is_drained = slot->is_drained || m->stop_phase != STOP_NONE;
	struct slot_record record = {
		.head = {SLOT_VERSION, RECORD_SLOT, sizeof(record)},
		.slot = slot->id,
		.state = life_shown(slot->life, is_drained),
		.is_prober = slot->is_prober,
		.served_by = slot->owner->id,
		.epoch = slot->epoch,
		.pid = slot->process.pid,
		.restarts = slot->restarts,
		.since_us = slot->since_us,
	};
	int rc = pool_table_put_slot(m->table, &record);

	if (rc < 0)
		tell(m, LOG_LVL_ERROR, "state_error", "slot=%s reason=\"%s\"",
		     slot->name, strerror(-rc));
	m->is_changed = true;
}

/* Workers look at the whole table and at every ring when they hear it, so they
 * hear it once a turn however much changed. */
void slots_announce(struct master *m)
{
	struct message_slot all = {.slot = {SLOT_NONE, 0}};

	if (!m->is_changed)
		return;
	m->is_changed = false;
	slots_send_all(m, MESSAGE_SLOTS_CHANGED, &all, -1);
}

static const uint8_t pool_states[] = {
	[STOP_NONE] = POOL_UP,
	[STOP_DRAINING] = POOL_DRAINING,
	[STOP_HANGING_UP] = POOL_DRAINING,
	[STOP_RETIRING] = POOL_DRAINING,
	[STOP_DONE] = POOL_DRAINING,
};

void pool_publish(struct master *m)
{
	struct pool_record record = {
		.head = {POOL_VERSION, RECORD_POOL, sizeof(record)},
		.state = m->is_up ? pool_states[m->stop_phase] : POOL_STARTING,
		.is_upgrading = upgrade_is_on(m),
		.generation = m->generation,
		.master_pid = m->stop_phase == STOP_DONE ? 0 : getpid(),
		.signalling_workers = m->n_signalling,
		.media_workers = m->n_media,
		.started_us = m->started_us,
		.started_wall_us = m->started_wall_us,
	};
	char boot_id[37];
	int rc;

	if (clock_boot_id(boot_id) == 0)
		memcpy(record.boot_id, boot_id, sizeof(boot_id));
	snprintf(record.version, sizeof(record.version), "%s", PACKAGE_VERSION);
	snprintf(record.name, sizeof(record.name), "%s", m->config->pool.fqdn);
	rc = pool_table_put_pool(m->table, &record);
	if (rc < 0)
		tell(m, LOG_LVL_ERROR, "state_error", "reason=\"%s\"",
		     strerror(-rc));
}

void steer_spread(struct master *m)
{
	uint8_t books[BOOK_MAX];
	unsigned n = 0;

	for_each_slot(slot, m)
	{
		if (slot->id.kind == SLOT_SIGNALLING && slot->takes_calls &&
		    !slot->is_drained && n < BOOK_MAX)
			books[n++] = slot->id.index;
	}
	if (n > 0) /* else they refuse where they are */
		steer_board_spread(m->steer, books, n, clock_boot_us());
}

static struct slot *best_prober(struct master *m)
{
	struct slot *first = NULL;

	for_each_slot(slot, m)
	{
		if (slot->id.kind != SLOT_SIGNALLING || slot->life != LIFE_UP)
			continue;
		if (slot->is_prober)
			return slot;
		if (!first)
			first = slot;
	}
	return first;
}

void prober_choose(struct master *m)
{
	struct message_switch probe = {.is_on = 1};
	struct slot *prober = best_prober(m);

	if (!prober || prober->is_prober)
		return;
	prober->is_prober = true;
	slot_send(prober, MESSAGE_PROBE, &probe, -1);
	slot_publish(prober);
}
