/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-cdr writes call records to disk, so that no loop that carries calls
 * ever does.  One process a pool, started by the master only, when [cdr] names
 * a folder.
 *
 *   hears     from        what
 *   master    channel     CONFIG, REOPEN, RETIRE
 *   books     LMDB        records above what is acknowledged (cdr_gather.c)
 *
 * The loop: a batch of lines is gathered from the books, placed on the page
 * (shm/cdr_page.h), written to the file, and acknowledged on the page, where
 * the books' owners see what they may delete.  It ends when the master retires
 * it or is gone, and what is not written by then is written by its successor.
 *
 * Trap: the disk may take its time, or nothing at all.  The master must not
 * take that for a hang: is_asleep stands on the board page meanwhile.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "shm/board.h"
#include "tools/cdr_file.h"
#include "tools/cdr_gather.h"

#define LOOK_US	     100000ull		 /* how often books are looked at */
#define BOOKS_US     (1 * USEC_PER_SEC)	 /* … and whether there are others */
#define RETRY_US     (1 * USEC_PER_SEC)	 /* after the disk refused */
#define LOCK_WAIT_US (10 * USEC_PER_SEC) /* for a predecessor to end */
#define BATCHES_MAX  16			 /* without a look at the channel */
#define MEGABYTE     1000000ull

struct writer {
	struct child child;
	struct board *board;
	struct cdr_page *page;
	int lock;
	struct cdr_gather gather;
	struct cdr_file file;
	uint64_t retry_us, books_us; /* not before */
	bool is_leaving;
	char host[HOST_NAME_MAX + 1];
};

/* ---- telling ------------------------------------------------------------- */

static void tell(struct writer *writer, enum log_level level, const char *event,
		 const char *text)
{
	log_event(level, event, "%s", text);
	board_event(writer->board, level, event, text);
}

/* Once for each time, not for each attempt. */
static void tell_blocked(struct writer *writer, int error)
{
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	board_count(writer->board, COUNTER_cdr_write_errors);
	writer->retry_us = clock_boot_us() + RETRY_US;
	snprintf(writer->page->why, sizeof(writer->page->why), "%s",
		 strerror(-error));
	if (atomic_load(&writer->page->is_blocked))
		return;
	atomic_store(&writer->page->blocked_since_us, clock_wall_us());
	atomic_store(&writer->page->is_blocked, 1);
	out_printf(&out, "file=%s reason=\"%s\"", writer->file.path,
		   strerror(-error));
	tell(writer, LOG_LVL_ERROR, "cdr_blocked", out_end(&out));
}

static void tell_flows(struct writer *writer)
{
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	if (!atomic_load(&writer->page->is_blocked))
		return;
	atomic_store(&writer->page->is_blocked, 0);
	out_printf(&out, "file=%s", writer->file.path);
	tell(writer, LOG_LVL_NOTICE, "cdr_unblocked", out_end(&out));
}

/* From the page and not by adding up: exact, whoever was killed when. */
static void count_written(struct writer *writer)
{
	uint64_t sum = 0;

	for (unsigned i = 1; i <= BOOK_MAX; i++)
		sum += cdr_page_acked(writer->page, i);
	atomic_store(&writer->board->counters[COUNTER_cdr_written], sum);
	atomic_store(&writer->board->counters[COUNTER_cdr_unreadable],
		     writer->gather.n_unreadable);
}

/* ---- the work ------------------------------------------------------------ */

/* Shown to the master: what follows may take as long as the disk likes. */
static void at_disk(struct writer *writer, bool is_there)
{
	atomic_store(&writer->board->is_asleep, is_there);
}

static void acknowledge(struct writer *writer)
{
	cdr_batch_ack(writer->page);
	count_written(writer);
	tell_flows(writer);
}

/* Called with a batch placed, by us or by a predecessor: true when it is no
 * more. */
static bool repeat(struct writer *writer)
{
	int rc;

	at_disk(writer, true);
	rc = cdr_file_repeat(writer->page);
	at_disk(writer, false);
	if (rc == -ENOENT) {
		tell(writer, LOG_LVL_WARNING, "cdr_file_gone",
		     "reason=\"the file was taken away while lines were "
		     "written to it; they are written again\"");
		cdr_batch_cancel(writer->page);
		return true;
	}
	if (rc) {
		tell_blocked(writer, rc);
		return false;
	}
	acknowledge(writer);
	return true;
}

static void show_file(struct writer *writer)
{
	if (strcmp(writer->page->file, writer->file.path) != 0)
		snprintf(writer->page->file, sizeof(writer->page->file), "%s",
			 writer->file.path);
}

static bool is_anything_waiting(struct writer *writer)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		uint64_t first = 0, last = 0;

		if (writer->gather.books[i] &&
		    book_cdr_range(writer->gather.books[i], &first, &last) ==
			    0 &&
		    last > cdr_page_acked(writer->page, i))
			return true;
	}
	return false;
}

/* Gathers and places a batch: its records, 0: there are none, -errno. */
static int place_batch(struct writer *writer)
{
	bool with_header;
	int rc;

	at_disk(writer, true);
	rc = cdr_file_open(&writer->file, clock_wall_us());
	at_disk(writer, false);
	if (rc)
		return rc;
	show_file(writer);
	with_header =
		writer->file.size == 0 && writer->gather.format == CDR_CSV;
	if (!cdr_gather(&writer->gather, writer->page, with_header))
		return 0;
	cdr_file_place(&writer->file, writer->page);
	return 1;
}

/* One batch: true when there may be more. */
static bool write_batch(struct writer *writer)
{
	int rc;

	if (cdr_batch_is_placed(writer->page))
		return repeat(writer);
	if (!is_anything_waiting(writer))
		return false;
	rc = place_batch(writer);
	if (rc > 0) {
		at_disk(writer, true);
		rc = cdr_file_write(&writer->file, writer->page);
		at_disk(writer, false);
		if (!rc)
			acknowledge(writer);
		else
			tell_blocked(writer, rc);
		return !rc;
	}
	if (rc)
		tell_blocked(writer, rc);
	return false;
}

/* At most so many batches. */
static void work(struct writer *writer, unsigned most)
{
	uint64_t now = clock_boot_us();

	if (!writer->child.config || now < writer->retry_us)
		return;
	if (now >= writer->books_us) {
		cdr_gather_open(&writer->gather);
		writer->books_us = now + BOOKS_US;
	}
	at_disk(writer, true);
	if (!cdr_batch_is_placed(writer->page))
		cdr_file_expire(&writer->file, clock_wall_us());
	at_disk(writer, false);
	for (unsigned i = 0; i < most && write_batch(writer); i++)
		atomic_fetch_add(&writer->board->beat, 1);
}

/* ---- from the master ----------------------------------------------------- */

static void apply_config(struct writer *writer)
{
	const struct config *config = writer->child.config;
	struct cdr_file_settings settings = {
		.directory = config->cdr.directory,
		.format = config->cdr.is_json ? CDR_JSON : CDR_CSV,
		.rotate_us = config->cdr.rotate_us,
		.rotate_bytes = config->cdr.rotate_megabytes * MEGABYTE,
	};

	log_open(&(struct log_settings){.who = writer->child.name,
					.level = config->pool.log_level,
					.is_json = config->pool.is_log_json});
	if (!settings.directory)
		return; /* the master is about to retire us */
	cdr_file_configure(&writer->file, &settings);
	writer->gather.format = settings.format;
	writer->retry_us = 0;
}

static void on_master_config(void *arg, const union message_payload *payload,
			     int fd)
{
	struct writer *writer = arg;
	struct message_ready ready = {.slot = writer->child.slot};
	struct config *old = NULL;
	int rc = child_take_config(&writer->child, &payload->config, fd, &old);

	if (!rc) {
		apply_config(writer);
		config_free(old);
	}
	writer->board->generation = writer->child.generation;
	ready.generation = writer->child.generation;
	channel_send(writer->child.channel,
		     rc ? MESSAGE_CONFIG_REFUSED : MESSAGE_READY, &ready, -1);
}

static void on_master_reopen(void *arg, const union message_payload *payload,
			     int fd)
{
	struct writer *writer = arg;

	(void)payload;
	(void)fd;
	writer->file.wants_new = true;
}

static void on_master_retire(void *arg, const union message_payload *payload,
			     int fd)
{
	struct writer *writer = arg;

	(void)payload;
	(void)fd;
	writer->is_leaving = true;
}

static void on_master_log_file(void *arg, const union message_payload *payload,
			       int fd)
{
	(void)arg;
	(void)payload;
	log_use(fd);
	close(fd);
}

static const struct inbox_row inbox[] = {
	{MESSAGE_LOG_FILE, on_master_log_file},
	{MESSAGE_CONFIG, on_master_config},
	{MESSAGE_REOPEN, on_master_reopen},
	{MESSAGE_RETIRE, on_master_retire},
	{MESSAGE_NONE, NULL},
};

static void on_channel(int fd, unsigned what, void *arg)
{
	struct writer *writer = arg;
	unsigned strange = 0;

	(void)fd;
	if (what & LOOP_WRITE)
		channel_flush(writer->child.channel);
	if (channel_read(writer->child.channel, inbox, writer, &strange) < 0)
		writer->is_leaving = true; /* the next master starts another */
}

/* ---- the process --------------------------------------------------------- */

static int start(struct writer *writer, int argc, char **argv)
{
	int rc;

	child_start(&writer->child, argc, argv);
	log_open(&(struct log_settings){.who = writer->child.name,
					.level = LOG_LVL_INFO});
	must(writer->child.slot.kind == SLOT_CDR);
	must(loop_watch(writer->child.loop, channel_fd(writer->child.channel),
			LOOP_READ, on_channel, writer));
	gethostname(writer->host, sizeof(writer->host) - 1);
	writer->gather.run_dir = writer->child.run_dir;
	writer->gather.host = writer->host;
	cdr_file_init(&writer->file);
	rc = cdr_page_own(writer->child.run_dir, LOCK_WAIT_US, &writer->page,
			  &writer->lock);
	if (rc) {
		log_event(LOG_LVL_ERROR, "cdr_start_failed", "reason=\"%s\"",
			  strerror(-rc));
		return rc;
	}
	must(board_own(writer->child.run_dir, writer->child.slot,
		       &writer->board) == 0);
	must_note_at(writer->board->last_words,
		     sizeof(writer->board->last_words));
	writer->gather.n_unreadable =
		atomic_load(&writer->board->counters[COUNTER_cdr_unreadable]);
	count_written(writer);
	return 0;
}

int main(int argc, char **argv)
{
	static struct writer writer;

	if (start(&writer, argc, argv) < 0)
		return 75;
	child_confine(&writer.child, CONFINE_CDR);
	while (!writer.is_leaving) {
		if (loop_turn(writer.child.loop, LOOK_US) < 0)
			must_fail(__FILE__, __LINE__, "the loop failed");
		atomic_fetch_add(&writer.board->beat, 1);
		work(&writer, BATCHES_MAX);
	}
	writer.retry_us = writer.books_us = 0; /* once more, come what may */
	work(&writer, UINT_MAX);
	channel_flush(writer.child.channel);
	return 0;
}
