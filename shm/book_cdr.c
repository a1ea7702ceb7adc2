/* SPDX-License-Identifier: Apache-2.0
 *
 * Call records in a book: put by its owner together with the end of the call,
 * read by mspool-cdr, deleted by the owner when they are acknowledged.
 * Trap: a record in the map is aligned to two bytes only, so readers get a
 * copy; and reading renders lines with the snapshot open, so it is bounded.
 */
#include <errno.h>

#include "base/log.h"
#include "shm/book_inside.h"
#include "shm/record.h"
#include "shm/version.h"

static struct slice sequence_key(uint64_t sequence, char key[CALL_KEY_LEN])
{
	key_u64(sequence, key);
	return (struct slice){key, CALL_KEY_LEN};
}

void book_put_cdr(struct book *book, const struct cdr_record *cdr)
{
	char key[CALL_KEY_LEN];

	store_put(book_begin(book), BOOK_CDR, sequence_key(cdr->sequence, key),
		  record_to_store(RECORD_CDR, (struct slice){(const char *)cdr,
							     cdr->head.size}));
}

void book_del_cdr(struct book *book, uint64_t sequence)
{
	char key[CALL_KEY_LEN];

	store_del(book_begin(book), BOOK_CDR, sequence_key(sequence, key));
}

static uint64_t sequence_of(struct slice key)
{
	return key.len == CALL_KEY_LEN ? u64_key(key.ptr) : 0;
}

int book_cdr_range(struct book *book, uint64_t *ret_first, uint64_t *ret_last)
{
	struct slice first = SLICE_NONE, last = SLICE_NONE;
	struct store_txn txn;
	int rc;

	must(!book->is_begun || !book->txn.txn);
	store_begin(book->store, STORE_READ, &txn);
	rc = store_ends(&txn, BOOK_CDR, &first, &last);
	if (!rc) {
		*ret_first = sequence_of(first);
		*ret_last = sequence_of(last);
	}
	store_commit(&txn);
	return rc == -ENOENT ? 0 : rc;
}

struct cdr_reading {
	book_cdr_fn *fn;
	void *arg;
	union {
		struct cdr_record record;
		char bytes[CDR_RECORD_MAX];
	};
};

static bool is_good_cdr(const struct cdr_record *cdr, uint64_t sequence)
{
	return cdr->sequence == sequence && cdr->n_tries <= TRIES_MAX &&
	       cdr->kind <= CDR_INTERIM;
}

static bool is_of_later_release(struct slice value)
{
	struct record_head head;

	if (value.len < sizeof(head))
		return false;
	memcpy(&head, value.ptr, sizeof(head));
	return head.kind == RECORD_CDR && head.version > CDR_VERSION;
}

static int read_cdr(void *arg, struct slice key, struct slice value)
{
	struct cdr_reading *reading = arg;
	uint64_t sequence = sequence_of(key);
	const struct cdr_record *cdr = NULL;

	if (is_of_later_release(value))
		return -EPROTO;
	value = record_from_store(RECORD_CDR, value);
	if (value.len <= CDR_RECORD_MAX &&
	    record_check(value, RECORD_CDR, sizeof(*cdr), cdr_record_texts,
			 n_cdr_record_texts) == 0) {
		memcpy(reading->bytes, value.ptr, value.len);
		if (is_good_cdr(&reading->record, sequence))
			cdr = &reading->record;
	}
	return reading->fn(reading->arg, sequence, cdr);
}

int book_read_cdrs(struct book *book, uint64_t from, book_cdr_fn *fn, void *arg)
{
	struct cdr_reading reading = {.fn = fn, .arg = arg};
	struct store_txn txn;
	char key[CALL_KEY_LEN];
	int rc;

	store_begin(book->store, STORE_READ, &txn);
	rc = store_scan(&txn, BOOK_CDR, sequence_key(from, key), read_cdr,
			&reading);
	store_commit(&txn);
	return rc;
}
