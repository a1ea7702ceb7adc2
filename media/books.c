/* SPDX-License-Identifier: Apache-2.0
 *
 * See books.h.  Called by mspool-media.c and inbox.c.
 * Trap: a ring only says that something changed; the record says what.  A note
 * that was lost is made good by the scans (at start, and when a taken port
 * stays without a wish).
 */

#include "media/books.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "media/inactivity.h"
#include "media/offers.h"
#include "media/stream.h"

#define SLOTS_MAX   (BOOK_MAX + MEDIA_SLOT_MAX)
#define ROWS_ALL_US USEC_PER_SEC /* every row is looked at so often */
/* Of a pool that was killed as a whole, the kernel still works off the media
 * workers' io_uring: their ports are busy for some more milliseconds. */
#define BUSY_US (2 * USEC_PER_SEC)

/* ---- opening ----------------------------------------------------------------
 */

static void books_open_ring(const struct media *media, enum ring_kind kind,
			    unsigned from, unsigned to, struct ring **ring)
{
	if (!*ring)
		ring_open(media->child.run_dir, kind, from, to, ring);
}

static void books_open_link(const struct media *media, struct served *served,
			    unsigned book)
{
	struct book_link *link = &served->link[book];

	if (!link->look) {
		books_open_ring(media, RING_LOOK, book, served->slot,
				&link->look);
		served->n_links += link->look != NULL;
	}
	books_open_ring(media, RING_TOLD, served->slot, book, &link->told);
	for (unsigned side = 0; side < N_SIDES; side++)
		books_open_ring(media, RING_PORTS_INTERNAL + side, served->slot,
				book, &link->offer[side].ring);
}

/* NULL: its server has not made it yet. */
static struct book *books_book(struct media *media, unsigned index)
{
	if (index < 1 || index > BOOK_MAX)
		return NULL;
	if (!media->books[index])
		book_open(media->child.run_dir, index, &media->books[index]);
	return media->books[index];
}

/* A slot whose sockets are still coming must not be touched: its streams would
 * find no ports. */
static bool books_is_served(const struct media *media, unsigned slot)
{
	return media->served[slot] && media->served[slot]->is_started;
}

static void books_open_book(struct media *media, unsigned book)
{
	books_book(media, book);
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (books_is_served(media, slot))
			books_open_link(media, media->served[slot], book);
}

void books_open(struct media *media)
{
	struct slot_record slots[SLOTS_MAX];
	unsigned n;

	if (!media->pool &&
	    pool_table_open(media->child.run_dir, false, &media->pool))
		return;
	n = pool_table_slots(media->pool, slots, SLOTS_MAX);
	for (unsigned i = 0; i < n; i++)
		if (slots[i].slot.kind == SLOT_SIGNALLING)
			books_open_book(media, slots[i].slot.index);
}

/* ---- wishes -----------------------------------------------------------------
 */

/* False: the ring is full or not there; to be told again later. */
static bool books_tell(struct media *media, struct served *served,
		       uint64_t call)
{
	unsigned book = call_book(call);
	struct ring *told = book <= BOOK_MAX ? served->link[book].told : NULL;
	struct slice note = {(const char *)&call, sizeof(call)};
	uint64_t one = 1;

	if (!told || ring_put(told, &note, 1))
		return false;
	ring_publish(told);
	if (ring_wants_bell(told) && media->bell[book] >= 0 &&
	    write(media->bell[book], &one, sizeof(one)) < 0)
		log_event(LOG_LVL_WARNING, "doorbell_failed", "slot=ms%u",
			  book);
	return true;
}

/* Another's, who may not have bound them yet, or ours that are busy. */
static void books_avoid(struct served *served, const struct media_wish *wish)
{
	for (unsigned leg = 0; leg < N_LEGS; leg++)
		if (wish->worker && !addr_is_none(&wish->side[leg].local))
			ports_avoid(&served->ports,
				    addr_port(&wish->side[leg].local));
}

/* A call that will use its ports later, or waits for a busy one: nobody else
 * gets them, be they bound or (after the whole pool's death) not. */
static void books_keep_ports(struct served *served, uint64_t call,
			     const struct media_wish *wish, uint64_t now_us)
{
	books_avoid(served, wish);
	stream_reserve(served, call, wish, now_us);
}

static void books_apply(struct media *media, struct served *served,
			uint64_t call, const struct media_wish *wish,
			bool is_rebuild)
{
	char id[CALL_ID_TEXT_MAX];
	bool is_known = stream_is_dead(served, call);
	int error = stream_apply(served, call, wish, is_rebuild, media->now_us);

	served->is_incomplete |= error == -EAGAIN;
	if (error == -EAGAIN)
		books_keep_ports(served, call, wish, media->now_us);
	if (error == 0 || error == -EAGAIN || is_known)
		return;
	log_event(LOG_LVL_ERROR, "media_refused",
		  "call=%s port_a=%u port_b=%u reason=%s",
		  call_id_text(call, id), addr_port(&wish->side[LEG_A].local),
		  addr_port(&wish->side[LEG_B].local), strerrorname_np(-error));
	books_tell(media, served, call);
}

/* The newest wish of a call, as far as it concerns this slot. */
static void books_look_at(struct media *media, struct served *served,
			  uint64_t call)
{
	unsigned index = call_book(call);
	struct book *book = books_book(media, index);
	struct media_wish wish;
	int error = book ? book_get_wish(book, call, &wish) : -ENOENT;
	/* A predecessor carried it, and it waits for its ports. */
	bool is_rebuild =
		served->is_incomplete && stream_board_find(served->board, call);

	if (error == 0 && wish.worker == served->slot && wish.version)
		books_apply(media, served, call, &wish, is_rebuild);
	else if (error == 0 || error == -ENOENT)
		stream_forget(served, call, media->now_us);
	else
		log_event(LOG_LVL_ERROR, "book_unreadable",
			  "slot=ms%u error=%d", index, error);
}

struct books_scan {
	struct media *media;
	struct served *served;
	bool is_rebuild;
};

static void books_on_wish(void *arg, uint64_t call,
			  const struct media_wish *wish)
{
	struct books_scan *scan = arg;

	if (call_book(call) > BOOK_MAX)
		return;
	if (wish->worker != scan->served->slot)
		books_avoid(scan->served, wish);
	else if (wish->version)
		books_apply(scan->media, scan->served, call, wish,
			    scan->is_rebuild);
	else
		books_keep_ports(scan->served, call, wish, scan->media->now_us);
}

/* Everything at once: nothing is carried yet. */
static void books_rebuild(struct media *media, struct served *served,
			  unsigned index)
{
	struct books_scan scan = {media, served, true};
	uint64_t next = 0;
	int error;

	do {
		error = book_scan_wishes(media->books[index], &next,
					 books_on_wish, &scan);
	} while (error == 0 && next);
	if (error)
		log_event(LOG_LVL_ERROR, "book_unreadable",
			  "slot=ms%u error=%d", index, error);
}

/* ---- the silent and the gone
 * ---------------------------------------------------- */

static void books_check_silence(struct media *media, struct served *served,
				struct stream_row *row,
				const struct stream *stream)
{
	char id[CALL_ID_TEXT_MAX];

	if (atomic_load(&row->is_dead) ||
	    !inactivity_is_over(stream, media->now_us))
		return;
	atomic_store(&row->is_dead, 1);
	if (!books_tell(media, served, stream->call)) {
		atomic_store(&row->is_dead, 0);
		return;
	}
	log_event(LOG_LVL_NOTICE, "media_timeout", "call=%s",
		  call_id_text(stream->call, id));
}

/* Looks at the next n rows: streams that are silent are told, rows without a
 * stream are kept as long as their record. */
static void books_rows(struct media *media, struct served *served, unsigned n)
{
	for (; n > 0; n--) {
		unsigned at = served->next_row++ % STREAM_ROWS;
		struct stream_row *row = &served->board->rows[at];
		uint64_t call = atomic_load(&row->call);

		if (served->streams[at])
			books_check_silence(media, served, row,
					    served->streams[at]);
		else if (call)
			books_look_at(media, served, call);
	}
}

static void books_rebuild_all(struct media *media, struct served *served)
{
	served->is_incomplete = false;
	for (unsigned book = 1; book <= BOOK_MAX; book++)
		if (media->books[book])
			books_rebuild(media, served, book);
}

/* Calls first; what lies in the rings, and new ports, come by books_round. */
void books_start(struct media *media, struct served *served)
{
	books_open(media);
	for (unsigned book = 1; book <= BOOK_MAX; book++)
		offers_foresee(served, book);
	served->busy_until_us = media->now_us + BUSY_US;
	books_rebuild_all(media, served);
	books_rows(media, served, STREAM_ROWS);
}

/* ---- rings ------------------------------------------------------------------
 */

static void books_look_ring(struct media *media, struct served *served,
			    struct ring *look)
{
	struct slice entry;
	uint64_t call, position;
	int error;

	while ((error = ring_take(look, &entry, &position)) != -EAGAIN) {
		if (error || entry.len != sizeof(call))
			continue;
		memcpy(&call, entry.ptr, sizeof(call));
		books_look_at(media, served, call);
	}
	ring_release(look);
}

typedef void link_fn(struct media *media, struct served *served, unsigned book);

static void books_each_link(struct media *media, link_fn *fn)
{
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		for (unsigned book = 1; media->served[slot] && book <= BOOK_MAX;
		     book++)
			if (media->served[slot]->link[book].look)
				fn(media, media->served[slot], book);
}

static void books_look_link(struct media *media, struct served *served,
			    unsigned book)
{
	struct ring *look = served->link[book].look;

	if (!ring_is_empty(look))
		books_look_ring(media, served, look);
}

void books_look(struct media *media)
{
	books_each_link(media, books_look_link);
}

bool books_have_news(const struct media *media)
{
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		for (unsigned book = 1; media->served[slot] && book <= BOOK_MAX;
		     book++) {
			struct ring *look =
				media->served[slot]->link[book].look;

			if (look && !ring_is_empty(look))
				return true;
		}
	return false;
}

static void books_link_to_sleep(struct media *media, struct served *served,
				unsigned book)
{
	ring_sleep(served->link[book].look, media->are_rings_asleep);
}

void books_sleep(struct media *media, bool is_asleep)
{
	if (media->are_rings_asleep == is_asleep)
		return;
	media->are_rings_asleep = is_asleep;
	books_each_link(media, books_link_to_sleep);
}

/* ---- ports ------------------------------------------------------------------
 */

/* Ports that were taken long ago and have no stream: are they in a record that
 * has no wish yet, or lost?  The book is read a slice a round, since a pass
 * over ten thousand calls at once would be heard. */
static void books_audit(struct media *media, struct served *served,
			unsigned index)
{
	struct audit *audit = &served->link[index].audit;
	struct books_scan scan = {media, served, false};
	unsigned n;

	if (!audit->is_running &&
	    offers_has_overdue(served, index, media->now_us))
		*audit = (struct audit){.is_running = true,
					.began_us = media->now_us};
	if (!audit->is_running || !books_book(media, index))
		return;
	if (book_scan_wishes(media->books[index], &audit->next_call,
			     books_on_wish, &scan)) {
		audit->is_running = false;
		return;
	}
	if (audit->next_call)
		return;
	audit->is_running = false;
	n = offers_reclaim(served, index, audit->began_us, media->now_us);
	if (n)
		log_event(LOG_LVL_NOTICE, "ports_reclaimed",
			  "slot=ms%u ports=%u", index, n);
}

static void books_resume_link(struct media *media, struct served *served,
			      unsigned book)
{
	served->are_offers_known &= offers_resume(served, book, media->now_us);
}

static void books_round_link(struct media *media, struct served *served,
			     unsigned book)
{
	if (served->are_offers_known)
		media->is_hungry |= offers_top_up(
			served, book, media->is_draining, media->now_us);
	else
		media->is_hungry = true;
	books_audit(media, served, book);
}

/* As many rows as the time since the last round is worth. */
static unsigned books_rows_due(struct media *media)
{
	uint64_t gone_us = media->now_us - media->rows_us;

	media->rows_us = media->now_us;
	if (gone_us > ROWS_ALL_US)
		gone_us = ROWS_ALL_US;
	return (unsigned)(gone_us * STREAM_ROWS / ROWS_ALL_US);
}

/* Calls that found a port busy are looked at again. */
static void books_complete(struct media *media, struct served *served)
{
	if (served->is_incomplete)
		books_rebuild_all(media, served);
	served->are_offers_known = true;
}

void books_round(struct media *media)
{
	unsigned n_rows = books_rows_due(media);

	media->is_hungry = false;
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (books_is_served(media, slot))
			books_complete(media, media->served[slot]);
	books_each_link(media, books_resume_link);
	books_each_link(media, books_round_link);
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (books_is_served(media, slot))
			books_rows(media, media->served[slot], n_rows);
}
