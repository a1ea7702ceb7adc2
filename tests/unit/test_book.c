/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/book.c and shm/book_scan.c: ownership between processes, commits, what
 * a successor finds.  Other owners and readers are tests/shm_helper.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/book.h"
#include "shm/record.h"
#include "tests/unit/scratch.h"
#include "tests/unit/shm_helper.h"

static const char *run_dir;

static void setup(void)
{
	run_dir = scratch_make();
}

TestSuite(book, .init = setup, .fini = scratch_remove, .timeout = 50);

static int try_own(uint32_t epoch, struct book **ret_book)
{
	struct book_settings settings = {.run_dir = run_dir,
					 .index = 1,
					 .epoch = epoch,
					 .map_size = HELPER_MAP_SIZE};

	return book_own(&settings, ret_book);
}

static struct book *own(uint32_t epoch)
{
	struct book *book = NULL;
	int rc = try_own(epoch, &book);

	cr_assert_eq(rc, 0, "%s", strerror(-rc));
	return book;
}

static struct helper start(const char *role, const char *a, const char *b)
{
	const char *const words[] = {role, run_dir, a, b, NULL};

	return helper_start(words);
}

static struct call_record call_of(uint64_t id, uint32_t version)
{
	return (struct call_record){
		.head = {CALL_VERSION, RECORD_CALL, sizeof(struct call_record)},
		.id = id,
		.wish.version = version,
	};
}

static void put_call(struct book *book, uint64_t id, uint32_t version)
{
	struct call_record call = call_of(id, version);

	book_put_call(book, &call);
}

static uint32_t version_of(struct book *book, uint64_t id)
{
	struct media_wish wish;

	return book_get_wish(book, id, &wish) ? 0 : wish.version;
}

static void count_call(void *arg, struct call_record *call)
{
	++*(unsigned *)arg;
	free(call);
}

static unsigned n_calls(struct book *book)
{
	unsigned n = 0, bad = 0;

	cr_assert_eq(book_scan_calls(book, count_call, &n, &bad), 0);
	cr_assert_eq(bad, 0);
	return n;
}

/* ---- records ------------------------------------------------------------ */

Test(book, a_call_comes_back_with_its_texts)
{
	struct book *book = own(1);
	void *record = record_new(RECORD_CALL, sizeof(struct call_record), 0);
	struct call_record *call, *copy;

	record_set(&record, offsetof(struct call_record, to),
		   SLICE("+4930123456"));
	call = record;
	call->id = book_new_call(book);
	book_put_call(book, call);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_get_call(book, call->id, &copy), 0);
	cr_assert(slice_is(record_slice(copy, copy->to), SLICE("+4930123456")));
	cr_assert_eq(book_get_call(book, call->id + 1, &copy), -ENOENT);
	free(copy);
	free(call);
	book_forget(book);
}

Test(book, the_owner_reads_what_it_has_put_and_others_only_commits)
{
	struct book *book = own(1);
	struct helper reader;

	put_call(book, call_make(1, 5), 1);
	cr_assert_eq(book_commit(book), 0);
	reader = start("reader", NULL, NULL);
	cr_assert_eq(helper_ask(&reader, NULL), 0);
	put_call(book, call_make(1, 5), 2);
	cr_assert_eq(version_of(book, call_make(1, 5)), 2);
	cr_assert_eq(helper_ask(&reader, "5"), 1);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(helper_ask(&reader, "5"), 2);
	book_del_call(book, call_make(1, 5));
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(helper_ask(&reader, "5"), -ENOENT);
	cr_assert_eq(helper_wait(&reader), 0);
	book_forget(book);
}

static void note_tx(void *arg, struct tx_record *tx)
{
	uint64_t *sum = arg;

	*sum = *sum * 10 + tx->tx;
	free(tx);
}

Test(book, transactions_are_scanned_in_order_and_deleted_alone)
{
	struct book *book = own(1);
	struct tx_record tx = {.head = {TX_VERSION, RECORD_TX, sizeof(tx)},
			       .call = call_make(1, 300)};
	uint64_t sum = 0;

	for (tx.tx = 1; tx.tx <= 5; tx.tx++)
		book_put_tx(book, &tx);
	book_del_tx(book, tx.call, 3);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_txs(book, note_tx, &sum, NULL), 0);
	cr_assert_eq(sum, 1245);
	book_forget(book);
}

static void note_stream(void *arg, struct stream_record *stream)
{
	*(uint64_t *)arg = stream->consumed;
	free(stream);
}

static void note_intake(void *arg, char kind, uint64_t key, uint64_t value)
{
	uint64_t *sum = arg;

	*sum += (kind == 'r' ? 1000 : 1) * key * value;
}

Test(book, streams_and_intakes_come_back)
{
	struct book *book = own(1);
	struct stream_record stream = {
		.head = {STREAM_VERSION, RECORD_STREAM, sizeof(stream)},
		.connection = 77,
		.consumed = 12345};
	uint64_t consumed = 0, sum = 0;

	book_put_stream(book, &stream);
	book_put_intake(book, 'r', 2, 3);
	book_put_intake(book, 'w', 2, 5);
	book_put_intake(book, 'w', 9, 9);
	book_del_intake(book, 'w', 9);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_streams(book, note_stream, &consumed, NULL), 0);
	cr_assert_eq(consumed, 12345);
	cr_assert_eq(book_scan_intake(book, note_intake, &sum), 0);
	cr_assert_eq(sum, 6010);
	book_del_stream(book, 77);
	cr_assert_eq(book_commit(book), 0);
	consumed = 0;
	book_scan_streams(book, note_stream, &consumed, NULL);
	cr_assert_eq(consumed, 0);
	book_forget(book);
}

#define LONG_TAIL (200 * 1024)

static void compare_tail(void *arg, struct stream_record *stream)
{
	cr_assert_eq(stream->tail_len, LONG_TAIL);
	cr_assert_eq(memcmp(stream + 1, arg, LONG_TAIL), 0);
	free(stream);
}

Test(book, a_streams_tail_may_be_longer_than_a_text)
{
	struct book *book = own(1);
	struct stream_record *stream = calloc(1, sizeof(*stream) + LONG_TAIL);
	unsigned bad = 0;
	char *tail = (char *)(stream + 1);

	stream->head = (struct record_head){STREAM_VERSION, RECORD_STREAM,
					    sizeof(*stream) + LONG_TAIL};
	stream->tail_len = LONG_TAIL;
	for (unsigned i = 0; i < LONG_TAIL; i++)
		tail[i] = (char)(i * 7 >> 3);
	book_put_stream(book, stream);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_streams(book, compare_tail, tail, &bad), 0);
	stream->tail_len--; /* says less than there is */
	book_put_stream(book, stream);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_streams(book, compare_tail, tail, &bad), 0);
	cr_assert_eq(bad, 1);
	free(stream);
	book_forget(book);
}

struct every {
	struct book *book;
	unsigned n;
	uint64_t last;
};

/* Deletes while it scans: no snapshot may be open here. */
static void delete_it(void *arg, struct call_record *call)
{
	struct every *every = arg;

	cr_assert_gt(call->id, every->last);
	every->last = call->id;
	every->n++;
	book_del_call(every->book, call->id);
	if (every->n % 100 == 0)
		cr_assert_eq(book_commit(every->book), 0);
	free(call);
}

Test(book, a_scan_over_many_slices_sees_each_call_once)
{
	struct book *book = own(1);
	struct every every = {.book = book};

	for (unsigned i = 1; i <= 1500; i++)
		put_call(book, call_make(1, i), i);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(n_calls(book), 1500);
	cr_assert_eq(book_scan_calls(book, delete_it, &every, NULL), 0);
	cr_assert_eq(every.n, 1500);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(n_calls(book), 0);
	book_forget(book);
}

Test(book, bad_records_are_counted_and_skipped)
{
	struct book *book = own(1);
	struct call_record call = call_of(call_make(1, 2), 1);
	struct call_record *copy;
	unsigned n = 0, bad = 0;

	put_call(book, call_make(1, 1), 1);
	call.n_tries = TRIES_MAX + 1;
	book_put_call(book, &call);
	call = call_of(call_make(1, 3), 1);
	call.head.version = 99;
	book_put_call(book, &call);
	call = call_of(call_make(1, 4), 1);
	call.wish.side[LEG_B].n_map = PAYLOADS_MAX + 1;
	book_put_call(book, &call);
	store_put(book_begin(book), BOOK_CALL, SLICE("short"), SLICE("x"));
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_scan_calls(book, count_call, &n, &bad), 0);
	cr_assert_eq(n, 1);
	cr_assert_eq(bad, 4);
	cr_assert_eq(book_get_call(book, call_make(1, 2), &copy), -EPROTO);
	cr_assert_eq(version_of(book, call_make(1, 4)), 0);
	book_forget(book);
}

/* ---- call ids ----------------------------------------------------------- */

Test(book, call_ids_never_come_twice_over_owners)
{
	struct book *book = own(1);
	uint64_t last = 0;

	for (unsigned epoch = 2; epoch < 6; epoch++) {
		for (unsigned i = 0; i < 5000; i++) {
			uint64_t id = book_new_call(book);

			cr_assert_gt(id, last);
			cr_assert_eq(call_book(id), 1);
			last = id;
			if (i % 1000 == 999)
				cr_assert_eq(book_commit(book), 0);
		}
		/* dies without a word; what was committed counts */
		book_forget(book);
		book = own(epoch);
	}
	book_forget(book);
}

Test(book, a_commit_with_nothing_put_does_nothing)
{
	struct book *book = own(1);
	uint64_t start;

	cr_assert_eq(book_commit(book), 0);
	book_begin(book);
	start = clock_boot_us();
	for (unsigned i = 0; i < 1000000; i++)
		cr_assert_eq(book_commit(book), 0);
	cr_assert_lt(clock_boot_us() - start, USEC_PER_SEC);
	book_forget(book);
}

/* ---- ownership ---------------------------------------------------------- */

Test(book, a_held_lock_is_waited_for_and_then_refused)
{
	struct helper owner = start("owner", "1", NULL);
	struct book *book = NULL;
	uint64_t start_us;

	cr_assert_eq(helper_ask(&owner, NULL), 0);
	start_us = clock_boot_us();
	cr_assert_eq(try_own(2, &book), -EBUSY);
	cr_assert_geq(clock_boot_us() - start_us, 2 * USEC_PER_SEC);
	cr_assert_eq(helper_ask(&owner, "put 1"), 0);
	cr_assert_eq(helper_ask(&owner, "commit"), 0);
	cr_assert_eq(helper_wait(&owner), 0);
	book = own(2);
	cr_assert_eq(n_calls(book), 1);
	book_forget(book);
}

Test(book, an_epoch_that_is_not_above_the_stored_one_is_refused)
{
	struct book *book = own(5);

	cr_assert_eq(book_epoch(book), 5);
	book_forget(book);
	cr_assert_eq(try_own(5, &book), -ESTALE);
	cr_assert_eq(try_own(4, &book), -ESTALE);
	book = own(6);
	book_forget(book);
}

/* The lock file was removed by somebody, so that both believe to own. */
Test(book, an_owner_that_was_succeeded_can_write_nothing)
{
	struct helper old = start("owner", "1", NULL);
	struct book *book;

	cr_assert_eq(helper_ask(&old, NULL), 0);
	cr_assert_eq(helper_ask(&old, "put 1"), 0);
	cr_assert_eq(helper_ask(&old, "commit"), 0);
	cr_assert_eq(unlink(scratch_path("state/ms1/owner")), 0);
	book = own(2);
	cr_assert_eq(n_calls(book), 1);
	put_call(book, call_make(1, 2), 7);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(helper_ask(&old, "put 2"), 0);
	cr_assert_eq(helper_ask(&old, "commit"), -ESTALE);
	cr_assert_eq(helper_ask(&old, "put 3"), -ESTALE);
	cr_assert_eq(helper_ask(&old, "commit"), -ESTALE);
	cr_assert_eq(n_calls(book), 2);
	cr_assert_eq(version_of(book, call_make(1, 2)), 7);
	helper_wait(&old);
	book_forget(book);
}

Test(book, an_owner_killed_inside_a_transaction_is_succeeded)
{
	struct helper owner = start("owner", "1", NULL);
	struct book *book;
	uint64_t start_us;

	cr_assert_eq(helper_ask(&owner, NULL), 0);
	cr_assert_eq(helper_ask(&owner, "put 1"), 0);
	cr_assert_eq(helper_ask(&owner, "commit"), 0);
	cr_assert_eq(helper_ask(&owner, "put 1"), 0); /* not committed */
	cr_assert_eq(helper_ask(&owner, "put 2"), 0);
	helper_kill(&owner, SIGKILL);
	start_us = clock_boot_us();
	book = own(2);
	cr_assert_eq(n_calls(book), 1);
	put_call(book, call_make(1, 3), 1);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_lt(clock_boot_us() - start_us, USEC_PER_SEC);
	book_forget(book);
}

Test(book, killed_at_any_moment_a_commit_is_whole_or_not_at_all)
{
	char epoch[16], version[16];
	uint32_t last = 0;

	for (unsigned round = 1; round <= 40; round++) {
		struct helper churn;
		struct book *book;
		uint32_t now;

		snprintf(epoch, sizeof(epoch), "%u", 2 * round);
		snprintf(version, sizeof(version), "%u", last);
		churn = start("churn", epoch, version);
		cr_assert_eq(helper_ask(&churn, NULL), 0);
		usleep((useconds_t)(1000 + rand() % 9000));
		helper_kill(&churn, SIGKILL);
		book = own(2 * round + 1);
		now = version_of(book, call_make(1, 1));
		cr_assert_eq(now, version_of(book, call_make(1, HELPER_TWIN)));
		cr_assert_geq(now, last); /* nothing committed is lost */
		n_calls(book);
		last = now;
		book_forget(book);
	}
	cr_assert_gt(last, 40);
}

Test(book, the_heir_knows_since_when_nobody_served)
{
	struct book *book = own(1);
	uint64_t before_us, until_us;

	cr_assert_eq(book_served_until_us(book), 0);
	usleep(20000);
	before_us = clock_boot_us();
	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	book_forget(book);
	usleep(50000);
	book = own(2);
	until_us = book_served_until_us(book);
	cr_assert_geq(until_us, before_us);
	cr_assert_leq(until_us, clock_boot_us() - 40000);
	book_forget(book);
}

Test(book, the_book_can_be_given_back_and_taken_again_in_one_process)
{
	struct book *book = own(1);
	struct helper other;

	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	book_forget(book);
	other = start("owner", "2", NULL);
	cr_assert_eq(helper_ask(&other, NULL), 0);
	cr_assert_eq(book_open(run_dir, 1, &book), 0);
	cr_assert_eq(n_calls(book), 1);
	cr_assert_eq(helper_ask(&other, "put 2"), 0);
	cr_assert_eq(helper_ask(&other, "commit"), 0);
	cr_assert_eq(n_calls(book), 2);
	book_forget(book);
	helper_kill(&other, SIGKILL);
	book = own(3);
	cr_assert_eq(n_calls(book), 2);
	book_forget(book);
}

/* ---- another boot ------------------------------------------------------- */

Test(book, the_owner_file_of_another_boot_drops_the_files_unread)
{
	struct helper old = start("owner", "9", NULL);
	struct book *book;

	cr_assert_eq(helper_ask(&old, NULL), 0);
	cr_assert_eq(helper_ask(&old, "put 1"), 0);
	cr_assert_eq(helper_ask(&old, "commit"), 0);
	cr_assert_eq(helper_wait(&old), 0);
	scratch_write("state/ms1/data.mdb", "torn by a power loss");
	scratch_write("state/ms1/owner",
		      "00000000-0000-0000-0000-000000000000 epoch=9 pid=1\n");
	book = own(1);
	cr_assert_eq(n_calls(book), 0);
	cr_assert_eq(book_served_until_us(book), 0);
	book_forget(book);
}

Test(book, a_head_of_another_boot_drops_the_records)
{
	struct helper helper = start("owner", "1", NULL);
	struct book *book;

	cr_assert_eq(helper_ask(&helper, NULL), 0);
	cr_assert_eq(helper_ask(&helper, "put 1"), 0);
	cr_assert_eq(helper_ask(&helper, "commit"), 0);
	cr_assert_eq(helper_wait(&helper), 0);
	helper = start("forge-boot", NULL, NULL);
	cr_assert_eq(helper_ask(&helper, NULL), 0);
	cr_assert_eq(helper_wait(&helper), 0);
	book = own(2); /* below the forged epoch, which says nothing now */
	cr_assert_eq(n_calls(book), 0);
	book_forget(book);
}

/* ---- the map ------------------------------------------------------------ */

Test(book, a_map_that_fills_grows_and_readers_follow)
{
	struct book *book = own(1);
	struct helper reader;
	uint64_t used, size;

	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	reader = start("reader", NULL, NULL);
	cr_assert_eq(helper_ask(&reader, NULL), 0);
	for (unsigned i = 1; i <= 15000; i++) { /* 20 MB */
		put_call(book, call_make(1, i), i);
		if (i % 100 == 0)
			cr_assert_eq(book_commit(book), 0);
	}
	store_usage(book_store(book), &used, &size);
	cr_assert_gt(size, HELPER_MAP_SIZE);
	cr_assert_eq(n_calls(book), 15000);
	cr_assert_eq(helper_ask(&reader, "15000"), 15000);
	cr_assert_eq(helper_ask(&reader, "7"), 7);
	helper_wait(&reader);
	book_forget(book);
}

Test(book, a_turn_above_the_map_is_refused_whole_and_then_fits)
{
	struct book *book = own(1);
	int rc = -ENOSPC, n = 0;

	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	for (; rc == -ENOSPC; n++) {
		for (unsigned i = 1; i <= 8000; i++)
			put_call(book, call_make(1, i), 2);
		rc = book_commit(book);
		if (rc)
			cr_assert_eq(version_of(book, call_make(1, 1)), 1);
		cr_assert_lt(n, 5);
	}
	cr_assert_eq(rc, 0);
	cr_assert_gt(n, 1);
	cr_assert_eq(n_calls(book), 8000);
	book_forget(book);
}

Test(book, a_book_that_grew_eightfold_is_full_and_keeps_what_it_has)
{
	struct book *book = own(1);
	uint64_t used, size;
	unsigned n = 0;
	unsigned n_failed = 0;

	while (n_failed < 2) { /* after the first it may have grown */
		int rc;

		for (unsigned i = 0; i < 500; i++)
			put_call(book, call_make(1, n + i + 1), 1);
		rc = book_commit(book);
		cr_assert(rc == 0 || rc == -ENOSPC);
		n_failed = rc ? n_failed + 1 : 0;
		n += rc ? 0 : 500;
		cr_assert_lt(n, 60000);
	}
	store_usage(book_store(book), &used, &size);
	cr_assert_eq(size, 8 * HELPER_MAP_SIZE);
	cr_assert_eq(n_calls(book), n);
	for (unsigned i = 1; i <= n; i++) { /* it can be emptied */
		book_del_call(book, call_make(1, i));
		if (i % 10 == 0)
			cr_assert_eq(book_commit(book), 0, "after %u", i);
	}
	cr_assert_eq(book_commit(book), 0);
	put_call(book, call_make(1, 1), 2);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(n_calls(book), 1);
	book_forget(book);
}

static uint64_t room_of(struct book *book)
{
	uint64_t room = 0;

	cr_assert_eq(store_room(book_store(book), &room), 0);
	return room;
}

Test(book, above_four_fifths_of_its_limit_it_is_full_and_goes_on)
{
	struct book *book = own(1);
	struct book_settings settings = {.run_dir = run_dir,
					 .index = 1,
					 .epoch = 2,
					 .map_size = HELPER_MAP_SIZE / 2,
					 .map_limit = HELPER_MAP_SIZE};
	unsigned n = 0, n_full;
	uint64_t used, size;

	book_forget(book);
	cr_assert_eq(book_own(&settings, &book), 0);
	while (!book_is_full(book)) {
		put_call(book, call_make(1, ++n), 1);
		cr_assert_eq(book_commit(book), 0);
		cr_assert_lt(n, 20000);
		usleep(n % 20 ? 0 : 5000); /* it looks every 100 ms */
	}
	n_full = n;
	store_usage(book_store(book), &used, &size);
	cr_assert_eq(size, HELPER_MAP_SIZE);
	cr_assert_gt(used - room_of(book), size / 10 * 6);
	cr_assert_gt(size - used + room_of(book), size / 20);
	for (unsigned i = 0; i < 2000; i++) { /* the running ones change */
		put_call(book, call_make(1, 1 + i % n_full), i);
		cr_assert_eq(book_commit(book), 0);
	}
	for (unsigned i = 1; i <= n_full / 3; i++)
		book_del_call(book, call_make(1, i));
	cr_assert_eq(book_commit(book), 0);
	usleep(150000);
	cr_assert_not(book_is_full(book));
	book_forget(book);
}

Test(book, running_calls_may_take_memory_above_the_limit)
{
	struct book *book = own(1);
	unsigned n = 0, n_helped = 0;
	int rc;

	while (n_helped < 3) {
		for (unsigned i = 0; i < 100; i++)
			put_call(book, call_make(1, n + i + 1), 1);
		rc = book_commit(book);
		if (rc) { /* it may have grown by itself: once more */
			for (unsigned i = 0; i < 100; i++)
				put_call(book, call_make(1, n + i + 1), 1);
			rc = book_commit(book);
		}
		if (rc) {
			cr_assert_eq(rc, -ENOSPC);
			cr_assert_eq(book_make_room(book), 0);
			n_helped++;
		} else
			n += 100;
		cr_assert_lt(n, 60000);
	}
	cr_assert(book_is_full(book));
	cr_assert_eq(n_calls(book), n);
	book_forget(book);
	book = own(2); /* the successor has the memory, too */
	cr_assert_gt(room_of(book), 1 << 20);
	cr_assert_eq(n_calls(book), n);
	book_forget(book);
}

static void churn_until_full(struct book *book)
{
	for (uint32_t i = 0; !book_is_full(book); i++) {
		int rc;

		put_call(book, call_make(1, 1 + i % 50), i);
		rc = book_commit(book);
		cr_assert(rc == 0 || rc == -ENOSPC);
		if (rc && i % 2) /* the second time, as a worker does */
			cr_assert_eq(book_make_room(book), 0);
		cr_assert_lt(i, 200000);
	}
}

Test(book, a_reader_that_stands_still_fills_a_book_until_it_is_gone)
{
	struct book *book = own(1);
	struct helper reader;

	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_gt(room_of(book), 2 << 20);
	reader = start("stale-reader", NULL, NULL);
	cr_assert_eq(helper_ask(&reader, NULL), 0);
	churn_until_full(book);
	cr_assert_eq(n_calls(book), 50);
	helper_kill(&reader, SIGKILL);
	cr_assert_eq(book_make_room(book), 0);
	usleep(150000);
	cr_assert_not(book_is_full(book));
	book_forget(book);
}

Test(book, readers_that_scan_all_the_while_see_a_growing_book_whole)
{
	struct book *book = own(1);
	struct helper scans[3];
	uint64_t used, size;

	put_call(book, call_make(1, 1), 1);
	cr_assert_eq(book_commit(book), 0);
	for (unsigned i = 0; i < 3; i++) {
		scans[i] = start("scan", NULL, NULL);
		cr_assert_eq(helper_ask(&scans[i], NULL), 0);
	}
	for (unsigned i = 1, rc = 1; i <= 4000; i += 10) {
		for (unsigned tries = 0; tries < 9 && rc; tries++) {
			for (unsigned n = i; n < i + 10; n++) {
				put_call(book, call_make(1, n), n);
				put_call(book, HELPER_TWIN_OF(n), n);
			}
			rc = (unsigned)book_commit(book);
		}
		cr_assert_eq(rc, 0);
		rc = 1;
	}
	store_usage(book_store(book), &used, &size);
	cr_assert_gt(size, HELPER_MAP_SIZE);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_gt(helper_ask(&scans[i], "stop"), 3);
		cr_assert_eq(helper_wait(&scans[i]), 0);
	}
	book_forget(book);
}

static uint64_t churn_pages(struct book *book)
{
	uint64_t used = 0, size;

	for (uint32_t i = 0; i < 1000; i++) {
		put_call(book, call_make(1, 1 + i % 50), i);
		cr_assert_eq(book_commit(book), 0);
	}
	store_usage(book_store(book), &used, &size);
	return used;
}

#define SOME_PAGES (256u << 10)

Test(book, a_reader_killed_in_its_snapshot_is_cleared)
{
	struct book *book = own(1);
	struct helper reader;
	uint64_t used, behind;
	int32_t pid;

	churn_pages(book);
	used = churn_pages(book);
	cr_assert_lt(churn_pages(book), used + SOME_PAGES);
	reader = start("stale-reader", NULL, NULL);
	cr_assert_eq(helper_ask(&reader, NULL), 0);
	cr_expect_eq(store_oldest_reader(book_store(book), &pid, &behind), 0);
	cr_expect_eq(behind, 0);
	cr_assert_gt(churn_pages(book), used + 8 * SOME_PAGES); /* pinned */
	cr_expect_eq(store_oldest_reader(book_store(book), &pid, &behind), 0);
	cr_expect_eq(pid, (int32_t)reader.pid);
	cr_expect_geq(behind, 1);
	helper_kill(&reader, SIGKILL);
	cr_assert_eq(store_check_readers(book_store(book)), 1);
	churn_pages(book);
	used = churn_pages(book);
	cr_assert_lt(churn_pages(book), used + SOME_PAGES);
	cr_expect_eq(store_oldest_reader(book_store(book), &pid, &behind),
		     -ENOENT);
	book_forget(book);
}

/* mspoolctl runs often and dies without a word; nobody else clears up here. */
Test(book, readers_that_died_do_not_use_up_the_readers_table)
{
	struct book *book = own(1);

	put_call(book, call_make(1, 1), 3);
	cr_assert_eq(book_commit(book), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct helper crowd = start("crowd", NULL, NULL);
		struct helper reader;

		cr_assert_eq(helper_ask(&crowd, NULL), MDB_READERS_FULL);
		helper_kill(&crowd, SIGKILL);
		if (i == 0) { /* one that comes, … */
			reader = start("reader", NULL, NULL);
			cr_assert_eq(helper_ask(&reader, NULL), 0);
			cr_assert_eq(helper_ask(&reader, "1"), 3);
			cr_assert_eq(helper_wait(&reader), 0);
		} /* … and one that is there and has no place yet */
	}
	cr_assert_eq(version_of(book, call_make(1, 1)), 3);
	book_forget(book);
}

/* ---- glances ------------------------------------------------------------- */

static void sum_ids(void *arg, const struct call_record *call)
{
	uint64_t *sum = arg;

	*sum += call->id;
}

Test(book, a_glance_sees_each_call_once_and_skips_what_is_broken)
{
	struct book *book = own(1);
	uint64_t sum = 0, wanted = 0;
	struct call_record broken = call_of(5000, 1);

	for (uint64_t id = 1; id <= 100; id++) {
		put_call(book, id, 1);
		wanted += id;
	}
	broken.state = N_CALL_STATES;
	book_put_call(book, &broken);
	cr_assert_eq(book_commit(book), 0);
	cr_assert_eq(book_glance_calls(book, sum_ids, &sum), 0);
	cr_expect_eq(sum, wanted);
	book_forget(book);
}
