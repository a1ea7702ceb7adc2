/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on LMDB behind typed tables.  Used by books (signalling workers
 * write), the pool's and health's tables, and by every reader of them.
 * Readers keep one transaction each and renew it: a snapshot costs no lock and
 * no allocation.  Trap: values point into the map; they are void when the
 * transaction ends, and a put may move them before.
 */
#include <errno.h>

#include "base/log.h"
#include "shm/store_inside.h"

/* ---- errors ------------------------------------------------------------- */

int store_errno(int rc)
{
	static const struct {
		int mdb, error;
	} rows[] = {
		{MDB_NOTFOUND, -ENOENT},    {MDB_MAP_FULL, -ENOSPC},
		{MDB_TXN_FULL, -E2BIG},	    {MDB_READERS_FULL, -EAGAIN},
		{MDB_MAP_RESIZED, -EAGAIN}, {MDB_DBS_FULL, -EINVAL},
		{MDB_BAD_VALSIZE, -EINVAL}, {MDB_BAD_TXN, -EINVAL},
		{MDB_BAD_DBI, -EINVAL},
	};

	if (rc >= 0)
		return -rc;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].mdb == rc)
			return rows[i].error;
	return -EPROTO; /* invalid, corrupted, another version, panic */
}

/* ---- transactions ------------------------------------------------------- */

/* Readers that were killed leave their slots behind: cleared when none is left
 * for us. */
static int begin_reader(struct store *store)
{
	int n_dead;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);

	if (rc == MDB_READERS_FULL && !mdb_reader_check(store->env, &n_dead))
		rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY,
				   &store->reader);
	return rc;
}

static int begin_kept(struct store *store, void **ret_txn)
{
	int rc = store->reader ? mdb_txn_renew(store->reader)
			       : begin_reader(store);

	if (rc)
		return rc;
	store->is_reader_busy = true;
	*ret_txn = store->reader;
	return 0;
}

/* What one may mend: readers that died hold every place; another process has
 * made the map bigger. */
static int begin_again(struct store *store, int rc)
{
	int n_dead;

	if (rc == MDB_READERS_FULL)
		return mdb_reader_check(store->env, &n_dead);
	if (rc == MDB_MAP_RESIZED)
		return store_remap(store, 0) ? rc : 0;
	return rc;
}

static int begin_read(struct store *store, void **ret_txn)
{
	int rc;

	must(!store->is_reader_busy);
	rc = begin_kept(store, ret_txn);
	if (rc && !begin_again(store, rc))
		rc = begin_kept(store, ret_txn);
	return store_errno(rc);
}

static int begin_write(struct store *store, void **ret_txn)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

	if (rc && !begin_again(store, rc))
		rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (!rc)
		*ret_txn = txn;
	return store_errno(rc);
}

void store_begin(struct store *store, enum store_mode mode,
		 struct store_txn *ret_txn)
{
	must(store->forks == store_forks && !store->is_parked);
	must(mode == STORE_READ || store->mode == STORE_WRITE);
	*ret_txn = (struct store_txn){
		.store = store, .mode = mode, .error = store->error};
	if (mode == STORE_READ && !ret_txn->error)
		ret_txn->error = begin_read(store, &ret_txn->txn);
}

/* True when the transaction can be used: a write begins here. */
static bool is_ready(struct store_txn *txn)
{
	if (!txn->error && !txn->txn) {
		must(txn->mode == STORE_WRITE);
		txn->error = begin_write(txn->store, &txn->txn);
	}
	return !txn->error;
}

static void end_read(struct store_txn *txn)
{
	if (!txn->txn)
		return;
	mdb_txn_reset(txn->txn);
	txn->store->is_reader_busy = false;
	txn->txn = NULL;
}

void store_abort(struct store_txn *txn)
{
	if (txn->mode == STORE_READ)
		end_read(txn);
	else if (txn->txn)
		mdb_txn_abort(txn->txn);
	txn->txn = NULL;
}

int store_commit(struct store_txn *txn)
{
	if (txn->error || txn->mode == STORE_READ)
		store_abort(txn);
	else if (txn->txn)
		txn->error = store_errno(mdb_txn_commit(txn->txn));
	txn->txn = NULL;
	return txn->error;
}

static MDB_val val_of(struct slice s)
{
	union {
		const void *in;
		void *out;
	} data = {.in = s.ptr}; /* LMDB's values are not const */

	return (MDB_val){.mv_size = s.len, .mv_data = data.out};
}

void store_put(struct store_txn *txn, unsigned table, struct slice key,
	       struct slice value)
{
	MDB_val k = val_of(key), v = val_of(value);

	must(table < txn->store->n_tables && txn->mode == STORE_WRITE);
	if (is_ready(txn))
		txn->error = store_errno(mdb_put(
			txn->txn, txn->store->tables[table], &k, &v, 0));
}

/* MDB_APPEND fills a page before it begins the next; without it, a page that
 * is full moves its last record to the new one, too. */
static int reserve(struct store_txn *txn, unsigned table, MDB_val *key,
		   MDB_val *ret_value, bool is_last)
{
	MDB_dbi dbi = txn->store->tables[table];
	int rc = MDB_KEYEXIST;

	if (is_last)
		rc = mdb_put(txn->txn, dbi, key, ret_value,
			     MDB_RESERVE | MDB_APPEND);
	if (rc == MDB_KEYEXIST)
		rc = mdb_put(txn->txn, dbi, key, ret_value, MDB_RESERVE);
	return store_errno(rc);
}

void store_put_room(struct store_txn *txn, unsigned table, struct slice key,
		    struct slice value, struct store_room room)
{
	MDB_val k = val_of(key), v = {.mv_size = room.size};

	must(table < txn->store->n_tables && txn->mode == STORE_WRITE);
	must(room.size >= value.len);
	if (!is_ready(txn))
		return;
	txn->error = reserve(txn, table, &k, &v, room.is_last);
	if (txn->error)
		return;
	memcpy(v.mv_data, value.ptr, value.len);
	memset((char *)v.mv_data + value.len, 0, room.size - value.len);
}

void store_del(struct store_txn *txn, unsigned table, struct slice key)
{
	MDB_val k = val_of(key);
	int rc;

	must(table < txn->store->n_tables && txn->mode == STORE_WRITE);
	if (!is_ready(txn))
		return;
	rc = mdb_del(txn->txn, txn->store->tables[table], &k, NULL);
	if (rc != MDB_NOTFOUND)
		txn->error = store_errno(rc);
}

void store_clear(struct store_txn *txn, unsigned table)
{
	must(table < txn->store->n_tables && txn->mode == STORE_WRITE);
	if (is_ready(txn))
		txn->error = store_errno(
			mdb_drop(txn->txn, txn->store->tables[table], 0));
}

int store_get(struct store_txn *txn, unsigned table, struct slice key,
	      struct slice *ret_value)
{
	MDB_val k = val_of(key), v;
	int rc;

	must(table < txn->store->n_tables);
	if (!is_ready(txn))
		return txn->error;
	rc = mdb_get(txn->txn, txn->store->tables[table], &k, &v);
	if (rc == MDB_NOTFOUND)
		return -ENOENT;
	txn->error = store_errno(rc);
	if (!rc)
		*ret_value = (struct slice){v.mv_data, v.mv_size};
	return txn->error;
}

static int scan_on(MDB_cursor *cursor, struct slice from, store_scan_fn *fn,
		   void *arg)
{
	MDB_val k = val_of(from), v;
	int rc = mdb_cursor_get(cursor, &k, &v,
				from.len ? MDB_SET_RANGE : MDB_FIRST);

	while (!rc) {
		int stop = fn(arg, (struct slice){k.mv_data, k.mv_size},
			      (struct slice){v.mv_data, v.mv_size});

		if (stop)
			return stop;
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	return rc == MDB_NOTFOUND ? 0 : store_errno(rc);
}

int store_scan(struct store_txn *txn, unsigned table, struct slice from,
	       store_scan_fn *fn, void *arg)
{
	MDB_cursor *cursor;
	int rc;

	must(table < txn->store->n_tables);
	if (!is_ready(txn))
		return txn->error;
	rc = mdb_cursor_open(txn->txn, txn->store->tables[table], &cursor);
	if (rc) {
		txn->error = store_errno(rc);
		return txn->error;
	}
	rc = scan_on(cursor, from, fn, arg);
	mdb_cursor_close(cursor);
	return rc;
}

int store_ends(struct store_txn *txn, unsigned table, struct slice *ret_first,
	       struct slice *ret_last)
{
	MDB_val first, last, v;
	MDB_cursor *cursor;
	int rc;

	must(table < txn->store->n_tables);
	if (!is_ready(txn))
		return txn->error;
	rc = mdb_cursor_open(txn->txn, txn->store->tables[table], &cursor);
	if (rc)
		return store_errno(rc);
	rc = mdb_cursor_get(cursor, &first, &v, MDB_FIRST);
	if (!rc)
		rc = mdb_cursor_get(cursor, &last, &v, MDB_LAST);
	mdb_cursor_close(cursor);
	if (rc)
		return store_errno(rc);
	*ret_first = (struct slice){first.mv_data, first.mv_size};
	*ret_last = (struct slice){last.mv_data, last.mv_size};
	return 0;
}
