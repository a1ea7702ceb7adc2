/* SPDX-License-Identifier: Apache-2.0
 *
 * Text inside records: a record is one malloc'd block that grows at its end.
 * Setting a text again leaves the old bytes as waste until record_pack.
 */
#ifndef SHM_RECORD_H
#define SHM_RECORD_H

#include "base/str.h"
#include "shm/schema.h"

#define RECORD_SIZE_MAX 65535 /* offsets of texts are 16 bits */

/* A zeroed record of this kind with room for text_room bytes; NULL without
 * memory.  free() it. */
void *record_new(enum record_kind kind, size_t fixed_size, size_t text_room);
struct slice record_slice(const void *record, struct record_text text);
/* Copies s into *record (which may move; *ref must lie inside it: give its
 * offset).  -E2BIG above RECORD_SIZE_MAX, -ENOMEM. */
int record_set(void **record, size_t ref_offset, struct slice s);
/* Drops waste: rewrites the text area with only what refs (offsets of
 * record_text members, n of them) name. */
void record_pack(void **record, size_t fixed_size, const uint16_t *ref_offsets,
		 unsigned n_refs);
/* Gives back what a record does not use, in a block of its own size, so that
 * the big blocks of records at work are soon used again.  After record_pack. */
void record_trim(void **record);
/* The offsets of every record_text of a call / tx record, for record_pack and
 * for validation. */
extern const uint16_t call_record_texts[];
extern const unsigned n_call_record_texts;
extern const uint16_t tx_record_texts[];
extern const unsigned n_tx_record_texts;
extern const uint16_t cdr_record_texts[];
extern const unsigned n_cdr_record_texts;
/* Is what was read from the store (after record_from_store) a record of this
 * kind and version, whole, with every text inside it?  0 or -EPROTO; another
 * version is noted for record_refused. */
int record_check(struct slice value, enum record_kind kind, size_t fixed_size,
		 const uint16_t *ref_offsets, unsigned n_refs);

#endif
