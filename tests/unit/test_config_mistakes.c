/* SPDX-License-Identifier: Apache-2.0
 *
 * The likeliest mistakes in a pool.ini, each with exactly what is told.  Lines
 * 1 to 13 of every case are those of `head`; the case begins at line 14.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "route/route.h"

static const char head[] = "[pool]\n"
			   "fqdn = p\n"
			   "signalling_workers = 2\n"
			   "[listen internal]\n"
			   "tcp = 192.0.2.10:5070\n"
			   "[listen gateway]\n"
			   "tcp = 192.0.2.10:5068\n"
			   "[frontend fe1]\n"
			   "address = 192.0.2.20\n"
			   "transport = tcp\n"
			   "[gateway gw1]\n"
			   "address = 192.0.2.30\n"
			   "transport = tcp\n";

struct mistake {
	const char *text, *told;
};

static void expect_told(const char *before, const struct mistake *mistake,
			int expected_rc)
{
	struct config_report report;
	struct config *config = NULL;
	char *text;
	int rc;

	cr_assert_gt(asprintf(&text, "%s%s", before, mistake->text), 0);
	config_set_pattern_check(route_check_pattern);
	rc = config_load_text(slice_of(text), &config, &report);
	cr_expect_eq(rc, expected_rc, "%s", mistake->text);
	cr_expect_str_eq(report.text, mistake->told);
	config_report_done(&report);
	config_free(config);
	free(text);
}

#define EXPECT_ALL(before, mistakes, rc)                                       \
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)    \
	expect_told(before, &mistakes[i], rc)

static const struct mistake in_keys[] = {
	/* a letter */
	{"adress = 192.0.2.1\n",
	 "pool.ini:14:1: error: unknown key \"adress\" in [gateway gw1]; did "
	 "you mean \"address\"?\n"},
	/* another section's key */
	{"max_calls = 5\n",
	 "pool.ini:14:1: error: unknown key \"max_calls\" in [gateway gw1]; it "
	 "is a key of [pool] and [trunk …]\n"},
	/* nobody's key */
	{"frobnicate = yes\n",
	 "pool.ini:14:1: error: unknown key \"frobnicate\" in [gateway "
	 "gw1]\n"},
	/* twice */
	{"transport = tcp\n",
	 "pool.ini:14:1: error: \"transport\" is given twice in [gateway gw1], "
	 "first in pool.ini:13\n"},
	{"enabled yes\n",
	 "pool.ini:14:9: error: expected \"key = value\" or \"[section]\"; "
	 "did you mean \"enabled = yes\"?\n"},
	{"enabled: yes\n",
	 "pool.ini:14:8: error: expected \"key = value\" or \"[section]\"; "
	 "did you mean \"enabled = yes\"?\n"},
	{"// the second carrier\n",
	 "pool.ini:14:1: error: expected \"key = value\" or \"[section]\"; a "
	 "comment begins with \";\" or \"#\"\n"},
	{"Transport = tcp\n",
	 "pool.ini:14:1: error: unknown key \"Transport\" in [gateway gw1]; "
	 "did you mean \"transport\"?\n"},
};

Test(config_mistakes, a_wrong_key_is_told_with_the_one_that_was_meant)
{
	EXPECT_ALL(head, in_keys, -EINVAL);
}

static const struct mistake in_sections[] = {
	{"[gatway gw2]\naddress = 192.0.2.31\n",
	 "pool.ini:14:1: error: unknown section [gatway gw2]; did you mean "
	 "\"gateway\"?\n"},
	{"[gateway gw1]\naddress = 192.0.2.31\n",
	 "pool.ini:14:1: error: [gateway gw1] is given twice, first in "
	 "pool.ini:11\n"},
	{"[gateway]\naddress = 192.0.2.31\n",
	 "pool.ini:14:1: error: [gateway] needs a name: [gateway NAME]\n"},
	{"[media fast]\ndscp = 1\n",
	 "pool.ini:14:8: error: [media] takes no name\n"},
	{"[listen external]\ntcp = 192.0.2.10:5090\n",
	 "pool.ini:14:1: error: [listen external] is neither [listen internal] "
	 "nor [listen gateway]; did you mean \"internal\"?\n"},
	{"[gateway ms3]\naddress = 192.0.2.31\n",
	 "pool.ini:14:10: error: the name \"ms3\" is reserved for a worker of "
	 "the pool\n"},
	{"[trunk mw12]\ngateway = gw1\n",
	 "pool.ini:14:8: error: the name \"mw12\" is reserved for a worker of "
	 "the pool\n"},
	{"[gateway my gw]\naddress = 192.0.2.31\n",
	 "pool.ini:14:10: error: the name \"my gw\" may hold letters, digits, . "
	 "_ and - only; did you mean \"my-gw\"?\n"},
	{"[gateway \"gw2\"]\naddress = 192.0.2.31\n",
	 "pool.ini:14:10: error: the name \"\"gw2\"\" may hold letters, "
	 "digits, . _ and - only; did you mean \"gw2\"?\n"},
	{"[gateway:gw2]\naddress = 192.0.2.31\n",
	 "pool.ini:14:1: error: unknown section [gateway:gw2]; did you mean "
	 "\"gateway\"?\n"},
	{"[gateway gw2]\n", "pool.ini:14:1: error: [gateway gw2] has no "
			    "\"address\"\n"},
	{"[frontend gw1]\naddress = 192.0.2.21\ntransport = tcp\n",
	 "pool.ini:11:10: error: \"gw1\" is the name of a front end already "
	 "(line 14)\n"},
	{"[gateway gw2\naddress = 192.0.2.31\n",
	 "pool.ini:14:1: error: the section's ] is missing\n"},
};

Test(config_mistakes, a_wrong_section_is_told_where_it_begins)
{
	EXPECT_ALL(head, in_sections, -EINVAL);
}

static const struct mistake in_values[] = {
	{"[media]\ninactivity_timeout = 30\n",
	 "pool.ini:15:22: error: inactivity_timeout: \"30\" has no unit; did "
	 "you mean \"30s\"?\n"},
	{"[media]\ninactivity_timeout = soon\n",
	 "pool.ini:15:22: error: inactivity_timeout: \"soon\" is not a "
	 "duration like 500ms, 10s, 2m or 1h\n"},
	{"[pool]\nwatchdog = 2m\n",
	 "pool.ini:15:12: error: watchdog: \"2m\" is out of range: a duration "
	 "from 100ms to 1m\n"},
	{"enabled = true\n", "pool.ini:14:11: error: enabled: \"true\" is not "
			     "yes or no; did you mean \"yes\"?\n"},
	{"enabled = off\n", "pool.ini:14:11: error: enabled: \"off\" is not "
			    "yes or no; did you mean \"no\"?\n"},
	{"kind = pstn\n",
	 "pool.ini:14:8: error: kind: \"pstn\" is not one of pstn-gateway, "
	 "ip-pbx, sbc or simulated\n"},
	{"unhealthy = demoted\n",
	 "pool.ini:14:13: error: unhealthy: \"demoted\" is not one of exclude "
	 "or demote; did you mean \"demote\"?\n"},
	{"[media]\ndscp = EF\n",
	 "pool.ini:15:8: error: dscp: \"EF\" is not a number: 0 to 63\n"},
	{"[pool]\nmedia_workers = 33\n",
	 "pool.ini:15:17: error: media_workers: \"33\" is out of range: 0 to "
	 "32\n"},
	{"[media]\nports = 32767-16384\n",
	 "pool.ini:15:9: error: ports: \"32767-16384\" is not a range of at "
	 "least three ports from 1024 up\n"},
	{"[media]\nports = 16384\n",
	 "pool.ini:15:9: error: ports: \"16384\" is not a range of ports like "
	 "16384-32767\n"},
	{"enabled =\n", "pool.ini:14:10: error: enabled: has no value; leave "
			"the line out for the default\n"},
	{"[gateway gw2]\naddress = 300.1.1.1:5060\n",
	 "pool.ini:15:11: error: address: \"300.1.1.1:5060\" is not "
	 "host[:port]\n"},
	{"[gateway gw2]\naddress = 192.0.2.31:0\n",
	 "pool.ini:15:11: error: address: \"192.0.2.31:0\" is not "
	 "host[:port]; a port is a number from 1 to 65535\n"},
	{"sources = 192.0.2.0/33, 10.0.0.0/8\n",
	 "pool.ini:14:11: error: sources: \"192.0.2.0/33\" is not address or "
	 "address/bits\n"},
	{"[media]\ncodecs = pcma, g711u\n",
	 "pool.ini:15:16: error: codecs: \"g711u\" is not one of pcma, pcmu, "
	 "g722 or opus\n"},
	{"[trunk t]\ngateway = gw1\nfailover_codes = 503, 486\n",
	 "pool.ini:16:23: error: failover_codes: 486 is the callee's last "
	 "word: no trunk is tried after it\n"},
	{"[pool]\nemergency_numbers = 112, nine-one-one\n",
	 "pool.ini:15:26: error: emergency_numbers: \"nine-one-one\" is not a "
	 "telephone number\n"},
	{"[pool]\nrun_dir = run\n",
	 "pool.ini:15:11: error: run_dir: \"run\" is not a path that begins "
	 "with /\n"},
	{"[response r]\nreceived = 183\ntranslated = 480\n",
	 "pool.ini:15:12: error: received: \"183\" is not a final answer: 400 "
	 "to 699, or 0 for any\n"},
	{"tls_name = \"gw1\n",
	 "pool.ini:14:12: error: the closing quote is missing\n"},
};

/* What people write who know another program's files. */
static const struct mistake from_elsewhere[] = {
	{"options_interval = 10 sec\n",
	 "pool.ini:14:20: error: options_interval: \"10 sec\" is not a "
	 "duration like 500ms, 10s, 2m or 1h; did you mean \"10s\"?\n"},
	{"options_interval = 2 Minutes\n",
	 "pool.ini:14:20: error: options_interval: \"2 Minutes\" is not a "
	 "duration like 500ms, 10s, 2m or 1h; did you mean \"2m\"?\n"},
	{"options_interval = 60000\n",
	 "pool.ini:14:20: error: options_interval: \"60000\" has no unit; did "
	 "you mean \"60000ms\"?\n"},
	{"enabled = yes # since May\n",
	 "pool.ini:14:11: error: enabled: \"yes # since May\" is not yes or "
	 "no; a comment after a value begins with \";\"\n"},
	{"tls_name = \"gw1\" // its certificate\n",
	 "pool.ini:14:18: error: a comment after a value begins with "
	 "\";\"\n"},
	{"enabled = \u201cyes\u201d\n",
	 "pool.ini:14:11: error: enabled: \"\u201cyes\u201d\" is not yes or "
	 "no; a quote is the plain \"\n"},
	{"[gateway gw2]\naddress = 192.0.2.31:65536\n",
	 "pool.ini:15:11: error: address: \"192.0.2.31:65536\" is not "
	 "host[:port]; a port is a number from 1 to 65535\n"},
	{"[gateway gw2]\naddress = sip:192.0.2.31\n",
	 "pool.ini:15:11: error: address: \"sip:192.0.2.31\" is not "
	 "host[:port]; leave \"sip:\" out\n"},
	{"[gateway gw2]\naddress = 192.0.2.31:5060;transport=udp\n",
	 "pool.ini:15:11: error: address: \"192.0.2.31:5060;transport=udp\" is "
	 "not host[:port]; the transport is a key of its own: transport = "
	 "tcp\n"},
	{"[gateway gw2]\naddress = 192.0.2.31, 192.0.2.32\n",
	 "pool.ini:15:11: error: address: \"192.0.2.31, 192.0.2.32\" is not "
	 "host[:port]; one address only: each further one is a section of its "
	 "own\n"},
	{"[gateway gw2]\naddress = [2001:db8::1:5060\n",
	 "pool.ini:15:11: error: address: \"[2001:db8::1:5060\" is not "
	 "host[:port]; the ] is missing\n"},
	{"[listen gateway]\nudp = 5060\n",
	 "pool.ini:15:7: error: udp: \"5060\" is not address:port (an IP "
	 "address; IPv6 as [addr]:port); did you mean \"0.0.0.0:5060\" (every "
	 "address; it needs \"advertise\")?\n"},
	{"[listen gateway]\nudp = 2001:db8::1:5060\n",
	 "pool.ini:15:7: error: udp: \"2001:db8::1:5060\" has no port; did you "
	 "mean \"[2001:db8::1]:5060\"?\n"},
	{"[route r]\nmatch = ^+1425\ntrunks = gw1\n",
	 "pool.ini:15:10: error: match: not a regular expression: quantifier "
	 "does not follow a repeatable item; a plus itself is written \\+\n"},
	{"[route r]\nmatch = *\ntrunks = gw1\n",
	 "pool.ini:15:9: error: match: not a regular expression: quantifier "
	 "does not follow a repeatable item; any number is .*\n"},
	{"[route r]\nmatch = 1\ntrunks = gw1; gw2\n",
	 "pool.ini:16:10: error: trunks: there is no [trunk gw1; gw2]; the "
	 "items of a list are separated by commas\n"},
	{"[pool]\nmedia_workers = auto\n",
	 "pool.ini:15:17: error: media_workers: \"auto\" is not a number: 0 to "
	 "32\n"},
};

Test(config_mistakes, what_another_program_takes_is_told_with_how_it_is_here)
{
	EXPECT_ALL(head, from_elsewhere, -EINVAL);
}

/* What editors of other systems leave is no mistake. */
static const struct mistake harmless[] = {
	{"\tenabled\t=\tyes\r\nroutable = no\r\n", ""},
	{"options_interval = \"10s\" ; quoted\n", ""},
};

Test(config_mistakes, line_ends_tabs_and_marks_of_other_systems_load)
{
	char *marked;

	EXPECT_ALL(head, harmless, 0);
	cr_assert_gt(asprintf(&marked, "\xef\xbb\xbf%s", head), 0);
	EXPECT_ALL(marked, harmless, 0);
	free(marked);
}

Test(config_mistakes, a_wrong_value_is_told_with_what_may_stand_there)
{
	EXPECT_ALL(head, in_values, -EINVAL);
}

static const struct mistake in_references[] = {
	{"[route r]\nmatch = ^1\ntrunks = gw1, gw11\n",
	 "pool.ini:16:15: error: trunks: there is no [trunk gw11]; did you mean "
	 "\"gw1\"?\n"},
	{"[trunk t]\ngateway = gw2\n",
	 "pool.ini:15:11: error: gateway: there is no [gateway gw2]; did you "
	 "mean \"gw1\"?\n"},
	/* the gateway has a trunk now, so no root trunk any more */
	{"[trunk t]\ngateway = gw1\n[route r]\nmatch = ^1\ntrunks = gw1\n",
	 "pool.ini:18:10: error: trunks: there is no [trunk gw1]; [gateway "
	 "gw1] has [trunk t]\n"},
	{"[pool]\ndefault_trunk = gv1\n",
	 "pool.ini:15:17: error: default_trunk: there is no [trunk gv1]; did "
	 "you mean \"gw1\"?\n"},
	{"[translation plus]\n[trunk t]\ngateway = gw1\n"
	 "outbound_translation_rules = pluss\n",
	 "pool.ini:17:30: error: outbound_translation_rules: there is no "
	 "[translation pluss]; did you mean \"plus\"?\n"},
	{"[trunk *]\ngateway = gw1\n", "pool.ini:15:11: error: [trunk *] takes "
				       "no \"gateway\": it holds the defaults "
				       "of every trunk\n"},
	{"[gateway gw2]\naddress = 192.0.2.31\n[trunk gw2]\ngateway = gw1\n",
	 "pool.ini:14:1: error: [gateway gw2] has no trunk, and [trunk gw2], "
	 "whose name its root trunk would bear, leads elsewhere\n"},
	{"[route r]\nmatch = ^1\ntrunks =\n",
	 "pool.ini:16:9: error: trunks: the list is empty\n"},
};

Test(config_mistakes, a_name_of_nothing_is_told_with_the_nearest_one)
{
	EXPECT_ALL(head, in_references, -EINVAL);
}

static const struct mistake in_patterns[] = {
	{"[route r]\nmatch = ^\\+1(\\d{10}$\ntrunks = gw1\n",
	 "pool.ini:15:21: error: match: not a regular expression: missing "
	 "closing parenthesis\n"},
	{"[translation t]\npattern = \"^[0-9\"\n",
	 "pool.ini:15:17: error: pattern: not a regular expression: missing "
	 "terminating ] for character class\n"},
};

Test(config_mistakes, a_wrong_pattern_is_told_at_the_character)
{
	EXPECT_ALL(head, in_patterns, -EINVAL);
}

static const struct mistake in_listeners[] = {
	{"[listen gateway]\nudp = 192.0.2.10\n",
	 "pool.ini:15:7: error: udp: \"192.0.2.10\" has no port\n"},
	{"[listen gateway]\nudp = pool.example.com:5060\n",
	 "pool.ini:15:7: error: udp: \"pool.example.com:5060\" is not "
	 "address:port (an IP address; IPv6 as [addr]:port)\n"},
	{"[listen gateway]\nudp = 0.0.0.0:5060\n",
	 "pool.ini:15:7: error: udp: a wildcard address needs \"advertise\" in "
	 "[listen gateway]: the host that peers shall call\n"},
	{"[listen gateway]\nudp = 0.0.0.0:5060\nadvertise = sip.example.com\n",
	 "pool.ini:15:7: error: udp: a wildcard address needs "
	 "\"media_address\" in [listen gateway], since \"advertise\" is a "
	 "name\n"},
	{"[listen gateway]\nudp = 192.0.2.10:5068, 192.0.2.10:5068\n",
	 "pool.ini:15:7: error: [listen gateway] udp 192.0.2.10:5068 overlaps "
	 "with [listen gateway] udp 192.0.2.10:5068 (pool.ini:15)\n"},
	{"[trunk t]\ngateway = gw1\nport = 5070\n",
	 "pool.ini:16:8: error: [trunk t] port 192.0.2.10:5070 overlaps with "
	 "[listen internal] tcp 192.0.2.10:5070 (pool.ini:5)\n"},
	{"[trunk t]\ngateway = gw1\nport = 5080\n"
	 "[trunk u]\ngateway = gw1\nport = 5080\n",
	 "pool.ini:19:8: error: [trunk u] port 192.0.2.10:5080 overlaps with "
	 "[trunk t] port 192.0.2.10:5080 (pool.ini:16)\n"},
	{"[trunk t]\ngateway = gw1\nport = 5069\n"
	 "[pool]\naddressing = per-server\n",
	 "pool.ini:16:8: error: [trunk t] port 192.0.2.10:5069-5070 overlaps "
	 "with [listen gateway] tcp 192.0.2.10:5068-5069 (pool.ini:7)\n"
	 "pool.ini:16:8: error: [trunk t] port 192.0.2.10:5069-5070 overlaps "
	 "with [listen internal] tcp 192.0.2.10:5070-5071 (pool.ini:5)\n"},
	{"[trunk t]\ngateway = gw1\nport = 65535\n"
	 "[pool]\naddressing = per-server\n",
	 "pool.ini:16:8: error: [trunk t] port: with addressing = per-server "
	 "and 2 servers the ports pass 65535\n"},
	{"[metrics]\nlisten = 192.0.2.10:5070\n",
	 "pool.ini:15:10: error: [metrics] listen 192.0.2.10:5070 overlaps "
	 "with [listen internal] tcp 192.0.2.10:5070 (pool.ini:5)\n"},
	{"[gateway gw2]\naddress = 192.0.2.31\ntransport = udp\n",
	 "pool.ini:15:11: error: [gateway gw2] is reached over udp, and "
	 "[listen gateway] has no udp\n"},
	{"[gateway gw2]\naddress = [2001:db8::1]:5060\n",
	 "pool.ini:15:11: error: [gateway gw2] is reached over IPv6 tcp, and "
	 "[listen gateway] has no IPv6 tcp\n"},
	{"[gateway gw2]\naddress = 192.0.2.10:5070\n",
	 "pool.ini:15:11: error: address: \"192.0.2.10:5070\" is the pool's "
	 "own\n"},
};

Test(config_mistakes, listeners_that_cannot_be_are_told_with_both_names)
{
	EXPECT_ALL(head, in_listeners, -EINVAL);
}

static const struct mistake without_head[] = {
	{"[listen internal]\ntcp = 192.0.2.1:1\n"
	 "[frontend f]\naddress = 192.0.2.2\ntransport = tcp\n"
	 "[gateway g]\naddress = gw.example.com\n",
	 "pool.ini:1:1: error: there is no [listen gateway] and no peer with "
	 "an IP address on that side from which one could be chosen: write "
	 "udp = address:port or tcp = address:port\n"
	 "pool.ini:7:11: warning: address: \"gw.example.com\" is a name, and "
	 "names are looked up in a later release; until then [gateway g] gets "
	 "no calls\n"},
	{"[listen internal]\n[listen gateway]\ntcp = 192.0.2.1:1\n"
	 "[frontend f]\naddress = 192.0.2.2\ntransport = tcp\n"
	 "[gateway g]\naddress = 192.0.2.3\n",
	 "pool.ini:1:1: error: [listen internal] has no address: write udp = "
	 "address:port or tcp = address:port\n"
	 "pool.ini:5:11: error: [frontend f] is reached over tcp, and [listen "
	 "internal] has no tcp\n"},
};

Test(config_mistakes, a_side_without_an_address_is_told)
{
	EXPECT_ALL("", without_head, -EINVAL);
}

Test(config_mistakes, two_sections_make_a_pool_at_this_hosts_addresses)
{
	struct config_report report;
	struct config *config;
	char text[ADDR_TEXT_MAX];

	cr_assert_eq(config_load_text(SLICE("[frontend f]\n"
					    "address = 127.0.0.2\n"
					    "transport = tcp\n"
					    "[gateway g]\n"
					    "address = 127.0.0.3\n"
					    "[gateway h]\n"
					    "address = 127.0.0.4\n"),
				      &config, &report),
		     0, "%s", report.text);
	cr_expect_str_eq(report.text, "");
	cr_assert_eq(config->n_listeners, 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct config_listener *listener = &config->listeners[i];

		cr_expect_eq(listener->side, i / 2);
		cr_expect_str_eq(addr_text(&listener->address, text),
				 i < 2 ? "127.0.0.1:5070" : "127.0.0.1:5068");
		cr_expect_str_eq(addr_text(&listener->media_address, text),
				 "127.0.0.1:0");
	}
	config_report_done(&report);
	config_free(config);
}

static const struct mistake of_tls[] = {
	{"[listen gateway]\ntls = 192.0.2.10:5061\n",
	 "pool.ini:15:7: error: tls: TLS comes in a later release; take the "
	 "line out of [listen gateway] and use udp or tcp\n"},
	{"[gateway gw2]\naddress = 192.0.2.31\ntransport = tls\n",
	 "pool.ini:16:13: error: transport: TLS comes in a later release; write "
	 "transport = tcp (or udp)\n"},
	{"[frontend fe2]\naddress = 192.0.2.21\ntransport = tls\n",
	 "pool.ini:16:13: error: transport: TLS comes in a later release; write "
	 "transport = tcp (or udp)\n"},
	{"[frontend fe2]\naddress = 192.0.2.21\n",
	 "pool.ini:14:1: error: [frontend fe2] has no \"transport\", whose "
	 "default is tls, and TLS comes in a later release; write transport = "
	 "tcp (or udp)\n"},
	{"[frontend fe2]\naddress = 192.0.2.21\ntransport = tpc\n",
	 "pool.ini:16:13: error: transport: \"tpc\" is not one of udp, tcp or "
	 "tls; did you mean \"tcp\"?\n"},
};

Test(config_mistakes, tls_is_refused_with_what_to_write_instead)
{
	EXPECT_ALL(head, of_tls, -EINVAL);
}

static const struct mistake of_srtp[] = {
	{"[trunk t]\ngateway = gw1\nsrtp_mode = required\n",
	 "pool.ini:16:13: error: srtp_mode: [gateway gw1] is reached over tcp, "
	 "where only not_supported is possible\n"},
	{"[trunk *]\nsrtp_mode = optional\n"
	 "[gateway gw2]\naddress = 192.0.2.31\n",
	 "pool.ini:15:13: error: srtp_mode: [gateway gw1] is reached over tcp, "
	 "where only not_supported is possible\n"},
};

Test(config_mistakes, srtp_over_tcp_is_refused_on_trunks)
{
	EXPECT_ALL(head, of_srtp, -EINVAL);
}

static const struct mistake in_cdr[] = {
	{"[cdr]\ndirectory = /c\ninterim = 500ms\n",
	 "pool.ini:16:11: error: interim: is less than 1s; 0 is never\n"},
	{"[cdr]\nrotate = 1ms\n",
	 "pool.ini:15:10: error: rotate: is less than 1s; 0 is never\n"},
	{"[cdr]\ndirectory = cdr\n",
	 "pool.ini:15:13: error: directory: \"cdr\" is not a path that begins "
	 "with /\n"},
};

Test(config_mistakes, times_of_call_records_are_seconds_at_least)
{
	EXPECT_ALL(head, in_cdr, -EINVAL);
}

static const struct mistake warnings[] = {
	{"[frontend fe2]\naddress = 192.0.2.21\ntransport = tcp\n"
	 "srtp_mode = not_supported\n",
	 "pool.ini:17:13: warning: srtp_mode: is not used yet, it comes in a "
	 "later release\n"},
	{"[frontend fe2]\naddress = 192.0.2.21\ntransport = tcp\n"
	 "srtp_mode = optional\n",
	 "pool.ini:17:13: warning: srtp_mode: over tcp the keys of the audio "
	 "travel in clear\n"},
	{"options_interval = 2s\n",
	 "pool.ini:14:20: warning: options_timeout is longer than "
	 "options_interval, which is used instead\n"},
	{"[listen gateway]\nudp = [2001:db8::9]:5068\n[gateway gw2]\n"
	 "transport = udp\naddress = 2001:db8::1:5060\n",
	 "pool.ini:18:11: warning: address: \"2001:db8::1:5060\" is an address "
	 "without a port; did you mean \"[2001:db8::1]:5060\"?\n"},
	{"[gateway gw2]\naddress = 192.0.2.30\n",
	 "pool.ini:15:11: warning: address: \"gw1\" has the same; calls from "
	 "there may count as its calls\n"},
	{"[gateway gw2]\naddress = gw2.example.com\n",
	 "pool.ini:15:11: warning: address: \"gw2.example.com\" is a name, and "
	 "names are looked up in a later release; until then [gateway gw2] gets "
	 "no calls\n"},
	{"[frontend fe2]\naddress = fe2.example.com\ntransport = tcp\n",
	 "pool.ini:15:11: warning: address: \"fe2.example.com\" is a name, and "
	 "names are looked up in a later release; until then [frontend fe2] "
	 "gets no calls\n"},
	{"[trunk t]\ngateway = gw1\nenable_bypass = yes\n",
	 "pool.ini:16:17: warning: enable_bypass: is not used yet, it comes in "
	 "a later release\n"},
	{"[trunk t]\ngateway = gw1\nenable_bypass = no ; as ever\n", ""},
	{"[trunk t]\ngateway = gw1\npstn_usages = local\n",
	 "pool.ini:16:15: warning: pstn_usages: no route has the usage "
	 "\"local\"\n"},
	{"[route r]\nmatch = 1\ntrunks = gw1\nalternate_caller_id = +1425\n",
	 "pool.ini:17:23: warning: alternate_caller_id has no effect without "
	 "suppress_caller_id = yes\n"},
	{"[listen gateway]\nudp = 192.0.2.10:20000\n",
	 "pool.ini:15:7: warning: [listen gateway] udp: port 20000 lies among "
	 "the ports for audio (16384-32767)\n"},
	{"[translation t]\npattern = ^00(.*)\ntranslation = +\\1\n",
	 "pool.ini:16:15: warning: translation: \"\\1\" stands for itself; a "
	 "group of the pattern is written \"$1\"\n"},
	{"[hep]\naddress = 192.0.2.99:9060\n",
	 "pool.ini:14:1: warning: [hep] is not used yet, it comes in a later "
	 "release\n"},
};

Test(config_mistakes, what_is_doubtful_is_warned_of_and_loads)
{
	EXPECT_ALL(head, warnings, 0);
}

Test(config_mistakes, all_of_them_are_told_from_top_to_bottom)
{
	static const struct mistake many = {
		"enabled = maybe\n[route r]\nmatch = (\ntrunks = nobody\n"
		"[frontend fe2]\nweight = -1\n[pol]\n",
		"pool.ini:14:11: error: enabled: \"maybe\" is not yes or no\n"
		"pool.ini:16:10: error: match: not a regular expression: "
		"missing closing parenthesis\n"
		"pool.ini:17:10: error: trunks: there is no [trunk nobody]\n"
		"pool.ini:18:1: error: [frontend fe2] has no \"address\"\n"
		"pool.ini:18:1: error: [frontend fe2] has no \"transport\", "
		"whose default is tls, and TLS comes in a later release; write "
		"transport = tcp (or udp)\n"
		"pool.ini:19:10: error: weight: \"-1\" is out of range: 0 to "
		"65535\n"
		"pool.ini:20:1: error: unknown section [pol]; did you mean "
		"\"pool\"?\n"};

	expect_told(head, &many, -EINVAL);
}
