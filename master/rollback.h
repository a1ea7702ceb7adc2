/* SPDX-License-Identifier: Apache-2.0
 *
 * The timed roll-back of `reload --confirm`.
 */
#ifndef MASTER_ROLLBACK_H
#define MASTER_ROLLBACK_H

#include "master/master.h"

/* The configuration in force comes back in within_us unless rollback_keep is
 * called; one that is to come back already still does, at the new time.  To be
 * called before the new one is put in force.  0, or -errno with a sentence in
 * `why` (SOCKETS_WHY_MAX). */
int rollback_arm(struct master *m, uint64_t within_us, char *why);
bool rollback_is_pending(const struct master *m);
/* What is in force stays. */
void rollback_forget(struct master *m);
/* Back at once.  0, or -errno with a sentence in `why`: it is still due. */
int rollback_run(struct master *m, char *why);
/* When its time has come, back.  Returns the earlier of until_us and that. */
uint64_t rollback_review(struct master *m, uint64_t now_us, uint64_t until_us);
/* At the start, once the state is open: what a master that died left.  A file
 * that was rolled back is not put in force again until it was changed. */
int rollback_recover(struct master *m);

#endif
