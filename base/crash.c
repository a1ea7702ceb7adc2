/* SPDX-License-Identifier: Apache-2.0
 *
 * Killing a process at a certain place, for tests that compare what its
 * successor makes of it.  SIGKILL and not exit: no destructor, no flush, as in
 * the worst case.  In a release build this file is empty.
 * Trap: the marker is made before dying; without it (an unwritable run folder)
 * nobody dies, since the successor would die for ever.
 */
#include "base/crash.h"

#ifdef CRASH_POINTS

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
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
	bool is_stop;		/* SIGSTOP instead of SIGKILL */
} armed;

static struct {
	bool is_on, is_begun; /* begun: the file that says so is there */
	int log_fd;
	unsigned life;	  /* of this slot, from 1 */
	uint64_t n, last; /* passages so far; at which this life ends, or 0 */
} numbered;

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

/* True for the first process of this slot that comes here. */
static bool make_marker(const char *what)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/crashed-%s-%s", armed.run_dir,
		 armed.slot, what);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* ---- by number ----------------------------------------------------------- */

bool crash_is_numbered(void)
{
	return numbered.is_on;
}

/* Lives that ended here left a marker each; the log is everybody's. */
static void start_numbered(void)
{
	char path[PATH_MAX];

	numbered.is_on = true;
	do
		snprintf(path, sizeof(path), "%s/crashed-%s-%u", armed.run_dir,
			 armed.slot, ++numbered.life);
	while (access(path, F_OK) == 0);
	snprintf(path, sizeof(path), "%s/passages-%s", armed.run_dir,
		 armed.slot);
	numbered.log_fd =
		open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

/* The number of this life in RUN/crash-SLOT. */
static bool begin_numbers(void)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/crash-%s", armed.run_dir, armed.slot);
	file = fopen(path, "re");
	if (!file)
		return false;
	for (unsigned life = 1; life <= numbered.life; life++)
		if (fscanf(file, "%" SCNu64, &numbered.last) != 1)
			numbered.last = 0;
	fclose(file);
	return true;
}

static void pass_numbered(enum crash_point point)
{
	char text[64];
	int len;

	if (!numbered.is_begun)
		numbered.is_begun = begin_numbers();
	if (numbered.is_begun)
		numbered.n++;
	len = snprintf(text, sizeof(text), "%u %" PRIu64 " %s\n", numbered.life,
		       numbered.n, names[point]);
	if (write(numbered.log_fd, text, (size_t)len) != len)
		return; /* a life that nobody can follow is not ended */
	snprintf(text, sizeof(text), "%u", numbered.life);
	if (numbered.n && numbered.n == numbered.last && make_marker(text))
		kill(getpid(), SIGKILL);
}

/* ---- both ---------------------------------------------------------------- */

void crash_start(const char *slot, const char *run_dir)
{
	const char *wanted = getenv("MSPOOL_CRASH");
	const char *victim = getenv("MSPOOL_CRASH_SLOT");
	char name[64];
	struct slice rest = slice_of(wanted), count;
	uint64_t n = 1;

	armed.slot = slot;
	armed.run_dir = run_dir;
	if (wanted && strcmp(wanted, "numbered") == 0)
		start_numbered();
	else if (!wanted || !victim || strcmp(victim, slot) != 0)
		return;
	else {
		slice_copy(slice_cut(&rest, ':'), name, sizeof(name));
		count = slice_cut(&rest, ':');
		armed.is_stop = slice_is(rest, slice_of("STOP"));
		if ((count.ptr && slice_to_u64(count, UINT32_MAX, &n) < 0) ||
		    (rest.ptr && !armed.is_stop) ||
		    crash_arm(name, (unsigned)n) < 0)
			refuse(wanted);
	}
}

void crash_pass(enum crash_point point)
{
	if (numbered.is_on)
		pass_numbered(point);
	if (armed.passages_left == 0 || point != armed.point ||
	    --armed.passages_left > 0)
		return;
	if (make_marker(names[point]))
		kill(getpid(), armed.is_stop ? SIGSTOP : SIGKILL);
}

#endif
