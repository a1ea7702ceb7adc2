/* SPDX-License-Identifier: Apache-2.0
 *
 * Poison: a message, timer or record that kills the worker which works on it.
 * The board page names what is worked on; who adopts the book reads there what
 * its predecessor died of, counts it in the book, and sets aside what killed
 * twice (doc/decisions/0003-poison.md).
 */
#ifndef WORKER_POISON_H
#define WORKER_POISON_H

#include "worker/call.h"

/* ---- what is worked on: a few stores each -------------------------------- */

/* Before the framing of what was peeked of a connection. */
void poison_at_stream(struct server *server, uint64_t connection,
		      uint64_t offset);
/* Before a message is looked into; copies its bytes. */
void poison_at_message(const struct arrival *arrival);
/* Before a call's or a transaction's timer runs. */
void poison_at_timer(const struct call *call);
/* The call that it is about.  True when nothing was worked on before (a word
 * of the master or of a media worker): then poison_done is the caller's. */
bool poison_at_call(const struct call *call);
void poison_done(struct worker *worker);

/* ---- what was set aside -------------------------------------------------- */

/* True: this message killed two owners; it is to be skipped. */
bool poison_skips(const struct arrival *arrival);
/* The same for the framing of a connection, which is then to be closed. */
bool poison_skips_stream(struct server *server, uint64_t connection,
			 uint64_t offset, struct slice bytes);
/* A message was worked on to its end, a call is deleted: no suspicion. */
void poison_clear_message(struct server *server);
void poison_clear_call(struct server *server, uint64_t call);

/* ---- adoption, in this order --------------------------------------------- */

/* A row of the intake table that is ours ('p', 'k'). */
void poison_on_row(struct server *server, char kind, uint64_t key,
		   uint64_t value);
/* What did the predecessor die of?  Counted and committed before any record is
 * loaded.  0 or -errno of the commit. */
int poison_look(struct server *server);
/* True: this record is not to be loaded any more; it is kept and deleted. */
bool poison_drops(struct server *server, const struct call_record *record);
/* After loading: ends the calls that killed twice. */
void poison_settle(struct server *server);
/* A new process moves what its predecessor left on the page. */
void poison_start(struct worker *worker);
void poison_free(struct server *server);

#ifdef CRASH_POINTS
/* Test builds: the header "X-Mspool-Test: abort" in a message, "abort-timer"
 * and "abort-step" in the INVITE of a call, kill whoever works on it. */
void poison_test_message(const struct sip_message *message);
void poison_test_call(const struct call *call, const char *word);
#else
#define poison_test_message(message) ((void)0)
#define poison_test_call(call, word) ((void)0)
#endif

#endif
