/* SPDX-License-Identifier: Apache-2.0
 *
 * The log at USR1, where standard error is a file.
 */
#ifndef MASTER_LOGFILE_H
#define MASTER_LOGFILE_H

#include "master/master.h"

/* Before anybody can have renamed it: which file it is. */
void logfile_remember(void);
/* Begins a file of that name anew (whoever rotates has renamed the old one),
 * for the master and all of its children; nothing where the log is no file. */
void logfile_reopen(struct master *m);

#endif
