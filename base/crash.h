/* SPDX-License-Identifier: Apache-2.0
 *
 * Places where a test build (--enable-crash-points) kills the process with
 * SIGKILL: rows of base/crash_points.def.  A release holds none of it.
 *
 * By name:
 *
 *   MSPOOL_CRASH=point[:n[:STOP]] MSPOOL_CRASH_SLOT=ms1 mspoold …
 *
 * ends slot ms1 at its n-th passage (from 1) of the point, once: a marker
 * RUN/crashed-ms1-point lets the successor live.  With STOP it is SIGSTOP: the
 * process hangs there, with whatever lock it holds.
 *
 * By number (tests/crash):
 *
 *   MSPOOL_CRASH=numbered mspoold …
 *
 * numbers the passages of all points together, from the moment on when the
 * file RUN/crash-SLOT is there.  It holds a number for each life of the slot,
 * "37 5": the first life ends at its 37th passage, the second at its 5th; 0
 * or none: it lives.  RUN/passages-SLOT tells what was passed, in lines of
 * "life number point", number 0 before the file was there.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef CRASH_POINTS

#include <stdbool.h>

enum crash_point {
#define CRASH_POINT(name, help) CRASH_##name,
#include "base/crash_points.def"
#undef CRASH_POINT
	N_CRASH_POINTS
};

#define CRASH_POINT(name) crash_pass(CRASH_##name)

/* Called by child_start: reads the environment.  Both texts must last. */
void crash_start(const char *slot, const char *run_dir);
/* Message TEST_CRASH: the same as the environment for this process; "" takes
 * it back.  -EINVAL: there is no such point. */
int crash_arm(const char *point, unsigned after);
void crash_pass(enum crash_point point);
/* Passages are numbered, so what is done in one call that could be many is
 * done one by one. */
bool crash_is_numbered(void);

#else
#define CRASH_POINT(name)   ((void)0)
#define crash_is_numbered() false
#endif

#endif
