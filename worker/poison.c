/* SPDX-License-Identifier: Apache-2.0
 *
 * See poison.h.  Signalling worker.  While all is well this is a copy of each
 * message to the board page and nothing else; the rest runs at adoption.
 *
 *   died of      what is counted                      at two deaths
 *   a message    its bytes; its call at the first     skipped
 *   framing      connection and offset                connection closed
 *   a timer      its call                             call ended
 *   loading      its call                             call ended
 *   a call that was ended for it and kills again      dropped unread
 *
 * The trap: a mark must be counted once.  It names book and epoch, and each
 * epoch of a book has one owner, so only that owner's heir counts it.
 */
#include "worker/poison.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "worker/cdr.h"
#include "worker/machine.h"
#include "worker/quarantine.h"

#define SUSPECTS_MAX 64
#define DEATHS_MAX   2
#define FORGET_S     3600u /* messages: nobody repeats for so long */
#define DEATHS_SHIFT 56
#define ENDED_BIT    (1ull << 55) /* a call that was ended for it */

struct suspect {
	uint64_t key; /* fingerprint or call id; 0: free */
	uint32_t since_s;
	char kind; /* 'p' message, 'k' call */
	uint8_t deaths;
	bool is_ended;
};

struct poison {
	struct suspect suspects[SUSPECTS_MAX];
};

static const char *const work_names[N_WORK_KINDS] = {
	[WORK_NONE] = "nothing",    [WORK_STREAM] = "framing",
	[WORK_MESSAGE] = "message", [WORK_TIMER] = "timer",
	[WORK_LOADING] = "loading", [WORK_OTHER] = "command",
};

/* ---- the mark ------------------------------------------------------------ */

static void mark(struct server *server, enum work_kind kind, uint64_t call)
{
	struct board_work *work = &server->worker->board->work;

	atomic_store_explicit(&work->kind, WORK_NONE, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	work->book = (uint16_t)server->index;
	work->epoch = book_epoch(server->book);
	work->call = call;
	work->connection = work->offset = 0;
	work->len = 0;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&work->kind, kind, memory_order_release);
}

void poison_at_stream(struct server *server, uint64_t connection,
		      uint64_t offset)
{
	struct board_work *work = &server->worker->board->work;

	mark(server, WORK_NONE, 0);
	work->connection = connection;
	work->offset = offset;
	atomic_store_explicit(&work->kind, WORK_STREAM, memory_order_release);
}

void poison_at_message(const struct arrival *arrival)
{
	struct board_work *work = &arrival->server->worker->board->work;

	mark(arrival->server, WORK_NONE, 0);
	work->connection = arrival->from.connection;
	work->offset = arrival->offset;
	work->transport = arrival->from.transport;
	work->listener = arrival->from.listener;
	work->source = arrival->from.addr;
	work->len = (uint32_t)(arrival->len < sizeof(work->bytes)
				       ? arrival->len
				       : sizeof(work->bytes));
	memcpy(work->bytes, arrival->bytes, work->len);
	atomic_store_explicit(&work->kind, WORK_MESSAGE, memory_order_release);
}

void poison_at_timer(const struct call *call)
{
	mark(call->server, WORK_TIMER, call->record->id);
}

bool poison_at_call(const struct call *call)
{
	struct board_work *work = &call->server->worker->board->work;

	if (atomic_load_explicit(&work->kind, memory_order_relaxed)) {
		work->call = call->record->id;
		return false;
	}
	mark(call->server, WORK_OTHER, call->record->id);
	return true;
}

void poison_done(struct worker *worker)
{
	atomic_store_explicit(&worker->board->work.kind, WORK_NONE,
			      memory_order_release);
}

/* ---- suspects ------------------------------------------------------------ */

static struct suspect *find(struct server *server, char kind, uint64_t key)
{
	struct poison *poison = server->poison;

	for (unsigned i = 0; poison && i < SUSPECTS_MAX; i++)
		if (poison->suspects[i].key == key &&
		    poison->suspects[i].kind == kind)
			return &poison->suspects[i];
	return NULL;
}

static uint32_t now_s(const struct server *server)
{
	return (uint32_t)(server->worker->now_us / USEC_PER_SEC);
}

static void forget(struct server *server, struct suspect *suspect)
{
	book_del_intake(server->book, suspect->kind, suspect->key);
	server->is_dirty = true;
	*suspect = (struct suspect){0};
}

/* A free place, or the one of the oldest. */
static struct suspect *place(struct server *server)
{
	struct suspect *oldest;

	if (!server->poison)
		server->poison = calloc(1, sizeof(*server->poison));
	must(server->poison);
	oldest = &server->poison->suspects[0];
	for (unsigned i = 0; i < SUSPECTS_MAX; i++) {
		struct suspect *at = &server->poison->suspects[i];

		if (!at->key)
			return at;
		if (at->since_s < oldest->since_s)
			oldest = at;
	}
	forget(server, oldest);
	return oldest;
}

static void keep(struct server *server, const struct suspect *suspect)
{
	book_put_intake(server->book, suspect->kind, suspect->key,
			(uint64_t)suspect->deaths << DEATHS_SHIFT |
				(suspect->is_ended ? ENDED_BIT : 0) |
				suspect->since_s);
	server->is_dirty = true;
}

static struct suspect *count(struct server *server, char kind, uint64_t key)
{
	struct suspect *suspect = find(server, kind, key);

	if (!suspect) {
		suspect = place(server);
		*suspect = (struct suspect){.key = key, .kind = kind};
	}
	suspect->since_s = now_s(server);
	if (suspect->deaths < UINT8_MAX)
		suspect->deaths++;
	keep(server, suspect);
	return suspect;
}

void poison_on_row(struct server *server, char kind, uint64_t key,
		   uint64_t value)
{
	struct suspect suspect = {
		.key = key,
		.kind = kind,
		.deaths = (uint8_t)(value >> DEATHS_SHIFT),
		.is_ended = (value & ENDED_BIT) != 0,
		.since_s = (uint32_t)value,
	};

	if (kind == 'p' && suspect.since_s + FORGET_S < now_s(server)) {
		book_del_intake(server->book, kind, key);
		server->is_dirty = true;
		return;
	}
	*place(server) = suspect;
}

/* ---- what it died of ----------------------------------------------------- */

static uint64_t fingerprint(struct slice bytes)
{
	return slice_hash(bytes, 0x706f69736f6eull) | 1;
}

static uint64_t stream_key(uint64_t connection, uint64_t offset)
{
	const uint64_t words[2] = {connection, offset};

	return fingerprint((struct slice){(const char *)words, sizeof(words)});
}

static bool is_mark_of(const struct board_work *work,
		       const struct server *server)
{
	uint32_t kind = atomic_load_explicit(&work->kind, memory_order_acquire);

	return kind != WORK_NONE && kind < N_WORK_KINDS &&
	       work->book == server->index &&
	       work->epoch == book_predecessor_epoch(server->book) &&
	       work->len <= sizeof(work->bytes);
}

/* On whatever page the predecessor wrote: its slot's, or a sibling's. */
static const struct board_work *find_mark(const struct server *server)
{
	const struct worker *worker = server->worker;

	if (is_mark_of(&worker->board->died, server))
		return &worker->board->died;
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		const struct board *board = worker->health.boards[i];

		if (!board)
			continue;
		if (is_mark_of(&board->work, server))
			return &board->work;
		if (is_mark_of(&board->died, server))
			return &board->died;
	}
	return NULL;
}

static void tell(struct server *server, enum log_level level, const char *event,
		 const struct board_work *work, unsigned deaths,
		 const char *file)
{
	char text[BOARD_EVENT_TEXT], id[CALL_ID_TEXT_MAX], from[ADDR_TEXT_MAX];
	struct out out = out_init(text, sizeof(text));

	out_printf(&out, "book=ms%u at=%s deaths=%u", server->index,
		   work_names[work->kind], deaths);
	if (work->call)
		out_printf(&out, " call=%s", call_id_text(work->call, id));
	if (work->kind == WORK_MESSAGE)
		out_printf(&out, " from=%s bytes=%u",
			   addr_text(&work->source, from), work->len);
	if (work->connection)
		out_printf(&out, " connection=%llx offset=%llu",
			   (unsigned long long)work->connection,
			   (unsigned long long)work->offset);
	if (file)
		out_printf(&out, " file=quarantine/%s", file);
	log_event(level, event, "%s", out_end(&out));
	board_event(server->worker->board, level, event, out_end(&out));
}

static void set_message_aside(struct server *server,
			      const struct board_work *work,
			      const struct suspect *suspect)
{
	char name[64];

	snprintf(name, sizeof(name), "message-%016llx.sip",
		 (unsigned long long)suspect->key);
	quarantine_put(server->worker->child.run_dir, name,
		       (struct slice){work->bytes, work->len});
	tell(server, LOG_LVL_ERROR, "message_set_aside", work, suspect->deaths,
	     name);
}

/* True when this message was seen to kill before. */
static bool count_message(struct server *server, const struct board_work *work)
{
	struct slice bytes = {work->bytes, work->len};
	uint64_t key = work->kind == WORK_STREAM
			       ? stream_key(work->connection, work->offset)
			       : fingerprint(bytes);
	struct suspect *suspect = count(server, 'p', key);

	if (suspect->deaths == DEATHS_MAX && work->kind == WORK_MESSAGE)
		set_message_aside(server, work, suspect);
	else
		tell(server, LOG_LVL_WARNING, "died_at_work", work,
		     suspect->deaths, NULL);
	return suspect->deaths > 1;
}

int poison_look(struct server *server)
{
	const struct board_work *work = find_mark(server);
	bool is_message, is_known = false;
	struct suspect *call;

	if (!work)
		return 0;
	is_message = work->kind == WORK_MESSAGE || work->kind == WORK_STREAM;
	if (is_message)
		is_known = count_message(server, work);
	/* a message that comes again is to blame, not its call */
	if (work->call && !is_known) {
		call = count(server, 'k', work->call);
		if (!is_message)
			tell(server, LOG_LVL_WARNING, "died_at_work", work,
			     call->deaths, NULL);
	}
	return book_commit(server->book);
}

void poison_start(struct worker *worker)
{
	struct board *board = worker->board;

	if (atomic_load_explicit(&board->work.kind, memory_order_relaxed))
		memcpy((void *)&board->died, (const void *)&board->work,
		       sizeof(board->died));
	poison_done(worker);
}

/* ---- messages that were set aside ---------------------------------------- */

bool poison_skips(const struct arrival *arrival)
{
	struct server *server = arrival->server;
	struct suspect *suspect;

	if (!server->poison)
		return false;
	suspect =
		find(server, 'p',
		     fingerprint((struct slice){arrival->bytes, arrival->len}));
	if (!suspect || suspect->deaths < DEATHS_MAX)
		return false;
	worker_count(server->worker, COUNTER_messages_set_aside);
	return true;
}

bool poison_skips_stream(struct server *server, uint64_t connection,
			 uint64_t offset, struct slice bytes)
{
	struct suspect *suspect;
	char name[64];

	if (!server->poison)
		return false;
	suspect = find(server, 'p', stream_key(connection, offset));
	if (!suspect || suspect->deaths < DEATHS_MAX)
		return false;
	snprintf(name, sizeof(name), "stream-%llx-%llu.sip",
		 (unsigned long long)connection, (unsigned long long)offset);
	quarantine_put(server->worker->child.run_dir, name, bytes);
	worker_count(server->worker, COUNTER_messages_set_aside);
	forget(server, suspect);
	return true;
}

void poison_clear_message(struct server *server)
{
	const struct board_work *work = &server->worker->board->work;
	struct suspect *suspect;

	if (!server->poison)
		return;
	/* the scan has changed its own bytes */
	suspect = find(server, 'p',
		       fingerprint((struct slice){work->bytes, work->len}));
	if (suspect)
		forget(server, suspect);
}

/* ---- calls that were set aside ------------------------------------------- */

void poison_clear_call(struct server *server, uint64_t call)
{
	struct suspect *suspect = find(server, 'k', call);

	if (suspect)
		forget(server, suspect);
}

/* Read from the book, since a call that kills while it is loaded has none. */
static void keep_call(struct server *server, const struct call_record *record,
		      const struct tx *txs)
{
	struct invite_record *invite = NULL;
	struct slice text = SLICE_NONE;

	if (book_get_invite(server->book, record->id, &invite) == 0)
		text = (struct slice){(const char *)(invite + 1),
				      invite->head.size - sizeof(*invite)};
	quarantine_put_call(server->worker->child.run_dir, record, text, txs);
	free(invite);
}

static void tell_call(struct server *server, const struct call_record *record,
		      const struct tx *txs, const char *how, unsigned deaths)
{
	struct worker *worker = server->worker;
	char text[BOARD_EVENT_TEXT], id[CALL_ID_TEXT_MAX];
	struct out out = out_init(text, sizeof(text));

	keep_call(server, record, txs);
	worker_count(worker, COUNTER_calls_set_aside);
	out_printf(&out, "call=%s how=%s deaths=%u file=quarantine/call-%s.txt",
		   call_id_text(record->id, id), how, deaths, id);
	log_event(LOG_LVL_ERROR, "call_set_aside", "%s", out_end(&out));
	board_event(worker->board, LOG_LVL_ERROR, "call_set_aside",
		    out_end(&out));
}

bool poison_drops(struct server *server, const struct call_record *record)
{
	struct suspect *suspect = find(server, 'k', record->id);

	if (!suspect || suspect->deaths <= DEATHS_MAX) {
		mark(server, WORK_LOADING, record->id);
		return false;
	}
	tell_call(server, record, NULL, "dropped", suspect->deaths);
	cdr_set_aside(server, record);
	book_del_call(server->book, record->id);
	forget(server, suspect);
	return true;
}

/* As well as it can be: the caller hears 500 or BYE, the callee CANCEL or BYE.
 * What is ending already has said what there was to say. */
static void end(struct call *call)
{
	struct call_cause cause = {
		.code = 500,
		.reason = "Reason: SIP;cause=500;text=\"Set aside\"\r\n",
	};
	bool is_ending = call->record->state >= CALL_ENDING;

	if (is_ending)
		call_delete(call);
	else
		machine_step(call, CALL_EV_END, &cause);
}

void poison_settle(struct server *server)
{
	for (unsigned i = 0; server->poison && i < SUSPECTS_MAX; i++) {
		struct suspect *suspect = &server->poison->suspects[i];
		struct call *call;

		if (suspect->kind != 'k')
			continue;
		call = call_find(server, suspect->key);
		if (!call) {
			forget(server, suspect);
			continue;
		}
		if (suspect->deaths < DEATHS_MAX || suspect->is_ended)
			continue;
		tell_call(server, call->record, call->txs, "ended",
			  suspect->deaths);
		suspect->is_ended = true;
		keep(server, suspect);
		end(call);
	}
}

void poison_free(struct server *server)
{
	free(server->poison);
	server->poison = NULL;
}

/* ---- test builds --------------------------------------------------------- */

#ifdef CRASH_POINTS

#define TEST_HEADER "X-Mspool-Test"

void poison_test_message(const struct sip_message *message)
{
	for (unsigned i = 0; i < message->n_headers; i++)
		if (slice_is_nocase(message->headers[i].name,
				    SLICE(TEST_HEADER)) &&
		    slice_is(message->headers[i].value, SLICE("abort")))
			abort();
}

void poison_test_call(const struct call *call, const char *word)
{
	struct slice invite = call_invite(call);
	char line[64];
	int len = snprintf(line, sizeof(line), TEST_HEADER ": %s\r\n", word);

	if (invite.len && memmem(invite.ptr, invite.len, line, (size_t)len))
		abort();
}

#endif
