/* SPDX-License-Identifier: Apache-2.0
 *
 * LMDB behind typed tables.  Used by books (signalling workers write), the
 * pool's and health's tables, and by every reader of them.  The rules that
 * lmdb.h's caveats ask for are kept here and nowhere else: one open per
 * environment and process, none across a fork, no close that would destroy the
 * shared mutex, the file allocated before it is mapped.
 * Trap: an environment that was forgotten stays open in this process; a
 * second mdb_env_open would reset the lock file under the feet of others.
 */
#include "shm/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

/* The same for all who open an environment: lmdb.h forbids a mixture.
 * WRITEMAP: doc/decisions/0001-writemap.md.  NOTLS: readers are bound to their
 * transaction, so that the owner may read while it writes. */
#define STORE_FLAGS                                                            \
	(MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_NOTLS | MDB_NORDAHEAD)
#define STORE_READERS  512
#define STORE_SPARE    (1u << 20) /* lock file and the like */
#define STORE_PATH_MAX 4096
#define OPEN_RETRIES   10
#define OPEN_RETRY_US  1000

struct store {
	struct store *next; /* all that this process has open */
	dev_t dev;
	ino_t ino;
	MDB_env *env;
	MDB_dbi tables[STORE_TABLES_MAX];
	unsigned n_tables;
	enum store_mode mode;  /* what its user may do */
	bool is_env_read_only; /* what the environment may do */
	bool is_parked;	       /* forgotten: to be taken up again */
	bool is_reader_busy;
	MDB_txn *reader; /* kept and renewed */
	unsigned forks;	 /* of this process when it was opened */
	int error;	 /* the map was lost: nothing works any more */
};

static struct store *stores;
static unsigned forks;

/* ---- errors ------------------------------------------------------------- */

static int store_errno(int rc)
{
	static const struct {
		int mdb, error;
	} rows[] = {
		{MDB_NOTFOUND, -ENOENT},    {MDB_MAP_FULL, -ENOSPC},
		{MDB_TXN_FULL, -ENOSPC},    {MDB_CURSOR_FULL, -ENOSPC},
		{MDB_PAGE_FULL, -ENOSPC},   {MDB_READERS_FULL, -EAGAIN},
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

/* ---- this process's environments ---------------------------------------- */

static void count_fork(void)
{
	forks++;
}

static void watch_forks(void)
{
	static bool is_watching;

	if (!is_watching)
		must(pthread_atfork(NULL, NULL, count_fork) == 0);
	is_watching = true;
}

static struct store *store_of_folder(const struct stat *folder)
{
	for (struct store *store = stores; store; store = store->next)
		if (store->forks == forks && store->dev == folder->st_dev &&
		    store->ino == folder->st_ino)
			return store;
	return NULL;
}

static void store_unlink(struct store *store)
{
	struct store **at = &stores;

	while (*at && *at != store)
		at = &(*at)->next;
	if (*at)
		*at = store->next;
}

static struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	store_unlink(store);
	if (store->reader)
		mdb_txn_abort(store->reader);
	if (store->env)
		mdb_env_close(store->env);
	free(store);
	return NULL;
}

/* ITS#9278: 0.9.26 to 0.9.31 destroy the shared mutex at close. */
static bool is_close_safe(void)
{
	int major, minor, patch;

	mdb_version(&major, &minor, &patch);
	return major != 0 || minor != 9 || patch < 26 || patch > 31;
}

/* ---- opening ------------------------------------------------------------ */

/* Would the file system hold the whole map?  What the data file has already
 * counts.  tmpfs without a limit says 0 blocks. */
static int check_room(int dir_fd, const char *dir, size_t map_size)
{
	struct statvfs vfs;
	struct stat data;
	uint64_t has = 0, room;

	if (statvfs(dir, &vfs) < 0)
		return -errno;
	if (vfs.f_blocks == 0)
		return 0;
	if (fstatat(dir_fd, "data.mdb", &data, 0) == 0)
		has = (uint64_t)data.st_blocks * 512;
	room = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return has < map_size && map_size - has + STORE_SPARE > room ? -ENOSPC
								     : 0;
}

/* Allocates the file up to the map's end: with WRITEMAP a hole that the file
 * system cannot fill would be a SIGBUS. */
static int allocate(struct store *store, size_t size)
{
	int fd;
	int rc = mdb_env_get_fd(store->env, &fd);

	if (rc)
		return store_errno(rc);
	do
		rc = posix_fallocate(fd, 0, (off_t)size);
	while (rc == EINTR);
	return -rc;
}

static int open_tables(struct store *store, const char *const *names,
		       unsigned txn_flags, unsigned dbi_flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, txn_flags, &txn);
	unsigned n = 0;

	if (rc)
		return store_errno(rc);
	for (; !rc && names[n]; n++) {
		must(n < STORE_TABLES_MAX);
		rc = mdb_dbi_open(txn, names[n], dbi_flags, &store->tables[n]);
	}
	if (rc) {
		mdb_txn_abort(txn);
		return store_errno(rc);
	}
	store->n_tables = n;
	return store_errno(mdb_txn_commit(txn));
}

/* A writer makes the tables that are not there yet, and takes the write lock
 * only then. */
static int find_tables(struct store *store, const char *const *names)
{
	int rc = open_tables(store, names, MDB_RDONLY, 0);

	if (rc == -ENOENT && store->mode == STORE_WRITE)
		rc = open_tables(store, names, 0, MDB_CREATE);
	return rc;
}

static int make_env(struct store *store, const struct store_settings *settings)
{
	MDB_env *env;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int rc = mdb_env_create(&env);

	if (rc)
		return store_errno(rc);
	store->env = env;
	rc = mdb_env_set_maxreaders(env, STORE_READERS);
	if (!rc)
		rc = mdb_env_set_maxdbs(env, STORE_TABLES_MAX);
	if (!rc && store->mode == STORE_WRITE)
		rc = mdb_env_set_mapsize(env, (settings->map_size + page - 1) /
						      page * page);
	return store_errno(rc);
}

static int open_env(struct store *store, const struct store_settings *settings)
{
	unsigned flags = STORE_FLAGS;
	MDB_envinfo info;
	int rc = make_env(store, settings);

	/* Where closing is unsafe a reader could not become the writer later,
	 * so it opens as one and store->mode keeps it from writing. */
	store->is_env_read_only = store->mode == STORE_READ && is_close_safe();
	if (store->is_env_read_only)
		flags |= MDB_RDONLY;
	if (!rc)
		rc = store_errno(
			mdb_env_open(store->env, settings->dir, flags, 0600));
	if (!rc && store->mode == STORE_WRITE)
		rc = store_errno(mdb_env_info(store->env, &info));
	if (!rc && store->mode == STORE_WRITE)
		rc = allocate(store, info.me_mapsize);
	return rc ? rc : find_tables(store, settings->tables);
}

static int open_once(const struct store_settings *settings,
		     const struct stat *folder, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return -ENOMEM;
	store->dev = folder->st_dev;
	store->ino = folder->st_ino;
	store->mode = settings->mode;
	store->forks = forks;
	rc = open_env(store, settings);
	if (rc) {
		store_free(store);
		return rc;
	}
	store->next = stores;
	stores = store;
	*ret_store = store;
	return 0;
}

/* lmdb.h: opening can fail while another process opens or closes. */
static int open_patiently(const struct store_settings *settings,
			  const struct stat *folder, struct store **ret_store)
{
	int rc = -EAGAIN;

	for (int i = 0; i < OPEN_RETRIES; i++) {
		rc = open_once(settings, folder, ret_store);
		if (rc == 0 || rc == -ENOENT || rc == -ENOSPC || rc == -ENOMEM)
			return rc;
		usleep(OPEN_RETRY_US);
	}
	return rc;
}

/* Takes up a forgotten environment; one that was open for reading only is
 * closed, to be opened for writing (NULL). */
static struct store *take_up(struct store *parked, enum store_mode mode)
{
	must(parked->is_parked);
	if (mode == STORE_WRITE && parked->is_env_read_only)
		return store_free(parked);
	parked->is_parked = false;
	parked->mode = mode;
	return parked;
}

static int open_folder(int dir_fd, const struct store_settings *settings,
		       struct store **ret_store)
{
	struct store *store;
	struct stat folder;
	int rc = fstat(dir_fd, &folder) < 0 ? -errno : 0;

	if (rc)
		return rc;
	store = store_of_folder(&folder);
	if (store)
		*ret_store = take_up(store, settings->mode);
	if (*ret_store)
		return 0;
	if (settings->mode == STORE_READ)
		rc = faccessat(dir_fd, "data.mdb", R_OK, 0) < 0 ? -errno : 0;
	else
		rc = check_room(dir_fd, settings->dir, settings->map_size);
	return rc ? rc : open_patiently(settings, &folder, ret_store);
}

int store_open(const struct store_settings *settings, struct store **ret_store)
{
	struct store *store = NULL;
	int dir_fd, rc;

	watch_forks();
	if (settings->mode == STORE_WRITE && mkdir(settings->dir, 0700) < 0 &&
	    errno != EEXIST)
		return -errno;
	dir_fd = open(settings->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	rc = open_folder(dir_fd, settings, &store);
	close(dir_fd);
	if (!rc)
		*ret_store = store;
	return rc;
}

struct store *store_forget(struct store *store)
{
	if (store) {
		must(!store->is_reader_busy);
		if (store->reader) /* gives its slot in the lock file back */
			mdb_txn_abort(store->reader);
		store->reader = NULL;
		store->is_parked = true;
	}
	return NULL;
}

struct store *store_close(struct store *store)
{
	return store_free(store);
}

/* ---- the map ------------------------------------------------------------ */

int store_check_readers(struct store *store)
{
	int n_dead = 0;
	int rc = mdb_reader_check(store->env, &n_dead);

	return rc ? store_errno(rc) : n_dead;
}

int store_usage(struct store *store, uint64_t *ret_used, uint64_t *ret_size)
{
	MDB_envinfo info;
	MDB_stat stat;
	int rc = mdb_env_info(store->env, &info);

	if (!rc)
		rc = mdb_env_stat(store->env, &stat);
	if (rc)
		return store_errno(rc);
	*ret_used = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
	*ret_size = info.me_mapsize;
	return 0;
}

/* Maps again with this size; 0: what another process made it. */
static int remap(struct store *store, size_t size)
{
	int rc;

	if (store->is_reader_busy)
		return -EBUSY;
	if (store->reader)
		mdb_txn_abort(store->reader);
	store->reader = NULL;
	rc = mdb_env_set_mapsize(store->env, size);
	if (rc) /* the old map is gone */
		store->error = store_errno(rc);
	return store->error;
}

int store_grow(struct store *store)
{
	uint64_t used, size;
	struct statvfs vfs;
	int fd;
	int rc = store_usage(store, &used, &size);

	must(store->mode == STORE_WRITE);
	if (!rc)
		rc = store_errno(mdb_env_get_fd(store->env, &fd));
	if (!rc && fstatvfs(fd, &vfs) < 0)
		rc = -errno;
	if (rc)
		return rc;
	if (vfs.f_blocks &&
	    size + STORE_SPARE > (uint64_t)vfs.f_bavail * vfs.f_frsize)
		return -ENOSPC;
	rc = allocate(store, size * 2);
	return rc ? rc : remap(store, size * 2);
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
		return remap(store, 0) ? rc : 0;
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
	must(store->forks == forks && !store->is_parked);
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
