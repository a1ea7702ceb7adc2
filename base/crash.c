/* SPDX-License-Identifier: Apache-2.0
 *
 * Killing a process at a named place, for tests that compare what its
 * successor makes of it.  SIGKILL and not exit: no destructor, no flush, as in
 * the worst case.  In a release build this file is empty.
 * Trap: the marker is made before dying; without it (an unwritable run folder)
 * nobody dies, since the successor would die for ever.
 */
#include "base/crash.h"

#ifdef CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

static const char *const names[N_CRASH_POINTS] = {
#undef CRASH_POINT
#define CRASH_POINT(name, help) [CRASH_##name] = #name,
#include "base/crash_points.def"
};

static struct {
	const char *slot, *run_dir;
	enum crash_point point;
	uint64_t passages_left; /* 0: not armed */
} armed;

int crash_arm(const char *point, unsigned after)
{
	armed.passages_left = 0;
	if (point[0] == '\0')
		return 0;
	for (unsigned i = 0; i < N_CRASH_POINTS; i++) {
		if (strcmp(point, names[i]) != 0)
			continue;
		armed.point = (enum crash_point)i;
		armed.passages_left = after > 0 ? after : 1;
		return 0;
	}
	return -EINVAL;
}

/* A wrong word must not make a test pass by never killing anybody. */
static void refuse(const char *what)
{
	fprintf(stderr, "MSPOOL_CRASH=%s: no such crash point\n", what);
	exit(2);
}

void crash_start(const char *slot, const char *run_dir)
{
	const char *wanted = getenv("MSPOOL_CRASH");
	const char *victim = getenv("MSPOOL_CRASH_SLOT");
	char name[64];
	struct slice count = slice_of(wanted);
	uint64_t n = 1;

	armed.slot = slot;
	armed.run_dir = run_dir;
	if (!wanted || !victim || strcmp(victim, slot) != 0)
		return;
	slice_copy(slice_cut(&count, ':'), name, sizeof(name));
	if ((count.ptr && slice_to_u64(count, UINT32_MAX, &n) < 0) ||
	    crash_arm(name, (unsigned)n) < 0)
		refuse(wanted);
}

/* True for the first process of this slot that comes here. */
static bool make_marker(void)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/crashed-%s-%s", armed.run_dir,
		 armed.slot, names[armed.point]);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void crash_pass(enum crash_point point)
{
	if (armed.passages_left == 0 || point != armed.point ||
	    --armed.passages_left > 0)
		return;
	if (make_marker())
		kill(getpid(), SIGKILL);
}

#endif
