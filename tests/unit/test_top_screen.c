/* SPDX-License-Identifier: Apache-2.0
 *
 * The screen of mspoolctl top: it never draws more than the terminal holds, and
 * keys do what they say.  The terminal itself is tested under tmux, tests/ctl.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/top.h"

static const char status_text[] =
	"{\"pool\": \"pool1.example.com\", \"state\": \"up\", \"uptime\": 61,"
	" \"calls\": {\"active\": 421, \"early\": 3, \"total\": 1000},"
	" \"workers\": {\"up\": 2, \"of\": 3},"
	" \"gateways\": {\"up\": 1, \"of\": 2}}";

static json_t *status_json(void)
{
	return json_loads(status_text, 0, NULL);
}

/* So many gateways, gw00 on, with 0, 1, 2 … calls; the last has no rtt. */
static json_t *gateways(unsigned n)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "gw%02u", i);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:i, s:o}", "name", name, "state",
				  "up", "calls", (int)i, "rtt_ms",
				  i + 1 < n ? json_real(i) : json_null()));
	}
	return rows;
}

/* The screen, malloc'd. */
static char *drawn(struct top *top, struct top_size size, const json_t *rows)
{
	struct ctl ctl = {0};
	json_t *status = status_json();
	char *text;
	size_t len;

	ctl.out = open_memstream(&text, &len);
	top_draw(top, &ctl, size, status, rows);
	fclose(ctl.out);
	json_decref(status);
	return text;
}

static unsigned n_lines(const char *text)
{
	unsigned n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void expect_before(const char *text, const char *a, const char *b)
{
	const char *first = strstr(text, a), *second = strstr(text, b);

	cr_expect(first && second && first < second, "%s not before %s:\n%s", a,
		  b, text);
}

Test(top_screen, every_size_is_filled_and_never_exceeded)
{
	json_t *rows = gateways(50);

	for (unsigned r = 1; r < 60; r++)
		for (unsigned c = 40; c < 130; c += 13) {
			struct top top = {.calls_per_second = 9.25};
			char *text = drawn(&top, (struct top_size){r, c}, rows);

			cr_expect_eq(n_lines(text), r < 6 ? 1 : r, "%u x %u", r,
				     c);
			free(text);
		}
	json_decref(rows);
}

Test(top_screen, a_screen_of_80_by_24_shows_head_list_and_keys)
{
	struct top top = {.calls_per_second = 9.25};
	json_t *rows = gateways(3);
	char *text = drawn(&top, (struct top_size){24, 80}, rows);

	cr_expect(strstr(text, "pool1.example.com  up  up 1m 1s"), "%s", text);
	cr_expect(strstr(text, "calls 421 active, 3 early, 9.2/s new"), "%s",
		  text);
	cr_expect(strstr(text, "workers 2/3   gateways 1/2 up"));
	cr_expect(strstr(text, "GATEWAY  STATE  CALLS"));
	cr_expect(strstr(text, "q quit"));
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		cr_expect_leq(strlen(line), 80, "%s", line);
	free(text);
	json_decref(rows);
}

Test(top_screen, keys_sort_and_turn_the_list)
{
	struct top top = {.calls_per_second = -1};
	struct top_size size = {24, 80};
	json_t *rows = gateways(3);
	char *text;

	cr_expect(top_key(&top, 's')); /* STATE */
	cr_expect(top_key(&top, 's')); /* CALLS, the greatest first */
	text = drawn(&top, size, rows);
	expect_before(text, "gw02", "gw00");
	cr_expect(strstr(text, "gateways by CALLS"));
	free(text);
	top_key(&top, 'r');
	text = drawn(&top, size, rows);
	expect_before(text, "gw00", "gw02");
	free(text);
	top_key(&top, 'r');
	for (unsigned i = 0; i < 4; i++)
		top_key(&top, 's'); /* RTT: not known comes last */
	text = drawn(&top, size, rows);
	cr_expect(strstr(text, "by RTT/MS"), "%s", text);
	expect_before(text, "gw01", "gw00");
	expect_before(text, "gw00", "gw02");
	free(text);
	json_decref(rows);
}

Test(top_screen, a_long_list_scrolls_to_its_end_and_no_further)
{
	struct top top = {0};
	struct top_size size = {10, 80}; /* five rows of fifty */
	json_t *rows = gateways(50);
	char *text;

	for (unsigned i = 0; i < 99; i++)
		top_key(&top, i % 2 ? 'j' : TOP_DOWN);
	text = drawn(&top, size, rows);
	cr_expect(strstr(text, "gw49") && strstr(text, "gw45"), "%s", text);
	cr_expect_not(strstr(text, "gw44"));
	free(text);
	top_key(&top, 'k');
	text = drawn(&top, size, rows);
	cr_expect(strstr(text, "gw44") && !strstr(text, "gw49"), "%s", text);
	free(text);
	json_decref(rows);
}

Test(top_screen, other_keys_choose_lists_pause_and_end)
{
	struct top top = {.first = 3};
	char *text;

	cr_expect(top_key(&top, 'c'));
	cr_expect_eq(top.list, TOP_CALLS);
	cr_expect_eq(top.first, 0);
	cr_expect(top_key(&top, 'p'));
	text = drawn(&top, (struct top_size){24, 80}, NULL);
	cr_expect(strstr(text, "PAUSED") && strstr(text, "TALK"), "%s", text);
	free(text);
	top_key(&top, ' ');
	cr_expect_not(top.is_paused);
	cr_expect(top_key(&top, 0));
	cr_expect(top_key(&top, 27));
	cr_expect_not(top_key(&top, 'q'));
	cr_expect_not(top_key(&top, 3));
}

Test(top_screen, the_rate_is_of_new_calls_and_unknown_over_a_new_pool)
{
	json_t *before = status_json(), *after = status_json();

	json_object_set_new(json_object_get(after, "calls"), "total",
			    json_integer(1020));
	cr_expect_eq(top_rate(before, after, 2), 10);
	cr_expect_lt(top_rate(after, before, 2), 0);
	cr_expect_lt(top_rate(NULL, after, 2), 0);
	json_decref(before);
	json_decref(after);
}
