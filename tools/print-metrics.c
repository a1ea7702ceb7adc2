/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints what tools/metrics.def, shm/figures.def and shm/counters.def say, as
 * the middle of mspool-metrics(7).  Run by `make update-metrics`; the test
 * printed-metrics compares, so that the manual cannot go stale.  Not
 * installed.
 */
#include <stdio.h>
#include <string.h>

#include "tools/metrics_counters.h"
#include "tools/metrics_page.h"

/* A line of mdoc may not begin with what is markup, nor hold a backslash. */
static void print_sentence(const char *text)
{
	printf("%s.\n", text);
}

static void print_labels(const char *labels)
{
	struct slice rest = slice_of(labels);

	while (rest.len) {
		struct slice name = slice_cut(&rest, ' ');

		printf(" %.*s%s", SLICE_ARG(name), rest.len ? " ," : "");
	}
	putchar('\n');
}

static void print_metric(const struct metric_row *row)
{
	bool is_own = strncmp(row->name, "process_", 8) != 0;

	printf(".It Va %s%s%s", is_own ? "mspool_" : "", row->name,
	       row->type == METRIC_COUNTER ? "_total" : "");
	printf(" Pq %s\n", metric_type_names[row->type]);
	print_sentence(row->help);
	if (*row->labels) {
		printf("Labels:");
		print_labels(row->labels);
	}
}

static void print_results(void)
{
	printf(".Ss Values of the label result\n.Bl -tag -width cancelled\n");
	for (unsigned i = 0; i < N_RESULTS; i++) {
		printf(".It %s\n", call_result_names[i]);
		print_sentence(call_result_helps[i]);
	}
	printf(".El\n");
}

int main(void)
{
	printf(".Bl -tag -width Ds\n");
	for (unsigned i = 0; i < N_METRICS; i++)
		print_metric(&metric_rows[i]);
	printf(".El\n");
	print_results();
	printf(".Ss Counters\nWithout labels, over all processes of the pool, "
	       "dead ones included:\n.Bl -tag -width Ds\n");
	for (unsigned i = 0; i < N_COUNTERS; i++) {
		if (!metrics_counter_name(i))
			continue;
		printf(".It Va mspool_%s_total\n", metrics_counter_name(i));
		print_sentence(counter_helps[i]);
	}
	printf(".El\n");
	return 0;
}
