/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl workers`: the slots of the pool and the processes in them.  Calls
 * are counted from the records, by who serves their book and which media
 * worker relays them.
 */
#include <time.h>

#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_process.h"
#include "tools/ctl_show.h"
#include "tools/ctl_table.h"

#define LOOK_NS 200000000 /* CPU is measured over this time */

const char *ctl_slot_state(const struct ctl_view *view,
			   const struct slot_record *slot)
{
	char name[SLOT_NAME_MAX];

	if (slot->state == SLOT_RETIRED)
		return NULL;
	if (slot->state == SLOT_STARTING)
		return "starting";
	if (slot->state == SLOT_DEAD || slot->state == SLOT_DOWN ||
	    !ctl_slot_lives(slot))
		return "down";
	return slot->state == SLOT_DRAINING ||
			       ctl_view_is_drained(
				       view,
				       slice_of(slot_name(slot->slot, name)))
		       ? "draining"
		       : "up";
}

static bool is_served_by(const struct ctl_view *view, unsigned book,
			 struct slot_id slot)
{
	const struct slot_record *record = ctl_view_slot(
		view, (struct slot_id){SLOT_SIGNALLING, (uint8_t)book});

	if (!record)
		return false;
	if (record->served_by.kind == SLOT_NONE)
		return slot.kind == SLOT_SIGNALLING && slot.index == book;
	return record->served_by.kind == slot.kind &&
	       record->served_by.index == slot.index;
}

static unsigned calls_of_slot(const struct ctl_view *view, struct slot_id slot)
{
	unsigned n = 0;

	for (unsigned i = 0; i < view->n_calls; i++) {
		const struct call_record *call = view->calls[i];

		if (!ctl_call_is_active(call))
			continue;
		if (slot.kind == SLOT_MEDIA)
			n += call->wish.is_on &&
			     call->wish.worker == slot.index;
		else
			n += is_served_by(view, call_book(call->id), slot);
	}
	return n;
}

static json_t *rss_json(const struct slot_record *slot, bool is_alive)
{
	uint64_t bytes;

	if (!is_alive || ctl_process_rss(slot->pid, &bytes) < 0)
		return json_null();
	return json_integer((json_int_t)bytes);
}

/* The Mediation Server that serves this one's book in its stead, or null. */
static json_t *heir_json(const struct slot_record *slot)
{
	char name[SLOT_NAME_MAX];

	if (slot->slot.kind != SLOT_SIGNALLING ||
	    slot->served_by.kind == SLOT_NONE ||
	    slot->served_by.index == slot->slot.index)
		return json_null();
	return json_string(slot_name(slot->served_by, name));
}

static json_t *worker_json(const struct ctl_view *view,
			   const struct slot_record *slot, const char *state,
			   json_t *cpu)
{
	char name[SLOT_NAME_MAX];
	bool is_alive = ctl_slot_lives(slot);
	bool is_media = slot->slot.kind == SLOT_MEDIA;

	return json_pack(
		"{s:s, s:s, s:o, s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:b}", "id",
		slot_name(slot->slot, name), "kind",
		is_media ? "media" : "signalling", "pid",
		is_alive ? json_integer(slot->pid) : json_null(), "state",
		state, "calls", (int)calls_of_slot(view, slot->slot),
		"restarts", (int)slot->restarts, "uptime",
		is_alive ? ctl_json_seconds(view->now_us - slot->since_us)
			 : json_null(),
		"cpu", cpu, "rss", rss_json(slot, is_alive), "heir",
		heir_json(slot), "prober", slot->is_prober);
}

static void read_cpu(const struct ctl_view *view, uint64_t *ret_ns)
{
	for (unsigned i = 0; i < view->n_slots; i++) {
		ret_ns[i] = UINT64_MAX;
		if (ctl_slot_lives(&view->slots[i]))
			ctl_process_cpu_ns(view->slots[i].pid, &ret_ns[i]);
	}
}

static json_t *cpu_json(uint64_t before_ns, uint64_t after_ns, uint64_t took_us)
{
	if (before_ns == UINT64_MAX || after_ns == UINT64_MAX || took_us == 0)
		return json_null();
	return ctl_json_rounded((double)(after_ns - before_ns) / 1000 /
				(double)took_us);
}

json_t *ctl_workers_json(const struct ctl_view *view)
{
	static const struct timespec look = {.tv_nsec = LOOK_NS};
	uint64_t before[VIEW_SLOTS_MAX], after[VIEW_SLOTS_MAX];
	uint64_t took_us = clock_boot_us();
	json_t *rows = json_array();

	read_cpu(view, before);
	nanosleep(&look, NULL);
	read_cpu(view, after);
	took_us = clock_boot_us() - took_us;
	for (unsigned i = 0; i < view->n_slots; i++) {
		const struct slot_record *slot = &view->slots[i];
		const char *state = ctl_slot_state(view, slot);

		if (state)
			json_array_append_new(
				rows, worker_json(view, slot, state,
						  cpu_json(before[i], after[i],
							   took_us)));
	}
	return rows;
}

int ctl_workers(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"WORKER", "id", CELL_TEXT},
		{"KIND", "kind", CELL_TEXT},
		{"STATE", "state", CELL_STATE},
		{"PID", "pid", CELL_NUMBER},
		{"UP", "uptime", CELL_DURATION},
		{"CALLS", "calls", CELL_NUMBER},
		{"CPU", "cpu", CELL_SHARE},
		{"RSS", "rss", CELL_BYTES},
		{"RESTARTS", "restarts", CELL_NUMBER},
		{"HEIR", "heir", CELL_TEXT},
		{0}};
	return ctl_show_rows(ctl, ctl_workers_json, columns);
}
