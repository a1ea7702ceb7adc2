/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of route/ share; route/route.h is the interface.
 */
#ifndef ROUTE_RULES_H
#define ROUTE_RULES_H

#include "route/route.h"

/* A trunk or front end that may become a try. */
struct candidate {
	int trunk; /* -1: a front end */
	unsigned peer;
	unsigned calls, weight;
};

/* Room for as many candidates as there can be at once. */
struct candidate *rules_scratch(const struct route_rules *rules);
/* The first trunk of every gateway: what calls take without any route. */
const unsigned *rules_gateway_trunks(const struct route_rules *rules,
				     unsigned *ret_n);
bool rules_match_route(const struct route_rules *rules, unsigned route,
		       const char *number);
/* The first of the translations that matches rewrites number (a buffer of
 * ROUTE_NUMBER_MAX) in place.  Its index, or -1 when none matches; a result
 * that does not fit, or is empty while may_be_empty is not set, counts as no
 * match. */
int rules_translate(const struct route_rules *rules, const unsigned *rules_list,
		    unsigned n, bool may_be_empty, char *number);

/* Puts candidates into the order in which a route tries them. */
void order_candidates(struct candidate *candidates, unsigned n,
		      enum route_strategy strategy, uint64_t turn);

#endif
