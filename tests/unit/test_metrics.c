/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of metrics and the health of a pool, made of a run folder that
 * looks like a running pool's (ctl_fixture.h).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/ctl_fixture.h"
#include "tools/metrics_collect.h"
#include "tools/metrics_counters.h"
#include "tools/observer_health.h"

static struct ctl_fixture fixture;
static struct ctl ctl;

static void make(void)
{
	ctl_fixture_make(&fixture);
	ctl = (struct ctl){
		.out = stdout, .err = stderr, .run_dir = fixture.dir};
}

static void drop(void)
{
	ctl_fixture_remove(&fixture);
}

TestSuite(metrics, .init = make, .fini = drop);

static struct figures *own_figures(void)
{
	struct figures *figures = NULL;

	cr_assert_eq(figures_own(fixture.dir,
				 (struct slot_id){SLOT_SIGNALLING, 1},
				 &figures),
		     0);
	return figures;
}

static char *page(bool is_open)
{
	static struct window window;
	struct snapshot snapshot;
	struct collection collection = {.snapshot = &snapshot,
					.window = &window};
	char *text = NULL;
	size_t len = 0;

	collection.page.file = open_memstream(&text, &len);
	collection.page.is_open = is_open;
	cr_assert_eq(snapshot_open(&ctl, &snapshot), 0);
	cr_assert_eq(snapshot_load(&snapshot), 0);
	metrics_collect(&collection);
	snapshot_done(&snapshot);
	fclose(collection.page.file);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	cr_expect(strstr(text, wanted), "%s is missing in\n%s", line, text);
}

Test(metrics, live_calls_are_counted_from_the_records)
{
	char *text = page(false);

	expect_line(text, "mspool_calls_active{gateway=\"gw1\",trunk=\"t1\","
			  "direction=\"outbound\"} 2");
	expect_line(text,
		    "mspool_calls_unanswered{gateway=\"gw1\",trunk=\"t1\","
		    "direction=\"outbound\"} 1");
	expect_line(text, "mspool_worker_calls{kind=\"signalling\","
			  "worker=\"ms1\"} 2");
	expect_line(text, "mspool_media_streams_active{worker=\"mw1\"} 1");
	free(text);
}

Test(metrics, workers_and_gateways_show_their_state)
{
	char *text = page(false);

	expect_line(text, "mspool_worker_up{kind=\"signalling\","
			  "worker=\"ms1\"} 1");
	expect_line(text, "mspool_worker_up{kind=\"signalling\","
			  "worker=\"ms2\"} 0");
	expect_line(text, "mspool_worker_restarts_total{kind=\"signalling\","
			  "worker=\"ms2\"} 3");
	expect_line(text, "mspool_gateway_up{gateway=\"gw1\"} 1");
	expect_line(text, "mspool_gateway_up{gateway=\"gw2\"} 0");
	expect_line(text, "mspool_gateway_state{gateway=\"gw2\","
			  "state=\"down\"} 1");
	expect_line(text, "mspool_gateway_rtt_seconds{gateway=\"gw1\"} "
			  "0.003250");
	free(text);
}

Test(metrics, figures_of_all_workers_are_added_up)
{
	struct figures *figures = own_figures(), *others = NULL;
	char *text;

	figures_count(&figures_trunk(figures, SLICE("t1"))
			       ->calls[CALL_INBOUND]
			       .results[RESULT_busy]);
	figures_note(&figures_trunk(figures, SLICE("t1"))
			      ->calls[CALL_INBOUND]
			      .times[FIGURE_setup],
		     FIGURE_setup, 1500000);
	cr_assert_eq(figures_own(fixture.dir,
				 (struct slot_id){SLOT_SIGNALLING, 2}, &others),
		     0);
	figures_trunk(others, SLICE("t0")); /* another order of rows */
	figures_count(&figures_trunk(others, SLICE("t1"))
			       ->calls[CALL_INBOUND]
			       .results[RESULT_busy]);
	text = page(false);
	expect_line(text, "mspool_calls_total{gateway=\"gw1\",trunk=\"t1\","
			  "direction=\"inbound\",result=\"busy\"} 2");
	expect_line(text, "mspool_call_setup_seconds_bucket{gateway=\"gw1\","
			  "trunk=\"t1\",direction=\"inbound\",le=\"1.0\"} 0");
	expect_line(text, "mspool_call_setup_seconds_bucket{gateway=\"gw1\","
			  "trunk=\"t1\",direction=\"inbound\",le=\"1.5\"} 1");
	expect_line(text, "mspool_call_setup_seconds_sum{gateway=\"gw1\","
			  "trunk=\"t1\",direction=\"inbound\"} 1.500000");
	free(text);
	figures_close(others);
	figures_close(figures);
}

Test(metrics, a_trunk_that_is_configured_no_more_keeps_its_counters)
{
	struct figures *figures = own_figures();
	char *text;

	figures_count(&figures_trunk(figures, SLICE("old\"one"))->failovers);
	text = page(false);
	expect_line(text, "mspool_gateway_failovers_total{gateway=\"\","
			  "trunk=\"old\\\"one\"} 1");
	free(text);
	figures_close(figures);
}

static unsigned occurrences(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		n++;
	return n;
}

Test(metrics, every_row_of_the_tables_is_a_family_once)
{
	char *text = page(true);
	char line[128];

	for (unsigned i = 0; i < N_METRICS; i++) {
		bool is_own = strncmp(metric_rows[i].name, "process_", 8) != 0;

		snprintf(line, sizeof(line), "\n# TYPE %s%s %s\n",
			 is_own ? "mspool_" : "", metric_rows[i].name,
			 metric_type_names[metric_rows[i].type]);
		cr_expect_eq(occurrences(text, line), 1, "%s", line);
	}
	for (unsigned i = 0; i < N_COUNTERS; i++) {
		const char *name = metrics_counter_name(i);
		size_t len = name ? strlen(name) : 0;

		/* base units only: a row of metrics_counters.c scales it */
		cr_expect_not(len > 3 && (strcmp(name + len - 3, "_us") == 0 ||
					  strcmp(name + len - 3, "_ms") == 0),
			      "%s", name);

		snprintf(line, sizeof(line), "\n# TYPE mspool_%s counter\n",
			 name);
		cr_expect_eq(occurrences(text, line), name ? 1 : 0, "%s", line);
	}
	cr_expect_str_eq(text + strlen(text) - 6, "# EOF\n");
	free(text);
}

Test(metrics, the_last_minutes_are_what_the_figures_grew_by)
{
	struct window *window = calloc(1, sizeof(*window));
	struct ctl_view *view = calloc(1, sizeof(*view));
	struct figures *sum = calloc(1, sizeof(*sum));
	struct figures_trunk *row = figures_trunk(sum, SLICE("t1"));
	struct trunk_figures growth;

	cr_assert(window && view && sum);
	view->now_us = 1;
	figures_note(&row->calls[0].times[FIGURE_duration], FIGURE_duration,
		     60 * USEC_PER_SEC);
	window_growth(window, view, row, 0, &growth);
	cr_expect_eq(growth.talked, 1);
	window_keep(window, view, sum);
	window_growth(window, view, row, 0, &growth);
	cr_expect_eq(growth.talked, 0);
	figures_note(&row->calls[0].times[FIGURE_duration], FIGURE_duration,
		     20 * USEC_PER_SEC);
	window_growth(window, view, row, 0, &growth);
	cr_expect_eq(growth.talked, 1);
	cr_expect_eq(growth.talk_us, 20 * USEC_PER_SEC);
	/* after a round of the ring the first one is forgotten */
	for (unsigned i = 0; i <= WINDOW_STEPS; i++) {
		view->now_us += WINDOW_STEP_US;
		window_keep(window, view, sum);
	}
	window_growth(window, view, row, 0, &growth);
	cr_expect_eq(growth.talked, 0);
	for (unsigned i = 0; i < WINDOW_STEPS; i++)
		free(window->slices[i]);
	free(window);
	free(view);
	free(sum);
}

/* ---- health -------------------------------------------------------------- */

static int ask(void (*handler)(struct ctl *ctl, struct http_reply *reply),
	       char **ret_text)
{
	struct http_reply reply = {.status = 200};
	size_t len = 0;

	reply.body = open_memstream(ret_text, &len);
	handler(&ctl, &reply);
	fclose(reply.body);
	return reply.status;
}

Test(metrics, health_tells_what_is_not_right)
{
	char *text = NULL;
	json_t *root;

	cr_expect_eq(ask(health_all, &text), 200);
	root = json_loads(text, 0, NULL);
	cr_assert(root, "%s", text);
	cr_expect_str_eq(json_string_value(json_object_get(root, "status")),
			 "warn");
	cr_expect_gt(json_array_size(json_object_get(root, "attention")), 0);
	json_decref(root);
	free(text);
	cr_expect_eq(ask(health_ready, &text), 200);
	free(text);
	cr_expect_eq(ask(health_live, &text), 200);
	free(text);
}

Test(metrics, a_pool_that_is_not_there_is_neither_live_nor_ready)
{
	char *text = NULL;

	ctl.run_dir = "/nowhere";
	ctl.err = fopen("/dev/null", "w");
	cr_expect_eq(ask(health_live, &text), 503);
	free(text);
	cr_expect_eq(ask(health_ready, &text), 503);
	free(text);
	cr_expect_eq(ask(health_all, &text), 503);
	free(text);
	fclose(ctl.err);
}
