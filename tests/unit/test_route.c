/* SPDX-License-Identifier: Apache-2.0
 *
 * route/: plans as text.  A try is written "trunk:number" or "front end:
 * number", a plan is its tries with blanks between, or its status.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "route/route.h"

static const char head[] =
	"[pool]\nfqdn = p\nsignalling_workers = 1\nmedia_workers = 0\n"
	"[listen internal]\ntcp = 192.0.2.10:5070\n"
	"[listen gateway]\ntcp = 192.0.2.10:5068\n";

static const char peers[] =
	"[frontend fe1]\naddress = 192.0.2.21\ntransport = tcp\n"
	"[gateway a]\naddress = 192.0.2.31\n"
	"[gateway b]\naddress = 192.0.2.32\n"
	"[gateway c]\naddress = 192.0.2.33\n";

#define TRUNKS_MAX 16

static struct config *config;
static struct route_rules *rules;
static struct route_trunk_view trunks[TRUNKS_MAX];
static enum route_fitness frontends[TRUNKS_MAX];
static struct route_plan plan;
static char said[1024];

static void load(const char *peer_text, const char *text)
{
	struct config_report report;
	char *whole;

	cr_assert_gt(asprintf(&whole, "%s%s%s", head, peer_text, text), 0);
	cr_assert_eq(config_load_text(slice_of(whole), &config, &report), 0,
		     "%s", report.text);
	cr_assert_leq(config->n_trunks, TRUNKS_MAX);
	config_report_done(&report);
	free(whole);
	rules = route_rules_new(config);
	cr_assert_not_null(rules);
}

static void given(const char *text)
{
	load(peers, text);
}

static void done(void)
{
	rules = route_rules_free(rules);
	config = config_free(config);
}

static int trunk(const char *name)
{
	int index = config_trunk_index(config, slice_of(name));

	cr_assert_geq(index, 0, "%s", name);
	return index;
}

static const char *name_of(const struct route_try *try)
{
	return try->trunk < 0 ? config->peers[try->peer].name
			      : config->trunks[try->trunk].name;
}

static const char *say(void)
{
	struct out out = out_init(said, sizeof(said));

	if (plan.status)
		out_printf(&out, "%d", plan.status);
	for (unsigned i = 0; i < plan.n_tries; i++)
		out_printf(&out, "%s%s:%s", i ? " " : "",
			   name_of(&plan.tries[i]), plan.tries[i].called);
	return out_end(&out);
}

static const char *plan_from(const char *from, int from_trunk,
			     const char *called, const char *calling,
			     uint64_t turn)
{
	struct route_request request = {
		.config = config,
		.from = config_peer(config, slice_of(from)),
		.from_trunk = from_trunk,
		.called = called,
		.calling = calling,
		.trunks = trunks,
		.frontends = frontends,
		.turn = turn,
	};

	cr_assert_not_null(request.from);
	route_plan_call(rules, &request, &plan);
	return say();
}

static const char *outbound(const char *called, uint64_t turn)
{
	return plan_from("fe1", -1, called, "+1425", turn);
}

static const char *inbound(const char *gateway, const char *called,
			   uint64_t turn)
{
	return plan_from(gateway, trunk(gateway), called, "+1425", turn);
}

#define ROUTE(name, match, trunk_list)                                         \
	"[route " name "]\nmatch = " match "\ntrunks = " trunk_list "\n"

/* ---- outbound --------------------------------------------------------- */

Test(route, without_any_route_every_gateway_takes_its_turn, .fini = done)
{
	given("");
	cr_expect_str_eq(outbound("+1", 0), "a:+1 b:+1 c:+1");
	cr_expect_str_eq(outbound("+1", 1), "b:+1 c:+1 a:+1");
	cr_expect_str_eq(outbound("+1", 5), "c:+1 a:+1 b:+1");
}

Test(route, without_any_route_a_gateway_with_trunks_takes_its_first,
     .fini = done)
{
	given("[trunk b2]\ngateway = b\n[trunk b1]\ngateway = b\n"
	      "[gateway d]\naddress = 192.0.2.34\nroutable = no\n"
	      "[gateway e]\naddress = 192.0.2.35\nenabled = no\n");
	cr_expect_str_eq(outbound("+1", 0), "a:+1 b2:+1 c:+1");
}

Test(route, routes_that_match_are_taken_by_priority_then_file_order,
     .fini = done)
{
	given(ROUTE("last", "^\\+", "a") "priority = 9\n" ROUTE("other", "^00",
								"a")
		      ROUTE("one", "^\\+1", "b") ROUTE("two", "^\\+14", "c"));
	cr_expect_str_eq(outbound("+1425", 0), "b:+1425 c:+1425 a:+1425");
	cr_expect_eq(plan.n_matched, 3);
	cr_expect_str_eq(config->routes[plan.matched[0]].name, "one");
	cr_expect_str_eq(outbound("+49", 0), "a:+49");
}

Test(route, a_number_that_no_route_matches_is_unknown, .fini = done)
{
	given(ROUTE("one", "^\\+1", "a"));
	cr_expect_str_eq(outbound("0049", 0), "404");
	cr_expect_str_eq(outbound("", 0), "404");
}

Test(route, the_default_trunk_takes_what_no_route_matches, .fini = done)
{
	given("[pool]\ndefault_trunk = c\n" ROUTE("one", "^\\+1", "a"));
	cr_expect_str_eq(outbound("0049", 0), "c:0049");
	cr_expect_eq(plan.tries[0].route, -1);
	cr_expect_str_eq(outbound("+1", 0), "a:+1");
}

Test(route, a_pattern_is_searched_in_the_number_as_dialled, .fini = done)
{
	given("[translation x]\npattern = ^\\+\ntranslation = 1\n"
	      "[trunk *]\noutbound_translation_rules = x\n" ROUTE(
		      "one", "^\\+5", "a") ROUTE("two", "6", "b"));
	cr_expect_str_eq(outbound("+55", 0), "a:155");
	cr_expect_str_eq(outbound("1565", 0), "b:1565");
}

Test(route, a_trunk_of_two_routes_is_tried_once, .fini = done)
{
	given(ROUTE("one", "1", "a, b, a")
		      ROUTE("two", "1", "b, c") "strategy = failover\n");
	cr_expect_str_eq(outbound("1", 0), "a:1 b:1 c:1");
	cr_expect_eq(plan.tries[1].route, 0);
	cr_expect_eq(plan.tries[2].route, 1);
}

Test(route, more_trunks_than_a_call_can_try_are_cut, .fini = done)
{
	given("[trunk t1]\ngateway = a\n[trunk t2]\ngateway = a\n"
	      "[trunk t3]\ngateway = a\n[trunk t4]\ngateway = a\n"
	      "[trunk t5]\ngateway = a\n[trunk t6]\ngateway = a\n"
	      "[trunk t7]\ngateway = a\n[trunk t8]\ngateway = a\n"
	      "[trunk t9]\ngateway = a\n[trunk t10]\ngateway = a\n"
	      "[trunk t11]\ngateway = a\n" ROUTE(
		      "one", "1", "t1,t2,t3,t4,t5,t6,t7,t8,t9,t10,t11,b,c"));
	outbound("1", 0);
	cr_expect_eq(plan.n_tries, ROUTE_TRIES_MAX);
}

/* ---- strategies ------------------------------------------------------- */

Test(route, round_robin_begins_one_further_on_with_each_turn, .fini = done)
{
	given(ROUTE("one", "1", "c, a, b"));
	cr_expect_str_eq(outbound("1", 0), "c:1 a:1 b:1");
	cr_expect_str_eq(outbound("1", 1), "a:1 b:1 c:1");
	cr_expect_str_eq(outbound("1", 2), "b:1 c:1 a:1");
	cr_expect_str_eq(outbound("1", 3), "c:1 a:1 b:1");
}

Test(route, round_robin_shares_the_load_of_one_that_is_down, .fini = done)
{
	unsigned first[3] = {0};

	given(ROUTE("one", "1", "a, b, c"));
	trunks[trunk("b")].fitness = UNFIT;
	for (unsigned turn = 0; turn < 100; turn++) {
		outbound("1", turn);
		first[plan.tries[0].trunk]++;
	}
	cr_expect_eq(first[trunk("a")], 50);
	cr_expect_eq(first[trunk("c")], 50);
}

Test(route, failover_keeps_the_order_of_the_file, .fini = done)
{
	given(ROUTE("one", "1", "c, a, b") "strategy = failover\n");
	for (unsigned turn = 0; turn < 5; turn++)
		cr_expect_str_eq(outbound("1", turn), "c:1 a:1 b:1");
}

Test(route, weighted_shares_first_tries_by_weight, .fini = done)
{
	unsigned first[3] = {0};

	given("[trunk *]\nweight = 0\n[trunk ta]\ngateway = a\nweight = 30\n"
	      "[trunk tb]\ngateway = b\nweight = 10\n" ROUTE(
		      "one", "1", "c, tb, ta") "strategy = weighted\n");
	for (unsigned turn = 0; turn < 4000; turn++) {
		outbound("1", turn);
		cr_assert_eq(plan.n_tries, 3);
		cr_expect_eq(plan.tries[2].trunk, trunk("c"),
			     "weight 0 comes last");
		first[plan.tries[0].trunk]++;
	}
	cr_expect(first[trunk("ta")] > 2900 && first[trunk("ta")] < 3100,
		  "%u of 4000", first[trunk("ta")]);
}

Test(route, least_calls_goes_first_and_equals_take_turns, .fini = done)
{
	given(ROUTE("one", "1", "a, b, c") "strategy = least-calls\n");
	trunks[trunk("a")].calls = 7;
	trunks[trunk("b")].calls = 3;
	trunks[trunk("c")].calls = 3;
	cr_expect_str_eq(outbound("1", 1), "b:1 c:1 a:1");
	cr_expect_str_eq(outbound("1", 2), "c:1 b:1 a:1");
	trunks[trunk("a")].calls = 0;
	cr_expect_str_eq(outbound("1", 1), "a:1 b:1 c:1");
}

/* ---- fitness ---------------------------------------------------------- */

Test(route, who_is_down_is_left_out_and_noted, .fini = done)
{
	given(ROUTE("one", "1", "a, b, c") "strategy = failover\n");
	trunks[trunk("a")].fitness = UNFIT;
	trunks[trunk("c")].fitness = FORBIDDEN;
	cr_expect_str_eq(outbound("1", 0), "b:1");
	cr_assert_eq(plan.n_skipped, 2);
	cr_expect_eq(plan.skipped[0].trunk, trunk("a"));
	cr_expect_eq(plan.skipped[0].why, UNFIT);
	cr_expect_eq(plan.skipped[1].why, FORBIDDEN);
}

Test(route, who_is_demoted_comes_behind_the_others_of_its_route, .fini = done)
{
	given(ROUTE("one", "1",
		    "a, b") "strategy = failover\n" ROUTE("two", "1", "c"));
	trunks[trunk("a")].fitness = FIT_BEHIND;
	cr_expect_str_eq(outbound("1", 0), "b:1 a:1 c:1");
}

Test(route, if_all_are_down_all_are_tried_but_never_a_forbidden_one,
     .fini = done)
{
	given(ROUTE("one", "1",
		    "a, b") "strategy = failover\n" ROUTE("two", "1", "c"));
	trunks[trunk("a")].fitness = UNFIT;
	trunks[trunk("b")].fitness = FORBIDDEN;
	trunks[trunk("c")].fitness = UNFIT;
	cr_expect_str_eq(outbound("1", 0), "a:1 c:1");
}

Test(route, another_route_is_better_than_one_that_is_down, .fini = done)
{
	given(ROUTE("one", "1", "a") ROUTE("two", "1", "c"));
	trunks[trunk("a")].fitness = UNFIT;
	cr_expect_str_eq(outbound("1", 0), "c:1");
}

Test(route, if_none_is_left_the_pool_is_full_not_the_number_unknown,
     .fini = done)
{
	given(ROUTE("one", "1", "a"));
	trunks[trunk("a")].fitness = FORBIDDEN;
	cr_expect_str_eq(outbound("1", 0), "503");
}

/* ---- usages ----------------------------------------------------------- */

#define USAGES                                                                 \
	ROUTE("intl", "^\\+", "a")                                             \
	"pstn_usages = intl\n" ROUTE(                                          \
		"local", "^\\+",                                               \
		"b") "pstn_usages = local, cheap\n" ROUTE("free", "^\\+", "c")

Test(route, a_front_end_without_usages_may_take_every_route, .fini = done)
{
	given(USAGES);
	cr_expect_str_eq(outbound("+1", 0), "a:+1 b:+1 c:+1");
}

Test(route, usages_limit_the_routes_and_give_their_order, .fini = done)
{
	given("[frontend fe2]\naddress = 192.0.2.22\ntransport = tcp\n"
	      "pstn_usages = cheap, intl\n" USAGES);
	cr_expect_str_eq(plan_from("fe2", -1, "+1", "", 0), "b:+1 a:+1");
}

Test(route, a_trunk_with_usages_leads_to_other_trunks, .fini = done)
{
	given("[trunk ta]\ngateway = a\npstn_usages = local, x\n" ROUTE(
		"one", "^\\+", "ta, b") "pstn_usages = local\n");
	cr_expect_str_eq(plan_from("a", trunk("ta"), "+1", "", 0), "b:+1",
			 "but not back to itself");
	cr_expect_str_eq(plan_from("a", trunk("ta"), "100", "", 0), "fe1:100",
			 "what no route matches is for the front ends");
	cr_expect_str_eq(inbound("c", "+1", 0), "fe1:+1");
}

/* ---- inbound ---------------------------------------------------------- */

static const char three_frontends[] =
	"[frontend f1]\naddress = 192.0.2.21\ntransport = tcp\npriority = 5\n"
	"[frontend f2]\naddress = 192.0.2.22\ntransport = tcp\nweight = 3\n"
	"[frontend f3]\naddress = 192.0.2.23\ntransport = tcp\n"
	"[gateway a]\naddress = 192.0.2.31\n";

Test(route, front_ends_are_tried_by_priority_and_weight, .fini = done)
{
	unsigned first[3] = {0};

	load(three_frontends, "");
	for (unsigned turn = 0; turn < 4000; turn++) {
		inbound("a", "100", turn);
		cr_assert_eq(plan.n_tries, 3);
		cr_assert_eq(plan.tries[2].peer, 0);
		first[plan.tries[0].peer]++;
	}
	cr_expect(first[1] > 2900 && first[1] < 3100, "%u of 4000", first[1]);
}

Test(route, a_front_end_that_is_down_or_disabled_is_left_out, .fini = done)
{
	load(three_frontends, "[frontend f4]\naddress = 192.0.2.24\n"
			      "transport = tcp\nenabled = no\n");
	frontends[1] = UNFIT;
	frontends[2] = FIT_BEHIND;
	cr_expect_str_eq(inbound("a", "100", 0), "f1:100 f3:100");
	frontends[0] = frontends[2] = UNFIT;
	inbound("a", "100", 0);
	cr_expect_eq(plan.n_tries, 3, "all down: all are tried");
	frontends[0] = frontends[1] = frontends[2] = FORBIDDEN;
	cr_expect_str_eq(inbound("a", "100", 0), "503");
}

Test(route, numbers_from_a_gateway_are_translated_first, .fini = done)
{
	given("[translation in]\npattern = ^0(\\d+)$\ntranslation = +49$1\n"
	      "[trunk *]\ninbound_translation_rules = in\n"
	      "inbound_calling_number_translation_rules = in\n");
	cr_expect_str_eq(plan_from("a", trunk("a"), "030123", "040", 0),
			 "fe1:+4930123");
	cr_expect_str_eq(plan.tries[0].calling, "+4940");
	cr_expect_eq(plan.tries[0].called_rule, 0);
}

/* ---- emergency -------------------------------------------------------- */

Test(route, an_emergency_call_takes_any_route_then_any_gateway, .fini = done)
{
	given("[frontend fe2]\naddress = 192.0.2.22\ntransport = tcp\n"
	      "pstn_usages = none\n" ROUTE("one", "^\\+?112$",
					   "b") "pstn_usages = some\n");
	cr_expect_str_eq(plan_from("fe2", -1, "113", "", 0), "404");
	cr_expect_str_eq(plan_from("fe2", -1, "112", "", 0),
			 "b:112 a:112 c:112");
	cr_expect_str_eq(plan_from("fe2", -1, "+911", "", 0),
			 "a:+911 b:+911 c:+911");
	cr_expect(route_is_emergency(config, "+112"));
	cr_expect_not(route_is_emergency(config, "1122"));
}

/* ---- numbers ---------------------------------------------------------- */

static const char *translated(const char *rule, const char *number)
{
	static char text[256];
	char whole[512];

	snprintf(whole, sizeof(whole),
		 "[translation t]\n%s[trunk *]\n"
		 "outbound_translation_rules = t\n",
		 rule);
	given(whole);
	outbound(number, 0);
	snprintf(text, sizeof(text), "%s", plan.tries[0].called);
	done();
	return text;
}

Test(route, the_default_translation_strips_the_plus)
{
	cr_expect_str_eq(translated("", "+14255550123"), "14255550123");
	cr_expect_str_eq(translated("", "4255550123"), "4255550123");
}

Test(route, translations_name_groups_as_dotnet_does)
{
	static const struct {
		const char *rule, *number, *expected;
	} cases[] = {
		{"pattern = ^\\+(\\d{9}\\d+)$\ntranslation = 011$1\n",
		 "+442071234567", "011442071234567"},
		{"pattern = ^(\\d)(\\d)$\ntranslation = $2${1}0\n", "12",
		 "210"},
		{"pattern = ^(?<area>\\d{3})\ntranslation = (${area})\n",
		 "425555", "(425)555"},
		{"pattern = ^5\ntranslation = $$$&\n", "567", "$567"},
		{"pattern = ^5\ntranslation = $7$\n", "567", "$7$67"},
		{"pattern = ^(5)?6\ntranslation = [$1]\n", "67", "[]7"},
		{"pattern = \\d{7}$\ntranslation = 9\n", "0301234567", "0309"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_str_eq(translated(cases[i].rule, cases[i].number),
				 cases[i].expected);
}

Test(route, the_first_translation_that_matches_wins, .fini = done)
{
	given("[translation one]\npattern = ^1\ntranslation = x\n"
	      "[translation two]\npattern = ^12\ntranslation = y\n"
	      "[trunk ta]\ngateway = a\n"
	      "outbound_translation_rules = two, one\n" ROUTE("r", ".", "ta"));
	cr_expect_str_eq(outbound("123", 0), "ta:y3");
	cr_expect_eq(plan.tries[0].called_rule, 1);
	cr_expect_str_eq(outbound("13", 0), "ta:x3");
	cr_expect_eq(plan.tries[0].called_rule, 0);
	cr_expect_str_eq(outbound("3", 0), "ta:3");
	cr_expect_eq(plan.tries[0].called_rule, -1);
}

Test(route, a_translation_that_leaves_no_number_does_not_apply, .fini = done)
{
	given("[translation t]\npattern = .*\ntranslation = \"\"\n"
	      "[trunk *]\noutbound_translation_rules = t\n"
	      "outbound_calling_number_translation_rules = t\n");
	cr_expect_str_eq(outbound("123", 0), "a:123 b:123 c:123");
	cr_expect_str_eq(plan.tries[0].calling, "", "a caller may be hidden");
}

Test(route, a_number_that_would_grow_too_long_stays, .fini = done)
{
	char number[ROUTE_NUMBER_MAX + 8];

	given("[translation t]\npattern = ^.*$\ntranslation = $&$&\n"
	      "[trunk *]\noutbound_translation_rules = t\n");
	memset(number, '1', sizeof(number));
	number[100] = '\0';
	outbound(number, 0);
	cr_expect_str_eq(plan.tries[0].called, number);
	number[100] = '1';
	number[sizeof(number) - 1] = '\0';
	cr_expect_str_eq(outbound(number, 0), "404");
}

Test(route, the_plus_is_removed_after_translation, .fini = done)
{
	given("[translation t]\npattern = ^00\ntranslation = +\n"
	      "[trunk *]\noutbound_translation_rules = t\n"
	      "remove_plus_from_uri = yes\n");
	cr_expect_str_eq(outbound("0049", 0), "a:49 b:49 c:49");
	cr_expect_str_eq(plan.tries[0].calling, "1425");
}

Test(route, a_route_may_hide_the_caller_or_show_another, .fini = done)
{
	given(ROUTE("one", "^1", "a") "suppress_caller_id = yes\n" ROUTE(
		"two", "^2",
		"a") "suppress_caller_id = yes\nalternate_caller_id = +1999\n" ROUTE("three",
										     "^3",
										     "a") "alternate_caller_id = +1\n");
	outbound("1", 0);
	cr_expect(plan.tries[0].is_caller_suppressed);
	cr_expect_str_eq(plan.tries[0].calling, "");
	outbound("2", 0);
	cr_expect(plan.tries[0].is_caller_suppressed);
	cr_expect_str_eq(plan.tries[0].calling, "+1999");
	outbound("3", 0);
	cr_expect_not(plan.tries[0].is_caller_suppressed);
	cr_expect_str_eq(plan.tries[0].calling, "+1425");
}

/* ---- patterns --------------------------------------------------------- */

Test(route, a_bad_pattern_is_told_with_its_offset)
{
	char why[128];
	size_t offset = 99;

	cr_expect_eq(route_check_pattern("^a(b", why, sizeof(why), &offset),
		     -22);
	cr_expect_eq(offset, 4);
	cr_expect_str_eq(why, "missing closing parenthesis");
	cr_expect_eq(
		route_check_pattern("^\\+1\\d{10}$", why, sizeof(why), &offset),
		0);
}

/* Routes are sifted by the literal head of their patterns first. */
Test(route, what_may_be_missing_is_no_head_of_a_pattern, .fini = done)
{
	given(ROUTE("r1", "^\\+?12$", "a") ROUTE("r2", "^1*2$", "a")
		      ROUTE("r3", "^12|3$", "a") ROUTE("r4", "^1{0,1}2$", "a")
			      ROUTE("r5", "^\\+12$", "a") ROUTE("r6", "^", "a")
				      ROUTE("r7", "^1(?:2)$", "a"));
	outbound("12", 0);
	cr_expect_eq(plan.n_matched, 6, "all but r5");
	outbound("2", 0);
	cr_expect_eq(plan.n_matched, 3, "r2, r4 and r6");
	outbound("+12", 0);
	cr_expect_eq(plan.n_matched, 3, "r1, r5 and r6");
	outbound("4443", 0);
	cr_expect_eq(plan.n_matched, 2, "r3 and r6");
	outbound("1", 0);
	cr_expect_eq(plan.n_matched, 1, "r6");
}

Test(route, a_pattern_that_needs_too_many_steps_does_not_match, .fini = done)
{
	given(ROUTE("one", "^(1+)+$", "a") ROUTE("two", "x", "b"));
	cr_expect_eq(route_rules_given_up(rules), 0);
	cr_expect_str_eq(
		outbound("1111111111111111111111111111111111111111x", 0),
		"b:1111111111111111111111111111111111111111x");
	cr_expect_eq(route_rules_given_up(rules), 1);
}

/* ---- response codes --------------------------------------------------- */

Test(route, response_codes_are_translated_by_the_first_rule, .fini = done)
{
	given("[response cause]\nreceived = 486\nisup_cause = 34\n"
	      "translated = 503\n"
	      "[response any]\nisup_cause = 17\ntranslated = 486\n"
	      "[response code]\nreceived = 480\ntranslated = 404\n"
	      "[trunk ta]\ngateway = a\n"
	      "sip_response_code_translation_rules = cause, any, code\n");
	cr_expect_eq(route_translate_status(config, 0, 486, 34), 503);
	cr_expect_eq(route_translate_status(config, 0, 486, 16), 486);
	cr_expect_eq(route_translate_status(config, 0, 600, 17), 486);
	cr_expect_eq(route_translate_status(config, 0, 480, -1), 404);
	cr_expect_eq(route_translate_status(config, 1, 480, -1), 480,
		     "another trunk");
	cr_expect_eq(route_translate_status(config, -1, 480, -1), 480,
		     "a front end");
}
