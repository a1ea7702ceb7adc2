/* SPDX-License-Identifier: Apache-2.0
 *
 * The patterns of a configuration, compiled by PCRE2 (the only file that knows
 * it), and the rewriting of numbers.  Made by each signalling worker and by
 * mspoolctl for a configuration in force.
 * Trap: one match_data and one scratch serve all matches, so rules belong to
 * one thread.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "route/rules.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

/* Numbers are short: a sane pattern needs some dozen steps. */
#define MATCH_LIMIT 10000
#define DEPTH_LIMIT 1000
#define GROUPS_MAX  64 /* groups of a pattern that $n can name */

/* What changes while rules, which stay as they are, are used. */
struct work {
	pcre2_match_data *match;
	uint64_t n_given_up;
};

/* The literal characters that a number must begin with to match a route, as
 * they stand in its pattern behind ^, backslashes and all. */
struct head {
	const char *pattern;
	size_t len; /* 0: none */
};

struct route_rules {
	const struct config *config;
	pcre2_code **routes;	   /* config->n_routes */
	struct head *heads;	   /* of each route */
	pcre2_code **translations; /* config->n_translations */
	pcre2_match_context *context;
	struct work *work;
	struct candidate *scratch;
	unsigned *gateway_trunks, n_gateway_trunks;
};

static pcre2_code *compile(const char *pattern, int *ret_error,
			   PCRE2_SIZE *ret_offset)
{
	return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
			     PCRE2_DOLLAR_ENDONLY, ret_error, ret_offset, NULL);
}

int route_check_pattern(const char *pattern, char *why, size_t size,
			size_t *ret_offset)
{
	PCRE2_SIZE offset;
	int error;
	pcre2_code *code = compile(pattern, &error, &offset);

	if (code) {
		pcre2_code_free(code);
		return 0;
	}
	if (pcre2_get_error_message(error, (PCRE2_UCHAR *)why, size) < 0)
		snprintf(why, size, "error %d", error);
	*ret_offset = offset;
	return -EINVAL;
}

/* ---- heads ------------------------------------------------------------ */

/* Of thousands of routes all but a few are about other numbers: comparing
 * their first characters costs a hundredth of asking PCRE2.  Only what is
 * plain beyond doubt is taken as a head; everything else is asked. */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of the literal that pattern begins with, 0: something else. */
static size_t literal_len(const char *pattern)
{
	if (is_digit(*pattern))
		return 1;
	return pattern[0] == '\\' && pattern[1] == '+' ? 2 : 0;
}

static size_t head_len(const char *pattern)
{
	size_t len = 1, next;

	/* Alternatives need not begin alike. */
	if (*pattern != '^' || strchr(pattern, '|'))
		return 0;
	while ((next = literal_len(pattern + len))) {
		char after = pattern[len + next];

		if (after && strchr("?*{+", after)) /* it may be missing */
			break;
		len += next;
	}
	return len;
}

static bool has_head(const struct head *head, const char *number)
{
	for (size_t i = 1; i < head->len; i++) {
		i += head->pattern[i] == '\\';
		if (head->pattern[i] != *number++)
			return false;
	}
	return true;
}

/* ---- making ----------------------------------------------------------- */

/* For use.  Not compiled by PCRE2's JIT, which needs memory that is writable
 * and executable: that is worth more than its 30 ns a number (decision 0027).
 */
static int make_code(const char *pattern, pcre2_code **ret_code)
{
	PCRE2_SIZE offset;
	int error;
	pcre2_code *code = compile(pattern, &error, &offset);

	if (!code)
		return -EINVAL;
	*ret_code = code;
	return 0;
}

static int compile_all(struct route_rules *rules)
{
	const struct config *config = rules->config;

	for (unsigned i = 0; i < config->n_routes; i++) {
		const char *pattern = config->routes[i].match;

		if (make_code(pattern, &rules->routes[i]) < 0)
			return -EINVAL;
		rules->heads[i] = (struct head){pattern, head_len(pattern)};
	}
	for (unsigned i = 0; i < config->n_translations; i++)
		if (make_code(config->translations[i].pattern,
			      &rules->translations[i]) < 0)
			return -EINVAL;
	return 0;
}

static int make_match(struct route_rules *rules)
{
	rules->work = calloc(1, sizeof(*rules->work));
	rules->context = pcre2_match_context_create(NULL);
	if (!rules->work || !rules->context)
		return -ENOMEM;
	rules->work->match = pcre2_match_data_create(GROUPS_MAX, NULL);
	if (!rules->work->match)
		return -ENOMEM;
	pcre2_set_match_limit(rules->context, MATCH_LIMIT);
	pcre2_set_depth_limit(rules->context, DEPTH_LIMIT);
	return 0;
}

/* In the order of the gateways, whatever the order of their trunks. */
static void list_gateway_trunks(struct route_rules *rules)
{
	const struct config *config = rules->config;
	unsigned *first = rules->gateway_trunks;
	unsigned n_gateways = config->n_peers - config->n_frontends;

	for (unsigned i = 0; i < n_gateways; i++)
		first[i] = config->n_trunks;
	for (unsigned i = config->n_trunks; i-- > 0;)
		first[config->trunks[i].gateway - config->n_frontends] = i;
	for (unsigned i = 0; i < n_gateways; i++)
		if (first[i] < config->n_trunks)
			first[rules->n_gateway_trunks++] = first[i];
}

static unsigned most_candidates(const struct config *config)
{
	unsigned n = config->n_peers;

	for (unsigned i = 0; i < config->n_routes; i++)
		if (config->routes[i].n_trunks > n)
			n = config->routes[i].n_trunks;
	return n;
}

static int allocate(struct route_rules *rules)
{
	const struct config *config = rules->config;

	rules->routes = calloc(config->n_routes + 1, sizeof(pcre2_code *));
	rules->heads = calloc(config->n_routes + 1, sizeof(struct head));
	rules->translations =
		calloc(config->n_translations + 1, sizeof(pcre2_code *));
	rules->scratch =
		calloc(most_candidates(config) + 1, sizeof(struct candidate));
	rules->gateway_trunks = calloc(
		config->n_peers - config->n_frontends + 1, sizeof(unsigned));
	if (!rules->routes || !rules->heads || !rules->translations ||
	    !rules->scratch || !rules->gateway_trunks)
		return -ENOMEM;
	list_gateway_trunks(rules);
	return make_match(rules);
}

struct route_rules *route_rules_new(const struct config *config)
{
	struct route_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return NULL;
	rules->config = config;
	if (allocate(rules) < 0 || compile_all(rules) < 0)
		return route_rules_free(rules);
	return rules;
}

static void free_codes(pcre2_code **codes, unsigned n)
{
	for (unsigned i = 0; codes && i < n; i++)
		pcre2_code_free(codes[i]);
	free(codes);
}

struct route_rules *route_rules_free(struct route_rules *rules)
{
	if (!rules)
		return NULL;
	free_codes(rules->routes, rules->config->n_routes);
	free_codes(rules->translations, rules->config->n_translations);
	if (rules->work)
		pcre2_match_data_free(rules->work->match);
	free(rules->work);
	pcre2_match_context_free(rules->context);
	free(rules->heads);
	free(rules->scratch);
	free(rules->gateway_trunks);
	free(rules);
	return NULL;
}

uint64_t route_rules_given_up(const struct route_rules *rules)
{
	return rules->work->n_given_up;
}

struct candidate *rules_scratch(const struct route_rules *rules)
{
	return rules->scratch;
}

const unsigned *rules_gateway_trunks(const struct route_rules *rules,
				     unsigned *ret_n)
{
	*ret_n = rules->n_gateway_trunks;
	return rules->gateway_trunks;
}

/* ---- matching --------------------------------------------------------- */

static bool is_match(const struct route_rules *rules, const pcre2_code *code,
		     const char *number)
{
	struct work *work = rules->work;
	int rc = pcre2_match(code, (PCRE2_SPTR)number, strlen(number), 0, 0,
			     work->match, rules->context);

	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		work->n_given_up++;
	return rc >= 0;
}

bool rules_match_route(const struct route_rules *rules, unsigned route,
		       const char *number)
{
	return has_head(&rules->heads[route], number) &&
	       is_match(rules, rules->routes[route], number);
}

/* ---- rewriting -------------------------------------------------------- */

/* A match and the number that it was found in. */
struct found {
	const pcre2_code *code;
	const char *number;
	const PCRE2_SIZE *spans; /* pairs of start and end */
	unsigned n_groups;	 /* of the pattern, with group 0 */
};

static void write_group(struct out *out, const struct found *found,
			unsigned group)
{
	const PCRE2_SIZE *span = &found->spans[2 * group];

	if (span[0] != PCRE2_UNSET)
		out_slice(out, (struct slice){found->number + span[0],
					      span[1] - span[0]});
}

/* The group called by digits or by name, or -1: there is none. */
static int group_called(const struct found *found, struct slice name)
{
	char text[64];
	uint64_t number;
	int group;

	if (slice_to_u64(name, found->n_groups - 1, &number) == 0)
		return (int)number;
	if (name.len >= sizeof(text))
		return -1;
	slice_copy(name, text, sizeof(text));
	group = pcre2_substring_number_from_name(found->code, (PCRE2_SPTR)text);
	return group > 0 && (unsigned)group < found->n_groups ? group : -1;
}

/* Length of the word that text begins with: digits, or {…} with braces. */
static size_t word_len(struct slice text)
{
	ptrdiff_t close;
	size_t len = 0;

	if (text.len && text.ptr[0] == '{') {
		close = slice_find(text, '}');
		return close < 0 ? 0 : (size_t)close + 1;
	}
	while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
		len++;
	return len;
}

/* After a `$`: writes what it stands for and returns the length of what it
 * used up; 0: the dollar stands for itself. */
static size_t write_reference(struct out *out, const struct found *found,
			      struct slice rest)
{
	size_t len;
	int group;

	if (rest.len && rest.ptr[0] == '$') {
		out_char(out, '$');
		return 1;
	}
	if (rest.len && rest.ptr[0] == '&') {
		write_group(out, found, 0);
		return 1;
	}
	len = word_len(rest);
	if (!len)
		return 0;
	group = group_called(found,
			     rest.ptr[0] == '{'
				     ? (struct slice){rest.ptr + 1, len - 2}
				     : (struct slice){rest.ptr, len});
	if (group < 0)
		return 0;
	write_group(out, found, (unsigned)group);
	return len;
}

/* .NET's way: $1 ${1} ${name} $& $$; what names no group stands for itself. */
static void write_replacement(struct out *out, const struct found *found,
			      struct slice text)
{
	while (text.len) {
		char c = *text.ptr++;
		size_t used = 0;

		text.len--;
		if (c == '$')
			used = write_reference(out, found, text);
		if (c != '$' || !used)
			out_char(out, c);
		text.ptr += used;
		text.len -= used;
	}
}

/* The matched part of number becomes the rule's text; false: no match. */
static bool rewrite(const struct route_rules *rules, unsigned rule,
		    const char *number, struct out *out)
{
	struct found found = {.code = rules->translations[rule],
			      .number = number};
	uint32_t n_captures = 0;

	if (!is_match(rules, found.code, number))
		return false;
	pcre2_pattern_info(found.code, PCRE2_INFO_CAPTURECOUNT, &n_captures);
	found.n_groups =
		n_captures + 1 < GROUPS_MAX ? n_captures + 1 : GROUPS_MAX;
	found.spans = pcre2_get_ovector_pointer(rules->work->match);
	if (found.spans[0] > found.spans[1]) /* \K in a lookahead */
		return false;
	out_slice(out, (struct slice){number, found.spans[0]});
	write_replacement(
		out, &found,
		slice_of(rules->config->translations[rule].translation));
	out_text(out, number + found.spans[1]);
	out_end(out);
	return true;
}

int rules_translate(const struct route_rules *rules, const unsigned *rules_list,
		    unsigned n, bool may_be_empty, char *number)
{
	char buf[ROUTE_NUMBER_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct out out = out_init(buf, sizeof(buf));

		if (!rewrite(rules, rules_list[i], number, &out) ||
		    out.is_full || (!out.len && !may_be_empty))
			continue;
		slice_copy(out_as_slice(&out), number, ROUTE_NUMBER_MAX);
		return (int)rules_list[i];
	}
	return -1;
}
