/* SPDX-License-Identifier: Apache-2.0
 *
 * The steering page: which book takes the initial requests of a Call-ID
 * bucket.  Written by the master when Mediation Servers come and go, read by
 * every signalling worker for every initial request.  Trap: a bucket's
 * previous book and time of change stand before its new book does.
 */
#include "shm/board.h"
#include "shm/page.h"

#define STEER_MAGIC 0x6d73706f6f6c0202ull

_Static_assert(sizeof(struct steer_board) == 16400,
	       "another layout: raise the magic, then this number");

static void steer_fill(void *page, const struct page_settings *settings)
{
	struct steer_board *board = page;

	(void)settings;
	board->magic = STEER_MAGIC;
}

static bool steer_is_good(const void *page,
			  const struct page_settings *settings)
{
	(void)settings;
	return ((const struct steer_board *)page)->magic == STEER_MAGIC;
}

static struct page_settings steer_settings(const char *run_dir)
{
	return (struct page_settings){
		.run_dir = run_dir,
		.folder = "board",
		.name = "steer",
		.size = sizeof(struct steer_board),
		.fill = steer_fill,
		.is_good = steer_is_good,
	};
}

int steer_board_own(const char *run_dir, struct steer_board **ret_board)
{
	struct page_settings settings = steer_settings(run_dir);
	void *page;
	int rc = page_own(&settings, &page);

	if (!rc)
		*ret_board = page;
	return rc;
}

int steer_board_open(const char *run_dir, const struct steer_board **ret_board)
{
	struct page_settings settings = steer_settings(run_dir);
	void *page;
	int rc = page_open(&settings, false, &page);

	if (!rc)
		*ret_board = page;
	return rc;
}

static uint8_t bucket_book(const struct bucket *bucket)
{
	return atomic_load_explicit(&bucket->book, memory_order_relaxed);
}

/* Who shall have how many: room is what a book may still take (negative: what
 * it must give). */
struct spread {
	unsigned n_books; /* distinct */
	uint8_t books[UINT8_MAX];
	int room[UINT8_MAX + 1]; /* by book */
	bool is_listed[UINT8_MAX + 1];
	bool has_odd[UINT8_MAX + 1];
};

static void spread_list(struct spread *spread, const uint8_t *books,
			unsigned n_books)
{
	for (unsigned i = 0; i < n_books; i++) {
		if (books[i] == 0 || spread->is_listed[books[i]])
			continue;
		spread->is_listed[books[i]] = true;
		spread->books[spread->n_books++] = books[i];
	}
}

/* BUCKETS do not divide evenly.  The odd ones go first to books that have more
 * than their share already: each saves a move. */
static void spread_share(struct spread *spread, const struct steer_board *board)
{
	int share = (int)(BUCKETS / spread->n_books);
	unsigned odd = BUCKETS % spread->n_books;

	for (unsigned i = 0; i < spread->n_books; i++)
		spread->room[spread->books[i]] = share;
	for (unsigned i = 0; i < BUCKETS; i++)
		spread->room[bucket_book(&board->buckets[i])]--;
	for (unsigned i = 0; i < 2 * spread->n_books && odd > 0; i++) {
		uint8_t book = spread->books[i % spread->n_books];
		bool is_first_round = i < spread->n_books;

		if (spread->has_odd[book] ||
		    (is_first_round && spread->room[book] >= 0))
			continue;
		spread->has_odd[book] = true;
		spread->room[book]++;
		odd--;
	}
}

static void bucket_move(struct bucket *bucket, uint8_t to, uint64_t now_us)
{
	atomic_store_explicit(
		&bucket->before,
		atomic_load_explicit(&bucket->previous, memory_order_relaxed),
		memory_order_relaxed);
	atomic_store_explicit(&bucket->previous, bucket_book(bucket),
			      memory_order_relaxed);
	atomic_store_explicit(&bucket->changed_us, now_us,
			      memory_order_relaxed);
	atomic_store_explicit(&bucket->book, to, memory_order_release);
}

void steer_board_spread(struct steer_board *board, const uint8_t *books,
			unsigned n_books, uint64_t now_us)
{
	struct spread spread = {0};
	unsigned taker = 0, n_moved = 0;

	spread_list(&spread, books, n_books);
	if (spread.n_books == 0)
		return;
	spread_share(&spread, board);
	for (unsigned i = 0; i < BUCKETS; i++) {
		uint8_t from = bucket_book(&board->buckets[i]);

		if (spread.is_listed[from] && spread.room[from] >= 0)
			continue;
		while (spread.room[spread.books[taker]] <= 0)
			taker++;
		spread.room[from]++;
		spread.room[spread.books[taker]]--;
		bucket_move(&board->buckets[i], spread.books[taker], now_us);
		n_moved++;
	}
	if (n_moved)
		atomic_fetch_add_explicit(&board->version, 1,
					  memory_order_release);
}
