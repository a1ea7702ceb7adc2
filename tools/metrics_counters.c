/* SPDX-License-Identifier: Apache-2.0
 *
 * Every counter that no family of tools/metrics.def shows is a metric of its
 * own, summed over all processes, dead ones included.  Observer.
 */
#include "tools/metrics_counters.h"

#include "tools/metrics_collect.h"

static const struct {
	enum counter counter;
	const char *name; /* NULL: shown elsewhere */
} others[] = {
	{COUNTER_calls_total, "calls_begun"}, /* mspool_calls_total is by result
					       */
	{COUNTER_sip_repeats_received, NULL},
	{COUNTER_sip_retransmitted, NULL},
	{COUNTER_sip_unknown_peer, NULL},
	{COUNTER_sip_malformed, NULL},
	{COUNTER_sip_oversize, NULL},
	{COUNTER_sip_bad_responses, NULL},
	{COUNTER_sip_no_dialog, NULL},
	{COUNTER_sip_refused, NULL},
	{COUNTER_calls_refused_full, NULL},
	{COUNTER_calls_refused_memory, NULL},
	{COUNTER_rtp_relayed, NULL},
};

const char *metrics_counter_name(enum counter counter)
{
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].counter == counter)
			return others[i].name;
	return counter_names[counter];
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
		       (double)ctl_view_count(collection->snapshot->view, i));
	}
}
