/* SPDX-License-Identifier: Apache-2.0
 *
 * base/options.def as data, and the few questions one asks of it.  Used by
 * the configuration's reader in every process, by the manual's printer and by
 * the tests.
 * Trap: rows of a section stand together; options_of() relies on it.
 */
#include "base/options.h"

#include <errno.h>
#include <stdio.h>

#include "base/config_build.h"

#define MEMBER_SIZE(type, member) sizeof(((struct type *)NULL)->member)
/* clang-format off */
#define AT(type, member) \
	{offsetof(struct type, member), MEMBER_SIZE(type, member), 0}
#define PAIR(type, member, other) \
	{offsetof(struct type, member), MEMBER_SIZE(type, member), \
	 offsetof(struct type, other)}
#define LIST	PAIR
#define NOWHERE {0, 0, 0}
#define LATER	OPTION_LATER
#define SECRET	OPTION_SECRET
#define NEEDED	OPTION_NEEDED
#define RESTART OPTION_RESTART

#define SECTION(id, kind, naming, help)
#define OPTION(section, key, type, def, min, max, words, place, flags, help) \
	{SECTION_##section, #key, OPTION_##type, def, min, max, words, place, \
	 flags, help},
/* clang-format on */
static const struct option rows[] = {
#include "base/options.def"
};
#undef SECTION
#undef OPTION

#define SECTION(id, kind, naming, help) {kind, naming, help},
#define OPTION(section, key, type, def, min, max, words, place, flags, help)
const struct option_section_row option_sections[N_OPTION_SECTIONS] = {
#include "base/options.def"
};
#undef SECTION
#undef OPTION

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct option *options_of(enum option_section section, unsigned *ret_n)
{
	unsigned first = 0, n = 0;

	while (first < N_ROWS && rows[first].section != section)
		first++;
	while (first + n < N_ROWS && rows[first + n].section == section)
		n++;
	*ret_n = n;
	return &rows[first];
}

const struct option *option_find(enum option_section section, struct slice key)
{
	unsigned n;
	const struct option *options = options_of(section, &n);

	for (unsigned i = 0; i < n; i++)
		if (slice_is(key, slice_of(options[i].key)))
			return &options[i];
	return NULL;
}

int option_section_find(struct slice kind, enum option_section *ret_section)
{
	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++) {
		if (!slice_is(kind, slice_of(option_sections[i].kind)))
			continue;
		*ret_section = (enum option_section)i;
		return 0;
	}
	return -EINVAL;
}

bool option_has_default(const struct option *option)
{
	return option->by_default && option->by_default[0] != '(';
}

int option_word_index(const char *words, struct slice text)
{
	struct slice rest = slice_of(words);

	for (int i = 0; rest.ptr; i++)
		if (slice_is(slice_cut(&rest, '|'), text))
			return i;
	return -1;
}

const char *option_words_text(const char *words, char *buf, size_t size)
{
	struct slice rest = slice_of(words);
	struct out out = out_init(buf, size);
	bool is_first = true;

	while (rest.ptr) {
		struct slice word = slice_cut(&rest, '|');

		if (!is_first)
			out_text(&out, rest.ptr ? ", " : " or ");
		out_slice(&out, word);
		is_first = false;
	}
	return out_end(&out);
}

static const struct {
	char text[4];
	uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};

const char *option_duration_text(uint64_t ms, char *buf, size_t size)
{
	const char *unit = "ms";
	struct out out = out_init(buf, size);

	for (unsigned i = 0; ms && i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms % units[i].ms)
			continue;
		ms /= units[i].ms;
		unit = units[i].text;
		break;
	}
	out_u64(&out, ms);
	if (ms)
		out_text(&out, unit);
	return out_end(&out);
}

static const char *range_text(const struct option *option, bool is_time,
			      char *buf, size_t size)
{
	char min[24], max[24];
	struct out out = out_init(buf, size);

	if (is_time) {
		option_duration_text((uint64_t)option->min, min, sizeof(min));
		option_duration_text((uint64_t)option->max, max, sizeof(max));
	} else {
		snprintf(min, sizeof(min), "%lld", (long long)option->min);
		snprintf(max, sizeof(max), "%lld", (long long)option->max);
	}
	out_printf(&out, "%s%s to %s", is_time ? "a duration from " : "", min,
		   max);
	return out_end(&out);
}

static const char *const type_texts[N_OPTION_TYPES] = {
	[OPTION_TEXT] = "a text",
	[OPTION_HOST] = "a host's name or address",
	[OPTION_PATH] = "a path that begins with /",
	[OPTION_YES_NO] = "yes or no",
	[OPTION_DURATIONS] = "two durations with - between",
	[OPTION_TEXTS] = "a list of words",
	[OPTION_NUMBER] = "a telephone number",
	[OPTION_NUMBERS] = "a list of telephone numbers",
	[OPTION_CODES] = "a list of SIP status codes",
	[OPTION_PORTS] = "two ports with - between",
	[OPTION_LISTEN] = "a list of address:port",
	[OPTION_ADDRESS] = "an IP address",
	[OPTION_ADDRESS_PORT] = "address:port",
	[OPTION_PEER] = "host[:port]",
	[OPTION_PREFIXES] = "a list of address[/bits]",
	[OPTION_PATTERN] = "a regular expression",
	[OPTION_GATEWAY] = "the name of a [gateway]",
	[OPTION_TRUNK] = "the name of a trunk",
	[OPTION_TRUNKS] = "a list of trunks",
	[OPTION_TRANSLATIONS] = "a list of [translation] names",
	[OPTION_RESPONSES] = "a list of [response] names",
	[OPTION_SITE] = "the name of a [site]",
};

const char *option_value_text(const struct option *option, char *buf,
			      size_t size)
{
	struct out out = out_init(buf, size);
	char words[256];

	switch (option->type) {
	case OPTION_UNSIGNED:
	case OPTION_SIGNED:
	case OPTION_DURATION:
		return range_text(option, option->type == OPTION_DURATION, buf,
				  size);
	case OPTION_WORD:
		return option_words_text(option->words, buf, size);
	case OPTION_WORDS:
		option_words_text(option->words, words, sizeof(words));
		out_printf(&out, "a list of %s", words);
		return out_end(&out);
	default:
		out_text(&out, type_texts[option->type]);
		return out_end(&out);
	}
}
