/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of shm/counters.def as metrics of their own.
 */
#ifndef TOOLS_METRICS_COUNTERS_H
#define TOOLS_METRICS_COUNTERS_H

#include "shm/board.h"

/* Name of the family without "mspool_" and "_total"; NULL: another family
 * shows this counter. */
const char *metrics_counter_name(enum counter counter);
/* What the counter is multiplied by: metrics have base units. */
double metrics_counter_scale(enum counter counter);

#endif
