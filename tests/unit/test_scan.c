/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/scan.c and sip/lines.c: what a good message yields, and the caps.  What
 * is refused stands in test_nasty.c.
 */
#include <criterion/criterion.h>

#include "tests/unit/sip_parts.h"

#define cr_expect_slice(s, text)                                               \
	cr_expect(slice_is(s, slice_of(text)), "'%.*s' is not '%s'",           \
		  SLICE_ARG(s), text)

static struct scanned *scan_good(void)
{
	return scan_with(PART_EXTRA, "");
}

Test(scan, a_good_request_is_cut_into_slices)
{
	struct scanned *s = scan_good();
	struct sip_message *m = &s->message;

	cr_assert_eq(s->verdict.status, 0);
	cr_expect(m->is_request);
	cr_expect_not(m->is_legacy);
	cr_expect_eq(m->method, SIP_INVITE);
	cr_expect_slice(m->uri, "sip:+4930123@192.0.2.10:5068");
	cr_expect_slice(m->branch, "z9hG4bK1");
	cr_expect_slice(m->sent_by, "198.51.100.7");
	cr_expect_eq(m->sent_by_port, 5066);
	cr_expect_slice(m->via_transport, "UDP");
	cr_expect(m->has_rport);
	cr_expect_slice(m->from, "\"A\" <sip:+4989@198.51.100.7>;tag=f1");
	cr_expect_slice(m->from_tag, "f1");
	cr_expect_null(m->to_tag.ptr);
	cr_expect_slice(m->call_id, "c1@198.51.100.7");
	cr_expect_eq(m->cseq, 1);
	cr_expect_eq(m->max_forwards, 70);
	cr_expect_slice(m->contact, "<sip:198.51.100.7:5066>");
	cr_expect_eq(m->n_headers, 8);
	cr_expect_eq(m->head.len, s->len);
}

Test(scan, a_response_takes_its_method_from_cseq)
{
	struct scanned *s =
		scan_with(PART_START, "SIP/2.0 183 Session Progress\r\n");

	cr_assert_eq(s->verdict.status, 0);
	cr_expect_not(s->message.is_request);
	cr_expect_eq(s->message.status, 183);
	cr_expect_eq(s->message.method, SIP_INVITE);
	cr_expect_slice(s->message.reason, "Session Progress");
}

Test(scan, a_reason_may_be_empty)
{
	struct scanned *s = scan_with(PART_START, "SIP/2.0 200 \r\n");

	cr_expect_eq(s->verdict.status, 0);
	cr_expect_eq(s->message.reason.len, 0);
	cr_expect_slice(s->message.branch, "z9hG4bK1");
}

Test(scan, an_unknown_method_is_a_good_message)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_START, SLICE("invite sip:a@b SIP/2.0\r\n"));
	parts_set(&parts, PART_CSEQ, SLICE("CSeq: 1 invite\r\n"));
	s = scan_parts(&parts, false);
	cr_expect_eq(s->verdict.status, 0);
	cr_expect_eq(s->message.method, SIP_UNKNOWN_METHOD);
	cr_expect_slice(s->message.method_text, "invite");
}

Test(scan, folds_and_tabs_become_spaces)
{
	struct scanned *s =
		scan_with(PART_EXTRA, "Subject: one\r\n\t two\tthree\r\n");
	const struct sip_header *subject =
		sip_header(&s->message, SIP_H_SUBJECT, 0);

	cr_assert_eq(s->verdict.status, 0);
	cr_expect_slice(subject->value, "one    two three");
}

Test(scan, a_tab_separates_cseq)
{
	struct scanned *s = scan_with(PART_CSEQ, "CSeq: 1\tINVITE\r\n");

	cr_expect_eq(s->verdict.status, 0);
	cr_expect_eq(s->message.cseq, 1);
}

Test(scan, compact_names_and_blanks_before_the_colon_are_the_same_header)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_VIA,
		  SLICE("v  : SIP/2.0/TCP a;branch=z9hG4bKx\r\n"));
	parts_set(&parts, PART_FROM, SLICE("F\t: sip:a@b ; tag = t\r\n"));
	parts_set(&parts, PART_LENGTH, SLICE("l:0\r\n"));
	parts_set(&parts, PART_EXTRA, SLICE("rOUTE : <sip:r;lr>\r\n"));
	s = scan_parts(&parts, true);
	cr_assert_eq(s->verdict.status, 0, "%s", s->verdict.reason);
	cr_expect_slice(s->message.branch, "z9hG4bKx");
	cr_expect_slice(s->message.from_tag, "t");
	cr_expect_slice(sip_header(&s->message, SIP_H_ROUTE, 0)->value,
			"<sip:r;lr>");
	cr_expect_slice(sip_header(&s->message, SIP_H_ROUTE, 0)->name, "rOUTE");
}

Test(scan, bare_lf_is_taken_if_the_whole_datagram_uses_it)
{
	static const char text[] = "OPTIONS sip:a SIP/2.0\n"
				   "Via: SIP/2.0/UDP b;branch=z9hG4bK2\n"
				   "From: sip:a@b;tag=1\nTo: sip:c@d\n"
				   "Call-ID: x\nCSeq: 7 OPTIONS\n\nbody\r\n";
	struct scanned *s = scan_bytes(slice_of(text), false);

	cr_expect_eq(s->verdict.status, 0, "%s", s->verdict.reason);
	cr_expect_slice(s->message.body, "body\r\n");
	s = scan_bytes(slice_of(text), true);
	cr_expect_eq(s->verdict.status, 400);
	cr_expect(s->verdict.is_fatal);
}

Test(scan, empty_lines_before_the_start_line_are_skipped)
{
	struct scanned *s =
		scan_with(PART_START, "\r\n\r\nINVITE sip:a@b SIP/2.0\r\n");

	cr_expect_eq(s->verdict.status, 0);
	cr_expect_eq(*s->message.head.ptr, 'I');
}

Test(scan, a_datagram_is_cut_to_content_length)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_LENGTH, SLICE("Content-Length: 2\r\n"));
	parts_set(&parts, PART_BODY, SLICE("ab\r\nINVITE"));
	s = scan_parts(&parts, false);
	cr_expect_eq(s->verdict.status, 0);
	cr_expect_slice(s->message.body, "ab");
	s = scan_parts(&parts, true);
	cr_expect_eq(s->verdict.status, 400, "a stream is exact");
	cr_expect(s->verdict.is_fatal);
}

Test(scan, a_datagram_without_content_length_has_all_the_rest_as_body)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_LENGTH, SLICE(""));
	parts_set(&parts, PART_BODY, SLICE(" \r\nabc\0def"));
	s = scan_parts(&parts, false);
	cr_expect_eq(s->verdict.status, 0);
	cr_expect_eq(s->message.body.len, 10);
	cr_expect_eq(scan_parts(&parts, true)->verdict.status, 400);
}

Test(scan, a_fold_before_the_blank_line_leaves_the_body_alone)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_LENGTH, SLICE("Content-Length: 8\r\n"));
	parts_set(&parts, PART_EXTRA, SLICE("X: a\r\n \r\n"));
	parts_set(&parts, PART_BODY, SLICE("a\r\n b\r\n\t"));
	s = scan_parts(&parts, true);
	cr_assert_eq(s->verdict.status, 0, "%s", s->verdict.reason);
	cr_expect_slice(s->message.body, "a\r\n b\r\n\t");
}

Test(scan, absent_max_forwards_is_told_from_zero)
{
	cr_expect_eq(scan_with(PART_MAX_FORWARDS, "")->message.max_forwards,
		     -1);
	cr_expect_eq(scan_with(PART_MAX_FORWARDS, "Max-Forwards: 0\r\n")
			     ->message.max_forwards,
		     0);
}

Test(scan, a_branch_without_the_cookie_is_legacy)
{
	struct scanned *s =
		scan_with(PART_VIA, "Via: SIP/2.0/UDP a;branch=1\r\n");

	cr_expect_eq(s->verdict.status, 0);
	cr_expect(s->message.is_legacy);
	s = scan_with(PART_VIA, "Via: SIP/2.0/UDP a\r\n");
	cr_expect_eq(s->verdict.status, 0);
	cr_expect(s->message.is_legacy);
	cr_expect_eq(s->message.branch.len, 0);
}

Test(scan, only_the_first_of_comma_vias_is_the_top)
{
	struct scanned *s = scan_with(
		PART_VIA, "Via: SIP/2.0/UDP a:1;branch=z9hG4bKa;x=\"p,q\" , "
			  "SIP/2.0/UDP b:2;branch=z9hG4bKb\r\n");

	cr_assert_eq(s->verdict.status, 0, "%s", s->verdict.reason);
	cr_expect_slice(s->message.via,
			"SIP/2.0/UDP a:1;branch=z9hG4bKa;x=\"p,q\"");
	cr_expect_slice(s->message.branch, "z9hG4bKa");
	cr_expect_eq(s->message.sent_by_port, 1);
}

Test(scan, a_control_character_after_a_backslash_in_quotes_is_legal)
{
	struct parts parts;
	struct scanned *s;

	parts_init(&parts);
	parts_set(&parts, PART_TO,
		  SLICE("To: \"nul\\\0 bel\\\a\" <sip:a@b>\r\n"));
	s = scan_parts(&parts, false);
	cr_expect_eq(s->verdict.status, 0, "%s", s->verdict.reason);
}

Test(scan, lists_are_searched_over_all_headers)
{
	struct scanned *s =
		scan_with(PART_EXTRA, "Supported: timer ,100REL\r\n"
				      "k: replaces;x=1\r\nSupported:\r\n");
	const struct sip_message *m = &s->message;

	cr_expect(sip_header_has(m, SIP_H_SUPPORTED, SLICE("100rel")));
	cr_expect(sip_header_has(m, SIP_H_SUPPORTED, SLICE("replaces")));
	cr_expect_not(sip_header_has(m, SIP_H_SUPPORTED, SLICE("time")));
	cr_expect_not(sip_header_has(m, SIP_H_REQUIRE, SLICE("timer")));
	cr_expect_not_null(sip_header(m, SIP_H_SUPPORTED, 2));
	cr_expect_null(sip_header(m, SIP_H_SUPPORTED, 3));
}

/* Caps: at the limit good, one above refused. */

static int status_of_many(enum part part, const char *first, const char *more,
			  unsigned n, const char *last)
{
	static char text[SIP_MESSAGE_MAX];
	struct out out = out_init(text, sizeof(text));
	struct parts parts;

	out_text(&out, first);
	for (unsigned i = 0; i < n; i++)
		out_text(&out, more);
	out_text(&out, last);
	parts_init(&parts);
	parts_set(&parts, part, out_as_slice(&out));
	return scan_parts(&parts, false)->verdict.status;
}

Test(scan, header_lines_are_capped)
{
	unsigned rest = SIP_LINES_MAX - 8;

	cr_expect_eq(status_of_many(PART_EXTRA, "", "a:b\r\n", rest, ""), 0);
	cr_expect_eq(status_of_many(PART_EXTRA, "", "a:b\r\n", rest + 1, ""),
		     400);
}

Test(scan, a_line_is_capped_with_its_folds)
{
	unsigned n = SIP_LINE_MAX - 3;

	cr_expect_eq(status_of_many(PART_EXTRA, "Y: ", "x", n, "\r\n"), 0);
	cr_expect_eq(status_of_many(PART_EXTRA, "Y: ", "x", n + 1, "\r\n"),
		     513);
	cr_expect_eq(
		status_of_many(PART_EXTRA, "Y: ", "\r\n ", n / 3 + 1, "x\r\n"),
		513);
}

Test(scan, vias_are_capped_by_value_not_by_line)
{
	cr_expect_eq(status_of_many(PART_EXTRA, "", "v:SIP/2.0/UDP a\r\n",
				    SIP_VIAS_MAX - 1, ""),
		     0);
	cr_expect_eq(status_of_many(PART_EXTRA, "", "v:SIP/2.0/UDP a\r\n",
				    SIP_VIAS_MAX, ""),
		     400);
	cr_expect_eq(status_of_many(PART_EXTRA, "Via: SIP/2.0/UDP a",
				    ",SIP/2.0/UDP a", SIP_VIAS_MAX - 1, "\r\n"),
		     400);
}

Test(scan, commas_and_semicolons_of_a_line_are_capped_outside_quotes)
{
	cr_expect_eq(status_of_many(PART_EXTRA, "Allow: a", ",a",
				    SIP_COMMAS_MAX, "\r\n"),
		     0);
	cr_expect_eq(status_of_many(PART_EXTRA, "Allow: a", ",a",
				    SIP_COMMAS_MAX + 1, "\r\n"),
		     400);
	cr_expect_eq(status_of_many(PART_FROM, "From: <sip:a@b>;tag=1", ";a",
				    SIP_SEMICOLONS_MAX - 1, "\r\n"),
		     0);
	cr_expect_eq(status_of_many(PART_FROM, "From: <sip:a@b>;tag=1", ";a",
				    SIP_SEMICOLONS_MAX, "\r\n"),
		     400);
	cr_expect_eq(status_of_many(PART_FROM, "From: \"", ";,", 300,
				    "\" <sip:a@b>;tag=1\r\n"),
		     0);
}

Test(scan, a_head_is_capped)
{
	char line[302];

	memset(line, 'x', sizeof(line));
	memcpy(line, "Y:", 2);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	cr_expect_eq(status_of_many(PART_EXTRA, "", line, 105, ""), 0);
	cr_expect_eq(status_of_many(PART_EXTRA, "", line, 110, ""), 513);
}
