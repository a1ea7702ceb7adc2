/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-worker, the signalling worker: one Mediation Server of the pool.
 * Started by the master only.
 *
 *   hears     from        what
 *   master    channel     worker/inbox.c
 *   peers     sockets     worker/udp.c, worker/connection.c
 *   siblings  rings       worker/intake.c (HANDOVER)
 *   media     rings       worker/media.c (ports, dead media)
 *
 * The loop: handle what is ready, then timers, then one commit, then send.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/version.h"
#include "worker/adopt.h"
#include "worker/inbox.h"
#include "worker/intake.h"
#include "worker/media.h"
#include "worker/poison.h"
#include "worker/timers.h"

#define WAIT_MAX_US   50000ull /* so that the board's beat is never older */
#define OFFER_WAIT_US 1000ull  /* more descriptors for a new master */

void worker_open_log(struct worker *worker)
{
	const struct config_pool *pool = &worker->child.config->pool;

	log_open(&(struct log_settings){.who = worker->child.name,
					.level = pool->log_level,
					.is_json = pool->is_log_json});
}

/* Test builds: MSPOOL_TEST_FORMAT=ms2 makes the first process of that slot one
 * of the release before. */
static void pretend_format(struct worker *worker)
{
#ifdef CRASH_POINTS
	const char *who = getenv("MSPOOL_TEST_FORMAT");
	char path[512];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/format-%s", worker->child.run_dir,
		 worker->child.name);
	if (who && strcmp(who, worker->child.name) == 0)
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0) {
		worker->board->format = FORMAT_OLDEST;
		close(fd);
	}
#else
	(void)worker;
#endif
}

static void tell_refused_pages(struct worker *worker)
{
	char last[64], text[BOARD_EVENT_TEXT];
	unsigned n = board_refused_pages(last);

	if (!n)
		return;
	snprintf(text, sizeof(text),
		 "n=%u last=%s reason=\"of another release\"", n, last);
	log_event(LOG_LVL_WARNING, "pages_made_anew", "%s", text);
	board_event(worker->board, LOG_LVL_WARNING, "pages_made_anew", text);
}

static void start(struct worker *worker, int argc, char **argv)
{
	const char *run;

	/* Memory of calls that ended serves the next ones: giving it back and
	 * touching it anew costs a page fault for each page. */
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	child_start(&worker->child, argc, argv);
	log_open(&(struct log_settings){.who = worker->child.name,
					.level = LOG_LVL_INFO});
	run = worker->child.run_dir;
	worker->now_us = clock_boot_us();
	worker->wheel = wheel_new(worker->now_us);
	must(worker->wheel);
	for (unsigned i = 0; i <= BOOK_MAX; i++)
		worker->bells[i] = -1;
	for (unsigned i = 0; i <= MEDIA_SLOT_MAX; i++)
		worker->media_bells[i] = -1;
	must(board_own(run, worker->child.slot, &worker->board) == 0);
	must(figures_own(run, worker->child.slot, &worker->figures) == 0);
	must_note_at(worker->board->last_words,
		     sizeof(worker->board->last_words));
	worker->effect_sent_before = worker->board->effect_sent;
	poison_start(worker);
	worker->board->calls = 0;
	worker->board->calls_early = 0;
	for (unsigned i = 0; i < BOARD_PEERS; i++)
		worker->board->peers[i].calls = 0;
	must(pool_table_open(run, false, &worker->health.pool) == 0);
	/* written by the prober; there from the start */
	(void)health_table_open(run, false, &worker->health.table);
	must(steer_board_open(run, &worker->steer) == 0);
	record_follow(&worker->steer->format);
	pretend_format(worker);
	tell_refused_pages(worker);
	worker->channel_watch = loop_watch(worker->child.loop,
					   channel_fd(worker->child.channel),
					   LOOP_READ, inbox_read, worker);
	must(worker->channel_watch);
	child_confine(&worker->child, CONFINE_WORKER);
}

static void read_rings(struct worker *worker)
{
	for_each_server(server, worker)
	{
		if (!server->book)
			continue;
		for_each_number(from, server->in_open)
		{
			if (!ring_is_empty(server->in[from]))
				intake_ring(server, from);
		}
		for_each_number(slot, server->told_open)
		{
			if (!ring_is_empty(server->told[slot]))
				media_told(server, slot);
		}
	}
}

/* Marks all our rings, so that who puts something rings our bell; true when
 * something is there already. */
static bool fall_asleep(struct worker *worker, bool is_asleep)
{
	bool has_input = false;

	for_each_server(server, worker)
	{
		if (!server->book)
			continue;
		for_each_number(from, server->in_open)
		{
			ring_sleep(server->in[from], is_asleep);
			has_input |= !ring_is_empty(server->in[from]);
		}
		for_each_number(slot, server->told_open)
		{
			ring_sleep(server->told[slot], is_asleep);
			has_input |= !ring_is_empty(server->told[slot]);
		}
	}
	return has_input;
}

static uint64_t wait_us(struct worker *worker)
{
	if (worker->quiet_since_us || worker->is_leaving || turn_is_due(worker))
		return 0;
	if (worker->rejoin.state == REJOIN_OFFERING)
		return OFFER_WAIT_US;
	return wheel_wait_us(worker->wheel, clock_boot_us(), WAIT_MAX_US);
}

static void turn(struct worker *worker)
{
	uint64_t wait = wait_us(worker);

	if (wait && fall_asleep(worker, true))
		wait = 0;
	worker->had_input = false;
	worker->now_us = clock_boot_us();
	if (loop_turn(worker->child.loop, wait) < 0)
		log_event(LOG_LVL_ERROR, "loop_failed", "slot=%s",
			  worker->child.name);
	worker->now_us = clock_boot_us();
	if (wait)
		fall_asleep(worker, false);
	atomic_store_explicit(&worker->board->beat, worker->now_us,
			      memory_order_relaxed);
	read_rings(worker);
	timers_run(worker);
	turn_end(worker);
	rejoin_turn(worker);
}

int main(int argc, char **argv)
{
	static struct worker worker;

	start(&worker, argc, argv);
	while (!worker.is_leaving)
		turn(&worker);
	turn_end(&worker); /* what the last step wished */
	channel_flush(worker.child.channel);
	return 0;
}
