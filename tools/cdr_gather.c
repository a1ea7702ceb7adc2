/* SPDX-License-Identifier: Apache-2.0
 *
 * See cdr_gather.h.  Called by mspool-cdr.  Books are only read: their owners
 * delete what is acknowledged.  Trap: a line is rendered while a snapshot of
 * the book is open, so nothing here may wait.
 */
#include "tools/cdr_gather.h"

#include <errno.h>

#include "base/log.h"

static void open_one(struct cdr_gather *gather, unsigned index)
{
	if (!book_is_of_this_boot(gather->run_dir, index) ||
	    book_open(gather->run_dir, index, &gather->books[index]))
		return;
	/* a predecessor that was killed in the midst of reading */
	store_check_readers(book_store(gather->books[index]));
}

void cdr_gather_open(struct cdr_gather *gather)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (!gather->books[i])
			open_one(gather, i);
}

enum {
	BATCH_FULL = 1
};

struct filling {
	struct cdr_gather *gather;
	struct cdr_batch *batch;
	struct out out;
	unsigned book, n;
};

/* Told once a record; its sequence is acknowledged like any other, or nothing
 * would ever come after it. */
static void skip_unreadable(struct filling *filling, uint64_t sequence)
{
	filling->gather->n_unreadable++;
	log_event(LOG_LVL_ERROR, "cdr_unreadable", "book=ms%u sequence=%llu",
		  filling->book, (unsigned long long)sequence);
}

static int take_record(void *arg, uint64_t sequence,
		       const struct cdr_record *cdr)
{
	struct filling *filling = arg;
	size_t before = filling->out.len;

	if (cdr)
		cdr_write_line(cdr, filling->gather->format,
			       filling->gather->host, &filling->out);
	else
		skip_unreadable(filling, sequence);
	if (filling->out.is_full) { /* it comes with the next batch */
		filling->out.len = before;
		return BATCH_FULL;
	}
	filling->batch->upto[filling->book] = sequence;
	filling->n++;
	return 0;
}

/* An upgrade is under way, or was taken back: whoever can read them comes. */
static void tell_later(struct cdr_gather *gather, unsigned book)
{
	uint64_t bit = 1ull << (book - 1);

	if (gather->told_later & bit)
		return;
	gather->told_later |= bit;
	log_event(LOG_LVL_WARNING, "cdr_of_later_release", "book=ms%u", book);
}

static void read_book(struct filling *filling, uint64_t from)
{
	struct cdr_gather *gather = filling->gather;
	unsigned book = filling->book;

	if (gather->books[book] &&
	    book_read_cdrs(gather->books[book], from, take_record, filling) ==
		    -EPROTO)
		tell_later(gather, book);
}

unsigned cdr_gather(struct cdr_gather *gather, struct cdr_page *page,
		    bool with_header)
{
	struct cdr_batch *batch = &page->batch;
	struct filling filling = {
		.gather = gather,
		.batch = batch,
		.out = out_init(batch->bytes, sizeof(batch->bytes)),
	};

	memset(batch->upto, 0, sizeof(batch->upto));
	if (with_header)
		cdr_write_header(&filling.out);
	for (unsigned i = 0; i < BOOK_MAX && !filling.out.is_full; i++) {
		filling.book = 1 + (gather->first + i) % BOOK_MAX;
		read_book(&filling, cdr_page_acked(page, filling.book) + 1);
	}
	gather->first = filling.book % BOOK_MAX;
	batch->len = (uint32_t)filling.out.len;
	return filling.n;
}
