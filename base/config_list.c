/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that are lists, and values that are names of other sections; rows of
 * the table in config_value.c.
 * Trap: names of trunks are known only after gateways and trunks were read,
 * because gateways make root trunks; config_read.c keeps that order.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

struct items {
	struct ini_value *at;
	unsigned n;
};

/* The items of the value, as many as its option allows. */
static int take(const struct config_value *value, struct items *ret)
{
	struct items items;
	int rc = ini_list(value->entry, value->build->arena,
			  value->build->report, &items.at, &items.n);
	int64_t max = value->option->max;

	if (rc < 0)
		return rc;
	if (value->option->type == OPTION_CODES)
		max = sizeof(((struct config_trunk *)0)->failover_codes) /
		      sizeof(uint16_t);
	if (max && items.n > max)
		return config_value_wrong(value, items.at[max].at,
					  "the list has more than %lld items",
					  (long long)max);
	if (!items.n && (value->option->flags & OPTION_NEEDED))
		return config_value_wrong(value, value->entry->value_at,
					  "the list is empty");
	*ret = items;
	return 0;
}

static int store_texts(const struct config_value *value,
		       const struct items *items)
{
	char **texts =
		arena_array(value->build->arena, items->n, sizeof(*texts));

	if (!texts)
		return -ENOMEM;
	for (unsigned i = 0; i < items->n; i++)
		texts[i] = items->at[i].text;
	config_value_store_list(value, texts, items->n);
	return 0;
}

int config_read_texts(const struct config_value *value)
{
	struct items items;
	int rc = take(value, &items);

	return rc < 0 ? rc : store_texts(value, &items);
}

static int wrong_word(const struct config_value *value,
		      const struct ini_value *item)
{
	const char *names[17] = {NULL};
	char copy[256], words[256], hint[128];
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", value->option->words);
	for (char *rest = copy, *word; (word = strsep(&rest, "|"));)
		names[n++] = word;
	return config_value_wrong(
		value, item->at, "\"%s\" is not one of %s%s", item->text,
		option_words_text(value->option->words, words, sizeof(words)),
		config_suggest(item->text, names, hint, sizeof(hint)));
}

int config_read_words(const struct config_value *value)
{
	struct items items;
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < items.n; i++)
		if (option_word_index(value->option->words,
				      slice_of(items.at[i].text)) < 0)
			wrong = wrong_word(value, &items.at[i]);
	return wrong ? wrong : store_texts(value, &items);
}

int config_read_numbers(const struct config_value *value)
{
	struct items items;
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < items.n; i++)
		if (!config_is_number(items.at[i].text))
			wrong = config_value_wrong(
				value, items.at[i].at,
				"\"%s\" is not a telephone number",
				items.at[i].text);
	return wrong ? wrong : store_texts(value, &items);
}

/* CONTRACT: busy and decline belong to the callee and end the call. */
static bool is_final_for_good(uint64_t code)
{
	return code == 486 || code == 600 || code == 603;
}

static int read_code(const struct config_value *value,
		     const struct ini_value *item, uint16_t *ret_code)
{
	uint64_t code;

	if (slice_to_u64(slice_of(item->text), (uint64_t)value->option->max,
			 &code) < 0 ||
	    code < (uint64_t)value->option->min)
		return config_value_wrong(
			value, item->at,
			"\"%s\" is not a status from %lld to %lld", item->text,
			(long long)value->option->min,
			(long long)value->option->max);
	if (is_final_for_good(code))
		return config_value_wrong(value, item->at,
					  "%s is the callee's last word: no "
					  "trunk is tried after it",
					  item->text);
	*ret_code = (uint16_t)code;
	return 0;
}

/* Codes stand in the struct itself, in an array of fixed size. */
int config_read_codes(const struct config_value *value)
{
	const struct option_place *place = &value->option->place;
	struct items items;
	uint16_t codes[64] = {0};
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < items.n; i++)
		if (read_code(value, &items.at[i], &codes[i]) < 0)
			wrong = -EINVAL;
	if (wrong)
		return wrong;
	if (value->target) {
		memcpy(value->target + place->offset, codes, place->size);
		memcpy(value->target + place->second, &items.n,
		       sizeof(items.n));
	}
	return 0;
}

static int read_listen_item(const struct config_value *value,
			    const struct ini_value *item, struct addr *ret)
{
	struct addr addr;
	char hint[128];

	if (addr_parse(slice_of(item->text), 0, &addr) < 0)
		return config_value_wrong(
			value, item->at,
			"\"%s\" is not address:port (an IP address; IPv6 as "
			"[addr]:port)%s",
			item->text,
			config_hint_listen(item->text, hint, sizeof(hint)));
	if (!addr_port(&addr))
		return config_value_wrong(
			value, item->at, "\"%s\" has no port%s", item->text,
			config_hint_ipv6_port(item->text, hint, sizeof(hint)));
	if (addr_is_multicast_or_broadcast(&addr))
		return config_value_wrong(value, item->at,
					  "\"%s\" is not the address of one "
					  "host",
					  item->text);
	*ret = addr;
	return 0;
}

int config_read_listen(const struct config_value *value)
{
	struct items items;
	struct addr *addresses;
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	addresses =
		arena_array(value->build->arena, items.n, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	for (unsigned i = 0; i < items.n; i++)
		if (read_listen_item(value, &items.at[i], &addresses[i]) < 0)
			wrong = -EINVAL;
	if (!wrong)
		config_value_store_list(value, addresses, items.n);
	return wrong;
}

static int parse_prefix(const char *text, struct addr_prefix *ret)
{
	struct slice bits = slice_of(text), net = slice_cut(&bits, '/');
	uint64_t most, number;
	struct addr addr;

	if (addr_parse(net, 0, &addr) < 0 || addr_port(&addr))
		return -EINVAL;
	most = addr.sa.sa_family == AF_INET ? 32 : 128;
	number = most;
	if (bits.ptr && slice_to_u64(bits, most, &number) < 0)
		return -EINVAL;
	*ret = (struct addr_prefix){addr, (unsigned)number};
	return 0;
}

int config_read_prefixes(const struct config_value *value)
{
	struct items items;
	struct addr_prefix *prefixes;
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	prefixes = arena_array(value->build->arena, items.n, sizeof(*prefixes));
	if (!prefixes)
		return -ENOMEM;
	for (unsigned i = 0; i < items.n; i++)
		if (parse_prefix(items.at[i].text, &prefixes[i]) < 0)
			wrong = config_value_wrong(
				value, items.at[i].at,
				"\"%s\" is not address or address/bits",
				items.at[i].text);
	if (!wrong)
		config_value_store_list(value, prefixes, items.n);
	return wrong;
}

/* A gateway with trunks of its own has no root trunk: say what it has. */
static const char *other_trunk(struct config_build *build, const char *name,
			       char *buf, size_t size)
{
	const struct config *config = build->config;
	long gateway =
		names_find(build->names[SECTION_GATEWAY], slice_of(name));

	for (unsigned i = 0; gateway >= 0 && i < config->n_trunks; i++)
		if (config->trunks[i].gateway == gateway) {
			snprintf(buf, size, "; [gateway %s] has [trunk %s]",
				 name, config->trunks[i].name);
			return buf;
		}
	return NULL;
}

static int find_name(const struct config_value *value, enum option_section kind,
		     const struct ini_value *item, unsigned *ret_index)
{
	struct config_build *build = value->build;
	long index = names_find(build->names[kind], slice_of(item->text));
	char hint[192];

	if (index >= 0) {
		*ret_index = (unsigned)index;
		return 0;
	}
	if (kind == SECTION_TRUNK &&
	    other_trunk(build, item->text, hint, sizeof(hint)))
		return config_value_wrong(value, item->at,
					  "there is no [trunk %s]%s",
					  item->text, hint);
	if (!*config_hint_list(item->text, hint, sizeof(hint)))
		config_suggest_name(build, kind, item->text, hint,
				    sizeof(hint));
	return config_value_wrong(value, item->at, "there is no [%s %s]%s",
				  option_sections[kind].kind, item->text, hint);
}

static int read_names(const struct config_value *value,
		      enum option_section kind)
{
	struct items items;
	unsigned *indexes;
	int wrong = 0, rc = take(value, &items);

	if (rc < 0)
		return rc;
	indexes = arena_array(value->build->arena, items.n, sizeof(*indexes));
	if (!indexes)
		return -ENOMEM;
	for (unsigned i = 0; i < items.n; i++)
		if (find_name(value, kind, &items.at[i], &indexes[i]) < 0)
			wrong = -EINVAL;
	if (!wrong)
		config_value_store_list(value, indexes, items.n);
	return wrong;
}

int config_read_trunks(const struct config_value *value)
{
	return read_names(value, SECTION_TRUNK);
}

int config_read_translations(const struct config_value *value)
{
	return read_names(value, SECTION_TRANSLATION);
}

int config_read_responses(const struct config_value *value)
{
	return read_names(value, SECTION_RESPONSE);
}

/* A single name: quotes or not, but no list. */
static int take_name(const struct config_value *value, struct ini_value *ret)
{
	int rc = ini_scalar(value->entry, value->build->arena,
			    value->build->report, ret);

	if (!rc && !ret->len)
		return config_value_wrong(value, ret->at, "has no value");
	return rc;
}

int config_read_gateway(const struct config_value *value)
{
	struct ini_value name;
	unsigned index;
	int rc = take_name(value, &name);

	if (!rc)
		rc = find_name(value, SECTION_GATEWAY, &name, &index);
	if (!rc)
		config_value_store(value, index);
	return rc;
}

int config_read_trunk(const struct config_value *value)
{
	struct ini_value name;
	unsigned index;
	int rc = take_name(value, &name);

	if (!rc)
		rc = find_name(value, SECTION_TRUNK, &name, &index);
	if (!rc)
		config_value_store_text(value, name.text);
	return rc;
}

/* Sites matter to a later release: what is imported with names of sites that
 * nobody described is not wrong. */
int config_read_site(const struct config_value *value)
{
	struct config_build *build = value->build;
	struct ini_value name;
	char hint[128];
	int rc = take_name(value, &name);

	if (rc < 0)
		return rc;
	if (names_find(build->names[SECTION_SITE], slice_of(name.text)) < 0)
		report_warning(
			build->report, name.at, "%s: there is no [site %s]%s",
			value->option->key, name.text,
			config_suggest_name(build, SECTION_SITE, name.text,
					    hint, sizeof(hint)));
	config_value_store_text(value, name.text);
	return 0;
}
