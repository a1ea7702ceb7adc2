/* SPDX-License-Identifier: Apache-2.0
 *
 * The rings between slots, made here before the slots start.
 */
#ifndef MASTER_RINGS_H
#define MASTER_RINGS_H

#include "master/master.h"

/* Makes the rings between this slot and every known one; what is there stays
 * with its positions.  0/-errno. */
int rings_create(struct master *m, const struct slot *slot);

#endif
