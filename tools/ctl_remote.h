/* SPDX-License-Identifier: Apache-2.0
 *
 * The client of the observer's socket: a looking verb for somebody who may not
 * open the state himself.
 */
#ifndef TOOLS_CTL_REMOTE_H
#define TOOLS_CTL_REMOTE_H

#include <stddef.h>

#include "tools/ctl.h"

/* May the state not be read by us? */
bool ctl_state_is_closed(const struct ctl *ctl);
/* The same, and is the verb one that reads it? */
bool ctl_remote_is_needed(const struct ctl *ctl);
/* Runs ctl->verb in the observer, with the words of main's argv (without its
 * name); prints its output; the exit code. */
int ctl_remote_run(struct ctl *ctl);

#endif
