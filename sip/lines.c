/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical lines of a message's head.  Called by sip_scan for every message, in
 * the worker and the simulator.  Every byte is looked at a fixed number of
 * times whatever the peer sends: that is the bound on the cost of a datagram.
 * Trap: changes the buffer (folds and HTAB to SP).
 */
#include "sip/lines.h"

#include <endian.h>

#include "sip/chars.h"
#include "sip/scan.h"

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

static uint64_t load_word(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

/* The high bit of each byte of `word` that equals c, and of no other. */
static uint64_t equal_bytes(uint64_t word, unsigned char c)
{
	uint64_t x = word ^ (ONES * c);

	return ~(((x & ~HIGHS) + ~HIGHS) | x | ~HIGHS);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The first control character at or after p, or end. */
static char *find_control(char *p, const char *end)
{
	if (p < end && is_control(*p)) /* a run of them stays cheap */
		return p;
	while (end - p >= 8) {
		uint64_t word = load_word(p);
		/* Below 0x20, exact up to and with the lowest hit. */
		uint64_t hits = (word - ONES * 0x20) & ~word & HIGHS;

		hits |= equal_bytes(word, 0x7f);
		if (hits)
			return p + __builtin_ctzll(hits) / 8;
		p += 8;
	}
	while (p < end && !is_control(*p))
		p++;
	return p;
}

static unsigned count_in_word(uint64_t marks)
{
	return (unsigned)(((marks >> 7) * ONES) >> 56);
}

static void count_marks(struct slice line, unsigned *commas, unsigned *semis)
{
	size_t i = 0;

	for (; line.len - i >= 8; i += 8) {
		uint64_t word = load_word(line.ptr + i);

		*commas += count_in_word(equal_bytes(word, ','));
		*semis += count_in_word(equal_bytes(word, ';'));
	}
	for (; i < line.len; i++) {
		*commas += line.ptr[i] == ',';
		*semis += line.ptr[i] == ';';
	}
}

/* As count_marks, but what stands in quotes does not count. */
static void count_unquoted(struct slice line, unsigned *commas, unsigned *semis)
{
	bool is_quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		if (c == '\\' && is_quoted)
			i++;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && c == ',')
			++*commas;
		else if (!is_quoted && c == ';')
			++*semis;
	}
}

static bool has_too_many_marks(struct slice line)
{
	unsigned commas = 0, semis = 0;

	if (line.len <= SIP_SEMICOLONS_MAX)
		return false;
	count_marks(line, &commas, &semis);
	if (commas <= SIP_COMMAS_MAX && semis <= SIP_SEMICOLONS_MAX)
		return false;
	commas = semis = 0;
	count_unquoted(line, &commas, &semis);
	return commas > SIP_COMMAS_MAX || semis > SIP_SEMICOLONS_MAX;
}

/* Control characters are legal in one place only: after a backslash in a
 * quoted string (RFC 3261 25.1 quoted-pair, RFC 4475 3.1.1.2). */
static bool has_bad_control(struct slice line)
{
	bool is_quoted = false;

	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		if (c == '\\' && is_quoted)
			i++;
		else if (is_control(c))
			return true;
		else if (c == '"')
			is_quoted = !is_quoted;
	}
	return false;
}

void lines_init(struct lines *lines, char *buf, size_t len, bool is_lf_allowed)
{
	*lines = (struct lines){
		.at = buf, .end = buf + len, .is_lf_allowed = is_lf_allowed};
}

/* The length of the line end at p: 0 when it is none or of the other kind. */
static size_t line_end_len(struct lines *lines, const char *p)
{
	bool is_lf = *p == '\n';

	if (!is_lf && (lines->end - p < 2 || p[1] != '\n'))
		return 0;
	if (!lines->is_started) {
		lines->is_started = true;
		lines->has_bare_lf = is_lf && lines->is_lf_allowed;
	}
	if (is_lf != lines->has_bare_lf)
		return 0;
	return is_lf ? 1 : 2;
}

/* Moves to the end of the logical line that begins at `at`; its end is where
 * the returned pointer stands, NULL when the head is broken or cut. */
static char *logical_line_end(struct lines *lines, size_t *ret_eol_len,
			      bool *ret_has_control)
{
	char *p = lines->at;

	for (;;) {
		p = find_control(p, lines->end);
		if (p == lines->end) {
			lines->why = "No end of the headers";
			return NULL;
		}
		if (*p == '\t') {
			*p++ = ' ';
		} else if (*p != '\r' && *p != '\n') {
			*ret_has_control = true;
			p++;
		} else {
			size_t n = line_end_len(lines, p);

			if (n == 0) {
				lines->why = "Bad line end";
				return NULL;
			}
			*ret_eol_len = n;
			if (p == lines->at || p + n == lines->end ||
			    !sip_is_blank(p[n]))
				return p;
			lines->was_folded = true;
			memset(p, ' ', n + 1);
			p += n + 1;
		}
	}
}

enum lines_result lines_next(struct lines *lines, struct slice *ret_line)
{
	struct slice line = {lines->at, 0};
	bool has_control = false;
	size_t eol_len = 0;
	char *end;

	lines->was_folded = false;
	end = logical_line_end(lines, &eol_len, &has_control);
	if (!end)
		return LINES_BROKEN;
	line.len = (size_t)(end - lines->at);
	lines->at = end + eol_len;
	if (line.len == 0)
		return LINES_BLANK;
	if (line.len > SIP_LINE_MAX) {
		lines->why = "Line too long";
		return LINES_LONG;
	}
	if (has_control && has_bad_control(line)) {
		lines->why = "Control character";
		return LINES_BAD;
	}
	if (has_too_many_marks(line)) {
		lines->why = "Too many values in a line";
		return LINES_BAD;
	}
	*ret_line = line;
	return LINES_LINE;
}
