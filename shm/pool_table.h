/* SPDX-License-Identifier: Apache-2.0
 *
 * state/pool (written by the master) and state/health (written by the prober).
 */
#ifndef SHM_POOL_TABLE_H
#define SHM_POOL_TABLE_H

#include "shm/store.h"

struct pool_table;

/* is_writer: the master.  Others read.  Puts set the record's head. */
int pool_table_open(const char *run_dir, bool is_writer,
		    struct pool_table **ret_table);
struct pool_table *pool_table_forget(struct pool_table *table);
/* Clears readers that died (the master does, at every death); their number. */
int pool_table_check_readers(struct pool_table *table);
int pool_table_put_pool(struct pool_table *table,
			const struct pool_record *pool);
int pool_table_get_pool(struct pool_table *table, struct pool_record *ret_pool);
int pool_table_put_slot(struct pool_table *table,
			const struct slot_record *slot);
int pool_table_get_slot(struct pool_table *table, struct slot_id slot,
			struct slot_record *ret_slot);
/* Fills at most max rows in slot order (signalling, then media); number. */
int pool_table_slots(struct pool_table *table, struct slot_record *ret_slots,
		     unsigned max);
int pool_table_put_admin(struct pool_table *table, struct slice name,
			 uint32_t flags);
/* 0 flags when there is no row. */
uint32_t pool_table_admin(struct pool_table *table, struct slice name);
/* With the time of the last change; -ENOENT. */
int pool_table_get_admin(struct pool_table *table, struct slice name,
			 struct admin_record *ret_admin);

struct health_table;

int health_table_open(const char *run_dir, bool is_writer,
		      struct health_table **ret_table);
struct health_table *health_table_forget(struct health_table *table);
int health_table_check_readers(struct health_table *table);
int health_table_put(struct health_table *table, struct slice peer,
		     const struct health_record *health);
int health_table_get(struct health_table *table, struct slice peer,
		     struct health_record *ret_health);

#endif
