/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer's state is.  Called by signalling workers before they route and
 * by mspoolctl and the observer for display; nothing here is written.
 *
 * Every piece of evidence bears the time at which its request was sent, and
 * the later request wins: a good answer ends what an earlier request's failure
 * began, whichever worker saw which.  Trap: times are compared between
 * processes; they are CLOCK_BOOTTIME, so that is sound on one host.
 */
#include "shm/health.h"

const char *const peer_state_names[] = {
	[PEER_UP] = "up",
	[PEER_UNKNOWN] = "unknown",
	[PEER_DEMOTED] = "demoted",
	[PEER_HELD] = "held",
	[PEER_DOWN] = "down",
	[PEER_DISABLED] = "disabled",
	[PEER_DRAINING] = "draining",
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t read_word(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void health_add_board(struct health_evidence *evidence,
		      const struct board_peer *peer)
{
	evidence->unreachable_us = later(evidence->unreachable_us,
					 read_word(&peer->unreachable_us));
	evidence->demoted_us =
		later(evidence->demoted_us, read_word(&peer->demoted_us));
	evidence->held_until_us =
		later(evidence->held_until_us, read_word(&peer->held_until_us));
	evidence->good_us = later(evidence->good_us, read_word(&peer->good_us));
	evidence->failure_wall_us =
		later(evidence->failure_wall_us,
		      read_word(&peer->last_failure_wall_us));
}

/* ---- the rules, in the order in which they win --------------------------- */

static bool is_disabled(const struct health_evidence *evidence, uint64_t now_us)
{
	(void)now_us;
	return !evidence->is_enabled || (evidence->admin & ADMIN_DISABLED) != 0;
}

static bool is_draining(const struct health_evidence *evidence, uint64_t now_us)
{
	(void)now_us;
	return (evidence->admin & ADMIN_DRAINED) != 0;
}

/* A good answer to anything, a call or a probe. */
static uint64_t any_good_us(const struct health_evidence *evidence)
{
	return later(evidence->good_us, evidence->probe.last_good_us);
}

/* CONTRACT "calls as evidence": refused or timed out. */
static bool is_unreachable(const struct health_evidence *evidence,
			   uint64_t now_us)
{
	(void)now_us;
	return evidence->unreachable_us &&
	       evidence->unreachable_us >= any_good_us(evidence);
}

/* CONTRACT "probes": options_misses in a row, which the prober counts.  A call
 * answered since the last of them says that the peer is back. */
static bool is_probed_down(const struct health_evidence *evidence,
			   uint64_t now_us)
{
	const struct health_record *probe = &evidence->probe;
	uint64_t missed_us =
		probe->last_miss_us ? probe->last_miss_us : probe->last_sent_us;

	(void)now_us;
	return probe->state == PROBE_DOWN && evidence->good_us <= missed_us;
}

/* 503 with Retry-After: nothing but time ends a hold. */
static bool is_held(const struct health_evidence *evidence, uint64_t now_us)
{
	return evidence->held_until_us > now_us;
}

static bool is_demoted(const struct health_evidence *evidence, uint64_t now_us)
{
	(void)now_us;
	return evidence->demoted_us &&
	       evidence->demoted_us >= any_good_us(evidence);
}

static bool is_unknown(const struct health_evidence *evidence, uint64_t now_us)
{
	(void)now_us;
	return evidence->probe.state == PROBE_UNKNOWN &&
	       any_good_us(evidence) == 0;
}

static bool is_anything(const struct health_evidence *evidence, uint64_t now_us)
{
	(void)evidence;
	(void)now_us;
	return true;
}

static const struct {
	bool (*applies)(const struct health_evidence *evidence,
			uint64_t now_us);
	enum peer_state state;
	bool is_by_calls; /* began when a call failed */
} rules[] = {
	{is_disabled, PEER_DISABLED, false},
	{is_draining, PEER_DRAINING, false},
	{is_unreachable, PEER_DOWN, true},
	{is_probed_down, PEER_DOWN, false},
	{is_held, PEER_HELD, true},
	{is_demoted, PEER_DEMOTED, true},
	{is_unknown, PEER_UNKNOWN, false},
	{is_anything, PEER_UP, false},
};

enum peer_state health_judge(const struct health_evidence *evidence,
			     uint64_t now_us, uint64_t *ret_since_wall_us)
{
	unsigned i = 0;

	while (!rules[i].applies(evidence, now_us))
		i++;
	if (i < 2 && evidence->admin)
		*ret_since_wall_us = evidence->admin_wall_us;
	else if (rules[i].is_by_calls)
		*ret_since_wall_us = evidence->failure_wall_us;
	else
		*ret_since_wall_us = evidence->probe.since_wall_us;
	return rules[i].state;
}

bool peer_state_is_usable(enum peer_state state)
{
	return state == PEER_UP || state == PEER_UNKNOWN ||
	       state == PEER_DEMOTED;
}

/* ---- collecting --------------------------------------------------------- */

static void add_figures(struct peer_health *health,
			const struct board_peer *peer)
{
	health->calls +=
		atomic_load_explicit(&peer->calls, memory_order_relaxed);
	health->attempts += read_word(&peer->attempts);
	health->answered += read_word(&peer->answered);
	health->failed += read_word(&peer->failed);
	health->busy += read_word(&peer->busy);
	health->cancelled += read_word(&peer->cancelled);
}

static void add_admin(struct health_evidence *evidence,
		      const struct health_sources *sources, struct slice name)
{
	struct admin_record admin;

	if (!sources->pool ||
	    pool_table_get_admin(sources->pool, name, &admin) < 0)
		return;
	evidence->admin = admin.flags;
	evidence->admin_wall_us = admin.since_wall_us;
}

void health_of_peer(const struct health_sources *sources,
		    const struct config_peer *peer, uint64_t now_us,
		    struct peer_health *ret_health)
{
	struct slice name = slice_of(peer->name);
	struct health_evidence evidence = {.is_enabled = peer->is_enabled};
	struct peer_health health = {0};

	add_admin(&evidence, sources, name);
	if (sources->table)
		(void)health_table_get(sources->table, name, &evidence.probe);
	for (unsigned i = 0; i <= BOOK_MAX; i++) {
		const struct board_peer *row =
			sources->boards[i]
				? board_find_peer(sources->boards[i], name)
				: NULL;

		if (!row)
			continue;
		health_add_board(&evidence, row);
		add_figures(&health, row);
	}
	health.probe = evidence.probe;
	health.state = health_judge(&evidence, now_us, &health.since_wall_us);
	if (evidence.held_until_us > now_us)
		health.hold_left_us = evidence.held_until_us - now_us;
	*ret_health = health;
}
