/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/steer.c: buckets are even, few move, and what moved says from where.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "shm/board.h"
#include "tests/unit/scratch.h"

static struct steer_board *board;

static void setup(void)
{
	cr_assert_eq(steer_board_own(scratch_make(), &board), 0);
}

TestSuite(steer, .init = setup, .fini = scratch_remove);

static void spread(const char *books, uint64_t now_us)
{
	uint8_t list[64];
	unsigned n = 0;

	for (; books[n]; n++)
		list[n] = (uint8_t)(books[n] - '0');
	steer_board_spread(board, list, n, now_us);
}

static unsigned count(uint8_t book)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		n += atomic_load(&board->buckets[i].book) == book;
	return n;
}

static unsigned moved_at(uint64_t us)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		n += atomic_load(&board->buckets[i].changed_us) == us;
	return n;
}

Test(steer, the_first_books_share_all_buckets_evenly)
{
	spread("123", 10);
	cr_assert_eq(count(0), 0);
	cr_assert_eq(count(1) + count(2) + count(3), BUCKETS);
	for (uint8_t book = 1; book <= 3; book++)
		cr_assert(count(book) == 341 || count(book) == 342);
}

Test(steer, the_same_books_again_change_nothing)
{
	uint32_t version;

	spread("1234", 10);
	version = atomic_load(&board->version);
	spread("4321", 20);
	cr_assert_eq(moved_at(20), 0);
	cr_assert_eq(atomic_load(&board->version), version);
}

Test(steer, a_new_book_takes_its_share_and_no_more)
{
	spread("12", 10);
	spread("123", 20);
	cr_assert_eq(moved_at(20), count(3));
	cr_assert_eq(count(3), 341); /* the odd one stays where it is */
	for (unsigned i = 0; i < BUCKETS; i++)
		if (atomic_load(&board->buckets[i].book) == 3)
			cr_assert(atomic_load(&board->buckets[i].previous) >=
				  1);
}

Test(steer, a_book_that_goes_gives_only_its_own)
{
	unsigned had;

	spread("1234", 10);
	had = count(2);
	spread("134", 20);
	cr_assert_eq(moved_at(20), had);
	cr_assert_eq(count(2), 0);
	for (unsigned i = 0; i < BUCKETS; i++)
		if (atomic_load(&board->buckets[i].changed_us) == 20)
			cr_assert_eq(atomic_load(&board->buckets[i].previous),
				     2);
}

Test(steer, a_bucket_that_moves_twice_tells_both_its_former_books)
{
	unsigned n = 0;

	spread("12", 10);
	spread("13", 20);
	spread("14", 30);
	for (unsigned i = 0; i < BUCKETS; i++) {
		if (atomic_load(&board->buckets[i].book) != 4)
			continue;
		cr_assert_eq(atomic_load(&board->buckets[i].previous), 3);
		cr_assert_eq(atomic_load(&board->buckets[i].before), 2);
		n++;
	}
	cr_expect_eq(n, BUCKETS / 2);
}

Test(steer, no_book_at_all_changes_nothing)
{
	spread("12", 10);
	steer_board_spread(board, NULL, 0, 20);
	cr_assert_eq(moved_at(20), 0);
	spread("00", 30);
	cr_assert_eq(moved_at(30), 0);
}

/* The fewest moves that make it even: what stands above its quota, when the
 * odd buckets lie with those who have most. */
static unsigned fewest_moves(const uint8_t *books, unsigned n)
{
	unsigned share = BUCKETS / n, odd = BUCKETS % n, stay = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned has = count(books[i]);

		if (has > share && odd > 0) {
			odd--;
			stay += share + 1;
		} else
			stay += has < share ? has : share;
	}
	return BUCKETS - stay;
}

Test(steer, at_random_it_is_even_and_moves_the_fewest)
{
	srand(5);
	for (uint64_t step = 1; step < 2000; step++) {
		uint8_t books[BOOK_MAX];
		unsigned n = 0, fewest;

		while (n == 0)
			for (uint8_t book = 1; book <= BOOK_MAX; book++)
				if (rand() % 100 < 1 + rand() % 99)
					books[n++] = book;
		fewest = fewest_moves(books, n);
		steer_board_spread(board, books, n, step);
		cr_assert_eq(moved_at(step), fewest);
		for (unsigned i = 0; i < n; i++) {
			cr_assert_geq(count(books[i]), BUCKETS / n);
			cr_assert_leq(count(books[i]), BUCKETS / n + 1);
		}
	}
}

Test(steer, the_page_outlives_its_writer)
{
	const struct steer_board *seen = NULL;
	struct steer_board *again = NULL;

	spread("12", 10);
	cr_assert_eq(steer_board_own(scratch_path("."), &again), 0);
	cr_assert_eq(steer_board_open(scratch_path("."), &seen), 0);
	for (unsigned i = 0; i < BUCKETS; i++)
		cr_assert_eq(atomic_load(&seen->buckets[i].book),
			     atomic_load(&board->buckets[i].book));
}
