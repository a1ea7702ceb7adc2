/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/frame.c: where messages of a stream end, however they arrive.
 */
#include <criterion/criterion.h>

#include "tests/unit/sip_parts.h"

#define HEAD                                                                   \
	"OPTIONS sip:a@b SIP/2.0\r\n"                                          \
	"Via: SIP/2.0/TCP a;branch=z9hG4bK1\r\n"

static enum sip_frame_state frame(struct slice text, size_t *ret_len)
{
	return sip_frame(text.ptr, text.len, ret_len);
}

/* As a peer that sends byte by byte would have it, checking that MORE never
 * asks for more than the message has. */
static enum sip_frame_state frame_slowly(struct slice text, size_t *ret_len)
{
	enum sip_frame_state state = SIP_FRAME_MORE;
	size_t needed = 1;

	for (size_t n = 1; n <= text.len && state == SIP_FRAME_MORE; n++) {
		state = sip_frame(text.ptr, n, ret_len);
		if (state == SIP_FRAME_WHOLE)
			cr_expect_geq(n, needed);
		else if (state == SIP_FRAME_MORE)
			cr_expect_gt(*ret_len, n);
		needed = *ret_len;
	}
	return state;
}

static const struct {
	const char *name;
	const char *text;
	enum sip_frame_state state;
	size_t len; /* 0: not checked */
} cases[] = {
	{"body", HEAD "Content-Length: 2\r\n\r\nab", SIP_FRAME_WHOLE, 84},
	{"no body", HEAD "l:0\r\n\r\n", SIP_FRAME_WHOLE, 0},
	{"blank before the colon", HEAD "Content-Length \t: 0\r\n\r\n",
	 SIP_FRAME_WHOLE, 0},
	{"folded length", HEAD "Content-Length:\r\n  0 \r\n\t\r\n\r\n",
	 SIP_FRAME_WHOLE, 0},
	{"half a body", HEAD "l: 5\r\n\r\nab", SIP_FRAME_MORE, 0},
	{"no length", HEAD "\r\n", SIP_FRAME_BAD, 0},
	{"two lengths", HEAD "l: 0\r\nl: 0\r\n\r\n", SIP_FRAME_BAD, 0},
	{"negative length", HEAD "l: -1\r\n\r\n", SIP_FRAME_BAD, 0},
	{"length with letters", HEAD "l: 2a\r\n\r\nab", SIP_FRAME_BAD, 0},
	{"seven digits", HEAD "l: 0000001\r\n\r\na", SIP_FRAME_BAD, 0},
	{"2^32 + 1", HEAD "l: 4294967297\r\n\r\na", SIP_FRAME_BAD, 0},
	{"length in two folds", HEAD "l: 1\r\n 0\r\n\r\n", SIP_FRAME_BAD, 0},
	{"length that hides behind a fold", HEAD "Y: x\r\n l: 0\r\n\r\n",
	 SIP_FRAME_BAD, 0},
	{"bare LF", HEAD "A: b\nl: 0\r\n\r\n", SIP_FRAME_BAD, 0},
	{"above the limit", HEAD "l: 65535\r\n\r\n", SIP_FRAME_BIG, 0},
	{"six digits", HEAD "l: 999999\r\n\r\n", SIP_FRAME_BIG, 0},
	{"ping", "\r\n\r\n", SIP_FRAME_PING, 4},
	{"ping and more", "\r\n\r\nOPTIONS", SIP_FRAME_PING, 4},
	{"half a ping", "\r\n", SIP_FRAME_MORE, 4},
	{"single CRLF before a message", "\r\nOPTIONS", SIP_FRAME_SKIP, 2},
	{"length hidden by a control character", HEAD "l: 5\1\r\nl: 0\r\n\r\n",
	 SIP_FRAME_BAD, 0},
	{"bare LF before a message", "\n" HEAD "l: 0\r\n\r\n", SIP_FRAME_BAD,
	 0},
	{"bare LF between messages", "\n", SIP_FRAME_BAD, 0},
	{"bare CR between messages", "\rX", SIP_FRAME_BAD, 0},
};

static struct slice text_of(size_t i)
{
	return slice_of(cases[i].text);
}

Test(frame, every_case_is_framed_at_once_and_byte_by_byte)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = 0, slow_len = 0;

		cr_expect_eq(frame(text_of(i), &len), cases[i].state, "%s",
			     cases[i].name);
		if (cases[i].len)
			cr_expect_eq(len, cases[i].len, "%s: %zu",
				     cases[i].name, len);
		if (cases[i].state == SIP_FRAME_SKIP ||
		    cases[i].state == SIP_FRAME_PING)
			continue;
		cr_expect_eq(frame_slowly(text_of(i), &slow_len),
			     cases[i].state, "%s slowly", cases[i].name);
		if (cases[i].state == SIP_FRAME_WHOLE)
			cr_expect_eq(slow_len, len, "%s", cases[i].name);
	}
}

/* Whatever cannot be framed, the scan must refuse and close as well. */
Test(frame, what_is_bad_here_is_fatal_to_the_scan)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct scanned *s;

		if (cases[i].state != SIP_FRAME_BAD)
			continue;
		s = scan_bytes(text_of(i), true);
		cr_expect_neq(s->verdict.status, 0, "%s", cases[i].name);
		cr_expect(s->verdict.is_fatal, "%s", cases[i].name);
	}
}

Test(frame, messages_in_one_segment_are_told_apart)
{
	struct slice text =
		SLICE(HEAD "l: 3\r\n\r\nabc\r\n" HEAD "l: 0\r\n\r\n\r\n\r\n");
	static const enum sip_frame_state wanted[] = {
		SIP_FRAME_WHOLE, SIP_FRAME_SKIP, SIP_FRAME_WHOLE,
		SIP_FRAME_PING};

	for (size_t i = 0; i < 4; i++) {
		size_t len = 0;

		cr_assert_eq(frame(text, &len), wanted[i], "message %zu", i);
		text.ptr += len;
		text.len -= len;
	}
	cr_expect_eq(text.len, 0);
}

Test(frame, a_head_without_end_is_too_big_at_the_limit)
{
	static char text[SIP_HEAD_MAX + 1];
	size_t len;

	memset(text, 'a', sizeof(text));
	cr_expect_eq(sip_frame(text, SIP_HEAD_MAX, &len), SIP_FRAME_MORE);
	cr_expect_eq(sip_frame(text, sizeof(text), &len), SIP_FRAME_BIG);
}

Test(frame, a_message_is_too_big_before_its_body_has_come)
{
	char text[512];
	struct out out = out_init(text, sizeof(text));
	size_t len, head = sizeof(HEAD "l: 65000\r\n\r\n") - 1;

	out_printf(&out, HEAD "l: %zu\r\n\r\n", SIP_MESSAGE_MAX - head);
	cr_expect_eq(frame(out_as_slice(&out), &len), SIP_FRAME_MORE);
	cr_expect_eq(len, SIP_MESSAGE_MAX);
	out.len = 0;
	out_printf(&out, HEAD "l: %zu\r\n\r\n", SIP_MESSAGE_MAX - head + 1);
	cr_expect_eq(frame(out_as_slice(&out), &len), SIP_FRAME_BIG);
}
