/* SPDX-License-Identifier: Apache-2.0
 *
 * base/ini.c and base/ini_value.c: what is read, and where mistakes are told.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "base/ini.h"

static struct arena *arena;
static struct report *report;
static struct ini ini;

static void read_slice(struct slice text)
{
	arena = arena_new();
	report = report_new();
	cr_assert_eq(ini_read(text, arena, report, &ini), 0);
}

static void read_text(const char *text)
{
	read_slice(slice_of(text));
}

/* Everything that was told, and the end of the text. */
static void expect_told(const char *expected)
{
	struct config_report told;

	report_finish(report, &told);
	cr_expect_str_eq(told.text, expected);
	config_report_done(&told);
	report = report_free(report);
	arena = arena_free(arena);
}

static const struct ini_entry *entry(unsigned n)
{
	const struct ini_entry *at = ini.first->first;

	while (n--)
		at = at->next;
	return at;
}

static void expect_scalar(unsigned n, const char *expected, unsigned column)
{
	struct ini_value value;

	cr_assert_eq(ini_scalar(entry(n), arena, report, &value), 0);
	cr_expect_str_eq(value.text, expected);
	cr_expect_eq(value.at.column, column);
}

Test(ini, a_section_has_kind_name_and_place)
{
	read_text("; first\n\n  [gateway gw1]  ; ours\n");
	cr_assert_eq(ini.n_sections, 1);
	cr_expect(slice_is(ini.first->kind, SLICE("gateway")));
	cr_expect(slice_is(ini.first->name, SLICE("gw1")));
	cr_expect_str_eq(ini.first->title, "gateway gw1");
	cr_expect_eq(ini.first->at.line, 3);
	cr_expect_eq(ini.first->at.column, 3);
	cr_expect_eq(ini.first->name_at.column, 12);
	expect_told("");
}

Test(ini, a_comment_begins_a_line_or_follows_white_space_and_a_semicolon)
{
	read_text("[a]\n# x = 1\n; y = 2\nk = a#b;c ; d\nl =\t1\t; e\n");
	expect_scalar(0, "a#b;c", 5);
	expect_scalar(1, "1", 5);
	cr_expect_null(entry(1)->next);
	expect_told("");
}

Test(ini, quotes_keep_blanks_semicolons_and_backslashes)
{
	read_text("[a]\nk = \" a ; \\d\\\"b \" ; c\n");
	expect_scalar(0, " a ; \\d\"b ", 6);
	expect_told("");
}

Test(ini, a_quote_inside_a_value_stands_for_itself)
{
	read_text("[a]\nk = a\"b\n");
	expect_scalar(0, "a\"b", 5);
	expect_told("");
}

Test(ini, only_a_list_splits_at_commas)
{
	struct ini_value *items;
	unsigned n;

	read_text("[a]\nk = x, \"y,z\" ,w ; c\n");
	expect_scalar(0, "x, \"y,z\" ,w", 5);
	cr_assert_eq(ini_list(entry(0), arena, report, &items, &n), 0);
	cr_assert_eq(n, 3);
	cr_expect_str_eq(items[0].text, "x");
	cr_expect_str_eq(items[1].text, "y,z");
	cr_expect_eq(items[1].at.column, 9);
	cr_expect_str_eq(items[2].text, "w");
	expect_told("");
}

Test(ini, an_empty_value_is_an_empty_list)
{
	struct ini_value *items;
	unsigned n = 7;

	read_text("[a]\nk = ; none\n");
	cr_assert_eq(ini_list(entry(0), arena, report, &items, &n), 0);
	cr_expect_eq(n, 0);
	expect_told("");
}

Test(ini, an_empty_item_is_told_at_its_place)
{
	struct ini_value *items;
	unsigned n;

	read_text("[a]\nk = x,, y\nl = x,\n");
	cr_expect_eq(ini_list(entry(0), arena, report, &items, &n), -EINVAL);
	cr_expect_eq(ini_list(entry(1), arena, report, &items, &n), -EINVAL);
	expect_told("pool.ini:2:7: error: an item of the list is empty\n"
		    "pool.ini:3:7: error: an item of the list is empty\n");
}

Test(ini, values_may_be_of_any_length)
{
	size_t size = 200000;
	char *text = malloc(size + 16);
	struct ini_value value;

	cr_assert_not_null(text);
	strcpy(text, "[a]\nk = ");
	memset(text + 8, 'x', size);
	strcpy(text + 8 + size, "\n");
	read_text(text);
	cr_assert_eq(ini_scalar(entry(0), arena, report, &value), 0);
	cr_expect_eq(value.len, size);
	expect_told("");
	free(text);
}

Test(ini, lines_may_end_with_return_and_the_file_begin_with_a_mark_of_order)
{
	read_text("\xef\xbb\xbf[a]\r\nk = v\r\n");
	expect_scalar(0, "v", 5);
	expect_told("");
}

Test(ini, the_last_line_needs_no_end)
{
	read_text("[a]\nk = v");
	expect_scalar(0, "v", 5);
	expect_told("");
}

Test(ini, a_section_that_is_opened_again_goes_on)
{
	read_text("[a]\nk = 1\n[b]\n[a]\nl = 2\n");
	cr_expect_eq(ini.n_sections, 2);
	cr_expect_eq(ini.first->again_at.line, 4);
	cr_expect_eq(ini.first->next->again_at.line, 0);
	expect_scalar(1, "2", 5);
	expect_told("");
}

Test(ini, lines_are_counted_anew_in_each_file)
{
	read_text("\001one.ini\n[a]\nk = 1\n\001two.ini\nl = 2\n[b]\nx\n");
	cr_expect_str_eq(entry(0)->key_at.file->name, "one.ini");
	cr_expect_eq(entry(0)->key_at.line, 2);
	expect_told("two.ini:1:1: error: \"l\" stands before any [section]\n"
		    "two.ini:3:2: error: expected \"key = value\" or "
		    "\"[section]\"\n");
}

Test(ini, every_broken_line_is_told)
{
	read_text("[a\n[]\n[b] c\nk = 1\n[c]\n= 1\nk\nk 1\nk@ = 1\n\001");
	expect_told("pool.ini:1:1: error: the section's ] is missing\n"
		    "pool.ini:2:1: error: the section has no kind\n"
		    "pool.ini:3:4: error: nothing but a comment may follow the "
		    "section's ]\n"
		    "pool.ini:6:1: error: expected \"key = value\" or "
		    "\"[section]\"\n"
		    "pool.ini:7:2: error: expected \"key = value\" or "
		    "\"[section]\"\n"
		    "pool.ini:8:3: error: expected \"key = value\" or "
		    "\"[section]\"; did you mean \"k = 1\"?\n"
		    "pool.ini:9:2: error: expected \"key = value\" or "
		    "\"[section]\"\n");
}

Test(ini, a_quote_that_is_not_closed_is_told_where_it_opens)
{
	struct ini_value value;

	read_text("[a]\nk =  \"abc\nl = \"a\" b\n");
	cr_expect_eq(ini_scalar(entry(0), arena, report, &value), -EINVAL);
	cr_expect_eq(ini_scalar(entry(1), arena, report, &value), -EINVAL);
	expect_told("pool.ini:2:6: error: the closing quote is missing\n"
		    "pool.ini:3:9: error: text after the closing quote; write "
		    "\\\" for a quote inside \"\"a\" \"\n");
}

Test(ini, control_characters_are_refused_where_they_stand)
{
	read_slice(SLICE("[a]\nk = a\0b\nl = \x1b[31m\nm = \x7f\n; \x1b\n"));
	expect_told("pool.ini:2:6: error: a control character does not belong "
		    "here\n"
		    "pool.ini:3:5: error: a control character does not belong "
		    "here\n"
		    "pool.ini:4:5: error: a control character does not belong "
		    "here\n");
}

Test(ini, an_empty_text_has_no_sections)
{
	read_text("");
	cr_expect_null(ini.first);
	cr_expect_eq(ini.start.line, 1);
	expect_told("");
}
