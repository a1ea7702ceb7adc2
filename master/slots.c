/* SPDX-License-Identifier: Apache-2.0
 *
 * Carries out the table of supervise.c: processes are started, told, watched,
 * killed and buried here.  Called by start.c, scale.c, reload.c, stop.c and
 * from the loop of the master.  The trap: a death is handled only when its
 * channel is read dry, since the last words (HOLD_CONNECTION, LET_GO) count.
 */
#include "master/slots.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "master/format.h"
#include "master/inbox.h"
#include "master/owners.h"
#include "master/rings.h"

#define LAST_WORDS_MAX 64 /* times what channel_read takes at once */
#define TICK_MIN_US    (20 * USEC_PER_MSEC)
#define TICK_MAX_US    (250 * USEC_PER_MSEC)

static const char *const programs[] = {
	[SLOT_SIGNALLING] = "mspool-worker",
	[SLOT_MEDIA] = "mspool-media",
};

const char *slot_program(struct slot_id id)
{
	return programs[id.kind];
}

/* What is known of it from before: the administrator's word, and the epoch
 * that its next owner must be above. */
static void remember(struct master *m, struct slot *slot)
{
	uint32_t last = 0;

	slot->is_drained = pool_table_admin(m->table, slice_of(slot->name)) &
			   ADMIN_DRAINED;
	if (slot->id.kind == SLOT_SIGNALLING)
		last = book_last_epoch(m->run_dir, slot->id.index);
	if (last > slot->epoch)
		slot->epoch = last;
}

int slot_prepare(struct master *m, struct slot *slot)
{
	struct message_doorbell bell = {.slot = slot->id};
	int rc;

	if (slot->is_known)
		return 0;
	slot->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (slot->doorbell < 0)
		return -errno;
	rc = rings_create(m, slot);
	if (rc < 0) {
		close(slot->doorbell);
		return rc;
	}
	remember(m, slot);
	slot->owner = slot;
	slot->is_known = true;
	slots_send_all(m, MESSAGE_DOORBELL, &bell, slot->doorbell);
	return 0;
}

/* ---- messages ------------------------------------------------------------ */

static void on_writable(int fd, unsigned what, void *arg);

/* Is a grant to it waiting for room?  The room may have come since the grant
 * was put off, so its watch is needed even if nothing is queued now. */
static bool is_granted_to(const struct slot *process)
{
	for_each_slot(slot, process->master)
	{
		if (slot->owner == process && slot->is_granting)
			return true;
	}
	return false;
}

void slot_watch_room(struct slot *slot)
{
	bool is_full = slot->channel &&
		       (channel_flush(slot->channel) || is_granted_to(slot));

	if (!is_full)
		slot->writable = watch_free(slot->writable);
	else if (!slot->writable)
		slot->writable = loop_watch(slot->master->loop,
					    channel_fd(slot->channel),
					    LOOP_WRITE, on_writable, slot);
}

static void on_writable(int fd, unsigned what, void *arg)
{
	struct slot *process = arg;

	(void)fd, (void)what;
	channel_flush(process->channel);
	for_each_slot(slot, process->master)
	{
		if (slot->owner == process && slot->is_granting)
			owner_pump(slot);
	}
	slot_watch_room(process);
}

void slot_kill(struct slot *slot, const char *reason)
{
	if (!slot->process.pid || slot->is_killed)
		return;
	slot->is_killed = true;
	tell(slot->master, LOG_LVL_ERROR, "worker_hung",
	     "slot=%s pid=%d reason=\"%s\"", slot->name, slot->process.pid,
	     reason);
	process_signal(&slot->process, SIGKILL);
}

void slot_warn(struct slot *slot, const char *what, int error)
{
	if (slot->is_warned)
		return;
	slot->is_warned = true;
	tell(slot->master, LOG_LVL_WARNING, "worker_odd",
	     "slot=%s pid=%d what=\"%s\" error=\"%s\"", slot->name,
	     slot->process.pid, what, error ? strerror(error) : "");
}

void slot_send(struct slot *slot, enum message message, const void *payload,
	       int fd)
{
	int rc;

	if (!slot->channel)
		return;
	rc = channel_send(slot->channel, message, payload, fd);
	if (rc == -ENOBUFS)
		slot_kill(slot, "it reads no messages");
	slot_watch_room(slot);
}

void slots_send_all(struct master *m, enum message message, const void *payload,
		    int fd)
{
	for_each_slot(slot, m) slot_send(slot, message, payload, fd);
}

bool slot_is_drained(const struct slot *slot)
{
	return slot->is_drained || !slot->is_wanted ||
	       slot->master->stop_phase != STOP_NONE;
}

void slot_send_drain(struct slot *slot)
{
	struct message_switch drain = {.is_on = slot_is_drained(slot)};

	slot_send(slot, MESSAGE_DRAIN, &drain, -1);
}

/* ---- a process starts ---------------------------------------------------- */

static void on_readable(int fd, unsigned what, void *arg);
static void on_end(int fd, unsigned what, void *arg);

static int exec_process(struct slot *slot, int channel_fd)
{
	struct master *m = slot->master;
	const char *program = slot_program(slot->id);
	char *argv[] = {(char *)(uintptr_t)program, slot->name, m->run_dir,
			NULL};
	struct process_order order = {
		.program = program,
		.argv = argv,
		.channel_fd = channel_fd,
	};

	return process_start(&slot->process, &order, m->loop, on_end, slot);
}

static int start_process(struct slot *slot)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	rc = exec_process(slot, ends[1]);
	close(ends[1]);
	if (rc < 0) {
		close(ends[0]);
		return rc;
	}
	slot->channel = channel_new(ends[0]);
	if (slot->channel)
		slot->readable = loop_watch(slot->master->loop, ends[0],
					    LOOP_READ, on_readable, slot);
	if (!slot->readable) /* its end follows and is handled as a death */
		process_signal(&slot->process, SIGKILL);
	return 0;
}

static void tell_configuration(struct slot *slot)
{
	struct master *m = slot->master;
	struct message_config config = {
		.generation = m->generation,
		.size = (uint32_t)strlen(m->config_text),
	};

	slot_send(slot, MESSAGE_CONFIG, &config, m->config_fd);
}

static void tell_all(struct slot *process)
{
	for_each_slot(slot, process->master)
	{
		struct message_doorbell bell = {.slot = slot->id};

		slot_send(process, MESSAGE_DOORBELL, &bell, slot->doorbell);
	}
	tell_configuration(process);
	slot_send_drain(process);
}

static void bury(struct slot *slot, uint64_t now_us);

static void act_spawn(struct slot *slot)
{
	uint64_t now = clock_boot_us();
	int rc;

	slot->since_us = now;
	slot->patience_us = now + START_GRACE_US;
	slot->generation = 0;
	slot->is_warned = false;
	board_close(slot->board); /* another release may make another page */
	slot->board = NULL;
	slot->is_killed = false;
	rc = start_process(slot);
	if (rc == 0) {
		slot_publish(slot); /* so that a next master knows it */
		tell_all(slot);
		owner_grant_all(slot);
		return;
	}
	tell(slot->master, LOG_LVL_ERROR, "worker_start_failed",
	     "slot=%s program=%s reason=\"%s\"", slot->name,
	     slot_program(slot->id), strerror(-rc));
	bury(slot, now);
}

/* ---- a process ends ------------------------------------------------------ */

/* -EPIPE at the end. */
static int read_messages(struct slot *slot)
{
	unsigned strange = 0;
	int rc = channel_read(slot->channel, master_inbox, slot, &strange);

	if (strange > 0)
		slot_warn(slot, "strange messages, or too few open files", 0);
	return rc;
}

/* The kernel has closed the other end: all that was said is here. */
static void read_last_words(struct slot *slot)
{
	unsigned n = 0;

	while (slot->channel && n++ < LAST_WORDS_MAX)
		if (read_messages(slot) < 0)
			return;
}

static void on_readable(int fd, unsigned what, void *arg)
{
	struct slot *slot = arg;

	(void)fd, (void)what;
	if (read_messages(slot) == 0)
		return;
	slot->readable = watch_free(slot->readable);
	process_signal(&slot->process, SIGKILL); /* nobody can talk to it */
}

/* Reads the pages of what the dead had pinned free (LMDB readers). */
static void clear_readers(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (slot->id.kind != SLOT_SIGNALLING)
			continue;
		if (!slot->book)
			book_open(m->run_dir, slot->id.index, &slot->book);
		if (slot->book)
			store_check_readers(book_store(slot->book));
	}
	pool_table_check_readers(m->table);
	health_table_check_readers(m->health);
}

static void drop_process(struct slot *slot)
{
	slot->readable = watch_free(slot->readable);
	slot->writable = watch_free(slot->writable);
	slot->channel = channel_free(slot->channel);
	slot->generation = 0;
}

/* Counts a death and steps the life. */
static void bury(struct slot *slot, uint64_t now_us)
{
	/* One that was told to make room for its successor did not die. */
	enum life_event event =
		slot->life == LIFE_CHANGING
			? EVENT_DIED
			: deaths_note(&slot->deaths, slot->since_us, now_us,
				      &slot->back_off_us);

	slot->due_us = 0;
	slot->is_prober = false;
	owner_died(slot);
	slot_feed(slot, event);
	slots_reconcile(slot->master);
}

static void tell_end(struct slot *slot, int pid, int status)
{
	bool is_told =
		slot->life == LIFE_LEAVING || slot->life == LIFE_CHANGING;
	bool is_wished =
		is_told && (status == 0 || status == PROCESS_STATUS_UNKNOWN);
	char how[64];

	if (is_wished)
		tell(slot->master, LOG_LVL_NOTICE, "worker_retired",
		     "slot=%s pid=%d", slot->name, pid);
	else
		tell(slot->master, LOG_LVL_WARNING, "worker_died",
		     "slot=%s pid=%d status=\"%s\" lived_ms=%llu", slot->name,
		     pid, process_status_text(status, how, sizeof(how)),
		     (unsigned long long)(clock_boot_us() - slot->since_us) /
			     USEC_PER_MSEC);
}

/* What has to be done first is to start the successor; the rest follows at the
 * turn's end, in slots_reap. */
static void on_end(int fd, unsigned what, void *arg)
{
	struct slot *slot = arg;

	(void)fd, (void)what;
	read_last_words(slot);
	drop_process(slot);
	slot->ended = slot->process;
	slot->ended.watch = watch_free(slot->ended.watch);
	slot->process = (struct process){.pidfd = -1};
	tell_end(slot, slot->ended.pid, process_status(&slot->ended));
	bury(slot, clock_boot_us());
}

void slots_reap(struct master *m)
{
	bool has_ended = false;

	for_each_slot(slot, m)
	{
		has_ended |= slot->ended.pid != 0;
		process_reap(&slot->ended);
	}
	if (has_ended)
		clear_readers(m);
}

void slot_take_back(struct slot *slot)
{
	struct message_switch probe = {.is_on = slot->is_prober};
	struct loop *loop = slot->master->loop;

	watch_free(slot->process.watch);
	slot->process.watch =
		loop_watch(loop, slot->process.pidfd, LOOP_READ, on_end, slot);
	watch_free(slot->readable);
	slot->readable = loop_watch(loop, channel_fd(slot->channel), LOOP_READ,
				    on_readable, slot);
	slot->life = life_step(slot->life, EVENT_KEPT).next;
	slot->patience_us =
		clock_boot_us() + slot->master->config->pool.watchdog_us;
	tell_all(slot);
	if (slot->id.kind == SLOT_SIGNALLING)
		slot_send(slot, MESSAGE_PROBE, &probe, -1);
	tell(slot->master, LOG_LVL_NOTICE, "worker_kept", "slot=%s pid=%d",
	     slot->name, slot->process.pid);
}

/* ---- the actions of the table -------------------------------------------- */

static void act_kill(struct slot *slot)
{
	slot_kill(slot, slot->generation ? "no beat" : "not ready in time");
}

static void act_join(struct slot *slot)
{
	const struct config_pool *pool = &slot->master->config->pool;

	slot->takes_calls = true;
	slot->patience_us = clock_boot_us() + pool->watchdog_us;
	tell(slot->master, slot->restarts ? LOG_LVL_NOTICE : LOG_LVL_INFO,
	     slot->restarts ? "worker_replaced" : "worker_up",
	     "slot=%s pid=%d took_ms=%llu", slot->name, slot->process.pid,
	     (unsigned long long)(clock_boot_us() - slot->since_us) /
		     USEC_PER_MSEC);
	owner_adopt_orphans(slot);
	steer_spread(slot->master);
}

static void act_back_off(struct slot *slot)
{
	slot->restarts++;
	slot->due_us = clock_boot_us() + slot->back_off_us;
}

static void act_rest(struct slot *slot)
{
	slot->restarts++;
	slot->due_us = clock_boot_us() + DOWN_REST_US;
	tell(slot->master, LOG_LVL_ERROR, "worker_down",
	     "slot=%s reason=\"it keeps dying at its start\" again_in_s=%llu",
	     slot->name, DOWN_REST_US / USEC_PER_SEC);
}

static void act_quit(struct slot *slot)
{
	slot->takes_calls = false;
	slot_send_drain(slot);
	steer_spread(slot->master);
}

static void act_bequeath(struct slot *slot)
{
	owner_bequeath(slot);
}

static void act_leave(struct slot *slot)
{
	struct message_slot self = {.slot = slot->id};
	struct message_switch off = {.is_on = 0};

	if (slot->is_prober)
		slot_send(slot, MESSAGE_PROBE, &off, -1);
	slot->is_prober = false;
	slot_send(slot, MESSAGE_RETIRE, &self, -1);
	slot->due_us = clock_boot_us() + LEAVE_US;
}

static const struct {
	unsigned action;
	void (*act)(struct slot *slot);
} acts[] = {
	{ACT_SPAWN, act_spawn},	      {ACT_KILL, act_kill},
	{ACT_JOIN, act_join},	      {ACT_BACK_OFF, act_back_off},
	{ACT_REST, act_rest},	      {ACT_QUIT, act_quit},
	{ACT_BEQUEATH, act_bequeath}, {ACT_LEAVE, act_leave},
};

void slot_feed(struct slot *slot, enum life_event event)
{
	struct life_row row = life_step(slot->life, event);

	if (row.next == slot->life && !row.actions)
		return;
	slot->life = row.next;
	slot_publish(slot);
	for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (row.actions & acts[i].action)
			acts[i].act(slot);
	}
	prober_choose(slot->master);
	format_review(slot->master);
	slot_publish(slot);
}

void slots_reconcile(struct master *m)
{
	for_each_slot(slot, m)
		slot_feed(slot, slot->is_wanted ? EVENT_ADD : EVENT_RETIRE);
}

/* ---- time ---------------------------------------------------------------- */

static void expire_due(struct slot *slot, uint64_t now_us)
{
	if (slot->due_us == 0 || now_us < slot->due_us)
		return;
	slot->due_us = 0;
	slot_feed(slot, EVENT_DUE);
}

static void expire_let_go(struct slot *slot, uint64_t now_us)
{
	if (slot->let_go_by_us == 0 || now_us < slot->let_go_by_us)
		return;
	slot->let_go_by_us = 0;
	slot_kill(slot->owner, "it does not let go of another's book");
}

static uint64_t sooner(uint64_t until_us, uint64_t deadline_us)
{
	return deadline_us && deadline_us < until_us ? deadline_us : until_us;
}

uint64_t slots_tick_us(const struct master *m)
{
	uint64_t tick = m->config->pool.watchdog_us / 4;

	if (tick < TICK_MIN_US)
		return TICK_MIN_US;
	return tick < TICK_MAX_US ? tick : TICK_MAX_US;
}

static const struct board *page_of(struct slot *slot)
{
	if (!slot->board)
		board_open(slot->master->run_dir, slot->id, &slot->board);
	return slot->board;
}

/* A beat is the time of the process's last turn, so that a hang is found when
 * the watchdog's time after it is over, not when we happen to look.  It counts
 * from READY on; until then START_GRACE_US runs.  A page that names a time to
 * come is believed up to now. */
static void see_beat(struct slot *slot, uint64_t now_us)
{
	const struct board *page = page_of(slot);
	uint64_t beat =
		page ? atomic_load_explicit(&page->beat, memory_order_relaxed)
		     : 0;
	uint64_t until_us = (beat < now_us ? beat : now_us) +
			    slot->master->config->pool.watchdog_us;

	if (beat == slot->beat)
		return;
	slot->beat = beat;
	if (slot->generation && until_us > slot->patience_us)
		slot->patience_us = until_us;
}

static void expire_patience(struct slot *slot, uint64_t now_us)
{
	if (slot->patience_us == 0 || now_us < slot->patience_us)
		return;
	if (slot->channel)
		see_beat(slot, now_us);
	if (now_us < slot->patience_us)
		return;
	slot->patience_us = 0;
	if (slot->channel)
		slot_feed(slot, EVENT_HUNG);
}

uint64_t slots_expire(struct master *m, uint64_t now_us, uint64_t until_us)
{
	for_each_slot(slot, m)
	{
		expire_due(slot, now_us);
		expire_let_go(slot, now_us);
		expire_patience(slot, now_us);
		until_us = sooner(until_us, slot->due_us);
		until_us = sooner(until_us, slot->let_go_by_us);
		until_us = sooner(until_us, slot->patience_us);
	}
	return until_us;
}

/* When it is we who did not run (a suspended host, a stopped master), silence
 * proves nothing: everybody gets a fresh watchdog's time. */
void slots_tick(struct master *m, uint64_t now_us)
{
	uint64_t watchdog_us = m->config->pool.watchdog_us;
	bool was_away = now_us - m->ticked_us > watchdog_us / 2;

	m->ticked_us = now_us;
	if (!was_away)
		return;
	for_each_slot(slot, m)
	{
		if (slot->patience_us &&
		    slot->patience_us < now_us + watchdog_us)
			slot->patience_us = now_us + watchdog_us;
	}
}

/* ---- what others ask ------------------------------------------------------
 */

static bool is_settled(const struct slot *slot)
{
	if (!slot->is_wanted)
		return slot->life == LIFE_GONE;
	if (slot->life == LIFE_DOWN)
		return true;
	return slot->life == LIFE_UP &&
	       slot->generation == slot->master->generation;
}

bool slots_are_settled(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (!is_settled(slot))
			return false;
	}
	return true;
}

bool slots_are_up(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (slot->is_wanted && slot->life != LIFE_UP)
			return false;
	}
	return true;
}

unsigned slots_calls(struct master *m)
{
	unsigned calls = 0;

	for_each_slot(slot, m)
	{
		const struct board *page = slot->channel ? page_of(slot) : NULL;

		if (page && slot->id.kind == SLOT_SIGNALLING)
			calls += atomic_load_explicit(&page->calls,
						      memory_order_relaxed);
	}
	return calls;
}
