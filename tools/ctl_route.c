/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking route/ what it would do with a call, in the same words as a
 * signalling worker does, and putting its answer into JSON.
 * Trap: round-robin and weights depend on a turn number that every real call
 * has another of; a dry run is always turn 0.
 */
#include "tools/ctl_route.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/ctl_json.h"

/* ---- what is known of the peers ------------------------------------------ */

static enum route_fitness fitness_of_state(const struct config_peer *peer,
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
	default:
		return FORBIDDEN;
	}
}

static enum route_fitness fitness(const struct ctl_view *view,
				  const struct config_peer *peer)
{
	struct peer_health health = {0};

	if (!peer->is_enabled)
		return FORBIDDEN;
	if (!view)
		return FIT;
	ctl_view_health(view, peer, &health);
	return fitness_of_state(peer, health.state);
}

static unsigned calls_on_trunk(const struct ctl_view *view, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; view && i < view->n_calls; i++)
		n += ctl_call_is_active(view->calls[i]) &&
		     slice_is(record_slice(view->calls[i],
					   view->calls[i]->trunk),
			      slice_of(name));
	return n;
}

static void fill_trunk(const struct config *config, const struct ctl_view *view,
		       const struct config_trunk *trunk,
		       struct route_trunk_view *ret_trunk)
{
	const struct config_peer *gateway = &config->peers[trunk->gateway];

	ret_trunk->fitness =
		gateway->is_routable ? fitness(view, gateway) : FORBIDDEN;
	ret_trunk->calls = calls_on_trunk(view, trunk->name);
	if (trunk->max_calls && ret_trunk->calls >= trunk->max_calls)
		ret_trunk->fitness = FORBIDDEN;
}

int dry_run_init(struct dry_run *run, const struct config *config,
		 const struct ctl_view *view)
{
	*run = (struct dry_run){.config = config};
	run->trunks = calloc(config->n_trunks + 1, sizeof(*run->trunks));
	run->frontends =
		calloc(config->n_frontends + 1, sizeof(*run->frontends));
	run->rules = route_rules_new(config);
	if (!run->trunks || !run->frontends || !run->rules) {
		dry_run_done(run);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < config->n_trunks; i++)
		fill_trunk(config, view, &config->trunks[i], &run->trunks[i]);
	for (unsigned i = 0; i < config->n_frontends; i++)
		run->frontends[i] = fitness(view, &config->peers[i]);
	return 0;
}

void dry_run_done(struct dry_run *run)
{
	route_rules_free(run->rules);
	free(run->trunks);
	free(run->frontends);
	*run = (struct dry_run){0};
}

/* ---- the call ------------------------------------------------------------ */

static int first_trunk_of(const struct config *config,
			  const struct config_peer *gateway)
{
	for (unsigned i = 0; i < config->n_trunks; i++)
		if (&config->peers[config->trunks[i].gateway] == gateway)
			return (int)i;
	return -1;
}

int dry_call_from(const struct config *config, const char *name,
		  struct dry_call *ret_call)
{
	const struct config_peer *peer;
	int trunk;

	if (!name) {
		if (config->n_frontends == 0)
			return -ENOENT;
		ret_call->from = &config->peers[0];
		ret_call->from_trunk = -1;
		return 0;
	}
	peer = config_peer(config, slice_of(name));
	trunk = config_trunk_index(config, slice_of(name));
	if (!peer && trunk < 0)
		return -ENOENT;
	if (!peer)
		peer = &config->peers[config->trunks[trunk].gateway];
	else
		trunk = peer->is_frontend ? -1 : first_trunk_of(config, peer);
	ret_call->from = peer;
	ret_call->from_trunk = trunk;
	return 0;
}

void dry_run_plan(const struct dry_run *run, const struct dry_call *call,
		  struct route_plan *ret_plan)
{
	struct route_request request = {
		.config = run->config,
		.from = call->from,
		.from_trunk = call->from_trunk,
		.called = call->number,
		.calling = call->caller,
		.trunks = run->trunks,
		.frontends = run->frontends,
	};

	route_plan_call(run->rules, &request, ret_plan);
}

/* ---- the answer ---------------------------------------------------------- */

const char *dry_try_name(const struct config *config,
			 const struct route_try *try)
{
	return try->trunk < 0 ? config->peers[try->peer].name
			      : config->trunks[try->trunk].name;
}

static json_t *name_json(const char *name)
{
	return name ? ctl_json_text(slice_of(name)) : json_null();
}

static json_t *rule_json(const struct config *config, int rule)
{
	return name_json(rule < 0 ? NULL : config->translations[rule].name);
}

static json_t *try_json(const struct config *config,
			const struct route_try *try)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "route",
		name_json(try->route < 0 ? NULL
					 : config->routes[try->route].name),
		"trunk",
		name_json(try->trunk < 0 ? NULL
					 : config->trunks[try->trunk].name),
		"peer", name_json(config->peers[try->peer].name), "called",
		name_json(try->called), "called_rule",
		rule_json(config, try->called_rule), "calling",
		name_json(try->calling), "calling_rule",
		rule_json(config, try->calling_rule), "caller_suppressed",
		try->is_caller_suppressed);
}

static json_t *skipped_json(const struct config *config, int trunk,
			    enum route_fitness why)
{
	static const char *const words[] = {
		[FIT] = "not needed",
		[FIT_BEHIND] = "demoted",
		[UNFIT] = "down or held",
		[FORBIDDEN] = "disabled, drained or full",
	};

	return json_pack(
		"{s:o, s:s}", "trunk",
		name_json(trunk < 0 ? NULL : config->trunks[trunk].name), "why",
		words[why]);
}

json_t *dry_run_json(const struct config *config, const struct dry_call *call,
		     const struct route_plan *plan)
{
	json_t *routes = json_array(), *tries = json_array();
	json_t *skipped = json_array();

	for (unsigned i = 0; i < plan->n_matched; i++)
		json_array_append_new(
			routes,
			name_json(config->routes[plan->matched[i]].name));
	for (unsigned i = 0; i < plan->n_tries; i++)
		json_array_append_new(tries, try_json(config, &plan->tries[i]));
	for (unsigned i = 0; i < plan->n_skipped; i++)
		json_array_append_new(
			skipped, skipped_json(config, plan->skipped[i].trunk,
					      plan->skipped[i].why));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "number",
		name_json(call->number), "from", name_json(call->from->name),
		"from_trunk",
		name_json(call->from_trunk < 0
				  ? NULL
				  : config->trunks[call->from_trunk].name),
		"caller", ctl_json_text_or_null(slice_of(call->caller)),
		"status", plan->status, "routes", routes, "tries", tries,
		"skipped", skipped);
}
