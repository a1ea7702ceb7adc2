/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl gateways`, `frontends` and `trunks`: what the configuration
 * names, with the health that routing sees and the load that the call records
 * show.
 */
#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/trunk_figures.h"

static const char *const transport_words[N_TRANSPORTS] = {
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_TCP] = "tcp",
	[TRANSPORT_TLS] = "tls",
};

static unsigned calls_of_peer(const struct ctl_view *view, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < view->n_calls; i++) {
		const struct call_record *call = view->calls[i];

		if (!ctl_call_is_active(call))
			continue;
		n += slice_is(record_slice(call, call->leg[LEG_A].peer),
			      slice_of(name)) ||
		     slice_is(record_slice(call, call->leg[LEG_B].peer),
			      slice_of(name));
	}
	return n;
}

static json_t *number_or_null(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

/* Share of attempts that reached the callee, whatever he made of it. */
static json_t *ner_json(const struct peer_health *health)
{
	return ctl_json_share(health->answered + health->busy +
				      health->cancelled,
			      health->attempts);
}

static json_t *peer_json(const struct ctl_view *view,
			 const struct config_peer *peer)
{
	struct peer_health health = {0};

	ctl_view_health(view, peer, &health);
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:o, s:i, s:o, s:i, s:o, s:I, s:I, s:o, "
		"s:o, s:I, s:I, s:I, s:o}",
		"name", ctl_json_text(slice_of(peer->name)), "address",
		ctl_json_text(slice_of(peer->address_text)), "transport",
		transport_words[peer->transport], "state",
		peer_state_names[health.state], "since",
		ctl_json_time(health.since_wall_us), "calls",
		(int)calls_of_peer(view, peer->name), "rtt_ms",
		health.probe.rtt_us ? ctl_json_ms(health.probe.rtt_us)
				    : json_null(),
		"misses", (int)health.probe.misses, "last_response",
		number_or_null(health.probe.last_response), "attempts",
		(json_int_t)health.attempts, "answered",
		(json_int_t)health.answered, "ner", ner_json(&health), "asr",
		ctl_json_share(health.answered, health.attempts), "failed",
		(json_int_t)health.failed, "busy", (json_int_t)health.busy,
		"cancelled", (json_int_t)health.cancelled, "hold",
		health.hold_left_us ? ctl_json_seconds(health.hold_left_us)
				    : json_null());
}

static json_t *peers_json(const struct ctl_view *view, bool is_frontend)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < view->config->n_peers; i++)
		if (view->config->peers[i].is_frontend == is_frontend)
			json_array_append_new(
				rows, peer_json(view, &view->config->peers[i]));
	return rows;
}

json_t *ctl_gateways_json(const struct ctl_view *view)
{
	return peers_json(view, false);
}

json_t *ctl_frontends_json(const struct ctl_view *view)
{
	return peers_json(view, true);
}

static const struct ctl_column peer_columns[] = {
	{"NAME", "name", CELL_TEXT},
	{"STATE", "state", CELL_STATE},
	{"SINCE", "since", CELL_TIME},
	{"ADDRESS", "address", CELL_TEXT},
	{"OVER", "transport", CELL_TEXT},
	{"CALLS", "calls", CELL_NUMBER},
	{"RTT/MS", "rtt_ms", CELL_NUMBER},
	{"MISSES", "misses", CELL_NUMBER},
	{"LAST", "last_response", CELL_NUMBER},
	{"ATTEMPTS", "attempts", CELL_NUMBER},
	{"ASR", "asr", CELL_SHARE},
	{"NER", "ner", CELL_SHARE},
	{0}};

int ctl_gateways(struct ctl *ctl)
{
	return ctl_show_rows(ctl, ctl_gateways_json, peer_columns);
}

int ctl_frontends(struct ctl *ctl)
{
	return ctl_show_rows(ctl, ctl_frontends_json, peer_columns);
}

/* ---- trunks -------------------------------------------------------------- */

static unsigned calls_of_trunk(const struct ctl_view *view, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < view->n_calls; i++) {
		const struct call_record *call = view->calls[i];

		n += ctl_call_is_active(call) &&
		     slice_is(record_slice(call, call->trunk), slice_of(name));
	}
	return n;
}

/* Pages of figures, by book; NULL none. */
struct pages {
	const struct figures *of[BOOK_MAX + 1];
};

static void open_pages(const struct ctl_view *view, struct pages *pages)
{
	*pages = (struct pages){0};
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		struct slot_id slot = {SLOT_SIGNALLING, (uint8_t)i};

		if (figures_open(view->ctl->run_dir, slot, &pages->of[i]) < 0)
			pages->of[i] = NULL;
	}
}

static void close_pages(struct pages *pages)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		if (pages->of[i])
			figures_close(pages->of[i]);
	}
}

static struct trunk_figures sum_trunk(const struct ctl_view *view,
				      const struct pages *pages,
				      const char *name)
{
	struct trunk_figures figures = {0};

	trunk_figures_add_boards(&figures, view, name);
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		const struct figures_trunk *row =
			pages->of[i] ? trunk_figures_find(pages->of[i], name)
				     : NULL;

		if (row)
			trunk_figures_add_row(&figures, row);
	}
	return figures;
}

static json_t *mean_json(uint64_t sum_us, uint64_t n)
{
	return n ? ctl_json_seconds(sum_us / n) : json_null();
}

static json_t *trunk_json(const struct ctl_view *view,
			  const struct pages *pages,
			  const struct config_trunk *trunk)
{
	const struct config_peer *gateway =
		&view->config->peers[trunk->gateway];
	struct trunk_figures figures = sum_trunk(view, pages, trunk->name);
	struct peer_health health = {0};

	ctl_view_health(view, gateway, &health);
	return json_pack(
		"{s:o, s:o, s:s, s:i, s:i, s:I, s:I, s:I, s:o, s:o, "
		"s:o, s:o, s:i, s:b}",
		"name", ctl_json_text(slice_of(trunk->name)), "gateway",
		ctl_json_text(slice_of(gateway->name)), "state",
		peer_state_names[health.state], "calls",
		(int)calls_of_trunk(view, trunk->name), "max_calls",
		(int)trunk->max_calls, "attempts", (json_int_t)figures.attempts,
		"answered", (json_int_t)figures.answered, "failed",
		(json_int_t)figures.failed, "asr",
		ctl_json_share(figures.answered, figures.attempts), "ner",
		ctl_json_share(figures.reached, figures.attempts), "acd",
		mean_json(figures.talk_us, figures.talked), "pdd",
		mean_json(figures.delay_us, figures.delayed), "weight",
		(int)trunk->weight, "root", trunk->is_root);
}

json_t *ctl_trunks_json(const struct ctl_view *view)
{
	json_t *rows = json_array();
	struct pages pages;

	open_pages(view, &pages);
	for (unsigned i = 0; i < view->config->n_trunks; i++)
		json_array_append_new(
			rows,
			trunk_json(view, &pages, &view->config->trunks[i]));
	close_pages(&pages);
	return rows;
}

int ctl_trunks(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"TRUNK", "name", CELL_TEXT},
		{"GATEWAY", "gateway", CELL_TEXT},
		{"STATE", "state", CELL_STATE},
		{"CALLS", "calls", CELL_NUMBER},
		{"MAX", "max_calls", CELL_NUMBER},
		{"ATTEMPTS", "attempts", CELL_NUMBER},
		{"ANSWERED", "answered", CELL_NUMBER},
		{"FAILED", "failed", CELL_NUMBER},
		{"ASR", "asr", CELL_SHARE},
		{"NER", "ner", CELL_SHARE},
		{"ACD/S", "acd", CELL_NUMBER},
		{"PDD/S", "pdd", CELL_NUMBER},
		{0}};

	return ctl_show_rows(ctl, ctl_trunks_json, columns);
}
