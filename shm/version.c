/* SPDX-License-Identifier: Apache-2.0
 *
 * See version.h.  Every process that reads or writes records.  A kind usually
 * changes by members added at the end of its fixed part: then texts move, and
 * their offsets with them, and nothing else is to be written for it than the
 * row.  Trap: nothing of a foreign record is believed before record_check has
 * seen it in the layout of this release; sizes are checked here.
 */
#include "shm/version.h"

#include <stdlib.h>

#include "base/log.h"
#include "shm/record.h"

#define GROWN_AT(kind, member) offsetof(struct kind, member)

static const unsigned no_texts;

/* clang-format off */
static const struct record_row rows[] = {
	[RECORD_CALL]   = {CALL_VERSION, 2, sizeof(struct call_record),
			   GROWN_AT(call_record, born_epoch),
			   call_record_texts, &n_call_record_texts, NULL, NULL},
	[RECORD_TX]     = {TX_VERSION, 1, sizeof(struct tx_record), 0,
			   tx_record_texts, &n_tx_record_texts, NULL, NULL},
	[RECORD_STREAM] = {STREAM_VERSION, 1, sizeof(struct stream_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_SLOT]   = {SLOT_VERSION, 1, sizeof(struct slot_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_ADMIN]  = {ADMIN_VERSION, 1, sizeof(struct admin_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_HEALTH] = {HEALTH_VERSION, 1, sizeof(struct health_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_BOOK]   = {BOOK_VERSION, 1, sizeof(struct book_head), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_POOL]   = {POOL_VERSION, 1, sizeof(struct pool_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_INVITE] = {INVITE_VERSION, 1, sizeof(struct invite_record), 0,
			   NULL, &no_texts, NULL, NULL},
	[RECORD_CDR]    = {CDR_VERSION, 1, sizeof(struct cdr_record), 0,
			   cdr_record_texts, &n_cdr_record_texts, NULL, NULL},
};
/* clang-format on */
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Members of version 2 stand behind this; of version 1 none may be added. */
_Static_assert(offsetof(struct call_record, born_epoch) == CALL_SIZE_1,
	       "version 1 of the call record has another size: add members "
	       "behind `born_epoch`, and raise CALL_VERSION if 2 was released");

const struct record_row *record_row(enum record_kind kind)
{
	return (unsigned)kind < N_ROWS && rows[kind].version ? &rows[kind]
							     : NULL;
}

/* ---- from one layout to the other ---------------------------------------- */

static void *room(void **buffer, size_t size)
{
	void *moved = realloc(*buffer, size ? size : 1);

	must(moved);
	*buffer = moved;
	return moved;
}

static void move_texts(const struct record_row *row, char *record, int by)
{
	for (unsigned i = 0; i < *row->n_texts; i++) {
		struct record_text text;

		memcpy(&text, record + row->texts[i], sizeof(text));
		if (text.at || text.len)
			text.at = (uint16_t)(text.at + by);
		memcpy(record + row->texts[i], &text, sizeof(text));
	}
}

static void set_head(char *record, const struct record_row *row,
		     uint16_t version, size_t size)
{
	struct record_head head;

	(void)row;
	memcpy(&head, record, sizeof(head));
	head.version = version;
	head.size = (uint32_t)size;
	memcpy(record, &head, sizeof(head));
}

struct slice record_raise(const struct record_row *row, struct slice value,
			  void **buffer)
{
	size_t grown = row->size - row->older_size;
	struct record_head head;
	char *record;

	if (!row->older_size || value.len < row->older_size)
		return value;
	memcpy(&head, value.ptr, sizeof(head));
	if (head.version != row->version - 1 || head.size < row->older_size ||
	    head.size > value.len)
		return value;
	value.len = head.size; /* a value may have room to grow behind it */
	record = room(buffer, value.len + grown);
	memcpy(record, value.ptr, row->older_size);
	memset(record + row->older_size, 0, grown);
	memcpy(record + row->size, value.ptr + row->older_size,
	       value.len - row->older_size);
	move_texts(row, record, (int)grown);
	set_head(record, row, row->version, value.len + grown);
	if (row->raise)
		row->raise(record);
	return (struct slice){record, value.len + grown};
}

struct slice record_lower(const struct record_row *row, unsigned format,
			  struct slice value, void **buffer)
{
	size_t grown = row->size - row->older_size;
	char *record;

	if (format >= row->since || !row->older_size)
		return value;
	record = room(buffer, value.len);
	memcpy(record, value.ptr, value.len);
	if (row->lower)
		row->lower(record);
	move_texts(row, record, -(int)grown);
	memmove(record + row->older_size, record + row->size,
		value.len - row->size);
	set_head(record, row, row->version - 1, value.len - grown);
	return (struct slice){record, value.len - grown};
}

/* ---- this process -------------------------------------------------------- */

static const _Atomic uint32_t *followed;
static void *to_store, *from_store;

void record_follow(const _Atomic uint32_t *format)
{
	followed = format;
}

unsigned record_format(void)
{
	unsigned format;

	if (!followed)
		return FORMAT;
	format = atomic_load_explicit(followed, memory_order_relaxed);
	if (format < FORMAT_OLDEST) /* not known, or nothing we can write */
		return FORMAT_OLDEST;
	return format < FORMAT ? format : FORMAT;
}

struct slice record_to_store(enum record_kind kind, struct slice value)
{
	return record_lower(&rows[kind], record_format(), value, &to_store);
}

struct slice record_from_store(enum record_kind kind, struct slice value)
{
	return record_raise(&rows[kind], value, &from_store);
}

/* ---- what is refused ----------------------------------------------------- */

static struct {
	unsigned n;
	struct record_head last;
} refused;

void record_note_refused(const struct record_head *head)
{
	refused.n++;
	refused.last = *head;
}

unsigned record_refused(uint16_t *ret_kind, uint16_t *ret_version)
{
	unsigned n = refused.n;

	*ret_kind = refused.last.kind;
	*ret_version = refused.last.version;
	refused.n = 0;
	return n;
}
