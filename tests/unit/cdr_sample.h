/* SPDX-License-Identifier: Apache-2.0
 *
 * A call record as a worker would make it, for the tests of its tables, lines
 * and files.
 */
#ifndef TESTS_UNIT_CDR_SAMPLE_H
#define TESTS_UNIT_CDR_SAMPLE_H

#include "shm/record.h"

#define SAMPLE_WALL_US 1795601123456000ull /* 2026-11-25T10:05:23.456Z */

static inline void sample_text(struct cdr_record **cdr, size_t at,
			       const char *text)
{
	void *record = *cdr;

	record_set(&record, at, slice_of(text));
	*cdr = record;
}

#define SAMPLE_TEXT(cdr, member, text)                                         \
	sample_text(&(cdr), offsetof(struct cdr_record, member), text)

/* An outbound call of this book that talked for 61.5 s after a failed try;
 * free() it. */
static inline struct cdr_record *sample_cdr(unsigned book, uint64_t sequence)
{
	struct cdr_record *cdr = record_new(RECORD_CDR, sizeof(*cdr), 1024);

	cdr->sequence = sequence;
	cdr->call = call_make(book, 40 + sequence);
	memcpy(cdr->uuid,
	       "\x01\x23\x45\x67\x89\xab\x8d\xef\x81\x23\x45\x67\x89", 13);
	cdr->uuid[15] = (uint8_t)sequence;
	cdr->direction = CALL_OUTBOUND;
	cdr->released_by = 'b';
	cdr->code = 200;
	cdr->flags = CDR_HAS_MEDIA | CDR_HAS_FIGURES;
	cdr->started_wall_us = SAMPLE_WALL_US;
	cdr->rang_wall_us = SAMPLE_WALL_US + 700000;
	cdr->answered_wall_us = SAMPLE_WALL_US + 2500000;
	cdr->ended_wall_us = SAMPLE_WALL_US + 64000000;
	cdr->lasted_us = 64000000;
	cdr->talked_us = 61500000;
	cdr->n_tries = 2;
	cdr->tries[0].code = 503;
	cdr->tries[0].ms = 12;
	cdr->tries[1].code = 200;
	cdr->tries[1].ms = 2480;
	SAMPLE_TEXT(cdr, calling, "+4989765432");
	SAMPLE_TEXT(cdr, called, "+4930123456");
	SAMPLE_TEXT(cdr, calling_out, "089765432");
	SAMPLE_TEXT(cdr, called_out, "030123456");
	SAMPLE_TEXT(cdr, trunk, "carrier");
	SAMPLE_TEXT(cdr, reason, "Q.850;cause=16;text=\"Normal, done\"");
	SAMPLE_TEXT(cdr, leg[LEG_A].peer, "fe1");
	SAMPLE_TEXT(cdr, leg[LEG_A].call_id, "abc@fe1");
	SAMPLE_TEXT(cdr, leg[LEG_B].peer, "gw2");
	SAMPLE_TEXT(cdr, leg[LEG_B].call_id, "xyz");
	SAMPLE_TEXT(cdr, tries[0].peer, "gw1");
	SAMPLE_TEXT(cdr, tries[1].peer, "gw2");
	for (unsigned i = 0; i < N_LEGS; i++) {
		memcpy(cdr->leg[i].codec, "PCMA", 5);
		cdr->leg[i].packets_in = 3075;
		cdr->leg[i].packets_out = 3075;
		cdr->leg[i].jitter_us = 1250;
		cdr->leg[i].has_dtmf_events = 1;
	}
	return cdr;
}

#endif
