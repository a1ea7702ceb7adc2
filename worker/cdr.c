/* SPDX-License-Identifier: Apache-2.0
 *
 * See cdr.h.  Signalling worker.  Records wait in turn.cdrs, one after the
 * other, until the turn's commit; a turn that must be put again (a book that
 * grew) puts them again.  Trap: a sequence is given when the record is made,
 * so a process whose commit failed must not go on (it does not: turn.c).
 */
#include "worker/cdr.h"

#include <stdlib.h>

#define NUMBER_SHOWN  127
#define NAME_SHOWN    63
#define CALL_ID_SHOWN 255
#define REASON_SHOWN  127
#define ALIGNED	      8u
#define DELETES_MAX   256  /* of a book and turn */
#define RECORD_SIZE   1024 /* in a book, with what a page leaves empty */

static const struct config_cdr *settings(const struct worker *worker)
{
	return &worker->child.config->cdr;
}

/* ---- making a record ----------------------------------------------------- */

static struct cdr_record *new_record(struct turn *turn)
{
	struct cdr_record *cdr;

	if (turn->cdrs_len + CDR_RECORD_MAX > turn->cdrs_cap) {
		turn->cdrs_cap = turn->cdrs_cap * 2 + 16 * CDR_RECORD_MAX;
		turn->cdrs = realloc(turn->cdrs, turn->cdrs_cap);
		must(turn->cdrs);
	}
	cdr = (struct cdr_record *)(void *)(turn->cdrs + turn->cdrs_len);
	memset(cdr, 0, sizeof(*cdr));
	cdr->head = (struct record_head){CDR_VERSION, RECORD_CDR, sizeof(*cdr)};
	return cdr;
}

static struct record_text put_text(struct cdr_record *cdr, struct slice text,
				   size_t most)
{
	struct record_text at = {(uint16_t)cdr->head.size, 0};

	if (!text.len)
		return (struct record_text){0, 0};
	at.len = (uint16_t)(text.len < most ? text.len : most);
	memcpy((char *)cdr + at.at, text.ptr, at.len);
	cdr->head.size += at.len;
	return at;
}

/* Of the caller's leg's random bits and the call's number: a version 8 UUID
 * (RFC 9562), the same for every record of the call. */
static void make_uuid(const struct call_record *call, uint8_t ret_uuid[16])
{
	uint32_t number = htonl((uint32_t)call->id);

	memcpy(ret_uuid, call->leg[LEG_A].secret, LEG_SECRET_LEN);
	memcpy(ret_uuid + LEG_SECRET_LEN, &number, sizeof(number));
	ret_uuid[6] = (uint8_t)((ret_uuid[6] & 0x0f) | 0x80);
	ret_uuid[8] = (uint8_t)((ret_uuid[8] & 0x3f) | 0x80);
}

static bool has_events(struct slice sdp)
{
	static const char name[] = "telephone-event";

	return sdp.len && memmem(sdp.ptr, sdp.len, name, sizeof(name) - 1);
}

static uint64_t word_of(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static const struct stream_row *stream_of(const struct call *call)
{
	struct worker *worker = call->server->worker;
	unsigned slot = call->record->wish.worker;

	if (!slot || slot > MEDIA_SLOT_MAX)
		return NULL;
	if (!worker->streams[slot])
		stream_board_open(worker->child.run_dir, slot,
				  &worker->streams[slot]);
	return worker->streams[slot] ? stream_board_find(worker->streams[slot],
							 call->record->id)
				     : NULL;
}

static void put_legs(struct cdr_record *cdr, const struct call *call)
{
	const struct call_record *record = call->record;
	const struct stream_row *stream = stream_of(call);

	for (unsigned i = 0; i < N_LEGS; i++) {
		const struct leg_record *leg = &record->leg[i];
		struct cdr_leg *to = &cdr->leg[i];

		to->peer =
			put_text(cdr, call_text(call, leg->peer), NAME_SHOWN);
		to->call_id = put_text(cdr, call_text(call, leg->call_id),
				       CALL_ID_SHOWN);
		to->has_dtmf_events =
			has_events(call_text(call, leg->remote_sdp));
		memcpy(to->codec, record->wish.side[i].codec,
		       sizeof(to->codec));
		if (!stream)
			continue;
		to->packets_in = word_of(&stream->side[i].packets_in);
		to->packets_out = word_of(&stream->side[i].packets_out);
		to->lost = word_of(&stream->side[i].lost);
		to->jitter_us = atomic_load_explicit(&stream->side[i].jitter_us,
						     memory_order_relaxed);
	}
	if (stream)
		cdr->flags |= CDR_HAS_FIGURES;
}

static void put_tries(struct cdr_record *cdr, const struct call *call)
{
	const struct call_record *record = call->record;
	unsigned n = record->this_try + 1u; /* later ones were never made */

	cdr->n_tries = (uint8_t)(n < record->n_tries ? n : record->n_tries);
	for (unsigned i = 0; i < cdr->n_tries; i++) {
		const struct try_record *try = &record->tries[i];

		cdr->tries[i] = (struct cdr_try){
			.peer = put_text(cdr, call_text(call, try->peer),
					 NAME_SHOWN),
			.code = try->code,
			.ms = try->ms,
		};
	}
	if (!cdr->n_tries)
		return;
	cdr->called_out = put_text(
		cdr, call_text(call, record->tries[cdr->n_tries - 1].called),
		NUMBER_SHOWN);
	cdr->calling_out = put_text(
		cdr, call_text(call, record->tries[cdr->n_tries - 1].calling),
		NUMBER_SHOWN);
}

static void put_head(struct cdr_record *cdr, const struct call *call)
{
	const struct call_record *record = call->record;
	uint64_t now = call->server->worker->now_us;

	cdr->call = record->id;
	make_uuid(record, cdr->uuid);
	cdr->direction = record->direction;
	cdr->released_by = record->released_by;
	cdr->code = record->code;
	cdr->started_wall_us = record->started_wall_us;
	cdr->rang_wall_us = record->rang_wall_us;
	cdr->answered_wall_us = record->answered_wall_us;
	cdr->ended_wall_us = record->ended_wall_us;
	cdr->lasted_us = now - record->started_us;
	cdr->talked_us = record->answered_us ? now - record->answered_us : 0;
	if (record->flags & CALL_IS_ADOPTED)
		cdr->flags |= CDR_IS_ADOPTED;
	if (record->flags & CALL_HAS_MEDIA)
		cdr->flags |= CDR_HAS_MEDIA;
	if (record->flags & CALL_IS_FORCED_OUT)
		cdr->flags |= CDR_DRAIN_FORCED;
	cdr->calling =
		put_text(cdr, call_text(call, record->from), NUMBER_SHOWN);
	cdr->called = put_text(cdr, call_text(call, record->to), NUMBER_SHOWN);
	cdr->trunk = put_text(cdr, call_text(call, record->trunk), NAME_SHOWN);
}

/* "Reason: VALUE\r\n" -> VALUE */
static struct slice reason_of_line(const char *line)
{
	struct slice text = slice_of(line);

	slice_cut(&text, ':');
	return slice_trim(text);
}

/* What we told both sides, else what the side said that ended the call. */
static struct slice reason_of(const struct call *call,
			      const struct call_cause *cause)
{
	const struct sip_header *header =
		cause->message ? sip_header(cause->message, SIP_H_REASON, 0)
			       : NULL;

	if (cause->reason)
		return reason_of_line(cause->reason);
	if (header)
		return header->value;
	return call->record->answered_us
		       ? SLICE_NONE
		       : call_text(call, call->record->best_reason);
}

static uint64_t n_waiting(const struct server *server)
{
	const struct cdr_page *page = server->worker->cdr_page;
	uint64_t acked = page ? cdr_page_acked(page, server->index) : 0;

	return server->cdr_next - 1 > acked ? server->cdr_next - 1 - acked : 0;
}

/* Records that wait never take more than half of the book, or calls would be
 * refused for them.  Interim records make way first. */
static bool has_room(const struct server *server, enum cdr_kind kind)
{
	const struct config *config = server->worker->child.config;
	uint64_t most = config->cdr.backlog;
	uint64_t fit = (uint64_t)config->pool.max_book_mb * (1u << 20) / 2 /
		       RECORD_SIZE;

	most = fit < most ? fit : most;
	return n_waiting(server) < (kind == CDR_INTERIM ? most / 2 : most);
}

static void tell_dropped(struct worker *worker)
{
	static const char text[] =
		"reason=\"too many wait for the disk: see backlog of [cdr]\"";

	if (worker->cdr_told_us &&
	    worker->now_us - worker->cdr_told_us < 60 * USEC_PER_SEC)
		return;
	worker->cdr_told_us = worker->now_us;
	log_event(LOG_LVL_ERROR, "cdr_dropped", "%s", text);
	board_event(worker->board, LOG_LVL_ERROR, "cdr_dropped", text);
}

static void note(struct call *call, enum cdr_kind kind, uint32_t interim,
		 struct slice reason)
{
	struct server *server = call->server;
	struct turn *turn = &server->worker->turn;
	struct cdr_record *cdr;

	if (!has_room(server, kind)) {
		worker_count(server->worker, COUNTER_cdr_dropped);
		tell_dropped(server->worker);
		return;
	}
	cdr = new_record(turn);
	cdr->sequence = server->cdr_next++;
	cdr->kind = (uint8_t)kind;
	cdr->interim = interim;
	put_head(cdr, call);
	put_legs(cdr, call);
	put_tries(cdr, call);
	cdr->reason = put_text(cdr, reason, REASON_SHOWN);
	turn->cdrs_len += (cdr->head.size + ALIGNED - 1) / ALIGNED * ALIGNED;
	server->worker->cdr_unacked++;
	worker_count(server->worker, COUNTER_cdr_made);
}

/* ---- when ---------------------------------------------------------------- */

void cdr_end(struct call *call, const struct call_cause *cause)
{
	if (settings(call->server->worker)->directory)
		note(call, CDR_END, 0, reason_of(call, cause));
}

void cdr_set_aside(struct server *server, const struct call_record *record)
{
	struct call call = {.server = server};

	if (record->ended_wall_us || !settings(server->worker)->directory)
		return;
	call.record = malloc(record->head.size);
	must(call.record);
	memcpy(call.record, record, record->head.size);
	call.record->ended_wall_us = clock_wall_us();
	call.record->released_by = 'm';
	if (!record->answered_us)
		call.record->code = 500;
	note(&call, CDR_END, 0, SLICE("SIP;cause=500;text=\"Set aside\""));
	free(call.record);
}

void cdr_answered(struct call *call)
{
	const struct config_cdr *cdr = settings(call->server->worker);

	if (cdr->directory && cdr->interim_us)
		call_timer_set(call, CALL_TIMER_INTERIM,
			       call->record->answered_us + cdr->interim_us);
}

/* Deadlines stay multiples of the interval, also where nobody served the book
 * for a while; what was missed by that is left out. */
void cdr_interim(struct call *call)
{
	const struct config_cdr *cdr = settings(call->server->worker);
	uint64_t talked =
		call->server->worker->now_us - call->record->answered_us;
	uint64_t n = cdr->interim_us ? talked / cdr->interim_us : 0;

	if (!cdr->directory || !cdr->interim_us)
		return;
	call_timer_set(call, CALL_TIMER_INTERIM,
		       call->record->answered_us + (n + 1) * cdr->interim_us);
	if (n)
		note(call, CDR_INTERIM, (uint32_t)n, SLICE_NONE);
}

/* ---- a book comes and goes ----------------------------------------------- */

void cdr_open(struct worker *worker)
{
	if (!worker->cdr_page)
		cdr_page_open(worker->child.run_dir, &worker->cdr_page);
}

int cdr_adopt(struct server *server)
{
	const struct cdr_page *page = server->worker->cdr_page;
	uint64_t first = 0, last = 0, seen;
	int rc = book_cdr_range(server->book, &first, &last);

	if (rc)
		return rc;
	seen = page ? cdr_page_last(page, server->index) : 0;
	server->cdr_next = (seen > last ? seen : last) + 1;
	server->cdr_first = first ? first : server->cdr_next;
	server->worker->cdr_unacked += server->cdr_next - server->cdr_first;
	return 0;
}

void cdr_leave(struct server *server)
{
	server->worker->cdr_unacked -= server->cdr_next - server->cdr_first;
}

/* ---- the turn ------------------------------------------------------------ */

/* What the page lets this book delete now: sequences below this. */
static uint64_t deletable(const struct server *server)
{
	uint64_t end = server->cdr_first + DELETES_MAX;
	uint64_t acked =
		cdr_page_acked(server->worker->cdr_page, server->index);

	if (end > server->cdr_next)
		end = server->cdr_next;
	return acked + 1 < end ? acked + 1 : end;
}

static bool may_delete(const struct worker *worker)
{
	return worker->cdr_unacked && worker->cdr_page;
}

/* True when something was put. */
static bool put_deletes(struct server *server)
{
	uint64_t end = server->book ? deletable(server) : 0;

	server->cdr_keep = server->cdr_first;
	for (; server->cdr_keep < end; server->cdr_keep++)
		book_del_cdr(server->book, server->cdr_keep);
	return server->cdr_keep > server->cdr_first;
}

static void put_records(struct worker *worker)
{
	const struct turn *turn = &worker->turn;

	for (size_t at = 0; at < turn->cdrs_len;) {
		const struct cdr_record *cdr = (const void *)(turn->cdrs + at);
		struct server *server = worker->servers[call_book(cdr->call)];

		book_put_cdr(server->book, cdr);
		server->is_dirty = true;
		at += (cdr->head.size + ALIGNED - 1) / ALIGNED * ALIGNED;
	}
}

/* Deletes ride along with what is written anyway; cdr_tidy has time for the
 * rest. */
void cdr_put(struct worker *worker)
{
	put_records(worker);
	if (!may_delete(worker))
		return;
	for_each_server(server, worker)
	{
		if (server->is_dirty)
			put_deletes(server);
	}
}

static void forget_deleted(struct server *server)
{
	if (server->cdr_keep <= server->cdr_first)
		return;
	server->worker->cdr_unacked -= server->cdr_keep - server->cdr_first;
	server->cdr_first = server->cdr_keep;
}

void cdr_committed(struct worker *worker)
{
	worker->turn.cdrs_len = 0;
	if (worker->cdr_unacked)
		for_each_server(server, worker) forget_deleted(server);
}

void cdr_tidy(struct worker *worker)
{
	if (!may_delete(worker))
		return;
	for_each_server(server, worker)
	{
		if (put_deletes(server) && book_commit(server->book) == 0)
			forget_deleted(server);
	}
}
