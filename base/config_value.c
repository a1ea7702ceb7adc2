/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of one value, read by the type of its option into the member that
 * the option's row names.  The table at the end has a reader for each type;
 * those of lists stand in config_list.c.
 * Trap: a reader stores only what is right, so that a default survives a
 * mistake and later checks do not complain twice.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static config_check_pattern_fn *check_pattern;

void config_set_pattern_check(config_check_pattern_fn *fn)
{
	check_pattern = fn;
}

int config_value_wrong(const struct config_value *value, struct report_place at,
		       const char *format, ...)
{
	char text[512], raw[256], hint[64] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	slice_copy(value->entry->raw, raw, sizeof(raw));
	if (!strstr(text, "; "))
		config_hint_value(raw, hint, sizeof(hint));
	report_error(value->build->report, at, "%s: %s%s", value->option->key,
		     text, hint);
	return -EINVAL;
}

void config_value_store(const struct config_value *value, uint64_t number)
{
	size_t size = value->option->place.size;
	uint8_t n8 = (uint8_t)number;
	uint16_t n16 = (uint16_t)number;
	uint32_t n32 = (uint32_t)number;
	const void *from = size == 1   ? (const void *)&n8
			   : size == 2 ? (const void *)&n16
			   : size == 4 ? (const void *)&n32
				       : (const void *)&number;

	if (value->target && size)
		memcpy(value->target + value->option->place.offset, from, size);
}

void config_value_store_text(const struct config_value *value, char *text)
{
	if (value->target && value->option->place.size)
		memcpy(value->target + value->option->place.offset, &text,
		       sizeof(text));
}

void config_value_store_list(const struct config_value *value, void *items,
			     unsigned n)
{
	const struct option_place *place = &value->option->place;

	if (!value->target || !place->size)
		return;
	memcpy(value->target + place->offset, &items, sizeof(items));
	memcpy(value->target + place->second, &n, sizeof(n));
}

static int take(const struct config_value *value, struct ini_value *ret)
{
	struct ini_value text;
	int rc = ini_scalar(value->entry, value->build->arena,
			    value->build->report, &text);

	if (rc < 0)
		return rc;
	if (!text.len && !text.is_quoted)
		return config_value_wrong(value, text.at,
					  "has no value; leave the line out "
					  "for the default");
	*ret = text;
	return 0;
}

static int out_of_range(const struct config_value *value,
			const struct ini_value *text)
{
	char range[64];

	return config_value_wrong(
		value, text->at, "\"%s\" is out of range: %s", text->text,
		option_value_text(value->option, range, sizeof(range)));
}

static int read_text(const struct config_value *value)
{
	struct ini_value text;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if ((int64_t)text.len < value->option->min)
		return config_value_wrong(value, text.at, "is empty");
	if ((int64_t)text.len > value->option->max)
		return config_value_wrong(value, text.at,
					  "is longer than %lld characters",
					  (long long)value->option->max);
	config_value_store_text(value, text.text);
	return 0;
}

static bool is_host(const char *text)
{
	struct addr addr;

	if (addr_parse_host(slice_of(text), 0, &addr) == 0)
		return true;
	/* Digits and dots only is a broken address, not a name. */
	return text[strspn(text, "0123456789.")] &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")];
}

static int read_host(const struct config_value *value)
{
	struct ini_value text;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (!is_host(text.text) || (int64_t)text.len > value->option->max)
		return config_value_wrong(
			value, text.at,
			"\"%s\" is not a host's name or address%s", text.text,
			strchr(text.text, ':') ? " (no port here)" : "");
	config_value_store_text(value, text.text);
	return 0;
}

static int read_path(const struct config_value *value)
{
	struct ini_value text;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (text.text[0] != '/')
		return config_value_wrong(value, text.at,
					  "\"%s\" is not a path that begins "
					  "with /",
					  text.text);
	if ((int64_t)text.len > value->option->max)
		return config_value_wrong(value, text.at,
					  "is longer than %lld characters",
					  (long long)value->option->max);
	config_value_store_text(value, text.text);
	return 0;
}

static int read_whole(const struct config_value *value)
{
	struct ini_value text;
	char range[64], *end;
	long long number;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	errno = 0;
	number = strtoll(text.text, &end, 10);
	if (end == text.text || *end || strchr("+ \t", text.text[0]))
		return config_value_wrong(
			value, text.at, "\"%s\" is not a number: %s", text.text,
			option_value_text(value->option, range, sizeof(range)));
	if (errno || number < value->option->min || number > value->option->max)
		return out_of_range(value, &text);
	config_value_store(value, (uint64_t)number);
	return 0;
}

static const struct {
	const char *word;
	bool is_yes;
} other_words[] = {{"true", true},    {"on", true},   {"1", true},
		   {"enabled", true}, {"y", true},    {"false", false},
		   {"off", false},    {"0", false},   {"disabled", false},
		   {"n", false},      {"none", false}};

static int read_yes_no(const struct config_value *value)
{
	static const char *const names[] = {"yes", "no", NULL};
	struct ini_value text;
	char hint[64];
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (!strcmp(text.text, "yes") || !strcmp(text.text, "no")) {
		config_value_store(value, text.text[0] == 'y');
		return 0;
	}
	config_suggest(text.text, names, hint, sizeof(hint));
	for (size_t i = 0; i < sizeof(other_words) / sizeof(*other_words); i++)
		if (slice_is_nocase(slice_of(text.text),
				    slice_of(other_words[i].word)))
			snprintf(hint, sizeof(hint), "; did you mean \"%s\"?",
				 other_words[i].is_yes ? "yes" : "no");
	return config_value_wrong(value, text.at, "\"%s\" is not yes or no%s",
				  text.text, hint);
}

static const struct {
	const char *text;
	uint64_t ms;
} units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

/* Milliseconds.  -EINVAL; -ENODATA: a number without unit. */
static int parse_duration(struct slice text, uint64_t *ret_ms)
{
	struct slice digits = {text.ptr, 0};
	uint64_t number;
	int rc;

	while (digits.len < text.len && text.ptr[digits.len] >= '0' &&
	       text.ptr[digits.len] <= '9')
		digits.len++;
	rc = slice_to_u64(digits, UINT32_MAX, &number);
	if (rc < 0)
		return rc;
	text.ptr += digits.len;
	text.len -= digits.len;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!slice_is(text, slice_of(units[i].text)))
			continue;
		*ret_ms = number * units[i].ms;
		return 0;
	}
	if (text.len)
		return -EINVAL;
	*ret_ms = number;
	return number ? -ENODATA : 0; /* "0" needs no unit */
}

static int bad_duration(const struct config_value *value,
			const struct ini_value *text, int why)
{
	char hint[64];

	if (why == -ENODATA && text->len > 3)
		return config_value_wrong(value, text->at,
					  "\"%s\" has no unit; did you mean "
					  "\"%sms\"?",
					  text->text, text->text);
	if (why == -ENODATA)
		return config_value_wrong(value, text->at,
					  "\"%s\" has no unit; did you mean "
					  "\"%ss\"?",
					  text->text, text->text);
	if (why == -ERANGE)
		return out_of_range(value, text);
	return config_value_wrong(
		value, text->at,
		"\"%s\" is not a duration like 500ms, 10s, "
		"2m or 1h%s",
		text->text,
		config_hint_duration(text->text, hint, sizeof(hint)));
}

static bool is_in_range(const struct option *option, uint64_t number)
{
	return number >= (uint64_t)option->min &&
	       number <= (uint64_t)option->max;
}

static int read_duration(const struct config_value *value)
{
	struct ini_value text;
	uint64_t ms;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	rc = parse_duration((struct slice){text.text, text.len}, &ms);
	if (!rc && !is_in_range(value->option, ms))
		rc = -ERANGE;
	if (rc < 0)
		return bad_duration(value, &text, rc);
	config_value_store(value, ms * 1000);
	return 0;
}

static int read_durations(const struct config_value *value)
{
	struct ini_value text;
	struct slice low, high;
	uint64_t min, max;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	high = (struct slice){text.text, text.len};
	low = slice_trim(slice_cut(&high, '-'));
	if (parse_duration(low, &min) < 0 ||
	    parse_duration(slice_trim(high), &max) < 0 || min > max ||
	    !is_in_range(value->option, min) ||
	    !is_in_range(value->option, max))
		return config_value_wrong(value, text.at,
					  "\"%s\" is not a span of two "
					  "durations like 20ms-200ms",
					  text.text);
	return 0;
}

static int read_word(const struct config_value *value)
{
	struct ini_value text;
	const char *names[17] = {NULL};
	char words[256], copy[256], hint[128];
	int index, rc = take(value, &text);

	if (rc < 0)
		return rc;
	index = option_word_index(value->option->words, slice_of(text.text));
	if (index >= 0) {
		config_value_store(value, (uint64_t)index);
		return 0;
	}
	snprintf(copy, sizeof(copy), "%s", value->option->words);
	for (char *rest = copy, *word; (word = strsep(&rest, "|"));)
		names[++index] = word;
	return config_value_wrong(
		value, text.at, "\"%s\" is not one of %s%s", text.text,
		option_words_text(value->option->words, words, sizeof(words)),
		config_suggest(text.text, names, hint, sizeof(hint)));
}

bool config_is_number(const char *text)
{
	size_t plus = *text == '+';

	return text[plus] && !text[plus + strspn(text + plus, "0123456789*#")];
}

static int read_number(const struct config_value *value)
{
	struct ini_value text;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (!config_is_number(text.text) ||
	    (int64_t)text.len > value->option->max)
		return config_value_wrong(value, text.at,
					  "\"%s\" is not a telephone number",
					  text.text);
	config_value_store_text(value, text.text);
	return 0;
}

static int read_ports(const struct config_value *value)
{
	struct ini_value text;
	struct slice low, high;
	uint64_t min, max;
	uint16_t pair[2];
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	high = (struct slice){text.text, text.len};
	low = slice_trim(slice_cut(&high, '-'));
	if (slice_to_u64(low, UINT16_MAX, &min) < 0 ||
	    slice_to_u64(slice_trim(high), UINT16_MAX, &max) < 0)
		return config_value_wrong(value, text.at,
					  "\"%s\" is not a range of ports like "
					  "16384-32767",
					  text.text);
	if (!is_in_range(value->option, min) || min + 1 >= max)
		return config_value_wrong(value, text.at,
					  "\"%s\" is not a range of at least "
					  "three ports from %lld up",
					  text.text,
					  (long long)value->option->min);
	if (!value->target)
		return 0;
	pair[0] = (uint16_t)min;
	pair[1] = (uint16_t)max;
	memcpy(value->target + value->option->place.offset, &pair[0],
	       sizeof(pair[0]));
	memcpy(value->target + value->option->place.second, &pair[1],
	       sizeof(pair[1]));
	return 0;
}

static int read_address(const struct config_value *value)
{
	struct ini_value text;
	struct addr addr;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (addr_parse(slice_of(text.text), 0, &addr) < 0 || addr_port(&addr))
		return config_value_wrong(value, text.at,
					  "\"%s\" is not an IP address without "
					  "a port",
					  text.text);
	if (addr_is_wildcard(&addr) || addr_is_multicast_or_broadcast(&addr))
		return config_value_wrong(value, text.at,
					  "\"%s\" is not the address of one "
					  "host",
					  text.text);
	if (value->target && value->option->place.size)
		memcpy(value->target + value->option->place.offset, &addr,
		       sizeof(addr));
	return 0;
}

static int read_address_port(const struct config_value *value)
{
	struct ini_value text;
	struct addr addr;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if (addr_parse(slice_of(text.text), 0, &addr) < 0 || !addr_port(&addr))
		return config_value_wrong(value, text.at,
					  "\"%s\" is not address:port",
					  text.text);
	if (value->target && value->option->place.size)
		memcpy(value->target + value->option->place.offset, &addr,
		       sizeof(addr));
	return 0;
}

/* A name's port, or the whole text when it has none. */
static bool is_peer_name(const char *text)
{
	struct slice port = slice_of(text), host = slice_cut(&port, ':');
	char name[256];
	uint64_t number;

	if (port.ptr &&
	    (slice_to_u64(port, UINT16_MAX, &number) < 0 || !number))
		return false;
	if (host.len >= sizeof(name))
		return false;
	slice_copy(host, name, sizeof(name));
	return is_host(name);
}

static int read_peer(const struct config_value *value)
{
	struct ini_value text;
	struct addr addr;
	char hint[128];
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	rc = addr_parse(slice_of(text.text), 5060, &addr);
	if (rc < 0 ? !is_peer_name(text.text) : !addr_port(&addr))
		return config_value_wrong(
			value, text.at, "\"%s\" is not host[:port]%s",
			text.text,
			config_hint_peer(text.text, hint, sizeof(hint)));
	if (!rc && *config_hint_ipv6_port(text.text, hint, sizeof(hint)))
		report_warning(value->build->report, text.at,
			       "%s: \"%s\" is an address without a port%s",
			       value->option->key, text.text, hint);
	if (!rc &&
	    (addr_is_wildcard(&addr) || addr_is_multicast_or_broadcast(&addr)))
		return config_value_wrong(value, text.at,
					  "\"%s\" is not the address of one "
					  "host",
					  text.text);
	config_value_store_text(value, text.text);
	return 0;
}

static int read_pattern(const struct config_value *value)
{
	struct ini_value text;
	char why[160], hint[64];
	size_t offset = 0;
	int rc = take(value, &text);

	if (rc < 0)
		return rc;
	if ((int64_t)text.len > value->option->max)
		return config_value_wrong(value, text.at,
					  "is longer than %lld characters",
					  (long long)value->option->max);
	if (check_pattern &&
	    check_pattern(text.text, why, sizeof(why), &offset) < 0) {
		text.at.column += (unsigned)offset;
		return config_value_wrong(
			value, text.at, "not a regular expression: %s%s", why,
			config_hint_pattern(text.text, offset, hint,
					    sizeof(hint)));
	}
	config_value_store_text(value, text.text);
	return 0;
}

static config_value_reader *const readers[N_OPTION_TYPES] = {
	[OPTION_TEXT] = read_text,
	[OPTION_HOST] = read_host,
	[OPTION_PATH] = read_path,
	[OPTION_UNSIGNED] = read_whole,
	[OPTION_SIGNED] = read_whole,
	[OPTION_YES_NO] = read_yes_no,
	[OPTION_DURATION] = read_duration,
	[OPTION_DURATIONS] = read_durations,
	[OPTION_WORD] = read_word,
	[OPTION_WORDS] = config_read_words,
	[OPTION_TEXTS] = config_read_texts,
	[OPTION_NUMBER] = read_number,
	[OPTION_NUMBERS] = config_read_numbers,
	[OPTION_CODES] = config_read_codes,
	[OPTION_PORTS] = read_ports,
	[OPTION_LISTEN] = config_read_listen,
	[OPTION_ADDRESS] = read_address,
	[OPTION_ADDRESS_PORT] = read_address_port,
	[OPTION_PEER] = read_peer,
	[OPTION_PREFIXES] = config_read_prefixes,
	[OPTION_PATTERN] = read_pattern,
	[OPTION_GATEWAY] = config_read_gateway,
	[OPTION_TRUNK] = config_read_trunk,
	[OPTION_TRUNKS] = config_read_trunks,
	[OPTION_TRANSLATIONS] = config_read_translations,
	[OPTION_RESPONSES] = config_read_responses,
	[OPTION_SITE] = config_read_site,
};

int config_value_read(const struct config_value *value)
{
	return readers[value->option->type](value);
}
