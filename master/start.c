/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting.  Called by mspoold.c; the loop runs when all steps of the table
 * are done.  Privileges are dropped before anything is bound, since sockets
 * share a port by SO_REUSEPORT only under one uid.  The trap: an earlier master
 * may have left workers (kill -9) and calls in the state folder: the workers
 * come back before anything is bound, since they have the sockets, and books of
 * slots that are not wanted any more go to an heir.
 */
#include "master/start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/confine.h"
#include "master/background.h"
#include "master/boot.h"
#include "master/control.h"
#include "master/fdstore.h"
#include "master/format.h"
#include "master/handed.h"
#include "master/helpers.h"
#include "master/logfile.h"
#include "master/memfd.h"
#include "master/notify.h"
#include "master/owners.h"
#include "master/reload.h"
#include "master/rollback.h"
#include "master/scale.h"
#include "master/simulators.h"
#include "master/slots.h"
#include "master/survivors.h"
#include "shm/cdr_page.h"
#include "shm/version.h"

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("mspoold: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return EXIT_FAILURE;
}

/* ---- before anything is opened ------------------------------------------- */

static int check_programs(struct master *m)
{
	const struct {
		const char *name;
		bool is_needed;
	} programs[] = {
		{"mspool-worker", true},
		{"mspool-media", m->config->pool.media_workers > 0},
		{"mspool-cdr", m->config->cdr.directory != NULL},
	};
	char path[PATH_MAX];

	for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (programs[i].is_needed &&
		    program_find(programs[i].name, path, sizeof(path)) < 0)
			return fail("%s is neither beside mspoold nor in %s",
				    programs[i].name, PKGLIBEXECDIR);
	}
	return 0;
}

/* We hold duplicates of every connection and RTP socket. */
static int raise_limits(struct master *m)
{
	struct rlimit files;

	(void)m;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return 0;
}

/* ---- the run folder ------------------------------------------------------ */

static int make_folder(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_run_folder(struct master *m)
{
	const struct config_pool *pool = &m->config->pool;
	struct passwd *user = pool->user ? getpwnam(pool->user) : NULL;
	int rc;

	if (strlen(pool->run_dir) >= sizeof(m->run_dir))
		return fail("run_dir is longer than %zu bytes",
			    sizeof(m->run_dir) - 1);
	snprintf(m->run_dir, sizeof(m->run_dir), "%s", pool->run_dir);
	rc = make_folder(m->run_dir, 0755);
	if (rc == 0 && geteuid() == 0 && user &&
	    chown(m->run_dir, user->pw_uid, user->pw_gid) < 0)
		rc = -errno;
	if (rc < 0)
		return fail("cannot make the run folder %s: %s", m->run_dir,
			    strerror(-rc));
	return 0;
}

static int become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return -errno;
	return 0;
}

static int drop_privileges(struct master *m)
{
	const char *name = m->config->pool.user;
	struct passwd *user;

	if (!name || geteuid() != 0)
		return 0;
	user = getpwnam(name);
	if (!user)
		return fail("there is no user %s (key user of [pool])", name);
	if (become(user) < 0)
		return fail("cannot become user %s: %s", name, strerror(errno));
	return 0;
}

/* What no process of the pool ever needs; children forbid themselves more. */
static int give_up_calls(struct master *m)
{
	int rc = confine(CONFINE_MASTER);

	if (rc < 0 && rc != -ENOTSUP)
		tell(m, LOG_LVL_WARNING, "not_confined", "reason=\"%s\"",
		     strerror(-rc));
	return 0;
}

/* ---- one master a run folder --------------------------------------------- */

static int write_pid(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
		return -EIO;
	return 0;
}

static int lock_pid_file(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];

	snprintf(path, sizeof(path), "%s/mspoold.pid", m->run_dir);
	m->pid_fd = handed_claim(&m->handed, "pid");
	if (m->pid_fd >= 0)
		return 0; /* still locked, still our pid */
	m->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (m->pid_fd < 0)
		return fail("cannot open %s: %s", path, strerror(errno));
	if (flock(m->pid_fd, LOCK_EX | LOCK_NB) < 0) {
		char pid[16] = "";
		ssize_t n = pread(m->pid_fd, pid, sizeof(pid) - 1, 0);

		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		close(m->pid_fd);
		m->pid_fd = -1;
		return fail("a pool runs in %s already (pid %s)", m->run_dir,
			    pid);
	}
	if (write_pid(m->pid_fd) < 0)
		return fail("cannot write %s", path);
	return 0;
}

/* ---- shared state -------------------------------------------------------- */

static void warn_unless_memory(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];
	struct statfs fs;

	snprintf(path, sizeof(path), "%s/state", m->run_dir);
	if (statfs(path, &fs) == 0 && fs.f_type != TMPFS_MAGIC &&
	    fs.f_type != RAMFS_MAGIC)
		tell(m, LOG_LVL_WARNING, "state_not_in_memory",
		     "folder=%s reason=\"run_dir should be on tmpfs: the disk "
		     "slows every call down\"",
		     path);
}

static void tell_refused_pages(struct master *m)
{
	char last[64];
	unsigned n = board_refused_pages(last);

	if (n)
		tell(m, LOG_LVL_WARNING, "pages_made_anew",
		     "n=%u last=%s reason=\"of another release\"", n, last);
}

static int clear_other_boot(struct master *m)
{
	bool is_cleared = false;
	int rc = boot_begin(m->run_dir, &is_cleared);

	if (rc < 0)
		return fail("cannot clear what an earlier boot left in %s: %s",
			    m->run_dir, strerror(-rc));
	if (is_cleared)
		tell(m, LOG_LVL_NOTICE, "state_cleared",
		     "folder=%s reason=\"of another boot of this host\"",
		     m->run_dir);
	return 0;
}

static int open_state(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];
	struct slot_id self = {SLOT_NONE, 0};
	int rc;

	snprintf(path, sizeof(path), "%s/state", m->run_dir);
	rc = make_folder(path, 0700);
	if (rc == 0)
		rc = board_own(m->run_dir, self, &m->board);
	if (rc == 0)
		rc = steer_board_own(m->run_dir, &m->steer);
	if (rc == 0)
		rc = pool_table_open(m->run_dir, true, &m->table);
	if (rc == 0) /* made here, so that readers find it; the prober writes */
		rc = health_table_open(m->run_dir, true, &m->health);
	if (rc == 0)
		rc = cdr_page_make(m->run_dir);
	if (rc == 0)
		rc = helpers_prepare(m);
	if (rc < 0)
		return fail("cannot open the shared state in %s: %s", path,
			    strerror(-rc));
	record_follow(&m->steer->format);
	tell_refused_pages(m);
	m->board->pid = getpid();
	must_note_at(m->board->last_words, sizeof(m->board->last_words));
	warn_unless_memory(m);
	return 0;
}

static bool is_same_boot(const struct pool_record *pool)
{
	char boot_id[37];

	return clock_boot_id(boot_id) == 0 &&
	       strcmp(pool->boot_id, boot_id) == 0;
}

/* May its workers go on under our configuration?  Not when something differs
 * that sockets or folders hang on.  *ret_is_same: nothing differs at all. */
static bool may_keep_workers(struct master *m, bool *ret_is_same)
{
	char path[sizeof(m->run_dir) + 32];
	struct config_report report = {0};
	struct config *before = NULL;
	char *text = NULL;
	const char *key = NULL;

	snprintf(path, sizeof(path), "%s/state/config.txt", m->run_dir);
	if (text_read_file(path, &text) == 0 &&
	    config_load_text(slice_of(text), &before, &report) == 0)
		key = reload_fixed_key(before, m->config);
	*ret_is_same = before && strcmp(text, m->config_text) == 0;
	if (key)
		tell(m, LOG_LVL_WARNING, "workers_not_kept",
		     "reason=\"%s differs from what they run with\"", key);
	config_report_done(&report);
	config_free(before);
	free(text);
	return !key;
}

/* What was scaled stays so until the file changes; a pool that was stopped
 * has no workers in its row. */
static void remember_scale(struct master *m, const struct pool_record *pool)
{
	if (pool->signalling_workers == 0)
		return;
	m->n_signalling = pool->signalling_workers;
	m->n_media = pool->media_workers;
}

/* What an earlier master of this boot left: epochs, books that may hold calls
 * although their slots are not wanted any more, and living processes. */
static int recover_slot(struct master *m, const struct slot_record *record,
			bool is_kept)
{
	struct slot *slot = master_slot(m, record->slot);
	int rc;

	if (!slot)
		return 0;
	slot->epoch = record->epoch;
	slot->restarts = record->restarts;
	slot->since_us = record->since_us;
	rc = is_kept ? 0 : survivors_end(slot, record->pid);
	if (rc < 0)
		return fail("%s of an earlier master (pid %d) does not end: %s",
			    slot->name, record->pid, strerror(-rc));
	rc = slot_prepare(m, slot);
	if (rc < 0)
		return fail("cannot make the rings of %s: %s", slot->name,
			    strerror(-rc));
	if (is_kept)
		survivors_expect(slot, record->pid);
	return 0;
}

static int recover(struct master *m)
{
	struct slot_record records[N_SLOTS];
	struct pool_record pool;
	bool is_kept, is_same;
	int n, rc = 0;

	m->n_signalling = m->config->pool.signalling_workers;
	m->n_media = m->config->pool.media_workers;
	if (pool_table_get_pool(m->table, &pool) < 0 || !is_same_boot(&pool))
		return 0;
	m->generation = pool.generation;
	is_kept = may_keep_workers(m, &is_same);
	if (is_same)
		remember_scale(m, &pool);
	n = pool_table_slots(m->table, records, N_SLOTS);
	for (int i = 0; i < n && rc == 0; i++)
		rc = recover_slot(m, &records[i], is_kept);
	return rc;
}

static int recover_rollback(struct master *m)
{
	return rollback_recover(m) < 0 ? fail("no memory") : 0;
}

static int gather(struct master *m)
{
	char why[SOCKETS_WHY_MAX] = "";

	if (survivors_open(m, why) < 0)
		return fail("%s", why);
	if (survivors_gather(m) < 0)
		return fail("a worker of an earlier master does not end");
	handed_use(m);
	m->n_kept_sockets = m->sockets.n;
	return 0;
}

/* ---- the pool ------------------------------------------------------------ */

static int prepare(struct master *m)
{
	char why[SOCKETS_WHY_MAX] = "";
	int rc = scale_prepare(m, m->config, m->n_signalling, m->n_media, why);

	if (rc == 0)
		rc = control_open(m, why);
	return rc < 0 ? fail("%s", why) : 0;
}

static int put_in_force(struct master *m)
{
	struct config *config = m->config;
	char *text = m->config_text;
	int rc;

	m->config_text = NULL; /* else it would be freed as the old one */
	rc = reload_put_in_force(m, config, text);
	if (rc == 0)
		return 0;
	m->config_text = text;
	return fail("the configuration cannot be kept: %s", strerror(-rc));
}

/* From here on the log speaks. */
static int run_children(struct master *m)
{
	if (m->ready_fd >= 0)
		background_log();
	tell(m, LOG_LVL_NOTICE, "pool_start",
	     "version=%s generation=%u signalling=%u media=%u", PACKAGE_VERSION,
	     m->generation, m->n_signalling, m->n_media);
	sockets_mark(&m->sockets, m->config);
	for_each_slot(slot, m) slot->takes_calls =
		slot->id.kind == SLOT_SIGNALLING &&
		slot->id.index <= m->n_signalling;
	steer_spread(m);
	simulators_take(m);
	simulators_apply(m);
	helpers_take(m);
	helpers_apply(m);
	scale_want(m, m->n_signalling, m->n_media);
	survivors_take_back(m);
	scale_apply(m, m->n_signalling, m->n_media);
	for_each_slot(slot, m)
	{
		if (slot->life == LIFE_UP)
			owner_adopt_orphans(slot);
	}
	prober_choose(m);
	for_each_slot(slot, m) slot_publish(slot);
	format_review(m);
	handed_done(&m->handed);
	if (m->handed.is_upgrade)
		upgrade_resume(m, m->handed.since_us);
	return 0;
}

static int (*const steps[])(struct master *m) = {
	check_programs,	  raise_limits,	 make_run_folder,  drop_privileges,
	give_up_calls,	  lock_pid_file, clear_other_boot, open_state,
	recover_rollback, recover,	 gather,	   prepare,
	put_in_force,	  run_children,
};

static int load(struct master *m)
{
	struct config_report report = {0};
	int rc = config_load_file(m->config_path, &m->config, &m->config_text,
				  &report);

	if (report.text)
		fputs(report.text, stderr);
	if (rc < 0 && report.n_errors == 0)
		fail("cannot read %s: %s", m->config_path, strerror(-rc));
	config_report_done(&report);
	return rc < 0 ? EXIT_CONFIG : 0;
}

static void init(struct master *m, const struct start_order *order)
{
	*m = (struct master){
		.config_path = order->config_path,
		.config_fd = -1,
		.pid_fd = -1,
		.ready_fd = -1,
		.adopt_fd = -1,
		.argv = order->argv,
		.upgrade = {.output = -1},
		.started_us = clock_boot_us(),
		.started_wall_us = clock_wall_us(),
		.ticked_us = clock_boot_us(),
	};
	for (unsigned i = 0; i < N_SLOTS; i++) {
		struct slot *slot = &m->slots[i];

		slot->master = m;
		slot->id = slot_id_at(i);
		slot->doorbell = -1;
		slot->holds.give = slot->id.kind == SLOT_MEDIA
					   ? MESSAGE_RTP_SOCKETS
					   : MESSAGE_CONNECTION;
		slot_name(slot->id, slot->name);
	}
}

int start(struct master *m, const struct start_order *order)
{
	int rc;

	init(m, order);
	handed_open(&m->handed);
	rc = load(m);
	if (rc == 0 && order->is_background && !m->handed.is_upgrade)
		rc = background_begin(&m->ready_fd);
	if (rc != 0)
		return rc;
	master_open_log(m);
	logfile_remember();
	notify_open();
	m->loop = loop_new();
	if (!m->loop)
		return fail("no memory");
	for (unsigned i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]);
	     i++)
		rc = steps[i](m);
	return rc;
}

static void tell_ready(struct master *m)
{
	notify_ready();
	notify_status("generation %u, %u signalling and %u media workers",
		      m->generation, m->n_signalling, m->n_media);
}

static void come_up(struct master *m)
{
	m->is_up = true;
	pool_publish(m);
	tell(m, LOG_LVL_NOTICE, "pool_up", "took_ms=%llu",
	     (unsigned long long)(clock_boot_us() - m->started_us) /
		     USEC_PER_MSEC);
	tell_ready(m);
	if (m->ready_fd >= 0)
		background_end(&m->ready_fd, 0);
}

void start_review(struct master *m)
{
	if (m->is_up && !m->is_reloading)
		return;
	if (m->stop_phase != STOP_NONE || !slots_are_settled(m))
		return;
	if (!m->is_up)
		come_up(m);
	else
		tell_ready(m);
	m->is_reloading = false;
}

static void remove_pid_file(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];

	if (m->pid_fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/mspoold.pid", m->run_dir);
	unlink(path);
	close(m->pid_fd);
}

void start_undo(struct master *m)
{
	remove_pid_file(m);
	if (m->control)
		control_close(m);
	survivors_close(m);
	fdstore_done();
	sockets_done(&m->sockets);
	for_each_slot(slot, m)
	{
		holds_done(&slot->holds);
		board_close(slot->board);
		slot->book = book_forget(slot->book);
		close(slot->doorbell);
	}
	if (m->config_fd >= 0)
		close(m->config_fd);
	m->table = pool_table_forget(m->table);
	m->health = health_table_forget(m->health);
	helpers_forget(m);
	m->config = config_free(m->config);
	free(m->config_text);
	free(m->rollback_text);
	m->loop = loop_free(m->loop);
}
