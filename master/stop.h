/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of the pool.
 */
#ifndef MASTER_STOP_H
#define MASTER_STOP_H

#include "master/master.h"

enum stop_order {
	STOP_GRACEFULLY, /* when the last call has ended, or graceful_timeout */
	STOP_AT_ONCE,
	STOP_WITH_BYE /* every call is ended on both sides first */
};

/* A stop that is under way can only become quicker. */
void stop_begin(struct master *m, enum stop_order order);
/* Once a turn: is the next phase due? */
void stop_review(struct master *m, uint64_t now_us);

#endif
