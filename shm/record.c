/* SPDX-License-Identifier: Apache-2.0
 *
 * Text inside records.  Called by whoever works on a call (signalling
 * workers) and by every reader of a book.
 *
 *   +------+-----------------------+--------+-------+----------+
 *   | head | fixed members, refs   | text 1 | waste | text 2 … |
 *   +------+-----------------------+--------+-------+----------+
 *   0                         fixed_size                  head.size
 *
 * Trap: record_set may move the record; every pointer and slice into it is
 * void after it.
 */
#include "shm/record.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "shm/version.h"

#define RECORD_STEP	256 /* records grow by so much */
#define RECORD_REFS_MAX 96

#define LEN(array)	(sizeof(array) / sizeof((array)[0]))

#define IN_CALL(member) offsetof(struct call_record, member)
#define IN_LEG(i)                                                              \
	IN_CALL(leg[i].peer), IN_CALL(leg[i].call_id),                         \
		IN_CALL(leg[i].local_uri), IN_CALL(leg[i].remote_uri),         \
		IN_CALL(leg[i].remote_tag), IN_CALL(leg[i].remote_target),     \
		IN_CALL(leg[i].route_set), IN_CALL(leg[i].open_offer),         \
		IN_CALL(leg[i].remote_sdp)
#define IN_TRY(i)                                                              \
	IN_CALL(tries[i].trunk), IN_CALL(tries[i].peer),                       \
		IN_CALL(tries[i].called), IN_CALL(tries[i].calling)

const uint16_t call_record_texts[] = {
	IN_CALL(from), IN_CALL(to),   IN_CALL(trunk), IN_CALL(best_reason),
	IN_LEG(LEG_A), IN_LEG(LEG_B), IN_TRY(0),      IN_TRY(1),
	IN_TRY(2),     IN_TRY(3),     IN_TRY(4),      IN_TRY(5),
	IN_TRY(6),     IN_TRY(7),     IN_TRY(8),      IN_TRY(9),
};
const unsigned n_call_record_texts = LEN(call_record_texts);
_Static_assert(offsetof(struct leg_record, remote_sdp) -
			       offsetof(struct leg_record, peer) ==
		       8 * sizeof(struct record_text),
	       "IN_LEG names every text of a leg");
_Static_assert(TRIES_MAX == 10, "call_record_texts names every try");
_Static_assert(LEN(call_record_texts) <= RECORD_REFS_MAX, "raise the limit");

const uint16_t tx_record_texts[] = {
	offsetof(struct tx_record, branch),
	offsetof(struct tx_record, sent_by),
	offsetof(struct tx_record, via),
	offsetof(struct tx_record, bytes),
};
const unsigned n_tx_record_texts = LEN(tx_record_texts);

#define IN_CDR(member)	    offsetof(struct cdr_record, member)
#define IN_CDR_TRY(i, step) IN_CDR(tries[(i) + (step)].peer)
#define IN_CDR_TRIES(i)                                                        \
	IN_CDR_TRY(i, 0), IN_CDR_TRY(i, 1), IN_CDR_TRY(i, 2),                  \
		IN_CDR_TRY(i, 3), IN_CDR_TRY(i, 4)

const uint16_t cdr_record_texts[] = {
	IN_CDR(calling),	 IN_CDR(called),
	IN_CDR(calling_out),	 IN_CDR(called_out),
	IN_CDR(trunk),		 IN_CDR(reason),
	IN_CDR(leg[LEG_A].peer), IN_CDR(leg[LEG_A].call_id),
	IN_CDR(leg[LEG_B].peer), IN_CDR(leg[LEG_B].call_id),
	IN_CDR_TRIES(0),	 IN_CDR_TRIES(5),
};
const unsigned n_cdr_record_texts = LEN(cdr_record_texts);
_Static_assert(TRIES_MAX == 10, "cdr_record_texts names every try");

static size_t round_up(size_t size)
{
	return (size + RECORD_STEP - 1) / RECORD_STEP * RECORD_STEP;
}

void *record_new(enum record_kind kind, size_t fixed_size, size_t text_room)
{
	struct record_head *head = calloc(1, fixed_size + text_room);

	if (!head)
		return NULL;
	head->version = record_row(kind)->version;
	head->kind = (uint16_t)kind;
	head->size = (uint32_t)fixed_size;
	return head;
}

struct slice record_slice(const void *record, struct record_text text)
{
	if (!text.len)
		return SLICE_NONE;
	return (struct slice){(const char *)record + text.at, text.len};
}

static struct record_text *ref_at(void *record, size_t ref_offset)
{
	return (struct record_text *)(void *)((char *)record + ref_offset);
}

/* Makes room for size bytes.  malloc_usable_size, not a stored capacity,
 * since a record may come from any malloc (a scan's exact copy, too). */
static int record_reserve(void **record, size_t size)
{
	void *moved;

	if (malloc_usable_size(*record) >= size)
		return 0;
	moved = realloc(*record, round_up(size));
	if (!moved)
		return -ENOMEM;
	*record = moved;
	return 0;
}

/* The text may be one of the record's own (a copy from one member to another),
 * which moves with it. */
static int record_append(void **record, struct slice s)
{
	struct record_head *head = *record;
	uintptr_t start = (uintptr_t)*record, from = (uintptr_t)s.ptr;
	size_t old = head->size;
	bool is_own = from >= start && from < start + old;
	int rc;

	if (old + s.len > RECORD_SIZE_MAX)
		return -E2BIG;
	rc = record_reserve(record, old + s.len);
	if (rc)
		return rc;
	head = *record;
	memcpy((char *)head + old,
	       is_own ? (const char *)head + (from - start) : s.ptr, s.len);
	head->size = (uint32_t)(old + s.len);
	return (int)old;
}

int record_set(void **record, size_t ref_offset, struct slice s)
{
	struct slice old = record_slice(*record, *ref_at(*record, ref_offset));
	int at;

	if (old.len == s.len && (!s.len || !memcmp(old.ptr, s.ptr, s.len)))
		return 0;
	if (!s.len) {
		*ref_at(*record, ref_offset) = (struct record_text){0, 0};
		return 0;
	}
	at = record_append(record, s);
	if (at < 0)
		return at;
	*ref_at(*record, ref_offset) =
		(struct record_text){(uint16_t)at, (uint16_t)s.len};
	return 0;
}

/* Refs that are not empty, in the order in which their texts stand. */
static unsigned refs_in_order(void *record, const uint16_t *ref_offsets,
			      unsigned n_refs,
			      struct record_text *ret_refs[RECORD_REFS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_refs && n < RECORD_REFS_MAX; i++) {
		struct record_text *ref = ref_at(record, ref_offsets[i]);
		unsigned at = n;

		if (!ref->len)
			continue;
		for (; at > 0 && ret_refs[at - 1]->at > ref->at; at--)
			ret_refs[at] = ret_refs[at - 1];
		ret_refs[at] = ref;
		n++;
	}
	return n;
}

void record_pack(void **record, size_t fixed_size, const uint16_t *ref_offsets,
		 unsigned n_refs)
{
	struct record_text *refs[RECORD_REFS_MAX];
	unsigned n = refs_in_order(*record, ref_offsets, n_refs, refs);
	char *bytes = *record;
	size_t to = fixed_size; /* next free place */
	size_t done = 0;	/* old offsets below have been moved … */
	size_t shift = 0;	/* … down by so much */

	for (unsigned i = 0; i < n; i++) {
		size_t at = refs[i]->at, end = at + refs[i]->len;

		if (at >= done) { /* else it shares bytes with the last */
			done = at;
			shift = at - to;
		}
		if (end > done) {
			memmove(bytes + to, bytes + done, end - done);
			to += end - done;
			done = end;
		}
		refs[i]->at = (uint16_t)(at - shift);
	}
	((struct record_head *)*record)->size = (uint32_t)to;
}

void record_trim(void **record)
{
	size_t size = ((struct record_head *)*record)->size;
	void *copy;

	if (malloc_usable_size(*record) < size + RECORD_STEP)
		return;
	copy = malloc(size);
	if (!copy)
		return; /* it stays as big as it is */
	memcpy(copy, *record, size);
	free(*record);
	*record = copy;
}

int record_check(struct slice value, enum record_kind kind, size_t fixed_size,
		 const uint16_t *ref_offsets, unsigned n_refs)
{
	struct record_head head;

	/* only a text cannot lie further away than that */
	if (value.len < fixed_size || (n_refs && value.len > RECORD_SIZE_MAX))
		return -EPROTO;
	memcpy(&head, value.ptr, sizeof(head));
	if (head.kind != kind || head.size < fixed_size ||
	    head.size > value.len)
		return -EPROTO;
	if (head.version != record_row(kind)->version) {
		record_note_refused(&head);
		return -EPROTO;
	}
	for (unsigned i = 0; i < n_refs; i++) {
		struct record_text ref;

		memcpy(&ref, value.ptr + ref_offsets[i], sizeof(ref));
		if (ref.at == 0 && ref.len == 0)
			continue;
		if (ref.at < fixed_size || ref.at + ref.len > head.size)
			return -EPROTO;
	}
	return 0;
}
