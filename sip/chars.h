/* SPDX-License-Identifier: Apache-2.0
 *
 * Character classes of RFC 3261 25.1 as one 256-byte table: the scanner, the
 * URI and the parameter parsers ask it for every byte they look at closely.
 * Trap: CHAR_PARAM is wider than RFC 3261's token on purpose (peers put '@',
 * '/' and '=' into unquoted values); it still leaves out all that could end
 * the value or begin a comment.
 */
#ifndef SIP_CHARS_H
#define SIP_CHARS_H

#include "base/str.h"

enum char_class {
	CHAR_TOKEN = 1, /* token */
	CHAR_HOST = 2,	/* a host name or IPv4 address */
	CHAR_URI = 4,	/* anywhere in a URI, '%' included */
	CHAR_PARAM = 8, /* in an unquoted parameter value */
	CHAR_DIGIT = 16,
	CHAR_HEX = 32,
	CHAR_ALPHA = 64,
};

extern const uint8_t sip_char_class[256];

static inline bool sip_char_is(char c, enum char_class class)
{
	return sip_char_class[(unsigned char)c] & class;
}

static inline bool sip_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* How many leading bytes of s are of this class. */
static inline size_t sip_span(struct slice s, enum char_class class)
{
	size_t n = 0;

	while (n < s.len && sip_char_is(s.ptr[n], class))
		n++;
	return n;
}

/* Not empty, and all of this class. */
static inline bool sip_is_all(struct slice s, enum char_class class)
{
	return s.len > 0 && sip_span(s, class) == s.len;
}

/* Nothing skipped of SLICE_NONE is SLICE_NONE. */
static inline struct slice sip_skip(struct slice s, size_t n)
{
	return (struct slice){n ? s.ptr + n : s.ptr, s.len - n};
}

static inline struct slice sip_skip_blanks(struct slice s)
{
	while (s.len > 0 && sip_is_blank(*s.ptr))
		s = sip_skip(s, 1);
	return s;
}

static inline struct slice sip_first(struct slice s, size_t n)
{
	return (struct slice){s.ptr, n};
}

/* The length of the quoted string that s begins with, quotes included; 0 when
 * it does not end. */
size_t sip_quoted_len(struct slice s);

#endif
