/* SPDX-License-Identifier: Apache-2.0
 *
 * The signalling worker's ear for the master: one handler a message, in one
 * table.  Handlers change the worker between turns, never within one.
 */
#include "worker/inbox.h"

#include <unistd.h>

#include "worker/cdr.h"
#include "worker/departed.h"
#include "worker/intake.h"
#include "worker/machine.h"
#include "worker/media.h"
#include "worker/prober.h"

void inbox_look_around(struct worker *worker)
{
	const char *run = worker->child.run_dir;

	cdr_open(worker);
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (!worker->health.boards[i])
			board_open(
				run,
				(struct slot_id){SLOT_SIGNALLING, (uint8_t)i},
				&worker->health.boards[i]);
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->servers[i] && worker->servers[i]->book)
			server_open_rings(worker->servers[i]);
}

static void say(struct worker *worker, enum message message)
{
	struct message_ready ready = {worker->child.generation,
				      worker->child.slot};

	channel_send(worker->child.channel, message, &ready, -1);
}

static void on_master_config(void *arg, const union message_payload *payload,
			     int fd)
{
	struct worker *worker = arg;
	struct config *old = NULL;
	struct route_rules *rules;

	if (child_take_config(&worker->child, &payload->config, fd, &old)) {
		say(worker, MESSAGE_CONFIG_REFUSED);
		return;
	}
	rules = route_rules_new(worker->child.config);
	if (!rules) { /* the master checked the patterns: out of memory */
		config_free(worker->child.config);
		worker->child.config = old;
		say(worker, MESSAGE_CONFIG_REFUSED);
		return;
	}
	route_rules_free(worker->rules);
	worker->rules = rules;
	departed_note(worker, old);
	config_free(old);
	worker_open_log(worker);
	if (!worker->n_servers)
		return; /* starting: READY comes after SERVE */
	prober_reload(worker);
	say(worker, MESSAGE_READY);
}

static void on_master_listener(void *arg, const union message_payload *payload,
			       int fd)
{
	struct server *server = server_get(arg, payload->listener.book);

	if (!server || server_add_socket(server, &payload->listener, fd))
		close(fd);
}

static void on_master_connection(void *arg,
				 const union message_payload *payload, int fd)
{
	struct server *server = server_get(arg, payload->connection.book);

	if (!server || connection_adopt(server, &payload->connection, fd))
		close(fd);
}

/* Its edge is all: the main loop looks at the rings every turn, and reading
 * the bell would be one more system call for each that rings. */
static void on_bell(int fd, unsigned what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void watch_bell(struct worker *worker, unsigned book)
{
	if (worker->bells[book] < 0)
		return;
	watch_free(worker->bell_watches[book]);
	worker->bell_watches[book] =
		loop_watch(worker->child.loop, worker->bells[book],
			   LOOP_READ | LOOP_EDGE, on_bell, worker);
}

/* The newest counts: another master may have made another one. */
static void on_master_doorbell(void *arg, const union message_payload *payload,
			       int fd)
{
	struct worker *worker = arg;
	struct slot_id slot = payload->doorbell.slot;
	bool is_book = slot.kind == SLOT_SIGNALLING;
	int *place = is_book ? &worker->bells[slot.index]
			     : &worker->media_bells[slot.index];
	bool is_watched = is_book && (worker->bell_watches[slot.index] ||
				      slot.index == worker->child.slot.index);

	if (is_book)
		worker->bell_watches[slot.index] =
			watch_free(worker->bell_watches[slot.index]);
	if (*place >= 0)
		close(*place);
	*place = fd;
	if (is_watched)
		watch_bell(worker, slot.index);
}

static void on_master_serve(void *arg, const union message_payload *payload,
			    int fd)
{
	struct worker *worker = arg;
	unsigned book = payload->book.book;
	struct server *server = server_get(worker, book);
	int error;

	(void)fd;
	inbox_look_around(worker);
	error = server ? server_serve(server, payload->book.epoch) : -22;
	if (error) {
		log_event(LOG_LVL_ERROR, "book_refused", "book=ms%u error=%d",
			  book, -error);
		_exit(75);
	}
	if (book != worker->child.slot.index)
		watch_bell(worker, book);
	say(worker, MESSAGE_READY);
}

static void on_master_probe(void *arg, const union message_payload *payload,
			    int fd)
{
	(void)fd;
	if (payload->toggle.is_on)
		prober_start(arg);
	else
		prober_stop(arg);
}

static void on_master_slots_changed(void *arg,
				    const union message_payload *payload,
				    int fd)
{
	(void)payload;
	(void)fd;
	inbox_look_around(arg);
}

static void on_master_drain(void *arg, const union message_payload *payload,
			    int fd)
{
	struct worker *worker = arg;

	(void)fd;
	worker->is_draining = payload->toggle.is_on;
}

static void on_master_hang_up(void *arg, const union message_payload *payload,
			      int fd)
{
	struct worker *worker = arg;
	uint64_t id = payload->call.call;
	unsigned book = call_book(id);
	struct call *call = NULL;

	(void)fd;
	if (book && book <= BOOK_MAX && worker->servers[book])
		call = call_find(worker->servers[book], id);
	if (call)
		machine_hang_up(call);
}

static void on_master_hang_up_all(void *arg,
				  const union message_payload *payload, int fd)
{
	struct worker *worker = arg;
	struct call *call, *next;

	(void)payload;
	(void)fd;
	worker->is_draining = true;
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->servers[i])
			HASH_ITER(hh, worker->servers[i]->calls, call, next)
			{
				call->record->flags |= CALL_IS_FORCED_OUT;
				machine_hang_up(call);
			}
}

/* Our own slot: everything stands in the book, so leaving is no more than not
 * coming back.  Another's: its book goes to somebody else. */
static void on_master_retire(void *arg, const union message_payload *payload,
			     int fd)
{
	struct worker *worker = arg;
	struct slot_id slot = payload->slot.slot;

	(void)fd;
	if (slot.index == worker->child.slot.index) {
		worker->is_leaving = true;
		return;
	}
	turn_end(worker);
	if (slot.index <= BOOK_MAX && worker->servers[slot.index]) {
		worker->bell_watches[slot.index] =
			watch_free(worker->bell_watches[slot.index]);
		server_leave(worker->servers[slot.index]);
	}
	channel_send(worker->child.channel, MESSAGE_LET_GO, &payload->slot, -1);
}

static void on_master_log_file(void *arg, const union message_payload *payload,
			       int fd)
{
	(void)arg;
	(void)payload;
	log_use(fd);
	close(fd);
}

const struct inbox_row worker_inbox[] = {
	{MESSAGE_LOG_FILE, on_master_log_file},
	{MESSAGE_CONFIG, on_master_config},
	{MESSAGE_LISTENER, on_master_listener},
	{MESSAGE_CONNECTION, on_master_connection},
	{MESSAGE_DOORBELL, on_master_doorbell},
	{MESSAGE_SERVE, on_master_serve},
	{MESSAGE_PROBE, on_master_probe},
	{MESSAGE_SLOTS_CHANGED, on_master_slots_changed},
	{MESSAGE_DRAIN, on_master_drain},
	{MESSAGE_HANG_UP, on_master_hang_up},
	{MESSAGE_HANG_UP_ALL, on_master_hang_up_all},
	{MESSAGE_RETIRE, on_master_retire},
	{MESSAGE_NONE, NULL},
};

void inbox_read(int fd, unsigned what, void *arg)
{
	struct worker *worker = arg;
	unsigned strange = 0;

	(void)fd;
	if (what & LOOP_WRITE)
		channel_flush(worker->child.channel);
	if (channel_read(worker->child.channel, worker_inbox, worker,
			 &strange) < 0)
		rejoin_begin(worker);
}
