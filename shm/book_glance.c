/* SPDX-License-Identifier: Apache-2.0
 *
 * A quick walk over all calls of a book, for who only adds up: the observer.
 * Nothing goes to the heap, each record is copied to one buffer, looked at and
 * forgotten.  Slices of at most 5 ms, as in book_scan.c.
 * Trap: fn runs with the snapshot open.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "shm/book_inside.h"
#include "shm/record.h"
#include "shm/version.h"

#define SLICE_US (5 * USEC_PER_MSEC)

/* With its text a record is no longer than its 16-bit references reach. */
union glance_record {
	struct call_record call;
	char bytes[65536];
};

struct glance {
	book_glance_fn *fn;
	void *arg;
	uint64_t until_us;
	char next[CALL_KEY_LEN]; /* to go on with */
	union glance_record record;
};

static int glance_one(void *arg, struct slice key, struct slice value)
{
	struct glance *glance = arg;
	struct call_record *call = &glance->record.call;

	if (key.len != CALL_KEY_LEN)
		return 0;
	if (clock_boot_us() >= glance->until_us) {
		memcpy(glance->next, key.ptr, CALL_KEY_LEN);
		return 1;
	}
	value = record_from_store(RECORD_CALL, value);
	if (value.len > sizeof(glance->record) ||
	    record_check(value, RECORD_CALL, sizeof(*call), call_record_texts,
			 n_call_record_texts))
		return 0;
	memcpy(&glance->record, value.ptr, value.len);
	if (call->state < N_CALL_STATES && call->id == u64_key(key.ptr))
		glance->fn(glance->arg, call);
	return 0;
}

static int glance_slice(struct book *book, struct glance *glance)
{
	struct slice from = {glance->next, CALL_KEY_LEN};
	struct store_txn txn;
	sigset_t stop, old;
	int rc;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	pthread_sigmask(SIG_BLOCK, &stop, &old);
	glance->until_us = clock_boot_us() + SLICE_US;
	store_begin(book->store, STORE_READ, &txn);
	rc = store_scan(&txn, BOOK_CALL, from, glance_one, glance);
	store_commit(&txn);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int book_glance_calls(struct book *book, book_glance_fn *fn, void *arg)
{
	static struct glance glance;
	int rc;

	glance.fn = fn;
	glance.arg = arg;
	memset(glance.next, 0, sizeof(glance.next));
	do
		rc = glance_slice(book, &glance);
	while (rc == 1);
	return rc;
}
