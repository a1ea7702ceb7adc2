/* SPDX-License-Identifier: Apache-2.0
 *
 * soakstat RUN_DIR: what a pool holds, as one JSON object: records of every
 * table of every book, bytes of its map, streams on the media workers' pages
 * and free ports in the rings.  tests/soak/run asks it before, while and after
 * calls run, to find what leaks.
 * Trap: a ring is opened here a third time, beside its producer and consumer:
 * it is read, and never released.
 */
#include <stdio.h>

#include "shm/board.h"
#include "shm/book.h"
#include "shm/ring.h"

static const struct {
	enum book_table table;
	const char *name;
} tables[] = {
	{BOOK_CALL, "call"},	 {BOOK_PENDING, "pending"},
	{BOOK_STREAM, "stream"}, {BOOK_INTAKE, "intake"},
	{BOOK_CDR, "cdr"},
};

static int count_one(void *arg, struct slice key, struct slice value)
{
	(void)key;
	(void)value;
	++*(unsigned long long *)arg;
	return 0;
}

static unsigned long long count(struct store *store, enum book_table table)
{
	struct store_txn txn;
	unsigned long long n = 0;

	store_begin(store, STORE_READ, &txn);
	store_scan(&txn, table, SLICE_NONE, count_one, &n);
	store_abort(&txn);
	return n;
}

static bool tell_book(const char *run_dir, unsigned index, const char *comma)
{
	struct book *book;
	uint64_t used = 0, size = 0;

	if (book_open(run_dir, index, &book) < 0)
		return false;
	printf("%s{\"book\":\"ms%u\"", comma, index);
	for (unsigned i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		printf(",\"%s\":%llu", tables[i].name,
		       count(book_store(book), tables[i].table));
	store_usage(book_store(book), &used, &size);
	printf(",\"used\":%llu,\"size\":%llu}", (unsigned long long)used,
	       (unsigned long long)size);
	book_forget(book);
	return true;
}

static unsigned count_streams(const char *run_dir)
{
	const struct stream_board *board;
	unsigned n = 0;

	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++) {
		if (stream_board_open(run_dir, slot, &board) < 0)
			continue;
		for (unsigned i = 0; i < STREAM_ROWS; i++)
			n += board->rows[i].call != 0;
		stream_board_close(board);
	}
	return n;
}

static unsigned count_entries(const char *run_dir, enum ring_kind kind,
			      unsigned from, unsigned to)
{
	struct ring *ring;
	struct slice entry;
	uint64_t position;
	unsigned n = 0;

	if (ring_open(run_dir, kind, from, to, &ring) < 0)
		return 0;
	while (ring_take(ring, &entry, &position) == 0)
		n++;
	ring_close(ring);
	return n;
}

/* "ports-gateway-1-2": from media slot 1 to book 2. */
static void tell_ports(const char *run_dir, enum ring_kind kind,
		       const char *side)
{
	const char *comma = "";

	printf(",\"ports_%s\":{", side);
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++) {
		for (unsigned book = 1; book <= BOOK_MAX; book++) {
			unsigned n = count_entries(run_dir, kind, slot, book);

			if (n)
				printf("%s\"mw%u-ms%u\":%u", comma, slot, book,
				       n);
			comma = n ? "," : comma;
		}
	}
	putchar('}');
}

int main(int argc, char **argv)
{
	const char *comma = "";

	if (argc != 2) {
		fputs("usage: soakstat RUN_DIR\n", stderr);
		return 2;
	}
	fputs("{\"books\":[", stdout);
	for (unsigned index = 1; index <= BOOK_MAX; index++)
		if (tell_book(argv[1], index, comma))
			comma = ",";
	printf("],\"streams\":%u", count_streams(argv[1]));
	tell_ports(argv[1], RING_PORTS_INTERNAL, "internal");
	tell_ports(argv[1], RING_PORTS_GATEWAY, "gateway");
	puts("}");
	return 0;
}
