/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks.  Deadlines are CLOCK_BOOTTIME microseconds: equal in all processes
 * of one boot, so that an heir can read another's deadlines.  Wall time stands
 * only in call records and displays.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define USEC_PER_MSEC 1000ull
#define USEC_PER_SEC  1000000ull

uint64_t clock_boot_us(void);
uint64_t clock_wall_us(void);
/* The kernel's boot id (36 characters and NUL); -errno. */
int clock_boot_id(char ret_id[37]);
/* RFC 3339 UTC with milliseconds, "2026-11-22T22:31:26.123Z"; buf of 32. */
const char *clock_wall_text(uint64_t wall_us, char *buf);

#endif
