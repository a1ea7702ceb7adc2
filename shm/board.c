/* SPDX-License-Identifier: Apache-2.0
 *
 * Board pages and media workers' stream pages.  Each process writes its own
 * and reads the others'.  Trap: a page is read while it is written; words are
 * atomic, rows are not, so what a reader copies may be half old.
 */
#include "shm/board.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/page.h"
#include "shm/version.h"

#define BOARD_NAME_MAX	   32
#define STREAM_BOARD_MAGIC 0x6d73706f6f6c0101ull

const char *const counter_names[N_COUNTERS] = {
#define COUNTER(name, help) [COUNTER_##name] = #name,
#include "shm/counters.def"
#undef COUNTER
};
const char *const counter_helps[N_COUNTERS] = {
#define COUNTER(name, help) [COUNTER_##name] = help,
#include "shm/counters.def"
#undef COUNTER
};

/* Other releases map these pages.  Another layout: raise the magic, then these
 * numbers. */
#define LAYOUT_CHANGED "another layout: raise the magic, then this number"
_Static_assert(sizeof(struct board) == 436456, LAYOUT_CHANGED);
_Static_assert(offsetof(struct board, peers) == 2112, LAYOUT_CHANGED);
_Static_assert(offsetof(struct board, events) == 157768, LAYOUT_CHANGED);
_Static_assert(sizeof(struct stream_row) == 240, LAYOUT_CHANGED);

/* ---- a process's page --------------------------------------------------- */

static void board_fill(void *page, const struct page_settings *settings)
{
	struct board *board = page;

	board->magic = BOARD_MAGIC;
	board->size = sizeof(*board);
	board->slot = *(const struct slot_id *)settings->arg;
	atomic_store_explicit(&board->next_event, 1, memory_order_relaxed);
}

static bool board_is_good(const void *page,
			  const struct page_settings *settings)
{
	const struct board *board = page;
	const struct slot_id *slot = settings->arg;

	return board->magic == BOARD_MAGIC && board->size == sizeof(*board) &&
	       board->slot.kind == slot->kind &&
	       board->slot.index == slot->index;
}

static const char *board_name(struct slot_id slot, char buf[BOARD_NAME_MAX])
{
	char name[SLOT_NAME_MAX];

	snprintf(buf, BOARD_NAME_MAX, "%s",
		 slot.kind == SLOT_NONE ? "master" : slot_name(slot, name));
	return buf;
}

static struct page_settings board_settings(const char *run_dir,
					   const struct slot_id *slot,
					   char name[BOARD_NAME_MAX])
{
	return (struct page_settings){
		.run_dir = run_dir,
		.folder = "board",
		.name = board_name(*slot, name),
		.size = sizeof(struct board),
		.fill = board_fill,
		.is_good = board_is_good,
		.arg = slot,
	};
}

int board_own(const char *run_dir, struct slot_id slot,
	      struct board **ret_board)
{
	char name[BOARD_NAME_MAX];
	struct page_settings settings = board_settings(run_dir, &slot, name);
	struct board *board;
	void *page;
	int rc = page_own(&settings, &page);

	if (rc)
		return rc;
	board = page;
	board->pid = (int32_t)getpid();
	board->format = FORMAT;
	atomic_store_explicit(&board->is_asleep, 0, memory_order_relaxed);
	*ret_board = board;
	return 0;
}

int board_open(const char *run_dir, struct slot_id slot,
	       const struct board **ret_board)
{
	char name[BOARD_NAME_MAX];
	struct page_settings settings = board_settings(run_dir, &slot, name);
	void *page;
	int rc = page_open(&settings, false, &page);

	if (!rc)
		*ret_board = page;
	return rc;
}

unsigned board_refused_pages(char ret_name[64])
{
	return page_refused(ret_name);
}

void board_close(const struct board *board)
{
	page_close(board, sizeof(*board));
}

void board_add(struct board *board, enum counter counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&board->counters[counter],
					    memory_order_relaxed);

	atomic_store_explicit(&board->counters[counter], old + n,
			      memory_order_relaxed);
}

/* ---- peers: a hash table whose rows are claimed for good ----------------- */

static char peer_first(const struct board_peer *peer)
{
	return __atomic_load_n(&peer->name[0], __ATOMIC_ACQUIRE);
}

static bool peer_is(const struct board_peer *peer, struct slice name)
{
	return memcmp(peer->name, name.ptr, name.len) == 0 &&
	       peer->name[name.len] == '\0';
}

/* The row of this name, or the free one where it belongs, or -1. */
static int peer_seek(const struct board *board, struct slice name)
{
	unsigned home;

	if (name.len == 0 || name.len >= PEER_NAME_MAX)
		return -1;
	home = (unsigned)(slice_hash(name, 0) % BOARD_PEERS);
	for (unsigned i = 0; i < BOARD_PEERS; i++) {
		unsigned at = (home + i) % BOARD_PEERS;
		const struct board_peer *peer = &board->peers[at];

		if (!peer_first(peer) || peer_is(peer, name))
			return (int)at;
	}
	return -1;
}

struct board_peer *board_peer(struct board *board, struct slice name)
{
	int at = peer_seek(board, name);
	struct board_peer *peer;

	if (at < 0)
		return NULL;
	peer = &board->peers[at];
	if (peer_first(peer))
		return peer;
	/* The first letter shows the row to readers: it comes last. */
	memcpy(peer->name + 1, name.ptr + 1, name.len - 1);
	peer->name[name.len] = '\0';
	__atomic_store_n(&peer->name[0], name.ptr[0], __ATOMIC_RELEASE);
	return peer;
}

const struct board_peer *board_find_peer(const struct board *board,
					 struct slice name)
{
	int at = peer_seek(board, name);

	if (at < 0 || !peer_first(&board->peers[at]))
		return NULL;
	return &board->peers[at];
}

/* ---- events ------------------------------------------------------------- */

void board_event(struct board *board, enum log_level level, const char *name,
		 const char *text)
{
	uint64_t sequence =
		atomic_load_explicit(&board->next_event, memory_order_relaxed);
	struct board_event *event = &board->events[sequence % BOARD_EVENTS];

	atomic_store_explicit(&event->sequence, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	event->wall_us = clock_wall_us();
	event->level = (uint8_t)level;
	slice_copy(slice_of(name), event->name, sizeof(event->name));
	slice_copy(slice_of(text), event->text, sizeof(event->text));
	atomic_store_explicit(&event->sequence, sequence, memory_order_release);
	atomic_store_explicit(&board->next_event, sequence + 1,
			      memory_order_release);
}

int board_read_event(const struct board *board, uint64_t sequence,
		     struct board_event *ret_event)
{
	const struct board_event *event =
		&board->events[sequence % BOARD_EVENTS];
	struct board_event copy;

	if (sequence == 0 ||
	    atomic_load_explicit(&event->sequence, memory_order_acquire) !=
		    sequence)
		return -ENOENT;
	memcpy((void *)&copy, (const void *)event, sizeof(copy));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&event->sequence, memory_order_relaxed) !=
	    sequence)
		return -ENOENT; /* overwritten meanwhile */
	copy.name[sizeof(copy.name) - 1] = '\0';
	copy.text[sizeof(copy.text) - 1] = '\0';
	memcpy((void *)ret_event, (const void *)&copy, sizeof(copy));
	return 0;
}

/* ---- media workers' stream pages ---------------------------------------- */

static void stream_board_fill(void *page, const struct page_settings *settings)
{
	struct stream_board *board = page;

	board->magic = STREAM_BOARD_MAGIC;
	board->size = (uint32_t)settings->size;
	board->n_rows = STREAM_ROWS;
}

static bool stream_board_is_good(const void *page,
				 const struct page_settings *settings)
{
	const struct stream_board *board = page;

	return board->magic == STREAM_BOARD_MAGIC &&
	       board->size == settings->size && board->n_rows == STREAM_ROWS;
}

static struct page_settings stream_board_settings(const char *run_dir,
						  unsigned media_slot,
						  char name[BOARD_NAME_MAX])
{
	snprintf(name, BOARD_NAME_MAX, "mw%u-streams", media_slot);
	return (struct page_settings){
		.run_dir = run_dir,
		.folder = "board",
		.name = name,
		.size = sizeof(struct stream_board),
		.fill = stream_board_fill,
		.is_good = stream_board_is_good,
	};
}

int stream_board_own(const char *run_dir, unsigned media_slot,
		     struct stream_board **ret_board)
{
	char name[BOARD_NAME_MAX];
	struct page_settings settings =
		stream_board_settings(run_dir, media_slot, name);
	void *page;
	int rc = page_own(&settings, &page);

	if (!rc)
		*ret_board = page;
	return rc;
}

int stream_board_open(const char *run_dir, unsigned media_slot,
		      const struct stream_board **ret_board)
{
	char name[BOARD_NAME_MAX];
	struct page_settings settings =
		stream_board_settings(run_dir, media_slot, name);
	void *page;
	int rc = page_open(&settings, false, &page);

	if (!rc)
		*ret_board = page;
	return rc;
}

void stream_board_close(const struct stream_board *board)
{
	page_close(board, sizeof(*board));
}
