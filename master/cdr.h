/* SPDX-License-Identifier: Apache-2.0
 *
 * The process that writes call records, mspool-cdr: one while the
 * configuration names a folder for them.
 */
#ifndef MASTER_CDR_H
#define MASTER_CDR_H

#include "master/master.h"

/* Makes the page that workers and mspoolctl read; before any child starts. */
int cdr_prepare(struct master *m);
void cdr_forget(struct master *m);
/* Starts it, ends it, or sends it the new configuration in force. */
void cdr_apply(struct master *m);
/* Starts it when that is due, kills it when it hangs; returns when to look
 * again, at most until_us. */
uint64_t cdr_expire(struct master *m, uint64_t now_us, uint64_t until_us);
/* USR1: it begins a new file. */
void cdr_reopen(struct master *m);
/* LOG_FILE, as all other children get it. */
void cdr_send_log(struct master *m, int fd);
/* At the end of a stop, when no worker is left that could make a record: tells
 * it to write what waits and to end.  True when it is gone. */
bool cdr_end(struct master *m, uint64_t now_us);

#endif
