/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_collect.h.  Observer.  A row of tools/metrics.def and the
 * collector of its id make a family; the order is that of the table.
 */
#include "tools/metrics_collect.h"

static metrics_collector *const collectors[N_METRICS] = {
	[METRIC_ROW_BUILD_INFO] = collect_build_info,
	[METRIC_ROW_UP] = collect_up,
	[METRIC_ROW_READY] = collect_ready,
	[METRIC_ROW_DRAINING] = collect_draining,
	[METRIC_ROW_START_TIME] = collect_start_time,
	[METRIC_ROW_GENERATION] = collect_generation,
	[METRIC_ROW_RELOADED] = collect_reloaded,
	[METRIC_ROW_WORKER_UP] = collect_worker_up,
	[METRIC_ROW_RESTARTS] = collect_restarts,
	[METRIC_ROW_WORKER_CALLS] = collect_worker_calls,
	[METRIC_ROW_CPU] = collect_cpu,
	[METRIC_ROW_RSS] = collect_rss,
	[METRIC_ROW_CALLS_ACTIVE] = collect_calls_active,
	[METRIC_ROW_CALLS_EARLY] = collect_calls_early,
	[METRIC_ROW_CALLS] = collect_calls,
	[METRIC_ROW_SETUP] = collect_setup,
	[METRIC_ROW_ANSWER] = collect_answer,
	[METRIC_ROW_DURATION] = collect_duration,
	[METRIC_ROW_ATTEMPTS] = collect_attempts,
	[METRIC_ROW_ANSWERED] = collect_answered,
	[METRIC_ROW_FAILOVERS] = collect_failovers,
	[METRIC_ROW_ASR] = collect_asr,
	[METRIC_ROW_NER] = collect_ner,
	[METRIC_ROW_ACD] = collect_acd,
	[METRIC_ROW_PDD] = collect_pdd,
	[METRIC_ROW_SESSIONS_MAX] = collect_sessions_max,
	[METRIC_ROW_GATEWAY_UP] = collect_gateway_up,
	[METRIC_ROW_GATEWAY_STATE] = collect_gateway_state,
	[METRIC_ROW_GATEWAY_RTT] = collect_gateway_rtt,
	[METRIC_ROW_GATEWAY_PROBE] = collect_gateway_probe,
	[METRIC_ROW_GATEWAY_PROBES] = collect_gateway_probes,
	[METRIC_ROW_FRONTEND_UP] = collect_frontend_up,
	[METRIC_ROW_FRONTEND_STATE] = collect_frontend_state,
	[METRIC_ROW_SIP_REQUESTS] = collect_sip_requests,
	[METRIC_ROW_SIP_RESPONSES] = collect_sip_responses,
	[METRIC_ROW_SIP_REPEATS] = collect_sip_repeats,
	[METRIC_ROW_SIP_REJECTED] = collect_sip_rejected,
	[METRIC_ROW_STREAMS] = collect_streams,
	[METRIC_ROW_PACKETS] = collect_packets,
	[METRIC_ROW_PORTS_USED] = collect_ports_used,
	[METRIC_ROW_PORTS] = collect_ports,
	[METRIC_ROW_MAP] = collect_map,
	[METRIC_ROW_MAP_USED] = collect_map_used,
	[METRIC_ROW_SCRAPE] = collect_scrape,
};

void metrics_collect(struct collection *collection)
{
	for (unsigned i = 0; i < N_METRICS; i++) {
		if (i == METRIC_ROW_SCRAPE) /* the last one: all is done */
			collect_counters(collection);
		metrics_family(&collection->page, &metric_rows[i]);
		collectors[i](collection);
	}
	metrics_end(&collection->page);
}
