/* SPDX-License-Identifier: Apache-2.0
 *
 * Is the state in the run folder of this boot of the host?
 */
#ifndef MASTER_BOOT_H
#define MASTER_BOOT_H

#include <stdbool.h>

/* Deletes RUN/state if an earlier boot left it, and notes this boot in
 * RUN/boot.  The run folder must be locked by us.  *ret_is_cleared: something
 * was deleted.  0 or -errno. */
int boot_begin(const char *run_dir, bool *ret_is_cleared);

#endif
