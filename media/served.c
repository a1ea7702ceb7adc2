/* SPDX-License-Identifier: Apache-2.0
 *
 * See served.h.  Called by inbox.c.
 */

#include "media/served.h"

#include <errno.h>
#include <stdlib.h>

#include "media/stream.h"

int served_new(const struct served_settings *settings,
	       struct served **ret_served)
{
	struct served *served = calloc(1, sizeof(*served));
	int error;

	if (!served)
		return -ENOMEM;
	served->slot = settings->slot;
	served->is_own = settings->is_own;
	served->engine = settings->engine;
	served->relay = settings->relay;
	served->streams = calloc(STREAM_ROWS, sizeof(*served->streams));
	error = served->streams ? ports_init(&served->ports, settings->slot,
					     settings->pairs)
				: -ENOMEM;
	if (error == 0)
		error = stream_board_own(settings->run_dir, settings->slot,
					 &served->board);
	if (error) {
		served_free(served);
		return error;
	}
	*ret_served = served;
	return 0;
}

static void book_link_close(struct book_link *link)
{
	link->look = ring_close(link->look);
	link->told = ring_close(link->told);
	for (unsigned side = 0; side < N_SIDES; side++)
		link->offer[side].ring = ring_close(link->offer[side].ring);
}

struct served *served_free(struct served *served)
{
	if (!served)
		return NULL;
	for (unsigned i = 0; served->streams && i < STREAM_ROWS; i++)
		stream_free(served, served->streams[i], 0);
	for (unsigned book = 1; book <= BOOK_MAX; book++)
		book_link_close(&served->link[book]);
	ports_done(&served->ports, false);
	if (served->board)
		stream_board_close(served->board);
	free(served->streams);
	free(served);
	return NULL;
}
