/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool's record format (shm/version.h): decided by the master, told on the
 * steering page.
 */
#ifndef MASTER_FORMAT_H
#define MASTER_FORMAT_H

#include "master/master.h"

/* After anything in the life of a process: the lowest format of the processes
 * alive.  Down at once; up when every wanted worker is there, since one that
 * is not may be of the older release and come back. */
void format_review(struct master *m);

#endif
