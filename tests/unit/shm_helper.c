/* SPDX-License-Identifier: Apache-2.0
 *
 * The other process in tests of shm/: owns books, holds snapshots, produces
 * and consumes rings, until it is told to stop or is killed.  Started by
 * tests/unit/scratch.c; answers each line with a number.
 * Usage: shm_helper ROLE FOLDER [NUMBER …]
 */
#include <errno.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "shm/book.h"
#include "shm/record.h"
#include "shm/ring.h"
#include "tests/unit/shm_helper.h"

static void answer(long number)
{
	printf("%ld\n", number);
	fflush(stdout);
}

static int own(const char *folder, const char *epoch, struct book **ret_book)
{
	struct book_settings settings = {
		.run_dir = folder,
		.index = 1,
		.epoch = (uint32_t)atoi(epoch),
		.map_size = HELPER_MAP_SIZE,
	};

	return book_own(&settings, ret_book);
}

static void put(struct book *book, uint64_t counter, uint32_t version)
{
	struct call_record call = {
		.head = {CALL_VERSION, RECORD_CALL, sizeof(call)},
		.id = call_make(1, counter),
		.wish.version = version,
	};

	book_put_call(book, &call);
}

/* Lines: "put N" in the turn, "commit", "pause" (for ever). */
static int role_owner(char **argv)
{
	struct book *book = NULL;
	char line[64];
	int rc = own(argv[2], argv[3], &book);

	answer(rc);
	while (!rc && fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "put ", 4) == 0) {
			put(book, strtoull(line + 4, NULL, 10), 1);
			answer(book_begin(book)->error);
		} else if (strcmp(line, "commit\n") == 0)
			answer(book_commit(book));
		else if (strcmp(line, "grow\n") == 0)
			answer(store_grow(book_store(book)));
		else
			return 2;
	}
	book_forget(book);
	return 0;
}

/* Commits two records with the same number, again and again, and as many
 * bytes besides as to use many pages. */
static int role_churn(char **argv)
{
	struct book *book;
	int rc = own(argv[2], argv[3], &book);
	uint32_t version = (uint32_t)atoi(argv[4]);

	answer(rc);
	while (!rc) {
		version++;
		put(book, 1, version);
		put(book, 2 + version % 200, version);
		put(book, HELPER_TWIN, version);
		rc = book_commit(book);
	}
	return rc ? 1 : 0;
}

/* A turn that changes every call and makes or deletes their transactions;
 * stops before its commit and after it. */
static int role_commit_once(char **argv)
{
	uint32_t version = (uint32_t)atoi(argv[4]);
	struct book *book;
	char line[16];
	int rc = own(argv[2], argv[3], &book);

	answer(rc);
	if (rc || !fgets(line, sizeof(line), stdin))
		return 1;
	for (unsigned i = 1; i <= HELPER_TURN_CALLS; i++) {
		struct tx_record tx = {
			.head = {TX_VERSION, RECORD_TX, sizeof(tx)},
			.call = call_make(1, i),
			.tx = 1,
		};

		put(book, i, version);
		if (version % 2)
			book_put_tx(book, &tx);
		else
			book_del_tx(book, tx.call, tx.tx);
	}
	raise(SIGSTOP);
	rc = book_commit(book);
	raise(SIGSTOP);
	return rc;
}

static int stop_here(void *arg, struct slice key, struct slice value)
{
	(void)arg;
	(void)key;
	(void)value;
	answer(0);
	pause();
	return 0;
}

/* Stands still inside a snapshot. */
static int role_stale_reader(char **argv)
{
	struct book *book;
	struct store_txn txn;
	int rc = book_open(argv[2], 1, &book);

	if (rc) {
		answer(rc);
		return 1;
	}
	store_begin(book_store(book), STORE_READ, &txn);
	return store_scan(&txn, BOOK_CALL, SLICE_NONE, stop_here, NULL);
}

/* Takes every place of the readers table, and answers why it takes no more. */
static int role_crowd(char **argv)
{
	char dir[512];
	MDB_env *env;
	MDB_txn *txn;
	int rc = 0;

	snprintf(dir, sizeof(dir), "%s/state/ms1", argv[2]);
	must(mdb_env_create(&env) == 0);
	must(mdb_env_open(env, dir, MDB_RDONLY | MDB_NOTLS, 0) == 0);
	while (rc == 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	answer(rc);
	pause();
	return 0;
}

/* Puts numbers that follow each other, with the last published in a file of
 * its own so that an heir goes on behind it; paddings of all lengths. */
static int role_produce(char **argv)
{
	static char padding[600];
	struct ring *ring;
	uint64_t number = strtoull(argv[3], NULL, 10);
	int rc = ring_open(argv[2], RING_HANDOVER, 1, 2, &ring);

	answer(rc);
	while (!rc) {
		struct slice parts[2] = {
			{(const char *)&number, sizeof(number)},
			{padding, number % sizeof(padding)},
		};

		memset(padding, (int)(number & 0xff), sizeof(padding));
		if (ring_put(ring, parts, 2) == 0)
			number++;
		else
			usleep(100);
		if (number % 3 == 0)
			ring_publish(ring);
	}
	return 1;
}

/* Lines: a call's counter; answers the version of its wish. */
static int role_reader(char **argv)
{
	struct book *book = NULL;
	char line[64];
	int rc = book_open(argv[2], 1, &book);

	answer(rc);
	while (!rc && fgets(line, sizeof(line), stdin)) {
		struct media_wish wish;
		uint64_t call = call_make(1, strtoull(line, NULL, 10));
		int got = book_get_wish(book, call, &wish);

		answer(got ? got : (long)wish.version);
	}
	book_forget(book);
	return 0;
}

/* A scan in slices is no snapshot, but each call is whole, and no call that
 * was there when it began is missing. */
struct sight {
	uint64_t n, last;
	bool is_bad;
};

static void see_call(void *arg, struct call_record *call)
{
	struct sight *sight = arg;
	uint64_t counter = call->id & 0xffffffffu;

	if (counter < 1000000u) {
		sight->is_bad |= counter != sight->last + 1;
		sight->last = counter;
	}
	sight->is_bad |= call->wish.version !=
			 (counter < 1000000u ? counter : counter - 1000000u);
	sight->n++;
	free(call);
}

/* Scans again and again until a line comes; answers how often, or -1 for a
 * book that it saw wrongly. */
static int role_scan(char **argv)
{
	struct book *book;
	struct pollfd line = {.fd = 0, .events = POLLIN};
	uint64_t n = 0, seen = 0;
	int rc = book_open(argv[2], 1, &book);
	bool is_good = rc == 0;

	answer(rc);
	for (; is_good && poll(&line, 1, 0) == 0; n++) {
		struct sight sight = {0};
		unsigned bad = 0;

		is_good = book_scan_calls(book, see_call, &sight, &bad) == 0 &&
			  bad == 0 && !sight.is_bad && sight.n >= seen;
		seen = sight.n;
	}
	answer(is_good ? (long)n : -1);
	if (rc == 0)
		book_forget(book);
	return 0;
}

/* Writes a head of another boot, as a crashed host leaves it. */
static int role_forge_boot(char **argv)
{
	static const char *const tables[] = {"call",   "pending", "invite",
					     "stream", "intake",  "cdr",
					     "book",   NULL};
	char dir[512];
	struct store_settings settings = {.dir = dir,
					  .mode = STORE_WRITE,
					  .map_size = HELPER_MAP_SIZE,
					  .tables = tables};
	struct book_head head = {
		.head = {BOOK_VERSION, RECORD_BOOK, sizeof(head)},
		.epoch = 7,
		.boot_id = "00000000-0000-0000-0000-000000000000",
		.next_call = 99,
	};
	struct store *store;
	struct store_txn txn;

	snprintf(dir, sizeof(dir), "%s/state/ms1", argv[2]);
	if (store_open(&settings, &store))
		return 1;
	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, BOOK_HEAD, SLICE("head"),
		  (struct slice){(const char *)&head, sizeof(head)});
	answer(store_commit(&txn));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int n_words;
		int (*run)(char **argv);
	} roles[] = {
		{"owner", 4, role_owner},
		{"churn", 5, role_churn},
		{"commit-once", 5, role_commit_once},
		{"stale-reader", 3, role_stale_reader},
		{"produce", 4, role_produce},
		{"reader", 3, role_reader},
		{"scan", 3, role_scan},
		{"crowd", 3, role_crowd},
		{"forge-boot", 3, role_forge_boot},
	};

	alarm(60); /* never outlive a test that hangs */
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (argc == roles[i].n_words &&
		    strcmp(argv[1], roles[i].name) == 0)
			return roles[i].run(argv);
	fprintf(stderr, "usage: shm_helper ROLE FOLDER [NUMBER ...]\n");
	return 2;
}
