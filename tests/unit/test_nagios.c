/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoolctl check: ranges and thresholds as the Monitoring Plugins' guidelines
 * have them, the worst state of all figures, and the line that is printed.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ctl_fixture.h"
#include "tools/nagios.h"

static bool alerts(const char *text, double value)
{
	struct nagios_range range;

	cr_assert_eq(nagios_range_parse(text, &range), 0, "%s", text);
	return nagios_range_alerts(&range, value);
}

Test(nagios, ranges_alert_where_the_guidelines_say)
{
	static const struct {
		const char *range;
		double quiet, loud;
	} rows[] = {{"10", 10, 11},	{"10", 0, -1},	   {"10:", 10, 9},
		    {"~:10", -99, 11},	{"10:20", 15, 21}, {"10:20", 10, 9},
		    {"@10:20", 21, 10}, {":5", 5, 6},	   {"0", 0, 1},
		    {"2.5", 2.5, 2.6},	{"@5", 6, 5}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_not(alerts(rows[i].range, rows[i].quiet), "%s at %g",
			      rows[i].range, rows[i].quiet);
		cr_expect(alerts(rows[i].range, rows[i].loud), "%s at %g",
			  rows[i].range, rows[i].loud);
	}
	cr_expect_not(alerts("", 1e9));
}

Test(nagios, what_is_no_range_is_refused_and_changes_nothing)
{
	static const char *const wrong[] = {
		"x",
		"1:x",
		"20:10",
		"@",
		"~",
		"1:2:3",
		"10 ",
		"inf",
		"nan",
		"-",
		"1234567890123456789012345678901234"};
	struct nagios_range range = {.high = 7};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(nagios_range_parse(wrong[i], &range), -EINVAL,
			     "'%s'", wrong[i]);
	cr_expect_eq(range.high, 7);
}

Test(nagios, every_default_of_the_table_is_a_range)
{
	struct nagios_range range;

	for (unsigned i = 0; i < N_NAGIOS; i++) {
		cr_expect_eq(nagios_range_parse(nagios_rows[i].warning, &range),
			     0);
		cr_expect_eq(
			nagios_range_parse(nagios_rows[i].critical, &range), 0);
	}
}

Test(nagios, thresholds_are_set_by_name_and_mistakes_are_named)
{
	struct nagios_check check;
	const char *meant;
	char wrong[64];

	nagios_check_init(&check);
	cr_assert_eq(nagios_check_set(check.warning,
				      "calls=5,book_fill=10:", wrong, &meant),
		     0);
	cr_expect(nagios_range_alerts(&check.warning[NAGIOS_calls], 6));
	cr_expect(nagios_range_alerts(&check.warning[NAGIOS_book_fill], 9));
	cr_expect_eq(nagios_check_set(check.warning, "calls=5,gateway_up=1",
				      wrong, &meant),
		     -EINVAL);
	cr_expect_str_eq(wrong, "gateway_up");
	cr_assert(meant);
	cr_expect_str_eq(meant, "gateways_up");
	cr_expect_eq(
		nagios_check_set(check.warning, "calls=many", wrong, &meant),
		-EINVAL);
	cr_expect_str_eq(wrong, "many");
}

Test(nagios, the_worst_figure_decides_and_what_is_unknown_does_not)
{
	struct nagios_value values[N_NAGIOS] = {0};
	struct nagios_check check;

	nagios_check_init(&check);
	cr_expect_eq(nagios_judge(&check, values), NAGIOS_OK);
	values[NAGIOS_gateways_up] = (struct nagios_value){true, 1, 2};
	values[NAGIOS_gateways_down] = (struct nagios_value){true, 0, 2};
	cr_expect_eq(nagios_judge(&check, values), NAGIOS_OK);
	values[NAGIOS_gateways_down].value = 1;
	cr_expect_eq(nagios_judge(&check, values), NAGIOS_WARNING);
	values[NAGIOS_gateways_up].value = 0;
	cr_expect_eq(nagios_judge(&check, values), NAGIOS_CRITICAL);
}

static void expect_check(const struct ctl_fixture *fixture, const char *line,
			 int code, const char *text)
{
	struct ctl_run run;

	ctl_fixture_run(fixture, line, &run);
	cr_expect_eq(run.code, code, "%s: %d", line, run.code);
	cr_expect(strstr(run.out, text), "%s: %s", line, run.out);
	cr_expect_eq(strcspn(run.out, "\n") + 1, strlen(run.out),
		     "more than a line: %s", run.out);
	ctl_run_done(&run);
}

Test(nagios, the_verb_prints_one_line_with_performance_data)
{
	struct ctl_fixture fixture;
	struct ctl_run run;

	ctl_fixture_make(&fixture);
	expect_check(&fixture, "check", NAGIOS_WARNING,
		     "WARNING - workers_down is 1, gateways_down is 1 (gw2), "
		     "2 calls, 1/2 gateways up, 2/3 workers up | calls=2;;;0 "
		     "workers_up=2;;1:;0;3 workers_down=1;0;;0;3 "
		     "gateways_up=1;;1:;0;2 gateways_down=1;0;;0;2 book_fill=");
	expect_check(&fixture, "check -w gateways_down=1,workers_down=1",
		     NAGIOS_OK, "OK - 2 calls, 1/2");
	expect_check(&fixture, "check --critical=calls=1", NAGIOS_CRITICAL,
		     "CRITICAL - calls is 2, ");
	expect_check(&fixture, "check -w nonsense=1", NAGIOS_UNKNOWN,
		     "UNKNOWN - 'nonsense' is no figure");
	ctl_fixture_run(&fixture, "check --json", &run);
	cr_expect_eq(run.code, NAGIOS_WARNING);
	cr_assert(run.json);
	cr_expect_str_eq(json_string_value(json_object_get(run.json, "state")),
			 "WARNING");
	cr_expect_eq(json_array_size(json_object_get(run.json, "figures")),
		     N_NAGIOS);
	ctl_run_done(&run);
	ctl_fixture_remove(&fixture);
	expect_check(&fixture, "check", NAGIOS_CRITICAL,
		     "CRITICAL - no pool is running in ");
}
