/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading books: by their owner at start, by media workers, siblings,
 * mspoolctl and the observer at any time.  Everything is checked and copied
 * out before the snapshot ends, since a snapshot that stays open makes the map
 * grow with every commit; a scan takes a new one every 5 ms at most, with
 * SIGTSTP blocked (Ctrl-Z at mspoolctl would hold it).
 * Trap: a scan is no single snapshot: what changes meanwhile is seen before or
 * after its change, or, if it came behind the scan, not at all.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "shm/book_inside.h"
#include "shm/record.h"
#include "shm/version.h"

#define SLICE_US      (5 * USEC_PER_MSEC)
#define SLICE_RECORDS 256
#define KEY_MAX	      16  /* of ours */
#define LAST_KEY_MAX  511 /* of LMDB */

/* ---- a transaction to read in ------------------------------------------- */

/* The owner reads what it has put; anybody else, a snapshot. */
struct reading {
	struct store_txn *txn;
	struct store_txn own;
};

static struct store_txn *read_begin(struct book *book, struct reading *reading)
{
	reading->txn = &book->txn;
	if (book->is_begun && book->txn.txn)
		return reading->txn;
	store_begin(book->store, STORE_READ, &reading->own);
	reading->txn = &reading->own;
	return reading->txn;
}

static void read_end(struct reading *reading)
{
	if (reading->txn == &reading->own)
		store_commit(&reading->own);
}

/* ---- what a good record is ---------------------------------------------- */

typedef int record_check_fn(struct slice key, struct slice value);

static int check_call_members(const struct call_record *call, uint64_t id)
{
	bool is_good = call->id == id && call->state < N_CALL_STATES &&
		       call->n_tries <= TRIES_MAX &&
		       call->this_try <= TRIES_MAX;

	for (unsigned i = 0; i < N_LEGS; i++)
		is_good = is_good && call->leg[i].state < N_LEG_STATES &&
			  call->wish.side[i].n_map <= PAYLOADS_MAX;
	return is_good ? 0 : -EPROTO;
}

static int check_call(struct slice key, struct slice value)
{
	struct call_record call;
	int rc = record_check(value, RECORD_CALL, sizeof(call),
			      call_record_texts, n_call_record_texts);

	if (rc || key.len != CALL_KEY_LEN)
		return -EPROTO;
	memcpy(&call, value.ptr, sizeof(call));
	return check_call_members(&call, u64_key(key.ptr));
}

static int check_tx(struct slice key, struct slice value)
{
	struct tx_record tx;
	int rc = record_check(value, RECORD_TX, sizeof(tx), tx_record_texts,
			      n_tx_record_texts);

	if (rc || key.len != TX_KEY_LEN)
		return -EPROTO;
	memcpy(&tx, value.ptr, sizeof(tx));
	return tx.call == u64_key(key.ptr) && tx.leg < N_LEGS ? 0 : -EPROTO;
}

static int check_invite(struct slice key, struct slice value)
{
	struct invite_record invite;
	int rc = record_check(value, RECORD_INVITE, sizeof(invite), NULL, 0);

	if (rc || key.len != CALL_KEY_LEN)
		return -EPROTO;
	memcpy(&invite, value.ptr, sizeof(invite));
	return invite.call == u64_key(key.ptr) ? 0 : -EPROTO;
}

static int check_stream(struct slice key, struct slice value)
{
	struct stream_record stream;
	int rc = record_check(value, RECORD_STREAM, sizeof(stream), NULL, 0);

	if (rc || key.len != CALL_KEY_LEN)
		return -EPROTO;
	memcpy(&stream, value.ptr, sizeof(stream));
	return stream.connection == u64_key(key.ptr) &&
			       value.len - sizeof(stream) == stream.tail_len
		       ? 0
		       : -EPROTO;
}

static int check_intake(struct slice key, struct slice value)
{
	return key.len == INTAKE_KEY_LEN && value.len == sizeof(uint64_t)
		       ? 0
		       : -EPROTO;
}

/* ---- scans -------------------------------------------------------------- */

struct found {
	void *copy; /* of the value */
	char key[KEY_MAX];
	size_t key_len;
};

struct scan {
	record_check_fn *check;
	enum record_kind kind; /* 0: no records with a head */
	uint64_t until_us;
	unsigned n_found, n_bad;
	bool is_continued; /* the first record was seen in the last slice */
	int error;
	char last_key[LAST_KEY_MAX];
	size_t last_len;
	struct found found[SLICE_RECORDS];
};

enum {
	SLICE_FULL = 1
};

static void keep(struct scan *scan, struct slice key, struct slice value)
{
	struct found *found = &scan->found[scan->n_found];

	found->copy = malloc(value.len);
	if (!found->copy) {
		scan->error = -ENOMEM;
		return;
	}
	memcpy(found->copy, value.ptr, value.len);
	memcpy(found->key, key.ptr, key.len);
	found->key_len = key.len;
	scan->n_found++;
}

static int scan_one(void *arg, struct slice key, struct slice value)
{
	struct scan *scan = arg;
	struct slice last = {scan->last_key, scan->last_len};

	if (scan->is_continued && slice_is(key, last))
		return 0;
	if (scan->kind)
		value = record_from_store(scan->kind, value);
	if (key.len > KEY_MAX || scan->check(key, value) < 0)
		scan->n_bad++;
	else
		keep(scan, key, value);
	scan->last_len = key.len < LAST_KEY_MAX ? key.len : LAST_KEY_MAX;
	memcpy(scan->last_key, key.ptr, scan->last_len);
	scan->is_continued = true;
	return scan->error || scan->n_found == SLICE_RECORDS ||
			       clock_boot_us() >= scan->until_us
		       ? SLICE_FULL
		       : 0;
}

/* 0: the end was reached; SLICE_FULL: there may be more; -errno. */
static int scan_slice(struct book *book, enum book_table table,
		      struct scan *scan)
{
	struct slice from = {scan->last_key, scan->last_len};
	struct reading reading;
	sigset_t stop, old;
	int rc;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	pthread_sigmask(SIG_BLOCK, &stop, &old);
	scan->n_found = 0;
	scan->until_us = clock_boot_us() + SLICE_US;
	rc = store_scan(read_begin(book, &reading), table, from, scan_one,
			scan);
	read_end(&reading);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return scan->error ? scan->error : rc;
}

typedef void hand_over_fn(void *arg, struct found *found);

static const enum record_kind kinds[BOOK_HEAD + 1] = {
	[BOOK_CALL] = RECORD_CALL,
	[BOOK_INVITE] = RECORD_INVITE,
	[BOOK_PENDING] = RECORD_TX,
	[BOOK_STREAM] = RECORD_STREAM,
};

/* hand_over takes found->copy over and runs with no snapshot open. */
static int scan_table(struct book *book, enum book_table table,
		      record_check_fn *check, hand_over_fn *hand_over,
		      void *arg, unsigned *ret_bad)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	int rc;

	if (!scan)
		return -ENOMEM;
	scan->check = check;
	scan->kind = kinds[table];
	do {
		rc = scan_slice(book, table, scan);
		for (unsigned i = 0; i < scan->n_found; i++)
			hand_over(arg, &scan->found[i]);
	} while (rc == SLICE_FULL);
	if (ret_bad)
		*ret_bad = scan->n_bad;
	free(scan);
	return rc;
}

struct call_hand {
	book_call_fn *fn;
	void *arg;
};

static void hand_call(void *arg, struct found *found)
{
	struct call_hand *hand = arg;

	hand->fn(hand->arg, found->copy);
}

int book_scan_calls(struct book *book, book_call_fn *fn, void *arg,
		    unsigned *ret_bad)
{
	struct call_hand hand = {fn, arg};

	return scan_table(book, BOOK_CALL, check_call, hand_call, &hand,
			  ret_bad);
}

struct tx_hand {
	book_tx_fn *fn;
	void *arg;
};

static void hand_tx(void *arg, struct found *found)
{
	struct tx_hand *hand = arg;

	hand->fn(hand->arg, found->copy);
}

int book_scan_txs(struct book *book, book_tx_fn *fn, void *arg,
		  unsigned *ret_bad)
{
	struct tx_hand hand = {fn, arg};

	return scan_table(book, BOOK_PENDING, check_tx, hand_tx, &hand,
			  ret_bad);
}

struct invite_hand {
	book_invite_fn *fn;
	void *arg;
};

static void hand_invite(void *arg, struct found *found)
{
	struct invite_hand *hand = arg;

	hand->fn(hand->arg, found->copy);
}

int book_scan_invites(struct book *book, book_invite_fn *fn, void *arg,
		      unsigned *ret_bad)
{
	struct invite_hand hand = {fn, arg};

	return scan_table(book, BOOK_INVITE, check_invite, hand_invite, &hand,
			  ret_bad);
}

struct stream_hand {
	book_stream_fn *fn;
	void *arg;
};

static void hand_stream(void *arg, struct found *found)
{
	struct stream_hand *hand = arg;

	hand->fn(hand->arg, found->copy);
}

int book_scan_streams(struct book *book, book_stream_fn *fn, void *arg,
		      unsigned *ret_bad)
{
	struct stream_hand hand = {fn, arg};

	return scan_table(book, BOOK_STREAM, check_stream, hand_stream, &hand,
			  ret_bad);
}

struct intake_hand {
	book_intake_fn *fn;
	void *arg;
};

static void hand_intake(void *arg, struct found *found)
{
	struct intake_hand *hand = arg;
	uint64_t value;

	memcpy(&value, found->copy, sizeof(value));
	free(found->copy);
	hand->fn(hand->arg, found->key[0], u64_key(found->key + 1), value);
}

int book_scan_intake(struct book *book, book_intake_fn *fn, void *arg)
{
	struct intake_hand hand = {fn, arg};

	return scan_table(book, BOOK_INTAKE, check_intake, hand_intake, &hand,
			  NULL);
}

/* ---- one call ----------------------------------------------------------- */

static int get_value(struct store_txn *txn, enum book_table table,
		     uint64_t call, char key[CALL_KEY_LEN],
		     struct slice *ret_value)
{
	int rc;

	key_u64(call, key);
	rc = store_get(txn, table, (struct slice){key, CALL_KEY_LEN},
		       ret_value);
	if (!rc)
		*ret_value = record_from_store(kinds[table], *ret_value);
	return rc;
}

static int get_copy(struct book *book, enum book_table table, uint64_t call,
		    record_check_fn *check, void **ret_copy)
{
	struct reading reading;
	char key[CALL_KEY_LEN];
	struct slice value;
	void *copy = NULL;
	int rc =
		get_value(read_begin(book, &reading), table, call, key, &value);

	if (!rc)
		rc = check((struct slice){key, CALL_KEY_LEN}, value);
	if (!rc) {
		copy = malloc(value.len);
		rc = copy ? 0 : -ENOMEM;
	}
	if (!rc) {
		memcpy(copy, value.ptr, value.len);
		*ret_copy = copy;
	}
	read_end(&reading);
	return rc;
}

int book_get_call(struct book *book, uint64_t call,
		  struct call_record **ret_call)
{
	void *copy;
	int rc = get_copy(book, BOOK_CALL, call, check_call, &copy);

	if (!rc)
		*ret_call = copy;
	return rc;
}

int book_get_invite(struct book *book, uint64_t call,
		    struct invite_record **ret_invite)
{
	void *copy;
	int rc = get_copy(book, BOOK_INVITE, call, check_invite, &copy);

	if (!rc)
		*ret_invite = copy;
	return rc;
}

int book_get_wish(struct book *book, uint64_t call, struct media_wish *ret_wish)
{
	struct reading reading;
	char key[CALL_KEY_LEN];
	struct media_wish wish;
	struct slice value;
	int rc = get_value(read_begin(book, &reading), BOOK_CALL, call, key,
			   &value);

	if (!rc)
		rc = record_check(value, RECORD_CALL,
				  sizeof(struct call_record), NULL, 0);
	if (!rc)
		memcpy(&wish, value.ptr + offsetof(struct call_record, wish),
		       sizeof(wish));
	read_end(&reading);
	for (unsigned i = 0; !rc && i < N_LEGS; i++)
		if (wish.side[i].n_map > PAYLOADS_MAX)
			rc = -EPROTO;
	if (!rc)
		*ret_wish = wish;
	return rc;
}
