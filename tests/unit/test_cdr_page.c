/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/cdr_page.c and shm/book_cdr.c: what makes a call record appear exactly
 * once, whoever dies when.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "shm/book.h"
#include "shm/cdr_page.h"
#include "tests/unit/cdr_sample.h"
#include "tests/unit/scratch.h"

static void make(void)
{
	scratch_make();
}

TestSuite(cdr_page, .init = make, .fini = scratch_remove);

static struct cdr_page *own_page(int *ret_lock)
{
	struct cdr_page *page;

	cr_assert_eq(cdr_page_own(scratch_path(""), 0, &page, ret_lock), 0);
	return page;
}

static struct book *own_book(uint32_t epoch)
{
	struct book_settings settings = {
		.run_dir = scratch_path(""),
		.index = 3,
		.epoch = epoch,
		.map_size = 1 << 20,
	};
	struct book *book;

	cr_assert_eq(book_own(&settings, &book), 0);
	return book;
}

static void put(struct book *book, uint64_t sequence)
{
	struct cdr_record *cdr = sample_cdr(3, sequence);

	book_put_cdr(book, cdr);
	free(cdr);
}

struct seen {
	unsigned n, n_bad;
	uint64_t last;
	unsigned most;
};

static int see(void *arg, uint64_t sequence, const struct cdr_record *cdr)
{
	struct seen *seen = arg;

	seen->n++;
	seen->n_bad += !cdr;
	seen->last = sequence;
	if (cdr) {
		cr_expect_eq(cdr->call, call_make(3, 40 + sequence));
		cr_expect(slice_is(record_slice(cdr, cdr->leg[LEG_B].peer),
				   SLICE("gw2")));
	}
	return seen->most && seen->n == seen->most ? 7 : 0;
}

Test(cdr_page,
     records_of_a_book_are_read_from_a_sequence_on_and_deleted_one_by_one)
{
	struct book *book = own_book(1);
	struct seen seen = {0};
	uint64_t first = 9, last = 9;

	cr_assert_eq(book_cdr_range(book, &first, &last), 0);
	cr_expect(first == 9 && last == 9, "nothing there, nothing said");
	for (uint64_t i = 5; i <= 9; i++)
		put(book, i);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_read_cdrs(book, 7, see, &seen), 0);
	cr_expect(seen.n == 3 && seen.last == 9 && seen.n_bad == 0);
	seen = (struct seen){.most = 2};
	cr_assert_eq(book_read_cdrs(book, 1, see, &seen), 7);
	cr_expect(seen.n == 2 && seen.last == 6);
	book_del_cdr(book, 5);
	book_del_cdr(book, 5); /* is no harm */
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_cdr_range(book, &first, &last), 0);
	cr_expect(first == 6 && last == 9);
	book_forget(book);
}

Test(cdr_page, a_record_of_a_later_release_waits_for_its_reader)
{
	struct book *book = own_book(1);
	struct cdr_record *cdr = sample_cdr(3, 2);
	struct seen seen = {0};

	put(book, 1);
	cdr->head.version = CDR_VERSION + 1;
	book_put_cdr(book, cdr);
	put(book, 3);
	cr_assert_eq(book_commit(book), 0);
	cr_expect_eq(book_read_cdrs(book, 1, see, &seen), -EPROTO);
	cr_expect(seen.n == 1 && seen.last == 1, "not that, nor what follows");
	free(cdr);
	book_forget(book);
}

Test(cdr_page, what_is_no_call_record_is_told_and_not_misread)
{
	struct book *book = own_book(1);
	struct cdr_record *cdr = sample_cdr(3, 1);
	struct seen seen = {0};

	cdr->head.kind = RECORD_CALL;
	book_put_cdr(book, cdr);
	cdr->head.kind = RECORD_CDR;
	cdr->sequence = 2;
	cdr->call = call_make(3, 42);
	cdr->trunk.at = (uint16_t)cdr->head.size; /* behind its end */
	book_put_cdr(book, cdr);
	put(book, 3);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_read_cdrs(book, 1, see, &seen), 0);
	cr_expect(seen.n == 3 && seen.n_bad == 2);
	free(cdr);
	book_forget(book);
}

Test(cdr_page, only_a_book_that_was_owned_in_this_boot_is_of_this_boot)
{
	cr_expect_not(book_is_of_this_boot(scratch_path(""), 3));
	book_forget(own_book(1));
	cr_expect(book_is_of_this_boot(scratch_path(""), 3));
	scratch_write("state/ms3/owner",
		      "00000000-0000-0000-0000-000000000000 epoch=1 pid=1\n");
	cr_expect_not(book_is_of_this_boot(scratch_path(""), 3));
}

Test(cdr_page, there_is_one_writer)
{
	struct cdr_page *page;
	int lock, other;

	own_page(&lock);
	cr_expect_eq(cdr_page_own(scratch_path(""), 20000, &page, &other),
		     -EBUSY);
	close(lock); /* as its death would */
	cr_expect_eq(cdr_page_own(scratch_path(""), 20000, &page, &other), 0);
}

Test(cdr_page, what_was_acknowledged_outlives_the_writer)
{
	const struct cdr_page *reader;
	struct cdr_page *page;
	int lock;

	cr_assert_eq(cdr_page_make(scratch_path("")), 0);
	cr_assert_eq(cdr_page_open(scratch_path(""), &reader), 0);
	cr_expect_eq(cdr_page_acked(reader, 3), 0);
	page = own_page(&lock);
	page->batch.upto[3] = 41;
	cdr_batch_place(page);
	cr_expect_eq(cdr_page_acked(reader, 3), 0, "not yet");
	cr_expect_eq(cdr_page_last(reader, 3), 41, "but it is taken");
	cdr_batch_ack(page);
	cr_expect_eq(cdr_page_acked(reader, 3), 41);
	cr_expect_eq(cdr_page_acked(reader, 2), 0, "of other books nothing");
	cr_expect_not(cdr_batch_is_placed(page));
	close(lock);
	page = own_page(&lock);
	cr_expect_eq(cdr_page_acked(page, 3), 41);
}

Test(cdr_page, a_batch_is_placed_until_it_is_acknowledged_or_cancelled)
{
	struct cdr_page *page;
	int lock;

	page = own_page(&lock);
	page->batch.upto[1] = 7;
	page->batch.len = 3;
	cdr_batch_place(page);
	close(lock); /* dies */
	page = own_page(&lock);
	cr_expect(cdr_batch_is_placed(page));
	cr_expect_eq(page->batch.len, 3);
	cdr_batch_cancel(page);
	cr_expect_not(cdr_batch_is_placed(page));
	cr_expect_eq(cdr_page_acked(page, 1), 0);
}
