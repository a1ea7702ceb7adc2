/* SPDX-License-Identifier: Apache-2.0
 *
 * Who reads a store: LMDB keeps a table of readers, and every page that the
 * oldest of them may still look at.  The master clears the dead, mspoolctl
 * doctor names those that stand still.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "shm/store_inside.h"

int store_check_readers(struct store *store)
{
	int n_dead = 0;
	int rc = mdb_reader_check(store->env, &n_dead);

	return rc ? store_errno(rc) : n_dead;
}

struct oldest {
	int32_t pid;
	uint64_t txn;
};

/* LMDB tells readers as lines of text only: "pid thread txn", txn "-" when it
 * has no snapshot, and a head line. */
static int see_line(const char *line, void *arg)
{
	struct oldest *oldest = arg;
	uint64_t txn;
	int32_t pid;

	if (sscanf(line, "%" SCNd32 " %*x %" SCNu64, &pid, &txn) == 2 &&
	    pid != getpid() && txn < oldest->txn)
		*oldest = (struct oldest){pid, txn};
	return 0;
}

int store_oldest_reader(struct store *store, int32_t *ret_pid,
			uint64_t *ret_behind)
{
	struct oldest oldest = {0, UINT64_MAX};
	MDB_envinfo info;
	int rc = mdb_reader_list(store->env, see_line, &oldest);

	if (rc < 0)
		return -EIO;
	rc = mdb_env_info(store->env, &info);
	if (rc)
		return store_errno(rc);
	if (oldest.txn == UINT64_MAX)
		return -ENOENT;
	*ret_pid = oldest.pid;
	*ret_behind = info.me_last_txnid > oldest.txn
			      ? info.me_last_txnid - oldest.txn
			      : 0;
	return 0;
}
