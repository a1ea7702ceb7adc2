/* SPDX-License-Identifier: Apache-2.0
 *
 * See upgrade.h.  Called at USR2, by the verb `upgrade` and from the loop of
 * the master.
 *
 *   CHECKING   the mspoold on disk runs with -t on our pool.ini
 *   WAITING    until every wanted worker is up: then all descriptors that we
 *              hold have a twin, and nobody is between two owners
 *   exec       in place: same pid, locks, control socket and requests; what we
 *              hold goes along by name (handed.h).  The channels end, so the
 *              workers come back as to a master that was killed (survivors.h)
 *   REPLACING  one worker after the other retires and is succeeded
 *
 * The trap: until exec everything can be refused and nothing has changed; after
 * it only the new program can go on.
 */
#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "master/control.h"
#include "master/handed.h"
#include "master/helpers.h"
#include "master/master.h"
#include "master/memfd.h"
#include "master/notify.h"
#include "master/owners.h"
#include "master/simulators.h"
#include "master/slots.h"

#define CHECK_US   (10 * USEC_PER_SEC)
#define WAIT_US	   (15 * USEC_PER_SEC)
#define REPLACE_US (15 * USEC_PER_SEC) /* a worker, from RETIRE to serving */

bool upgrade_is_on(const struct master *m)
{
	return m->upgrade.phase == UPGRADE_CHECKING ||
	       m->upgrade.phase == UPGRADE_WAITING ||
	       m->upgrade.phase == UPGRADE_REPLACING;
}

static int fail(struct master *m, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct master *m, const char *format, ...)
{
	struct upgrade *upgrade = &m->upgrade;
	bool is_stopped = upgrade->phase == UPGRADE_REPLACING;
	va_list args;

	va_start(args, format);
	vsnprintf(upgrade->why, sizeof(upgrade->why), format, args);
	va_end(args);
	upgrade->phase = UPGRADE_FAILED;
	pool_publish(m);
	tell(m, LOG_LVL_ERROR,
	     is_stopped ? "upgrade_stopped" : "upgrade_refused", "reason=%s",
	     log_quote(upgrade->why, (int)strlen(upgrade->why)));
	return -EINVAL;
}

/* ---- checking ------------------------------------------------------------ */

static void tell_output(struct master *m, char *ret_first, size_t size)
{
	char text[4096];
	ssize_t n = pread(m->upgrade.output, text, sizeof(text), 0);
	struct slice rest = {text, n > 0 ? (size_t)n : 0};

	ret_first[0] = '\0';
	while (rest.len > 0) {
		struct slice line = slice_cut(&rest, '\n');

		if (!ret_first[0])
			slice_copy(line, ret_first, size);
		log_event(LOG_LVL_NOTICE, "upgrade_check", "said=%s",
			  log_quote(line.ptr, (int)line.len));
	}
}

static void on_checked(int fd, unsigned what, void *arg)
{
	struct master *m = arg;
	int status = process_status(&m->upgrade.check);
	char how[64], first[160];

	(void)fd, (void)what;
	process_reap(&m->upgrade.check);
	tell_output(m, first, sizeof(first));
	close(m->upgrade.output);
	m->upgrade.output = -1;
	if (m->upgrade.phase != UPGRADE_CHECKING)
		return;
	if (status != 0) {
		fail(m, "the new mspoold -t ended with %s: %s",
		     process_status_text(status, how, sizeof(how)), first);
		return;
	}
	m->upgrade.phase = UPGRADE_WAITING;
	m->upgrade.by_us = clock_boot_us() + WAIT_US;
}

static int start_check(struct master *m)
{
	char program[] = "mspoold", test[] = "-t", option[] = "-c";
	char *argv[] = {program, test, option,
			(char *)(uintptr_t)m->config_path, NULL};
	struct process_order order = {
		.program = program,
		.argv = argv,
		.channel_fd = -1,
	};
	int rc;

	m->upgrade.output = memfd_create("upgrade", MFD_CLOEXEC);
	if (m->upgrade.output < 0)
		return fail(m, "no memory");
	order.output_fd = m->upgrade.output;
	rc = process_start(&m->upgrade.check, &order, m->loop, on_checked, m);
	if (rc == 0)
		return 0;
	close(m->upgrade.output);
	m->upgrade.output = -1;
	return fail(m, "the new mspoold cannot be started: %s", strerror(-rc));
}

/* The new program reads pool.ini; what it reads must be in force already, so
 * that it cannot fail at a listener that is taken. */
static int check_config(struct master *m)
{
	struct config_report report = {0};
	struct config *config = NULL;
	char *text = NULL;
	int rc = config_load_file(m->config_path, &config, &text, &report);
	bool is_same = rc == 0 && strcmp(text, m->config_text) == 0;

	config_report_done(&report);
	config_free(config);
	free(text);
	if (rc < 0)
		return fail(m, "%s has mistakes or cannot be read",
			    m->config_path);
	if (!is_same)
		return fail(m, "%s was changed: reload first", m->config_path);
	return 0;
}

static int check_programs(struct master *m)
{
	static const char *const names[] = {"mspoold", "mspool-worker",
					    "mspool-media"};
	char path[PATH_MAX];

	for (unsigned i = 0; i < 3; i++)
		if (program_find(names[i], path, sizeof(path)) < 0)
			return fail(m, "%s is not where it was", names[i]);
	return 0;
}

int upgrade_begin(struct master *m)
{
	int rc;

	if (m->stop_phase != STOP_NONE)
		return fail(m, "the pool is stopping");
	if (upgrade_is_on(m))
		return 0; /* whoever asks waits for the same */
	m->upgrade.since_us = clock_boot_us();
	rc = check_config(m);
	if (rc == 0)
		rc = check_programs(m);
	if (rc == 0)
		rc = start_check(m);
	if (rc < 0)
		return rc;
	m->upgrade.phase = UPGRADE_CHECKING;
	m->upgrade.by_us = m->upgrade.since_us + CHECK_US;
	pool_publish(m);
	tell(m, LOG_LVL_NOTICE, "upgrade", "phase=check version=%s",
	     PACKAGE_VERSION);
	return 0;
}

/* ---- exec ---------------------------------------------------------------- */

/* One line of the list; the descriptor stays open. */
static void hand(void *arg, const char *name, int fd)
{
	FILE *list = arg;

	if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return;
	fprintf(list, "%d %s\n", fd, name);
}

static void hand_all(struct master *m, FILE *list)
{
	char name[HANDED_NAME_MAX];

	hand(list, "pid", m->pid_fd);
	control_hand_over(m, hand, list);
	simulators_hand_over(m, hand, list);
	helpers_hand_over(m, hand, list);
	for (unsigned i = 0; i < m->sockets.n; i++)
		hand(list,
		     handed_listener_name(&m->sockets.items[i].head, name),
		     m->sockets.items[i].fd);
	for_each_slot(slot, m) holds_hand_over(&slot->holds, hand, list);
}

/* What was not to be inherited, or (LMDB) not thought of. */
static void close_all_on_exec(void)
{
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* A sealed memfd with the list, open across exec. */
static int make_list(struct master *m)
{
	char *text = NULL;
	size_t len = 0;
	FILE *list = open_memstream(&text, &len);
	int fd = -1;

	if (!list)
		return -ENOMEM;
	close_all_on_exec();
	hand_all(m, list);
	fclose(list);
	if (memfd_sealed((struct slice){text, len}, &fd) < 0)
		fd = -1;
	free(text);
	return fd < 0 || fcntl(fd, F_SETFD, 0) < 0 ? -EMFILE : fd;
}

/* Signals wait until the new program hears them. */
static void exec_program(struct master *m, const char *path, int list)
{
	char words[64];
	sigset_t all, before;

	snprintf(words, sizeof(words), "%d %llu", list,
		 (unsigned long long)m->upgrade.since_us);
	setenv("MSPOOL_HANDED", words, 1);
	notify_leave();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	execv(path, m->argv);
	sigprocmask(SIG_SETMASK, &before, NULL);
	unsetenv("MSPOOL_HANDED");
}

static void replace_self(struct master *m)
{
	char path[PATH_MAX];
	int list, error;

	if (program_find("mspoold", path, sizeof(path)) < 0) {
		fail(m, "mspoold is not where it was");
		return;
	}
	tell(m, LOG_LVL_NOTICE, "upgrade", "phase=exec program=%s", path);
	list = make_list(m);
	if (list >= 0) {
		exec_program(m, path, list);
		error = errno;
		close(list);
	} else {
		error = -list;
	}
	close_all_on_exec();
	fail(m, "cannot run %s: %s", path, strerror(error));
}

/* ---- the workers --------------------------------------------------------- */

void upgrade_resume(struct master *m, uint64_t since_us)
{
	m->upgrade.phase = UPGRADE_REPLACING;
	m->upgrade.since_us = since_us;
	m->upgrade.by_us = clock_boot_us() + REPLACE_US;
}

static struct slot *next_old(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (slot->process.pid && slot->life == LIFE_UP &&
		    slot->since_us < m->upgrade.since_us)
			return slot;
	}
	return NULL;
}

static const struct slot *given_up(struct master *m)
{
	for_each_slot(slot, m)
	{
		if (slot->life == LIFE_DOWN)
			return slot;
	}
	return NULL;
}

static void replace_next(struct master *m, uint64_t now_us)
{
	struct slot *slot = next_old(m);

	m->upgrade.by_us = now_us + REPLACE_US;
	if (slot) {
		slot_feed(slot, EVENT_REPLACE);
		return;
	}
	m->upgrade.phase = UPGRADE_NONE;
	pool_publish(m);
	tell(m, LOG_LVL_NOTICE, "upgraded", "version=%s took_ms=%llu",
	     PACKAGE_VERSION,
	     (unsigned long long)(now_us - m->upgrade.since_us) /
		     USEC_PER_MSEC);
}

static void review_workers(struct master *m, uint64_t now_us)
{
	const struct slot *down = given_up(m);

	if (down)
		fail(m, "%s does not come up with the new program", down->name);
	else if (slots_are_settled(m) && m->is_up)
		replace_next(m, now_us);
	else if (now_us >= m->upgrade.by_us)
		fail(m, "a worker is not up in time");
}

/* ---- every turn ---------------------------------------------------------- */

static void review_check(struct master *m, uint64_t now_us)
{
	if (now_us < m->upgrade.by_us)
		return;
	process_signal(&m->upgrade.check, SIGKILL);
	fail(m, "the new mspoold -t does not end");
}

static void review_wait(struct master *m, uint64_t now_us)
{
	if (slots_are_settled(m) && slots_are_up(m) && owners_are_settled(m))
		replace_self(m);
	else if (now_us >= m->upgrade.by_us)
		fail(m, "not every worker is up");
}

void upgrade_review(struct master *m, uint64_t now_us)
{
	static void (*const reviews[])(struct master *, uint64_t) = {
		[UPGRADE_CHECKING] = review_check,
		[UPGRADE_WAITING] = review_wait,
		[UPGRADE_REPLACING] = review_workers,
		[UPGRADE_FAILED] = NULL,
	};

	if (!reviews[m->upgrade.phase])
		return;
	if (m->stop_phase != STOP_NONE)
		fail(m, "the pool is stopping");
	else
		reviews[m->upgrade.phase](m, now_us);
}
