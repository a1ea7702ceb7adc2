/* SPDX-License-Identifier: Apache-2.0
 *
 * base/ids.c: names that cross processes and come back from peers.
 */
#include "base/ids.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>

static const uint8_t secret[LEG_SECRET_LEN] = {0, 1, 2, 3, 4,  5,
					       6, 7, 8, 9, 10, 255};
static const struct token token = {(uint64_t)BOOK_MAX << 48 | 0x2a, 'b'};

Test(ids, slots_are_named_as_the_contract_says)
{
	char buf[SLOT_NAME_MAX];

	cr_assert_str_eq(slot_name((struct slot_id){SLOT_SIGNALLING, 1}, buf),
			 "ms1");
	cr_assert_str_eq(slot_name((struct slot_id){SLOT_MEDIA, 32}, buf),
			 "mw32");
	cr_assert_str_eq(slot_name((struct slot_id){SLOT_NONE, 0}, buf),
			 "master");
}

Test(ids, every_slot_name_is_read_back)
{
	char buf[SLOT_NAME_MAX];

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		struct slot_id slot = {SLOT_SIGNALLING, (uint8_t)i}, back;

		cr_assert_eq(slot_parse(slice_of(slot_name(slot, buf)), &back),
			     0);
		cr_assert(back.kind == slot.kind && back.index == slot.index);
	}
}

Test(ids, the_writer_of_call_records_has_a_name_without_a_number)
{
	struct slot_id slot = {SLOT_CDR, 0}, back;
	char buf[SLOT_NAME_MAX];

	cr_expect_str_eq(slot_name(slot, buf), "cdr");
	cr_assert_eq(slot_parse(SLICE("cdr"), &back), 0);
	cr_expect(back.kind == SLOT_CDR && back.index == 0);
	cr_expect_eq(slot_parse(SLICE("cdr1"), &back), -EINVAL);
}

Test(ids, what_names_no_slot_is_refused)
{
	static const char *const bad[] = {
		"",    "m",   "ms",   "ms0",  "ms01",	 "ms65", "mw33",
		"MS1", "mx1", "ms1 ", "ms-1", "ms99999", "ms1a", "master",
	};
	struct slot_id slot;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(slot_parse(slice_of(bad[i]), &slot), -EINVAL, "%s",
			     bad[i]);
	cr_expect_eq(slot_parse(SLICE_NONE, &slot), -EINVAL);
}

Test(ids, call_ids_are_read_back)
{
	static const uint64_t counters[] = {0, 1, 42, 0xffffffffffffull};
	char buf[CALL_ID_TEXT_MAX];

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t call = call_make(BOOK_MAX, counters[i]), back;

		cr_assert_eq(
			call_id_parse(slice_of(call_id_text(call, buf)), &back),
			0);
		cr_assert_eq(back, call);
		cr_assert_eq(call_book(back), BOOK_MAX);
	}
}

Test(ids, what_is_no_call_id_is_refused)
{
	static const char *const bad[] = {
		"",	  "ms1",   "ms1-", "ms1-x",  "mw1-1",
		"ms1-01", "ms0-1", "-1",   "ms1--1", "ms1-281474976710656",
	};
	uint64_t call = 5;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(call_id_parse(slice_of(bad[i]), &call), -EINVAL,
			     "%s", bad[i]);
	cr_assert_eq(call, 5);
}

static void assert_same_token(struct token back)
{
	cr_assert_eq(back.call, token.call);
	cr_assert_eq(back.leg, token.leg);
}

Test(ids, a_tag_tells_call_leg_secret_and_fork)
{
	static const unsigned forks[] = {0, 1, 19, 65535};

	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
		uint8_t back_secret[LEG_SECRET_LEN];
		char buf[TAG_MAX];
		struct token back;
		unsigned fork;

		tag_make(&token, secret, forks[i], buf);
		cr_assert_eq(
			tag_parse(slice_of(buf), &back, back_secret, &fork), 0);
		assert_same_token(back);
		cr_assert_eq(fork, forks[i]);
		cr_assert(memcmp(secret, back_secret, sizeof(secret)) == 0);
	}
}

Test(ids, a_tag_whose_letters_changed_case_is_still_ours)
{
	char buf[TAG_MAX];
	struct token back;

	tag_make(&token, secret, 0, buf);
	for (char *c = buf; *c; c++)
		*c = (char)toupper(*c);
	cr_assert_eq(tag_parse(slice_of(buf), &back, NULL, NULL), 0);
	assert_same_token(back);
}

Test(ids, every_shortened_or_damaged_tag_is_a_strangers)
{
	char buf[TAG_MAX];
	struct token back;
	size_t len = strlen(tag_make(&token, secret, 0, buf));

	for (size_t n = 0; n < len; n++)
		cr_expect_eq(
			tag_parse((struct slice){buf, n}, &back, NULL, NULL),
			-EINVAL);
	for (size_t i = 0; i < len; i++) {
		char was = buf[i];

		buf[i] = '~';
		cr_expect_eq(tag_parse(slice_of(buf), &back, NULL, NULL),
			     -EINVAL, "%zu", i);
		buf[i] = was;
	}
}

Test(ids, a_tag_with_an_odd_tail_or_book_is_a_strangers)
{
	static const char *const tails[] = {".",   ".0",     ".01",
					    ".1x", ".65536", "x"};
	char buf[TAG_MAX + 8];
	struct token back;
	size_t len = strlen(tag_make(&token, secret, 0, buf));

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		strcpy(buf + len, tails[i]);
		cr_expect_eq(tag_parse(slice_of(buf), &back, NULL, NULL),
			     -EINVAL, "%s", tails[i]);
	}
	buf[len] = '\0';
	memcpy(buf + 1, "0041", 4); /* book 65 */
	cr_expect_eq(tag_parse(slice_of(buf), &back, NULL, NULL), -EINVAL);
	memcpy(buf + 1, "0000", 4);
	cr_expect_eq(tag_parse(slice_of(buf), &back, NULL, NULL), -EINVAL);
}

Test(ids, a_branch_tells_call_leg_transaction_and_secret)
{
	uint8_t back_secret[LEG_SECRET_LEN];
	char buf[BRANCH_MAX];
	struct token back;
	unsigned tx;

	branch_make(&token, 65535, secret, buf);
	cr_assert_eq(strncmp(buf, "z9hG4bKm", 8), 0);
	cr_assert_eq(branch_parse(slice_of(buf), &back, &tx, back_secret), 0);
	assert_same_token(back);
	cr_assert_eq(tx, 65535);
	cr_assert(memcmp(secret, back_secret, sizeof(secret)) == 0);
}

Test(ids, every_shortened_lengthened_or_damaged_branch_is_a_strangers)
{
	char buf[BRANCH_MAX + 1];
	struct token back;
	unsigned tx;
	size_t len = strlen(branch_make(&token, 7, secret, buf));

	for (size_t n = 0; n < len; n++)
		cr_expect_eq(
			branch_parse((struct slice){buf, n}, &back, &tx, NULL),
			-EINVAL);
	for (size_t i = 0; i < len; i++) {
		char was = buf[i];

		buf[i] = '~';
		cr_expect_eq(branch_parse(slice_of(buf), &back, &tx, NULL),
			     -EINVAL, "%zu", i);
		buf[i] = was;
	}
	strcpy(buf + len, "0");
	cr_expect_eq(branch_parse(slice_of(buf), &back, &tx, NULL), -EINVAL);
}

Test(ids, a_probes_branch_tells_the_prober_and_is_no_calls)
{
	char buf[BRANCH_MAX], again[BRANCH_MAX];
	uint64_t number;
	unsigned book, tx;
	struct token back;

	probe_branch_make(3, UINT64_MAX, buf);
	cr_assert_eq(probe_branch_parse(slice_of(buf), &book, &number), 0);
	cr_assert_eq(book, 3);
	cr_assert_eq(number, UINT64_MAX);
	cr_assert_eq(branch_parse(slice_of(buf), &back, &tx, NULL), -EINVAL);
	cr_assert_str_neq(probe_branch_make(3, UINT64_MAX, again), buf);
	branch_make(&token, 7, secret, buf);
	cr_assert_eq(probe_branch_parse(slice_of(buf), &book, &number),
		     -EINVAL);
}

Test(ids, random_bytes_fill_all_that_was_asked_for_and_differ)
{
	uint8_t a[1000] = {0}, b[1000] = {0}, seen[1000] = {0};

	for (unsigned round = 0; round < 8; round++) {
		random_bytes(a, sizeof(a));
		for (unsigned i = 0; i < sizeof(a); i++)
			seen[i] |= a[i];
	}
	random_bytes(b, sizeof(b));
	cr_assert(memcmp(a, b, sizeof(a)) != 0);
	for (unsigned i = 0; i < sizeof(seen); i++)
		cr_expect_neq(seen[i], 0);
}
