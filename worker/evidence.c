/* SPDX-License-Identifier: Apache-2.0
 *
 * See evidence.h.  Signalling worker.
 */
#include "worker/evidence.h"

#include <stdlib.h>

#include "base/clock.h"

static void set(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

void evidence_unreachable(struct worker *worker, struct slice peer,
			  uint64_t sent_us)
{
	struct board_peer *row = board_peer(worker->board, peer);

	if (!row)
		return;
	set(&row->unreachable_us, sent_us);
	set(&row->last_failure_wall_us, clock_wall_us());
}

void evidence_answer(struct worker *worker, struct slice peer, unsigned code,
		     unsigned retry_after_s, uint64_t sent_us)
{
	struct board_peer *row = board_peer(worker->board, peer);

	if (!row)
		return;
	atomic_store_explicit(&row->last_code, code, memory_order_relaxed);
	if (code != 503 && code != 408) {
		set(&row->good_us, sent_us);
		return;
	}
	set(&row->last_failure_wall_us, clock_wall_us());
	if (code == 503 && retry_after_s)
		set(&row->held_until_us,
		    worker->now_us + retry_after_s * USEC_PER_SEC);
	else if (code == 503)
		set(&row->demoted_us, sent_us);
}

static enum route_fitness fitness_of(const struct config_peer *peer,
				     enum peer_state state)
{
	switch (state) {
	case PEER_UP:
	case PEER_UNKNOWN:
		return FIT;
	case PEER_DEMOTED:
		return FIT_BEHIND;
	case PEER_HELD:
	case PEER_DOWN:
		return peer->health.unhealthy == UNHEALTHY_DEMOTE ? FIT_BEHIND
								  : UNFIT;
	case PEER_DISABLED:
	case PEER_DRAINING:
		break;
	}
	return FORBIDDEN;
}

static unsigned trunk_calls(struct worker *worker,
			    const struct config_trunk *trunk)
{
	char buf[PEER_NAME_MAX];
	struct slice key = board_trunk_key(slice_of(trunk->name), buf);
	unsigned calls = 0;

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		const struct board *board = worker->health.boards[i];
		const struct board_peer *row =
			board ? board_find_peer(board, key) : NULL;

		if (row)
			calls += atomic_load_explicit(&row->calls,
						      memory_order_relaxed);
	}
	return calls;
}

static void view_trunk(struct worker *worker,
		       const struct route_request *request,
		       const struct config_trunk *trunk,
		       struct route_trunk_view *view)
{
	const struct config_peer *peer =
		&request->config->peers[trunk->gateway];
	struct peer_health health;

	health_of_peer(&worker->health, peer, worker->now_us, &health);
	view->fitness = fitness_of(peer, health.state);
	view->calls = trunk_calls(worker, trunk);
	if (trunk->max_calls && view->calls >= trunk->max_calls &&
	    !route_is_emergency(request->config, request->called))
		view->fitness = FORBIDDEN;
}

/* The prober makes the table when it is first named, perhaps after we looked.
 */
static void find_table(struct worker *worker)
{
	static uint64_t again_us;

	if (worker->health.table || worker->now_us < again_us)
		return;
	again_us = worker->now_us + USEC_PER_SEC / 10;
	(void)health_table_open(worker->child.run_dir, false,
				&worker->health.table);
}

void evidence_view(struct worker *worker, struct route_request *request)
{
	static struct route_trunk_view *trunks;
	static enum route_fitness *frontends;
	static unsigned n_trunks, n_frontends;
	const struct config *config = request->config;
	struct peer_health health;

	find_table(worker);
	if (config->n_trunks > n_trunks || config->n_frontends > n_frontends) {
		free(trunks);
		free(frontends);
		n_trunks = config->n_trunks;
		n_frontends = config->n_frontends;
		trunks = calloc(n_trunks + 1, sizeof(*trunks));
		frontends = calloc(n_frontends + 1, sizeof(*frontends));
		must(trunks && frontends);
	}
	for (unsigned i = 0; i < config->n_trunks; i++)
		view_trunk(worker, request, &config->trunks[i], &trunks[i]);
	for (unsigned i = 0; i < config->n_frontends; i++) {
		health_of_peer(&worker->health, &config->peers[i],
			       worker->now_us, &health);
		frontends[i] = fitness_of(&config->peers[i], health.state);
	}
	request->trunks = trunks;
	request->frontends = frontends;
}
