/* SPDX-License-Identifier: Apache-2.0
 *
 * Hostile and broken messages, each one change away from a good INVITE, with
 * the verdict they must get as a datagram.  A row is a case: add one for
 * every message that ever misled us.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/uri.h"
#include "tests/unit/sip_parts.h"

#define DROP (-1) /* refused and not to be answered */
#define T(lit)                                                                 \
	{                                                                      \
		(lit), sizeof(lit) - 1                                         \
	}

static const struct nasty {
	const char *name;
	enum part part;
	struct slice text;
	int status; /* 0 good */
} cases[] = {
	/* start lines of responses */
	{"status line without SP after the code", PART_START,
	 T("SIP/2.0 200\r\n"), DROP},
	{"status above 2^32", PART_START,
	 T("SIP/2.0 4294967496 better not\r\n"), DROP},
	{"negative status", PART_START, T("SIP/2.0 -200 OK\r\n"), DROP},
	{"status with letters", PART_START, T("SIP/2.0 200abc OK\r\n"), DROP},
	{"status 999", PART_START, T("SIP/2.0 999 No\r\n"), DROP},
	{"status 99", PART_START, T("SIP/2.0 099 No\r\n"), DROP},
	{"status 700", PART_START, T("SIP/2.0 700 No\r\n"), DROP},
	{"two digits", PART_START, T("SIP/2.0 20 OK\r\n"), DROP},
	{"response of version 7", PART_START, T("SIP/7.0 200 OK\r\n"), DROP},
	{"response with NUL in the reason", PART_START,
	 T("SIP/2.0 200 O\0K\r\n"), DROP},
	/* start lines of requests */
	{"line end in the method", PART_START,
	 T("X\r\nINVITE sip:a@b SIP/2.0\r\n"), 400},
	{"line end in the URI", PART_START,
	 T("INVITE sip:a\r\nX: @b SIP/2.0\r\n"), 400},
	{"folded start line", PART_START, T("INVITE sip:a@b\r\n SIP/2.0\r\n"),
	 400},
	{"two spaces before the URI", PART_START,
	 T("INVITE  sip:a@b SIP/2.0\r\n"), 400},
	{"no URI at all", PART_START, T("INVITE  SIP/2.0\r\n"), 400},
	{"trailing space", PART_START, T("INVITE sip:a@b SIP/2.0 \r\n"), 400},
	{"leading space", PART_START, T(" INVITE sip:a@b SIP/2.0\r\n"), 400},
	{"method alone", PART_START, T("INVITE\r\n"), 400},
	{"no version", PART_START, T("INVITE sip:a@b\r\n"), 400},
	{"other protocol", PART_START, T("INVITE sip:a@b HTTP/1.1\r\n"), 400},
	{"version 7", PART_START, T("INVITE sip:a@b SIP/7.0\r\n"), 505},
	{"version of dots", PART_START, T("INVITE sip:a@b SIP/9..9\r\n"), 505},
	{"version in lower case", PART_START, T("INVITE sip:a@b sip/2.0\r\n"),
	 0},
	{"method is no token", PART_START, T("INV\"ITE sip:a@b SIP/2.0\r\n"),
	 400},
	{"NUL in the start line", PART_START, T("INVITE sip:a\0@b SIP/2.0\r\n"),
	 400},
	{"URI in angle brackets", PART_START, T("INVITE <sip:a@b> SIP/2.0\r\n"),
	 400},
	{"URI with headers", PART_START,
	 T("INVITE sip:a@b?Route=%3Csip:c%3E SIP/2.0\r\n"), 400},
	{"URI without a scheme", PART_START, T("INVITE a@b SIP/2.0\r\n"), 400},
	{"URI of another scheme", PART_START, T("INVITE sipx:a@b SIP/2.0\r\n"),
	 0},
	{"URI of a scheme with a dot", PART_START,
	 T("INVITE soap.beep://a:3002 SIP/2.0\r\n"), 0},
	{"URI with a huge port", PART_START,
	 T("INVITE sip:a@b:999999 SIP/2.0\r\n"), 400},
	{"URI with letters in the port", PART_START,
	 T("INVITE sip:a@b:9abcd SIP/2.0\r\n"), 400},
	{"URI with port 0", PART_START, T("INVITE sip:a@b:0 SIP/2.0\r\n"), 400},
	{"IPv6 without brackets", PART_START,
	 T("INVITE sip:2001:db8::10 SIP/2.0\r\n"), 400},
	{"IPv6 with three colons", PART_START,
	 T("INVITE sip:[2001:db8:::1] SIP/2.0\r\n"), 400},
	{"URI with two at signs", PART_START, T("INVITE sip:a@b@c SIP/2.0\r\n"),
	 400},
	{"URI with a quote", PART_START, T("INVITE sip:a\"@b SIP/2.0\r\n"),
	 400},
	{"URI above 0x7f", PART_START, T("INVITE sip:\xff@b SIP/2.0\r\n"), 400},
	/* line ends and control characters */
	{"bare LF between headers", PART_EXTRA,
	 T("X-A: 1\nRoute: <sip:evil>\r\n"), 400},
	{"bare CR between headers", PART_EXTRA,
	 T("X-A: 1\rRoute: <sip:evil>\r\n"), 400},
	{"two CR", PART_EXTRA, T("X-A: 1\r\r\nX-B: 2\r\n"), 400},
	{"NUL in a header", PART_EXTRA, T("X-A: 1\0\r\n"), 400},
	{"DEL in a header", PART_EXTRA, T("X-A: 1\x7f\r\n"), 400},
	{"escape sequence in a header", PART_EXTRA,
	 T("User-Agent: \x1b[2J\r\n"), 400},
	{"NUL in a name", PART_EXTRA, T("X\0A: 1\r\n"), 400},
	{"backslash and NUL outside quotes", PART_EXTRA, T("Subject: \\\0\r\n"),
	 400},
	{"first header folded onto the start line", PART_VIA,
	 T(" Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"), DROP},
	{"line without colon", PART_EXTRA, T("no colon here\r\n"), 400},
	{"empty name", PART_EXTRA, T(": x\r\n"), 400},
	{"blank in a name", PART_EXTRA, T("X A: x\r\n"), 400},
	/* Content-Length */
	{"length -1", PART_LENGTH, T("Content-Length: -1\r\n"), 400},
	{"length +0", PART_LENGTH, T("Content-Length: +0\r\n"), 400},
	{"length 0abc", PART_LENGTH, T("Content-Length: 0abc\r\n"), 400},
	{"length 0x0", PART_LENGTH, T("Content-Length: 0x0\r\n"), 400},
	{"length 2^32", PART_LENGTH, T("Content-Length: 4294967296\r\n"), 400},
	{"length 10^20", PART_LENGTH,
	 T("Content-Length: 100000000000000000000\r\n"), 400},
	{"length of seven digits", PART_LENGTH,
	 T("Content-Length: 0000000\r\n"), 400},
	{"length empty", PART_LENGTH, T("Content-Length:\r\n"), 400},
	{"length of two words", PART_LENGTH, T("Content-Length: 0 0\r\n"), 400},
	{"length twice, equal", PART_LENGTH, T("Content-Length: 0\r\nl: 0\r\n"),
	 400},
	{"length twice, unequal", PART_LENGTH,
	 T("Content-Length: 0\r\nContent-Length: 5\r\n"), 400},
	{"length above the datagram", PART_LENGTH, T("Content-Length: 1\r\n"),
	 400},
	/* mandatory headers */
	{"no Via", PART_VIA, T(""), DROP},
	{"no From", PART_FROM, T(""), 400},
	{"no To", PART_TO, T(""), 400},
	{"no Call-ID", PART_CALL_ID, T(""), 400},
	{"no CSeq", PART_CSEQ, T(""), 400},
	{"empty Via", PART_VIA, T("Via:\r\n"), 400},
	{"empty From", PART_FROM, T("From:\r\n"), 400},
	{"empty Call-ID", PART_CALL_ID, T("Call-ID:\r\n"), 400},
	{"blank in Call-ID", PART_CALL_ID, T("Call-ID: a b\r\n"), 400},
	/* single headers */
	{"two From", PART_EXTRA, T("f: <sip:x@y>;tag=2\r\n"), 400},
	{"two To", PART_EXTRA, T("To: <sip:x@y>\r\n"), 400},
	{"two Call-ID", PART_EXTRA, T("i: c1@198.51.100.7\r\n"), 400},
	{"two CSeq", PART_EXTRA, T("CSeq: 1 INVITE\r\n"), 400},
	{"two Max-Forwards", PART_EXTRA, T("Max-Forwards: 70\r\n"), 400},
	{"two Contacts", PART_EXTRA, T("m: <sip:a>\r\n"), 400},
	{"two tags in From", PART_FROM, T("From: <sip:a@b>;tag=1;tag=1\r\n"),
	 400},
	{"two tags in To", PART_TO, T("To: <sip:a@b>;tag=1;TAG=2\r\n"), 400},
	{"empty tag", PART_FROM, T("From: <sip:a@b>;tag=\r\n"), 400},
	{"two From in a line", PART_FROM,
	 T("From: <sip:a@b>;tag=1, <sip:c@d>\r\n"), 400},
	/* Via */
	{"two branches", PART_VIA,
	 T("Via: SIP/2.0/UDP a;branch=z9hG4bK1;branch=z9hG4bK2\r\n"), 400},
	{"cookie alone", PART_VIA, T("Via: SIP/2.0/UDP a;branch=z9hG4bK\r\n"),
	 400},
	{"empty branch", PART_VIA, T("Via: SIP/2.0/UDP a;branch=\r\n"), 400},
	{"branch with a comment", PART_VIA,
	 T("Via: SIP/2.0/UDP a;branch=z9hG4bKx(aa)bb;received=1.2.3.4\r\n"),
	 400},
	{"Via of separators", PART_VIA, T("Via: SIP/2.0/UDP a;;,;,,\r\n"), 400},
	{"Via without host", PART_VIA,
	 T("Via: SIP/2.0/UDP ;branch=z9hG4bK1\r\n"), 400},
	{"Via without transport", PART_VIA,
	 T("Via: SIP/2.0 a;branch=z9hG4bK1\r\n"), 400},
	{"Via with port 99999", PART_VIA,
	 T("Via: SIP/2.0/UDP a:99999;branch=z9hG4bK1\r\n"), 400},
	{"Via with IPv6 without brackets", PART_VIA,
	 T("Via: SIP/2.0/UDP 2001:db8::1;branch=z9hG4bK1\r\n"), 400},
	{"second Via broken", PART_EXTRA, T("Via: nonsense\r\n"), 400},
	{"blanks everywhere in Via", PART_VIA,
	 T("v :  SIP / 2.0 / UDP  a : 5060 ; branch = z9hG4bK1 ; rport\r\n"),
	 0},
	/* numbers */
	{"CSeq 2^31", PART_CSEQ, T("CSeq: 2147483648 INVITE\r\n"), 400},
	{"CSeq 2^31 - 1", PART_CSEQ, T("CSeq: 2147483647 INVITE\r\n"), 0},
	{"CSeq 2^32 + 1", PART_CSEQ, T("CSeq: 4294967297 INVITE\r\n"), 400},
	{"CSeq of letters", PART_CSEQ, T("CSeq: abc INVITE\r\n"), 400},
	{"CSeq without method", PART_CSEQ, T("CSeq: 1\r\n"), 400},
	{"CSeq of another method", PART_CSEQ, T("CSeq: 1 OPTIONS\r\n"), 400},
	{"CSeq of another case", PART_CSEQ, T("CSeq: 1 invite\r\n"), 400},
	{"unknown method and another CSeq", PART_START,
	 T("NEWMETHOD sip:a@b SIP/2.0\r\n"), 501},
	{"Max-Forwards 256", PART_MAX_FORWARDS, T("Max-Forwards: 256\r\n"),
	 400},
	{"Max-Forwards 255", PART_MAX_FORWARDS, T("Max-Forwards: 255\r\n"), 0},
	{"Max-Forwards -1", PART_MAX_FORWARDS, T("Max-Forwards: -1\r\n"), 400},
	{"Max-Forwards empty", PART_MAX_FORWARDS, T("Max-Forwards:\r\n"), 400},
	/* addresses */
	{"quote without end", PART_TO, T("To: \"A <sip:a@b>\r\n"), 400},
	{"comma in an unquoted name", PART_FROM,
	 T("From: Bell, A <sip:a@b>;tag=1\r\n"), 400},
	{"blanks in the brackets", PART_TO, T("To: < sip:a@b >\r\n"), 400},
	{"bracket without end", PART_TO, T("To: <sip:a@b\r\n"), 400},
	{"quote without end in Contact", PART_CONTACT,
	 T("Contact: \"A <sip:a@b>\r\n"), 400},
	{"junk behind the brackets", PART_TO, T("To: <sip:a@b> junk\r\n"), 400},
	{"name directly before the bracket", PART_TO, T("To: A<sip:a@b>\r\n"),
	 0},
	{"another scheme in To", PART_TO, T("To: isbn:2983792873\r\n"), 0},
	/* an ACK is never answered (RFC 3261 17.1.1.3) */
	{"ACK that does not match", PART_START, T("ACK sip:a@b SIP/2.0\r\n"),
	 DROP},
};

Test(nasty, every_case_gets_its_verdict)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct nasty *c = &cases[i];
		struct sip_verdict *v;
		struct parts parts;

		parts_init(&parts);
		parts_set(&parts, c->part, c->text);
		v = &scan_parts(&parts, false)->verdict;
		if (c->status == DROP) {
			cr_expect_neq(v->status, 0, "%s", c->name);
			cr_expect_not(v->is_answerable, "%s", c->name);
			continue;
		}
		cr_expect_eq(v->status, c->status, "%s: %d %s", c->name,
			     v->status, v->reason ? v->reason : "");
		cr_expect_eq(v->is_answerable, c->status != 0, "%s", c->name);
		cr_expect_eq(v->status == 0, v->reason == NULL, "%s", c->name);
	}
}

Test(nasty, what_is_refused_never_becomes_a_header_with_controls)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sip_message *m;
		struct parts parts;

		parts_init(&parts);
		parts_set(&parts, cases[i].part, cases[i].text);
		m = &scan_parts(&parts, false)->message;
		for (unsigned n = 0; n < m->n_headers; n++) {
			struct slice value = m->headers[n].value;

			cr_expect_lt(slice_find(value, '\n'), 0);
			cr_expect_lt(slice_find(value, '\r'), 0);
			cr_expect_lt(slice_find(value, '\0'), 0);
		}
		cr_expect_null(sip_header(m, SIP_H_ROUTE, 0), "%s",
			       cases[i].name);
	}
}

/* Mandatory headers left out in every combination. */
Test(nasty, any_subset_of_the_mandatory_headers_is_judged)
{
	static const enum part mandatory[] = {PART_VIA, PART_FROM, PART_TO,
					      PART_CALL_ID, PART_CSEQ};

	for (unsigned missing = 0; missing < 32; missing++) {
		struct sip_verdict *v;
		struct parts parts;

		parts_init(&parts);
		for (unsigned i = 0; i < 5; i++)
			if (missing >> i & 1)
				parts_set(&parts, mandatory[i], SLICE(""));
		v = &scan_parts(&parts, false)->verdict;
		cr_expect_eq(v->status, missing ? 400 : 0);
		cr_expect_eq(v->is_answerable, missing && !(missing & 1));
	}
}

/* Whatever is cut off, the rest is judged and nothing is read behind it. */
Test(nasty, a_message_cut_anywhere_is_refused)
{
	char text[2048];
	struct parts parts;
	size_t len;

	parts_init(&parts);
	len = parts_write(&parts, text, sizeof(text));
	for (size_t n = 0; n < len; n++)
		cr_expect_neq(scan_bytes((struct slice){text, n}, false)
				      ->verdict.status,
			      0, "cut to %zu bytes", n);
}
