/* SPDX-License-Identifier: Apache-2.0
 *
 * How many workers there are.
 */
#ifndef MASTER_SCALE_H
#define MASTER_SCALE_H

#include "master/master.h"

/* Everything that can fail: sockets under this configuration for every book
 * up to n_signalling and those known, and what new slots need.  -errno with
 * the reason in `why` (SOCKETS_WHY_MAX); what was bound is undone. */
int scale_prepare(struct master *m, const struct config *config,
		  unsigned n_signalling, unsigned n_media, char *why);
/* So many are wanted; nothing happens yet. */
void scale_want(struct master *m, unsigned n_signalling, unsigned n_media);
/* After scale_prepare: these are wanted now.  Processes come and go. */
void scale_apply(struct master *m, unsigned n_signalling, unsigned n_media);

#endif
