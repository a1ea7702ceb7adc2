/* SPDX-License-Identifier: Apache-2.0
 *
 * From a number and its caller to the ordered list of tries.  Called by
 * signalling workers for each call and by `mspoolctl test route`.
 *
 *   from a front end  routes by priority (those its usages allow), each with
 *                     its trunks by strategy; then default_trunk; without any
 *                     route every gateway in turn
 *   from a gateway    the routes that its trunk's usages allow, else front
 *                     ends by priority and weight
 *
 * Trap: who is down is left out only while somebody is left; if all are down,
 * all are tried.  Who is FORBIDDEN is never tried.
 */
#include "route/rules.h"

#include <stdlib.h>
#include <string.h>

#define MATCHED_MAX (sizeof(((struct route_plan *)0)->matched) / sizeof(int))
#define SKIPPED_MAX                                                            \
	(sizeof(((struct route_plan *)0)->skipped) /                           \
	 sizeof(((struct route_plan *)0)->skipped[0]))

struct planner {
	const struct route_rules *rules;
	const struct route_request *request;
	const struct config *config;
	struct route_plan *plan;
	/* numbers after the inbound translations of the trunk, if any */
	char called[ROUTE_NUMBER_MAX], calling[ROUTE_NUMBER_MAX];
	int called_rule, calling_rule;
	unsigned default_trunk;
	bool is_emergency;
	bool is_cut; /* a number did not fit */
};

/* A list of trunks that calls may take: a route's, or one made here. */
struct choice {
	int route; /* -1: none */
	const unsigned *trunks;
	unsigned n;
	enum route_strategy strategy;
};

bool route_is_emergency(const struct config *config, const char *called)
{
	const struct text_list *list = &config->pool.emergency_numbers;

	for (unsigned i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], called + (*called == '+')))
			return true;
	return false;
}

/* ---- numbers ---------------------------------------------------------- */

static void remove_plus(char *number)
{
	if (*number == '+')
		memmove(number, number + 1, strlen(number));
}

static void set_calling(const struct planner *planner, struct route_try *try)
{
	const struct config_route *route =
		try->route < 0 ? NULL : &planner->config->routes[try->route];

	strcpy(try->calling, planner->calling);
	if (!route || !route->suppress_caller_id)
		return;
	try->is_caller_suppressed = true;
	try->calling[0] = '\0';
	if (route->alternate_caller_id)
		slice_copy(slice_of(route->alternate_caller_id), try->calling,
			   sizeof(try->calling));
}

static void set_numbers(const struct planner *planner, struct route_try *try)
{
	const struct config_trunk *trunk = &planner->config->trunks[try->trunk];

	strcpy(try->called, planner->called);
	set_calling(planner, try);
	try->called_rule =
		rules_translate(planner->rules, trunk->outbound_rules,
				trunk->n_outbound_rules, false, try->called);
	try->calling_rule = rules_translate(
		planner->rules, trunk->outbound_calling_rules,
		trunk->n_outbound_calling_rules, true, try->calling);
	if (trunk->remove_plus_from_uri) {
		remove_plus(try->called);
		remove_plus(try->calling);
	}
}

/* ---- trunks ----------------------------------------------------------- */

static enum route_fitness fitness_of(const struct planner *planner, int trunk)
{
	const struct config *config = planner->config;
	const struct config_peer *gateway =
		&config->peers[config->trunks[trunk].gateway];

	if (!gateway->is_enabled || !gateway->is_routable)
		return FORBIDDEN;
	return planner->request->trunks[trunk].fitness;
}

static bool is_tried(const struct route_plan *plan, int trunk)
{
	for (unsigned i = 0; i < plan->n_tries; i++)
		if (plan->tries[i].trunk == trunk)
			return true;
	return false;
}

/* Fills the scratch with the trunks of this fitness that are not yet tried. */
static unsigned collect(const struct planner *planner,
			const struct choice *choice, enum route_fitness fitness)
{
	struct candidate *candidates = rules_scratch(planner->rules);
	const struct config *config = planner->config;
	unsigned n = 0;

	for (unsigned i = 0; i < choice->n; i++) {
		int trunk = (int)choice->trunks[i];

		if (fitness_of(planner, trunk) != fitness ||
		    trunk == planner->request->from_trunk ||
		    is_tried(planner->plan, trunk))
			continue;
		candidates[n++] = (struct candidate){
			.trunk = trunk,
			.peer = config->trunks[trunk].gateway,
			.calls = planner->request->trunks[trunk].calls,
			.weight = config->trunks[trunk].weight,
		};
	}
	return n;
}

static void add_trunk(struct planner *planner, int route,
		      const struct candidate *candidate)
{
	struct route_plan *plan = planner->plan;
	struct route_try *try = &plan->tries[plan->n_tries];

	/* A route may name a trunk twice. */
	if (plan->n_tries == ROUTE_TRIES_MAX ||
	    is_tried(plan, candidate->trunk))
		return;
	*try = (struct route_try){
		.trunk = candidate->trunk,
		.peer = candidate->peer,
		.route = route,
	};
	set_numbers(planner, try);
	plan->n_tries++;
}

static void add_trunks(struct planner *planner, const struct choice *choice,
		       enum route_fitness fitness)
{
	struct candidate *candidates = rules_scratch(planner->rules);
	unsigned n = collect(planner, choice, fitness);

	order_candidates(candidates, n, choice->strategy,
			 planner->request->turn);
	for (unsigned i = 0; i < n; i++)
		add_trunk(planner, choice->route, &candidates[i]);
}

static void note_skipped(struct planner *planner, const struct choice *choice)
{
	struct route_plan *plan = planner->plan;

	for (unsigned i = 0; i < choice->n && plan->n_skipped < SKIPPED_MAX;
	     i++) {
		int trunk = (int)choice->trunks[i];
		enum route_fitness fitness = fitness_of(planner, trunk);

		if (fitness != UNFIT && fitness != FORBIDDEN)
			continue;
		plan->skipped[plan->n_skipped].trunk = trunk;
		plan->skipped[plan->n_skipped++].why = fitness;
	}
}

/* The choices in order, each with its demoted trunks behind the others; the
 * unfit ones only if nothing else is left in any of them. */
static void try_choices(struct planner *planner, const struct choice *choices,
			unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		add_trunks(planner, &choices[i], FIT);
		add_trunks(planner, &choices[i], FIT_BEHIND);
		note_skipped(planner, &choices[i]);
	}
	if (planner->plan->n_tries)
		return;
	for (unsigned i = 0; i < n; i++)
		add_trunks(planner, &choices[i], UNFIT);
}

/* ---- routes ----------------------------------------------------------- */

/* Usages that limit the caller; NULL: it may take every route. */
static const struct text_list *usages_of(const struct planner *planner)
{
	const struct route_request *request = planner->request;
	const struct text_list *list;

	if (planner->is_emergency)
		return NULL;
	if (request->from_trunk >= 0)
		return &planner->config->trunks[request->from_trunk]
				.pstn_usages;
	list = &request->from->pstn_usages;
	return list->n ? list : NULL;
}

static bool has_usage(const struct config_route *route, const char *usage)
{
	for (unsigned i = 0; i < route->pstn_usages.n; i++)
		if (!strcmp(route->pstn_usages.items[i], usage))
			return true;
	return false;
}

static bool is_matched(const struct route_plan *plan, unsigned route)
{
	for (unsigned i = 0; i < plan->n_matched; i++)
		if (plan->matched[i] == (int)route)
			return true;
	return false;
}

/* Routes that match, in their order; only those with the usage, if given. */
static void match_routes(struct planner *planner, const char *usage)
{
	struct route_plan *plan = planner->plan;

	for (unsigned i = 0; i < planner->config->n_routes; i++) {
		if (plan->n_matched == MATCHED_MAX)
			return;
		if ((usage && (!has_usage(&planner->config->routes[i], usage) ||
			       is_matched(plan, i))) ||
		    !rules_match_route(planner->rules, i, planner->called))
			continue;
		plan->matched[plan->n_matched++] = (int)i;
	}
}

static void match_usages(struct planner *planner)
{
	const struct text_list *usages = usages_of(planner);

	if (!usages) {
		match_routes(planner, NULL);
		return;
	}
	for (unsigned i = 0; i < usages->n; i++)
		match_routes(planner, usages->items[i]);
}

static unsigned list_matched(const struct planner *planner,
			     struct choice *choices)
{
	const struct route_plan *plan = planner->plan;

	for (unsigned i = 0; i < plan->n_matched; i++) {
		const struct config_route *route =
			&planner->config->routes[plan->matched[i]];

		choices[i] = (struct choice){
			.route = plan->matched[i],
			.trunks = route->trunks,
			.n = route->n_trunks,
			.strategy = route->strategy,
		};
	}
	return plan->n_matched;
}

/* Where no route matched: the default trunk, else (without any route) every
 * gateway.  An emergency call may take both, whatever matched. */
static unsigned list_others(struct planner *planner, struct choice *choices)
{
	const struct config *config = planner->config;
	const char *name = config->pool.default_trunk;
	unsigned n = 0;

	if (name) {
		planner->default_trunk =
			(unsigned)config_trunk_index(config, slice_of(name));
		choices[n++] = (struct choice){
			.route = -1, .trunks = &planner->default_trunk, .n = 1};
	}
	if ((config->n_routes || name) && !planner->is_emergency)
		return n;
	choices[n].route = -1;
	choices[n].strategy = STRATEGY_ROUND_ROBIN;
	choices[n].trunks = rules_gateway_trunks(planner->rules, &choices[n].n);
	return choices[n].n ? n + 1 : n;
}

static void plan_outbound(struct planner *planner)
{
	struct choice choices[MATCHED_MAX + 2];
	unsigned n = list_matched(planner, choices);

	if (!n || planner->is_emergency)
		n += list_others(planner, choices + n);
	try_choices(planner, choices, n);
	if (!planner->plan->n_tries)
		planner->plan->status = n ? 503 : 404;
}

/* ---- front ends ------------------------------------------------------- */

static enum route_fitness frontend_fitness(const struct planner *planner,
					   unsigned i)
{
	if (!planner->config->peers[i].is_enabled)
		return FORBIDDEN;
	return planner->request->frontends[i];
}

static void add_frontend(struct planner *planner, unsigned peer)
{
	struct route_plan *plan = planner->plan;
	struct route_try *try = &plan->tries[plan->n_tries];

	if (plan->n_tries == ROUTE_TRIES_MAX)
		return;
	*try = (struct route_try){
		.trunk = -1,
		.peer = peer,
		.route = -1,
		.called_rule = planner->called_rule,
		.calling_rule = planner->calling_rule,
	};
	strcpy(try->called, planner->called);
	strcpy(try->calling, planner->calling);
	plan->n_tries++;
}

/* The lowest priority above `above` among front ends of this fitness, or -1. */
static long next_priority(const struct planner *planner,
			  enum route_fitness fitness, long above)
{
	long best = -1;

	for (unsigned i = 0; i < planner->config->n_frontends; i++) {
		long priority = planner->config->peers[i].priority;

		if (frontend_fitness(planner, i) == fitness &&
		    priority > above && (best < 0 || priority < best))
			best = priority;
	}
	return best;
}

static void add_priority(struct planner *planner, enum route_fitness fitness,
			 long priority)
{
	struct candidate *candidates = rules_scratch(planner->rules);
	unsigned n = 0;

	for (unsigned i = 0; i < planner->config->n_frontends; i++) {
		const struct config_peer *peer = &planner->config->peers[i];

		if (frontend_fitness(planner, i) != fitness ||
		    peer->priority != priority)
			continue;
		candidates[n++] = (struct candidate){
			.trunk = -1, .peer = i, .weight = peer->weight};
	}
	order_candidates(candidates, n, STRATEGY_WEIGHTED,
			 planner->request->turn);
	for (unsigned i = 0; i < n; i++)
		add_frontend(planner, candidates[i].peer);
}

static void add_frontends(struct planner *planner, enum route_fitness fitness)
{
	long priority = next_priority(planner, fitness, -1);

	while (priority >= 0 && planner->plan->n_tries < ROUTE_TRIES_MAX) {
		add_priority(planner, fitness, priority);
		priority = next_priority(planner, fitness, priority);
	}
}

static void plan_inbound(struct planner *planner)
{
	struct route_plan *plan = planner->plan;

	add_frontends(planner, FIT);
	add_frontends(planner, FIT_BEHIND);
	if (!plan->n_tries)
		add_frontends(planner, UNFIT);
	if (!plan->n_tries)
		plan->status = planner->config->n_frontends ? 503 : 404;
}

/* ---- the whole -------------------------------------------------------- */

static void copy_number(struct planner *planner, const char *number, char *buf)
{
	slice_copy(slice_of(number), buf, ROUTE_NUMBER_MAX);
	planner->is_cut |= strlen(number) >= ROUTE_NUMBER_MAX;
}

static void translate_inbound(struct planner *planner)
{
	const struct config_trunk *trunk =
		&planner->config->trunks[planner->request->from_trunk];

	planner->called_rule =
		rules_translate(planner->rules, trunk->inbound_rules,
				trunk->n_inbound_rules, false, planner->called);
	planner->calling_rule = rules_translate(
		planner->rules, trunk->inbound_calling_rules,
		trunk->n_inbound_calling_rules, true, planner->calling);
}

void route_plan_call(const struct route_rules *rules,
		     const struct route_request *request,
		     struct route_plan *ret_plan)
{
	bool is_inbound = request->from_trunk >= 0;
	struct planner planner = {
		.rules = rules,
		.request = request,
		.config = request->config,
		.plan = ret_plan,
		.called_rule = -1,
		.calling_rule = -1,
	};

	ret_plan->status = 0;
	ret_plan->n_tries = ret_plan->n_matched = ret_plan->n_skipped = 0;
	copy_number(&planner, request->called, planner.called);
	copy_number(&planner, request->calling, planner.calling);
	if (planner.is_cut || !*planner.called) { /* no number is so long */
		ret_plan->status = 404;
		return;
	}
	planner.is_emergency =
		!is_inbound &&
		route_is_emergency(planner.config, planner.called);
	if (is_inbound)
		translate_inbound(&planner);
	match_usages(&planner);
	if (is_inbound && !ret_plan->n_matched)
		plan_inbound(&planner);
	else
		plan_outbound(&planner);
}

unsigned route_translate_status(const struct config *config, int trunk,
				unsigned status, int isup_cause)
{
	const struct config_trunk *from =
		trunk < 0 ? NULL : &config->trunks[trunk];

	for (unsigned i = 0; from && i < from->n_response_rules; i++) {
		const struct config_response *rule =
			&config->responses[from->response_rules[i]];

		if ((!rule->received || rule->received == status) &&
		    (rule->isup_cause < 0 || rule->isup_cause == isup_cause))
			return rule->translated;
	}
	return status;
}
