/* SPDX-License-Identifier: Apache-2.0
 *
 * A media slot as this process serves it: its streams, its ports, its rings to
 * and from every book.  A process serves its own slot, and those of siblings
 * that were retired or are down.
 */
#ifndef MEDIA_SERVED_H
#define MEDIA_SERVED_H

#include "media/ports.h"
#include "media/relay.h"
#include "shm/board.h"
#include "shm/ring.h"

struct stream;

/* The ring by which a book takes free ports of one side. */
struct offer {
	struct ring *ring;   /* NULL: not open */
	bool is_known;	     /* all that a predecessor put there was seen */
	bool is_resumed;     /* and is ours, or somebody's for good */
	bool has_busy;	     /* a port of this pass is not free yet */
	uint64_t busy_at;    /* ring position of the first of them */
	uint64_t resumed_at; /* ring position up to which this pass came */
	struct pair_queue offered; /* in the ring, in its order */
	unsigned target;	   /* how many shall lie there */
	uint64_t retry_us;	   /* not before: the range is used up */
};

/* A slow look through a book for what no ring told (books.c). */
struct audit {
	bool is_running;
	uint64_t next_call; /* where it goes on */
	uint64_t began_us;
};

struct book_link {
	struct ring *look; /* call ids whose wish changed; NULL: not open */
	struct ring *told; /* call ids whose media died */
	struct offer offer[N_SIDES];
	struct pair_queue taken; /* from the rings, no wish seen yet */
	struct audit audit;
};

struct served {
	unsigned slot;
	bool is_own;		/* offers ports; else only goes on with calls */
	bool is_started;	/* all its sockets came; before, hands off */
	bool is_incomplete;	/* a call found its port busy: try again */
	bool are_offers_known;	/* all that lies in the rings was seen */
	uint64_t busy_until_us; /* a busy port may still become free */
	struct engine *engine;	/* not owned */
	struct relay *relay;	/* not owned */
	struct stream_board *board;
	struct stream **streams; /* by row of the board */
	unsigned n_streams;
	unsigned next_row; /* where the look at the rows goes on */
	struct ports ports;
	struct book_link link[BOOK_MAX + 1]; /* by book, from 1 */
	unsigned n_links;		     /* that are open */
};

struct served_settings {
	const char *run_dir;
	unsigned slot;
	bool is_own;
	struct engine *engine;
	struct relay *relay;
	struct pairs *pairs;
};

/* Opens the slot's stream board (what a predecessor wrote stays). */
int served_new(const struct served_settings *settings,
	       struct served **ret_served);
/* Ends its streams without a word to anybody, closes everything. */
struct served *served_free(struct served *served);

#endif
