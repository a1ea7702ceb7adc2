/* SPDX-License-Identifier: Apache-2.0
 *
 * One turn of the loop: commit, then send.  Steps mark what they changed and
 * queue what shall be sent; turn_end writes one transaction for each book that
 * changed and only then consumes input and lets anything out.  What ended in
 * the turn (is_gone) is freed at its end, not before, so that pointers stay
 * good within a turn.
 */
#ifndef WORKER_TURN_H
#define WORKER_TURN_H

#include "shm/figures.h"
#include "shm/schema.h"

struct worker;
struct server;
struct call;
struct tx;
struct connection;

/* A datagram, or a note to a media worker, waiting for the commit. */
struct effect {
	int fd;	     /* socket to send from; -1: a note */
	uint32_t at; /* bytes in turn.bytes */
	uint32_t len;
	struct addr to;
	struct server *server;
	uint64_t call; /* note: this call's wish changed */
	uint8_t media; /* note: for this media slot */
};

/* A count, or a time, that is true when the commit is made. */
struct turn_note {
	_Atomic uint64_t *word; /* NULL: a time */
	struct histogram *histogram;
	enum figure figure;
	uint64_t us;
};

struct turn {
	/* in the order in which they were marked: new ones are appended to the
	 * book, which keeps its pages full */
	struct call *dirty_calls, *last_call;
	struct tx *dirty_txs, *last_tx;
	struct connection *dirty_connections;
	struct effect *effects;
	unsigned n_effects, cap_effects;
	char *bytes;
	size_t len, cap;
	uint64_t last_effect; /* number of the last datagram */
	struct server *full;  /* whose book had no room for a commit */
	char *cdrs;	      /* call records of this turn: worker/cdr.c */
	size_t cdrs_len, cdrs_cap;
	struct turn_note *notes;
	unsigned n_notes, cap_notes;
};

void turn_mark_call(struct call *call);
void turn_mark_tx(struct tx *tx);
void turn_mark_connection(struct connection *connection);
/* Queues a datagram to leave after the commit; returns its number, which goes
 * into the transaction that repeats it. */
uint64_t turn_send_datagram(struct server *server, int fd,
			    const struct addr *to, struct slice bytes);
/* Tells a media slot after the commit that this call's wish changed. */
void turn_note_media(struct server *server, unsigned media, uint64_t call);
/* Counts after the commit what a call became by it: if we die before, the
 * successor does the same again and counts it then.  The word is of our page.
 */
void turn_count(struct worker *worker, _Atomic uint64_t *word);
/* The same for a time. */
void turn_note_time(struct worker *worker, struct histogram *histogram,
		    enum figure figure, uint64_t us);
/* Has something changed since the last commit, so that a turn is due even if
 * nothing comes in? */
bool turn_is_due(const struct worker *worker);
/* Commits and sends.  Ends the process when the book has another owner. */
void turn_end(struct worker *worker);
void turn_done(struct turn *turn);

#endif
