/* SPDX-License-Identifier: Apache-2.0
 *
 * base/options.def as a table: complete, without contradictions, and with
 * defaults that its own readers take.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "base/options.h"

#define SECTIONS (unsigned section = 0; section < N_OPTION_SECTIONS; section++)

static const struct option *rows(unsigned section, unsigned *ret_n)
{
	return options_of((enum option_section)section, ret_n);
}

Test(options, every_section_has_rows_of_its_own_and_help)
{
	for
		SECTIONS
		{
			unsigned n;

			rows(section, &n);
			cr_expect_gt(n, 0, "[%s]",
				     option_sections[section].kind);
			cr_expect_leq(n, 64, "more than a mask has bits");
			cr_expect_eq(
				option_sections[section].help
					[strlen(option_sections[section].help) -
					 1],
				'.');
		}
}

Test(options, every_key_stands_once_in_its_section_and_has_help)
{
	for
		SECTIONS
		{
			unsigned n;
			const struct option *options = rows(section, &n);

			for (unsigned i = 0; i < n; i++) {
				const struct option *option = &options[i];
				char buf[320];

				cr_expect_eq(
					option_find(
						(enum option_section)section,
						slice_of(option->key)),
					option, "%s stands twice", option->key);
				cr_expect_eq(
					option->help[strlen(option->help) - 1],
					'.', "%s", option->key);
				cr_expect_gt(strlen(option_value_text(
						     option, buf, sizeof(buf))),
					     0, "%s", option->key);
				cr_expect_eq(!option->by_default,
					     !!(option->flags & OPTION_NEEDED),
					     "%s", option->key);
			}
		}
}

/* As much of a pool as the other sections need. */
static const char head[] = "[pool]\nfqdn = p\n"
			   "[listen internal]\ntcp = 127.0.0.1:1\n"
			   "[listen gateway]\ntcp = 127.0.0.1:2\n"
			   "[frontend f]\naddress = 127.0.0.1:3\n"
			   "transport = tcp\n"
			   "[gateway g]\naddress = 127.0.0.1:4\n"
			   "[trunk t]\ngateway = g\n"
			   "[route r]\nmatch = 1\ntrunks = t\n"
			   "[response x]\ntranslated = 480\n"
			   "[translation n]\n[site s]\n[media]\n[tls]\n[cdr]\n"
			   "[metrics]\n[hep]\n[cluster]\n";

static const char *title_of(unsigned section)
{
	static const char *const titles[N_OPTION_SECTIONS] = {
		[SECTION_LISTEN] = "listen internal",
		[SECTION_FRONTEND] = "frontend f",
		[SECTION_GATEWAY] = "gateway g",
		[SECTION_TRUNK] = "trunk t",
		[SECTION_ROUTE] = "route r",
		[SECTION_TRANSLATION] = "translation n",
		[SECTION_RESPONSE] = "response x",
		[SECTION_SITE] = "site s",
	};

	return titles[section] ? titles[section]
			       : option_sections[section].kind;
}

/* Writes the default of one option into the head, below its section. */
static char *with_default(unsigned section, const struct option *option)
{
	const char *heading;
	char *text, line[64];
	size_t at;

	snprintf(line, sizeof(line), "[%s]\n", title_of(section));
	heading = strstr(head, line);
	cr_assert_not_null(heading, "%s", line);
	at = (size_t)(heading - head) + strlen(line);
	cr_assert_gt(asprintf(&text, "%.*s%s = %s\n%s", (int)at, head,
			      option->key, option->by_default, head + at),
		     0);
	return text;
}

static void expect_good_default(unsigned section, const struct option *option)
{
	char *text = with_default(section, option);
	struct config_report report;
	struct config *config = NULL;
	int rc = config_load_text(slice_of(text), &config, &report);

	cr_expect_eq(rc, 0, "%s: %s", option->key, report.text);
	config_report_done(&report);
	config_free(config);
	free(text);
}

/* A front end's transport, tls, is the one default that is refused now. */
static bool is_refused(unsigned section, const struct option *option)
{
	return section == SECTION_FRONTEND && !strcmp(option->key, "transport");
}

Test(options, every_default_may_be_written)
{
	for
		SECTIONS
		{
			unsigned n;
			const struct option *options = rows(section, &n);

			for (unsigned i = 0; i < n; i++)
				if (option_has_default(&options[i]) &&
				    !is_refused(section, &options[i]))
					expect_good_default(section,
							    &options[i]);
		}
}

Test(options, words_are_found_by_their_place)
{
	cr_expect_eq(option_word_index("a|bc|d", SLICE("bc")), 1);
	cr_expect_eq(option_word_index("a|bc|d", SLICE("d")), 2);
	cr_expect_eq(option_word_index("a|bc|d", SLICE("b")), -1);
	cr_expect_eq(option_word_index("a|bc|d", SLICE("")), -1);
}

Test(options, durations_are_written_in_their_biggest_unit)
{
	char buf[24];

	cr_expect_str_eq(option_duration_text(1500, buf, sizeof(buf)),
			 "1500ms");
	cr_expect_str_eq(option_duration_text(90000, buf, sizeof(buf)), "90s");
	cr_expect_str_eq(option_duration_text(120000, buf, sizeof(buf)), "2m");
	cr_expect_str_eq(option_duration_text(86400000, buf, sizeof(buf)),
			 "1d");
	cr_expect_str_eq(option_duration_text(0, buf, sizeof(buf)), "0");
}

Test(options, a_value_is_described_in_words)
{
	char buf[320];
	const struct option *option;

	option = option_find(SECTION_POOL, SLICE("watchdog"));
	cr_expect_str_eq(option_value_text(option, buf, sizeof(buf)),
			 "a duration from 100ms to 1m");
	option = option_find(SECTION_POOL, SLICE("addressing"));
	cr_expect_str_eq(option_value_text(option, buf, sizeof(buf)),
			 "shared or per-server");
}
