/* SPDX-License-Identifier: Apache-2.0
 *
 * state/pool and state/health.  The master writes the pool's rows, the prober
 * those of health; every process reads both.  Each put is a transaction of its
 * own: they are few.  Trap: a reader that becomes the prober forgets its table
 * and opens it again as writer (store.h: one open per folder and process).
 */
#include "shm/pool_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "shm/page.h"
#include "shm/record.h"
#include "shm/version.h"

#define TABLE_MAP_SIZE (4u << 20) /* thousands of rows */

enum pool_tables {
	POOL_SLOT,
	POOL_ADMIN,
	POOL_POOL
};
static const char *const pool_tables[] = {"slot", "admin", "pool", NULL};
static const char *const health_tables[] = {"health", NULL};
static const struct slice head_key = {"head", 4};

/* Both are a store and nothing else. */
struct pool_table {
	struct store *store;
};
struct health_table {
	struct store *store;
};

static int table_open(const char *run_dir, const char *folder, bool is_writer,
		      const char *const *tables, struct store **ret_store)
{
	char dir[PAGE_PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%s/state/%s", run_dir, folder);
	struct store_settings settings = {
		.dir = dir,
		.mode = is_writer ? STORE_WRITE : STORE_READ,
		.map_size = TABLE_MAP_SIZE,
		.tables = tables,
	};
	int rc = 0;

	if (n < 0 || n >= PAGE_PATH_MAX)
		return -ENAMETOOLONG;
	if (is_writer)
		rc = page_make_folder(run_dir, folder);
	return rc ? rc : store_open(&settings, ret_store);
}

static int put(struct store *store, unsigned table, struct slice key,
	       const void *record, size_t size)
{
	struct store_txn txn;

	const struct record_head *head = record;
	struct slice value = {record, size};

	store_begin(store, STORE_WRITE, &txn);
	store_put(&txn, table, key, record_to_store(head->kind, value));
	return store_commit(&txn);
}

/* The plain record of this kind, checked and copied. */
static int get(struct store *store, unsigned table, struct slice key,
	       enum record_kind kind, void *ret_record, size_t size)
{
	struct store_txn txn;
	struct slice value;
	int rc;

	store_begin(store, STORE_READ, &txn);
	rc = store_get(&txn, table, key, &value);
	if (!rc) {
		value = record_from_store(kind, value);
		rc = record_check(value, kind, size, NULL, 0);
	}
	if (!rc && value.len != size)
		rc = -EPROTO;
	if (!rc)
		memcpy(ret_record, value.ptr, size);
	store_commit(&txn);
	return rc;
}

/* Writers give a record's head themselves or not: it is set here. */
static struct record_head head_of(enum record_kind kind, size_t size)
{
	return (struct record_head){record_row(kind)->version, (uint16_t)kind,
				    (uint32_t)size};
}

static bool is_key(struct slice name)
{
	return name.len > 0 && name.len < PEER_NAME_MAX;
}

/* ---- pool --------------------------------------------------------------- */

int pool_table_open(const char *run_dir, bool is_writer,
		    struct pool_table **ret_table)
{
	struct pool_table *table = calloc(1, sizeof(*table));
	int rc = table ? table_open(run_dir, "pool", is_writer, pool_tables,
				    &table->store)
		       : -ENOMEM;

	if (rc)
		free(table);
	else
		*ret_table = table;
	return rc;
}

struct pool_table *pool_table_forget(struct pool_table *table)
{
	if (table)
		store_forget(table->store);
	free(table);
	return NULL;
}

int pool_table_check_readers(struct pool_table *table)
{
	return store_check_readers(table->store);
}

int pool_table_put_pool(struct pool_table *table,
			const struct pool_record *pool)
{
	struct pool_record record = *pool;

	record.head = head_of(RECORD_POOL, sizeof(record));
	return put(table->store, POOL_POOL, head_key, &record, sizeof(record));
}

int pool_table_get_pool(struct pool_table *table, struct pool_record *ret_pool)
{
	return get(table->store, POOL_POOL, head_key, RECORD_POOL, ret_pool,
		   sizeof(*ret_pool));
}

/* Signalling sorts before media, then by index. */
static struct slice slot_key(const struct slot_id *slot)
{
	_Static_assert(sizeof(*slot) == 2, "a key of two bytes");
	return (struct slice){(const char *)slot, sizeof(*slot)};
}

int pool_table_put_slot(struct pool_table *table,
			const struct slot_record *slot)
{
	struct slot_record record = *slot;

	record.head = head_of(RECORD_SLOT, sizeof(record));
	return put(table->store, POOL_SLOT, slot_key(&slot->slot), &record,
		   sizeof(record));
}

int pool_table_get_slot(struct pool_table *table, struct slot_id slot,
			struct slot_record *ret_slot)
{
	return get(table->store, POOL_SLOT, slot_key(&slot), RECORD_SLOT,
		   ret_slot, sizeof(*ret_slot));
}

struct slot_list {
	struct slot_record *slots;
	unsigned n, max;
};

static int list_slot(void *arg, struct slice key, struct slice value)
{
	struct slot_list *list = arg;
	struct slot_record *slot = &list->slots[list->n];

	(void)key;
	if (list->n == list->max)
		return 1;
	value = record_from_store(RECORD_SLOT, value);
	if (value.len != sizeof(*slot) ||
	    record_check(value, RECORD_SLOT, sizeof(*slot), NULL, 0) < 0)
		return 0;
	memcpy(slot, value.ptr, sizeof(*slot));
	list->n++;
	return 0;
}

int pool_table_slots(struct pool_table *table, struct slot_record *ret_slots,
		     unsigned max)
{
	struct slot_list list = {ret_slots, 0, max};
	struct store_txn txn;
	int rc;

	store_begin(table->store, STORE_READ, &txn);
	rc = store_scan(&txn, POOL_SLOT, SLICE_NONE, list_slot, &list);
	store_commit(&txn);
	return rc < 0 ? rc : (int)list.n;
}

int pool_table_put_admin(struct pool_table *table, struct slice name,
			 uint32_t flags)
{
	struct admin_record record = {
		.head = head_of(RECORD_ADMIN, sizeof(record)),
		.flags = flags,
		.since_wall_us = clock_wall_us(),
	};

	if (!is_key(name))
		return -EINVAL;
	return put(table->store, POOL_ADMIN, name, &record, sizeof(record));
}

int pool_table_get_admin(struct pool_table *table, struct slice name,
			 struct admin_record *ret_admin)
{
	if (!is_key(name))
		return -EINVAL;
	return get(table->store, POOL_ADMIN, name, RECORD_ADMIN, ret_admin,
		   sizeof(*ret_admin));
}

uint32_t pool_table_admin(struct pool_table *table, struct slice name)
{
	struct admin_record record;

	return pool_table_get_admin(table, name, &record) ? 0 : record.flags;
}

/* ---- health ------------------------------------------------------------- */

int health_table_open(const char *run_dir, bool is_writer,
		      struct health_table **ret_table)
{
	struct health_table *table = calloc(1, sizeof(*table));
	int rc = table ? table_open(run_dir, "health", is_writer, health_tables,
				    &table->store)
		       : -ENOMEM;

	if (rc)
		free(table);
	else
		*ret_table = table;
	return rc;
}

struct health_table *health_table_forget(struct health_table *table)
{
	if (table)
		store_forget(table->store);
	free(table);
	return NULL;
}

int health_table_check_readers(struct health_table *table)
{
	return store_check_readers(table->store);
}

int health_table_put(struct health_table *table, struct slice peer,
		     const struct health_record *health)
{
	struct health_record record = *health;

	if (!is_key(peer))
		return -EINVAL;
	record.head = head_of(RECORD_HEALTH, sizeof(record));
	return put(table->store, 0, peer, &record, sizeof(record));
}

int health_table_get(struct health_table *table, struct slice peer,
		     struct health_record *ret_health)
{
	if (!is_key(peer))
		return -EINVAL;
	return get(table->store, 0, peer, RECORD_HEALTH, ret_health,
		   sizeof(*ret_health));
}
