/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-cdr as a child of the master; called at start, reload, stop and from
 * the loop.  It is no slot: it serves no book, `workers` does not list it, and
 * no call waits for it.  A master that dies takes it along, since it ends when
 * its channel does; the next master starts another, which waits for its lock.
 *
 * The trap: a disk that hangs looks like a process that hangs.  Its board page
 * tells which it is (is_asleep: it waits for the disk).  Killing is harmless
 * in both cases, but in the one it would go on for ever.
 */
#include "master/cdr.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/cdr_page.h"

#define PROGRAM	 "mspool-cdr"
#define DISK_US	 (60 * USEC_PER_SEC) /* a disk may take so long */
#define LEAST_US (2 * USEC_PER_SEC)  /* and a loop on a busy host so long */
#define WRITE_US (5 * USEC_PER_SEC)  /* to write what waits, at a stop */

struct cdr_child {
	struct master *master;
	struct process process;
	struct deaths deaths;
	struct channel *channel;
	struct watch *readable;
	const struct board *board; /* NULL before it exists */
	uint64_t beat, beat_us;	   /* the last one, and when it was seen */
	uint64_t started_us, due_us, leave_by_us;
	uint32_t restarts;
	bool is_wanted, is_killed;
};

static const struct slot_id cdr_slot = {SLOT_CDR, 0};

int cdr_prepare(struct master *m)
{
	m->cdr = calloc(1, sizeof(*m->cdr));
	if (!m->cdr)
		return -ENOMEM;
	m->cdr->master = m;
	m->cdr->process.pidfd = -1;
	return cdr_page_make(m->run_dir);
}

void cdr_forget(struct master *m)
{
	if (m->cdr)
		board_close(m->cdr->board);
	free(m->cdr);
	m->cdr = NULL;
}

/* ---- messages ------------------------------------------------------------ */

static void on_cdr_word(void *arg, const union message_payload *payload, int fd)
{
	(void)arg, (void)payload;
	if (fd >= 0)
		close(fd);
}

static const struct inbox_row cdr_inbox[] = {
	{MESSAGE_READY, on_cdr_word},
	{MESSAGE_CONFIG_REFUSED, on_cdr_word},
	{MESSAGE_NONE, NULL},
};

/* Its end shows at the pidfd; here only the room is kept free. */
static void on_readable(int fd, unsigned what, void *arg)
{
	struct cdr_child *child = arg;
	unsigned strange = 0;

	(void)fd, (void)what;
	if (channel_read(child->channel, cdr_inbox, child, &strange) < 0)
		child->readable = watch_free(child->readable);
}

static void kill_cdr(struct cdr_child *child, const char *reason)
{
	if (child->is_killed)
		return;
	child->is_killed = true;
	tell(child->master, LOG_LVL_ERROR, "cdr_hung", "pid=%d reason=\"%s\"",
	     child->process.pid, reason);
	process_signal(&child->process, SIGKILL);
}

/* Its successor gets the configuration that is in force then. */
static void send_to_cdr(struct cdr_child *child, enum message message,
			const void *payload, int fd)
{
	if (child->channel &&
	    channel_send(child->channel, message, payload, fd) == -ENOBUFS)
		kill_cdr(child, "it reads no messages");
}

static void send_config(struct cdr_child *child)
{
	struct master *m = child->master;
	struct message_config config = {
		.generation = m->generation,
		.size = (uint32_t)strlen(m->config_text),
	};

	send_to_cdr(child, MESSAGE_CONFIG, &config, m->config_fd);
}

static void send_retire(struct cdr_child *child, uint64_t now_us)
{
	struct message_slot self = {.slot = cdr_slot};

	child->leave_by_us = now_us + WRITE_US;
	send_to_cdr(child, MESSAGE_RETIRE, &self, -1);
}

/* ---- the process --------------------------------------------------------- */

static void on_end(int fd, unsigned what, void *arg);

static int exec_process(struct cdr_child *child, int channel_fd)
{
	struct master *m = child->master;
	char program[] = PROGRAM, name[SLOT_NAME_MAX];
	char *argv[] = {program, name, m->run_dir, NULL};
	struct process_order order = {
		.program = PROGRAM,
		.argv = argv,
		.channel_fd = channel_fd,
	};

	slot_name(cdr_slot, name);
	return process_start(&child->process, &order, m->loop, on_end, child);
}

static int start_process(struct cdr_child *child)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	rc = exec_process(child, ends[1]);
	close(ends[1]);
	if (rc < 0) {
		close(ends[0]);
		return rc;
	}
	child->channel = channel_new(ends[0]);
	child->readable = child->channel
				  ? loop_watch(child->master->loop, ends[0],
					       LOOP_READ, on_readable, child)
				  : NULL;
	if (!child->readable)
		process_signal(&child->process, SIGKILL);
	return 0;
}

static void plan_restart(struct cdr_child *child, uint64_t now_us)
{
	uint64_t wait_us = DOWN_REST_US;
	enum life_event event = deaths_note(&child->deaths, child->started_us,
					    now_us, &wait_us);

	child->due_us = now_us + wait_us;
	child->restarts++;
	if (event == EVENT_LOOPED)
		tell(child->master, LOG_LVL_ERROR, "cdr_down",
		     "reason=\"it keeps dying at its start\"");
}

static void start_cdr(struct cdr_child *child)
{
	struct master *m = child->master;
	int rc;

	child->started_us = clock_boot_us();
	child->beat_us = child->started_us + START_GRACE_US;
	child->due_us = child->leave_by_us = 0;
	child->is_killed = false;
	board_close(child->board); /* another release may make another page */
	child->board = NULL;
	rc = start_process(child);
	if (rc == 0) {
		send_config(child);
		tell(m, LOG_LVL_INFO, "cdr_up", "pid=%d", child->process.pid);
		return;
	}
	tell(m, LOG_LVL_ERROR, "cdr_start_failed", "program=%s reason=\"%s\"",
	     PROGRAM, strerror(-rc));
	plan_restart(child, child->started_us);
}

static void on_end(int fd, unsigned what, void *arg)
{
	struct cdr_child *child = arg;
	int pid = child->process.pid;
	int status = process_status(&child->process);
	bool is_wished = child->leave_by_us && status == 0;
	char how[64];

	(void)fd, (void)what;
	process_reap(&child->process);
	child->readable = watch_free(child->readable);
	child->channel = channel_free(child->channel);
	if (!is_wished)
		tell(child->master, LOG_LVL_WARNING, "cdr_died",
		     "pid=%d status=\"%s\"", pid,
		     process_status_text(status, how, sizeof(how)));
	if (child->is_wanted && is_wished)
		child->due_us = clock_boot_us(); /* wanted again meanwhile */
	else if (child->is_wanted)
		plan_restart(child, clock_boot_us());
}

/* ---- what is called from elsewhere --------------------------------------- */

void cdr_apply(struct master *m)
{
	struct cdr_child *child = m->cdr;
	bool was_wanted = child->is_wanted;
	uint64_t now = clock_boot_us();

	child->is_wanted = m->config->cdr.directory != NULL;
	if (child->is_wanted && !child->process.pid)
		child->due_us = child->due_us ? child->due_us : now;
	else if (child->is_wanted && !child->leave_by_us)
		send_config(child);
	else if (was_wanted && !child->is_wanted)
		send_retire(child, now);
}

void cdr_reopen(struct master *m)
{
	struct message_switch all = {.is_on = 1};

	send_to_cdr(m->cdr, MESSAGE_REOPEN, &all, -1);
}

void cdr_send_log(struct master *m, int fd)
{
	struct message_switch on = {.is_on = 1};

	send_to_cdr(m->cdr, MESSAGE_LOG_FILE, &on, fd);
}

static bool has_beaten(struct cdr_child *child)
{
	uint64_t beat;
	bool is_new;

	if (!child->board)
		board_open(child->master->run_dir, cdr_slot, &child->board);
	if (!child->board)
		return false;
	beat = atomic_load_explicit(&child->board->beat, memory_order_relaxed);
	is_new = beat != child->beat;
	child->beat = beat;
	return is_new;
}

static void check_beat(struct cdr_child *child, uint64_t now_us)
{
	uint64_t most_us = child->master->config->pool.watchdog_us;

	if (has_beaten(child) && child->beat_us < now_us)
		child->beat_us = now_us;
	if (most_us < LEAST_US)
		most_us = LEAST_US;
	if (child->board && atomic_load_explicit(&child->board->is_asleep,
						 memory_order_relaxed))
		most_us = DISK_US;
	if (now_us > child->beat_us + most_us)
		kill_cdr(child, "no beat");
}

uint64_t cdr_expire(struct master *m, uint64_t now_us, uint64_t until_us)
{
	struct cdr_child *child = m->cdr;

	if (child->is_wanted && child->due_us && child->due_us <= now_us)
		start_cdr(child);
	if (child->channel)
		channel_flush(child->channel);
	if (child->process.pid)
		check_beat(child, now_us);
	if (child->leave_by_us && child->process.pid &&
	    now_us >= child->leave_by_us)
		kill_cdr(child, "it does not end");
	if (child->is_wanted && child->due_us && child->due_us < until_us)
		until_us = child->due_us;
	return until_us;
}

bool cdr_end(struct master *m, uint64_t now_us)
{
	struct cdr_child *child = m->cdr;

	child->is_wanted = false;
	if (child->process.pid && !child->leave_by_us)
		send_retire(child, now_us);
	return !child->process.pid;
}
