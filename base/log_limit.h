/* SPDX-License-Identifier: Apache-2.0
 *
 * How often an event may be told; for base/log.c alone.
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_BURST	   100 /* lines of one event at once */
#define LOG_LIMIT_PER_S	   20  /* and then in each second */
#define LOG_LIMIT_EVENTS   32  /* told apart; the others share a limit */
#define LOG_LIMIT_NAME_MAX 32

/* May it be told now?  If so, *ret_held is how many of it were not, since the
 * last that was. */
bool log_limit_pass(const char *event, uint64_t now_us, uint64_t *ret_held);

#endif
