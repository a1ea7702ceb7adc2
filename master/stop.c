/* SPDX-License-Identifier: Apache-2.0
 *
 * Stopping, by signal or by the verb `stop`; called from the master's loop.
 *
 *   DRAINING    -> RETIRING when no call is left or graceful_timeout is over
 *   HANGING_UP  -> RETIRING when no call is left or 5 s are over
 *   RETIRING    -> DONE when every process is gone (LEAVE_US, then SIGKILL)
 *
 * The trap: workers that die meanwhile are still replaced, since calls go on
 * while we drain; only from RETIRING on nothing is wanted.  The state folder
 * stays: a start within the same boot goes on with what is in it.
 */
#include "master/stop.h"

#include "base/clock.h"
#include "master/helpers.h"
#include "master/notify.h"
#include "master/owners.h"
#include "master/rollback.h"
#include "master/scale.h"
#include "master/simulators.h"
#include "master/slots.h"

#define HANG_UP_US	  (5 * USEC_PER_SEC)
#define DRAIN_AT_LEAST_US (100 * USEC_PER_MSEC)

static const uint8_t first_phase[] = {
	[STOP_GRACEFULLY] = STOP_DRAINING,
	[STOP_AT_ONCE] = STOP_RETIRING,
	[STOP_WITH_BYE] = STOP_HANGING_UP,
};

static void begin_draining(struct master *m, uint64_t now_us)
{
	m->stop_by_us = now_us + m->config->pool.graceful_timeout_us;
	for_each_slot(slot, m) slot_send_drain(slot);
}

static void begin_hanging_up(struct master *m, uint64_t now_us)
{
	begin_draining(m, now_us);
	m->stop_by_us = now_us + HANG_UP_US;
	for_each_slot(slot, m)
	{
		struct message_slot whose = {.slot = slot->id};

		if (slot->id.kind == SLOT_SIGNALLING)
			slot_send(slot->owner, MESSAGE_HANG_UP_ALL, &whose, -1);
	}
}

static void begin_retiring(struct master *m, uint64_t now_us)
{
	(void)now_us;
	rollback_forget(m); /* the next start reads pool.ini */
	simulators_end(m);
	scale_apply(m, 0, 0);
}

static bool is_gone(struct master *m, uint64_t now_us)
{
	for_each_slot(slot, m)
	{
		if (slot->process.pid)
			return false;
	}
	return helpers_end(m, now_us);
}

/* The workers' own figures lag behind by a turn of their loops. */
static bool is_quiet(struct master *m, uint64_t now_us)
{
	if (now_us >= m->stop_by_us)
		return true;
	return now_us - m->stop_since_us >= DRAIN_AT_LEAST_US &&
	       slots_are_settled(m) && slots_calls(m) == 0;
}

/* A phase without is_over lasts until stop_begin, or for good. */
static const struct phase {
	const char *name;
	void (*begin)(struct master *m, uint64_t now_us);
	bool (*is_over)(struct master *m, uint64_t now_us);
	uint8_t next;
} phases[] = {
	[STOP_NONE] = {.name = "none"},
	[STOP_DRAINING] = {"draining", begin_draining, is_quiet, STOP_RETIRING},
	[STOP_HANGING_UP] = {"hanging_up", begin_hanging_up, is_quiet,
			     STOP_RETIRING},
	[STOP_RETIRING] = {"retiring", begin_retiring, is_gone, STOP_DONE},
	[STOP_DONE] = {.name = "done"},
};

static void enter(struct master *m, uint8_t next, uint64_t now_us)
{
	const struct phase *phase = &phases[next];

	m->stop_phase = next;
	m->stop_since_us = now_us;
	tell(m, LOG_LVL_NOTICE, "stop", "phase=%s calls=%u", phase->name,
	     slots_calls(m));
	notify_status("stopping: %s", phase->name);
	if (phase->begin)
		phase->begin(m, now_us);
	pool_publish(m);
	for_each_slot(slot, m) slot_publish(slot);
}

void stop_begin(struct master *m, enum stop_order order)
{
	if (first_phase[order] <= m->stop_phase)
		return;
	if (m->stop_phase == STOP_NONE)
		notify_stopping();
	enter(m, first_phase[order], clock_boot_us());
}

void stop_review(struct master *m, uint64_t now_us)
{
	const struct phase *phase = &phases[m->stop_phase];

	if (phase->is_over && phase->is_over(m, now_us))
		enter(m, phase->next, now_us);
}
