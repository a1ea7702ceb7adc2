/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics of gateways, front ends and the SIP messages to and from them.
 * Observer.  States are those that routing sees (shm/health.h).
 */
#include "base/clock.h"
#include "sip/names.h"
#include "tools/metrics_collect.h"

#define N_PEER_STATES (PEER_DRAINING + 1)

typedef void peer_fn(struct collection *collection,
		     const struct config_peer *peer);

static void each_peer(struct collection *collection, bool is_frontend,
		      peer_fn *fn)
{
	const struct config *config = collection->snapshot->view->config;

	for (unsigned i = 0; i < config->n_peers; i++)
		if (config->peers[i].is_frontend == is_frontend)
			fn(collection, &config->peers[i]);
}

static enum peer_state state_of(struct collection *collection,
				const struct config_peer *peer)
{
	struct peer_health health;

	ctl_view_health(collection->snapshot->view, peer, &health);
	return health.state;
}

static void put_up(struct collection *collection,
		   const struct config_peer *peer)
{
	SAMPLE(&collection->page,
	       peer_state_is_usable(state_of(collection, peer)), peer->name);
}

static void put_state(struct collection *collection,
		      const struct config_peer *peer)
{
	unsigned state = state_of(collection, peer);

	for (unsigned i = 0; i < N_PEER_STATES; i++)
		SAMPLE(&collection->page, i == state, peer->name,
		       peer_state_names[i]);
}

void collect_gateway_up(struct collection *collection)
{
	each_peer(collection, false, put_up);
}

void collect_gateway_state(struct collection *collection)
{
	each_peer(collection, false, put_state);
}

void collect_frontend_up(struct collection *collection)
{
	each_peer(collection, true, put_up);
}

void collect_frontend_state(struct collection *collection)
{
	each_peer(collection, true, put_state);
}

/* ---- probes -------------------------------------------------------------- */

static void put_rtt(struct collection *collection,
		    const struct config_peer *peer)
{
	struct peer_health health;

	ctl_view_health(collection->snapshot->view, peer, &health);
	if (health.probe.rtt_us)
		SAMPLE(&collection->page,
		       (double)health.probe.rtt_us / USEC_PER_SEC, peer->name);
}

static struct figures_peer *figures_of(struct collection *collection,
				       const struct config_peer *peer)
{
	return figures_peer(collection->snapshot->figures,
			    slice_of(peer->name));
}

static void put_probe(struct collection *collection,
		      const struct config_peer *peer)
{
	const char *const labels[] = {peer->name, NULL};

	metrics_histogram(&collection->page,
			  &figures_of(collection, peer)->probe, FIGURE_probe,
			  labels);
}

static void put_probes(struct collection *collection,
		       const struct config_peer *peer)
{
	const struct figures_peer *row = figures_of(collection, peer);

	SAMPLE(&collection->page, (double)row->probes_good, peer->name, "good");
	SAMPLE(&collection->page, (double)row->probes_lost, peer->name, "lost");
}

void collect_gateway_rtt(struct collection *collection)
{
	each_peer(collection, false, put_rtt);
}

void collect_gateway_probe(struct collection *collection)
{
	each_peer(collection, false, put_probe);
}

void collect_gateway_probes(struct collection *collection)
{
	each_peer(collection, false, put_probes);
}

/* ---- messages ------------------------------------------------------------ */

static const char *const ways[N_FIGURE_WAYS] = {
	[FIGURE_IN] = "in",
	[FIGURE_OUT] = "out",
};

static const char *const transports[N_TRANSPORTS] = {
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_TCP] = "tcp",
	[TRANSPORT_TLS] = "tls",
};

/* What never came is left out: there are 90 combinations. */
static void put_requests(struct collection *collection, unsigned way,
			 unsigned method)
{
	for (unsigned t = 0; t < N_TRANSPORTS; t++) {
		uint64_t n = collection->snapshot->figures->sip
				     .requests[way][method][t];

		if (n)
			SAMPLE(&collection->page, (double)n, ways[way],
			       method ? sip_method_names[method] : "other",
			       transports[t]);
	}
}

void collect_sip_requests(struct collection *collection)
{
	for (unsigned way = 0; way < N_FIGURE_WAYS; way++)
		for (unsigned m = 0; m < N_SIP_METHODS; m++)
			put_requests(collection, way, m);
}

void collect_sip_responses(struct collection *collection)
{
	for (unsigned way = 0; way < N_FIGURE_WAYS; way++)
		for (unsigned i = 1; i < FIGURE_CLASSES; i++) {
			char class[4] = {(char)('0' + i), 'x', 'x', 0};

			SAMPLE(&collection->page,
			       (double)collection->snapshot->figures->sip
				       .responses[way][i],
			       ways[way], class);
		}
}

struct counter_label {
	enum counter counter;
	const char *label;
};

static void put_counters(struct collection *collection,
			 const struct counter_label *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		SAMPLE(&collection->page,
		       (double)ctl_view_count(collection->snapshot->view,
					      rows[i].counter),
		       rows[i].label);
}

void collect_sip_repeats(struct collection *collection)
{
	static const struct counter_label rows[] = {
		{COUNTER_sip_repeats_received, "in"},
		{COUNTER_sip_retransmitted, "out"},
	};

	put_counters(collection, rows, sizeof(rows) / sizeof(rows[0]));
}

void collect_sip_rejected(struct collection *collection)
{
	static const struct counter_label rows[] = {
		{COUNTER_sip_unknown_peer, "unknown_peer"},
		{COUNTER_sip_malformed, "malformed"},
		{COUNTER_sip_oversize, "oversize"},
		{COUNTER_sip_bad_responses, "bad_response"},
		{COUNTER_sip_no_dialog, "no_dialog"},
		{COUNTER_sip_refused, "refused"},
		{COUNTER_calls_refused_full, "capacity"},
		{COUNTER_calls_refused_memory, "memory"},
	};

	put_counters(collection, rows, sizeof(rows) / sizeof(rows[0]));
}
