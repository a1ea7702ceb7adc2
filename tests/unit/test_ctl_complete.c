/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoolctl completion: what may stand next, from the tables and from the pool
 * in the fixture's folder.  The scripts themselves run in tests/ctl.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/ctl_fixture.h"

static bool offers(const json_t *found, const char *word)
{
	const json_t *row;
	size_t i;

	json_array_foreach(found, i, row) if (strcmp(json_string_value(row),
						     word) == 0) return true;
	return false;
}

/* Words behind "completion words --", the last one is being typed; wanted and
 * not wanted, one of each, NULL none. */
static void expect(const struct ctl_fixture *fixture, const char *typed,
		   const char *wanted, const char *unwanted)
{
	struct ctl_run run;
	char line[128];

	snprintf(line, sizeof(line), "--json completion words -- %s", typed);
	ctl_fixture_run(fixture, line, &run);
	cr_assert(run.json, "%s: %s", typed, run.err);
	cr_expect(!wanted || offers(run.json, wanted), "%s: no %s: %s", typed,
		  wanted, run.out);
	cr_expect(!unwanted || !offers(run.json, unwanted), "%s: %s", typed,
		  unwanted);
	if (!wanted)
		cr_expect_eq(json_array_size(run.json), 0, "%s: %s", typed,
			     run.out);
	cr_expect_str_empty(run.err);
	ctl_run_done(&run);
}

Test(ctl_complete, words_come_from_the_tables)
{
	struct ctl_fixture fixture = {"/tmp/mspool-no-such-folder"};

	expect(&fixture, "st", "status", "call");
	expect(&fixture, "x", "show", "words");
	expect(&fixture, "show x", "call", "status");
	expect(&fixture, "config x", "explain", "config");
	expect(&fixture, "scale x", "media", "N");
	expect(&fixture, "scale media x", NULL, NULL);
	expect(&fixture, "stop x", "now", NULL);
	expect(&fixture, "help x", "drain", NULL);
	expect(&fixture, "config explain x", "gateway.address", NULL);
	expect(&fixture, "calls -", "--all", "--follow");
	expect(&fixture, "calls -x", "--json", "--dry-run");
	expect(&fixture, "doctor -c x", "@files", NULL);
	expect(&fixture, "nonsense x", NULL, NULL);
}

Test(ctl_complete, names_come_from_the_pool_that_is_meant)
{
	struct ctl_fixture fixture, none = {"/tmp/mspool-no-such-folder"};
	char typed[128];

	ctl_fixture_make(&fixture);
	expect(&fixture, "drain x", "gw1", "gw3");
	expect(&fixture, "undrain x", "ms1", NULL);
	expect(&fixture, "drain gw1 x", NULL, NULL);
	expect(&fixture, "show call x", "ms1-4", "ms1-6");
	expect(&fixture, "hangup m", "ms1-1", NULL);
	expect(&fixture, "test route 1 --from x", "gw2", "ms1");
	expect(&none, "drain x", NULL, NULL);
	snprintf(typed, sizeof(typed), "-r %s drain x", fixture.dir);
	expect(&none, typed, "gw1", NULL);
	ctl_fixture_remove(&fixture);
}

Test(ctl_complete, another_shell_is_refused)
{
	struct ctl_fixture fixture = {"/tmp/mspool-no-such-folder"};
	struct ctl_run run;

	ctl_fixture_run(&fixture, "completion fish", &run);
	cr_expect_eq(run.code, CTL_USAGE);
	ctl_run_done(&run);
}
