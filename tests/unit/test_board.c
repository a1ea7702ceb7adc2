/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/board.c and shm/page.c: pages that outlive their process, peers' rows,
 * events, stream pages.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/board.h"
#include "tests/unit/scratch.h"

static const struct slot_id ms1 = {SLOT_SIGNALLING, 1};
static const char *run_dir;

static void setup(void)
{
	run_dir = scratch_make();
}

TestSuite(board, .init = setup, .fini = scratch_remove, .timeout = 30);

static struct board *own(struct slot_id slot)
{
	struct board *board = NULL;

	cr_assert_eq(board_own(run_dir, slot, &board), 0);
	return board;
}

Test(board, a_successor_goes_on_with_the_figures)
{
	struct board *board = own(ms1);

	board_count(board, COUNTER_calls_total);
	board_add(board, COUNTER_calls_total, 41);
	atomic_store(&board->effect_sent, 7);
	atomic_store(&board->is_asleep, 1);
	board->pid = 1;
	board_close(board);
	board = own(ms1);
	cr_assert_eq(atomic_load(&board->counters[COUNTER_calls_total]), 42);
	cr_assert_eq(atomic_load(&board->effect_sent), 7);
	cr_assert_eq(atomic_load(&board->is_asleep), 0);
	cr_assert_eq(board->pid, getpid());
	board_close(board);
}

Test(board, readers_see_it_and_get_nothing_where_none_is)
{
	struct board *board = own(ms1);
	const struct board *seen = NULL;

	cr_assert_eq(
		board_open(run_dir, (struct slot_id){SLOT_MEDIA, 1}, &seen),
		-ENOENT);
	cr_assert_eq(board_open(run_dir, ms1, &seen), 0);
	atomic_store(&board->beat, 99);
	cr_assert_eq(atomic_load(&seen->beat), 99);
	board_close(seen);
	board_close(board);
}

Test(board, the_master_has_a_page_of_its_own)
{
	struct board *board = own((struct slot_id){SLOT_NONE, 0});
	struct stat st;

	cr_assert_eq(stat(scratch_path("state/board/master"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(st.st_size, (off_t)sizeof(struct board));
	cr_assert_geq(st.st_blocks * 512, (off_t)sizeof(struct board));
	cr_assert_eq(stat(scratch_path("state/board"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700);
	board_close(board);
}

Test(board, a_page_of_another_shape_is_made_anew_and_never_read)
{
	struct board *board;
	const struct board *seen = NULL;

	board_close(own(ms1));
	scratch_write("state/board/ms1", "short");
	cr_assert_eq(board_open(run_dir, ms1, &seen), -EPROTO);
	board = own(ms1);
	board_count(board, COUNTER_turns);
	board->magic++; /* as another release writes it */
	cr_assert_eq(board_open(run_dir, ms1, &seen), -EPROTO);
	board_close(board);
	board = own(ms1);
	cr_assert_eq(atomic_load(&board->counters[COUNTER_turns]), 0);
	board_close(board);
}

Test(board, every_counter_has_a_name_and_a_help)
{
	for (unsigned i = 0; i < N_COUNTERS; i++) {
		cr_assert_not_null(counter_names[i]);
		cr_assert_not_null(counter_helps[i]);
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(counter_names[i], counter_names[k]);
	}
}

/* ---- peers -------------------------------------------------------------- */

Test(board, a_peers_row_is_claimed_once_and_found_by_readers)
{
	struct board *board = own(ms1);
	struct board_peer *row = board_peer(board, SLICE("gw1"));

	cr_assert_null(board_find_peer(board, SLICE("gw2")));
	cr_assert_not_null(row);
	cr_assert_str_eq(row->name, "gw1");
	cr_assert_eq(board_peer(board, SLICE("gw1")), row);
	cr_assert_eq(board_find_peer(board, SLICE("gw1")), row);
	cr_assert_neq(board_peer(board, SLICE("gw")), row);
	cr_assert_neq(board_peer(board, SLICE("gw11")), row);
	board_close(board);
}

Test(board, names_that_cannot_be_have_no_row)
{
	struct board *board = own(ms1);
	char name[PEER_NAME_MAX];

	memset(name, 'n', sizeof(name));
	cr_assert_null(board_peer(board, SLICE_NONE));
	cr_assert_null(board_peer(board, (struct slice){name, PEER_NAME_MAX}));
	cr_assert_not_null(
		board_peer(board, (struct slice){name, PEER_NAME_MAX - 1}));
	board_close(board);
}

Test(board, a_full_table_still_knows_its_peers)
{
	struct board *board = own(ms1);
	char name[16];

	for (unsigned i = 0; i < BOARD_PEERS; i++) {
		snprintf(name, sizeof(name), "gw%u", i);
		cr_assert_not_null(board_peer(board, slice_of(name)));
	}
	cr_assert_null(board_peer(board, SLICE("one more")));
	cr_assert_null(board_find_peer(board, SLICE("one more")));
	for (unsigned i = 0; i < BOARD_PEERS; i++) {
		snprintf(name, sizeof(name), "gw%u", i);
		cr_assert_str_eq(board_find_peer(board, slice_of(name))->name,
				 name);
	}
	board_close(board);
}

/* ---- events ------------------------------------------------------------- */

Test(board, the_last_events_can_be_read_and_older_ones_are_told)
{
	struct board *board = own(ms1);
	struct board_event event;
	char text[16];

	cr_assert_eq(board_read_event(board, 0, &event), -ENOENT);
	cr_assert_eq(board_read_event(board, 1, &event), -ENOENT);
	for (unsigned i = 1; i <= BOARD_EVENTS + 10; i++) {
		snprintf(text, sizeof(text), "number %u", i);
		board_event(board, LOG_LVL_NOTICE, "test", text);
	}
	cr_assert_eq(atomic_load(&board->next_event), BOARD_EVENTS + 11);
	cr_assert_eq(board_read_event(board, 10, &event), -ENOENT);
	cr_assert_eq(board_read_event(board, BOARD_EVENTS + 11, &event),
		     -ENOENT);
	cr_assert_eq(board_read_event(board, 11, &event), 0);
	cr_assert_str_eq(event.text, "number 11");
	cr_assert_str_eq(event.name, "test");
	cr_assert_eq(event.level, LOG_LVL_NOTICE);
	cr_assert_gt(event.wall_us, 0);
	board_close(board);
}

Test(board, a_long_event_is_cut)
{
	struct board *board = own(ms1);
	struct board_event event;
	char text[1000];

	memset(text, 'e', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	board_event(board, LOG_LVL_ERROR, text, text);
	cr_assert_eq(board_read_event(board, 1, &event), 0);
	cr_assert_eq(strlen(event.text), BOARD_EVENT_TEXT - 1);
	cr_assert_eq(strlen(event.name), sizeof(event.name) - 1);
	board_close(board);
}

/* ---- streams ------------------------------------------------------------ */

Test(board, a_stream_page_is_kept_with_its_rows)
{
	struct stream_board *board = NULL;
	const struct stream_board *seen = NULL;
	struct stream_row *row;

	cr_assert_eq(stream_board_open(run_dir, 1, &seen), -ENOENT);
	cr_assert_eq(stream_board_own(run_dir, 1, &board), 0);
	row = stream_board_claim(board, call_make(1, 77));
	atomic_store(&row->version, 3);
	stream_board_close(board);
	cr_assert_eq(stream_board_own(run_dir, 1, &board), 0);
	cr_assert_eq(stream_board_open(run_dir, 1, &seen), 0);
	cr_assert_eq(
		atomic_load(
			&stream_board_find(seen, call_make(1, 77))->version),
		3);
	cr_assert_null(stream_board_find(seen, call_make(1, 78)));
	stream_board_close(seen);
	stream_board_close(board);
}
