/* SPDX-License-Identifier: Apache-2.0
 *
 * What storing costs: a record of 1.2 kB among 10,000, put at random, 1, 4 and
 * 16 a commit; LMDB with and without MDB_WRITEMAP, then the book (epoch check,
 * several tables), then reads.  For doc/decisions/0001-writemap.md.
 * Usage: bench_store [FOLDER on tmpfs].  Prints microseconds of CPU time a
 * record, medians of five interleaved rounds.
 */
#include <errno.h>
#include <ftw.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "shm/book.h"
#include "shm/record.h"

#define N_LIVE	    10000u
#define RECORD_SIZE 1200u
#define N_PUTS	    100000u
#define N_ROUNDS    5
#define MAP_SIZE    (256u << 20)

static const unsigned batches[] = {1, 4, 16};
#define N_BATCHES (sizeof(batches) / sizeof(batches[0]))

static char folder[4096];
static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, N_ROUNDS, sizeof(*values), by_value);
	return values[N_ROUNDS / 2];
}

/* ---- LMDB alone --------------------------------------------------------- */

struct bare {
	MDB_env *env;
	MDB_dbi dbi;
};

static void bare_put(struct bare *bare, MDB_txn *txn, uint64_t id)
{
	static char bytes[RECORD_SIZE];
	uint64_t key_bytes = __builtin_bswap64(id);
	MDB_val key = {sizeof(key_bytes), &key_bytes};
	MDB_val value = {sizeof(bytes), bytes};

	bytes[0]++;
	must(mdb_put(txn, bare->dbi, &key, &value, 0) == 0);
}

static void bare_open(struct bare *bare, const char *name, unsigned flags)
{
	char path[4200];
	MDB_txn *txn;

	snprintf(path, sizeof(path), "%s/%s.mdb", folder, name);
	must(mdb_env_create(&bare->env) == 0);
	must(mdb_env_set_maxdbs(bare->env, 8) == 0);
	must(mdb_env_set_mapsize(bare->env, MAP_SIZE) == 0);
	must(mdb_env_open(bare->env, path,
			  MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOMETASYNC | flags,
			  0600) == 0);
	must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0);
	must(mdb_dbi_open(txn, "call", MDB_CREATE, &bare->dbi) == 0);
	for (uint64_t id = 0; id < N_LIVE; id++)
		bare_put(bare, txn, id);
	must(mdb_txn_commit(txn) == 0);
}

static double bare_round(void *arg, unsigned batch)
{
	struct bare *bare = arg;
	double start = cpu_us();

	for (unsigned n = 0; n < N_PUTS; n += batch) {
		MDB_txn *txn;

		must(mdb_txn_begin(bare->env, NULL, 0, &txn) == 0);
		for (unsigned i = 0; i < batch; i++)
			bare_put(bare, txn, draw() % N_LIVE);
		must(mdb_txn_commit(txn) == 0);
	}
	return (cpu_us() - start) / N_PUTS;
}

/* ---- the book ----------------------------------------------------------- */

struct bench_book {
	struct book *book;
	struct call_record *call;
	uint64_t first;
};

static void bench_book_open(struct bench_book *bench)
{
	static char text[RECORD_SIZE - sizeof(struct call_record)];
	struct book_settings settings = {
		.run_dir = folder,
		.index = 1,
		.epoch = 1,
		.map_size = MAP_SIZE,
	};
	void *record = record_new(RECORD_CALL, sizeof(struct call_record), 512);

	must(book_own(&settings, &bench->book) == 0 && record);
	memset(text, 'x', sizeof(text));
	must(record_set(&record, offsetof(struct call_record, to),
			(struct slice){text, sizeof(text)}) == 0);
	bench->call = record;
	for (unsigned i = 0; i < N_LIVE; i++) {
		bench->call->id = book_new_call(bench->book);
		if (i == 0)
			bench->first = bench->call->id;
		book_put_call(bench->book, bench->call);
	}
	must(book_commit(bench->book) == 0);
}

static double book_round(void *arg, unsigned batch)
{
	struct bench_book *bench = arg;
	double start = cpu_us();

	for (unsigned n = 0; n < N_PUTS; n += batch) {
		for (unsigned i = 0; i < batch; i++) {
			bench->call->id = bench->first + draw() % N_LIVE;
			book_put_call(bench->book, bench->call);
		}
		must(book_commit(bench->book) == 0);
	}
	return (cpu_us() - start) / N_PUTS;
}

/* A call's put with one of its transactions, as a turn has them. */
static double turn_round(void *arg, unsigned batch)
{
	struct bench_book *bench = arg;
	struct tx_record tx = {.head = {TX_VERSION, RECORD_TX, sizeof(tx)}};
	double start = cpu_us();

	for (unsigned n = 0; n < N_PUTS; n += batch) {
		for (unsigned i = 0; i < batch; i++) {
			bench->call->id = bench->first + draw() % N_LIVE;
			tx.call = bench->call->id;
			if (n / batch % 2) {
				book_del_tx(bench->book, tx.call, 0);
				continue;
			}
			book_put_call(bench->book, bench->call);
			book_put_tx(bench->book, &tx);
		}
		must(book_commit(bench->book) == 0);
	}
	return (cpu_us() - start) / N_PUTS;
}

static double wish_round(void *arg, unsigned batch)
{
	struct bench_book *bench = arg;
	struct media_wish wish;
	double start = cpu_us();

	(void)batch;
	for (unsigned n = 0; n < N_PUTS; n++)
		must(book_get_wish(bench->book, bench->first + draw() % N_LIVE,
				   &wish) == 0);
	return (cpu_us() - start) / N_PUTS;
}

/* ---- all of it ---------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	static struct bare mapped, written;
	static struct bench_book bench;
	static const struct {
		const char *name;
		double (*round)(void *arg, unsigned batch);
		void *arg;
	} rows[] = {
		{"LMDB, WRITEMAP", bare_round, &mapped},
		{"LMDB, pwrite", bare_round, &written},
		{"book_put_call + commit", book_round, &bench},
		{"call + tx put, tx deleted", turn_round, &bench},
		{"book_get_wish", wish_round, &bench},
	};
	static double us[sizeof(rows) / sizeof(rows[0])][N_BATCHES][N_ROUNDS];

	snprintf(folder, sizeof(folder), "%s/mspool-bench-XXXXXX",
		 argc > 1 ? argv[1] : "/dev/shm");
	must(mkdtemp(folder) != NULL);
	bare_open(&mapped, "mapped", MDB_WRITEMAP);
	bare_open(&written, "written", 0);
	bench_book_open(&bench);
	for (unsigned round = 0; round < N_ROUNDS; round++)
		for (unsigned b = 0; b < N_BATCHES; b++)
			for (unsigned r = 0; r < sizeof(rows) / sizeof(*rows);
			     r++)
				us[r][b][round] =
					rows[r].round(rows[r].arg, batches[b]);
	printf("%-28s %8s %8s %8s  us/record of %u B, N a commit\n", "", "1",
	       "4", "16", RECORD_SIZE);
	for (unsigned r = 0; r < sizeof(rows) / sizeof(*rows); r++)
		printf("%-28s %8.2f %8.2f %8.2f\n", rows[r].name,
		       median(us[r][0]), median(us[r][1]), median(us[r][2]));
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
