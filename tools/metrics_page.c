/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_page.h.  Called by the collectors (metrics_collect.c) in the
 * observer.  Trap: the two formats differ in the family's name of a counter
 * (with or without "_total") and in the last line, and in nothing else that we
 * use.
 */
#include "tools/metrics_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"

const struct metric_row metric_rows[N_METRICS] = {
#define METRIC(id, type, name, labels, help)                                   \
	[METRIC_ROW_##id] = {name, METRIC_##type, labels, help},
#include "tools/metrics.def"
#undef METRIC
};

const char *const metric_type_names[] = {
	[METRIC_GAUGE] = "gauge",
	[METRIC_COUNTER] = "counter",
	[METRIC_HISTOGRAM] = "histogram",
};

static const char *prefix_of(const struct metric_row *row)
{
	return strncmp(row->name, "process_", 8) == 0 ? "" : "mspool_";
}

void metrics_family(struct metrics_page *page, const struct metric_row *row)
{
	bool has_total = row->type == METRIC_COUNTER && !page->is_open;

	page->row = row;
	for (unsigned i = 0; i < 2; i++)
		fprintf(page->file, "# %s %s%s%s %s\n", i ? "TYPE" : "HELP",
			prefix_of(row), row->name, has_total ? "_total" : "",
			i ? metric_type_names[row->type] : row->help);
}

static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", file);
			continue;
		}
		if (*text == '\\' || *text == '"')
			fputc('\\', file);
		fputc(*text, file);
	}
}

/* name="value" for each; le only when it is not NULL. */
static void put_labels(struct metrics_page *page, const char *const *values,
		       const char *le)
{
	struct slice rest = slice_of(page->row->labels);
	char next = '{';

	for (; rest.len; values++) {
		struct slice name = slice_cut(&rest, ' ');

		fprintf(page->file, "%c%.*s=\"", next, SLICE_ARG(name));
		put_escaped(page->file, *values ? *values : "");
		fputc('"', page->file);
		next = ',';
	}
	if (le)
		fprintf(page->file, "%cle=\"%s\"", next, le);
	if (le || next == ',')
		fputc('}', page->file);
}

static void put_name(struct metrics_page *page, const char *suffix)
{
	fprintf(page->file, "%s%s%s", prefix_of(page->row), page->row->name,
		suffix);
}

static void put_number(FILE *file, double value)
{
	if (isnan(value))
		fputs("NaN\n", file);
	else if (value == floor(value) && fabs(value) < 1e15)
		fprintf(file, "%.0f\n", value);
	else
		fprintf(file, "%.6f\n", value);
}

void metrics_sample(struct metrics_page *page, double value,
		    const char *const *labels)
{
	put_name(page, page->row->type == METRIC_COUNTER ? "_total" : "");
	put_labels(page, labels, NULL);
	fputc(' ', page->file);
	put_number(page->file, value);
}

/* OpenMetrics wants canonical floats: "1.0", "0.5". */
static const char *bound_text(uint64_t bound_us, char *buf, size_t size)
{
	if (!bound_us)
		return "+Inf";
	if (bound_us % USEC_PER_SEC == 0)
		snprintf(buf, size, "%" PRIu64 ".0",
			 (uint64_t)(bound_us / USEC_PER_SEC));
	else
		snprintf(buf, size, "%g", (double)bound_us / USEC_PER_SEC);
	return buf;
}

void metrics_histogram(struct metrics_page *page, const struct histogram *from,
		       enum figure figure, const char *const *labels)
{
	const uint64_t *bounds_us = figure_rows[figure].bounds_us;
	uint64_t sum = 0;
	char text[32];

	for (unsigned i = 0;; i++) {
		uint64_t bound = i < FIGURE_BUCKETS ? bounds_us[i] : 0;

		sum += atomic_load_explicit(&from->buckets[i],
					    memory_order_relaxed);
		put_name(page, "_bucket");
		put_labels(page, labels, bound_text(bound, text, sizeof(text)));
		fprintf(page->file, " %" PRIu64 "\n", sum);
		if (!bound)
			break;
	}
	put_name(page, "_sum");
	put_labels(page, labels, NULL);
	fprintf(page->file, " %.6f\n",
		(double)atomic_load_explicit(&from->sum_us,
					     memory_order_relaxed) /
			USEC_PER_SEC);
	put_name(page, "_count");
	put_labels(page, labels, NULL);
	fprintf(page->file, " %" PRIu64 "\n", sum);
}

void metrics_end(struct metrics_page *page)
{
	if (page->is_open)
		fputs("# EOF\n", page->file);
}
