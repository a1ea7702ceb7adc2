/* SPDX-License-Identifier: Apache-2.0
 *
 * master/control.c and verbs.c: what a line of the control socket may be.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>

#include "master/verbs.h"

static int split(const char *text, char *words[CONTROL_WORDS_MAX])
{
	static char line[CONTROL_LINE_MAX];

	snprintf(line, sizeof(line), "%s", text);
	return control_split(line, words);
}

Test(control, a_line_is_split_at_blanks)
{
	char *words[CONTROL_WORDS_MAX];

	cr_assert(eq(int, split("scale  signalling 4 ", words), 3));
	cr_expect_str_eq(words[0], "scale");
	cr_expect_str_eq(words[1], "signalling");
	cr_expect_str_eq(words[2], "4");
}

Test(control, four_words_are_the_most)
{
	char *words[CONTROL_WORDS_MAX];

	cr_expect(eq(int, split("a b c d", words), 4));
	cr_expect(eq(int, split("a b c d e", words), -EINVAL));
}

Test(control, an_empty_line_is_refused)
{
	char *words[CONTROL_WORDS_MAX];

	cr_expect(eq(int, split("", words), -EINVAL));
	cr_expect(eq(int, split("    ", words), -EINVAL));
}

Test(control, control_characters_are_refused)
{
	char *words[CONTROL_WORDS_MAX];

	cr_expect(eq(int, split("drain\tgw1", words), -EINVAL));
	cr_expect(eq(int, split("drain \x1b[31m", words), -EINVAL));
	cr_expect(eq(int, split("drain gw\x7f", words), -EINVAL));
	cr_expect(eq(int, split("drain gw1\r", words), -EINVAL));
}

Test(control, every_verb_of_the_contract_is_there_and_no_other)
{
	static const char *const names[] = {
		"reload", "drain", "undrain",	    "hangup",
		"scale",  "stop",  "workers-ready", "upgrade"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_expect_not_null(verb_find(names[i]), "%s", names[i]);
	cr_expect_null(verb_find("upgrad"));
	cr_expect_null(verb_find("relo"));
}
