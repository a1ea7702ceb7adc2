/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the row of a call on a media worker's stream board.  Called by the
 * media worker that owns the board and by everybody who shows or ends calls.
 * Trap: rows are given back in any order, so a search never stops at a free
 * one; it is bounded by STREAM_PROBES instead.
 */
#include "shm/board.h"

static unsigned stream_row_home(uint64_t call)
{
	/* Counters of a book follow each other: a multiplicative hash spreads
	 * them (2^64 / golden ratio). */
	return (unsigned)((call * 0x9e3779b97f4a7c15ull) >> 32) % STREAM_ROWS;
}

static uint64_t stream_row_call(const struct stream_row *row)
{
	return atomic_load_explicit(&row->call, memory_order_acquire);
}

/* The first row within reach that holds this call id (0: a free row), or
 * -1. */
static int stream_row_seek(const struct stream_board *board, uint64_t call,
			   uint64_t wanted)
{
	unsigned home = stream_row_home(call);

	for (unsigned i = 0; i < STREAM_PROBES; i++) {
		unsigned at = (home + i) % STREAM_ROWS;

		if (stream_row_call(&board->rows[at]) == wanted)
			return (int)at;
	}
	return -1;
}

const struct stream_row *stream_board_find(const struct stream_board *board,
					   uint64_t call)
{
	int at = call ? stream_row_seek(board, call, call) : -1;

	return at < 0 ? NULL : &board->rows[at];
}

struct stream_row *stream_board_claim(struct stream_board *board, uint64_t call)
{
	int at = stream_row_seek(board, call, call);
	struct stream_row *row;

	if (at >= 0)
		return &board->rows[at];
	at = stream_row_seek(board, call, 0);
	if (at < 0)
		return NULL;
	row = &board->rows[at];
	memset((char *)row + sizeof(row->call), 0,
	       sizeof(*row) - sizeof(row->call));
	atomic_store_explicit(&row->call, call, memory_order_release);
	return row;
}

void stream_board_drop(struct stream_row *row)
{
	atomic_store_explicit(&row->call, 0, memory_order_release);
}
