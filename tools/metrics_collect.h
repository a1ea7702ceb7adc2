/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of metrics, made of a snapshot.
 */
#ifndef TOOLS_METRICS_COLLECT_H
#define TOOLS_METRICS_COLLECT_H

#include "tools/metrics_page.h"
#include "tools/metrics_snapshot.h"
#include "tools/metrics_window.h"

/* What a collector is given; one row of the table each. */
struct collection {
	struct metrics_page page;
	const struct snapshot *snapshot;
	const struct window *window;
	uint64_t began_us;
};

typedef void metrics_collector(struct collection *collection);

/* Writes all families and the end. */
void metrics_collect(struct collection *collection);

/* metrics_calls.c, metrics_peers.c, metrics_pool.c */
metrics_collector collect_calls_active, collect_calls_early, collect_calls,
	collect_setup, collect_answer, collect_duration, collect_attempts,
	collect_answered, collect_failovers, collect_asr, collect_ner,
	collect_acd, collect_pdd, collect_sessions_max;
metrics_collector collect_gateway_up, collect_gateway_state,
	collect_gateway_rtt, collect_gateway_probe, collect_gateway_probes,
	collect_frontend_up, collect_frontend_state, collect_sip_requests,
	collect_sip_responses, collect_sip_repeats, collect_sip_rejected;
metrics_collector collect_build_info, collect_up, collect_ready,
	collect_draining, collect_start_time, collect_generation,
	collect_reloaded, collect_worker_up, collect_restarts,
	collect_worker_calls, collect_cpu, collect_rss, collect_streams,
	collect_packets, collect_ports_used, collect_ports, collect_map,
	collect_map_used, collect_scrape;
/* Counters of shm/counters.def that no family above has. */
void collect_counters(struct collection *collection);

#endif
