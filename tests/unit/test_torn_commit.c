/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/book.c: a writer that is killed inside a commit, after any number of its
 * instructions, leaves the turn before or the turn itself, and never a mixture
 * or a damaged book.  The writer (tests/shm_helper) runs its commits one
 * instruction at a time under ptrace.
 * Trap: SIGKILL takes effect at once, but memory that is shared stays as the
 * last instruction left it: that is the point.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "shm/book.h"
#include "tests/unit/scratch.h"
#include "tests/unit/shm_helper.h"

#define ROUNDS 24 /* evenly over a commit … */
#define LATE   16 /* … and over its last instructions, where it is made good */

static const char *run_dir;
static uint32_t epoch;

static void setup(void)
{
	run_dir = scratch_make();
	epoch = 0;
}

TestSuite(torn_commit, .init = setup, .fini = scratch_remove, .timeout = 60);

/* Waits for the writer to stop; false when ptrace is not allowed here. */
static bool wait_stopped(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status), "status %x", (unsigned)status);
	return WSTOPSIG(status) == SIGSTOP;
}

/* A writer that stands before its book_commit of this version. */
static struct helper writer_before_commit(uint32_t version)
{
	char words[2][16];
	struct helper writer;

	snprintf(words[0], sizeof(words[0]), "%u", ++epoch);
	snprintf(words[1], sizeof(words[1]), "%u", version);
	writer = helper_start((const char *const[]){"commit-once", run_dir,
						    words[0], words[1], NULL});
	cr_assert_eq(helper_ask(&writer, NULL), 0);
	if (ptrace(PTRACE_SEIZE, writer.pid, NULL, NULL) < 0) {
		helper_kill(&writer, SIGKILL);
		writer.pid = 0;
		return writer;
	}
	cr_assert(fprintf(writer.to, "go\n") > 0 && fflush(writer.to) == 0);
	cr_assert(wait_stopped(writer.pid));
	return writer;
}

/* Steps so many instructions, or to the end of the commit; how many it were. */
static unsigned step(pid_t pid, unsigned most)
{
	unsigned n = 0;
	int status;

	for (; n < most; n++) {
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP) /* it is committed */
			return n;
	}
	return n;
}

static struct book *succeed(void)
{
	struct book_settings settings = {.run_dir = run_dir,
					 .index = 1,
					 .epoch = ++epoch,
					 .map_size = HELPER_MAP_SIZE};
	struct book *book = NULL;

	cr_assert_eq(book_own(&settings, &book), 0);
	return book;
}

struct sight {
	unsigned n;
	uint32_t least, most;
};

static void see_call(void *arg, struct call_record *call)
{
	struct sight *sight = arg;

	if (!sight->n || call->wish.version < sight->least)
		sight->least = call->wish.version;
	if (call->wish.version > sight->most)
		sight->most = call->wish.version;
	sight->n++;
	free(call);
}

static void count_tx(void *arg, struct tx_record *tx)
{
	++*(unsigned *)arg;
	free(tx);
}

/* All records are of one turn; which one? */
static uint32_t version_of_all(struct book *book)
{
	struct sight sight = {0};
	unsigned bad = 0, txs = 0;

	cr_assert_eq(book_scan_calls(book, see_call, &sight, &bad), 0);
	cr_assert_eq(bad, 0);
	cr_assert_eq(sight.n, HELPER_TURN_CALLS);
	cr_assert_eq(sight.least, sight.most, "turns %u and %u mixed",
		     sight.least, sight.most);
	cr_assert_eq(book_scan_txs(book, count_tx, &txs, &bad), 0);
	cr_assert_eq(bad, 0);
	cr_assert_eq(txs, sight.most % 2 ? HELPER_TURN_CALLS : 0,
		     "odd turns have transactions, even ones delete them");
	return sight.most;
}

/* Kills the writer of `version` after so many instructions of its commit. */
static uint32_t kill_within(uint32_t version, unsigned after)
{
	struct helper writer = writer_before_commit(version);
	struct book *book;
	uint32_t seen;

	step(writer.pid, after);
	helper_kill(&writer, SIGKILL);
	book = succeed();
	seen = version_of_all(book);
	book_forget(book);
	return seen;
}

Test(torn_commit, killed_after_any_instruction_it_is_whole_or_not_at_all)
{
	struct helper writer = writer_before_commit(1);
	unsigned n_all, n_old = 0, n_new = 0; /* turns found */
	uint32_t version = 1;

	if (!writer.pid)
		cr_skip_test("no ptrace here");
	n_all = step(writer.pid, UINT32_MAX);
	helper_kill(&writer, SIGKILL);
	cr_assert_gt(n_all, 500);
	for (unsigned i = 0; i < ROUNDS + LATE; i++) {
		/* commits differ by some: the last ones begin behind it */
		unsigned after = i < ROUNDS ? n_all / ROUNDS * i
					    : n_all + n_all / 4 -
						      (i - ROUNDS) * n_all / 40;
		uint32_t seen = kill_within(version + 1, after);

		cr_assert(seen == version || seen == version + 1,
			  "turn %u after %u, %u of %u instructions", seen,
			  version, after, n_all);
		n_old += seen == version;
		n_new += seen == version + 1;
		version = seen;
	}
	cr_assert_gt(n_old, 5, "%u old, %u new of %u", n_old, n_new, n_all);
	cr_assert_eq(kill_within(version + 1, UINT32_MAX), version + 1);
}
