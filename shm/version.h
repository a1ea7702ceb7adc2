/* SPDX-License-Identifier: Apache-2.0
 *
 * Records across releases (doc/decisions/0005-versions.md).  Each kind has a
 * version of its own; a release reads it and the one before.  FORMAT counts the
 * changes of all kinds together: the pool's format, a word on the steering
 * page, is the lowest of the processes alive, and all write by it, so that
 * whoever takes over during an upgrade can read.
 */
#ifndef SHM_VERSION_H
#define SHM_VERSION_H

#include <stdatomic.h>

#include "base/str.h"
#include "shm/schema.h"

/* Raised by one with every new version of any kind. */
#define FORMAT	      2u
#define FORMAT_OLDEST (FORMAT - 1) /* that this release can write */

struct record_row {
	uint16_t version;    /* of this release … */
	uint16_t since;	     /* … written in pools of this format and later */
	uint32_t size;	     /* of the fixed part */
	uint32_t older_size; /* in version - 1; 0: there is none */
	const uint16_t *texts;
	const unsigned *n_texts;
	/* Members that mean something else than in version - 1; NULL: it only
	 * grew at the end of its fixed part.  Both in the new layout. */
	void (*raise)(void *record);
	void (*lower)(void *record);
};
/* NULL: no kind of ours. */
const struct record_row *record_row(enum record_kind kind);

/* What a record of this release is in the store of a pool of this format: the
 * value itself, or one of version - 1 in *buffer (malloc'd anew or enlarged;
 * the caller's to free). */
struct slice record_lower(const struct record_row *row, unsigned format,
			  struct slice value, void **buffer);
/* What stands in the store, as this release reads it: the value itself, or one
 * of version - 1 raised in *buffer.  What is of neither version, or not whole,
 * comes back as it is, for record_check to refuse. */
struct slice record_raise(const struct record_row *row, struct slice value,
			  void **buffer);

/* The same with the row of its kind, the pool's format and a buffer of this
 * module, overwritten by the next call. */
struct slice record_to_store(enum record_kind kind, struct slice value);
struct slice record_from_store(enum record_kind kind, struct slice value);

/* Where the pool's format stands; NULL (at the start): this release's own.  0
 * there, not known yet, means the oldest. */
void record_follow(const _Atomic uint32_t *format);
unsigned record_format(void);

/* Records refused for their version by record_check since the last call, and
 * the last of them. */
unsigned record_refused(uint16_t *ret_kind, uint16_t *ret_version);
/* Called by record_check. */
void record_note_refused(const struct record_head *head);

#endif
