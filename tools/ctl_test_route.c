/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl test route`: the way of one number, or a file of numbers with
 * what is expected of each.  With --config no pool is needed.
 */
#include <errno.h>
#include <stdlib.h>

#include "tools/ctl_json.h"
#include "tools/ctl_route.h"
#include "tools/ctl_table.h"

/* Where the configuration comes from. */
struct source {
	struct ctl_view *view;	     /* NULL with --config */
	struct config *own;	     /* NULL without */
	const struct config *config; /* one of both */
};

static int load_config(const struct ctl *ctl, struct source *source)
{
	struct config_report report = {0};
	char *text = NULL;
	int error;

	config_set_pattern_check(route_check_pattern);
	error = config_load_file(ctl->options[CTL_OPTION_CONFIG], &source->own,
				 &text, &report);

	if (error && report.text)
		fputs(report.text, ctl->err);
	if (error && !report.n_errors)
		ctl_fail(ctl, CTL_REFUSED, "%s: %s",
			 ctl->options[CTL_OPTION_CONFIG], strerror(-error));
	config_report_done(&report);
	free(text);
	source->config = source->own;
	return error ? CTL_REFUSED : CTL_DONE;
}

static int source_open(const struct ctl *ctl, struct source *source)
{
	int code;

	*source = (struct source){0};
	if (ctl->options[CTL_OPTION_CONFIG])
		return load_config(ctl, source);
	code = ctl_view_open(ctl, &source->view);
	if (code)
		return code;
	source->config = source->view->config;
	return ctl_view_load_calls(source->view);
}

static void source_close(struct source *source)
{
	config_free(source->own);
	ctl_view_free(source->view);
}

/* ---- for people ---------------------------------------------------------- */

static const struct ctl_column try_columns[] = {
	{"TRUNK", "trunk", CELL_TEXT},
	{"PEER", "peer", CELL_TEXT},
	{"ROUTE", "route", CELL_TEXT},
	{"CALLED", "called", CELL_TEXT},
	{"BY RULE", "called_rule", CELL_TEXT},
	{"CALLING", "calling", CELL_TEXT},
	{"BY RULE", "calling_rule", CELL_TEXT},
	{0}};

static const struct ctl_column skipped_columns[] = {
	{"LEFT OUT", "trunk", CELL_TEXT}, {"WHY", "why", CELL_TEXT}, {0}};

static const char *text_of(const json_t *object, const char *key,
			   char buf[CELL_MAX])
{
	return ctl_cell_text(json_object_get(object, key), CELL_TEXT, buf);
}

static void print_routes(const struct ctl *ctl, const json_t *routes)
{
	char name[CELL_MAX];
	const json_t *route;
	size_t i;

	fputs("Routes that match:", ctl->out);
	json_array_foreach(routes, i, route)
		fprintf(ctl->out, "%s %s", i ? "," : "",
			ctl_cell_text(route, CELL_TEXT, name));
	if (json_array_size(routes) == 0)
		fputs(" none", ctl->out);
	fputc('\n', ctl->out);
}

static void print_plan(const struct ctl *ctl, const json_t *plan)
{
	char number[CELL_MAX], from[CELL_MAX], caller[CELL_MAX];
	json_int_t status = json_integer_value(json_object_get(plan, "status"));
	const json_t *skipped = json_object_get(plan, "skipped");

	fprintf(ctl->out, "Number %s from %s, caller %s\n",
		text_of(plan, "number", number), text_of(plan, "from", from),
		text_of(plan, "caller", caller));
	print_routes(ctl, json_object_get(plan, "routes"));
	if (status)
		fprintf(ctl->out, "Refused with %" JSON_INTEGER_FORMAT "\n",
			status);
	else
		ctl_table_print(ctl, try_columns,
				json_object_get(plan, "tries"));
	if (json_array_size(skipped))
		ctl_table_print(ctl, skipped_columns, skipped);
}

/* ---- one number ---------------------------------------------------------- */

static int no_such_peer(const struct ctl *ctl, const struct config *config,
			const char *name)
{
	const char **names = calloc(config->n_peers + 1, sizeof(*names));
	const char *meant = NULL;
	int code;

	for (unsigned i = 0; names && i < config->n_peers; i++)
		names[i] = config->peers[i].name;
	if (names && name)
		meant = str_nearest(name, names);
	free(names);
	if (!name)
		return ctl_fail(ctl, CTL_NO_OBJECT,
				"no front end is configured: say --from");
	code = ctl_fail(ctl, CTL_NO_OBJECT,
			"there is no peer or trunk '%s'%s%s%s", name,
			meant ? ": did you mean '" : "", meant ? meant : "",
			meant ? "'?" : "");
	return code;
}

static int plan_one(const struct ctl *ctl, const struct dry_run *run)
{
	const char *caller = ctl->options[CTL_OPTION_CALLER];
	const char *from = ctl->options[CTL_OPTION_FROM];
	struct dry_call call = {.number = ctl->args[0],
				.caller = caller ? caller : ""};
	struct route_plan *plan;
	json_t *json;
	int code;

	if (dry_call_from(run->config, from, &call) < 0)
		return no_such_peer(ctl, run->config, from);
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	dry_run_plan(run, &call, plan);
	json = dry_run_json(run->config, &call, plan);
	code = plan->status ? CTL_ANSWER_IS_NO : CTL_DONE;
	free(plan);
	if (ctl->is_json) {
		int failed = ctl_json_print(ctl, json);

		return failed ? failed : code;
	}
	print_plan(ctl, json);
	json_decref(json);
	return code;
}

static int run_test(const struct ctl *ctl, const struct source *source)
{
	const char *file = ctl->options[CTL_OPTION_FILE];
	struct dry_run run;
	int code;

	if (dry_run_init(&run, source->config, file ? NULL : source->view) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	code = file ? route_test_file(ctl, &run, file) : plan_one(ctl, &run);
	dry_run_done(&run);
	return code;
}

int ctl_test_route(struct ctl *ctl)
{
	struct source source;
	int code;

	if ((ctl->n_args == 1) == (ctl->options[CTL_OPTION_FILE] != NULL))
		return ctl_fail(ctl, CTL_USAGE,
				"test route takes a number or --file");
	code = source_open(ctl, &source);
	if (!code)
		code = run_test(ctl, &source);
	source_close(&source);
	return code;
}
