/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reload would change, in words.  Compares the texts by the table of
 * options, so that writing a default or moving a comment is no change.  Called
 * by the master and mspoolctl with two good texts.
 */
#include "base/config_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct side {
	struct ini ini;
	struct names *titles;		 /* title -> index */
	const struct ini_section **list; /* in the order of the text */
};

struct difference {
	struct arena *arena;
	struct report *report; /* stays unread: both texts were good */
	struct side old, new;
	FILE *to;
};

static int read_side(struct difference *difference, struct slice text,
		     struct side *side)
{
	struct arena *arena = difference->arena;
	unsigned n = 0;

	if (ini_read(text, arena, difference->report, &side->ini) < 0)
		return -ENOMEM;
	side->titles = names_new(arena);
	side->list =
		arena_array(arena, side->ini.n_sections, sizeof(*side->list));
	if (!side->titles || !side->list)
		return -ENOMEM;
	for (const struct ini_section *section = side->ini.first; section;
	     section = section->next) {
		if (names_add(side->titles, slice_of(section->title), n) ==
		    -ENOMEM)
			return -ENOMEM;
		side->list[n++] = section;
	}
	return 0;
}

static const struct ini_section *find(const struct side *side,
				      const char *title)
{
	long at = names_find(side->titles, slice_of(title));

	return at < 0 ? NULL : side->list[at];
}

static const struct ini_entry *find_key(const struct ini_section *section,
					const char *key)
{
	const struct ini_entry *entry = section ? section->first : NULL;

	while (entry && !slice_is(entry->key, slice_of(key)))
		entry = entry->next;
	return entry;
}

static bool is_list(const struct option *option)
{
	switch (option->type) {
	case OPTION_WORDS:
	case OPTION_TEXTS:
	case OPTION_NUMBERS:
	case OPTION_CODES:
	case OPTION_LISTEN:
	case OPTION_PREFIXES:
	case OPTION_TRUNKS:
	case OPTION_TRANSLATIONS:
	case OPTION_RESPONSES:
		return true;
	default:
		return false;
	}
}

/* Items with ", " between, whatever blanks the file has. */
static char *list_text(struct difference *difference,
		       const struct ini_entry *entry)
{
	struct ini_value *items;
	unsigned n;
	char *text = arena_alloc(difference->arena, 2 * entry->raw.len + 3);
	struct out out = out_init(text, 2 * entry->raw.len + 3);

	if (!text || ini_list(entry, difference->arena, difference->report,
			      &items, &n) < 0)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		out_text(&out, i ? ", " : "");
		out_text(&out, items[i].text);
	}
	out_end(&out);
	return text;
}

/* The value in force; NULL without memory. */
static const char *value_text(struct difference *difference,
			      const struct option *option,
			      const struct ini_entry *entry)
{
	struct ini_value value;

	if (!entry)
		return option->by_default ? option->by_default : "(none)";
	if (is_list(option))
		return list_text(difference, entry);
	if (ini_scalar(entry, difference->arena, difference->report, &value) <
	    0)
		return NULL;
	return value.text;
}

static int compare_option(struct difference *difference,
			  const struct option *option,
			  const struct ini_section *old,
			  const struct ini_section *new)
{
	const char *before =
		value_text(difference, option, find_key(old, option->key));
	const char *after =
		value_text(difference, option, find_key(new, option->key));

	if (!before || !after)
		return -ENOMEM;
	if (!strcmp(before, after))
		return 0;
	if (option->flags & OPTION_SECRET)
		fprintf(difference->to, "~ [%s] %s changed\n", new->title,
			option->key);
	else
		fprintf(difference->to, "~ [%s] %s %s -> %s\n", new->title,
			option->key, before, after);
	return 0;
}

/* A [pool] that is not there says the same as an empty one. */
static bool may_be_missing(const struct ini_section *section,
			   enum option_section *ret_kind)
{
	return option_section_find(section->kind, ret_kind) == 0 &&
	       option_sections[*ret_kind].naming == NAMELESS;
}

static int compare_section(struct difference *difference,
			   const struct ini_section *new)
{
	const struct ini_section *old = find(&difference->old, new->title);
	enum option_section kind;
	bool is_single = may_be_missing(new, &kind);
	unsigned n;
	const struct option *options;

	if (!old && !is_single) {
		fprintf(difference->to, "+ [%s]\n", new->title);
		return 0;
	}
	options = options_of(kind, &n);
	for (unsigned i = 0; i < n; i++)
		if (compare_option(difference, &options[i], old, new) < 0)
			return -ENOMEM;
	return 0;
}

static int tell_gone(struct difference *difference,
		     const struct ini_section *old)
{
	struct ini_section empty = {.kind = old->kind, .title = old->title};
	enum option_section kind;

	if (find(&difference->new, old->title))
		return 0;
	if (may_be_missing(old, &kind))
		return compare_section(difference, &empty);
	fprintf(difference->to, "- [%s]\n", old->title);
	return 0;
}

/* Order matters where several may match; what came or went is told already. */
static void compare_order(struct difference *difference,
			  enum option_section kind)
{
	struct slice word = slice_of(option_sections[kind].kind);
	long last = -1;

	for (const struct ini_section *new = difference->new.ini.first; new;
	     new = new->next) {
		long at;

		if (!slice_is(new->kind, word))
			continue;
		at = names_find(difference->old.titles, slice_of(new->title));
		if (at >= 0 && at < last) {
			fprintf(difference->to,
				"~ the order of the [%s …] sections\n",
				option_sections[kind].kind);
			return;
		}
		last = at < 0 ? last : at;
	}
}

static int compare(struct difference *difference)
{
	for (const struct ini_section *old = difference->old.ini.first; old;
	     old = old->next)
		if (tell_gone(difference, old) < 0)
			return -ENOMEM;
	for (const struct ini_section *new = difference->new.ini.first; new;
	     new = new->next)
		if (compare_section(difference, new) < 0)
			return -ENOMEM;
	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++)
		if (option_sections[i].naming == NAMED)
			compare_order(difference, (enum option_section)i);
	return 0;
}

char *config_difference(struct slice old_text, struct slice new_text)
{
	struct difference difference = {.arena = arena_new(),
					.report = report_new()};
	char *text = NULL;
	size_t size;
	int rc = -ENOMEM;

	difference.to = open_memstream(&text, &size);
	if (difference.arena && difference.report && difference.to &&
	    read_side(&difference, old_text, &difference.old) == 0 &&
	    read_side(&difference, new_text, &difference.new) == 0)
		rc = compare(&difference);
	if (difference.to && fclose(difference.to) != 0)
		rc = -ENOMEM;
	report_free(difference.report);
	arena_free(difference.arena);
	if (rc < 0) {
		free(text);
		return NULL;
	}
	return text;
}
