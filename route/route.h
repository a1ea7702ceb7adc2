/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing: a pure function of number, caller, configuration and a snapshot of
 * health to an ordered list of tries.  Called by signalling workers for every
 * call and by `mspoolctl test route` for the dry run; both see the same.
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "base/config.h"

#define ROUTE_TRIES_MAX	 10
#define ROUTE_NUMBER_MAX 128

/* Health and load of a trunk's gateway at this moment, filled by the caller:
 * route/ itself reads no shared state. */
enum route_fitness {
	FIT,
	FIT_BEHIND /* demoted: after the others */,
	UNFIT /* down, held */,
	FORBIDDEN /* disabled, drained, full */
};

struct route_trunk_view {
	enum route_fitness fitness;
	unsigned calls;
};

struct route_request {
	const struct config *config;
	const struct config_peer *from; /* who calls */
	int from_trunk;			/* arrived on, -1 from a front end */
	const char *called;		/* number as dialled */
	const char *calling;		/* "" anonymous */
	/* config->n_trunks views and config->n_frontends fitnesses */
	const struct route_trunk_view *trunks;
	const enum route_fitness *frontends;
	uint64_t turn; /* a counter or random number: where round-robin starts,
			  what weights draw from */
};

struct route_try {
	int trunk;     /* index, -1: a front end */
	unsigned peer; /* index into config->peers */
	int route;     /* index of the route, -1 none (default) */
	char called[ROUTE_NUMBER_MAX]; /* after translation */
	char calling[ROUTE_NUMBER_MAX];
	bool is_caller_suppressed; /* calling is the alternate, or "": nothing
				      else of the caller may be shown */
	int called_rule, calling_rule; /* translation that matched, -1 none */
};

struct route_plan {
	int status; /* 0 good; 404 no route; 503 nothing usable */
	unsigned n_tries;
	struct route_try tries[ROUTE_TRIES_MAX];
	/* for the dry run */
	unsigned n_matched;
	int matched[32]; /* routes whose pattern matched, in order */
	unsigned n_skipped;
	struct {
		int trunk;
		enum route_fitness why;
	} skipped[32];
};

/* Compiled patterns of a configuration (PCRE2 with JIT, match limits). */
struct route_rules;
struct route_rules *route_rules_new(const struct config *config);
struct route_rules *route_rules_free(struct route_rules *rules);
/* For `mspoold -t` through config: is this a good pattern?  0, or -EINVAL with
 * PCRE2's words and the offset. */
int route_check_pattern(const char *pattern, char *why, size_t size,
			size_t *ret_offset);

/* How often a pattern was given up at its match limit and counted as "does not
 * match", since the rules were made. */
uint64_t route_rules_given_up(const struct route_rules *rules);
/* One of [pool] emergency_numbers, with or without +.  Such a call takes any
 * route whatever its caller's usages, and the caller of route_plan_call should
 * not call a trunk FORBIDDEN for it because it is full. */
bool route_is_emergency(const struct config *config, const char *called);

/* Outbound (from a front end, or a trunk whose usages match a route) and
 * inbound (from a gateway to front ends by priority and weight). */
void route_plan_call(const struct route_rules *rules,
		     const struct route_request *request,
		     struct route_plan *ret_plan);
/* The status that the caller gets for this one (translation of response codes,
 * CONTRACT [response]); isup_cause -1 unknown. */
unsigned route_translate_status(const struct config *config, int trunk,
				unsigned status, int isup_cause);

#endif
