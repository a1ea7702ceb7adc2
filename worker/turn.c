/* SPDX-License-Identifier: Apache-2.0
 *
 * Commit, then send: see turn.h.  Called by the main loop of the signalling
 * worker at the end of every turn.  The trap: between turn_commit and the last
 * send the process may die at any instruction; what was not sent is found by
 * the heir above board.effect_sent (datagrams), in a stream record's tail
 * (connections) or in a wish whose version the media worker has not echoed.
 */
#include "worker/turn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crash.h"
#include "worker/call.h"
#include "worker/cdr.h"
#include "worker/poison.h"

#define SEND_BATCH 64
#define HOLD_US	   (10 * USEC_PER_MSEC) /* between two looks for room */

void turn_mark_call(struct call *call)
{
	struct turn *turn = &call->server->worker->turn;

	if (call->is_dirty)
		return;
	call->is_dirty = true;
	call->next_dirty = NULL;
	if (turn->dirty_calls)
		turn->last_call->next_dirty = call;
	else
		turn->dirty_calls = call;
	turn->last_call = call;
}

void turn_mark_tx(struct tx *tx)
{
	struct turn *turn = &tx->call->server->worker->turn;

	if (tx->is_dirty)
		return;
	tx->is_dirty = true;
	tx->next_dirty = NULL;
	if (turn->dirty_txs)
		turn->last_tx->next_dirty = tx;
	else
		turn->dirty_txs = tx;
	turn->last_tx = tx;
}

void turn_mark_connection(struct connection *connection)
{
	struct turn *turn = &connection->server->worker->turn;

	if (connection->is_dirty)
		return;
	connection->is_dirty = true;
	connection->next_dirty = turn->dirty_connections;
	turn->dirty_connections = connection;
}

static struct effect *effect_new(struct turn *turn)
{
	if (turn->n_effects == turn->cap_effects) {
		unsigned cap = turn->cap_effects ? turn->cap_effects * 2 : 256;

		turn->effects =
			realloc(turn->effects, cap * sizeof(struct effect));
		must(turn->effects);
		turn->cap_effects = cap;
	}
	return &turn->effects[turn->n_effects++];
}

uint64_t turn_send_datagram(struct server *server, int fd,
			    const struct addr *to, struct slice bytes)
{
	struct turn *turn = &server->worker->turn;
	struct effect *effect = effect_new(turn);

	if (turn->len + bytes.len > turn->cap) {
		turn->cap = (turn->len + bytes.len) * 2 + 65536;
		turn->bytes = realloc(turn->bytes, turn->cap);
		must(turn->bytes);
	}
	memcpy(turn->bytes + turn->len, bytes.ptr, bytes.len);
	*effect = (struct effect){.fd = fd,
				  .at = (uint32_t)turn->len,
				  .len = (uint32_t)bytes.len,
				  .to = *to,
				  .server = server};
	turn->len += bytes.len;
	/* grows with time, so that numbers of several processes compare */
	turn->last_effect = turn->last_effect < server->worker->now_us
				    ? server->worker->now_us
				    : turn->last_effect + 1;
	return turn->last_effect;
}

void turn_note_media(struct server *server, unsigned media, uint64_t call)
{
	struct effect *effect = effect_new(&server->worker->turn);

	*effect = (struct effect){.fd = -1,
				  .server = server,
				  .media = (uint8_t)media,
				  .call = call};
}

static struct turn_note *note_new(struct turn *turn)
{
	if (turn->n_notes == turn->cap_notes) {
		unsigned cap = turn->cap_notes ? turn->cap_notes * 2 : 64;

		turn->notes =
			realloc(turn->notes, cap * sizeof(struct turn_note));
		must(turn->notes);
		turn->cap_notes = cap;
	}
	return &turn->notes[turn->n_notes++];
}

void turn_count(struct worker *worker, _Atomic uint64_t *word)
{
	*note_new(&worker->turn) = (struct turn_note){.word = word};
}

void turn_note_time(struct worker *worker, struct histogram *histogram,
		    enum figure figure, uint64_t us)
{
	*note_new(&worker->turn) = (struct turn_note){
		.histogram = histogram, .figure = figure, .us = us};
}

static void count_notes(struct turn *turn)
{
	for (unsigned i = 0; i < turn->n_notes; i++) {
		const struct turn_note *note = &turn->notes[i];

		if (note->word)
			figures_count(note->word);
		else
			figures_note(note->histogram, note->figure, note->us);
	}
	turn->n_notes = 0;
}

static void put_invite(struct call *call)
{
	struct book *book = call->server->book;

	if (call->is_invite_new && !call->is_gone)
		book_put_invite(book, call->invite);
	else if (call->is_invite_stored && (!call->invite || call->is_gone))
		book_del_invite(book, call->record->id);
}

static void put_call(struct call *call)
{
	struct server *server = call->server;

	call_before_put(call);
	if (call->is_stored)
		book_put_call(server->book, call->record);
	else
		book_add_call(server->book, call->record);
}

static void del_call(struct call *call)
{
	struct server *server = call->server;

	if (call->is_stored)
		book_del_call(server->book, call->record->id);
	if (server->poison)
		poison_clear_call(server, call->record->id);
}

static void put_calls(struct turn *turn)
{
	for (struct call *call = turn->dirty_calls; call;
	     call = call->next_dirty) {
		(call->is_gone ? del_call : put_call)(call);
		put_invite(call);
		call->server->is_dirty = true;
	}
}

static void put_txs(struct turn *turn)
{
	for (struct tx *tx = turn->dirty_txs; tx; tx = tx->next_dirty) {
		struct server *server = tx->call->server;

		if (!tx->is_gone)
			book_put_tx(server->book, tx->record);
		else if (tx->is_stored)
			book_del_tx(server->book, tx->record->call,
				    tx->record->tx);
		server->is_dirty = true;
	}
}

static void put_connections(struct turn *turn)
{
	for (struct connection *c = turn->dirty_connections; c;
	     c = c->next_dirty) {
		if (!c->is_gone)
			book_put_stream(c->server->book, connection_record(c));
		else if (c->is_stored)
			book_del_stream(c->server->book, c->id);
		c->server->is_dirty = true;
	}
}

/* What was put into rings is published after the commit; the commit says how
 * far, so that an heir does it if we do not live to. */
static void put_intake(struct worker *worker)
{
	for_each_server(server, worker)
	{
		for_each_number(to, server->out_kept)
		{
			book_put_intake(server->book, 'w', to,
					ring_written(server->out[to]));
			server->is_dirty = true;
		}
		for_each_number(from, server->in_used)
		{
			book_put_intake(server->book, 'r', from,
					server->in_position[from]);
			server->is_dirty = true;
		}
	}
}

static int commit_books(struct worker *worker)
{
	int error = 0;

	for_each_server(server, worker)
	{
		if (!server->book || !server->is_dirty || error)
			continue;
		error = book_commit(server->book);
		if (error == -ENOSPC)
			worker->turn.full = server;
		server->is_dirty = error != 0;
		if (error)
			break;
		if (worker->n_servers > 1)
			CRASH_POINT(book_committed);
		worker_count(worker, COUNTER_commits);
	}
	return error;
}

static void put_all(struct worker *worker)
{
	put_calls(&worker->turn);
	put_txs(&worker->turn);
	put_connections(&worker->turn);
	put_intake(worker);
	cdr_put(worker);
}

static void tell_full(struct worker *worker, enum log_level level,
		      const char *event, uint64_t since_us)
{
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	out_printf(&out, "book=ms%u ms=%llu", worker->turn.full->index,
		   (unsigned long long)((clock_boot_us() - since_us) /
					USEC_PER_MSEC));
	log_event(level, event, "%s", out_end(&out));
	board_event(worker->board, level, event, out_end(&out));
}

/* A book that is full and cannot grow: the turn is kept until there is room.
 * Nothing of it was sent and no stream consumed; peers repeat, siblings go
 * on, and the beat says that it is the memory that stands still, not we. */
static int commit_when_room(struct worker *worker)
{
	uint64_t since_us = clock_boot_us();
	int error = -ENOSPC;

	tell_full(worker, LOG_LVL_ERROR, "commit_held", since_us);
	worker_count(worker, COUNTER_commits_held);
	while (error == -ENOSPC) {
		if (book_make_room(worker->turn.full->book))
			usleep(HOLD_US);
		atomic_store_explicit(&worker->board->beat, clock_boot_us(),
				      memory_order_relaxed);
		put_all(worker);
		error = commit_books(worker);
	}
	if (!error)
		tell_full(worker, LOG_LVL_NOTICE, "commit_released", since_us);
	return error;
}

/* A book that is somebody else's now, or a store that fails: this process must
 * not go on, its successor starts from what is committed. */
static void turn_commit(struct worker *worker)
{
	int error;

	put_all(worker);
	CRASH_POINT(mid_commit);
	error = commit_books(worker);
	if (error == -ENOSPC) { /* it may have grown by that */
		put_all(worker);
		error = commit_books(worker);
	}
	if (error == -ENOSPC)
		error = commit_when_room(worker);
	if (!error)
		return;
	log_event(LOG_LVL_ERROR, "commit_failed", "error=%d why=%s", -error,
		  error == -ESTALE ? "succeeded" : "store");
	_exit(error == -ESTALE ? 0 : 75);
}

static void commit_timed(struct worker *worker)
{
	uint64_t began = clock_boot_us();

	turn_commit(worker);
	board_add(worker->board, COUNTER_commit_us, clock_boot_us() - began);
}

static void release_media_rings(struct server *server)
{
	for_each_number(slot, server->media_used)
	{
		for (unsigned side = 0; side < 2; side++)
			if (server->ports[slot][side])
				ring_release(server->ports[slot][side]);
		if (server->told[slot])
			ring_release(server->told[slot]);
	}
	server->media_used = 0;
	CRASH_POINT(ring_released);
}

static void release_rings(struct worker *worker)
{
	for_each_server(server, worker)
	{
		if (server->media_used)
			release_media_rings(server);
		for_each_number(from, server->in_used)
		{
			ring_release(server->in[from]);
			CRASH_POINT(ring_released);
		}
		server->in_used = 0;
	}
}

static void ring_bell(int fd)
{
	if (fd >= 0)
		(void)eventfd_write(fd, 1);
}

static void publish_rings(struct worker *worker)
{
	for_each_server(server, worker)
	{
		if (server->out_kept)
			CRASH_POINT(handover_committed);
		for_each_number(to, server->out_used)
		{
			ring_publish(server->out[to]);
			CRASH_POINT(ring_published);
			if (ring_wants_bell(server->out[to]))
				ring_bell(worker->bells[to]);
		}
		server->out_used = server->out_kept = 0;
	}
}

static void settle_connections(struct turn *turn)
{
	struct connection *next, *c = turn->dirty_connections;

	turn->dirty_connections =
		NULL; /* settling may mark for the next turn */
	for (; c; c = next) {
		next = c->next_dirty;
		c->is_dirty = false;
		c->is_stored = true;
		if (c->is_gone)
			connection_free(c);
		else
			connection_settle(c);
	}
}

static void sweep(struct turn *turn)
{
	struct tx *next_tx;
	struct call *next_call;

	for (struct tx *tx = turn->dirty_txs; tx; tx = next_tx) {
		next_tx = tx->next_dirty;
		tx->is_dirty = false;
		tx->is_stored = true;
		if (tx->is_gone)
			tx_free(tx);
	}
	turn->dirty_txs = NULL;
	for (struct call *call = turn->dirty_calls; call; call = next_call) {
		next_call = call->next_dirty;
		call->is_dirty = false;
		call->is_stored = true;
		call->is_invite_new = false;
		call->is_invite_stored = call->invite != NULL;
		if (call->is_gone)
			call_free(call);
	}
	turn->dirty_calls = NULL;
}

static void note_media(const struct effect *effect)
{
	struct server *server = effect->server;
	struct ring *ring = server->look[effect->media];
	struct slice id = {(const char *)&effect->call, sizeof(effect->call)};

	if (!ring)
		return;
	/* a full ring: the media worker scans the book when it finds it full */
	if (ring_put(ring, &id, 1) == 0)
		ring_publish(ring);
	CRASH_POINT(media_noted);
	if (ring_wants_bell(ring))
		ring_bell(server->worker->media_bells[effect->media]);
}

static unsigned send_batch(struct worker *worker, const struct effect *effects,
			   unsigned n)
{
	struct mmsghdr messages[SEND_BATCH];
	struct iovec pieces[SEND_BATCH];
	struct turn *turn = &worker->turn;
	unsigned used = 0;
	int sent;

	if (crash_is_numbered())
		n = 1;
	while (used < n && used < SEND_BATCH &&
	       effects[used].fd == effects[0].fd) {
		const struct effect *e = &effects[used];

		pieces[used] = (struct iovec){turn->bytes + e->at, e->len};
		messages[used].msg_hdr = (struct msghdr){
			.msg_name = (void *)(uintptr_t)&e->to.sa,
			.msg_namelen = addr_len(&e->to),
			.msg_iov = &pieces[used],
			.msg_iovlen = 1,
		};
		used++;
	}
	sent = sendmmsg(effects[0].fd, messages, used, MSG_DONTWAIT);
	if (sent <= 0) { /* an ICMP error or no room: this one is lost */
		worker_count(worker, COUNTER_send_errors);
		return 1;
	}
	board_add(worker->board, COUNTER_sip_sent, (uint64_t)sent);
	return (unsigned)sent;
}

static void send_effects(struct worker *worker)
{
	struct turn *turn = &worker->turn;

	for (unsigned i = 0; i < turn->n_effects;) {
		if (turn->effects[i].fd < 0) {
			note_media(&turn->effects[i++]);
			continue;
		}
		i += send_batch(worker, &turn->effects[i], turn->n_effects - i);
		CRASH_POINT(mid_send);
	}
	atomic_store_explicit(&worker->board->effect_sent, turn->last_effect,
			      memory_order_release);
	turn->n_effects = 0;
	turn->len = 0;
	CRASH_POINT(after_send);
}

bool turn_is_due(const struct worker *worker)
{
	const struct turn *turn = &worker->turn;

	return turn->dirty_calls || turn->dirty_txs || turn->dirty_connections;
}

static bool has_work(const struct worker *worker)
{
	if (turn_is_due(worker))
		return true;
	for_each_server(server, worker)
	{
		if (server->is_dirty || server->in_used || server->media_used ||
		    server->out_kept)
			return true;
	}
	return false;
}

void turn_end(struct worker *worker)
{
	if (!has_work(worker)) {
		cdr_tidy(worker);
	} else {
		CRASH_POINT(before_commit);
		commit_timed(worker);
		count_notes(&worker->turn);
		cdr_committed(worker);
		CRASH_POINT(after_commit);
		release_rings(worker);
	}
	sweep(&worker->turn);
	publish_rings(worker);
	if (worker->turn.n_effects)
		send_effects(worker);
	/* last: a connection that breaks now makes effects of the next turn */
	settle_connections(&worker->turn);
	worker_count(worker, COUNTER_turns);
}

void turn_done(struct turn *turn)
{
	free(turn->effects);
	free(turn->bytes);
	free(turn->cdrs);
	free(turn->notes);
	*turn = (struct turn){0};
}
