/* SPDX-License-Identifier: Apache-2.0
 *
 * Helper programs: children that serve no book and carry no call, one process
 * of each at most, and none of them in `mspoolctl workers`.
 */
#ifndef MASTER_HELPERS_H
#define MASTER_HELPERS_H

#include "master/master.h"

struct helper;

/* The table of them, none started.  0/-errno. */
int helpers_prepare(struct master *m);
void helpers_forget(struct master *m);
/* What the configuration in force wants is started, or sent that
 * configuration; what it does not want is told to end. */
void helpers_apply(struct master *m);
/* Starts what is due, kills what hangs; returns when to look again, at most
 * until_us. */
uint64_t helpers_expire(struct master *m, uint64_t now_us, uint64_t until_us);
/* They end with their channels, when the program that replaces this one runs:
 * that one reaps what is left of them. */
void helpers_hand_over(struct master *m, hand_fn *hand, void *arg);
void helpers_take(struct master *m);
/* USR1: who writes files begins new ones. */
void helpers_reopen(struct master *m);
/* LOG_FILE, as all other children get it. */
void helpers_send_log(struct master *m, int fd);
/* At the end of a stop, when no worker is left: tells them to finish and to
 * end.  True when all are gone. */
bool helpers_end(struct master *m, uint64_t now_us);

#endif
