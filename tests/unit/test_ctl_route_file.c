/* SPDX-License-Identifier: Apache-2.0
 *
 * Route test files: what a line may look like, and when a plan is as expected.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_route.h"

static void expect_slice(struct slice found, const char *expected)
{
	cr_expect(slice_is(found, slice_of(expected)), "'%.*s' is not '%s'",
		  SLICE_ARG(found), expected);
}

Test(ctl_route_file, a_line_has_number_keys_and_expectation)
{
	struct route_test test;
	const char *why;

	cr_assert_eq(route_test_parse(SLICE("+4930 from=gw1 caller=+4989  =>  "
					    "t1:004930  t2 "),
				      &test, &why),
		     0);
	expect_slice(test.number, "+4930");
	expect_slice(test.from, "gw1");
	expect_slice(test.caller, "+4989");
	expect_slice(test.expected, "t1:004930  t2");
	cr_assert_eq(route_test_parse(SLICE("110 => 404"), &test, &why), 0);
	expect_slice(test.from, "");
}

Test(ctl_route_file, empty_lines_and_comments_are_passed_over)
{
	static const char *const lines[] = {"", "   ", "# x => y", "  ; => 1"};
	struct route_test test;
	const char *why;

	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(route_test_parse(slice_of(lines[i]), &test, &why),
			     -ENODATA);
}

Test(ctl_route_file, a_bad_line_is_refused_with_the_reason)
{
	static const char *const rows[][2] = {
		{"+4930", "there is no =>"},
		{"+4930 t1", "from=NAME, caller=N or => is expected"},
		{"+4930 from= => t1", "from=NAME, caller=N or => is expected"},
		{"+4930 form=gw1 => t1", "from=NAME, caller=N or => is"},
		{"+4930 =>", "nothing stands behind =>"},
		{"+4930 =>t1", "from=NAME, caller=N or => is expected"},
	};
	struct route_test test;
	const char *why;

	for (unsigned i = 0; i < 6; i++) {
		cr_expect_eq(
			route_test_parse(slice_of(rows[i][0]), &test, &why),
			-EINVAL, "'%s' was taken", rows[i][0]);
		cr_expect(strstr(why, rows[i][1]), "%s: %s", rows[i][0], why);
	}
}

/* Two trunks and a front end, as far as these tests look. */
static struct config_peer peers[] = {{.name = (char[]){"fe1"}},
				     {.name = (char[]){"gw1"}}};
static struct config_trunk trunks[] = {{.name = (char[]){"t1"}},
				       {.name = (char[]){"t2"}}};
static const struct config config = {
	.peers = peers, .n_peers = 2, .trunks = trunks, .n_trunks = 2};

Test(ctl_route_file, a_plan_is_met_by_names_in_order_and_numbers_if_given)
{
	struct route_plan plan = {
		.n_tries = 3,
		.tries = {{.trunk = 1, .called = "0049"},
			  {.trunk = 0, .called = "+49"},
			  {.trunk = -1, .peer = 0, .called = "49"}}};
	static const struct {
		const char *expected;
		bool is_met;
	} rows[] = {
		{"t2 t1 fe1", true},	   {"t2:0049  t1:+49 fe1:49", true},
		{"t2:0049 t1 fe1", true},  {"t1 t2 fe1", false},
		{"t2 t1", false},	   {"t2 t1 fe1 t1", false},
		{"t2:0048 t1 fe1", false}, {"404", false},
	};
	char text[128];
	struct out out = out_init(text, sizeof(text));

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(route_test_is_met(&config,
					       slice_of(rows[i].expected),
					       &plan),
			     rows[i].is_met, "%s", rows[i].expected);
	route_test_write(&config, &plan, &out);
	cr_expect_str_eq(out_end(&out), "t2:0049 t1:+49 fe1:49");
}

Test(ctl_route_file, a_refusal_is_met_by_its_status)
{
	struct route_plan plan = {.status = 404};

	cr_expect(route_test_is_met(&config, SLICE("404"), &plan));
	cr_expect_not(route_test_is_met(&config, SLICE("503"), &plan));
	cr_expect_not(route_test_is_met(&config, SLICE("t1"), &plan));
}
