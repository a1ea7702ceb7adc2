/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of mspoolctl: cells are rendered from JSON values, measured in
 * characters, padded, and cut when the terminal is too narrow.
 * Trap: numbers and names in cells come from peers; no byte of theirs may
 * reach the terminal as a control sequence.
 */
#include "tools/ctl_table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

#define COLUMNS_MAX 24
#define GAP	    2 /* blanks between columns */
#define CUT_MIN	    8 /* no text column is cut below this */

#define GREEN	    "\033[32m"
#define YELLOW	    "\033[33m"
#define RED	    "\033[31m"
#define PLAIN	    "\033[0m"

/* ---- one cell ------------------------------------------------------------ */

/* Is the character at p (len bytes) one that moves the cursor, changes the
 * writing direction or hides text: C0, DEL, C1, U+200B-200F, U+2028-202E,
 * U+2060-206F, U+FEFF? */
static bool is_unsafe(const uint8_t *p, size_t len)
{
	if (len == 1)
		return *p < 0x20 || *p == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) ||
		       (p[2] >= 0xa8 && p[2] <= 0xae);
	return (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0) ||
	       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf);
}

static size_t char_len(uint8_t first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static void cell_text(struct out *out, const char *text)
{
	while (*text) {
		size_t len = char_len((uint8_t)*text);

		if (len > strnlen(text, len) || out->len + len >= out->size)
			break;
		if (is_unsafe((const uint8_t *)text, len))
			out_char(out, '?');
		else
			out_slice(out, (struct slice){text, len});
		text += len;
	}
}

static void cell_time(struct out *out, const char *text)
{
	struct tm utc = {0}, local, today;
	time_t at, now = time(NULL);
	char buf[32];

	if (!strptime(text, "%Y-%m-%dT%H:%M:%S", &utc)) {
		cell_text(out, text);
		return;
	}
	at = timegm(&utc);
	localtime_r(&at, &local);
	localtime_r(&now, &today);
	strftime(buf, sizeof(buf),
		 local.tm_yday == today.tm_yday &&
				 local.tm_year == today.tm_year
			 ? "%H:%M:%S"
			 : "%Y-%m-%d %H:%M",
		 &local);
	out_text(out, buf);
}

static void cell_duration(struct out *out, double seconds)
{
	uint64_t s = (uint64_t)seconds;

	if (seconds < 10)
		out_printf(out, "%.1fs", seconds);
	else if (s < 60)
		out_printf(out, "%us", (unsigned)s);
	else if (s < 3600)
		out_printf(out, "%um %us", (unsigned)(s / 60),
			   (unsigned)(s % 60));
	else if (s < 86400)
		out_printf(out, "%uh %um", (unsigned)(s / 3600),
			   (unsigned)(s % 3600 / 60));
	else
		out_printf(out, "%ud %uh", (unsigned)(s / 86400),
			   (unsigned)(s % 86400 / 3600));
}

static void cell_bytes(struct out *out, double bytes)
{
	static const char units[] = "BKMGT";
	unsigned i = 0;

	while (bytes >= 1024 && units[i + 1]) {
		bytes /= 1024;
		i++;
	}
	out_printf(out, i && bytes < 10 ? "%.1f%c" : "%.0f%c", bytes, units[i]);
}

static void cell_number(struct out *out, const json_t *value,
			enum ctl_format format)
{
	double number = json_number_value(value);

	switch (format) {
	case CELL_DURATION:
		cell_duration(out, number);
		break;
	case CELL_SHARE:
		out_printf(out, "%.0f%%", number * 100);
		break;
	case CELL_BYTES:
		cell_bytes(out, number);
		break;
	default:
		if (json_is_integer(value))
			out_printf(out, "%" JSON_INTEGER_FORMAT,
				   json_integer_value(value));
		else
			out_printf(out, "%.10g", number);
	}
}

const char *ctl_cell_text(const json_t *value, enum ctl_format format,
			  char buf[CELL_MAX])
{
	struct out out = out_init(buf, CELL_MAX);

	if (json_is_string(value) && format == CELL_TIME)
		cell_time(&out, json_string_value(value));
	else if (json_is_string(value))
		cell_text(&out, json_string_value(value));
	else if (json_is_number(value))
		cell_number(&out, value, format);
	else if (json_is_boolean(value))
		out_text(&out, json_is_true(value) ? "yes" : "no");
	if (out.len == 0)
		out_char(&out, '-');
	return out_end(&out);
}

/* ---- colour -------------------------------------------------------------- */

static const char *state_colour(const char *word)
{
	static const struct {
		const char *word, *colour;
	} colours[] = {
		{"up", GREEN},	      {"answered", GREEN},
		{"down", RED},	      {"degraded", RED},
		{"held", YELLOW},     {"demoted", YELLOW},
		{"unknown", YELLOW},  {"starting", YELLOW},
		{"draining", YELLOW}, {"disabled", YELLOW},
		{"error", RED},	      {"warning", YELLOW},
	};

	for (unsigned i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i].word, word) == 0)
			return colours[i].colour;
	return NULL;
}

void ctl_print_state(const struct ctl *ctl, const char *word)
{
	const char *colour = ctl->has_colour ? state_colour(word) : NULL;

	fprintf(ctl->out, "%s%s%s", colour ? colour : "", word,
		colour ? PLAIN : "");
}

/* ---- layout -------------------------------------------------------------- */

static unsigned text_width(const char *text)
{
	unsigned width = 0;

	for (; *text; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}

/* Cuts text to width characters, the last of them "…". */
static void cut_text(char *text, unsigned width)
{
	static const char ellipsis[] = "\xe2\x80\xa6";
	char *p = text;

	if (text_width(text) <= width)
		return;
	for (unsigned i = 0; i + 1 < width; i++)
		p += char_len((uint8_t)*p);
	if ((size_t)(p - text) + sizeof(ellipsis) <= CELL_MAX)
		memcpy(p, ellipsis, sizeof(ellipsis));
	else
		*p = 0;
}

static bool is_left(enum ctl_format format)
{
	return format == CELL_TEXT || format == CELL_STATE ||
	       format == CELL_TIME;
}

static unsigned measure(const struct ctl_column *columns, const json_t *rows,
			unsigned *widths)
{
	unsigned n = 0;
	char buf[CELL_MAX];

	for (; columns[n].header && n < COLUMNS_MAX; n++) {
		size_t i;
		json_t *row;

		widths[n] = text_width(columns[n].header);
		json_array_foreach(rows, i, row)
		{
			unsigned width = text_width(ctl_cell_text(
				json_object_get(row, columns[n].key),
				columns[n].format, buf));

			widths[n] = width > widths[n] ? width : widths[n];
		}
	}
	return n;
}

/* Takes from the widest text column, one character at a time, until the table
 * fits or nothing is left to take. */
static void fit(const struct ctl_column *columns, unsigned n, unsigned *widths,
		unsigned room)
{
	unsigned total = n ? (n - 1) * GAP : 0;

	for (unsigned i = 0; i < n; i++)
		total += widths[i];
	while (room && total > room) {
		unsigned widest = n;

		for (unsigned i = 0; i < n; i++)
			if (columns[i].format == CELL_TEXT &&
			    widths[i] > CUT_MIN &&
			    (widest == n || widths[i] > widths[widest]))
				widest = i;
		if (widest == n)
			return;
		widths[widest]--;
		total--;
	}
}

static void print_cell(const struct ctl *ctl, const struct ctl_column *column,
		       char *text, unsigned width, bool is_last)
{
	unsigned pad;

	cut_text(text, width);
	pad = width - text_width(text);
	if (!is_left(column->format))
		fprintf(ctl->out, "%*s", (int)pad, "");
	if (column->format == CELL_STATE)
		ctl_print_state(ctl, text);
	else
		fputs(text, ctl->out);
	if (!is_last)
		fprintf(ctl->out, "%*s",
			(int)(GAP + (is_left(column->format) ? pad : 0)), "");
}

static void print_header(const struct ctl *ctl,
			 const struct ctl_column *columns, unsigned n,
			 const unsigned *widths)
{
	for (unsigned i = 0; i < n; i++) {
		struct ctl_column plain = columns[i];
		char text[CELL_MAX];

		if (plain.format == CELL_STATE)
			plain.format = CELL_TEXT;
		snprintf(text, sizeof(text), "%s", columns[i].header);
		print_cell(ctl, &plain, text, widths[i], i + 1 == n);
	}
	fputc('\n', ctl->out);
}

int ctl_table_print(const struct ctl *ctl, const struct ctl_column *columns,
		    const json_t *rows)
{
	unsigned widths[COLUMNS_MAX];
	unsigned n = measure(columns, rows, widths);
	size_t i;
	json_t *row;

	fit(columns, n, widths, ctl->width);
	print_header(ctl, columns, n, widths);
	json_array_foreach(rows, i, row)
	{
		for (unsigned c = 0; c < n; c++) {
			char text[CELL_MAX];

			ctl_cell_text(json_object_get(row, columns[c].key),
				      columns[c].format, text);
			print_cell(ctl, &columns[c], text, widths[c],
				   c + 1 == n);
		}
		fputc('\n', ctl->out);
	}
	return CTL_DONE;
}

int ctl_table_print_fields(const struct ctl *ctl,
			   const struct ctl_column *columns,
			   const json_t *object)
{
	unsigned width = 0;

	for (unsigned i = 0; columns[i].header; i++)
		if (text_width(columns[i].header) > width)
			width = text_width(columns[i].header);
	for (unsigned i = 0; columns[i].header; i++) {
		char text[CELL_MAX];

		ctl_cell_text(json_object_get(object, columns[i].key),
			      columns[i].format, text);
		fprintf(ctl->out, "  %-*s  ", (int)width, columns[i].header);
		if (columns[i].format == CELL_STATE)
			ctl_print_state(ctl, text);
		else
			fputs(text, ctl->out);
		fputc('\n', ctl->out);
	}
	return CTL_DONE;
}
