/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening LMDB environments, and the size of their maps.  The rules that
 * lmdb.h's caveats ask for are kept here and nowhere else: one open per
 * environment and process, none across a fork, no close that would destroy the
 * shared mutex, the file allocated before it is mapped.
 * Trap: an environment that was forgotten stays open in this process; a
 * second mdb_env_open would reset the lock file under the feet of others.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "shm/store_inside.h"

/* The same for all who open an environment: lmdb.h forbids a mixture.
 * WRITEMAP: doc/decisions/0001-writemap.md.  NOTLS: readers are bound to their
 * transaction, so that the owner may read while it writes. */
#define STORE_FLAGS                                                            \
	(MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_NOTLS | MDB_NORDAHEAD)
#define STORE_READERS 512
#define STORE_SPARE   (1u << 20) /* lock file and the like */
#define OPEN_RETRIES  10
#define OPEN_RETRY_US 1000

static struct store *stores;
unsigned store_forks;

/* ---- this process's environments ---------------------------------------- */

static void count_fork(void)
{
	store_forks++;
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
		if (store->forks == store_forks &&
		    store->dev == folder->st_dev &&
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

static int take_blocks(int fd, uint64_t from, uint64_t len)
{
	int rc;

	do
		rc = posix_fallocate(fd, (off_t)from, (off_t)len);
	while (rc == EINTR);
	return -rc;
}

/* Allocates the file up to the map's end: with WRITEMAP a hole that the file
 * system cannot fill would be a SIGBUS.  A successor finds it done. */
static int allocate(struct store *store, size_t size)
{
	struct stat data;
	int fd;
	int rc = mdb_env_get_fd(store->env, &fd);

	if (rc)
		return store_errno(rc);
	if (fstat(fd, &data) < 0)
		return -errno;
	if ((size_t)data.st_size >= size &&
	    (uint64_t)data.st_blocks * 512 >= size)
		return 0;
	return take_blocks(fd, 0, size);
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

/* As long as a predecessor has made the file: else LMDB would cut it to what
 * is used, and the next commit found it full. */
static size_t map_size(const struct store_settings *settings)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = settings->map_size;
	char path[4096];
	struct stat data;

	snprintf(path, sizeof(path), "%s/data.mdb", settings->dir);
	if (stat(path, &data) == 0 && (size_t)data.st_size > size)
		size = (size_t)data.st_size;
	return (size + page - 1) / page * page;
}

static int make_env(struct store *store, const struct store_settings *settings)
{
	MDB_env *env;
	int rc = mdb_env_create(&env);

	if (rc)
		return store_errno(rc);
	store->env = env;
	rc = mdb_env_set_maxreaders(env, STORE_READERS);
	if (!rc)
		rc = mdb_env_set_maxdbs(env, STORE_TABLES_MAX);
	if (!rc && store->mode == STORE_WRITE)
		rc = mdb_env_set_mapsize(env, map_size(settings));
	return store_errno(rc);
}

static int open_env(struct store *store, const struct store_settings *settings)
{
	unsigned flags = STORE_FLAGS;
	MDB_envinfo info;
	int rc = make_env(store, settings);

	/* Where closing is unsafe a reader could not become the writer later,
	 * so it opens as one and store->mode keeps it from writing; without
	 * WRITEMAP, by which LMDB would cut the file to the map it finds. */
	store->is_env_read_only = store->mode == STORE_READ && is_close_safe();
	if (store->is_env_read_only)
		flags |= MDB_RDONLY;
	else if (store->mode == STORE_READ)
		flags &= ~(unsigned)MDB_WRITEMAP;
	if (!rc)
		rc = store_errno(
			mdb_env_open(store->env, settings->dir, flags, 0600));
	if (!rc && store->mode == STORE_WRITE)
		rc = store_errno(mdb_env_info(store->env, &info));
	if (!rc && store->mode == STORE_WRITE)
		rc = allocate(store, info.me_mapsize);
	if (rc)
		return rc;
	store_check_readers(store); /* the dead may fill the table */
	return find_tables(store, settings->tables);
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
	store->forks = store_forks;
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

int store_remap(struct store *store, size_t size)
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

/* Fails at once where the file system cannot hold it. */
static int begin_growing(struct store *store, int fd, uint64_t size)
{
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) < 0)
		return -errno;
	if (vfs.f_blocks &&
	    size + STORE_SPARE > (uint64_t)vfs.f_bavail * vfs.f_frsize)
		return -ENOSPC;
	store->grown = size;
	store->grow_to = size * 2;
	return 0;
}

static int take_step(struct store *store, int fd, uint64_t size, size_t step)
{
	uint64_t left;
	int rc = 0;

	if (store->grow_to != size * 2) /* not begun, or grown by another */
		rc = begin_growing(store, fd, size);
	if (rc)
		return rc;
	left = store->grow_to - store->grown;
	if (step > left)
		step = left;
	rc = take_blocks(fd, store->grown, step);
	if (rc) { /* what it took beyond the map goes back */
		store->grow_to = 0;
		return ftruncate(fd, (off_t)size) < 0 ? -errno : rc;
	}
	store->grown += step;
	return store->grown < store->grow_to;
}

int store_grow_step(struct store *store, size_t step)
{
	uint64_t used, size, grow_to;
	int fd;
	int rc = store_usage(store, &used, &size);

	must(store->mode == STORE_WRITE);
	if (!rc)
		rc = store_errno(mdb_env_get_fd(store->env, &fd));
	if (!rc)
		rc = take_step(store, fd, size, step);
	if (rc)
		return rc;
	grow_to = store->grow_to;
	store->grow_to = 0;
	return store_remap(store, grow_to);
}

int store_extend(struct store *store, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t used, size;
	int fd;
	int rc = store_usage(store, &used, &size);

	must(store->mode == STORE_WRITE);
	bytes = (bytes + page - 1) / page * page;
	if (!rc)
		rc = store_errno(mdb_env_get_fd(store->env, &fd));
	if (!rc)
		rc = take_blocks(fd, size, bytes);
	store->grow_to = 0; /* what was growing begins again */
	return rc ? rc : store_remap(store, size + bytes);
}

/* ---- room --------------------------------------------------------------- */

/* A line of LMDB's: pid, thread, transaction or "-". */
static int note_reader(const char *line, void *arg)
{
	uint64_t *oldest = arg;
	unsigned long long txn;

	if (sscanf(line, "%*d %*s %llu", &txn) == 1 && txn < *oldest)
		*oldest = txn;
	return 0;
}

/* Table 0 is LMDB's own: transaction -> number of pages, pages; those of
 * transactions before the oldest snapshot can be used again. */
static uint64_t count_free(MDB_txn *txn, uint64_t oldest)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint64_t pages = 0;

	if (mdb_cursor_open(txn, 0, &cursor))
		return 0;
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		size_t id, n;

		memcpy(&id, key.mv_data, sizeof(id));
		if (id >= oldest)
			break;
		memcpy(&n, value.mv_data, sizeof(n));
		pages += n;
	}
	mdb_cursor_close(cursor);
	return pages;
}

int store_room(struct store *store, uint64_t *ret_bytes)
{
	uint64_t oldest = UINT64_MAX, used, size, free_pages;
	struct store_txn txn;
	MDB_stat stat;
	int rc = store_usage(store, &used, &size);

	if (!rc)
		rc = store_errno(mdb_env_stat(store->env, &stat));
	if (rc)
		return rc;
	mdb_reader_list(store->env, note_reader, &oldest);
	store_begin(store, STORE_READ, &txn);
	if (txn.error)
		return txn.error;
	free_pages = count_free(txn.txn, oldest);
	store_commit(&txn);
	*ret_bytes =
		(size > used ? size - used : 0) + free_pages * stat.ms_psize;
	return 0;
}

int store_grow(struct store *store)
{
	int rc;

	do
		rc = store_grow_step(store, SIZE_MAX);
	while (rc > 0);
	return rc;
}
