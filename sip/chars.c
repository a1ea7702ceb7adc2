/* SPDX-License-Identifier: Apache-2.0
 *
 * The character classes of sip/chars.h.  Constant data and one small walk;
 * used in every process that reads SIP.
 */
#include "sip/chars.h"

#define EVERYWHERE (CHAR_TOKEN | CHAR_HOST | CHAR_URI | CHAR_PARAM)
#define IN_TOKENS  (CHAR_TOKEN | CHAR_URI | CHAR_PARAM)
#define IN_VALUES  (CHAR_URI | CHAR_PARAM)
#define HEX_LETTER (EVERYWHERE | CHAR_HEX | CHAR_ALPHA)
#define LETTER	   (EVERYWHERE | CHAR_ALPHA)

/* What is missing (controls, SP, quotes, angle brackets, '\', '^') is 0. */
const uint8_t sip_char_class[256] = {
	['0' ... '9'] = EVERYWHERE | CHAR_DIGIT | CHAR_HEX,
	['a' ... 'f'] = HEX_LETTER,
	['g' ... 'z'] = LETTER,
	['A' ... 'F'] = HEX_LETTER,
	['G' ... 'Z'] = LETTER,
	['-'] = EVERYWHERE,
	['.'] = EVERYWHERE,
	['_'] = EVERYWHERE,
	['!'] = IN_TOKENS,
	['%'] = IN_TOKENS,
	['*'] = IN_TOKENS,
	['+'] = IN_TOKENS,
	['`'] = IN_TOKENS,
	['\''] = IN_TOKENS,
	['~'] = IN_TOKENS,
	['#'] = IN_VALUES,
	['$'] = IN_VALUES,
	['&'] = IN_VALUES,
	['/'] = IN_VALUES,
	[':'] = IN_VALUES,
	['='] = IN_VALUES,
	['?'] = IN_VALUES,
	['@'] = IN_VALUES,
	['['] = IN_VALUES,
	[']'] = IN_VALUES,
	[','] = CHAR_URI,
	[';'] = CHAR_URI,
	['('] = CHAR_URI,
	[')'] = CHAR_URI,
	['{'] = CHAR_PARAM,
	['|'] = CHAR_PARAM,
	['}'] = CHAR_PARAM,
	[0x80 ... 0xff] = CHAR_PARAM,
};

size_t sip_quoted_len(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return i + 1;
	}
	return 0;
}
