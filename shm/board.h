/* SPDX-License-Identifier: Apache-2.0
 *
 * Board pages: one mmap'd file per process under run_dir/state/board, written
 * by that process alone, read by all, kept when it dies so that its successor
 * goes on with the same figures.  Outside LMDB, so that a beat never waits.
 * Fields are single words written with relaxed atomics; a reader may see a
 * row half-updated and lives with it.
 */
#ifndef SHM_BOARD_H
#define SHM_BOARD_H

#include <stdatomic.h>

#include "base/log.h"
#include "shm/schema.h"

#define BOARD_PEERS	 1024 /* peers a worker keeps evidence of */
#define BOARD_EVENTS	 512  /* last events of a process */
#define BOARD_EVENT_TEXT 240

/* Counters of a process, one row each (shm/counters.def). */
enum counter {
#define COUNTER(name, help) COUNTER_##name,
#include "shm/counters.def"
#undef COUNTER
	N_COUNTERS
};
/* A page keeps its shape, and so its counters, when rows are added. */
#define COUNTERS_ROOM 192
_Static_assert((int)N_COUNTERS <= COUNTERS_ROOM, "a board has no room");
extern const char *const counter_names[N_COUNTERS];
extern const char *const counter_helps[N_COUNTERS];

/* What calls saw of a peer (CONTRACT "calls as evidence"), and their figures.
 */
struct board_peer {
	char name[PEER_NAME_MAX]; /* "" free; claimed once, never given back */
	_Atomic uint64_t
		unreachable_us; /* boottime of the last refused connection or
				   time-out; of the request's sending */
	_Atomic uint64_t demoted_us;	/* last 503 without Retry-After */
	_Atomic uint64_t held_until_us; /* 503 with Retry-After */
	_Atomic uint64_t good_us; /* sending time of the last request with a
				     good answer */
	_Atomic uint64_t last_failure_wall_us;
	_Atomic uint32_t calls; /* live calls on it now, derived by the owner */
	_Atomic uint32_t last_code;
	_Atomic uint64_t attempts, answered, failed, busy, cancelled;
};

struct board_event {
	_Atomic uint64_t sequence; /* 0 never written; written last */
	uint64_t wall_us;
	uint8_t level; /* enum log_level */
	char name[31];
	char text[BOARD_EVENT_TEXT];
};

/* What a signalling worker is at, so that the heir of the book can tell what
 * killed it (worker/poison.h). */
enum work_kind {
	WORK_NONE,
	WORK_STREAM,  /* framing of a connection from this offset on */
	WORK_MESSAGE, /* bytes */
	WORK_TIMER,   /* of a call */
	WORK_LOADING, /* a call's record, at adoption */
	WORK_OTHER,   /* a word of the master or of a media worker */
	N_WORK_KINDS
};

struct board_work {
	_Atomic uint32_t kind; /* enum work_kind; written last */
	uint32_t epoch;	       /* under which it served … */
	uint16_t book;	       /* … this book */
	uint16_t listener;
	uint8_t transport, pad[3];
	uint32_t len;  /* of bytes */
	uint64_t call; /* 0 none known */
	uint64_t connection, offset;
	struct addr source;
	char bytes[65536];
};

/* Another layout is another magic: pages of other releases are refused and
 * made anew.  shm/board.c pins the sizes. */
#define BOARD_MAGIC 0x6d73706f6f6c0004ull

struct board {
	uint64_t magic;
	uint32_t size;
	struct slot_id slot; /* kind SLOT_NONE: the master */
	int32_t pid;
	uint32_t generation; /* of the configuration in force */
	uint32_t format;     /* newest that this process can read and write */
	uint32_t pad;
	_Atomic uint64_t beat; /* boottime us of the last turn, never older than
				  100 ms while it is well */
	_Atomic uint64_t effect_sent; /* highest number of an effect sent */
	_Atomic uint32_t calls, calls_early, streams;
	_Atomic uint32_t is_asleep; /* about to wait: ring the doorbell */
	char last_words[512];	    /* of a failed must() */
	_Atomic uint64_t counters[COUNTERS_ROOM];
	struct board_peer peers[BOARD_PEERS];
	_Atomic uint64_t next_event;
	struct board_event events[BOARD_EVENTS];
	struct board_work work; /* now */
	struct board_work died; /* when the predecessor on this page died */
};

/* The process's own page: made, or taken over from its predecessor. */
int board_own(const char *run_dir, struct slot_id slot,
	      struct board **ret_board);
/* Pages and rings of another layout (of another release) that this process has
 * made anew since the last call, and the name of the last one. */
unsigned board_refused_pages(char ret_name[64]);
/* Another's, read only.  -ENOENT. */
int board_open(const char *run_dir, struct slot_id slot,
	       const struct board **ret_board);
void board_close(const struct board *board);
static inline void board_count(struct board *board, enum counter counter)
{
	atomic_store_explicit(&board->counters[counter],
			      atomic_load_explicit(&board->counters[counter],
						   memory_order_relaxed) +
				      1,
			      memory_order_relaxed);
}
void board_add(struct board *board, enum counter counter, uint64_t n);
/* Row of this peer, claimed if need be; NULL when all are taken. */
struct board_peer *board_peer(struct board *board, struct slice name);
const struct board_peer *board_find_peer(const struct board *board,
					 struct slice name);
/* Attempts, answers and failures of a trunk stand in the same table, under
 * "trunk NAME", since a trunk may bear the name of another's gateway: the key
 * for board_peer and board_find_peer, in buf. */
static inline struct slice board_trunk_key(struct slice name,
					   char buf[PEER_NAME_MAX])
{
	static const char prefix[] = "trunk ";
	size_t n = sizeof(prefix) - 1;

	memcpy(buf, prefix, n);
	n += slice_copy(name, buf + n, PEER_NAME_MAX - n);
	return (struct slice){buf, n};
}
void board_event(struct board *board, enum log_level level, const char *name,
		 const char *text);
/* Copies event number `sequence` (from 1; the newest is next_event - 1).
 * -ENOENT: not written yet, or overwritten since. */
int board_read_event(const struct board *board, uint64_t sequence,
		     struct board_event *ret_event);

/* ---- media workers' stream pages ---------------------------------------- */

#define STREAM_ROWS 8192 /* calls of one media worker */

struct stream_side_row {
	_Atomic uint64_t packets_in, bytes_in, packets_out;
	_Atomic uint64_t lost, refused; /* refused: wrong source */
	_Atomic uint32_t jitter_us;
	_Atomic uint32_t ssrc;
	_Atomic uint64_t last_packet_us; /* boottime */
	struct addr learned;		 /* where it really comes from */
	uint32_t extended_seq,
		base_seq; /* RFC 3550 A.1, to go on after a death */
	uint32_t transit;
	_Atomic uint64_t rtcp_in, rtcp_out;
};

struct stream_row {
	_Atomic uint64_t call;	  /* 0 free; written last when claimed */
	_Atomic uint32_t version; /* of the wish applied: the echo */
	_Atomic uint32_t is_dead; /* inactivity: the call's owner ends it */
	struct stream_side_row side[N_LEGS];
};

struct stream_board {
	uint64_t magic;
	uint32_t size, n_rows;
	struct stream_row rows[STREAM_ROWS];
};

int stream_board_own(const char *run_dir, unsigned media_slot,
		     struct stream_board **ret_board);
int stream_board_open(const char *run_dir, unsigned media_slot,
		      const struct stream_board **ret_board);
void stream_board_close(const struct stream_board *board);
/* A call's row lies within STREAM_PROBES rows (wrapping) of the one that its
 * hash names; a free row between says nothing. */
#define STREAM_PROBES 64
/* Readers and owner: NULL when the call has no row. */
const struct stream_row *stream_board_find(const struct stream_board *board,
					   uint64_t call);
/* Owner: the call's row, else a free one, zeroed; NULL when all of its places
 * are taken. */
struct stream_row *stream_board_claim(struct stream_board *board,
				      uint64_t call);
void stream_board_drop(struct stream_row *row);

/* ---- the steering page: Call-ID bucket -> book (writer: the master) ------ */

#define BUCKETS 1024

struct bucket {
	_Atomic uint8_t book, previous, before; /* before: previous' previous */
	_Atomic uint64_t changed_us;		/* boottime */
};

struct steer_board {
	uint64_t magic;
	_Atomic uint32_t version;
	_Atomic uint32_t format; /* that the pool writes (shm/version.h); 0:
				    not decided yet */
	struct bucket buckets[BUCKETS];
};

int steer_board_own(const char *run_dir, struct steer_board **ret_board);
int steer_board_open(const char *run_dir, const struct steer_board **ret_board);
/* Spreads the buckets evenly over these books, moving as few as can be. */
void steer_board_spread(struct steer_board *board, const uint8_t *books,
			unsigned n_books, uint64_t now_us);

#endif
