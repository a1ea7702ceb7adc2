/* SPDX-License-Identifier: Apache-2.0
 *
 * The master's loop: handle what is ready, then what is due, then whoever
 * waits for an answer.  Called by mspoold.c when start() is done.  The trap:
 * deadlines are no timers of libevent; each turn asks for the next one, so
 * whoever sets a deadline needs no more than to set it.
 */
#include "master/master.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "master/control.h"
#include "master/fdstore.h"
#include "master/helpers.h"
#include "master/logfile.h"
#include "master/notify.h"
#include "master/owners.h"
#include "master/reload.h"
#include "master/rollback.h"
#include "master/run.h"
#include "master/simulators.h"
#include "master/slots.h"
#include "master/start.h"
#include "master/stop.h"

#define STORE_RETRY_US (10 * USEC_PER_MSEC)

struct slot_id slot_id_at(unsigned place)
{
	if (place < BOOK_MAX)
		return (struct slot_id){SLOT_SIGNALLING, (uint8_t)(place + 1)};
	return (struct slot_id){SLOT_MEDIA, (uint8_t)(place - BOOK_MAX + 1)};
}

struct slot *master_slot(struct master *m, struct slot_id id)
{
	if (id.kind == SLOT_SIGNALLING && id.index >= 1 && id.index <= BOOK_MAX)
		return &m->slots[id.index - 1];
	if (id.kind == SLOT_MEDIA && id.index >= 1 &&
	    id.index <= MEDIA_SLOT_MAX)
		return &m->slots[BOOK_MAX + id.index - 1];
	return NULL;
}

void tell(struct master *m, enum log_level level, const char *event,
	  const char *format, ...)
{
	char text[BOARD_EVENT_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_event(level, event, "%s", text);
	if (m->board)
		board_event(m->board, level, event, text);
}

void master_open_log(const struct master *m)
{
	struct log_settings settings = {
		.who = "master",
		.level = m->config->pool.log_level,
		.is_json = m->config->pool.is_log_json,
	};

	log_open(&settings);
}

/* ---- signals ------------------------------------------------------------- */

static void on_terminate(int number, unsigned what, void *arg)
{
	struct master *m = arg;

	(void)number, (void)what;
	stop_begin(m,
		   m->stop_phase == STOP_NONE ? STOP_GRACEFULLY : STOP_AT_ONCE);
}

static void on_quit(int number, unsigned what, void *arg)
{
	(void)number, (void)what;
	stop_begin(arg, STOP_WITH_BYE);
}

static void tell_lines(const char *lines)
{
	struct slice rest = slice_of(lines ? lines : "");

	while (rest.len > 0) {
		struct slice line = slice_cut(&rest, '\n');

		if (line.len > 0)
			log_event(LOG_LVL_NOTICE, "reload", "change=%s",
				  log_quote(line.ptr, (int)line.len));
	}
}

static void on_hang_up(int number, unsigned what, void *arg)
{
	struct master *m = arg;
	const struct reload_order for_good = {0};
	char why[SOCKETS_WHY_MAX] = "";
	char *lines = NULL;
	int rc;

	(void)number, (void)what;
	if (m->stop_phase != STOP_NONE)
		return;
	rc = reload_run(m, &for_good, &lines, why);
	tell_lines(lines);
	free(lines);
	if (rc < 0)
		tell(m, LOG_LVL_ERROR, "reload_refused",
		     "generation=%u reason=%s", m->generation,
		     log_quote(why, (int)strlen(why)));
	else
		tell(m, LOG_LVL_NOTICE, "reload", "generation=%u",
		     m->generation);
}

/* The rest of the log of before goes to whoever renamed its file. */
static void on_reopen(int number, unsigned what, void *arg)
{
	(void)number, (void)what;
	logfile_reopen(arg);
	helpers_reopen(arg);
	tell(arg, LOG_LVL_INFO, "reopen", "what=log,cdr");
}

static void on_upgrade(int number, unsigned what, void *arg)
{
	(void)number, (void)what;
	(void)upgrade_begin(arg); /* tells why not */
}

static const struct signal_row {
	int number;
	loop_fn *on_signal;
} signals[] = {
	{SIGTERM, on_terminate}, {SIGINT, on_terminate}, {SIGQUIT, on_quit},
	{SIGHUP, on_hang_up},	 {SIGUSR1, on_reopen},	 {SIGUSR2, on_upgrade},
};

#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* ---- the loop ------------------------------------------------------------ */

static void beat(struct master *m, uint64_t now_us)
{
	uint64_t every_us = notify_watchdog_us();

	atomic_store_explicit(&m->board->beat, now_us, memory_order_relaxed);
	if (every_us == 0 || now_us - m->watchdog_sent_us < every_us)
		return;
	m->watchdog_sent_us = now_us;
	notify_watchdog();
}

/* What is due; returns how long the next turn may wait. */
static uint64_t expire(struct master *m)
{
	uint64_t tick_us = slots_tick_us(m);
	uint64_t now = clock_boot_us();
	uint64_t until;

	if (now - m->ticked_us >= tick_us)
		slots_tick(m, now);
	beat(m, now);
	until = slots_expire(m, now, now + tick_us);
	slots_reap(m);
	until = simulators_expire(m, now, until);
	until = helpers_expire(m, now, until);
	until = rollback_review(m, now, until);
	start_review(m);
	stop_review(m, now);
	upgrade_review(m, now);
	control_review(m, now);
	slots_announce(m);
	fdstore_keep_listeners(&m->sockets);
	if (fdstore_pump() && until > now + STORE_RETRY_US)
		until = now + STORE_RETRY_US;
	now = clock_boot_us();
	return until > now ? until - now : 1;
}

static void turn(struct master *m)
{
	uint64_t wait_us = expire(m);

	if (m->stop_phase != STOP_DONE && loop_turn(m->loop, wait_us) < 0)
		must_fail(__FILE__, __LINE__, "the loop failed");
}

/* The program that we replaced blocked them: now somebody hears them. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int run(struct master *m)
{
	struct watch *watches[N_SIGNALS];

	for (unsigned i = 0; i < N_SIGNALS; i++)
		watches[i] = loop_watch_signal(m->loop, signals[i].number,
					       signals[i].on_signal, m);
	signal(SIGPIPE, SIG_IGN);
	unblock_signals();
	while (m->stop_phase != STOP_DONE)
		turn(m);
	for (unsigned i = 0; i < N_SIGNALS; i++)
		watch_free(watches[i]);
	tell(m, LOG_LVL_NOTICE, "pool_stopped", "calls=%u", slots_calls(m));
	return EXIT_SUCCESS;
}
