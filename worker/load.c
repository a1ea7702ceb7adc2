/* SPDX-License-Identifier: Apache-2.0
 *
 * See load.h.  Signalling worker.
 */
#include "worker/load.h"

static void add(_Atomic uint32_t *value, int n)
{
	atomic_store_explicit(value,
			      (uint32_t)((int)atomic_load_explicit(
						 value, memory_order_relaxed) +
					 n),
			      memory_order_relaxed);
}

void load_changed(struct server *server, int calls, int early)
{
	server->n_calls = (unsigned)((int)server->n_calls + calls);
	add(&server->worker->board->calls, calls);
	add(&server->worker->board->calls_early, early);
}

struct board_peer *load_peer(struct call *call, enum leg_side leg)
{
	struct slice name = call_text(call, call->record->leg[leg].peer);

	return name.len ? board_peer(call->server->worker->board, name) : NULL;
}

struct board_peer *load_trunk(struct call *call)
{
	struct slice name = call_text(call, call->record->trunk);
	char buf[PEER_NAME_MAX];

	if (!name.len)
		return NULL;
	return board_peer(call->server->worker->board,
			  board_trunk_key(name, buf));
}

static void place(struct board_peer **slot, struct board_peer *row)
{
	if (*slot == row)
		return;
	if (*slot)
		add(&(*slot)->calls, -1);
	if (row)
		add(&row->calls, +1);
	*slot = row;
}

void load_place(struct call *call)
{
	place(&call->load[LEG_A], load_peer(call, LEG_A));
	place(&call->load[LEG_B], load_peer(call, LEG_B));
	place(&call->load[N_LEGS], load_trunk(call));
}

void load_drop(struct call *call)
{
	for (unsigned i = 0; i < N_LEGS + 1; i++)
		place(&call->load[i], NULL);
}
