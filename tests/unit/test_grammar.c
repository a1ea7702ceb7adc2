/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/grammar.c: what libosip2 may judge, and that it does so without a sound
 * and within its arena.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>

#include "sip/uri.h"
#include "tests/unit/sip_parts.h"

static int check(struct slice head)
{
	const char *why = NULL;
	int result = sip_check_grammar(head, &why);

	cr_expect_not_null(why);
	return result;
}

static int check_with(enum part part, const char *text)
{
	return check(scan_with(part, text)->message.head);
}

Test(grammar, a_good_head_is_good_again_and_again)
{
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(check_with(PART_EXTRA, ""), 0);
}

Test(grammar, content_length_is_kept_from_libosip2)
{
	cr_expect_eq(check_with(PART_LENGTH, "Content-Length : 500\r\n"), 0);
	cr_expect_eq(check_with(PART_LENGTH, "l: 500\r\n"), 0);
}

Test(grammar, a_scheme_that_libosip2_does_not_know_is_good)
{
	cr_expect_eq(check_with(PART_START, "INVITE soap.beep://a SIP/2.0\r\n"),
		     0);
}

Test(grammar, lf_alone_is_a_line_end)
{
	cr_expect_eq(check(SLICE("OPTIONS sip:a@b SIP/2.0\n"
				 "Via: SIP/2.0/UDP b;branch=z9hG4bK2\n"
				 "From: sip:a@b;tag=1\nTo: sip:c@d\n"
				 "Call-ID: x\nCSeq: 7 OPTIONS\n\n")),
		     0);
}

Test(grammar, what_the_scan_does_not_look_into_is_judged,
     .init = cr_redirect_stdout)
{
	cr_expect_eq(check_with(PART_EXTRA, "Content-Type: nonsense\r\n"),
		     -EINVAL);
	cr_expect_eq(check_with(PART_EXTRA, "Route: nonsense\r\n"), -EINVAL);
	fflush(stdout);
	fputs("end", stdout);
	fflush(stdout);
	cr_expect_stdout_eq_str("end", "libosip2 has no voice");
}

Test(grammar, a_head_at_the_limit_fits_the_arena)
{
	static char extra[SIP_HEAD_MAX];
	struct out out = out_init(extra, SIP_HEAD_MAX - 600);

	for (int i = 0; i < 100; i++) {
		out_text(&out, "Allow: a");
		for (int k = 0; k < 60; k++)
			out_text(&out, ",abc");
		out_text(&out, "\r\n");
	}
	out_text(&out, "");
	/* Cut at the last whole line. */
	while (out.len > 0 && extra[out.len - 1] != '\n')
		out.len--;
	extra[out.len] = 0;
	cr_expect_eq(check_with(PART_EXTRA, extra), 0);
}

Test(grammar, a_head_above_the_limit_is_refused)
{
	static char head[SIP_HEAD_MAX + 1];

	memset(head, 'a', sizeof(head));
	cr_expect_eq(check((struct slice){head, sizeof(head)}), -EINVAL);
}
