/* SPDX-License-Identifier: Apache-2.0
 *
 * What book.c (ownership, commits) and book_scan.c (reading) share.  Private
 * to them.
 */
#ifndef SHM_BOOK_INSIDE_H
#define SHM_BOOK_INSIDE_H

#include "shm/book.h"

struct book {
	struct store *store;
	unsigned index;
	int owner_fd; /* holds the flock; -1: a reader */
	int lost;     /* -ESTALE once another owner was seen */
	struct store_txn txn;
	bool is_begun;
	/* owner's: what stands, or will stand, in the head record */
	struct book_head head;
	bool is_head_due; /* more call ids must be reserved */
	uint64_t next_call;
	uint64_t predecessor_until_us;
	uint32_t predecessor_epoch;
	uint64_t map_limit;  /* bytes: grow to this and no further */
	uint64_t no_grow_us; /* not before, since it failed */
	uint64_t look_us;    /* next look at what is free */
	bool is_full;
};

#define CALL_KEY_LEN   8u
#define TX_KEY_LEN     10u
#define INTAKE_KEY_LEN 9u

/* Keys are big endian, so that a scan is in order of age. */
static inline void key_u64(uint64_t value, char ret_key[8])
{
	for (unsigned i = 0; i < 8; i++)
		ret_key[i] = (char)(value >> (56 - 8 * i));
}

static inline uint64_t u64_key(const char key[8])
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | (uint8_t)key[i];
	return value;
}

#endif
