/* SPDX-License-Identifier: Apache-2.0
 *
 * The strategies of a route: in which order its trunks are tried.  Pure; `turn`
 * is all the chance there is, so that a dry run can show what a call would do.
 */
#include "route/rules.h"

#include <stdlib.h>

static void swap(struct candidate *a, struct candidate *b)
{
	struct candidate c = *a;

	*a = *b;
	*b = c;
}

static void reverse(struct candidate *candidates, unsigned n)
{
	for (unsigned i = 0; i < n / 2; i++)
		swap(&candidates[i], &candidates[n - 1 - i]);
}

/* The next call begins one further on, and goes on round from there. */
static void in_turn(struct candidate *candidates, unsigned n, uint64_t turn)
{
	unsigned start = (unsigned)(turn % n);

	reverse(candidates, start);
	reverse(candidates + start, n - start);
	reverse(candidates, n);
}

static void as_written(struct candidate *candidates, unsigned n, uint64_t turn)
{
	(void)candidates;
	(void)n;
	(void)turn;
}

/* splitmix64: neighbouring turns give unrelated numbers. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* RFC 2782's way: each place is drawn by weight among those that are left;
 * weight 0 is drawn when nothing else is left. */
static void by_weight(struct candidate *candidates, unsigned n, uint64_t turn)
{
	uint64_t state = turn, left = 0;

	for (unsigned i = 0; i < n; i++)
		left += candidates[i].weight;
	if (!left)
		in_turn(candidates, n, turn);
	for (unsigned i = 0; left && i + 1 < n; i++) {
		uint64_t at = draw(&state) % left;
		unsigned chosen = i;

		while (at >= candidates[chosen].weight)
			at -= candidates[chosen++].weight;
		left -= candidates[chosen].weight;
		swap(&candidates[i], &candidates[chosen]);
	}
}

static int fewer_calls(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	return (left->calls > right->calls) - (left->calls < right->calls);
}

/* Equal ones take turns: the sort must leave their order alone, so it is an
 * insertion; a route has few trunks. */
static void by_calls(struct candidate *candidates, unsigned n, uint64_t turn)
{
	in_turn(candidates, n, turn);
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i;
		     j > 0 &&
		     fewer_calls(&candidates[j], &candidates[j - 1]) < 0;
		     j--)
			swap(&candidates[j], &candidates[j - 1]);
}

typedef void strategy_fn(struct candidate *candidates, unsigned n,
			 uint64_t turn);

static strategy_fn *const strategies[] = {
	[STRATEGY_ROUND_ROBIN] = in_turn,
	[STRATEGY_FAILOVER] = as_written,
	[STRATEGY_WEIGHTED] = by_weight,
	[STRATEGY_LEAST_CALLS] = by_calls,
};

void order_candidates(struct candidate *candidates, unsigned n,
		      enum route_strategy strategy, uint64_t turn)
{
	if (n > 1)
		strategies[strategy](candidates, n, turn);
}
