/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a call in memory: made, found, timed, deleted; nothing of what
 * it does.  Signalling worker.
 */
#include "worker/call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "worker/load.h"

static struct call *call_add(struct server *server, struct call_record *record)
{
	struct call *call = calloc(1, sizeof(*call));

	must(call);
	call->record = record;
	call->server = server;
	call->timer.kind = TIMER_CALL;
	HASH_ADD_KEYPTR(hh, server->calls, &call->record->id,
			sizeof(call->record->id), call);
	return call;
}

/* record_set moves the record, and uthash keeps a pointer to the key in it. */
static void rekey(struct call *call)
{
	call->hh.key = &call->record->id;
}

struct call *call_new(struct server *server)
{
	struct worker *worker = server->worker;
	struct call_record *record =
		record_new(RECORD_CALL, sizeof(*record), 4096);
	struct call *call;

	must(record);
	record->id = book_new_call(server->book);
	record->state = CALL_TRYING;
	record->born_epoch = book_epoch(server->book);
	record->next_tx = 1;
	record->started_us = worker->now_us;
	record->started_wall_us = clock_wall_us();
	for (unsigned i = 0; i < N_LEGS; i++)
		random_bytes(record->leg[i].secret, LEG_SECRET_LEN);
	call = call_add(server, record);
	load_changed(server, +1, 0);
	turn_mark_call(call);
	return call;
}

struct call *call_load(struct server *server, struct call_record *record)
{
	struct call *call = call_add(server, record);

	call->is_stored = true;
	if (record->state != CALL_ABSORBING)
		load_changed(server, +1, 0);
	return call;
}

struct call *call_find(struct server *server, uint64_t id)
{
	struct call *call;

	HASH_FIND(hh, server->calls, &id, sizeof(id), call);
	return call;
}

void call_delete(struct call *call)
{
	if (call->is_gone)
		return;
	while (call->txs)
		tx_end(call->txs);
	if (call->record->state != CALL_ABSORBING)
		load_changed(call->server, -1, 0);
	load_drop(call);
	timer_cancel(&call->timer);
	HASH_DEL(call->server->calls, call);
	call->is_gone = true;
	turn_mark_call(call);
}

void call_free(struct call *call)
{
	timer_cancel(&call->timer);
	free(call->invite);
	free(call->record);
	free(call);
}

void call_keep_invite(struct call *call, struct slice text)
{
	size_t size = sizeof(*call->invite) + text.len;

	call_drop_invite(call);
	call->invite = malloc(size);
	must(call->invite);
	*call->invite = (struct invite_record){
		.head = {INVITE_VERSION, RECORD_INVITE, (uint32_t)size},
		.call = call->record->id};
	memcpy(call->invite + 1, text.ptr, text.len);
	call->is_invite_new = true;
	turn_mark_call(call);
}

void call_drop_invite(struct call *call)
{
	if (!call->invite)
		return;
	free(call->invite);
	call->invite = NULL;
	call->is_invite_new = false;
	turn_mark_call(call);
}

void call_load_invite(struct call *call, struct invite_record *record)
{
	free(call->invite);
	call->invite = record;
	call->is_invite_stored = true;
}

struct slice call_invite(const struct call *call)
{
	if (!call->invite)
		return SLICE_NONE;
	return (struct slice){(const char *)(call->invite + 1),
			      call->invite->head.size - sizeof(*call->invite)};
}

static void pack(struct call *call)
{
	void *record = call->record;

	record_pack(&record, sizeof(struct call_record), call_record_texts,
		    n_call_record_texts);
	call->record = record;
	rekey(call);
}

static int try_set(struct call *call, size_t ref_offset, struct slice text)
{
	void *record = call->record;
	int rc = record_set(&record, ref_offset, text);

	call->record = record;
	rekey(call);
	return rc;
}

/* What was replaced stays in the record until it is packed, and peers decide
 * how often and how long. */
void call_set(struct call *call, size_t ref_offset, struct slice text)
{
	int rc = try_set(call, ref_offset, text);

	if (rc == -E2BIG) {
		pack(call);
		rc = try_set(call, ref_offset, text);
	}
	if (rc == -E2BIG)
		call->is_too_large = true;
	else
		must(rc == 0);
	turn_mark_call(call);
}

void call_pack(struct call *call)
{
	void *record;

	pack(call);
	record = call->record;
	record_trim(&record);
	call->record = record;
	rekey(call);
	turn_mark_call(call);
}

void call_before_put(struct call *call)
{
	if (call->record->head.size > BOOK_CALL_ROOM)
		pack(call);
}

void call_timer_rearm(struct call *call)
{
	uint64_t nearest = 0;

	for (unsigned i = 0; i < N_CALL_TIMERS; i++) {
		uint64_t deadline = call->record->deadline_us[i];

		if (deadline && (!nearest || deadline < nearest))
			nearest = deadline;
	}
	if (nearest)
		wheel_set(call->server->worker->wheel, &call->timer, nearest);
	else
		timer_cancel(&call->timer);
}

void call_timer_set(struct call *call, enum call_timer timer,
		    uint64_t deadline_us)
{
	if (call->record->deadline_us[timer] == deadline_us &&
	    call->timer.deadline_us)
		return;
	call->record->deadline_us[timer] = deadline_us;
	turn_mark_call(call);
	call_timer_rearm(call);
}
