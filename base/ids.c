/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that cross processes: slots, call ids, and the tags and branches from
 * which any worker reads whose message it holds (drawn in ids.h).
 * Trap: tags and branches come back from peers, so the parsers take anything;
 * letters may have changed case on the way (RFC 3261 7.3.1), digits not.
 */
#include "base/ids.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/log.h"

#define BOOK_HEX    4
#define COUNTER_HEX 12
#define TOKEN_LEN   (BOOK_HEX + COUNTER_HEX + 1)
#define TX_HEX	    4
#define NUMBER_HEX  16
#define SECRET_HEX  (2 * LEG_SECRET_LEN)
#define FORK_MAX    65535

static const char branch_prefix[] = "z9hG4bKm"; /* RFC 3261 8.1.1.7 + ours */
static const char probe_prefix[] = "z9hG4bKp";

static const struct slot_row {
	const char *prefix;
	unsigned max;
} slot_rows[] = {
	[SLOT_SIGNALLING] = {"ms", BOOK_MAX},
	[SLOT_MEDIA] = {"mw", MEDIA_SLOT_MAX},
};

/* Helpers: there is one of each, without a number. */
static const char *const helper_names[] = {
	[SLOT_CDR] = "cdr",
	[SLOT_OBSERVER] = "observer",
};
#define N_HELPER_NAMES (sizeof(helper_names) / sizeof(helper_names[0]))

const char *slot_name(struct slot_id slot, char buf[SLOT_NAME_MAX])
{
	const char *prefix = "master";

	if (slot.kind == SLOT_SIGNALLING || slot.kind == SLOT_MEDIA)
		snprintf(buf, SLOT_NAME_MAX, "%s%u",
			 slot_rows[slot.kind].prefix, slot.index % 1000u);
	else if (slot.kind < N_HELPER_NAMES && helper_names[slot.kind])
		snprintf(buf, SLOT_NAME_MAX, "%s", helper_names[slot.kind]);
	else
		snprintf(buf, SLOT_NAME_MAX, "%s", prefix);
	return buf;
}

/* A number as we write it: no leading zero. */
static int parse_number(struct slice text, uint64_t max, uint64_t *ret_number)
{
	if (text.len > 1 && text.ptr[0] == '0')
		return -EINVAL;
	return slice_to_u64(text, max, ret_number) < 0 ? -EINVAL : 0;
}

static bool is_helper(struct slice text, struct slot_id *ret_slot)
{
	for (unsigned kind = 0; kind < N_HELPER_NAMES; kind++) {
		if (!helper_names[kind] ||
		    !slice_is(text, slice_of(helper_names[kind])))
			continue;
		*ret_slot = (struct slot_id){(uint8_t)kind, 0};
		return true;
	}
	return false;
}

int slot_parse(struct slice text, struct slot_id *ret_slot)
{
	if (is_helper(text, ret_slot))
		return 0;
	for (unsigned kind = SLOT_SIGNALLING; kind <= SLOT_MEDIA; kind++) {
		const struct slot_row *row = &slot_rows[kind];
		struct slice number = text;
		uint64_t index;

		if (text.len < 3 || memcmp(text.ptr, row->prefix, 2) != 0)
			continue;
		number.ptr += 2;
		number.len -= 2;
		if (parse_number(number, row->max, &index) < 0 || index == 0)
			return -EINVAL;
		ret_slot->kind = (uint8_t)kind;
		ret_slot->index = (uint8_t)index;
		return 0;
	}
	return -EINVAL;
}

const char *call_id_text(uint64_t call, char buf[CALL_ID_TEXT_MAX])
{
	snprintf(buf, CALL_ID_TEXT_MAX, "ms%u-%llu", call_book(call),
		 (unsigned long long)(call & 0xffffffffffffull));
	return buf;
}

int call_id_parse(struct slice text, uint64_t *ret_call)
{
	struct slice server = slice_cut(&text, '-');
	struct slot_id slot;
	uint64_t counter;

	if (slot_parse(server, &slot) < 0 || slot.kind != SLOT_SIGNALLING ||
	    parse_number(text, 0xffffffffffffull, &counter) < 0)
		return -EINVAL;
	*ret_call = call_make(slot.index, counter);
	return 0;
}

/* ---- reading hex -------------------------------------------------------- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes `digits` hex digits off the front of *text. */
static int take_hex(struct slice *text, unsigned digits, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text->len < digits)
		return -EINVAL;
	for (unsigned i = 0; i < digits; i++) {
		int n = nibble(text->ptr[i]);

		if (n < 0)
			return -EINVAL;
		value = value << 4 | (unsigned)n;
	}
	text->ptr += digits;
	text->len -= digits;
	*ret_value = value;
	return 0;
}

static int take_secret(struct slice *text, uint8_t ret_secret[LEG_SECRET_LEN])
{
	uint64_t byte;

	if (text->len < SECRET_HEX)
		return -EINVAL;
	for (unsigned i = 0; i < LEG_SECRET_LEN; i++) {
		if (take_hex(text, 2, &byte) < 0)
			return -EINVAL;
		ret_secret[i] = (uint8_t)byte;
	}
	return 0;
}

static int take_prefix(struct slice *text, struct slice prefix)
{
	if (!slice_starts_nocase(*text, prefix))
		return -EINVAL;
	text->ptr += prefix.len;
	text->len -= prefix.len;
	return 0;
}

static int take_book(struct slice *text, uint64_t *ret_book)
{
	uint64_t book;

	if (take_hex(text, BOOK_HEX, &book) < 0 || book == 0 || book > BOOK_MAX)
		return -EINVAL;
	*ret_book = book;
	return 0;
}

static int take_token(struct slice *text, struct token *ret_token)
{
	uint64_t book, counter;
	char leg;

	if (take_book(text, &book) < 0 ||
	    take_hex(text, COUNTER_HEX, &counter) < 0 || text->len == 0)
		return -EINVAL;
	leg = (char)(text->ptr[0] | 0x20);
	if (leg != 'a' && leg != 'b')
		return -EINVAL;
	text->ptr++;
	text->len--;
	*ret_token = (struct token){call_make((unsigned)book, counter), leg};
	return 0;
}

/* ---- tags and branches -------------------------------------------------- */

/* The lowest `digits` digits (even), in lower case. */
static void put_hex(struct out *out, uint64_t value, unsigned digits)
{
	uint64_t bytes = htobe64(value);

	out_hex(out, (const char *)&bytes + (16 - digits) / 2, digits / 2);
}

/* Book and counter stand side by side in a call id. */
static void put_token(struct out *out, const struct token *token)
{
	put_hex(out, token->call, BOOK_HEX + COUNTER_HEX);
	out_char(out, token->leg);
}

const char *tag_make(const struct token *token,
		     const uint8_t secret[LEG_SECRET_LEN], unsigned fork,
		     char buf[TAG_MAX])
{
	struct out out = out_init(buf, TAG_MAX);

	out_char(&out, 'm');
	put_token(&out, token);
	out_hex(&out, secret, LEG_SECRET_LEN);
	if (fork > 0) {
		out_char(&out, '.');
		out_u64(&out, fork);
	}
	return out_end(&out);
}

static int parse_fork(struct slice text, uint64_t *ret_fork)
{
	*ret_fork = 0;
	if (text.len == 0)
		return 0;
	if (text.ptr[0] != '.')
		return -EINVAL;
	text.ptr++;
	text.len--;
	if (parse_number(text, FORK_MAX, ret_fork) < 0 || *ret_fork == 0)
		return -EINVAL;
	return 0;
}

int tag_parse(struct slice tag, struct token *ret_token,
	      uint8_t ret_secret[LEG_SECRET_LEN], unsigned *ret_fork)
{
	uint8_t secret[LEG_SECRET_LEN];
	struct token token;
	uint64_t fork;

	if (take_prefix(&tag, SLICE("m")) < 0 || take_token(&tag, &token) < 0 ||
	    take_secret(&tag, secret) < 0 || parse_fork(tag, &fork) < 0)
		return -EINVAL;
	*ret_token = token;
	if (ret_secret)
		memcpy(ret_secret, secret, sizeof(secret));
	if (ret_fork)
		*ret_fork = (unsigned)fork;
	return 0;
}

const char *branch_make(const struct token *token, unsigned tx,
			const uint8_t secret[LEG_SECRET_LEN],
			char buf[BRANCH_MAX])
{
	struct out out = out_init(buf, BRANCH_MAX);

	out_text(&out, branch_prefix);
	put_token(&out, token);
	put_hex(&out, tx, TX_HEX);
	out_hex(&out, secret, LEG_SECRET_LEN);
	return out_end(&out);
}

int branch_parse(struct slice branch, struct token *ret_token, unsigned *ret_tx,
		 uint8_t ret_secret[LEG_SECRET_LEN])
{
	uint8_t secret[LEG_SECRET_LEN];
	struct token token;
	uint64_t tx;

	if (take_prefix(&branch, slice_of(branch_prefix)) < 0 ||
	    take_token(&branch, &token) < 0 ||
	    take_hex(&branch, TX_HEX, &tx) < 0 ||
	    take_secret(&branch, secret) < 0 || branch.len > 0)
		return -EINVAL;
	*ret_token = token;
	*ret_tx = (unsigned)tx;
	if (ret_secret)
		memcpy(ret_secret, secret, sizeof(secret));
	return 0;
}

const char *probe_branch_make(unsigned book, uint64_t number,
			      char buf[BRANCH_MAX])
{
	struct out out = out_init(buf, BRANCH_MAX);
	uint8_t secret[LEG_SECRET_LEN];

	random_bytes(secret, sizeof(secret));
	out_text(&out, probe_prefix);
	put_hex(&out, book, BOOK_HEX);
	put_hex(&out, number, NUMBER_HEX);
	out_hex(&out, secret, sizeof(secret));
	return out_end(&out);
}

int probe_branch_parse(struct slice branch, unsigned *ret_book,
		       uint64_t *ret_number)
{
	uint8_t secret[LEG_SECRET_LEN];
	uint64_t book, number;

	if (take_prefix(&branch, slice_of(probe_prefix)) < 0 ||
	    take_book(&branch, &book) < 0 ||
	    take_hex(&branch, NUMBER_HEX, &number) < 0 ||
	    take_secret(&branch, secret) < 0 || branch.len > 0)
		return -EINVAL;
	*ret_book = (unsigned)book;
	*ret_number = number;
	return 0;
}

/* ---- randomness --------------------------------------------------------- */

/* One system call for some 40 legs.  What was given out is wiped, so that a
 * core or a stray read shows no secret of a running call from here. */
static void take_random(uint8_t *ret_bytes, unsigned n)
{
	static uint8_t pool[512];
	static unsigned left;

	if (left < n) {
		must(getrandom(pool, sizeof(pool), 0) == sizeof(pool));
		left = sizeof(pool);
	}
	left -= n;
	memcpy(ret_bytes, pool + left, n);
	explicit_bzero(pool + left, n);
}

void random_bytes(void *ret_bytes, unsigned n)
{
	uint8_t *at = ret_bytes;

	for (unsigned part; n > 0; at += part, n -= part) {
		part = n < 256 ? n : 256;
		take_random(at, part);
	}
}
