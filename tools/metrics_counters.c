/* SPDX-License-Identifier: Apache-2.0
 *
 * Every counter that no family of tools/metrics.def shows is a metric of its
 * own, summed over all processes, dead ones included.  Observer.
 */
#include "tools/metrics_counters.h"

#include "tools/metrics_collect.h"

static const struct other {
	enum counter counter;
	const char *name; /* NULL: shown elsewhere */
	double scale;
} others[] = {
	/* mspool_calls_total is by result */
	{COUNTER_calls_total, "calls_begun", 1},
	{COUNTER_commit_us, "commit_seconds", 1e-6},
	{COUNTER_sip_repeats_received, NULL, 1},
	{COUNTER_sip_retransmitted, NULL, 1},
	{COUNTER_sip_unknown_peer, NULL, 1},
	{COUNTER_sip_malformed, NULL, 1},
	{COUNTER_sip_oversize, NULL, 1},
	{COUNTER_sip_bad_responses, NULL, 1},
	{COUNTER_sip_no_dialog, NULL, 1},
	{COUNTER_sip_refused, NULL, 1},
	{COUNTER_calls_refused_full, NULL, 1},
	{COUNTER_calls_refused_memory, NULL, 1},
	{COUNTER_rtp_relayed, NULL, 1},
};

static const struct other *find(enum counter counter)
{
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].counter == counter)
			return &others[i];
	return NULL;
}

const char *metrics_counter_name(enum counter counter)
{
	const struct other *other = find(counter);

	return other ? other->name : counter_names[counter];
}

double metrics_counter_scale(enum counter counter)
{
	const struct other *other = find(counter);

	return other ? other->scale : 1;
}

void collect_counters(struct collection *collection)
{
	for (unsigned i = 0; i < N_COUNTERS; i++) {
		struct metric_row row = {metrics_counter_name(i),
					 METRIC_COUNTER, "", counter_helps[i]};

		if (!row.name)
			continue;
		metrics_family(&collection->page, &row);
		SAMPLE(&collection->page,
		       (double)ctl_view_count(collection->snapshot->view, i) *
			       metrics_counter_scale(i));
	}
}
