/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the lines of pool.ini into sections and entries; called through
 * config_load_* in every process.  Values are kept raw, since only the option
 * that a key turns out to be says whether it is a list (ini_value.c).
 * Trap: whoever writes a text of several files must keep file marks out of
 * the files themselves (config_files.c does).
 */
#include "base/ini.h"

#include <errno.h>
#include <stdio.h>

#include "base/names.h"

struct reader {
	struct arena *arena;
	struct report *report;
	struct ini *ini;
	struct ini_section **last; /* where the next one is linked */
	struct names *titles;	   /* title -> index into sections */
	struct ini_section **sections;
	unsigned n_room;
	struct ini_section *section; /* in force; NULL before the first */
	bool is_lost; /* after a bad header: entries belong nowhere */
	struct report_file *file;
	unsigned n_files;
	unsigned line;
};

static struct report_place here(const struct reader *reader, struct slice line,
				const char *at)
{
	return (struct report_place){reader->file, reader->line,
				     (unsigned)(at - line.ptr) + 1};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int begin_file(struct reader *reader, struct slice name)
{
	struct report_file *file =
		arena_alloc(reader->arena, sizeof(*reader->file));

	if (!file)
		return -ENOMEM;
	file->name = arena_text(reader->arena, name);
	file->index = reader->n_files++;
	reader->file = file;
	reader->line = 0;
	reader->section = NULL;
	reader->is_lost = false;
	return file->name ? 0 : -ENOMEM;
}

/* Room for one more section in the table that `titles` points into. */
static int make_room(struct reader *reader)
{
	unsigned n_room = reader->n_room ? reader->n_room * 2 : 64;
	struct ini_section **sections;

	if (reader->ini->n_sections < reader->n_room)
		return 0;
	sections = arena_array(reader->arena, n_room, sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	for (unsigned i = 0; i < reader->n_room; i++)
		sections[i] = reader->sections[i];
	reader->sections = sections;
	reader->n_room = n_room;
	return 0;
}

static const char *make_title(struct arena *arena, struct slice kind,
			      struct slice name)
{
	size_t size = kind.len + name.len + 2;
	char *title = arena_alloc(arena, size);

	if (title)
		snprintf(title, size, "%.*s%s%.*s", SLICE_ARG(kind),
			 name.len ? " " : "", SLICE_ARG(name));
	return title;
}

static int open_section(struct reader *reader, const struct ini_section *head)
{
	struct ini *ini = reader->ini;
	struct ini_section *section;
	const char *title = make_title(reader->arena, head->kind, head->name);
	long old;

	if (!title || make_room(reader) < 0)
		return -ENOMEM;
	old = names_find(reader->titles, slice_of(title));
	if (old >= 0) {
		section = reader->section = reader->sections[old];
		if (!section->again_at.line)
			section->again_at = head->at;
		return 0;
	}
	section = arena_alloc(reader->arena, sizeof(*section));
	if (!section ||
	    names_add(reader->titles, slice_of(title), ini->n_sections) < 0)
		return -ENOMEM;
	*section = *head;
	section->title = title;
	section->last = &section->first;
	reader->sections[ini->n_sections++] = section;
	reader->section = *reader->last = section;
	reader->last = &section->next;
	return 0;
}

/* What may stand after a header's `]`: nothing, or blanks and a comment. */
static bool is_end_of_line(struct slice rest)
{
	struct slice text = slice_trim(rest);

	return !text.len ||
	       (text.ptr > rest.ptr && (*text.ptr == ';' || *text.ptr == '#'));
}

/* line begins with `[` at `text`. */
static int read_header(struct reader *reader, struct slice line,
		       struct slice text)
{
	struct ini_section head = {.at = here(reader, line, text.ptr)};
	ptrdiff_t close = slice_find(text, ']');
	struct slice inside;

	reader->section = NULL;
	reader->is_lost = true;
	if (close < 0) {
		report_error(reader->report, head.at,
			     "the section's ] is missing");
		return 0;
	}
	inside = slice_trim((struct slice){text.ptr + 1, (size_t)close - 1});
	text.ptr += close + 1;
	text.len -= (size_t)close + 1;
	if (!is_end_of_line(text)) {
		report_error(
			reader->report, here(reader, line, text.ptr),
			"nothing but a comment may follow the section's ]");
		return 0;
	}
	head.kind.ptr = inside.ptr;
	while (head.kind.len < inside.len &&
	       !is_blank(inside.ptr[head.kind.len]))
		head.kind.len++;
	if (!head.kind.len) {
		report_error(reader->report, head.at,
			     "the section has no kind");
		return 0;
	}
	head.name = slice_trim((struct slice){inside.ptr + head.kind.len,
					      inside.len - head.kind.len});
	head.name_at =
		here(reader, line, head.name.len ? head.name.ptr : inside.ptr);
	reader->is_lost = false;
	return open_section(reader, &head);
}

static int add_entry(struct reader *reader, struct ini_entry entry)
{
	struct ini_entry *place;

	if (!reader->section) {
		if (!reader->is_lost)
			report_error(reader->report, entry.key_at,
				     "\"%.*s\" stands before any [section]",
				     SLICE_ARG(entry.key));
		return 0;
	}
	place = arena_alloc(reader->arena, sizeof(*place));
	if (!place)
		return -ENOMEM;
	*place = entry;
	*reader->section->last = place;
	reader->section->last = &place->next;
	return 0;
}

/* What a line without "=" was probably meant for; `rest` follows the key. */
static const char *hint_line(struct slice text, struct slice key,
			     struct slice rest, char *buf, size_t size)
{
	*buf = '\0';
	if (text.len > 1 &&
	    (!memcmp(text.ptr, "//", 2) || !memcmp(text.ptr, "--", 2)))
		snprintf(buf, size, "; a comment begins with \";\" or \"#\"");
	else if (key.len && rest.len > 1 && *rest.ptr == ':')
		rest = slice_trim((struct slice){rest.ptr + 1, rest.len - 1});
	else if (rest.ptr == key.ptr + key.len)
		return buf;
	if (!*buf && key.len && rest.len && key.len + rest.len < 80)
		snprintf(buf, size, "; did you mean \"%.*s = %.*s\"?",
			 SLICE_ARG(key), SLICE_ARG(rest));
	return buf;
}

static int read_entry(struct reader *reader, struct slice line,
		      struct slice text)
{
	struct ini_entry entry = {.key = {text.ptr, 0},
				  .key_at = here(reader, line, text.ptr)};
	struct slice rest, value;
	char hint[128];

	while (entry.key.len < text.len && is_key_char(text.ptr[entry.key.len]))
		entry.key.len++;
	rest = slice_trim((struct slice){text.ptr + entry.key.len,
					 text.len - entry.key.len});
	if (!entry.key.len || !rest.len || *rest.ptr != '=') {
		report_error(
			reader->report,
			here(reader, line,
			     rest.len ? rest.ptr : text.ptr + text.len),
			"expected \"key = value\" or \"[section]\"%s",
			hint_line(text, entry.key, rest, hint, sizeof(hint)));
		return 0;
	}
	value = slice_trim((struct slice){rest.ptr + 1, rest.len - 1});
	entry.raw = value.len ? value : (struct slice){rest.ptr + 1, 0};
	entry.value_at = here(reader, line, entry.raw.ptr);
	return add_entry(reader, entry);
}

/* A control character is never meant and would make logs lie. */
static bool is_clean(struct reader *reader, struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];

		if ((c >= 0x20 || c == '\t') && c != 0x7f)
			continue;
		report_error(reader->report, here(reader, line, line.ptr + i),
			     "a control character does not belong here");
		return false;
	}
	return true;
}

static struct slice without_byte_order_mark(struct slice line)
{
	if (slice_starts_nocase(line, SLICE("\xef\xbb\xbf")))
		return (struct slice){line.ptr + 3, line.len - 3};
	return line;
}

static int read_line(struct reader *reader, struct slice line)
{
	struct slice text;

	if (line.len && line.ptr[0] == INI_FILE_MARK)
		return begin_file(reader,
				  (struct slice){line.ptr + 1, line.len - 1});
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (++reader->line == 1)
		line = without_byte_order_mark(line);
	text = slice_trim(line);
	if (!text.len || *text.ptr == ';' || *text.ptr == '#')
		return 0;
	if (!is_clean(reader, line))
		return 0;
	if (*text.ptr == '[')
		return read_header(reader, line, text);
	return read_entry(reader, line, text);
}

int ini_read(struct slice text, struct arena *arena, struct report *report,
	     struct ini *ret_ini)
{
	struct reader reader = {.arena = arena, .report = report};
	struct ini ini = {0};
	int rc;

	reader.ini = &ini;
	reader.last = &ini.first;
	reader.titles = names_new(arena);
	if (!reader.titles)
		return -ENOMEM;
	if (!text.len || text.ptr[0] != INI_FILE_MARK) {
		rc = begin_file(&reader, SLICE("pool.ini"));
		if (rc < 0)
			return rc;
		ini.start = (struct report_place){reader.file, 1, 1};
	}
	while (text.len) {
		rc = read_line(&reader, slice_cut(&text, '\n'));
		if (rc < 0)
			return rc;
		if (!ini.start.file)
			ini.start = (struct report_place){reader.file, 1, 1};
	}
	*ret_ini = ini;
	return 0;
}
