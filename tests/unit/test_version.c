/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/version.c: records of the release before are read, written while one of
 * its processes is alive, and what is of neither release is refused and told.
 * The kind "pie" has two versions that differ in all ways that there are.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "shm/board.h"
#include "shm/book.h"
#include "shm/record.h"
#include "shm/version.h"
#include "tests/unit/scratch.h"

static const char *run_dir;

static void setup(void)
{
	run_dir = scratch_make();
}

static void done(void)
{
	record_follow(NULL);
	scratch_remove();
}

TestSuite(version, .init = setup, .fini = done, .timeout = 20);

/* ---- any kind ------------------------------------------------------------ */

/* Version 6 had no slices, and weighed in grams. */
struct pie {
	struct record_head head;
	struct record_text name, filling;
	uint64_t weight_mg;
	uint32_t slices, pad;
};

static const uint16_t pie_texts[] = {offsetof(struct pie, name),
				     offsetof(struct pie, filling)};
static const unsigned n_pie_texts = 2;

static void raise_pie(void *record)
{
	((struct pie *)record)->weight_mg *= 1000;
	((struct pie *)record)->slices = 8;
}

static void lower_pie(void *record)
{
	((struct pie *)record)->weight_mg /= 1000;
}

static const struct record_row pie_row = {
	.version = 7,
	.since = 4,
	.size = sizeof(struct pie),
	.older_size = offsetof(struct pie, slices),
	.texts = pie_texts,
	.n_texts = &n_pie_texts,
	.raise = raise_pie,
	.lower = lower_pie,
};

static struct pie *bake(void)
{
	void *record = record_new(RECORD_TX, sizeof(struct pie), 0);
	struct pie *pie;

	record_set(&record, offsetof(struct pie, name), SLICE("shepherd's"));
	record_set(&record, offsetof(struct pie, filling), SLICE("lamb"));
	pie = record;
	pie->head.version = 7;
	pie->weight_mg = 900000;
	pie->slices = 6;
	return pie;
}

static struct slice bytes_of(const void *record)
{
	return (struct slice){record,
			      ((const struct record_head *)record)->size};
}

Test(version, a_pool_of_the_newer_format_gets_the_record_as_it_is)
{
	struct pie *pie = bake();
	void *buffer = NULL;
	struct slice stored = record_lower(&pie_row, 4, bytes_of(pie), &buffer);

	cr_assert_eq(stored.ptr, (const char *)pie);
	cr_assert_null(buffer);
	cr_assert_eq(record_raise(&pie_row, stored, &buffer).ptr,
		     (const char *)pie);
	free(pie);
}

Test(version, a_pool_of_the_older_format_gets_the_version_before)
{
	struct pie *pie = bake();
	void *buffer = NULL;
	struct slice stored = record_lower(&pie_row, 3, bytes_of(pie), &buffer);
	const struct pie *old = buffer;

	cr_assert_eq(stored.ptr, (const char *)buffer);
	cr_assert_eq(old->head.version, 6);
	cr_assert_eq(old->head.size, pie->head.size - 8);
	cr_assert_eq(stored.len, old->head.size);
	cr_assert_eq(old->weight_mg, 900);
	cr_assert(slice_is(record_slice(old, old->name), SLICE("shepherd's")));
	cr_assert(slice_is(record_slice(old, old->filling), SLICE("lamb")));
	cr_assert_eq(pie->weight_mg, 900000, "the record itself is untouched");
	free(buffer);
	free(pie);
}

Test(version, what_the_version_before_says_comes_back_whole)
{
	struct pie *pie = bake();
	void *lower = NULL, *raised = NULL;
	struct slice stored = record_lower(&pie_row, 3, bytes_of(pie), &lower);
	struct slice read = record_raise(&pie_row, stored, &raised);
	const struct pie *again = raised;

	cr_assert_eq(read.len, pie->head.size);
	cr_assert_eq(again->head.version, 7);
	cr_assert_eq(again->weight_mg, 900000);
	cr_assert_eq(again->slices, 8, "what was not written has its default");
	cr_assert(slice_is(record_slice(again, again->name),
			   SLICE("shepherd's")));
	cr_assert(slice_is(record_slice(again, again->filling), SLICE("lamb")));
	free(lower);
	free(raised);
	free(pie);
}

Test(version, what_is_of_neither_version_or_cut_is_left_alone)
{
	struct pie *pie = bake();
	void *buffer = NULL;
	struct slice value = bytes_of(pie);

	for (uint16_t version = 0; version < 12; version++) {
		if (version == 6)
			continue;
		pie->head.version = version;
		cr_assert_eq(record_raise(&pie_row, value, &buffer).ptr,
			     value.ptr);
	}
	pie->head.version = 6;
	value.len--; /* its head says more than there is */
	cr_assert_eq(record_raise(&pie_row, value, &buffer).ptr, value.ptr);
	for (size_t len = 0; len < pie_row.older_size; len++)
		cr_assert_eq(record_raise(&pie_row,
					  (struct slice){value.ptr, len},
					  &buffer)
				     .ptr,
			     value.ptr);
	cr_assert_null(buffer);
	free(pie);
}

/* ---- the call record ----------------------------------------------------- */

static struct book *own(uint32_t epoch)
{
	struct book_settings settings = {.run_dir = run_dir,
					 .index = 1,
					 .epoch = epoch,
					 .map_size = 1u << 20};
	struct book *book = NULL;

	cr_assert_eq(book_own(&settings, &book), 0);
	return book;
}

static void put_call(struct book *book, uint64_t counter, const char *to)
{
	void *record = record_new(RECORD_CALL, sizeof(struct call_record), 0);
	struct call_record *call;

	record_set(&record, offsetof(struct call_record, to), slice_of(to));
	call = record;
	call->id = call_make(1, counter);
	call->born_epoch = 3;
	call->wish.version = 5;
	book_put_call(book, call);
	cr_assert_eq(book_commit(book), 0);
	free(call);
}

static struct record_head stored_head(struct book *book, uint64_t counter)
{
	struct record_head head = {0};
	struct store_txn txn;
	struct slice value;
	uint64_t id = call_make(1, counter);
	char key[8];

	for (unsigned i = 0; i < 8; i++)
		key[i] = (char)(id >> (56 - 8 * i));
	store_begin(book_store(book), STORE_READ, &txn);
	cr_assert_eq(store_get(&txn, BOOK_CALL, (struct slice){key, 8}, &value),
		     0);
	memcpy(&head, value.ptr, sizeof(head));
	store_commit(&txn);
	return head;
}

static void count_call(void *arg, struct call_record *call)
{
	++*(unsigned *)arg;
	free(call);
}

Test(version, while_an_older_process_lives_calls_are_written_as_it_reads_them)
{
	static _Atomic uint32_t format = 1;
	struct book *book = own(1);
	struct call_record *call;
	struct media_wish wish;
	unsigned n = 0, bad = 0;

	record_follow(&format);
	put_call(book, 1, "+4930123456");
	cr_assert_eq(stored_head(book, 1).version, 1);
	atomic_store(&format, 2); /* it is gone */
	put_call(book, 2, "+4930654321");
	cr_assert_eq(stored_head(book, 2).version, CALL_VERSION);
	cr_assert_eq(stored_head(book, 1).size, stored_head(book, 2).size - 8);
	cr_assert_eq(book_get_call(book, call_make(1, 1), &call), 0);
	cr_assert(slice_is(record_slice(call, call->to), SLICE("+4930123456")));
	cr_assert_eq(call->born_epoch, 0, "version 1 did not say");
	free(call);
	cr_assert_eq(book_get_call(book, call_make(1, 2), &call), 0);
	cr_assert_eq(call->born_epoch, 3);
	free(call);
	cr_assert_eq(book_get_wish(book, call_make(1, 1), &wish), 0);
	cr_assert_eq(wish.version, 5);
	cr_assert_eq(book_scan_calls(book, count_call, &n, &bad), 0);
	cr_assert_eq(n, 2);
	cr_assert_eq(bad, 0);
	book_forget(book);
}

Test(version, a_format_that_is_not_known_yet_or_too_old_means_the_oldest)
{
	static _Atomic uint32_t format;

	cr_assert_eq(record_format(), FORMAT);
	record_follow(&format);
	cr_assert_eq(record_format(), FORMAT_OLDEST);
	atomic_store(&format, FORMAT + 5);
	cr_assert_eq(record_format(), FORMAT);
}

Test(version, a_record_of_a_version_to_come_is_refused_told_and_kept)
{
	struct book *book = own(1);
	struct call_record *call;
	struct call_record strange = {
		.head = {CALL_VERSION + 1, RECORD_CALL, sizeof(strange)},
		.id = call_make(1, 9),
	};
	unsigned n = 0, bad = 0;
	uint16_t kind, version;
	struct media_wish wish;

	put_call(book, 1, "1");
	book_put_call(book, &strange);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_calls(book, count_call, &n, &bad), 0);
	cr_assert_eq(n, 1);
	cr_assert_eq(bad, 1);
	cr_assert_eq(record_refused(&kind, &version), 1);
	cr_assert_eq(kind, RECORD_CALL);
	cr_assert_eq(version, CALL_VERSION + 1);
	cr_assert_eq(record_refused(&kind, &version), 0, "told once");
	cr_assert_eq(book_get_call(book, strange.id, &call), -EPROTO);
	cr_assert_eq(book_get_wish(book, strange.id, &wish), -EPROTO);
	cr_assert_eq(stored_head(book, 9).version, CALL_VERSION + 1);
	book_forget(book);
}

Test(version, every_kind_has_a_row_that_fits_its_struct)
{
	for (unsigned kind = RECORD_CALL; kind <= RECORD_CDR; kind++) {
		const struct record_row *row = record_row(kind);

		cr_assert_not_null(row, "kind %u", kind);
		cr_assert_leq(row->since, FORMAT);
		cr_assert_eq(row->version > 1, row->older_size > 0,
			     "kind %u reads the version before", kind);
		cr_assert_lt(row->older_size, row->size);
	}
	cr_assert_null(record_row(0));
	cr_assert_null(record_row(RECORD_CDR + 1));
}

/* ---- pages --------------------------------------------------------------- */

Test(version, a_board_page_of_another_layout_is_made_anew_and_told)
{
	struct slot_id slot = {SLOT_SIGNALLING, 1};
	struct board *board;
	const struct board *seen;
	char name[64];

	cr_assert_eq(board_own(run_dir, slot, &board), 0);
	cr_assert_eq(board_refused_pages(name), 0);
	cr_assert_eq(board->format, FORMAT);
	board->magic ^= 1;
	board_close(board);
	cr_assert_eq(board_open(run_dir, slot, &seen), -EPROTO);
	cr_assert_eq(board_own(run_dir, slot, &board), 0);
	cr_assert_eq(board_refused_pages(name), 1);
	cr_assert_str_eq(name, "ms1");
	cr_assert_eq(board_refused_pages(name), 0, "told once");
	board_close(board);
}
