/* SPDX-License-Identifier: Apache-2.0
 *
 * The media worker's process: what mspool-media.c (start, loop), inbox.c (the
 * master's messages) and books.c (records and rings) share.
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "base/child.h"
#include "media/pace.h"
#include "media/rejoin.h"
#include "media/served.h"
#include "shm/book.h"
#include "shm/pool_table.h"

struct media {
	struct child child;
	struct board *board;
	struct engine *engine;
	struct relay relay;
	struct pace pace;
	struct pairs pairs;
	struct pool_table *pool;		   /* NULL: not there yet */
	struct book *books[BOOK_MAX + 1];	   /* by index; NULL none */
	int bell[BOOK_MAX + 1];			   /* of books; -1 none */
	int own_bell[MEDIA_SLOT_MAX + 1];	   /* of media slots; -1 */
	bool is_bell_watched[MEDIA_SLOT_MAX + 1];  /* only of those served */
	struct served *served[MEDIA_SLOT_MAX + 1]; /* NULL: not by us */
	uint64_t now_us;			   /* of this turn */
	uint64_t next_round_us;
	uint64_t rows_us;      /* when rows were last looked at */
	bool is_channel_ready; /* something to read there */
	struct rejoin rejoin;
	bool is_draining;      /* no new calls: no ports on offer */
	bool is_hungry;	       /* ports are wanted sooner than usual */
	bool is_retired;       /* leave the loop */
	bool are_rings_asleep; /* producers ring the bell */
};

/* The master's messages, one table. */
extern const struct inbox_row media_inbox[];

#endif
