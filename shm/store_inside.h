/* SPDX-License-Identifier: Apache-2.0
 *
 * What store.c (transactions) and store_open.c (environments and their maps)
 * share.  Private to them: the only files that know LMDB.
 */
#ifndef SHM_STORE_INSIDE_H
#define SHM_STORE_INSIDE_H

#include <lmdb.h>
#include <sys/stat.h>

#include "shm/store.h"

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
	MDB_txn *reader;	 /* kept and renewed */
	unsigned forks;		 /* of this process when it was opened */
	int error;		 /* the map was lost: nothing works any more */
	uint64_t grown, grow_to; /* bytes of the file while it grows, else 0 */
};

/* Forks of this process since its first store_open: an environment must not
 * cross one. */
extern unsigned store_forks;

/* A foreign code as 0 or -errno. */
int store_errno(int rc);
/* Maps again with this size; 0: what another process made it.  -EBUSY while a
 * snapshot is open. */
int store_remap(struct store *store, size_t size);

#endif
