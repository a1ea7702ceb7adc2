/* SPDX-License-Identifier: Apache-2.0
 *
 * Helper programs as children of the master: one row each of `helper_kinds`.
 * Called at start, reload, stop and from the loop.  They are no slots: no call
 * waits for one.  Each ends when its channel does, so a master that dies takes
 * them along, and the next one starts others.
 *
 *   hears     from     what
 *   helper    channel  READY, CONFIG_REFUSED: nothing comes of them
 *
 * The trap: whoever waits for a disk looks like whoever hangs.  A helper's
 * board page tells which it is (is_asleep), and patience is a column.
 */
#include "master/helpers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define LEAST_US (2 * USEC_PER_SEC) /* a loop on a busy host takes so long */
#define LOOK_US	 (USEC_PER_SEC)	    /* how often beats are looked at */

static bool is_always_wanted(const struct config *config)
{
	(void)config;
	return true;
}

static bool is_cdr_wanted(const struct config *config)
{
	return config->cdr.directory != NULL;
}

static const struct helper_kind {
	const char *program;
	struct slot_id slot;
	bool (*is_wanted)(const struct config *config);
	uint64_t leave_us;  /* to end after RETIRE, then SIGKILL */
	uint64_t asleep_us; /* patience with one that says it waits */
	const char *up, *died, *down, *hung, *not_started; /* events */
} helper_kinds[] = {
	{"mspool-cdr",
	 {SLOT_CDR, 0},
	 is_cdr_wanted,
	 5 * USEC_PER_SEC,  /* to write what waits */
	 60 * USEC_PER_SEC, /* a disk may take so long */
	 "cdr_up",
	 "cdr_died",
	 "cdr_down",
	 "cdr_hung",
	 "cdr_start_failed"},
	{"mspool-observer",
	 {SLOT_OBSERVER, 0},
	 is_always_wanted,
	 USEC_PER_SEC,
	 0,
	 "observer_up",
	 "observer_died",
	 "observer_down",
	 "observer_hung",
	 "observer_start_failed"},
};

#define N_KINDS (sizeof(helper_kinds) / sizeof(helper_kinds[0]))

struct helper {
	const struct helper_kind *kind;
	struct master *master;
	struct process process;
	struct process former; /* of the program that we replaced */
	struct deaths deaths;
	struct channel *channel;
	struct watch *readable;
	const struct board *board; /* NULL before it exists */
	uint64_t beat, beat_us;	   /* the last one, and when it was seen */
	uint64_t started_us, due_us, leave_by_us;
	bool is_wanted, is_killed;
};

#define for_each_helper(it, m)                                                 \
	for (struct helper *it = (m)->helpers;                                 \
	     it && it < (m)->helpers + N_KINDS; it++)

int helpers_prepare(struct master *m)
{
	m->helpers = calloc(N_KINDS, sizeof(*m->helpers));
	if (!m->helpers)
		return -ENOMEM;
	for (unsigned i = 0; i < N_KINDS; i++) {
		m->helpers[i].kind = &helper_kinds[i];
		m->helpers[i].master = m;
		m->helpers[i].process.pidfd = -1;
	}
	return 0;
}

void helpers_forget(struct master *m)
{
	for_each_helper(helper, m) board_close(helper->board);
	free(m->helpers);
	m->helpers = NULL;
}

/* ---- messages ------------------------------------------------------------ */

static void on_helper_word(void *arg, const union message_payload *payload,
			   int fd)
{
	(void)arg, (void)payload;
	if (fd >= 0)
		close(fd);
}

static const struct inbox_row helper_inbox[] = {
	{MESSAGE_READY, on_helper_word},
	{MESSAGE_CONFIG_REFUSED, on_helper_word},
	{MESSAGE_NONE, NULL},
};

/* Its end shows at the pidfd; here only the room is kept free. */
static void on_readable(int fd, unsigned what, void *arg)
{
	struct helper *helper = arg;
	unsigned strange = 0;

	(void)fd, (void)what;
	if (channel_read(helper->channel, helper_inbox, helper, &strange) < 0)
		helper->readable = watch_free(helper->readable);
}

static void kill_helper(struct helper *helper, const char *reason)
{
	if (helper->is_killed)
		return;
	helper->is_killed = true;
	tell(helper->master, LOG_LVL_ERROR, helper->kind->hung,
	     "pid=%d reason=\"%s\"", helper->process.pid, reason);
	process_signal(&helper->process, SIGKILL);
}

/* Its successor gets the configuration that is in force then. */
static void send_to(struct helper *helper, enum message message,
		    const void *payload, int fd)
{
	if (helper->channel &&
	    channel_send(helper->channel, message, payload, fd) == -ENOBUFS)
		kill_helper(helper, "it reads no messages");
}

static void send_config(struct helper *helper)
{
	struct master *m = helper->master;
	struct message_config config = {
		.generation = m->generation,
		.size = (uint32_t)strlen(m->config_text),
	};

	send_to(helper, MESSAGE_CONFIG, &config, m->config_fd);
}

static void send_retire(struct helper *helper, uint64_t now_us)
{
	struct message_slot self = {.slot = helper->kind->slot};

	helper->leave_by_us = now_us + helper->kind->leave_us;
	send_to(helper, MESSAGE_RETIRE, &self, -1);
}

/* ---- the process --------------------------------------------------------- */

static void on_end(int fd, unsigned what, void *arg);

static int exec_process(struct helper *helper, int channel_fd)
{
	struct master *m = helper->master;
	char program[32], name[SLOT_NAME_MAX];
	char *argv[] = {program, name, m->run_dir, NULL};
	struct process_order order = {
		.program = helper->kind->program,
		.argv = argv,
		.channel_fd = channel_fd,
	};

	slice_copy(slice_of(helper->kind->program), program, sizeof(program));
	slot_name(helper->kind->slot, name);
	return process_start(&helper->process, &order, m->loop, on_end, helper);
}

static int start_process(struct helper *helper)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	rc = exec_process(helper, ends[1]);
	close(ends[1]);
	if (rc < 0) {
		close(ends[0]);
		return rc;
	}
	helper->channel = channel_new(ends[0]);
	helper->readable = helper->channel
				   ? loop_watch(helper->master->loop, ends[0],
						LOOP_READ, on_readable, helper)
				   : NULL;
	if (!helper->readable)
		process_signal(&helper->process, SIGKILL);
	return 0;
}

static void plan_restart(struct helper *helper, uint64_t now_us)
{
	uint64_t wait_us = DOWN_REST_US;
	enum life_event event = deaths_note(&helper->deaths, helper->started_us,
					    now_us, &wait_us);

	helper->due_us = now_us + wait_us;
	if (event == EVENT_LOOPED)
		tell(helper->master, LOG_LVL_ERROR, helper->kind->down,
		     "reason=\"it keeps dying at its start\"");
}

static void start_helper(struct helper *helper)
{
	struct master *m = helper->master;
	int rc;

	helper->started_us = clock_boot_us();
	helper->beat_us = helper->started_us + START_GRACE_US;
	helper->due_us = helper->leave_by_us = 0;
	helper->is_killed = false;
	board_close(helper->board); /* another release may make another page */
	helper->board = NULL;
	rc = start_process(helper);
	if (rc == 0) {
		send_config(helper);
		tell(m, LOG_LVL_INFO, helper->kind->up, "pid=%d",
		     helper->process.pid);
		return;
	}
	tell(m, LOG_LVL_ERROR, helper->kind->not_started,
	     "program=%s reason=\"%s\"", helper->kind->program, strerror(-rc));
	plan_restart(helper, helper->started_us);
}

static void on_end(int fd, unsigned what, void *arg)
{
	struct helper *helper = arg;
	int pid = helper->process.pid;
	int status = process_status(&helper->process);
	bool is_wished = helper->leave_by_us && status == 0;
	char how[64];

	(void)fd, (void)what;
	process_reap(&helper->process);
	helper->readable = watch_free(helper->readable);
	helper->channel = channel_free(helper->channel);
	if (!is_wished)
		tell(helper->master, LOG_LVL_WARNING, helper->kind->died,
		     "pid=%d status=\"%s\"", pid,
		     process_status_text(status, how, sizeof(how)));
	if (helper->is_wanted && is_wished)
		helper->due_us = clock_boot_us(); /* wanted again meanwhile */
	else if (helper->is_wanted)
		plan_restart(helper, clock_boot_us());
}

/* ---- beats --------------------------------------------------------------- */

static bool has_beaten(struct helper *helper)
{
	uint64_t beat;
	bool is_new;

	if (!helper->board)
		board_open(helper->master->run_dir, helper->kind->slot,
			   &helper->board);
	if (!helper->board)
		return false;
	beat = atomic_load_explicit(&helper->board->beat, memory_order_relaxed);
	is_new = beat != helper->beat;
	helper->beat = beat;
	return is_new;
}

static uint64_t patience_us(const struct helper *helper)
{
	uint64_t most_us = helper->master->config->pool.watchdog_us;

	if (most_us < LEAST_US)
		most_us = LEAST_US;
	if (helper->kind->asleep_us && helper->board &&
	    atomic_load_explicit(&helper->board->is_asleep,
				 memory_order_relaxed))
		most_us = helper->kind->asleep_us;
	return most_us;
}

static void check_beat(struct helper *helper, uint64_t now_us)
{
	if (has_beaten(helper) && helper->beat_us < now_us)
		helper->beat_us = now_us;
	if (now_us > helper->beat_us + patience_us(helper))
		kill_helper(helper, "no beat");
}

/* ---- what is called from elsewhere --------------------------------------- */

static void apply(struct helper *helper)
{
	bool was_wanted = helper->is_wanted;
	uint64_t now = clock_boot_us();

	helper->is_wanted = helper->kind->is_wanted(helper->master->config);
	if (helper->is_wanted && !helper->process.pid)
		helper->due_us = helper->due_us ? helper->due_us : now;
	else if (helper->is_wanted && !helper->leave_by_us)
		send_config(helper);
	else if (was_wanted && !helper->is_wanted)
		send_retire(helper, now);
}

void helpers_apply(struct master *m)
{
	for_each_helper(helper, m) apply(helper);
}

/* A pidfd, named "helper-PROGRAM-PID". */
void helpers_hand_over(struct master *m, hand_fn *hand, void *arg)
{
	char name[HANDED_NAME_MAX];

	for_each_helper(helper, m)
	{
		if (!helper->process.pid)
			continue;
		snprintf(name, sizeof(name), "helper-%s-%d",
			 helper->kind->program, (int)helper->process.pid);
		hand(arg, name, helper->process.pidfd);
	}
}

static void on_former_end(int fd, unsigned what, void *arg)
{
	struct helper *helper = arg;

	(void)fd, (void)what;
	process_reap(&helper->former);
}

void helpers_take(struct master *m)
{
	for_each_helper(helper, m)
	{
		char prefix[HANDED_NAME_MAX], pid[HANDED_NAME_MAX];
		int pidfd;

		snprintf(prefix, sizeof(prefix), "helper-%s-",
			 helper->kind->program);
		pidfd = handed_claim_next(&m->handed, prefix, pid);
		if (pidfd >= 0)
			(void)process_take(&helper->former,
					   (pid_t)strtol(pid, NULL, 10), pidfd,
					   m->loop, on_former_end, helper);
	}
}

void helpers_reopen(struct master *m)
{
	struct message_switch all = {.is_on = 1};

	for_each_helper(helper, m)
	{
		if (helper->kind->slot.kind == SLOT_CDR)
			send_to(helper, MESSAGE_REOPEN, &all, -1);
	}
}

void helpers_send_log(struct master *m, int fd)
{
	struct message_switch on = {.is_on = 1};

	for_each_helper(helper, m) send_to(helper, MESSAGE_LOG_FILE, &on, fd);
}

static void expire(struct helper *helper, uint64_t now_us)
{
	if (helper->is_wanted && helper->due_us && helper->due_us <= now_us)
		start_helper(helper);
	if (helper->channel)
		channel_flush(helper->channel);
	if (helper->process.pid)
		check_beat(helper, now_us);
	if (helper->leave_by_us && helper->process.pid &&
	    now_us >= helper->leave_by_us)
		kill_helper(helper, "it does not end");
}

uint64_t helpers_expire(struct master *m, uint64_t now_us, uint64_t until_us)
{
	for_each_helper(helper, m)
	{
		uint64_t next_us = helper->process.pid ? now_us + LOOK_US : 0;

		expire(helper, now_us);
		if (helper->is_wanted && helper->due_us)
			next_us = helper->due_us;
		if (next_us && next_us < until_us)
			until_us = next_us;
	}
	return until_us;
}

bool helpers_end(struct master *m, uint64_t now_us)
{
	bool are_gone = true;

	for_each_helper(helper, m)
	{
		helper->is_wanted = false;
		if (helper->process.pid && !helper->leave_by_us)
			send_retire(helper, now_us);
		are_gone = are_gone && !helper->process.pid;
	}
	return are_gone;
}
