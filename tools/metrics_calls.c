/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics of calls and trunks.  Observer.  Calls that are alive are counted
 * from the records; what has happened stands on the pages of figures.
 * Row 0 (no trunk yet, or none chosen) has empty labels.
 */
#include <math.h>

#include "base/clock.h"
#include "tools/metrics_collect.h"

static const char *const directions[] = {
	[CALL_OUTBOUND] = "outbound",
	[CALL_INBOUND] = "inbound",
};

struct trunk_row {
	const struct figures_trunk *figures;
	const char *gateway;
	unsigned at;
};

typedef void trunk_fn(struct collection *collection,
		      const struct trunk_row *row);

static const char *gateway_of(const struct config *config, const char *trunk)
{
	int at = *trunk ? config_trunk_index(config, slice_of(trunk)) : -1;

	return at < 0 ? "" : config->peers[config->trunks[at].gateway].name;
}

/* Trunks that a reload took out go on being shown: a counter must not end. */
static void each_trunk(struct collection *collection, trunk_fn *fn)
{
	const struct snapshot *snapshot = collection->snapshot;

	for (unsigned i = 0; i < FIGURE_TRUNKS; i++) {
		struct trunk_row row = {&snapshot->figures->trunks[i], NULL, i};

		if (i && !*row.figures->name)
			continue;
		row.gateway =
			gateway_of(snapshot->view->config, row.figures->name);
		fn(collection, &row);
	}
}

/* ---- alive --------------------------------------------------------------- */

static void put_active(struct collection *collection,
		       const struct trunk_row *row)
{
	for (unsigned d = 0; d < 2; d++)
		SAMPLE(&collection->page,
		       collection->snapshot->loads[row->at][d].active,
		       row->gateway, row->figures->name, directions[d]);
}

static void put_early(struct collection *collection,
		      const struct trunk_row *row)
{
	for (unsigned d = 0; d < 2; d++)
		SAMPLE(&collection->page,
		       collection->snapshot->loads[row->at][d].early,
		       row->gateway, row->figures->name, directions[d]);
}

void collect_calls_active(struct collection *collection)
{
	each_trunk(collection, put_active);
}

void collect_calls_early(struct collection *collection)
{
	each_trunk(collection, put_early);
}

/* ---- ended --------------------------------------------------------------- */

static void put_results(struct collection *collection,
			const struct trunk_row *row)
{
	for (unsigned d = 0; d < 2; d++)
		for (unsigned i = 0; i < N_RESULTS; i++)
			SAMPLE(&collection->page,
			       (double)row->figures->calls[d].results[i],
			       row->gateway, row->figures->name, directions[d],
			       call_result_names[i]);
}

void collect_calls(struct collection *collection)
{
	each_trunk(collection, put_results);
}

static void put_times(struct collection *collection,
		      const struct trunk_row *row, enum figure figure)
{
	for (unsigned d = 0; d < 2; d++) {
		const char *const labels[] = {row->gateway, row->figures->name,
					      directions[d], NULL};

		metrics_histogram(&collection->page,
				  &row->figures->calls[d].times[figure], figure,
				  labels);
	}
}

static void put_setup(struct collection *collection,
		      const struct trunk_row *row)
{
	put_times(collection, row, FIGURE_setup);
}

static void put_answer(struct collection *collection,
		       const struct trunk_row *row)
{
	put_times(collection, row, FIGURE_answer);
}

static void put_duration(struct collection *collection,
			 const struct trunk_row *row)
{
	put_times(collection, row, FIGURE_duration);
}

void collect_setup(struct collection *collection)
{
	each_trunk(collection, put_setup);
}

void collect_answer(struct collection *collection)
{
	each_trunk(collection, put_answer);
}

void collect_duration(struct collection *collection)
{
	each_trunk(collection, put_duration);
}

/* ---- trunks -------------------------------------------------------------- */

static void put_trunk(struct collection *collection,
		      const struct trunk_row *row, double value)
{
	if (row->at)
		SAMPLE(&collection->page, value, row->gateway,
		       row->figures->name);
}

static void put_attempts(struct collection *collection,
			 const struct trunk_row *row)
{
	struct trunk_figures figures;

	window_read(collection->snapshot->view, row->figures, &figures);
	put_trunk(collection, row, (double)figures.attempts);
}

static void put_answered(struct collection *collection,
			 const struct trunk_row *row)
{
	struct trunk_figures figures;

	window_read(collection->snapshot->view, row->figures, &figures);
	put_trunk(collection, row, (double)figures.answered);
}

static void put_failovers(struct collection *collection,
			  const struct trunk_row *row)
{
	put_trunk(collection, row, (double)row->figures->failovers);
}

void collect_attempts(struct collection *collection)
{
	each_trunk(collection, put_attempts);
}

void collect_answered(struct collection *collection)
{
	each_trunk(collection, put_answered);
}

void collect_failovers(struct collection *collection)
{
	each_trunk(collection, put_failovers);
}

/* ---- of the last minutes ------------------------------------------------- */

/* NaN of nothing: Prometheus draws a gap. */
static double share(uint64_t part, uint64_t whole)
{
	return whole ? fmin((double)part / (double)whole, 1) : (double)NAN;
}

static double average_s(uint64_t sum_us, uint64_t n)
{
	return n ? (double)sum_us / (double)n / USEC_PER_SEC : (double)NAN;
}

static void growth_of(struct collection *collection,
		      const struct trunk_row *row, struct trunk_figures *ret)
{
	window_growth(collection->window, collection->snapshot->view,
		      row->figures, row->at, ret);
}

static void put_asr(struct collection *collection, const struct trunk_row *row)
{
	struct trunk_figures growth;

	growth_of(collection, row, &growth);
	put_trunk(collection, row, share(growth.answered, growth.attempts));
}

static void put_ner(struct collection *collection, const struct trunk_row *row)
{
	struct trunk_figures growth;

	growth_of(collection, row, &growth);
	put_trunk(collection, row, share(growth.reached, growth.attempts));
}

static void put_acd(struct collection *collection, const struct trunk_row *row)
{
	struct trunk_figures growth;

	growth_of(collection, row, &growth);
	put_trunk(collection, row, average_s(growth.talk_us, growth.talked));
}

static void put_pdd(struct collection *collection, const struct trunk_row *row)
{
	struct trunk_figures growth;

	growth_of(collection, row, &growth);
	put_trunk(collection, row, average_s(growth.delay_us, growth.delayed));
}

void collect_asr(struct collection *collection)
{
	each_trunk(collection, put_asr);
}

void collect_ner(struct collection *collection)
{
	each_trunk(collection, put_ner);
}

void collect_acd(struct collection *collection)
{
	each_trunk(collection, put_acd);
}

void collect_pdd(struct collection *collection)
{
	each_trunk(collection, put_pdd);
}

void collect_sessions_max(struct collection *collection)
{
	const struct config *config = collection->snapshot->view->config;

	for (unsigned i = 0; i < config->n_trunks; i++)
		if (config->trunks[i].max_calls)
			SAMPLE(&collection->page, config->trunks[i].max_calls,
			       config->peers[config->trunks[i].gateway].name,
			       config->trunks[i].name);
}
