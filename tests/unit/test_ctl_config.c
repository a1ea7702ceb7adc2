/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoolctl config and config explain: what the table says of a key, where it
 * is set, and what is meant when there is no such key.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/options.h"
#include "tests/unit/ctl_fixture.h"

#define POOL_INI                                                               \
	"[pool]\nfqdn = a.example.com\nmax_calls = 77 ; as bought\n"           \
	"[listen internal]\nudp = 127.0.0.1:5070\n"                            \
	"[listen gateway]\nudp = 127.0.0.1:5068\n"                             \
	"[gateway gw1]\naddress = 127.0.0.1:5066\ntransport = udp\n"

/* A run folder without a pool, with a pool.ini and a pool.d beside it. */
static void make(struct ctl_fixture *fixture)
{
	char path[128];
	FILE *file;

	strcpy(fixture->dir, "/tmp/mspool-config-XXXXXX");
	cr_assert(mkdtemp(fixture->dir));
	snprintf(path, sizeof(path), "%s/pool.ini", fixture->dir);
	file = fopen(path, "we");
	fputs(POOL_INI, file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/pool.d", fixture->dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/pool.d/more.ini", fixture->dir);
	file = fopen(path, "we");
	fputs("[trunk t1]\ngateway = gw1\nmax_calls = 30\n", file);
	fclose(file);
}

static void run(const struct ctl_fixture *fixture, const char *words,
		struct ctl_run *ret_run)
{
	char line[256];

	snprintf(line, sizeof(line), "%s -c %s/pool.ini", words, fixture->dir);
	ctl_fixture_run(fixture, line, ret_run);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

Test(ctl_config, a_key_is_explained_in_every_section_that_has_it)
{
	struct ctl_fixture fixture;
	struct ctl_run got;
	const json_t *row, *set;

	make(&fixture);
	run(&fixture, "config explain max_calls --json", &got);
	cr_assert_eq(got.code, CTL_DONE, "%s", got.err);
	cr_assert_eq(json_array_size(got.json), 2);
	row = json_array_get(got.json, 0);
	cr_expect_str_eq(text_of(row, "section"), "pool");
	cr_expect_str_eq(text_of(row, "values"), "0 to 1000000");
	cr_expect_str_eq(text_of(row, "default"), "0");
	cr_expect_str_eq(text_of(row, "reload"), "takes a change");
	set = json_array_get(json_object_get(row, "set"), 0);
	cr_expect_str_eq(text_of(set, "value"), "77");
	cr_expect(strstr(text_of(set, "place"), "/pool.ini:3"), "%s",
		  text_of(set, "place"));
	row = json_array_get(got.json, 1);
	cr_expect_str_eq(text_of(row, "section"), "trunk");
	set = json_array_get(json_object_get(row, "set"), 0);
	cr_expect_str_eq(text_of(set, "section"), "trunk t1");
	cr_expect(strstr(text_of(set, "place"), "/pool.d/more.ini:3"));
	ctl_run_done(&got);
	ctl_fixture_remove(&fixture);
}

Test(ctl_config, a_section_in_front_chooses_one)
{
	static const char *const lines[] = {"config explain pool.max_calls",
					    "config explain pool max_calls",
					    "config explain [pool] max_calls"};
	struct ctl_fixture fixture;

	make(&fixture);
	for (unsigned i = 0; i < 3; i++) {
		struct ctl_run got;

		run(&fixture, lines[i], &got);
		cr_expect_eq(got.code, CTL_DONE, "%s: %s", lines[i], got.err);
		cr_expect(strstr(got.out, "[pool] max_calls\n"));
		cr_expect_not(strstr(got.out, "[trunk]"), "%s", lines[i]);
		ctl_run_done(&got);
	}
	ctl_fixture_remove(&fixture);
}

static void expect_none(const struct ctl_fixture *fixture, const char *line,
			const char *said)
{
	struct ctl_run got;

	run(fixture, line, &got);
	cr_expect_eq(got.code, CTL_NO_OBJECT, "%s", line);
	cr_expect(strstr(got.err, said), "%s: %s", line, got.err);
	ctl_run_done(&got);
}

Test(ctl_config, a_mistyped_key_is_answered_with_the_nearest)
{
	struct ctl_fixture fixture;

	make(&fixture);
	expect_none(&fixture, "config explain max_cals",
		    "no key 'max_cals': did you mean 'max_calls'?");
	expect_none(&fixture, "config explain gateway.max_calls",
		    "there is no key 'max_calls' in [gateway]");
	expect_none(&fixture, "config explain zzzzzzzzzzzz",
		    "there is no key 'zzzzzzzzzzzz'\n");
	ctl_fixture_remove(&fixture);
}

Test(ctl_config, every_key_of_the_table_can_be_explained_without_a_pool)
{
	struct ctl_fixture fixture = {"/tmp/mspool-config-none"};

	for (unsigned id = 0; id < N_OPTION_SECTIONS; id++) {
		unsigned n;
		const struct option *options =
			options_of((enum option_section)id, &n);

		for (unsigned i = 0; i < n; i++) {
			struct ctl_run got;
			char line[128];

			snprintf(line, sizeof(line), "config explain %s.%s",
				 option_sections[id].kind, options[i].key);
			ctl_fixture_run(&fixture, line, &got);
			cr_expect_eq(got.code, CTL_DONE, "%s", line);
			cr_expect(strstr(got.out, options[i].help), "%s", line);
			cr_expect(strstr(got.out, "nowhere"), "%s", line);
			ctl_run_done(&got);
		}
	}
}

Test(ctl_config, the_listing_holds_what_is_set_and_no_more)
{
	struct ctl_fixture fixture;
	struct ctl_run got;

	make(&fixture);
	run(&fixture, "config --json", &got);
	cr_assert_eq(got.code, CTL_DONE, "%s", got.err);
	/* eight keys, and two numbers of workers that the host stands in for */
	cr_expect_eq(json_array_size(got.json), 10, "%s", got.out);
	cr_expect(strstr(got.out, "\"place\": \"(this host)\""));
	ctl_run_done(&got);
	ctl_fixture_run(&fixture, "config", &got);
	cr_expect_eq(got.code, CTL_NOT_RUNNING);
	ctl_run_done(&got);
	ctl_fixture_remove(&fixture);
}
