/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/store.c: transactions, sticky errors, full maps, growing, and the guards
 * that keep an environment in one process.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/store.h"
#include "tests/unit/scratch.h"

static const char *const tables[] = {"one", "two", NULL};

static struct store *open_as(enum store_mode mode)
{
	struct store_settings settings = {.dir = scratch_path("db"),
					  .mode = mode,
					  .map_size = 1u << 20,
					  .tables = tables};
	struct store *store = NULL;
	int rc = store_open(&settings, &store);

	cr_assert_eq(rc, 0, "%s", strerror(-rc));
	return store;
}

static void setup(void)
{
	scratch_make();
}

static void put_text(struct store *store, const char *key, const char *value)
{
	struct store_txn txn;

	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, 0, slice_of(key), slice_of(value));
	cr_assert_eq(store_commit(&txn), 0);
}

static int get_text(struct store *store, const char *key, char ret_text[32])
{
	struct store_txn txn;
	struct slice value;
	int rc;

	store_begin(store, STORE_READ, &txn);
	rc = store_get(&txn, 0, slice_of(key), &value);
	if (!rc)
		slice_copy(value, ret_text, 32);
	store_commit(&txn);
	return rc;
}

TestSuite(store, .init = setup, .fini = scratch_remove, .timeout = 30);

Test(store, what_is_committed_is_read)
{
	struct store *store = open_as(STORE_WRITE);
	char text[32];

	put_text(store, "k", "v");
	cr_assert_eq(get_text(store, "k", text), 0);
	cr_assert_str_eq(text, "v");
	cr_assert_eq(get_text(store, "none", text), -ENOENT);
	store_close(store);
}

Test(store, files_are_the_owners_alone)
{
	struct store *store = open_as(STORE_WRITE);
	struct stat st;

	cr_assert_eq(stat(scratch_path("db"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700);
	cr_assert_eq(stat(scratch_path("db/data.mdb"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(stat(scratch_path("db/lock.mdb"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	store_close(store);
}

Test(store, the_whole_map_is_allocated_ahead)
{
	struct store *store = open_as(STORE_WRITE);
	struct stat st;

	cr_assert_eq(stat(scratch_path("db/data.mdb"), &st), 0);
	cr_assert_geq(st.st_blocks * 512, 1 << 20);
	store_close(store);
}

Test(store, a_map_above_the_file_system_is_refused_before_it_is_made)
{
	struct store_settings settings = {.dir = scratch_path("db"),
					  .mode = STORE_WRITE,
					  .map_size = (size_t)1 << 45,
					  .tables = tables};
	struct store *store = NULL;

	cr_assert_eq(store_open(&settings, &store), -ENOSPC);
	cr_assert_null(store);
	cr_assert_neq(access(scratch_path("db/data.mdb"), F_OK), 0);
}

Test(store, a_reader_of_nothing_is_told_so_and_makes_nothing)
{
	struct store_settings settings = {.dir = scratch_path("db"),
					  .mode = STORE_READ,
					  .tables = tables};
	struct store *store = NULL;

	cr_assert_eq(store_open(&settings, &store), -ENOENT);
	mkdir(scratch_path("db"), 0700);
	settings.dir = scratch_path("db");
	cr_assert_eq(store_open(&settings, &store), -ENOENT);
	cr_assert_neq(access(scratch_path("db/lock.mdb"), F_OK), 0);
}

Test(store, a_file_that_is_no_store_is_refused)
{
	struct store_settings settings = {
		.mode = STORE_WRITE, .map_size = 1u << 20, .tables = tables};
	struct store *store = NULL;
	char garbage[9000];

	memset(garbage, 'g', sizeof(garbage) - 1);
	garbage[sizeof(garbage) - 1] = '\0';
	mkdir(scratch_path("db"), 0700);
	scratch_write("db/data.mdb", garbage);
	settings.dir = scratch_path("db");
	cr_assert_eq(store_open(&settings, &store), -EPROTO);
	settings.mode = STORE_READ;
	cr_assert_eq(store_open(&settings, &store), -EPROTO);
}

Test(store, an_aborted_transaction_leaves_nothing)
{
	struct store *store = open_as(STORE_WRITE);
	struct store_txn txn;
	char text[32];

	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, 0, SLICE("k"), SLICE("v"));
	store_abort(&txn);
	cr_assert_eq(get_text(store, "k", text), -ENOENT);
	store_close(store);
}

Test(store, the_first_error_sticks_and_nothing_is_written)
{
	struct store *store = open_as(STORE_WRITE);
	static const char long_key[600];
	struct store_txn txn;
	char text[32];

	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, 0, SLICE("before"), SLICE("v"));
	store_put(&txn, 0, (struct slice){long_key, sizeof(long_key)},
		  SLICE("v"));
	cr_assert_eq(txn.error, -EINVAL);
	store_put(&txn, 0, SLICE("after"), SLICE("v"));
	cr_assert_eq(store_commit(&txn), -EINVAL);
	cr_assert_eq(get_text(store, "before", text), -ENOENT);
	cr_assert_eq(get_text(store, "after", text), -ENOENT);
	put_text(store, "next", "v");
	cr_assert_eq(get_text(store, "next", text), 0);
	store_close(store);
}

Test(store, deleting_what_is_not_there_is_no_error)
{
	struct store *store = open_as(STORE_WRITE);
	struct store_txn txn;

	store_begin(store, STORE_WRITE, &txn);
	store_del(&txn, 1, SLICE("nothing"));
	store_put(&txn, 1, SLICE("k"), SLICE("v"));
	cr_assert_eq(store_commit(&txn), 0);
	store_close(store);
}

Test(store, a_transaction_without_a_put_takes_no_lock)
{
	struct store *store = open_as(STORE_WRITE);
	struct store_txn a, b;

	store_begin(store, STORE_WRITE, &a);
	store_begin(store, STORE_WRITE, &b); /* would wait for ever */
	store_put(&b, 0, SLICE("k"), SLICE("v"));
	cr_assert_null(a.txn);
	cr_assert_eq(store_commit(&b), 0);
	cr_assert_eq(store_commit(&a), 0);
	store_close(store);
}

Test(store, clearing_a_table_leaves_the_other)
{
	struct store *store = open_as(STORE_WRITE);
	struct store_txn txn;
	struct slice value;

	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, 0, SLICE("k"), SLICE("v"));
	store_put(&txn, 1, SLICE("k"), SLICE("v"));
	store_clear(&txn, 0);
	cr_assert_eq(store_commit(&txn), 0);
	store_begin(store, STORE_READ, &txn);
	cr_assert_eq(store_get(&txn, 0, SLICE("k"), &value), -ENOENT);
	cr_assert_eq(store_get(&txn, 1, SLICE("k"), &value), 0);
	store_commit(&txn);
	store_close(store);
}

static int fill(struct store *store, unsigned n)
{
	static const char value[1500];
	struct store_txn txn;

	store_begin(store, STORE_WRITE, &txn);
	for (unsigned i = 0; i < n; i++)
		store_put(&txn, 0, (struct slice){(char *)&i, sizeof(i)},
			  (struct slice){value, sizeof(value)});
	return store_commit(&txn);
}

Test(store, a_full_map_is_told_keeps_what_was_and_can_grow)
{
	struct store *store = open_as(STORE_WRITE);
	uint64_t used, size;
	char text[32];

	put_text(store, "kept", "v");
	cr_assert_eq(fill(store, 2000), -ENOSPC);
	cr_assert_eq(get_text(store, "kept", text), 0);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(store_grow(store), 0);
	cr_assert_eq(store_usage(store, &used, &size), 0);
	cr_assert_eq(size, 8u << 20);
	cr_assert_eq(fill(store, 2000), 0);
	cr_assert_eq(get_text(store, "kept", text), 0);
	store_close(store);
}

static int count_until(void *arg, struct slice key, struct slice value)
{
	unsigned *n = arg;

	(void)key;
	(void)value;
	return ++*n == 5 ? 42 : 0;
}

Test(store, a_scan_begins_where_it_is_told_and_stops_when_told)
{
	struct store *store = open_as(STORE_WRITE);
	struct store_txn txn;
	unsigned n = 0;

	for (char c = 'a'; c <= 'j'; c++) {
		char key[2] = {c, 0};

		put_text(store, key, "v");
	}
	store_begin(store, STORE_READ, &txn);
	cr_assert_eq(store_scan(&txn, 0, SLICE_NONE, count_until, &n), 42);
	n = 0;
	cr_assert_eq(store_scan(&txn, 0, SLICE("gg"), count_until, &n), 0);
	cr_assert_eq(n, 3);
	store_commit(&txn);
	store_close(store);
}

/* In a process of its own, so that the folder is removed all the same. */
static bool aborts(void (*fn)(struct store *store), struct store *store)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		fn(store);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void open_twice(struct store *store)
{
	(void)store;
	open_as(STORE_WRITE);
	open_as(STORE_READ);
}

static void open_once(struct store *store)
{
	(void)store;
	open_as(STORE_WRITE);
}

static void read_some(struct store *store)
{
	char text[32];

	get_text(store, "k", text);
}

static void open_and_write(struct store *store)
{
	struct store_txn txn;

	(void)store;
	store_begin(open_as(STORE_READ), STORE_WRITE, &txn);
}

Test(store, opening_twice_in_one_process_aborts)
{
	cr_assert(!aborts(open_once, NULL));
	cr_assert(aborts(open_twice, NULL));
}

Test(store, using_it_after_a_fork_aborts)
{
	struct store *store = open_as(STORE_WRITE);

	cr_assert(aborts(read_some, store));
	put_text(store, "the parent", "goes on");
	store_close(store);
}

Test(store, a_reader_may_not_write)
{
	store_close(open_as(STORE_WRITE));
	cr_assert(aborts(open_and_write, NULL));
}

Test(store, what_was_forgotten_can_be_taken_up_in_either_mode)
{
	struct store *store = open_as(STORE_WRITE);
	char text[32];

	put_text(store, "k", "1");
	store_forget(store);
	store = open_as(STORE_READ);
	cr_assert_eq(get_text(store, "k", text), 0);
	store_forget(store);
	store = open_as(STORE_WRITE);
	put_text(store, "k", "2");
	cr_assert_eq(get_text(store, "k", text), 0);
	cr_assert_str_eq(text, "2");
	store_close(store);
}

Test(store, a_reader_becomes_the_writer)
{
	struct store *store = open_as(STORE_WRITE);
	char text[32];

	put_text(store, "k", "1");
	store_close(store);
	store = open_as(STORE_READ); /* the environment is read-only now */
	cr_assert_eq(get_text(store, "k", text), 0);
	store_forget(store);
	store = open_as(STORE_WRITE);
	put_text(store, "k", "2");
	cr_assert_eq(get_text(store, "k", text), 0);
	cr_assert_str_eq(text, "2");
	store_close(store);
}
