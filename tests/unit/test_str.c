/* SPDX-License-Identifier: Apache-2.0
 *
 * base/str.c: slices, numbers, near words and the bounded writer.
 */
#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

Test(str, slices_compare_with_and_without_case)
{
	cr_assert(slice_is(SLICE("Via"), SLICE("Via")));
	cr_assert_not(slice_is(SLICE("Via"), SLICE("via")));
	cr_assert(slice_is_nocase(SLICE("CALL-id"), SLICE("Call-ID")));
	cr_assert_not(slice_is_nocase(SLICE("Call-ID"), SLICE("Call-IDs")));
	cr_assert(slice_is(SLICE_NONE, SLICE("")));
}

Test(str, case_is_folded_for_letters_only)
{
	cr_assert_not(slice_is_nocase(SLICE("["), SLICE("{")));
	cr_assert_not(slice_is_nocase(SLICE("@"), SLICE("`")));
}

Test(str, a_prefix_longer_than_the_text_does_not_match)
{
	cr_assert(slice_starts_nocase(SLICE("z9hG4bKabc"), SLICE("Z9HG4BK")));
	cr_assert_not(slice_starts_nocase(SLICE("z9h"), SLICE("z9hG4bK")));
}

Test(str, trimming_takes_blanks_from_both_ends_only)
{
	cr_assert(slice_is(slice_trim(SLICE(" \ta b\t ")), SLICE("a b")));
	cr_assert_eq(slice_trim(SLICE(" \t ")).len, 0);
	cr_assert_eq(slice_trim(SLICE_NONE).len, 0);
}

Test(str, cutting_leaves_what_stands_after_the_mark)
{
	struct slice s = SLICE("a,,b");

	cr_assert(slice_is(slice_cut(&s, ','), SLICE("a")));
	cr_assert(slice_is(slice_cut(&s, ','), SLICE("")));
	cr_assert_not_null(s.ptr);
	cr_assert(slice_is(slice_cut(&s, ','), SLICE("b")));
	cr_assert_null(s.ptr);
	cr_assert_eq(slice_cut(&s, ',').len, 0);
}

Test(str, a_mark_at_the_end_leaves_an_empty_rest_that_is_there)
{
	struct slice s = SLICE("a,");

	slice_cut(&s, ',');
	cr_assert_eq(s.len, 0);
	cr_assert_not_null(s.ptr);
}

Test(str, numbers_are_digits_within_the_limit)
{
	uint64_t value = 7;

	cr_assert_eq(slice_to_u64(SLICE("0042"), 42, &value), 0);
	cr_assert_eq(value, 42);
	cr_assert_eq(
		slice_to_u64(SLICE("18446744073709551615"), UINT64_MAX, &value),
		0);
	cr_assert_eq(value, UINT64_MAX);
}

Test(str, a_refused_number_leaves_the_output_alone)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x1", "99999999999999999999x"};
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(slice_to_u64(slice_of(bad[i]), 99, &value),
			     -EINVAL, "%s", bad[i]);
	cr_assert_eq(slice_to_u64(SLICE("43"), 42, &value), -ERANGE);
	cr_assert_eq(slice_to_u64(SLICE("5"), 4, &value), -ERANGE);
	cr_assert_eq(
		slice_to_u64(SLICE("18446744073709551616"), UINT64_MAX, &value),
		-ERANGE);
	cr_assert_eq(value, 7);
}

Test(str, copies_are_cut_to_fit_and_terminated)
{
	char buf[4] = "xyz";

	cr_assert_eq(slice_copy(SLICE("abcdef"), buf, sizeof(buf)), 3);
	cr_assert_str_eq(buf, "abc");
	cr_assert_eq(slice_copy(SLICE_NONE, buf, sizeof(buf)), 0);
	cr_assert_str_eq(buf, "");
	cr_assert_eq(slice_copy(SLICE("a"), buf, 0), 0);
}

Test(str, a_duplicate_is_terminated)
{
	char *copy = slice_dup((struct slice){"abcdef", 3});

	cr_assert_str_eq(copy, "abc");
	free(copy);
}

Test(str, hashes_depend_on_every_byte_the_length_and_the_seed)
{
	char text[40] = {0};
	uint64_t plain = slice_hash((struct slice){text, 40}, 1);

	for (unsigned i = 0; i < sizeof(text); i++) {
		text[i] = 1;
		cr_expect_neq(slice_hash((struct slice){text, 40}, 1), plain);
		text[i] = 0;
	}
	cr_assert_eq(slice_hash((struct slice){text, 40}, 1), plain);
	cr_assert_neq(slice_hash((struct slice){text, 39}, 1), plain);
	cr_assert_neq(slice_hash((struct slice){text, 40}, 2), plain);
}

Test(str, hashes_of_similar_texts_spread_evenly)
{
	unsigned filled[64] = {0};

	for (unsigned i = 0; i < 6400; i++) {
		char text[16];
		struct out out = out_init(text, sizeof(text));

		out_printf(&out, "call-%u", i);
		filled[slice_hash(out_as_slice(&out), 0) % 64]++;
	}
	for (unsigned i = 0; i < 64; i++)
		cr_expect(filled[i] > 50 && filled[i] < 150, "%u: %u", i,
			  filled[i]);
}

static const char *const keys[] = {"signalling_workers", "media_workers",
				   "watchdog", "user", NULL};

Test(str, a_slip_of_the_finger_finds_the_word_that_was_meant)
{
	cr_assert_str_eq(str_nearest("signaling_workers", keys),
			 "signalling_workers");
	cr_assert_str_eq(str_nearest("wacthdog", keys), "watchdog");
	cr_assert_str_eq(str_nearest("WATCHDOG", keys), "watchdog");
	cr_assert_str_eq(str_nearest("usre", keys), "user");
}

Test(str, a_word_near_nothing_finds_nothing)
{
	char endless[200];

	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	cr_assert_null(str_nearest("certificate", keys));
	cr_assert_null(str_nearest("", keys));
	cr_assert_null(str_nearest(endless, keys));
}

Test(str, the_writer_takes_all_kinds_of_pieces)
{
	char buf[64];
	struct out out = out_init(buf, sizeof(buf));

	out_text(&out, "a");
	out_char(&out, '-');
	out_u64(&out, 0);
	out_u64(&out, UINT64_MAX);
	out_hex(&out, "\x00\xff", 2);
	out_printf(&out, "%d", -3);
	out_slice(&out, SLICE_NONE);
	cr_assert_str_eq(out_end(&out), "a-01844674407370955161500ff-3");
	cr_assert_not(out.is_full);
}

Test(str, what_does_not_fit_is_left_out_whole_and_for_good)
{
	char buf[5];
	struct out out = out_init(buf, sizeof(buf));

	out_text(&out, "abc");
	out_text(&out, "def");
	cr_assert(out.is_full);
	out_text(&out, "g");
	cr_assert_str_eq(out_end(&out), "abc");
}

Test(str, printing_that_does_not_fit_leaves_nothing)
{
	char buf[8];
	struct out out = out_init(buf, sizeof(buf));

	out_text(&out, "ab");
	out_printf(&out, "%s", "0123456789");
	cr_assert(out.is_full);
	cr_assert_str_eq(out_end(&out), "ab");
}

Test(str, a_buffer_filled_to_the_brim_loses_its_last_byte_to_the_end)
{
	char buf[3];
	struct out out = out_init(buf, sizeof(buf));

	out_text(&out, "abc");
	cr_assert_not(out.is_full);
	cr_assert_str_eq(out_end(&out), "ab");
	cr_assert(out.is_full);
}
