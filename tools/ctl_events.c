/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl events [-f]`: what the processes of the pool noted on their board
 * pages, merged by time.  A page keeps the last BOARD_EVENTS of a process,
 * also of one that is dead.
 * Trap: a page is overwritten in a circle while we read; board_read_event
 * refuses what was, and what is skipped so is lost, as old events are.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

#define SOURCES_MAX (2 + BOOK_MAX + MEDIA_SLOT_MAX)
#define TAIL	    10 /* events shown before those to come */
#define POLL_NS	    200000000

/* A page and how far it was read. */
struct source {
	const struct board *board;
	uint64_t next;
	char who[SLOT_NAME_MAX];
};

struct found {
	struct board_event event;
	const char *who;
};

struct reader {
	struct ctl_view view;
	struct source sources[SOURCES_MAX];
	unsigned n_sources;
	struct found *found; /* of one look, by time */
	unsigned n_found, room;
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

/* ---- reading ------------------------------------------------------------- */

static void add_source(struct reader *reader, const struct board *board,
		       struct slot_id slot)
{
	struct source *source;

	if (!board)
		return;
	for (unsigned i = 0; i < reader->n_sources; i++)
		if (reader->sources[i].board == board)
			return;
	source = &reader->sources[reader->n_sources++];
	source->board = board;
	source->next = 1;
	if (slot.kind == SLOT_NONE)
		slice_copy(SLICE("master"), source->who, sizeof(source->who));
	else
		slot_name(slot, source->who);
}

/* Pages of slots that came up since are found, too. */
static void find_sources(struct reader *reader)
{
	struct ctl_view *view = &reader->view;

	ctl_view_open_boards(view);
	add_source(reader, view->master_board, (struct slot_id){SLOT_NONE, 0});
	add_source(reader, view->cdr_board, (struct slot_id){SLOT_CDR, 0});
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		add_source(reader, view->boards[i],
			   (struct slot_id){SLOT_SIGNALLING, (uint8_t)i});
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++)
		add_source(reader, view->media_boards[i],
			   (struct slot_id){SLOT_MEDIA, (uint8_t)i});
}

static struct found *new_found(struct reader *reader)
{
	if (reader->n_found == reader->room) {
		unsigned room = reader->room ? reader->room * 2 : 256;
		void *more =
			realloc(reader->found, room * sizeof(*reader->found));

		if (!more)
			return NULL;
		reader->found = more;
		reader->room = room;
	}
	return &reader->found[reader->n_found];
}

static void read_source(struct reader *reader, struct source *source)
{
	uint64_t end = atomic_load(&source->board->next_event);

	if (end > BOARD_EVENTS && source->next < end - BOARD_EVENTS)
		source->next = end - BOARD_EVENTS;
	for (; source->next < end; source->next++) {
		struct found *found = new_found(reader);

		if (!found)
			return;
		found->who = source->who;
		if (board_read_event(source->board, source->next,
				     &found->event) == 0)
			reader->n_found++;
	}
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->event.wall_us > y->event.wall_us) -
	       (x->event.wall_us < y->event.wall_us);
}

static void look(struct reader *reader)
{
	reader->n_found = 0;
	find_sources(reader);
	for (unsigned i = 0; i < reader->n_sources; i++)
		read_source(reader, &reader->sources[i]);
	if (reader->n_found)
		qsort(reader->found, reader->n_found, sizeof(*reader->found),
		      compare_found);
}

/* ---- printing ------------------------------------------------------------ */

static json_t *event_json(const struct found *found)
{
	static const char *const levels[] = {"error", "warning", "notice",
					     "info", "debug"};
	const struct board_event *event = &found->event;
	size_t name_len = strnlen(event->name, sizeof(event->name));
	size_t text_len = strnlen(event->text, sizeof(event->text));

	return json_pack("{s:o, s:s, s:o, s:s, s:o}", "time",
			 ctl_json_time(event->wall_us), "level",
			 event->level < 5 ? levels[event->level] : "unknown",
			 "event",
			 ctl_json_text((struct slice){event->name, name_len}),
			 "who", found->who, "text",
			 ctl_json_text((struct slice){event->text, text_len}));
}

static const struct ctl_column columns[] = {
	{"TIME", "time", CELL_TIME}, {"LEVEL", "level", CELL_STATE},
	{"WHO", "who", CELL_TEXT},   {"EVENT", "event", CELL_TEXT},
	{"TEXT", "text", CELL_TEXT}, {0}};

static json_t *found_json(const struct reader *reader, unsigned from)
{
	json_t *rows = json_array();

	for (unsigned i = from; i < reader->n_found; i++)
		json_array_append_new(rows, event_json(&reader->found[i]));
	return rows;
}

static int print_all(const struct ctl *ctl, const struct reader *reader)
{
	json_t *rows = found_json(reader, 0);
	int code;

	if (ctl->is_json)
		return ctl_json_print(ctl, rows);
	code = ctl_table_print(ctl, columns, rows);
	json_decref(rows);
	return code;
}

/* One event, one line: columns cannot be measured ahead. */
void ctl_event_print(const struct ctl *ctl, json_t *event)
{
	static const int widths[] = {9, 8, 7, 24, 0};

	if (ctl->is_json) {
		json_dumpf(event, ctl->out, JSON_COMPACT);
	} else {
		for (unsigned i = 0; columns[i].header; i++) {
			char text[CELL_MAX];

			fprintf(ctl->out, "%-*s ", widths[i],
				ctl_cell_text(
					json_object_get(event, columns[i].key),
					columns[i].format, text));
		}
	}
	fputc('\n', ctl->out);
	json_decref(event);
}

static void print_from(const struct ctl *ctl, const struct reader *reader,
		       unsigned from)
{
	for (unsigned i = from; i < reader->n_found; i++)
		ctl_event_print(ctl, event_json(&reader->found[i]));
	fflush(ctl->out);
}

static void follow(const struct ctl *ctl, struct reader *reader)
{
	static const struct timespec pause = {.tv_nsec = POLL_NS};

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	print_from(ctl, reader,
		   reader->n_found > TAIL ? reader->n_found - TAIL : 0);
	while (!is_interrupted && !ferror(ctl->out)) {
		nanosleep(&pause, NULL);
		look(reader);
		print_from(ctl, reader, 0);
	}
}

int ctl_events(struct ctl *ctl)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int code = CTL_DONE;

	if (!reader)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	reader->view.ctl = ctl;
	look(reader);
	if (reader->n_sources == 0)
		code = ctl_fail(ctl, CTL_NOT_RUNNING,
				"no pool is running in %s", ctl->run_dir);
	else if (ctl->options[CTL_OPTION_FOLLOW])
		follow(ctl, reader);
	else
		code = print_all(ctl, reader);
	ctl_view_close_boards(&reader->view);
	free(reader->found);
	free(reader);
	return code;
}
