/* SPDX-License-Identifier: Apache-2.0
 *
 * What /proc says of a worker.
 */
#ifndef TOOLS_CTL_PROCESS_H
#define TOOLS_CTL_PROCESS_H

#include <stdint.h>

/* CPU time so far; -errno. */
int ctl_process_cpu_ns(int32_t pid, uint64_t *ret_ns);
/* Resident memory; -errno. */
int ctl_process_rss(int32_t pid, uint64_t *ret_bytes);

#endif
