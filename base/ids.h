/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of things that cross processes.
 *
 *   call id   uint64: book (16 bits) | counter (48 bits); text "ms1-42"
 *   token     "0001" "00000000002a" "a": book, counter, leg in hex, which
 *             begins every tag and branch of ours, so that whose message it is
 *             can be read off it
 *   tag       "m" token ".." random: DESIGN "book, call, leg, 96 random bits"
 *   branch    "z9hG4bKm" token, transaction number (4 hex), random
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define BOOK_MAX	 64 /* Mediation Servers of a pool, numbered from 1 */
#define MEDIA_SLOT_MAX	 32 /* media workers of a pool, numbered from 1 */
#define SLOT_NAME_MAX	 12 /* "ms64", "observer" and NUL */
#define LEG_SECRET_LEN	 12 /* random bytes of a leg: 96 bits */
#define TAG_MAX		 64 /* with NUL */
#define BRANCH_MAX	 64 /* with NUL */
#define CALL_ID_TEXT_MAX 32 /* "ms64-281474976710655" and NUL */

enum slot_kind {
	SLOT_NONE,
	SLOT_SIGNALLING,
	SLOT_MEDIA,
	SLOT_CDR,     /* the one process that writes call records */
	SLOT_OBSERVER /* the one process that serves metrics */
};

struct slot_id {
	uint8_t kind;  /* enum slot_kind */
	uint8_t index; /* from 1 */
};

static inline unsigned call_book(uint64_t call)
{
	return (unsigned)(call >> 48);
}

static inline uint64_t call_make(unsigned book, uint64_t counter)
{
	return (uint64_t)book << 48 | (counter & 0xffffffffffffull);
}

const char *slot_name(struct slot_id slot, char buf[SLOT_NAME_MAX]);
int slot_parse(struct slice text, struct slot_id *ret_slot);
const char *call_id_text(uint64_t call, char buf[CALL_ID_TEXT_MAX]);
int call_id_parse(struct slice text, uint64_t *ret_call);

struct token {
	uint64_t call;
	char leg; /* 'a' caller's, 'b' callee's */
};

/* fork 0 is the leg's own tag; others are further early dialogs (".1" …). */
const char *tag_make(const struct token *token,
		     const uint8_t secret[LEG_SECRET_LEN], unsigned fork,
		     char buf[TAG_MAX]);
/* Ours?  Reads token and, when asked for, secret and fork.  -EINVAL: a
 * stranger's. */
int tag_parse(struct slice tag, struct token *ret_token,
	      uint8_t ret_secret[LEG_SECRET_LEN], unsigned *ret_fork);
const char *branch_make(const struct token *token, unsigned tx,
			const uint8_t secret[LEG_SECRET_LEN],
			char buf[BRANCH_MAX]);
int branch_parse(struct slice branch, struct token *ret_token, unsigned *ret_tx,
		 uint8_t ret_secret[LEG_SECRET_LEN]);
/* A prober's branch: "z9hG4bKp" book peer-index random.  Book of the prober
 * and the number that it chose. */
const char *probe_branch_make(unsigned book, uint64_t number,
			      char buf[BRANCH_MAX]);
int probe_branch_parse(struct slice branch, unsigned *ret_book,
		       uint64_t *ret_number);
/* getrandom(2) through a buffer of this process: safe after exec only. */
void random_bytes(void *ret_bytes, unsigned n);

#endif
