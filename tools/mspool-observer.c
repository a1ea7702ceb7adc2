/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-observer serves metrics and health over HTTP.  One process a pool,
 * started by the master only; it reads and never writes but for its own board
 * page.
 *
 *   hears     from              what
 *   master    channel           CONFIG, LOG_FILE, RETIRE
 *   anybody   HTTP              GET of the rows of `paths` (observer_http.c)
 *   group     observer.sock     looking verbs of mspoolctl (observer_query.c)
 *
 * Every answer is made from a fresh look at what the processes share, so that
 * nothing has to be kept true, and its death costs nothing: its successor goes
 * on.  It ends when the master retires it or is gone.
 *
 * Trap: whoever asks must not make the pool wait.  All reading is in slices of
 * at most 5 ms (shm/book_glance.c, shm/book_scan.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "route/route.h"
#include "shm/board.h"
#include "tools/metrics_collect.h"
#include "tools/observer_health.h"
#include "tools/observer_http.h"
#include "tools/observer_query.h"

#define TURN_US	 250000ull	    /* the board's beat is never older */
#define RETRY_US (1 * USEC_PER_SEC) /* to listen again */

struct observer {
	struct child child;
	struct board *board;
	struct http *http;
	struct query *query; /* NULL: its socket could not be bound */
	struct ctl ctl;	     /* for views: which pool */
	struct window window;
	uint64_t listen_us; /* when to try again; 0: it listens, or need not */
	uint64_t keep_us;   /* the next slice of the window */
	bool is_told, is_leaving;
};

/* ---- pages --------------------------------------------------------------- */

static void answer_metrics(void *arg, struct http_reply *reply)
{
	struct observer *observer = arg;
	struct snapshot snapshot;
	struct collection collection = {
		.page = {reply->body, reply->wants_open_metrics, NULL},
		.snapshot = &snapshot,
		.window = &observer->window,
		.began_us = clock_boot_us(),
	};

	if (snapshot_open(&observer->ctl, &snapshot) == 0 &&
	    snapshot_load(&snapshot) == 0) {
		metrics_collect(&collection);
		reply->type = reply->wants_open_metrics
				      ? "application/openmetrics-text; "
					"version=1.0.0; charset=utf-8"
				      : "text/plain; version=0.0.4; "
					"charset=utf-8";
	} else {
		reply->status = 503;
		fputs("the shared state cannot be read\n", reply->body);
	}
	snapshot_done(&snapshot);
}

static void answer_live(void *arg, struct http_reply *reply)
{
	struct observer *observer = arg;

	health_live(&observer->ctl, reply);
}

static void answer_ready(void *arg, struct http_reply *reply)
{
	struct observer *observer = arg;

	health_ready(&observer->ctl, reply);
}

static void answer_health(void *arg, struct http_reply *reply)
{
	struct observer *observer = arg;

	health_all(&observer->ctl, reply);
}

static void answer_root(void *arg, struct http_reply *reply)
{
	(void)arg;
	fputs("mspool: /metrics /live /ready /health\n", reply->body);
}

static const struct http_row paths[] = {
	{"/metrics", answer_metrics}, {"/live", answer_live},
	{"/ready", answer_ready},     {"/health", answer_health},
	{"/", answer_root},	      {NULL, NULL},
};

/* ---- listening ----------------------------------------------------------- */

static void tell(struct observer *observer, enum log_level level,
		 const char *event, const char *text)
{
	log_event(level, event, "%s", text);
	board_event(observer->board, level, event, text);
}

static void tell_refused(struct observer *observer, const struct addr *at,
			 int error)
{
	char text[BOARD_EVENT_TEXT], address[ADDR_TEXT_MAX];
	struct out out = out_init(text, sizeof(text));

	if (observer->is_told)
		return;
	observer->is_told = true;
	out_printf(&out, "address=%s reason=\"%s\"", addr_text(at, address),
		   strerror(-error));
	tell(observer, LOG_LVL_WARNING, "metrics_not_listening", out_end(&out));
}

static void tell_listening(struct observer *observer, const struct addr *at)
{
	char text[BOARD_EVENT_TEXT], address[ADDR_TEXT_MAX];
	struct out out = out_init(text, sizeof(text));

	if (!observer->is_told)
		return;
	observer->is_told = false;
	out_printf(&out, "address=%s", addr_text(at, address));
	tell(observer, LOG_LVL_NOTICE, "metrics_listening", out_end(&out));
}

/* Where the configuration says; a port that somebody has is tried for until it
 * is free (a predecessor may be ending).  Calls never wait for it. */
static void listen_where_told(struct observer *observer)
{
	const struct config_metrics *metrics = &observer->child.config->metrics;
	int rc = http_listen(observer->http,
			     metrics->is_enabled ? &metrics->listen : NULL);

	observer->listen_us = rc < 0 ? clock_boot_us() + RETRY_US : 0;
	if (rc < 0)
		tell_refused(observer, &metrics->listen, rc);
	else if (metrics->is_enabled)
		tell_listening(observer, &metrics->listen);
}

static void keep_window(struct observer *observer)
{
	struct snapshot snapshot;

	observer->keep_us = clock_boot_us() + WINDOW_STEP_US;
	if (snapshot_open(&observer->ctl, &snapshot) == 0 &&
	    snapshot_load(&snapshot) == 0)
		window_keep(&observer->window, snapshot.view, snapshot.figures);
	snapshot_done(&snapshot);
}

/* Bound before the process is confined; without it only the group is deaf. */
static void open_query(struct observer *observer)
{
	struct child *child = &observer->child;
	char text[BOARD_EVENT_TEXT];
	int error = 0;

	observer->query = query_new(child->loop, child->run_dir, &error);
	if (observer->query)
		return;
	snprintf(text, sizeof(text), "reason=\"%s\"", strerror(-error));
	tell(observer, LOG_LVL_WARNING, "query_not_listening", text);
}

static void run_due(struct observer *observer)
{
	uint64_t now = clock_boot_us();

	http_sweep(observer->http, now);
	if (!observer->child.config)
		return;
	if (observer->listen_us && now >= observer->listen_us)
		listen_where_told(observer);
	if (observer->child.config->metrics.is_enabled &&
	    now >= observer->keep_us)
		keep_window(observer);
}

/* ---- from the master ----------------------------------------------------- */

static void on_master_config(void *arg, const union message_payload *payload,
			     int fd)
{
	struct observer *observer = arg;
	struct child *child = &observer->child;
	struct message_ready ready = {.slot = child->slot};
	struct config *old = NULL;
	int rc = child_take_config(child, &payload->config, fd, &old);

	if (!rc) {
		const struct config_pool *pool = &child->config->pool;

		config_free(old);
		log_open(&(struct log_settings){.who = child->name,
						.level = pool->log_level,
						.is_json = pool->is_log_json});
		listen_where_told(observer);
	}
	observer->board->generation = child->generation;
	ready.generation = child->generation;
	channel_send(child->channel,
		     rc ? MESSAGE_CONFIG_REFUSED : MESSAGE_READY, &ready, -1);
}

static void on_master_retire(void *arg, const union message_payload *payload,
			     int fd)
{
	struct observer *observer = arg;

	(void)payload, (void)fd;
	observer->is_leaving = true;
}

static void on_master_log_file(void *arg, const union message_payload *payload,
			       int fd)
{
	(void)arg, (void)payload;
	log_use(fd);
	close(fd);
}

static const struct inbox_row inbox[] = {
	{MESSAGE_LOG_FILE, on_master_log_file},
	{MESSAGE_CONFIG, on_master_config},
	{MESSAGE_RETIRE, on_master_retire},
	{MESSAGE_NONE, NULL},
};

static void on_channel(int fd, unsigned what, void *arg)
{
	struct observer *observer = arg;
	unsigned strange = 0;

	(void)fd;
	if (what & LOOP_WRITE)
		channel_flush(observer->child.channel);
	if (channel_read(observer->child.channel, inbox, observer, &strange) <
	    0)
		observer->is_leaving =
			true; /* the next master starts another */
}

/* ---- the process --------------------------------------------------------- */

static void start(struct observer *observer, int argc, char **argv)
{
	struct child *child = &observer->child;

	child_start(child, argc, argv);
	log_open(&(struct log_settings){.who = child->name,
					.level = LOG_LVL_INFO});
	must(child->slot.kind == SLOT_OBSERVER);
	must(board_own(child->run_dir, child->slot, &observer->board) == 0);
	must_note_at(observer->board->last_words,
		     sizeof(observer->board->last_words));
	config_set_pattern_check(route_check_pattern);
	observer->ctl.run_dir = child->run_dir;
	observer->ctl.out = observer->ctl.err = fopen("/dev/null", "we");
	must(observer->ctl.err);
	observer->http = http_new(child->loop, paths, observer);
	must(observer->http);
	open_query(observer);
	must(loop_watch(child->loop, channel_fd(child->channel), LOOP_READ,
			on_channel, observer));
}

int main(int argc, char **argv)
{
	static struct observer observer;
	bool is_busy = false;

	start(&observer, argc, argv);
	child_confine(&observer.child, CONFINE_OBSERVER);
	while (!observer.is_leaving) {
		if (loop_turn(observer.child.loop, is_busy ? 1 : TURN_US) < 0)
			must_fail(__FILE__, __LINE__, "the loop failed");
		atomic_store_explicit(&observer.board->beat, clock_boot_us(),
				      memory_order_relaxed);
		run_due(&observer);
		is_busy = query_review(observer.query, clock_boot_us());
	}
	http_free(observer.http);
	query_free(observer.query);
	channel_flush(observer.child.channel);
	return 0;
}
