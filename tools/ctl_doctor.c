/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl doctor`: every check of tools/doctor.def, what it found, why that
 * matters and the command that cures it.  Without a pool it looks at the host
 * with the configuration that a pool would have.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/doctor.h"

static const char *const state_words[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_WRONG] = "wrong",
	[DOCTOR_NOT_KNOWN] = "unknown",
};

/* ---- where the facts come from ------------------------------------------- */

/* Like ctl_view_open, but that there is no pool is a fact. */
static void open_view(const struct ctl *ctl, struct doctor_facts *facts,
		      struct ctl_view **ret_view)
{
	static const char before[] = "mspoolctl: ";
	struct ctl quiet = *ctl;
	char *text = NULL;
	size_t len;
	int code;

	*ret_view = NULL;
	quiet.err = open_memstream(&text, &len);
	if (!quiet.err)
		return;
	code = ctl_view_open(&quiet, ret_view);
	if (!code)
		code = ctl_view_load_calls(*ret_view);
	fclose(quiet.err);
	facts->is_running = code == CTL_DONE;
	if (code)
		*ret_view = ctl_view_free(*ret_view);
	else
		(*ret_view)->ctl = ctl;
	if (text && strncmp(text, before, strlen(before)) == 0)
		snprintf(facts->why_not, sizeof(facts->why_not), "%.*s",
			 (int)strcspn(text + strlen(before), "\n"),
			 text + strlen(before));
	free(text);
}

/* The configuration that a pool would be started with; NULL. */
static struct config *load_config(const struct ctl *ctl)
{
	const char *path = ctl->options[CTL_OPTION_CONFIG];
	struct config_report report = {0};
	struct config *config = NULL;
	char *text = NULL;

	config_load_file(path ? path : PKGSYSCONFDIR "/pool.ini", &config,
			 &text, &report);
	config_report_done(&report);
	free(text);
	return config;
}

static void gather(const struct ctl *ctl, struct doctor_facts *facts)
{
	struct config *config = NULL;
	struct ctl_view *view;

	open_view(ctl, facts, &view);
	if (!view || ctl->options[CTL_OPTION_CONFIG])
		config = load_config(ctl);
	snprintf(facts->run_dir, sizeof(facts->run_dir), "%s", ctl->run_dir);
	doctor_gather(view,
		      config ? config
		      : view ? view->config
			     : NULL,
		      facts);
	config_free(config);
	ctl_view_free(view);
}

/* ---- what is said -------------------------------------------------------- */

static json_t *finding_json(const struct doctor_check *check,
			    const struct doctor_finding *finding)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:o}", "check", check->name,
			 "state", state_words[finding->state], "what",
			 ctl_json_text(slice_of(finding->what)), "why",
			 check->why, "cure",
			 ctl_json_text_or_null(slice_of(finding->cure)));
}

static json_t *doctor_json(const struct doctor_facts *facts, bool *ret_is_well)
{
	json_t *rows = json_array();

	*ret_is_well = true;
	for (const struct doctor_check *check = doctor_checks; check->name;
	     check++) {
		struct doctor_finding finding;

		doctor_judge(check, facts, &finding);
		*ret_is_well &= finding.state != DOCTOR_WRONG;
		json_array_append_new(rows, finding_json(check, &finding));
	}
	return json_pack("{s:b, s:o}", "healthy", *ret_is_well, "checks", rows);
}

static const char *text_of(const json_t *row, const char *key,
			   char buf[CELL_MAX])
{
	return ctl_cell_text(json_object_get(row, key), CELL_TEXT, buf);
}

static void print_row(const struct ctl *ctl, const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	char name[CELL_MAX], what[CELL_MAX];
	const json_t *cure = json_object_get(row, "cure");

	ctl_print_state(ctl, state);
	fprintf(ctl->out, "%*s%-12s %s\n", 9 - (int)strlen(state), "",
		text_of(row, "check", name), text_of(row, "what", what));
	if (!json_is_string(cure))
		return;
	/* whole: a command that is cut is none, and both are our own words */
	fprintf(ctl->out, "%22swhy:  %s\n%22scure: %s\n", "",
		json_string_value(json_object_get(row, "why")), "",
		json_string_value(cure));
}

int ctl_doctor(struct ctl *ctl)
{
	struct doctor_facts facts = {0};
	bool is_well;
	json_t *root, *row;
	int code = CTL_DONE;
	size_t i;

	gather(ctl, &facts);
	root = doctor_json(&facts, &is_well);
	if (ctl->is_json) {
		code = ctl_json_print(ctl, root);
	} else {
		json_array_foreach(json_object_get(root, "checks"), i, row)
			print_row(ctl, row);
		json_decref(root);
	}
	return code ? code : is_well ? CTL_DONE : CTL_ANSWER_IS_NO;
}
