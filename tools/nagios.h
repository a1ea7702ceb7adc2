/* SPDX-License-Identifier: Apache-2.0
 *
 * What Nagios and its kin expect of a plugin: ranges, thresholds, one line with
 * performance data.  The figures are rows of tools/nagios.def; nothing here
 * asks anybody anything.
 */
#ifndef TOOLS_NAGIOS_H
#define TOOLS_NAGIOS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum nagios_state {
	NAGIOS_OK,
	NAGIOS_WARNING,
	NAGIOS_CRITICAL,
	NAGIOS_UNKNOWN
};
extern const char *const nagios_state_words[];

enum nagios_figure {
#define NAGIOS(name, unit, warning, critical, help) NAGIOS_##name,
#include "tools/nagios.def"
#undef NAGIOS
	N_NAGIOS
};

extern const struct nagios_row {
	const char *name, *unit, *warning, *critical, *help;
} nagios_rows[N_NAGIOS];

/* "10" 0..10, "10:" 10 and more, "~:10" up to 10, "10:20"; with "@" in front
 * what lies inside alerts instead of what lies outside. */
struct nagios_range {
	bool is_set, is_inside;
	double low, high; /* infinite: no end */
	char text[32];
};
/* "" is no range, which never alerts.  -EINVAL. */
int nagios_range_parse(const char *text, struct nagios_range *ret_range);
bool nagios_range_alerts(const struct nagios_range *range, double value);

struct nagios_value {
	bool is_known;
	double value, most; /* most 0: not told */
};

struct nagios_check {
	struct nagios_range warning[N_NAGIOS], critical[N_NAGIOS];
};
/* With the thresholds of the table. */
void nagios_check_init(struct nagios_check *ret_check);
/* Sets thresholds from "NAME=RANGE[,NAME=RANGE...]".  -EINVAL, *ret_wrong is
 * the word that is (part of text) and *ret_meant the nearest name or NULL. */
int nagios_check_set(struct nagios_range ranges[N_NAGIOS], const char *text,
		     char ret_wrong[64], const char **ret_meant);

enum nagios_state nagios_judge_one(const struct nagios_check *check,
				   enum nagios_figure figure,
				   const struct nagios_value *value);
/* The worst of all; what is not known is left out. */
enum nagios_state nagios_judge(const struct nagios_check *check,
			       const struct nagios_value values[N_NAGIOS]);
/* " | name=value;warning;critical;least;most ..." of those that are known. */
void nagios_print_performance(FILE *file, const struct nagios_check *check,
			      const struct nagios_value values[N_NAGIOS]);

#endif
