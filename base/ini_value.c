/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands after `=`: a scalar or a list.  Only the caller knows which, and
 * it changes what `"` and `,` mean: a quote opens at the beginning of a scalar
 * or of a list's item, and nowhere else, so that patterns may hold it.
 */
#include "base/ini.h"

#include <errno.h>

struct scan {
	const struct ini_entry *entry;
	struct slice rest; /* of entry->raw */
	struct arena *arena;
	struct report *report;
};

static struct report_place place_of(const struct scan *scan, const char *at)
{
	struct report_place place = scan->entry->value_at;

	place.column += (unsigned)(at - scan->entry->raw.ptr);
	return place;
}

static void skip_blanks(struct slice *rest)
{
	while (rest->len && (*rest->ptr == ' ' || *rest->ptr == '\t')) {
		rest->ptr++;
		rest->len--;
	}
}

/* `;` begins a comment at the start of a value and after white space. */
static bool is_comment(const struct scan *scan, const char *at)
{
	return *at == ';' &&
	       (at == scan->entry->raw.ptr || at[-1] == ' ' || at[-1] == '\t');
}

/* Without quotes: up to a comment or, in a list, a comma. */
static int take_plain(struct scan *scan, bool is_list, struct ini_value *ret)
{
	struct slice text = {scan->rest.ptr, 0};

	while (text.len < scan->rest.len) {
		const char *at = text.ptr + text.len;

		if ((is_list && *at == ',') || is_comment(scan, at))
			break;
		text.len++;
	}
	scan->rest.ptr += text.len;
	scan->rest.len -= text.len;
	ret->at = place_of(scan, text.ptr);
	text = slice_trim(text);
	ret->text = arena_text(scan->arena, text);
	ret->len = text.len;
	ret->is_quoted = false;
	return ret->text ? 0 : -ENOMEM;
}

/* In quotes: \" is a quote, every other backslash stands for itself, so that
 * patterns need no doubling. */
static int take_quoted(struct scan *scan, struct ini_value *ret)
{
	const char *open = scan->rest.ptr, *end = open + scan->rest.len;
	const char *at = open + 1;
	char *text = arena_alloc(scan->arena, scan->rest.len + 1);
	size_t len = 0;

	if (!text)
		return -ENOMEM;
	while (at < end && *at != '"') {
		if (*at == '\\' && at + 1 < end && at[1] == '"')
			at++;
		text[len++] = *at++;
	}
	if (at == end) {
		report_error(scan->report, place_of(scan, open),
			     "the closing quote is missing");
		return -EINVAL;
	}
	scan->rest = (struct slice){at + 1, (size_t)(end - at) - 1};
	*ret = (struct ini_value){text, len, true, place_of(scan, open + 1)};
	return 0;
}

static int take_one(struct scan *scan, bool is_list, struct ini_value *ret)
{
	skip_blanks(&scan->rest);
	if (scan->rest.len && *scan->rest.ptr == '"')
		return take_quoted(scan, ret);
	return take_plain(scan, is_list, ret);
}

/* After a value: the end, a comment, or (in a list) a comma. */
static int check_end(struct scan *scan, bool is_list, const char *begin)
{
	skip_blanks(&scan->rest);
	if (!scan->rest.len || is_comment(scan, scan->rest.ptr)) {
		scan->rest.len = 0;
		return 0;
	}
	if (is_list && *scan->rest.ptr == ',')
		return 0;
	if (*scan->rest.ptr == '#' || *scan->rest.ptr == '/') {
		report_error(scan->report, place_of(scan, scan->rest.ptr),
			     "a comment after a value begins with \";\"");
		return -EINVAL;
	}
	report_error(scan->report, place_of(scan, scan->rest.ptr),
		     "text after the closing quote; write \\\" for a quote "
		     "inside \"%.*s\"",
		     (int)(scan->rest.ptr - begin), begin);
	return -EINVAL;
}

int ini_scalar(const struct ini_entry *entry, struct arena *arena,
	       struct report *report, struct ini_value *ret_value)
{
	struct scan scan = {entry, entry->raw, arena, report};
	struct ini_value value;
	int rc = take_one(&scan, false, &value);

	if (!rc)
		rc = check_end(&scan, false, entry->raw.ptr);
	if (!rc)
		*ret_value = value;
	return rc;
}

/* Commas in a value bound the number of its items. */
static unsigned count_items(struct slice raw)
{
	unsigned n = 1;

	for (size_t i = 0; i < raw.len; i++)
		n += raw.ptr[i] == ',';
	return n;
}

static int take_item(struct scan *scan, struct ini_value *ret)
{
	const char *begin = scan->rest.ptr;
	int rc = take_one(scan, true, ret);

	if (!rc)
		rc = check_end(scan, true, begin);
	return rc;
}

int ini_list(const struct ini_entry *entry, struct arena *arena,
	     struct report *report, struct ini_value **ret_items,
	     unsigned *ret_n)
{
	struct scan scan = {entry, entry->raw, arena, report};
	struct ini_value *items =
		arena_array(arena, count_items(entry->raw), sizeof(*items));
	unsigned n = 0;
	bool is_more = true;

	if (!items)
		return -ENOMEM;
	while (is_more) {
		int rc = take_item(&scan, &items[n]);

		if (rc < 0)
			return rc;
		is_more = scan.rest.len > 0;
		if (is_more) /* the comma */
			scan.rest = (struct slice){scan.rest.ptr + 1,
						   scan.rest.len - 1};
		if (items[n].len || items[n].is_quoted || n || is_more) {
			if (!items[n].len) {
				report_error(report, items[n].at,
					     "an item of the list is empty");
				return -EINVAL;
			}
			n++;
		}
	}
	*ret_items = items;
	*ret_n = n;
	return 0;
}
