/* SPDX-License-Identifier: Apache-2.0
 *
 * See stream.h.  Called by books.c, between turns of the engine.
 */

#include "media/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "media/figures.h"

static enum leg_side stream_other(unsigned leg)
{
	return leg == LEG_A ? LEG_B : LEG_A;
}

static struct stream **stream_place(const struct served *served,
				    const struct stream_row *row)
{
	return &served->streams[row - served->board->rows];
}

struct stream *stream_find(const struct served *served, uint64_t call)
{
	const struct stream_row *row = stream_board_find(served->board, call);

	return row ? *stream_place(served, row) : NULL;
}

bool stream_is_dead(const struct served *served, uint64_t call)
{
	const struct stream_row *row = stream_board_find(served->board, call);

	return row && atomic_load(&row->is_dead);
}

static void stream_echo(struct stream_row *row, uint32_t version)
{
	atomic_store_explicit(&row->version, version, memory_order_release);
}

/* ---- ports ------------------------------------------------------------------
 */

/* Takes the pair out of whatever queue it is in. */
static void stream_unqueue(struct served *served, struct pair *pair)
{
	struct book_link *link = &served->link[pair->book];

	if (pair->state == PAIR_RESTING)
		pair_unlink(&served->ports.resting[pair->side], pair);
	else if (pair->state == PAIR_OFFERED)
		pair_unlink(&link->offer[pair->side].offered, pair);
	else if (pair->state == PAIR_TAKEN)
		pair_unlink(&link->taken, pair);
}

/* The pair that a side of a wish names, if it is not a stream's. */
static struct pair *stream_named_pair(const struct served *served,
				      const struct media_side *side)
{
	struct pair *pair =
		ports_find(&served->ports, side->side, addr_port(&side->local));

	return pair && pair->state != PAIR_IN_USE ? pair : NULL;
}

void stream_reserve(struct served *served, uint64_t call,
		    const struct media_wish *wish, uint64_t now_us)
{
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		struct pair *pair = stream_named_pair(served, &wish->side[leg]);

		if (!pair)
			continue;
		stream_unqueue(served, pair);
		pair->state = PAIR_TAKEN;
		pair->book = (uint8_t)call_book(call);
		pair->since_us = now_us;
		pair_push(&served->link[pair->book].taken, pair);
	}
}

/* A call ended before its media began: the ports it had taken rest. */
static void stream_return_pairs(struct served *served,
				const struct media_wish *wish, uint64_t now_us)
{
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		struct pair *pair = stream_named_pair(served, &wish->side[leg]);

		if (!pair || pair->state == PAIR_RESTING)
			continue;
		stream_unqueue(served, pair);
		ports_rest(&served->ports, pair, now_us);
	}
}

static int stream_listen(struct served *served, struct pair *pair)
{
	int error = engine_add(served->engine, 2 * pair->id, pair->fd[0]);

	if (error == 0)
		error = engine_add(served->engine, 2 * pair->id + 1,
				   pair->fd[1]);
	if (error)
		engine_remove(served->engine, 2 * pair->id);
	return error;
}

static int stream_take_pair(struct served *served, struct stream *stream,
			    unsigned leg, const struct media_side *side,
			    bool is_rebuild)
{
	struct pair *pair;
	int error = ports_get_exact(&served->ports, side->side, &side->local,
				    &pair);

	if (error)
		return error;
	if (pair->state == PAIR_IN_USE)
		return -EBUSY;
	stream_unqueue(served, pair);
	pair->state = PAIR_IN_USE;
	pair->stream = stream;
	stream->pair[leg] = pair;
	if (!is_rebuild)
		pair_drain(pair);
	relay_connect(served->relay, pair->id, &stream->way[leg]);
	return stream_listen(served, pair);
}

static void stream_give_pair(struct served *served, struct stream *stream,
			     unsigned leg, uint64_t now_us)
{
	struct pair *pair = stream->pair[leg];

	if (!pair)
		return;
	engine_remove(served->engine, 2 * pair->id);
	engine_remove(served->engine, 2 * pair->id + 1);
	relay_connect(served->relay, pair->id, NULL);
	stream->pair[leg] = NULL;
	ports_rest(&served->ports, pair, now_us);
}

static bool stream_has_pair(const struct stream *stream, unsigned leg,
			    const struct media_side *side)
{
	const struct pair *pair = stream->pair[leg];

	return pair && pair->side == side->side &&
	       addr_port(&pair->local) == addr_port(&side->local);
}

static int stream_set_pairs(struct served *served, struct stream *stream,
			    const struct media_wish *wish, bool is_rebuild,
			    uint64_t now_us)
{
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		const struct media_side *side = &wish->side[leg];
		int error;

		if (stream_has_pair(stream, leg, side))
			continue;
		stream_give_pair(served, stream, leg, now_us);
		if (addr_is_none(&side->local))
			continue; /* not offered to this party yet */
		error = stream_take_pair(served, stream, leg, side, is_rebuild);
		if (error)
			return error;
	}
	return 0;
}

/* ---- ways -------------------------------------------------------------------
 */

static void stream_set_way(struct stream *stream, unsigned leg,
			   const struct media_wish *wish)
{
	const struct media_side *in = &wish->side[leg];
	const struct media_side *out = &wish->side[stream_other(leg)];
	const struct pair *out_pair = stream->pair[stream_other(leg)];
	struct way *way = &stream->way[leg];

	source_set(&way->rtp, &in->remote, in->is_latching, &in->local);
	source_set(&way->rtcp, &in->remote_rtcp, in->is_latching, &in->local);
	payload_table_set(&way->payloads, in->map, in->n_map);
	way->clock_rate = in->clock_rate ? in->clock_rate : 8000;
	way->step = relay_step(FORM_RTP, FORM_RTP);
	way->back = &stream->way[stream_other(leg)];
	way->row = &stream->row->side[leg];
	way->out_socket = out_pair ? 2 * out_pair->id : 0;
	way->is_relayed =
		out_pair && in->flow & MEDIA_TAKE && out->flow & MEDIA_GIVE;
	stream->flow[leg] = in->flow;
}

/* Without ports there is nothing to send from. */
static void stream_set_ways(struct stream *stream,
			    const struct media_wish *wish, uint64_t now_us)
{
	bool are_known = true;

	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		stream_set_way(stream, leg, wish);
		if (addr_is_none(&wish->side[leg].remote))
			are_known = false;
	}
	stream->inactivity_ms = wish->inactivity_ms;
	stream->is_held = wish->is_held;
	stream->quiet_since_us = are_known ? now_us : 0;
	stream->version = wish->version;
}

static void stream_restore(struct stream *stream, uint64_t now_us)
{
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		struct way *way = &stream->way[leg];

		source_restore(&way->rtp, &way->row->learned, now_us);
		figures_restore(way);
	}
}

/* ---- life -------------------------------------------------------------------
 */

static struct stream *stream_new(struct served *served, uint64_t call,
				 struct stream_row *row)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->call = call;
	stream->row = row;
	*stream_place(served, row) = stream;
	served->n_streams++;
	return stream;
}

struct stream *stream_free(struct served *served, struct stream *stream,
			   uint64_t now_us)
{
	if (!stream)
		return NULL;
	for (unsigned leg = 0; leg < N_LEGS; leg++)
		stream_give_pair(served, stream, leg, now_us);
	*stream_place(served, stream->row) = NULL;
	served->n_streams--;
	free(stream);
	return NULL;
}

void stream_forget(struct served *served, uint64_t call, uint64_t now_us)
{
	const struct stream_row *found = stream_board_find(served->board, call);
	struct stream_row *row;

	if (!found)
		return;
	row = &served->board->rows[found - served->board->rows];
	stream_free(served, *stream_place(served, row), now_us);
	stream_board_drop(row);
}

static int stream_put_in_force(struct served *served, struct stream *stream,
			       const struct media_wish *wish, bool is_rebuild,
			       uint64_t now_us)
{
	int error = stream_set_pairs(served, stream, wish, is_rebuild, now_us);

	if (error)
		return error;
	stream_set_ways(stream, wish, now_us);
	if (is_rebuild)
		stream_restore(stream, now_us);
	return 0;
}

int stream_apply(struct served *served, uint64_t call,
		 const struct media_wish *wish, bool is_rebuild,
		 uint64_t now_us)
{
	struct stream_row *row = stream_board_claim(served->board, call);
	struct stream *stream;
	int error = 0;

	if (!row)
		return -ENOSPC;
	stream = *stream_place(served, row);
	if (!wish->is_on) {
		stream = stream_free(served, stream, now_us);
		/* Once: afterwards the ports may be another call's. */
		if (atomic_load(&row->version) != wish->version)
			stream_return_pairs(served, wish, now_us);
	} else if (!stream || stream->version != wish->version) {
		if (!stream)
			stream = stream_new(served, call, row);
		error = stream ? stream_put_in_force(served, stream, wish,
						     is_rebuild, now_us)
			       : -ENOMEM;
	}
	if (error)
		stream_free(served, *stream_place(served, row), now_us);
	if (error == -EADDRINUSE && now_us < served->busy_until_us)
		return -EAGAIN;
	if (error)
		atomic_store(&row->is_dead, 1);
	stream_echo(row, wish->version);
	return error;
}
