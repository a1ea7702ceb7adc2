/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens what the processes of a pool share, for reading.  Nothing here waits
 * for any of them: the books, tables and boards are read as they are, whatever
 * state their owners are in.
 * Trap: a reader that is stopped or killed inside a read transaction pins the
 * pages of its snapshot until the master clears it, so signals that stop or
 * end us wait while one is open.
 */
#include "tools/ctl_view.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- signals ------------------------------------------------------------- */

static void hold_signals(sigset_t *ret_before)
{
	static const int signals[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT,
				      SIGTSTP, SIGTTIN, SIGTTOU};
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

static void let_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- processes ----------------------------------------------------------- */

/* State letter and start (boottime) from /proc/PID/stat, whose second field
 * may hold anything, also blanks and brackets.  -errno. */
static int read_stat(int32_t pid, char *ret_state, uint64_t *ret_start_us)
{
	char path[32], text[1024], *at;
	unsigned long long ticks;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = 0;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			  "%*s %*s %*s %*s %*s %*s %*s %llu",
			  ret_state, &ticks) != 2)
		return -EPROTO;
	*ret_start_us =
		ticks * USEC_PER_SEC / (unsigned long)sysconf(_SC_CLK_TCK);
	return 0;
}

bool ctl_process_lives(int32_t pid, uint64_t started_us)
{
	const uint64_t slack_us = 10 * USEC_PER_SEC;
	uint64_t start_us;
	char state;

	if (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH))
		return false;
	if (read_stat(pid, &state, &start_us) < 0)
		return true; /* /proc is hidden: believe kill */
	return state != 'Z' && state != 'X' &&
	       start_us <= started_us + slack_us;
}

bool ctl_slot_lives(const struct slot_record *slot)
{
	return ctl_process_lives(slot->pid, slot->since_us);
}

static bool is_of_this_boot(const struct pool_record *pool)
{
	char boot_id[37];

	return clock_boot_id(boot_id) < 0 ||
	       strncmp(boot_id, pool->boot_id, sizeof(boot_id) - 1) == 0;
}

static bool is_running(struct ctl_view *view)
{
	if (!is_of_this_boot(&view->pool))
		return false;
	view->is_master_alive =
		ctl_process_lives(view->pool.master_pid, view->pool.started_us);
	if (view->is_master_alive)
		return true;
	for (unsigned i = 0; i < view->n_slots; i++)
		if (ctl_slot_lives(&view->slots[i]))
			return true;
	return false;
}

/* ---- opening ------------------------------------------------------------- */

static int not_running(const struct ctl *ctl)
{
	return ctl_fail(
		ctl, CTL_NOT_RUNNING,
		"no pool is running in %s: start mspoold, or say -r DIR for "
		"another run folder",
		ctl->run_dir);
}

static int open_failed(const struct ctl *ctl, const char *what, int error)
{
	if (error == -ENOENT)
		return not_running(ctl);
	if (error == -EACCES || error == -EPERM)
		return ctl_fail(ctl, CTL_REFUSED,
				"%s in %s may not be read: run this as root or "
				"as the user of the pool",
				what, ctl->run_dir);
	return ctl_fail(ctl, CTL_REFUSED, "%s in %s cannot be read: %s", what,
			ctl->run_dir, strerror(-error));
}

static int open_pool(struct ctl_view *view)
{
	const struct ctl *ctl = view->ctl;
	int n, error = pool_table_open(ctl->run_dir, false, &view->pool_table);

	if (!error)
		error = pool_table_get_pool(view->pool_table, &view->pool);
	if (error)
		return open_failed(ctl, "the pool table", error);
	n = pool_table_slots(view->pool_table, view->slots, VIEW_SLOTS_MAX);
	if (n < 0)
		return open_failed(ctl, "the slot table", n);
	view->n_slots = (unsigned)n;
	return is_running(view) ? CTL_DONE : not_running(ctl);
}

/* The text of the configuration in force, mapped: it is replaced by rename,
 * never changed. */
static int map_config(const char *run_dir, struct slice *ret_text)
{
	char path[512];
	struct stat st;
	void *map = MAP_FAILED;
	int fd, error = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/state/config.txt",
			     run_dir) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_size > 0)
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			   0);
	if (map == MAP_FAILED)
		error = -ENODATA;
	else
		*ret_text = (struct slice){map, (size_t)st.st_size};
	close(fd);
	return error;
}

static int open_config(struct ctl_view *view)
{
	struct config_report report = {0};
	struct slice text;
	int error = map_config(view->ctl->run_dir, &text);

	if (error)
		return open_failed(view->ctl, "the configuration", error);
	error = config_load_text(text, &view->config, &report);
	munmap((void *)(uintptr_t)text.ptr, text.len);
	config_report_done(&report);
	if (error)
		return open_failed(view->ctl, "the configuration", error);
	return CTL_DONE;
}

void ctl_view_open_boards(struct ctl_view *view)
{
	const char *dir = view->ctl->run_dir;

	if (!view->master_board)
		board_open(dir, (struct slot_id){SLOT_NONE, 0},
			   &view->master_board);
	if (!view->cdr_board)
		board_open(dir, (struct slot_id){SLOT_CDR, 0},
			   &view->cdr_board);
	if (!view->cdr_page)
		cdr_page_open(dir, &view->cdr_page);
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (!view->boards[i])
			board_open(
				dir,
				(struct slot_id){SLOT_SIGNALLING, (uint8_t)i},
				&view->boards[i]);
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		if (!view->media_boards[i])
			board_open(dir,
				   (struct slot_id){SLOT_MEDIA, (uint8_t)i},
				   &view->media_boards[i]);
		if (!view->streams[i])
			stream_board_open(dir, i, &view->streams[i]);
	}
}

void ctl_view_close_boards(struct ctl_view *view)
{
	board_close(view->master_board);
	board_close(view->cdr_board);
	cdr_page_close(view->cdr_page);
	view->master_board = view->cdr_board = NULL;
	view->cdr_page = NULL;
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		board_close(view->boards[i]);
		view->boards[i] = NULL;
	}
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		board_close(view->media_boards[i]);
		stream_board_close(view->streams[i]);
		view->media_boards[i] = NULL;
		view->streams[i] = NULL;
	}
}

static void open_book(struct ctl_view *view, unsigned index)
{
	int error = book_open(view->ctl->run_dir, index, &view->books[index]);

	if (error && error != -ENOENT)
		ctl_fail(view->ctl, CTL_REFUSED,
			 "the book of ms%u cannot be read: %s", index,
			 strerror(-error));
}

static int open_all(struct ctl_view *view)
{
	int code = open_pool(view);

	if (!code)
		code = open_config(view);
	if (code)
		return code;
	health_table_open(view->ctl->run_dir, false, &view->health);
	ctl_view_open_boards(view);
	return CTL_DONE;
}

int ctl_view_open(const struct ctl *ctl, struct ctl_view **ret_view)
{
	struct ctl_view *view = calloc(1, sizeof(*view));
	sigset_t before;
	int code;

	if (!view)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	view->ctl = ctl;
	view->now_us = clock_boot_us();
	view->rollback = rollback_read(ctl->run_dir);
	view->now_wall_us = clock_wall_us();
	hold_signals(&before);
	code = open_all(view);
	let_signals(&before);
	if (code)
		view = ctl_view_free(view);
	else
		*ret_view = view;
	return code;
}

struct ctl_view *ctl_view_free(struct ctl_view *view)
{
	if (!view)
		return NULL;
	for (unsigned i = 0; i < view->n_calls; i++)
		free(view->calls[i]);
	free(view->calls);
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		book_forget(view->books[i]);
	ctl_view_close_boards(view);
	health_table_forget(view->health);
	pool_table_forget(view->pool_table);
	config_free(view->config);
	free(view);
	return NULL;
}

/* ---- calls --------------------------------------------------------------- */

static void take_call(void *arg, struct call_record *call)
{
	struct ctl_view *view = arg;

	if (view->n_calls == view->calls_room) {
		unsigned room = view->calls_room ? view->calls_room * 2 : 256;
		void *more = realloc(view->calls, room * sizeof(call));

		if (!more) {
			free(call);
			view->is_short_of_memory = true;
			return;
		}
		view->calls = more;
		view->calls_room = room;
	}
	view->calls[view->n_calls++] = call;
}

static int compare_calls(const void *a, const void *b)
{
	const struct call_record *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static int scan_book(struct ctl_view *view, unsigned index)
{
	unsigned n_bad = 0;
	sigset_t before;
	int error;

	hold_signals(&before);
	open_book(view, index);
	error = view->books[index] ? book_scan_calls(view->books[index],
						     take_call, view, &n_bad)
				   : 0;
	let_signals(&before);
	if (view->is_short_of_memory)
		return -ENOMEM;
	if (n_bad)
		ctl_fail(view->ctl, CTL_REFUSED,
			 "%u records in the book of ms%u are of no kind known "
			 "to this version",
			 n_bad, index);
	return error;
}

struct book *ctl_view_book(struct ctl_view *view, unsigned index)
{
	sigset_t before;

	hold_signals(&before);
	if (!view->books[index])
		open_book(view, index);
	let_signals(&before);
	return view->books[index];
}

int ctl_view_load_calls(struct ctl_view *view)
{
	for (unsigned i = 0; i < view->n_slots; i++) {
		struct slot_id id = view->slots[i].slot;
		int error;

		if (id.kind != SLOT_SIGNALLING || id.index > BOOK_MAX)
			continue;
		error = scan_book(view, id.index);
		if (error)
			return open_failed(view->ctl, "a book", error);
	}
	if (view->n_calls)
		qsort(view->calls, view->n_calls, sizeof(*view->calls),
		      compare_calls);
	return CTL_DONE;
}

int ctl_view_get_call(struct ctl_view *view, uint64_t id,
		      struct call_record **ret_call)
{
	unsigned index = call_book(id);
	char text[CALL_ID_TEXT_MAX];
	sigset_t before;
	int error = -ENOENT;

	hold_signals(&before);
	if (index >= 1 && index <= BOOK_MAX && !view->books[index])
		open_book(view, index);
	if (index >= 1 && index <= BOOK_MAX && view->books[index])
		error = book_get_call(view->books[index], id, ret_call);
	let_signals(&before);
	if (error == -ENOENT)
		return ctl_fail(view->ctl, CTL_NO_OBJECT, "there is no call %s",
				call_id_text(id, text));
	return error ? open_failed(view->ctl, "a book", error) : CTL_DONE;
}

bool ctl_call_is_active(const struct call_record *call)
{
	return call->state != CALL_ABSORBING;
}

/* ---- figures ------------------------------------------------------------- */

const struct slot_record *ctl_view_slot(const struct ctl_view *view,
					struct slot_id id)
{
	for (unsigned i = 0; i < view->n_slots; i++)
		if (view->slots[i].slot.kind == id.kind &&
		    view->slots[i].slot.index == id.index)
			return &view->slots[i];
	return NULL;
}

static uint64_t counter_of(const struct board *board, enum counter counter)
{
	return board ? atomic_load_explicit(&board->counters[counter],
					    memory_order_relaxed)
		     : 0;
}

uint64_t ctl_view_count(const struct ctl_view *view, enum counter counter)
{
	uint64_t sum = counter_of(view->master_board, counter) +
		       counter_of(view->cdr_board, counter);

	for (unsigned i = 1; i <= BOOK_MAX; i++)
		sum += counter_of(view->boards[i], counter);
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++)
		sum += counter_of(view->media_boards[i], counter);
	return sum;
}

static uint64_t waiting_in(const struct ctl_view *view, unsigned index)
{
	uint64_t first = 0, last = 0, acked = 0;

	if (book_cdr_range(view->books[index], &first, &last) < 0)
		return 0;
	if (view->cdr_page)
		acked = cdr_page_acked(view->cdr_page, index);
	if (first <= acked)
		first = acked + 1;
	return last >= first ? last - first + 1 : 0;
}

uint64_t ctl_view_cdrs_waiting(const struct ctl_view *view)
{
	uint64_t sum = 0;
	sigset_t before;

	hold_signals(&before);
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (view->books[i])
			sum += waiting_in(view, i);
	let_signals(&before);
	return sum;
}

void ctl_view_health(const struct ctl_view *view,
		     const struct config_peer *peer,
		     struct peer_health *ret_health)
{
	struct health_sources sources = {
		.table = view->health,
		.pool = view->pool_table,
	};
	sigset_t before;

	memcpy(sources.boards, view->boards, sizeof(sources.boards));
	hold_signals(&before);
	health_of_peer(&sources, peer, view->now_us, ret_health);
	let_signals(&before);
}

bool ctl_view_is_drained(const struct ctl_view *view, struct slice name)
{
	sigset_t before;
	uint32_t flags;

	hold_signals(&before);
	flags = pool_table_admin(view->pool_table, name);
	let_signals(&before);
	return flags & ADMIN_DRAINED;
}
