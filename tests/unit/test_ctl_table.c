/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of mspoolctl: alignment, narrow terminals, and that nothing a peer
 * sends reaches the terminal as a control sequence.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_json.h"
#include "tools/ctl_table.h"

static const struct ctl_column columns[] = {{"NAME", "name", CELL_TEXT},
					    {"STATE", "state", CELL_STATE},
					    {"CALLS", "calls", CELL_NUMBER},
					    {"UP", "up", CELL_DURATION},
					    {0}};

static void expect_table(unsigned width, bool has_colour, json_t *rows,
			 const char *expected)
{
	struct ctl ctl = {.width = width, .has_colour = has_colour};
	char *text;
	size_t len;

	ctl.out = open_memstream(&text, &len);
	ctl_table_print(&ctl, columns, rows);
	fclose(ctl.out);
	cr_expect_str_eq(text, expected, "got:\n%s", text);
	free(text);
	json_decref(rows);
}

static json_t *two_rows(void)
{
	return json_pack("[{s:s, s:s, s:i, s:f}, {s:s, s:s, s:i, s:n}]", "name",
			 "gw1", "state", "up", "calls", 7, "up", 125.0, "name",
			 "gw-berlin-2", "state", "down", "calls", 1234, "up");
}

Test(ctl_table, text_is_left_and_numbers_are_right)
{
	expect_table(0, false, two_rows(),
		     "NAME         STATE  CALLS     UP\n"
		     "gw1          up         7  2m 5s\n"
		     "gw-berlin-2  down    1234      -\n");
}

Test(ctl_table, an_empty_table_is_its_header)
{
	expect_table(0, false, json_array(), "NAME  STATE  CALLS  UP\n");
}

Test(ctl_table, a_narrow_terminal_cuts_the_widest_text)
{
	expect_table(30, false, two_rows(),
		     "NAME       STATE  CALLS     UP\n"
		     "gw1        up         7  2m 5s\n"
		     "gw-berli\xe2\x80\xa6  down    1234      -\n");
}

Test(ctl_table, colours_do_not_shift_columns)
{
	expect_table(0, true, two_rows(),
		     "NAME         STATE  CALLS     UP\n"
		     "gw1          \033[32mup\033[0m         7  2m 5s\n"
		     "gw-berlin-2  \033[31mdown\033[0m    1234      -\n");
}

static void expect_cell(struct slice sent, const char *shown)
{
	json_t *value = ctl_json_text(sent);
	char buf[CELL_MAX];

	cr_assert(value);
	cr_expect_str_eq(ctl_cell_text(value, CELL_TEXT, buf), shown);
	json_decref(value);
}

Test(ctl_table, control_characters_are_disarmed)
{
	expect_cell(SLICE("a\033[2Jb"), "a?[2Jb");
	expect_cell(SLICE("\xc2\x9b"
			  "1m"),
		    "?1m");
	expect_cell(SLICE("a\xe2\x80\xae"
			  "b"),
		    "a?b");
	expect_cell(SLICE("K\xc3\xb6ln"), "K\xc3\xb6ln");
	expect_cell(SLICE("\xff\xfe+49"), "\xef\xbf\xbd\xef\xbf\xbd+49");
	expect_cell(SLICE("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
	expect_cell(SLICE(""), "-");
}

Test(ctl_table, a_long_cell_ends_at_a_whole_character)
{
	char text[3 * CELL_MAX];
	char buf[CELL_MAX];
	json_t *value;

	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	value = ctl_json_text((struct slice){text, sizeof(text)});
	ctl_cell_text(value, CELL_TEXT, buf);
	cr_expect_eq(strlen(buf) % 3, 0);
	cr_expect_gt(strlen(buf), CELL_MAX - 5);
	json_decref(value);
}

static void expect_number(double number, enum ctl_format format,
			  const char *shown)
{
	json_t *value = json_real(number);
	char buf[CELL_MAX];

	cr_expect_str_eq(ctl_cell_text(value, format, buf), shown);
	json_decref(value);
}

Test(ctl_table, numbers_are_shown_by_their_kind)
{
	expect_number(3.25, CELL_DURATION, "3.2s");
	expect_number(59, CELL_DURATION, "59s");
	expect_number(3661, CELL_DURATION, "1h 1m");
	expect_number(90000, CELL_DURATION, "1d 1h");
	expect_number(0.714, CELL_SHARE, "71%");
	expect_number(9.1 * 1024 * 1024, CELL_BYTES, "9.1M");
	expect_number(512, CELL_BYTES, "512B");
	expect_number(4.38, CELL_NUMBER, "4.38");
}
