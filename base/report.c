/* SPDX-License-Identifier: Apache-2.0
 *
 * Mistakes are found by several passes over a configuration; people want them
 * from top to bottom.  So messages are kept, sorted and then joined.
 */
#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"

struct note {
	struct report_place at;
	unsigned number; /* order of finding, among equals */
	bool is_warning;
	char *text;
};

struct report {
	struct note *notes;
	unsigned n_notes, size;
	unsigned n_errors, n_warnings;
};

/* Stands in when even the report finds no memory; never freed. */
static char no_memory[] = "error: no memory for the list of mistakes\n";

struct report *report_new(void)
{
	return calloc(1, sizeof(struct report));
}

struct report *report_free(struct report *report)
{
	if (!report)
		return NULL;
	for (unsigned i = 0; i < report->n_notes; i++)
		free(report->notes[i].text);
	free(report->notes);
	free(report);
	return NULL;
}

static struct note *add_note(struct report *report)
{
	unsigned size = report->size ? report->size * 2 : 16;
	struct note *notes;

	if (report->n_notes == report->size) {
		notes = reallocarray(report->notes, size, sizeof(*notes));
		if (!notes)
			return NULL;
		report->notes = notes;
		report->size = size;
	}
	return &report->notes[report->n_notes];
}

static __attribute__((format(printf, 4, 0))) void keep(struct report *report,
						       struct report_place at,
						       bool is_warning,
						       const char *format,
						       va_list args)
{
	struct note *note = add_note(report);
	char *text;

	if (is_warning)
		report->n_warnings++;
	else
		report->n_errors++;
	if (!note || vasprintf(&text, format, args) < 0)
		return;
	*note = (struct note){at, report->n_notes++, is_warning, text};
}

void report_error(struct report *report, struct report_place at,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(report, at, false, format, args);
	va_end(args);
}

void report_warning(struct report *report, struct report_place at,
		    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep(report, at, true, format, args);
	va_end(args);
}

bool report_has_errors(const struct report *report)
{
	return report->n_errors > 0;
}

static int by_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
	const struct note *left = a, *right = b;
	int order = by_number(left->at.file->index, right->at.file->index);

	if (!order)
		order = by_number(left->at.line, right->at.line);
	if (!order)
		order = by_number(left->at.column, right->at.column);
	return order ? order : by_number(left->number, right->number);
}

static void print(FILE *to, const struct note *note)
{
	fprintf(to, "%s:%u:%u: %s: %s\n", note->at.file->name, note->at.line,
		note->at.column, note->is_warning ? "warning" : "error",
		note->text);
}

void report_finish(struct report *report, struct config_report *ret)
{
	size_t size;
	FILE *to;

	ret->text = NULL;
	ret->n_errors = report->n_errors;
	ret->n_warnings = report->n_warnings;
	to = open_memstream(&ret->text, &size);
	if (to) {
		if (report->n_notes)
			qsort(report->notes, report->n_notes,
			      sizeof(*report->notes), by_place);
		for (unsigned i = 0; i < report->n_notes; i++)
			print(to, &report->notes[i]);
		fclose(to);
	}
	if (!ret->text)
		ret->text = no_memory;
}

void report_only(struct config_report *ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(&ret->text, format, args) < 0)
		ret->text = no_memory;
	va_end(args);
	ret->n_errors = 1;
	ret->n_warnings = 0;
}

void config_report_done(struct config_report *report)
{
	if (report->text != no_memory)
		free(report->text);
	*report = (struct config_report){0};
}
