/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of metrics as text: OpenMetrics 1.0 or Prometheus 0.0.4.
 */
#ifndef TOOLS_METRICS_PAGE_H
#define TOOLS_METRICS_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "shm/figures.h"

enum metric_type {
	METRIC_GAUGE,
	METRIC_COUNTER,
	METRIC_HISTOGRAM
};

struct metric_row {
	const char *name;
	enum metric_type type;
	const char *labels; /* names, blanks between */
	const char *help;
};

enum metric {
#define METRIC(id, type, name, labels, help) METRIC_ROW_##id,
#include "tools/metrics.def"
#undef METRIC
	N_METRICS
};
extern const struct metric_row metric_rows[N_METRICS];
extern const char *const metric_type_names[];

struct metrics_page {
	FILE *file;
	bool is_open;		      /* OpenMetrics */
	const struct metric_row *row; /* of the family that is being written */
};

/* HELP and TYPE of a family; its samples follow. */
void metrics_family(struct metrics_page *page, const struct metric_row *row);
/* One sample; values of the labels in the order of the row, NULL at the end. */
void metrics_sample(struct metrics_page *page, double value,
		    const char *const *labels);
#define SAMPLE(page, value, ...)                                               \
	metrics_sample(page, value,                                            \
		       (const char *const[]){"", ##__VA_ARGS__, NULL} + 1)
void metrics_histogram(struct metrics_page *page, const struct histogram *from,
		       enum figure figure, const char *const *labels);
void metrics_end(struct metrics_page *page);

#endif
