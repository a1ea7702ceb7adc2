/* SPDX-License-Identifier: Apache-2.0
 *
 * See tools/nagios.h.  The rules are those of the Monitoring Plugins'
 * guidelines.
 */
#include "tools/nagios.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

const char *const nagios_state_words[] = {
	[NAGIOS_OK] = "OK",
	[NAGIOS_WARNING] = "WARNING",
	[NAGIOS_CRITICAL] = "CRITICAL",
	[NAGIOS_UNKNOWN] = "UNKNOWN",
};

const struct nagios_row nagios_rows[N_NAGIOS] = {
#define NAGIOS(name, unit, warning, critical, help)                            \
	{#name, unit, warning, critical, help},
#include "tools/nagios.def"
#undef NAGIOS
};

/* ---- ranges -------------------------------------------------------------- */

/* A number up to the end or a colon; false: none. */
static bool read_number(const char **at, double *ret_value)
{
	char *end;

	*ret_value = strtod(*at, &end);
	if (end == *at || !isfinite(*ret_value) || (*end && *end != ':'))
		return false;
	*at = end;
	return true;
}

static int read_ends(const char *at, struct nagios_range *range)
{
	range->low = 0;
	range->high = INFINITY;
	if (!strchr(at, ':'))
		return read_number(&at, &range->high) ? 0 : -EINVAL;
	if (at[0] == '~' && at[1] == ':') {
		range->low = -INFINITY;
		at++;
	} else if (*at != ':' && !read_number(&at, &range->low)) {
		return -EINVAL;
	}
	at++; /* the colon */
	if (*at && (!read_number(&at, &range->high) || *at))
		return -EINVAL;
	return range->low <= range->high ? 0 : -EINVAL;
}

int nagios_range_parse(const char *text, struct nagios_range *ret_range)
{
	struct nagios_range range = {0};

	if (strlen(text) >= sizeof(range.text))
		return -EINVAL;
	strcpy(range.text, text);
	range.is_set = *text;
	range.is_inside = *text == '@';
	if (range.is_set && read_ends(text + range.is_inside, &range) < 0)
		return -EINVAL;
	*ret_range = range;
	return 0;
}

bool nagios_range_alerts(const struct nagios_range *range, double value)
{
	bool is_inside = value >= range->low && value <= range->high;

	return range->is_set && is_inside == range->is_inside;
}

/* ---- thresholds ---------------------------------------------------------- */

void nagios_check_init(struct nagios_check *ret_check)
{
	*ret_check = (struct nagios_check){0};
	for (unsigned i = 0; i < N_NAGIOS; i++) {
		nagios_range_parse(nagios_rows[i].warning,
				   &ret_check->warning[i]);
		nagios_range_parse(nagios_rows[i].critical,
				   &ret_check->critical[i]);
	}
}

static int figure_of(struct slice name)
{
	for (int i = 0; i < N_NAGIOS; i++)
		if (slice_is(name, slice_of(nagios_rows[i].name)))
			return i;
	return -1;
}

int nagios_check_set(struct nagios_range ranges[N_NAGIOS], const char *text,
		     char ret_wrong[64], const char **ret_meant)
{
	const char *names[N_NAGIOS + 1] = {0};
	struct slice rest = slice_of(text);

	for (unsigned i = 0; i < N_NAGIOS; i++)
		names[i] = nagios_rows[i].name;
	*ret_meant = NULL;
	while (rest.len) {
		struct slice range = slice_cut(&rest, ',');
		struct slice name = slice_cut(&range, '=');
		int figure = figure_of(name);
		char value[64];

		slice_copy(name, ret_wrong, 64);
		if (figure < 0) {
			*ret_meant = str_nearest(ret_wrong, names);
			return -EINVAL;
		}
		slice_copy(range, value, sizeof(value));
		slice_copy(range, ret_wrong, 64);
		if (nagios_range_parse(value, &ranges[figure]) < 0)
			return -EINVAL;
	}
	return 0;
}

/* ---- judgement ----------------------------------------------------------- */

enum nagios_state nagios_judge_one(const struct nagios_check *check,
				   enum nagios_figure figure,
				   const struct nagios_value *value)
{
	if (!value->is_known)
		return NAGIOS_OK;
	if (nagios_range_alerts(&check->critical[figure], value->value))
		return NAGIOS_CRITICAL;
	if (nagios_range_alerts(&check->warning[figure], value->value))
		return NAGIOS_WARNING;
	return NAGIOS_OK;
}

enum nagios_state nagios_judge(const struct nagios_check *check,
			       const struct nagios_value values[N_NAGIOS])
{
	enum nagios_state worst = NAGIOS_OK;

	for (unsigned i = 0; i < N_NAGIOS; i++) {
		enum nagios_state state = nagios_judge_one(
			check, (enum nagios_figure)i, &values[i]);

		if (state > worst)
			worst = state;
	}
	return worst;
}

void nagios_print_performance(FILE *file, const struct nagios_check *check,
			      const struct nagios_value values[N_NAGIOS])
{
	const char *before = " | ";

	for (unsigned i = 0; i < N_NAGIOS; i++) {
		if (!values[i].is_known)
			continue;
		fprintf(file, "%s%s=%.10g%s;%s;%s;0", before,
			nagios_rows[i].name, values[i].value,
			nagios_rows[i].unit, check->warning[i].text,
			check->critical[i].text);
		if (values[i].most > 0)
			fprintf(file, ";%.10g", values[i].most);
		before = " ";
	}
}
