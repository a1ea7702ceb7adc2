/* SPDX-License-Identifier: Apache-2.0
 *
 * base/crash.c: the right process dies, at the right passage, once.  Each life
 * is a fork of this test.  In a build without crash points the same passages
 * must be harmless.
 */
#include "base/crash.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char run_dir[] = "/tmp/mspool-crash-XXXXXX";
static char marker[128];

static void setup(void)
{
	cr_assert_not_null(mkdtemp(run_dir));
	snprintf(marker, sizeof(marker), "%s/crashed-ms1-after_commit",
		 run_dir);
}

static void in_folder(char path[256], const char *file)
{
	snprintf(path, 256, "%s/%s", run_dir, file);
}

static void teardown(void)
{
	static const char *const left[] = {"crash-ms1", "passages-ms1",
					   "crashed-ms1-1", "crashed-ms1-2"};
	char path[256];

	unlink(marker);
	for (unsigned i = 0; i < sizeof(left) / sizeof(*left); i++) {
		in_folder(path, left[i]);
		unlink(path);
	}
	rmdir(run_dir);
}

TestSuite(crash, .init = setup, .fini = teardown);

static void live(const char *slot)
{
#ifdef CRASH_POINTS
	crash_start(slot, run_dir);
#else
	(void)slot;
#endif
	for (unsigned i = 0; i < 5; i++) {
		CRASH_POINT(before_commit);
		CRASH_POINT(after_commit);
	}
	_exit(0);
}

/* Wait status of a life of this slot. */
static int life_of(const char *slot)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		live(slot);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void want(const char *slot, const char *point)
{
	setenv("MSPOOL_CRASH_SLOT", slot, 1);
	setenv("MSPOOL_CRASH", point, 1);
}

#ifdef CRASH_POINTS

Test(crash, a_slot_dies_once_and_its_successor_lives)
{
	want("ms1", "after_commit:3");
	cr_assert_eq(life_of("ms1"), SIGKILL);
	cr_assert_eq(access(marker, F_OK), 0);
	cr_assert_eq(life_of("ms1"), 0);
}

Test(crash, without_a_number_the_first_passage_kills)
{
	want("ms1", "after_commit");
	cr_assert_eq(life_of("ms1"), SIGKILL);
}

Test(crash, with_stop_the_process_hangs_there)
{
	int status = 0;
	pid_t pid;

	want("ms1", "before_commit:2:STOP");
	pid = fork();
	if (pid == 0)
		live("ms1");
	cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
	cr_expect(WIFSTOPPED(status));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	snprintf(marker, sizeof(marker), "%s/crashed-ms1-before_commit",
		 run_dir);
}

Test(crash, fewer_passages_than_wanted_kill_nobody)
{
	want("ms1", "after_commit:6");
	cr_assert_eq(life_of("ms1"), 0);
	cr_assert_neq(access(marker, F_OK), 0);
}

Test(crash, other_slots_live)
{
	want("ms1", "after_commit");
	cr_assert_eq(life_of("ms2"), 0);
}

Test(crash, nobody_dies_where_no_marker_can_be_made)
{
	want("ms1", "after_commit");
	rmdir(run_dir);
	cr_assert_eq(life_of("ms1"), 0);
}

Test(crash, a_point_that_does_not_exist_is_refused_aloud)
{
	want("ms1", "after_comit");
	cr_assert_eq(WEXITSTATUS(life_of("ms1")), 2);
	want("ms1", "after_commit:1:HALT");
	cr_assert_eq(WEXITSTATUS(life_of("ms1")), 2);
	want("ms1", "after_commit:x");
	cr_assert_eq(WEXITSTATUS(life_of("ms1")), 2);
	cr_assert_lt(crash_arm("nowhere", 1), 0);
	cr_assert_eq(crash_arm("", 1), 0);
}

/* ---- by number ----------------------------------------------------------- */

static void order(const char *numbers)
{
	char path[256];
	FILE *file;

	in_folder(path, "crash-ms1");
	file = fopen(path, "w");
	fputs(numbers, file);
	fclose(file);
}

static unsigned lines_passed(const char *last)
{
	char path[256], line[64] = "";
	unsigned n = 0;
	FILE *file;

	in_folder(path, "passages-ms1");
	file = fopen(path, "r");
	while (fgets(line, sizeof(line), file))
		n++;
	fclose(file);
	cr_assert_str_eq(line, last);
	return n;
}

Test(crash, numbers_count_the_passages_of_all_points_together)
{
	want("any", "numbered");
	order("7");
	cr_assert_eq(life_of("ms1"), SIGKILL);
	cr_assert_eq(lines_passed("1 7 before_commit\n"), 7);
	cr_assert_eq(life_of("ms1"), 0);
	cr_assert_eq(lines_passed("2 10 after_commit\n"), 17);
}

Test(crash, each_life_has_a_number_of_its_own)
{
	want("any", "numbered");
	order("3 2");
	cr_assert_eq(life_of("ms1"), SIGKILL);
	cr_assert_eq(life_of("ms1"), SIGKILL);
	cr_assert_eq(lines_passed("2 2 after_commit\n"), 5);
	cr_assert_eq(life_of("ms1"), 0);
}

Test(crash, before_the_order_is_given_nothing_is_numbered)
{
	want("any", "numbered");
	cr_assert_eq(life_of("ms1"), 0);
	cr_assert_eq(lines_passed("1 0 after_commit\n"), 10);
}

#else

Test(crash, a_release_holds_no_crash_point)
{
	want("ms1", "after_commit");
	cr_assert_eq(life_of("ms1"), 0);
}

#endif
