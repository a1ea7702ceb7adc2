/* SPDX-License-Identifier: Apache-2.0
 *
 * Slices and the bounded writer: every layer of every process reads and builds
 * text with these.  Nothing here allocates (but slice_dup) or does I/O.
 * Trap: out_printf wants one byte more than it prints, for vsnprintf's NUL.
 */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define NEAREST_WORD_MAX 64 /* longer words have no neighbours */

bool slice_is(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.ptr, b.ptr, a.len));
}

/* ASCII only, whatever the locale: protocol words are ASCII. */
static unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20)
				    : (unsigned char)c;
}

static bool is_prefix_nocase(const char *text, struct slice prefix)
{
	for (size_t i = 0; i < prefix.len; i++)
		if (lower(text[i]) != lower(prefix.ptr[i]))
			return false;
	return true;
}

bool slice_is_nocase(struct slice a, struct slice b)
{
	return a.len == b.len && is_prefix_nocase(a.ptr, b);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && is_prefix_nocase(s.ptr, prefix);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

ptrdiff_t slice_find(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return at ? at - s.ptr : -1;
}

struct slice slice_cut(struct slice *s, char c)
{
	struct slice whole = *s;
	ptrdiff_t at = slice_find(whole, c);

	if (at < 0) {
		*s = SLICE_NONE;
		return whole;
	}
	s->ptr = whole.ptr + at + 1;
	s->len = whole.len - (size_t)at - 1;
	return (struct slice){whole.ptr, (size_t)at};
}

static bool is_all_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return s.len > 0;
}

int slice_to_u64(struct slice s, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!is_all_digits(s))
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');

		if (value > (max - digit) / 10 || digit > max)
			return -ERANGE;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}

size_t slice_copy(struct slice s, char *buf, size_t size)
{
	size_t len = s.len < size ? s.len : size - 1;

	if (size == 0)
		return 0;
	if (len > 0)
		memcpy(buf, s.ptr, len);
	buf[len] = '\0';
	return len;
}

char *slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (copy)
		slice_copy(s, copy, s.len + 1);
	return copy;
}

/* Multiplying into 128 bits and folding: every input bit reaches every output
 * bit.  The constants are odd and without pattern (fractions of square
 * roots). */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t slice_hash(struct slice s, uint64_t seed)
{
	uint64_t hash = seed ^ fold(s.len + 0x6a09e667f3bcc909ull,
				    0xbb67ae8584caa73bull);
	uint64_t word = 0;

	while (s.len >= sizeof(word)) {
		memcpy(&word, s.ptr, sizeof(word));
		hash = fold(hash ^ word, 0x3c6ef372fe94f82bull);
		s.ptr += sizeof(word);
		s.len -= sizeof(word);
	}
	word = 0;
	if (s.len > 0)
		memcpy(&word, s.ptr, s.len);
	hash = fold(hash ^ word, 0xa54ff53a5f1d36f1ull);
	return fold(hash, 0x510e527fade682d1ull);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours, one each
 * (optimal string alignment), over three rows of the usual table. */
static size_t edit_distance(const char *a, size_t a_len, const char *b,
			    size_t b_len)
{
	size_t rows[3][NEAREST_WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t differ = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + differ);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    rows[(i + 1) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i + 1) % 3][j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *str_nearest(const char *word, const char *const *names)
{
	size_t word_len = strlen(word);
	size_t best =
		word_len / 3 + 1; /* farther than this is no typing slip */
	const char *nearest = NULL;

	if (word_len == 0 || word_len > NEAREST_WORD_MAX)
		return NULL;
	for (; *names; names++) {
		size_t len = strlen(*names), distance;

		if (len > NEAREST_WORD_MAX)
			continue;
		distance = edit_distance(word, word_len, *names, len);
		if (distance < best || (distance == best && !nearest)) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}

/* All of a piece or nothing of it, so that a full buffer never ends in half a
 * header. */
static char *take(struct out *out, size_t len)
{
	char *at = out->buf + out->len;

	if (out->is_full || len > out->size - out->len) {
		out->is_full = true;
		return NULL;
	}
	out->len += len;
	return at;
}

void out_slice(struct out *out, struct slice s)
{
	char *at = take(out, s.len);

	if (at && s.len > 0)
		memcpy(at, s.ptr, s.len);
}

void out_text(struct out *out, const char *text)
{
	out_slice(out, slice_of(text));
}

void out_char(struct out *out, char c)
{
	out_slice(out, (struct slice){&c, 1});
}

void out_u64(struct out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	out_slice(out, (struct slice){digits + at, sizeof(digits) - at});
}

void out_hex(struct out *out, const void *bytes, size_t n_bytes)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *byte = bytes;
	char *at = take(out, n_bytes * 2);

	for (size_t i = 0; at && i < n_bytes; i++) {
		*at++ = hex[byte[i] >> 4];
		*at++ = hex[byte[i] & 15];
	}
}

void out_printf(struct out *out, const char *format, ...)
{
	size_t room = out->size - out->len;
	va_list args;
	int n;

	if (out->is_full)
		return;
	va_start(args, format);
	n = vsnprintf(room ? out->buf + out->len : NULL, room, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		out->is_full = true;
	else
		out->len += (size_t)n;
}

const char *out_end(struct out *out)
{
	if (out->size == 0)
		return "";
	if (out->len == out->size) {
		out->len--;
		out->is_full = true;
	}
	out->buf[out->len] = '\0';
	return out->buf;
}
