/* SPDX-License-Identifier: Apache-2.0
 *
 * LMDB behind typed tables and transactions with a sticky error: any number
 * of puts, one check at commit.  One open per environment and process, made
 * after exec, never closed in a child (0.9.26-0.9.31 destroy the shared mutex
 * at close): store_forget leaks it on purpose.  A transaction never outlives a
 * turn of the loop; values are copied out or used before it ends.
 */
#ifndef SHM_STORE_H
#define SHM_STORE_H

#include "base/str.h"
#include "shm/schema.h"

struct store;

enum store_mode {
	STORE_READ,
	STORE_WRITE
};

#define STORE_TABLES_MAX 8

struct store_settings {
	const char *dir; /* made with mode 0700 if it is not there (WRITE) */
	enum store_mode mode;
	size_t map_size;	   /* WRITE: bytes, allocated ahead */
	const char *const *tables; /* names, NULL-terminated */
};

/* -ENOENT (READ: not there yet), -ENOSPC (the file system cannot hold
 * map_size), -EPROTO (not ours), -errno.  Aborts when this process has the
 * folder open already. */
int store_open(const struct store_settings *settings, struct store **ret_store);
/* Ends all use in this process without mdb_env_close (see above); a later
 * store_open of the same folder takes it up again, in either mode. */
struct store *store_forget(struct store *store);
/* Closes for good: tools and tests only. */
struct store *store_close(struct store *store);
/* Clears readers that died; number cleared. */
int store_check_readers(struct store *store);
/* The process, not this one, whose snapshot is the oldest, and how many commits
 * there were since.  -ENOENT: nobody reads. */
int store_oldest_reader(struct store *store, int32_t *ret_pid,
			uint64_t *ret_behind);
/* Bytes of the map: the high-water mark of pages ever used (freed ones are
 * used again before it rises), and all. */
int store_usage(struct store *store, uint64_t *ret_used, uint64_t *ret_size);
/* Bytes that a commit could take now: pages never used, and freed ones that no
 * reader's snapshot holds.  Reads the whole list of free pages: not often. */
int store_room(struct store *store, uint64_t *ret_bytes);
/* Doubles the map; only with no transaction open.  -ENOSPC. */
int store_grow(struct store *store);
/* Makes it longer by so many bytes, in the same way. */
int store_extend(struct store *store, size_t bytes);
/* The same in steps of so many bytes, since taking memory costs 0.5 ms a MB,
 * and 10 on a loaded host: 1 there is more to do, 0 the map is doubled. */
int store_grow_step(struct store *store, size_t step);

/* A write begins with its first put, del or get, so that a turn without any
 * costs nothing. */
struct store_txn {
	struct store *store;
	void *txn;
	enum store_mode mode;
	int error; /* first error, negative errno; all later calls do nothing */
};

void store_begin(struct store *store, enum store_mode mode,
		 struct store_txn *ret_txn);
/* Commits a write, ends a read; an earlier error aborts and is returned. */
int store_commit(struct store_txn *txn);
void store_abort(struct store_txn *txn);
void store_put(struct store_txn *txn, unsigned table, struct slice key,
	       struct slice value);
/* The same with room behind the value, which reads as zeros: a value that
 * grows and shrinks within its room stays where it is. */
struct store_room {
	size_t size;  /* of value and room together */
	bool is_last; /* the key is new, and probably behind all others */
};
void store_put_room(struct store_txn *txn, unsigned table, struct slice key,
		    struct slice value, struct store_room room);
/* Deleting what is not there is no error. */
void store_del(struct store_txn *txn, unsigned table, struct slice key);
/* Deletes every record of the table. */
void store_clear(struct store_txn *txn, unsigned table);
/* Valid until the transaction ends.  -ENOENT is not sticky. */
int store_get(struct store_txn *txn, unsigned table, struct slice key,
	      struct slice *ret_value);
/* Keys of the first and the last record; -ENOENT when there is none. */
int store_ends(struct store_txn *txn, unsigned table, struct slice *ret_first,
	       struct slice *ret_last);
/* Calls fn for each record from `from` on (empty: all) in key order until it
 * returns non-zero, which is returned.  fn must not write. */
typedef int store_scan_fn(void *arg, struct slice key, struct slice value);
int store_scan(struct store_txn *txn, unsigned table, struct slice from,
	       store_scan_fn *fn, void *arg);

#endif
