/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl check`: one line for Nagios, Icinga and keepalived.
 * Trap: its exit codes are theirs, not those of the other verbs; 2 is CRITICAL
 * here, so wrong usage is 3.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/doctor.h"
#include "tools/nagios.h"

#define LINE_MAX_TEXT 240

struct check {
	const struct ctl *ctl;
	struct nagios_check limits;
	struct nagios_value values[N_NAGIOS];
	char down[LINE_MAX_TEXT]; /* names of gateways that are */
};

/* ---- figures ------------------------------------------------------------- */

static void know(struct check *check, enum nagios_figure figure, double value,
		 double most)
{
	check->values[figure] = (struct nagios_value){true, value, most};
}

static double number(const json_t *root, const char *object, const char *key)
{
	return (double)json_integer_value(
		json_object_get(json_object_get(root, object), key));
}

static void take_status(struct check *check, const struct ctl_view *view)
{
	json_t *status = ctl_status_json(view);
	unsigned max_calls = view->config->pool.max_calls;
	double calls = number(status, "calls", "active");
	double up = number(status, "workers", "up");
	double of = number(status, "workers", "of");
	const char *cdr = json_string_value(
		json_object_get(json_object_get(status, "cdr"), "state"));

	know(check, NAGIOS_calls, calls, max_calls);
	if (max_calls)
		know(check, NAGIOS_calls_used, calls * 100 / max_calls, 100);
	know(check, NAGIOS_workers_up, up, of);
	know(check, NAGIOS_workers_down, of - up, of);
	up = number(status, "gateways", "up");
	of = number(status, "gateways", "of");
	if (of > 0)
		know(check, NAGIOS_gateways_up, up, of);
	know(check, NAGIOS_gateways_down, of - up, of);
	know(check, NAGIOS_cdr_waiting, number(status, "cdr", "waiting"), 0);
	know(check, NAGIOS_cdr_blocked,
	     cdr && (strcmp(cdr, "blocked") == 0 || strcmp(cdr, "down") == 0),
	     1);
	json_decref(status);
}

static void take_books(struct check *check, const struct ctl_view *view)
{
	struct doctor_facts facts = {0};

	doctor_gather(view, view->config, &facts);
	if (facts.fullest_percent != DOCTOR_UNKNOWN)
		know(check, NAGIOS_book_fill, (double)facts.fullest_percent,
		     100);
}

static void name_down(struct check *check, const struct ctl_view *view)
{
	for (unsigned i = 0; i < view->config->n_peers; i++) {
		const struct config_peer *peer = &view->config->peers[i];
		struct peer_health health = {0};
		size_t len = strlen(check->down);

		if (peer->is_frontend)
			continue;
		ctl_view_health(view, peer, &health);
		if (health.state != PEER_UP && health.state != PEER_DISABLED)
			snprintf(check->down + len, sizeof(check->down) - len,
				 "%s%s", len ? " " : "", peer->name);
	}
}

/* ---- what is said -------------------------------------------------------- */

/* Figures that alert, in words; then what is well known of every pool. */
static void print_text(const struct check *check, FILE *file)
{
	const struct nagios_value *v = check->values;

	for (unsigned i = 0; i < N_NAGIOS; i++)
		if (nagios_judge_one(&check->limits, (enum nagios_figure)i,
				     &v[i]) != NAGIOS_OK)
			fprintf(file, "%s is %.10g%s%s%s%s, ",
				nagios_rows[i].name, v[i].value,
				nagios_rows[i].unit,
				i == NAGIOS_gateways_down ? " (" : "",
				i == NAGIOS_gateways_down ? check->down : "",
				i == NAGIOS_gateways_down ? ")" : "");
	fprintf(file, "%.0f calls, %.0f/%.0f gateways up, %.0f/%.0f workers up",
		v[NAGIOS_calls].value, v[NAGIOS_gateways_up].value,
		v[NAGIOS_gateways_up].most, v[NAGIOS_workers_up].value,
		v[NAGIOS_workers_up].most);
}

static json_t *figures_json(const struct check *check)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < N_NAGIOS; i++) {
		const struct nagios_value *value = &check->values[i];
		enum nagios_state state = nagios_judge_one(
			&check->limits, (enum nagios_figure)i, value);

		json_array_append_new(
			rows,
			json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "name",
				  nagios_rows[i].name, "value",
				  value->is_known
					  ? ctl_json_rounded(value->value)
					  : json_null(),
				  "unit", nagios_rows[i].unit, "warning",
				  check->limits.warning[i].text, "critical",
				  check->limits.critical[i].text, "state",
				  nagios_state_words[state]));
	}
	return rows;
}

static int say_json(const struct check *check, enum nagios_state state,
		    const char *text)
{
	int failed = ctl_json_print(check->ctl,
				    json_pack("{s:s, s:i, s:o, s:o}", "state",
					      nagios_state_words[state], "code",
					      (int)state, "text",
					      ctl_json_text(slice_of(text)),
					      "figures", figures_json(check)));

	return failed ? NAGIOS_UNKNOWN : (int)state;
}

/* text: what there is to say instead of figures, or NULL. */
static int say(const struct check *check, enum nagios_state state,
	       const char *text)
{
	FILE *out = check->ctl->out;
	char *line = NULL;
	size_t len;
	FILE *memory = open_memstream(&line, &len);

	if (!memory)
		return NAGIOS_UNKNOWN;
	if (text)
		fputs(text, memory);
	else
		print_text(check, memory);
	fclose(memory);
	if (check->ctl->is_json) {
		state = (enum nagios_state)say_json(check, state, line);
	} else {
		fprintf(out, "%s - %s", nagios_state_words[state], line);
		if (!text)
			nagios_print_performance(out, &check->limits,
						 check->values);
		fputc('\n', out);
	}
	free(line);
	return (int)state;
}

/* ---- the verb ------------------------------------------------------------ */

static int set_limits(struct check *check)
{
	const struct {
		enum ctl_option option;
		struct nagios_range *ranges;
	} rows[] = {{CTL_OPTION_WARNING, check->limits.warning},
		    {CTL_OPTION_CRITICAL, check->limits.critical}};

	nagios_check_init(&check->limits);
	for (unsigned i = 0; i < 2; i++) {
		const char *text = check->ctl->options[rows[i].option];
		char wrong[64], said[LINE_MAX_TEXT];
		const char *meant;

		if (!text ||
		    nagios_check_set(rows[i].ranges, text, wrong, &meant) == 0)
			continue;
		snprintf(said, sizeof(said),
			 "'%s' is no figure or range (NAME=RANGE)%s%s%s", wrong,
			 meant ? ": did you mean '" : "", meant ? meant : "",
			 meant ? "'?" : "");
		return say(check, NAGIOS_UNKNOWN, said);
	}
	return NAGIOS_OK;
}

/* Why the pool could not be looked at, as one line on stdout. */
static int not_seen(const struct check *check, int code, const char *text)
{
	static const char before[] = "mspoolctl: ";
	char line[LINE_MAX_TEXT];

	if (strncmp(text, before, strlen(before)) == 0)
		text += strlen(before);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n|"), text);
	return say(check,
		   code == CTL_NOT_RUNNING ? NAGIOS_CRITICAL : NAGIOS_UNKNOWN,
		   line);
}

static int look(struct check *check)
{
	struct ctl quiet = *check->ctl;
	struct ctl_view *view = NULL;
	char *text = NULL;
	size_t len;
	int code;

	quiet.err = open_memstream(&text, &len);
	if (!quiet.err)
		return say(check, NAGIOS_UNKNOWN, "out of memory");
	code = ctl_view_open(&quiet, &view);
	if (!code)
		code = ctl_view_load_calls(view);
	if (!code) {
		take_status(check, view);
		take_books(check, view);
		name_down(check, view);
	}
	ctl_view_free(view);
	fclose(quiet.err);
	code = code ? not_seen(check, code, text)
		    : say(check, nagios_judge(&check->limits, check->values),
			  NULL);
	free(text);
	return code;
}

int ctl_check(struct ctl *ctl)
{
	struct check check = {.ctl = ctl};
	int code = set_limits(&check);

	return code ? code : look(&check);
}
