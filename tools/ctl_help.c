/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tables of mspoolctl say to people: help, the middle of mspoolctl(1);
 * and to machines: `help --json`.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl.h"
#include "tools/ctl_json.h"
#include "tools/nagios.h"

#define USAGE_MAX 96 /* a verb and its arguments with NUL */

/* ---- help ---------------------------------------------------------------- */

static void print_option(FILE *file, const struct ctl_option_row *row)
{
	char names[48];

	snprintf(names, sizeof(names), "%s%s%s%s", row->name,
		 row->value ? " " : "", row->value ? row->value : "",
		 row->letter ? "" : " ");
	if (row->letter)
		fprintf(file, "  -%c, --%-18s %s\n", row->letter, names,
			row->help);
	else
		fprintf(file, "      --%-18s %s\n", names, row->help);
}

static void print_options(FILE *file, unsigned mask)
{
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		if (mask & 1u << i)
			print_option(file, &ctl_option_rows[i]);
}

static unsigned global_options(void)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		if (ctl_option_rows[i].is_global)
			mask |= 1u << i;
	return mask;
}

void ctl_print_help(FILE *file)
{
	fputs("usage: mspoolctl [options] VERB ...\n\n", file);
	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++) {
		char usage[USAGE_MAX];

		snprintf(usage, sizeof(usage), "%s%s%s", verb->words,
			 *verb->args ? " " : "", verb->args);
		fprintf(file, "  %-26s %s\n", usage, verb->help);
	}
	fputc('\n', file);
	print_options(file, global_options());
}

void ctl_print_verb_help(FILE *file, const struct ctl_verb *verb)
{
	fprintf(file, "usage: mspoolctl %s%s%s%s\n\n  %s\n", verb->words,
		verb->options ? " [options]" : "", *verb->args ? " " : "",
		verb->args, verb->help);
	if (verb->options) {
		fputc('\n', file);
		print_options(file, verb->options);
	}
}

/* ---- manual -------------------------------------------------------------- */

static void print_option_item(FILE *file, const struct ctl_option_row *row)
{
	fputs(".It", file);
	if (row->letter)
		fprintf(file, " Fl %c ,", row->letter);
	fprintf(file, " Fl -%s", row->name);
	if (row->value)
		fprintf(file, " Ar %s", row->value);
	fprintf(file, "\n%c%s.\n", row->help[0] - 'a' + 'A', row->help + 1);
}

static void print_verb_item(FILE *file, const struct ctl_verb *verb)
{
	fprintf(file, ".It Cm %s", verb->words);
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];

		if (!(verb->options & 1u << i))
			continue;
		if (row->letter)
			fprintf(file, " Oo Fl %c", row->letter);
		else
			fprintf(file, " Oo Fl -%s", row->name);
		if (row->value)
			fprintf(file, " Ar %s", row->value);
		fputs(" Oc", file);
	}
	if (*verb->args)
		fprintf(file, " Ar %s", verb->args);
	fprintf(file, "\n%s\n", verb->manual);
}

/* Of `check`. */
static void print_figures(FILE *file)
{
	fputs("A range is written as for every monitoring plugin: 10 alerts "
	      "above 10, 10: below\n10, 10:20 outside and @10:20 inside; an "
	      "empty one never.\n"
	      ".Bl -tag -width Ds\n",
	      file);
	for (unsigned i = 0; i < N_NAGIOS; i++) {
		const struct nagios_row *row = &nagios_rows[i];

		fprintf(file, ".It Ic %s\n%c%s", row->name,
			row->help[0] - 'a' + 'A', row->help + 1);
		if (*row->warning)
			fprintf(file, "; warns at %s", row->warning);
		if (*row->critical)
			fprintf(file, "; critical at %s", row->critical);
		fputs(".\n", file);
	}
	fputs(".El\n", file);
}

void ctl_print_manual(FILE *file)
{
	fputs(".Sh OPTIONS\n.Bl -tag -width Ds\n", file);
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		if (ctl_option_rows[i].is_global)
			print_option_item(file, &ctl_option_rows[i]);
	fputs(".El\n.Sh VERBS\n.Bl -tag -width Ds\n", file);
	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++)
		print_verb_item(file, verb);
	fputs(".El\n.Sh OPTIONS OF VERBS\n.Bl -tag -width Ds\n", file);
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		if (!ctl_option_rows[i].is_global)
			print_option_item(file, &ctl_option_rows[i]);
	fputs(".El\n.Sh CHECKED FIGURES\n", file);
	print_figures(file);
}

/* ---- machines ------------------------------------------------------------ */

static json_t *options_json(unsigned mask)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];
		char letter[2] = {(char)row->letter, 0};

		if (!(mask & 1u << i))
			continue;
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s?, s:s?, s:s}", "name", row->name,
				  "letter", row->letter ? letter : NULL,
				  "value", row->value, "help", row->help));
	}
	return rows;
}

static json_t *verb_json(const struct ctl_verb *verb)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:s, s:o}", "verb", verb->words,
			 "arguments", verb->args, "least", (int)verb->min_args,
			 "most", (int)verb->max_args, "help", verb->help,
			 "options", options_json(verb->options));
}

static int print_json(const struct ctl *ctl)
{
	json_t *verbs = json_array();

	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++)
		json_array_append_new(verbs, verb_json(verb));
	return ctl_json_print(ctl,
			      json_pack("{s:o, s:o}", "verbs", verbs, "options",
					options_json(global_options())));
}

/* ---- the verb ------------------------------------------------------------ */

int ctl_help(struct ctl *ctl)
{
	unsigned n_words;
	const struct ctl_verb *verb;

	if (ctl->n_args == 0 && ctl->is_json)
		return print_json(ctl);
	if (ctl->n_args == 0) {
		ctl_print_help(ctl->out);
		return CTL_DONE;
	}
	if (strcmp(ctl->args[0], "manual") == 0) { /* for make update-man */
		ctl_print_manual(ctl->out);
		return CTL_DONE;
	}
	verb = ctl_find_verb(ctl->args, ctl->n_args, &n_words);
	if (!verb)
		return ctl_unknown_verb(ctl, ctl->args, ctl->n_args);
	if (ctl->is_json)
		return ctl_json_print(ctl, verb_json(verb));
	ctl_print_verb_help(ctl->out, verb);
	return CTL_DONE;
}
