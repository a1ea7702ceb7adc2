/* SPDX-License-Identifier: Apache-2.0
 *
 * Spelling of log lines: logfmt, and JSON made from the same pairs.  Pure; in
 * every program, called by base/log.c.
 * Trap: the text may hold what a peer sent.  Nothing printed here can end the
 * line, move a terminal's cursor or be other than UTF-8.  The escapes of
 * log_quote are JSON's, so that a quoted value stands in both formats as is.
 */
#include "base/log_format.h"

#include "base/clock.h"

#define CUT_ROOM 16 /* for ` cut=1` or `,"cut":true}`, and the newline */

/* Length of the printable UTF-8 character at the front of s; 0 if there is
 * none: control characters (also U+0080-U+009F, which terminals obey), broken,
 * overlong and surrogate sequences. */
static size_t printable_len(struct slice s)
{
	static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.ptr[0];
	size_t len = first < 0x80	? 1
		     : first >> 5 == 6	? 2
		     : first >> 4 == 14 ? 3
		     : first >> 3 == 30 ? 4
					: 0;
	uint32_t point = len > 1 ? first & (0x7fu >> len) : first;

	if (len == 0 || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s.ptr[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	}
	if (point < least[len] || point == 0x7f || point > 0x10ffff ||
	    (point >= 0xd800 && point < 0xe000))
		return 0;
	return len;
}

/* Copies one character (or the escape of one byte) and moves on.  The
 * characters of `escape` get a backslash. */
static void put_char(struct out *out, struct slice *s, const char *escape)
{
	size_t len = printable_len(*s);

	if (len == 0) {
		out_printf(out, "\\u%04x", (unsigned char)s->ptr[0]);
		len = 1;
	} else {
		if (len == 1 && strchr(escape, s->ptr[0]))
			out_char(out, '\\');
		out_slice(out, (struct slice){s->ptr, len});
	}
	s->ptr += len;
	s->len -= len;
}

static bool wants_quotes(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] <= ' ' || strchr("\"\\=", s.ptr[i]))
			return true;
	return s.len == 0;
}

const char *log_quote(const char *text, int len)
{
	static char ring[8][256];
	static unsigned next;
	struct slice s = {text, text && len > 0 ? (size_t)len : 0};
	struct out out = out_init(ring[next++ % 8], sizeof(ring[0]));
	bool is_quoted = wants_quotes(s);

	if (is_quoted)
		out_char(&out, '"');
	while (s.len > 0 && out.len + 10 < out.size) /* escape, quote, NUL */
		put_char(&out, &s, "\"\\");
	if (is_quoted)
		out_char(&out, '"');
	return out_end(&out);
}

/* ---- logfmt ------------------------------------------------------------- */

void log_format_logfmt(struct out *out, const struct log_line *line)
{
	struct slice pairs = line->pairs;
	char now[32];

	out_printf(out, "ts=%s level=%s who=%s event=%s",
		   clock_wall_text(line->wall_us, now), line->level, line->who,
		   line->event);
	if (line->n_held > 0)
		out_printf(out, " log_held=%llu",
			   (unsigned long long)line->n_held);
	if (line->n_lost > 0)
		out_printf(out, " log_lost=%llu",
			   (unsigned long long)line->n_lost);
	if (pairs.len > 0)
		out_char(out, ' ');
	while (pairs.len > 0 && out->len + 8 + CUT_ROOM < out->size)
		put_char(out, &pairs, "");
	out_text(out, pairs.len > 0 ? " cut=1\n" : "\n");
}

/* ---- JSON --------------------------------------------------------------- */

static bool is_escape(struct slice s)
{
	if (s.len < 2 || !strchr("\"\\u", s.ptr[1]))
		return false;
	if (s.ptr[1] != 'u')
		return true;
	for (size_t i = 2; i < 6; i++)
		if (i >= s.len || !strchr("0123456789abcdef", s.ptr[i]))
			return false;
	return true;
}

/* Length of the text in quotes at the front of s, if JSON reads it the same
 * way; 0 otherwise. */
static size_t quoted_len(struct slice s)
{
	size_t at = 1, step;

	if (s.len == 0 || s.ptr[0] != '"')
		return 0;
	for (; at < s.len; at += step) {
		struct slice left = {s.ptr + at, s.len - at};

		if (left.ptr[0] == '"')
			return at + 1;
		step = left.ptr[0] != '\\' ? printable_len(left)
		       : is_escape(left)   ? 2
					   : 0;
		if (step == 0)
			return 0;
	}
	return 0;
}

static void put_json_text(struct out *out, struct slice s)
{
	out_char(out, '"');
	while (s.len > 0)
		put_char(out, &s, "\"\\");
	out_char(out, '"');
}

static void put_json_field(struct out *out, const char *key, const char *value)
{
	out_char(out, out->len > 0 ? ',' : '{');
	put_json_text(out, slice_of(key));
	out_char(out, ':');
	put_json_text(out, slice_of(value));
}

static struct slice take(struct slice *s, size_t len)
{
	struct slice front = {s->ptr, len};

	s->ptr += len;
	s->len -= len;
	return front;
}

/* key=value; a bare word is true. */
static void put_json_pair(struct out *out, struct slice *pairs)
{
	size_t len = 0;

	while (len < pairs->len && !strchr("= ", pairs->ptr[len]))
		len++;
	out_char(out, ',');
	put_json_text(out, take(pairs, len));
	out_char(out, ':');
	if (pairs->len == 0 || pairs->ptr[0] != '=') {
		out_text(out, "true");
		return;
	}
	take(pairs, 1);
	len = quoted_len(*pairs);
	if (len > 0)
		out_slice(out, take(pairs, len));
	else
		put_json_text(out, slice_cut(pairs, ' '));
}

/* All of a pair or nothing: half a JSON value is none. */
static bool put_json_pairs(struct out *out, struct slice pairs)
{
	while (pairs.len > 0) {
		size_t before = out->len;

		put_json_pair(out, &pairs);
		if (out->is_full) {
			out->is_full = false;
			out->len = before;
			return false;
		}
		while (pairs.len > 0 && pairs.ptr[0] == ' ')
			take(&pairs, 1);
	}
	return true;
}

void log_format_json(struct out *out, const struct log_line *line)
{
	bool is_whole;
	char now[32];

	out->size -= CUT_ROOM;
	put_json_field(out, "ts", clock_wall_text(line->wall_us, now));
	put_json_field(out, "level", line->level);
	put_json_field(out, "who", line->who);
	put_json_field(out, "event", line->event);
	if (line->n_held > 0)
		out_printf(out, ",\"log_held\":%llu",
			   (unsigned long long)line->n_held);
	if (line->n_lost > 0)
		out_printf(out, ",\"log_lost\":%llu",
			   (unsigned long long)line->n_lost);
	is_whole = put_json_pairs(out, line->pairs);
	out->size += CUT_ROOM;
	out_text(out, is_whole ? "}\n" : ",\"cut\":true}\n");
}
