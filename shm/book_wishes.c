/* SPDX-License-Identifier: Apache-2.0
 *
 * The slow look through a book's wishes: called by a media worker between two
 * turns of its loop, so it reads few records, copies them, ends its snapshot
 * and only then hands them over.  Trap: no single snapshot; a call that begins
 * behind the scan is not seen (nor need it be: its note comes by the ring).
 */
#include <errno.h>

#include "shm/book_inside.h"
#include "shm/record.h"
#include "shm/version.h"

struct wishes {
	unsigned n;
	uint64_t next; /* 0: that was all */
	struct {
		uint64_t call;
		struct media_wish wish;
	} found[BOOK_WISHES_MAX];
};

static bool is_good_wish(const struct media_wish *wish)
{
	for (unsigned i = 0; i < N_LEGS; i++)
		if (wish->side[i].n_map > PAYLOADS_MAX)
			return false;
	return true;
}

static int take_wish(void *arg, struct slice key, struct slice value)
{
	struct wishes *wishes = arg;
	struct media_wish *wish;

	value = record_from_store(RECORD_CALL, value);
	if (key.len != CALL_KEY_LEN ||
	    record_check(value, RECORD_CALL, sizeof(struct call_record), NULL,
			 0))
		return 0;
	if (wishes->n == BOOK_WISHES_MAX) {
		wishes->next = u64_key(key.ptr);
		return 1;
	}
	wish = &wishes->found[wishes->n].wish;
	memcpy(wish, value.ptr + offsetof(struct call_record, wish),
	       sizeof(*wish));
	wishes->found[wishes->n].call = u64_key(key.ptr);
	if (is_good_wish(wish))
		wishes->n++;
	return 0;
}

int book_scan_wishes(struct book *book, uint64_t *call, book_wish_fn *fn,
		     void *arg)
{
	struct wishes wishes;
	struct store_txn txn;
	char from[CALL_KEY_LEN];
	int error;

	wishes.n = 0;
	wishes.next = 0;
	key_u64(*call, from);
	store_begin(book->store, STORE_READ, &txn);
	error = store_scan(&txn, BOOK_CALL, (struct slice){from, sizeof(from)},
			   take_wish, &wishes);
	store_commit(&txn);
	if (error < 0)
		return error;
	for (unsigned i = 0; i < wishes.n; i++)
		fn(arg, wishes.found[i].call, &wishes.found[i].wish);
	*call = wishes.next;
	return 0;
}
