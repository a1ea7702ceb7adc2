/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl config` and `config explain`: what can stand in pool.ini, from the
 * same table as the parser and pool.ini(5), and what stands in the one in
 * force, with file and line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/ini.h"
#include "base/options.h"
#include "tools/ctl_json.h"
#include "tools/ctl_table.h"

#define KEYS_MAX  256 /* different ones, for suggestions */
#define TEXT_MAX  (16u << 20)
#define PLACE_MAX 320

/* The text of a configuration, taken apart. */
struct present {
	char *text;
	struct arena *arena;
	struct report *report; /* stays unread: somebody checked it before */
	struct ini ini;
};

/* ---- reading ------------------------------------------------------------- */

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, n;

	if (!file)
		return NULL;
	do {
		char *more = realloc(text, len + BUFSIZ + 1);

		if (!more || len > TEXT_MAX) {
			free(more ? more : text);
			fclose(file);
			return NULL;
		}
		text = more;
		n = fread(text + len, 1, BUFSIZ, file);
		len += n;
		text[len] = 0;
	} while (n > 0);
	fclose(file);
	return text;
}

/* That of a file as mspoold would read it, with pool.d; its mistakes are told.
 */
static char *load_text(const struct ctl *ctl, const char *path)
{
	struct config_report report = {0};
	struct config *config = NULL;
	char *text = NULL;

	if (config_load_file(path, &config, &text, &report) < 0)
		fputs(report.text, ctl->err);
	config_report_done(&report);
	config_free(config);
	return text;
}

static void present_done(struct present *present)
{
	report_free(present->report);
	arena_free(present->arena);
	free(present->text);
}

/* CTL_DONE also when no pool was ever started there: then it is empty. */
static int present_read(const struct ctl *ctl, struct present *present)
{
	const char *given = ctl->options[CTL_OPTION_CONFIG];
	char path[512];

	*present =
		(struct present){.report = report_new(), .arena = arena_new()};
	snprintf(path, sizeof(path), "%s/state/config.txt", ctl->run_dir);
	present->text = given ? load_text(ctl, given) : read_text(path);
	if (given && !present->text)
		return ctl_fail(ctl, CTL_REFUSED, "%s cannot be taken", given);
	if (!present->text && errno != ENOENT && errno != ENOTDIR)
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s", path,
				strerror(errno));
	if (!present->text)
		return CTL_DONE;
	if (!present->report || !present->arena ||
	    ini_read(slice_of(present->text), present->arena, present->report,
		     &present->ini) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	return CTL_DONE;
}

/* ---- what is set --------------------------------------------------------- */

static json_t *value_json(struct present *present, const struct option *option,
			  const struct ini_entry *entry)
{
	struct ini_value value;

	if (option->flags & OPTION_SECRET)
		return json_string("(secret)");
	if (ini_scalar(entry, present->arena, present->report, &value) < 0)
		return json_null();
	return ctl_json_text((struct slice){value.text, value.len});
}

/* What the host stands in for bears no line: "(this host)". */
static void place_text(const struct ini_entry *entry, char place[PLACE_MAX])
{
	const struct report_file *file = entry->key_at.file;
	const char *name = file ? file->name : "pool.ini";

	if (*name == '(')
		snprintf(place, PLACE_MAX, "%s", name);
	else
		snprintf(place, PLACE_MAX, "%s:%u", name, entry->key_at.line);
}

static json_t *setting_json(struct present *present,
			    const struct ini_section *section,
			    const struct option *option,
			    const struct ini_entry *entry)
{
	char place[PLACE_MAX];

	place_text(entry, place);
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:s?}", "section",
		ctl_json_text(slice_of(section->title)), "key", option->key,
		"value", value_json(present, option, entry), "place",
		ctl_json_text(slice_of(place)), "default", option->by_default);
}

/* What is set of this option, or of every one (NULL), in the order of the
 * files. */
static json_t *settings_json(struct present *present,
			     const struct option *wanted)
{
	json_t *rows = json_array();

	for (const struct ini_section *section = present->ini.first; section;
	     section = section->next) {
		enum option_section id;

		if (option_section_find(section->kind, &id) < 0)
			continue;
		for (const struct ini_entry *entry = section->first; entry;
		     entry = entry->next) {
			const struct option *option =
				option_find(id, entry->key);

			if (option && (!wanted || wanted == option))
				json_array_append_new(
					rows, setting_json(present, section,
							   option, entry));
		}
	}
	return rows;
}

/* ---- one key ------------------------------------------------------------- */

static const char *reload_text(const struct option *option)
{
	if (option->flags & OPTION_LATER)
		return "read and checked now, used by a later release";
	return option->flags & OPTION_RESTART
		       ? "refuses a change: it takes a restart"
		       : "takes a change";
}

static json_t *option_json(struct present *present, const struct option *option)
{
	const struct option_section_row *section =
		&option_sections[option->section];
	bool is_needed = option->flags & OPTION_NEEDED;
	char values[320];

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s?, s:b, s:s, s:o}", "section",
		section->kind, "key", option->key, "meaning", option->help,
		"values", option_value_text(option, values, sizeof(values)),
		"default", option->by_default, "needed", is_needed, "reload",
		reload_text(option), "set", settings_json(present, option));
}

/* "gateway.address", "[gateway] address", "gateway address", "address". */
struct wanted_key {
	char words[256];
	struct slice kind, key; /* kind empty: of any section */
};

static void parse_key(const struct ctl *ctl, struct wanted_key *wanted)
{
	struct slice rest;
	size_t len = 0;

	for (unsigned i = 0; i < ctl->n_args && len < sizeof(wanted->words);
	     i++)
		len += (size_t)snprintf(wanted->words + len,
					sizeof(wanted->words) - len, "%s%s",
					i ? " " : "", ctl->args[i]);
	for (char *at = wanted->words; *at; at++)
		if (strchr("[].", *at))
			*at = ' ';
	rest = slice_trim(slice_of(wanted->words));
	wanted->kind = SLICE_NONE;
	wanted->key = slice_cut(&rest, ' ');
	while ((rest = slice_trim(rest)).len) { /* a section's name between */
		if (!wanted->kind.len)
			wanted->kind = wanted->key;
		wanted->key = slice_cut(&rest, ' ');
	}
}

static json_t *options_json(struct present *present,
			    const struct wanted_key *wanted)
{
	json_t *rows = json_array();

	for (unsigned id = 0; id < N_OPTION_SECTIONS; id++) {
		const struct option *option =
			option_find((enum option_section)id, wanted->key);

		if (option && (!wanted->kind.len ||
			       slice_is(wanted->kind,
					slice_of(option_sections[id].kind))))
			json_array_append_new(rows,
					      option_json(present, option));
	}
	return rows;
}

static int no_such_key(const struct ctl *ctl, const struct wanted_key *wanted)
{
	const char *names[KEYS_MAX + 1] = {0};
	const char *meant;
	char key[256];
	unsigned n_names = 0;

	for (unsigned id = 0; id < N_OPTION_SECTIONS; id++) {
		unsigned n;
		const struct option *options =
			options_of((enum option_section)id, &n);

		for (unsigned i = 0; i < n && n_names < KEYS_MAX; i++)
			names[n_names++] = options[i].key;
	}
	slice_copy(wanted->key, key, sizeof(key));
	meant = str_nearest(key, names);
	if (meant && strcmp(meant, key) == 0)
		return ctl_fail(ctl, CTL_NO_OBJECT,
				"there is no key '%s' in [%.*s]", key,
				SLICE_ARG(wanted->kind));
	return ctl_fail(ctl, CTL_NO_OBJECT, "there is no key '%s'%s%s%s", key,
			meant ? ": did you mean '" : "", meant ? meant : "",
			meant ? "'?" : "");
}

/* ---- output -------------------------------------------------------------- */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "-";
}

static void print_option(const struct ctl *ctl, const json_t *row)
{
	const json_t *set;
	size_t i;

	fprintf(ctl->out,
		"[%s] %s\n  meaning  %s\n  values   %s\n  default  %s\n"
		"  reload   %s\n",
		text_of(row, "section"), text_of(row, "key"),
		text_of(row, "meaning"), text_of(row, "values"),
		json_is_true(json_object_get(row, "needed"))
			? "none: it must be set"
			: text_of(row, "default"),
		text_of(row, "reload"));
	json_array_foreach(json_object_get(row, "set"), i, set)
	{
		char value[CELL_MAX], place[CELL_MAX];

		fprintf(ctl->out, "  set      %s in [%s], %s\n",
			ctl_cell_text(json_object_get(set, "value"), CELL_TEXT,
				      value),
			text_of(set, "section"),
			ctl_cell_text(json_object_get(set, "place"), CELL_TEXT,
				      place));
	}
	if (i == 0)
		fputs("  set      nowhere: the default holds\n", ctl->out);
}

int ctl_config_explain(struct ctl *ctl)
{
	struct wanted_key wanted;
	struct present present;
	json_t *rows = NULL, *row;
	size_t i;
	int code = present_read(ctl, &present);

	if (!code) {
		parse_key(ctl, &wanted);
		rows = options_json(&present, &wanted);
		if (json_array_size(rows) == 0)
			code = no_such_key(ctl, &wanted);
	}
	if (!code && ctl->is_json)
		code = ctl_json_print(ctl, json_incref(rows));
	else if (!code)
		json_array_foreach(rows, i, row) print_option(ctl, row);
	json_decref(rows);
	present_done(&present);
	return code;
}

int ctl_config(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"SECTION", "section", CELL_TEXT},
		{"KEY", "key", CELL_TEXT},
		{"VALUE", "value", CELL_TEXT},
		{"DEFAULT", "default", CELL_TEXT},
		{"PLACE", "place", CELL_TEXT},
		{0}};
	struct present present;
	json_t *rows;
	int code = present_read(ctl, &present);

	if (!code && !present.text)
		code = ctl_fail(ctl, CTL_NOT_RUNNING,
				"no pool is running in %s: say -c FILE",
				ctl->run_dir);
	if (!code) {
		rows = settings_json(&present, NULL);
		if (ctl->is_json) {
			code = ctl_json_print(ctl, rows);
		} else {
			code = ctl_table_print(ctl, columns, rows);
			json_decref(rows);
		}
	}
	present_done(&present);
	return code;
}
