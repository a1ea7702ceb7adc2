/* SPDX-License-Identifier: Apache-2.0
 *
 * A call and its transactions in the memory of the worker that serves its
 * book: the records themselves, with what makes them quick to find.  Whatever
 * changes a record marks it (turn_mark_*), so that it is committed before the
 * turn's effects leave.
 */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H

#include "shm/record.h"
#include "sip/scan.h"
#include "sip/transaction.h"
#include "worker/server.h"
#include "worker/transport.h"

enum call_flag {
	CALL_IS_EMERGENCY = 1,
	CALL_IS_COUNTED = 2,  /* in calls_total */
	CALL_SHOWED_18X = 4,  /* the caller heard a ring: no failover */
	CALL_ACKED = 8,	      /* the callee's 2xx has its ACK */
	CALL_LATE_OFFER = 16, /* the callee makes the offer */
	CALL_HAS_MEDIA = 32,  /* ports are taken */
	CALL_IS_ADOPTED = 64,
	CALL_IS_FORCED_OUT = 128, /* the pool stops and ends it */
};

struct call {
	struct call_record *record;
	struct server *server;
	struct tx *txs;
	struct timer timer; /* the nearest of record->deadline_us */
	struct call *next_dirty;
	bool is_dirty, is_gone, is_stored;
	bool is_too_large; /* a text found no room: machine_settle ends it */
	uint16_t n_txs;
	uint8_t steps; /* of the machine, one within the other, that run */
	struct invite_record *invite; /* NULL when no try can follow */
	bool is_invite_new, is_invite_stored;
	struct board_peer *load[N_LEGS + 1]; /* rows that count this call:
						of both peers, of the trunk */
	UT_hash_handle hh;		     /* by id, in server->calls */
};

/* A transaction; flags of tx_record. */
enum tx_flag {
	TX_CANCEL_WANTED = 1, /* CANCEL as soon as a provisional came */
	TX_CANCELLED = 2,
	TX_IS_STALE = 4,      /* an INVITE of a try that was left */
	TX_HAS_ACK = 8,	      /* bytes hold the ACK of a 2xx */
	TX_HAS_OFFER = 16,    /* carried an offer */
	TX_IS_STRAY = 32,     /* ends a fork's dialog: nobody waits for it */
	TX_GOT_ACK = 64,      /* server: the 2xx was acknowledged */
	TX_WAS_RETRIED = 128, /* sent again over a new connection */
	TX_HAD_100 = 256,     /* server: 100 and the next answer left in one
				 turn, so an heir repeats both */
};

struct tx {
	struct tx_record *record;
	struct call *call;
	struct tx *next; /* of the call */
	struct timer timer;
	struct tx *next_dirty;
	bool is_dirty, is_gone, is_stored, is_keyed;
	bool is_unsettled; /* adopted: perhaps committed and not sent */
	uint8_t adopted_state;
	uint64_t key; /* initial INVITE server: hash of branch and sent-by */
	UT_hash_handle hh;
};

/* call.c: life and look-up */
struct call *call_new(struct server *server);
/* From a record of the book; takes the record. */
struct call *call_load(struct server *server, struct call_record *record);
struct call *call_find(struct server *server, uint64_t id);
/* Deletes record and all transactions at the end of the turn. */
void call_delete(struct call *call);
void call_free(struct call *call);
/* Sets a text of the record; text must not lie inside it.  A text that does
 * not fit is left as it was, and the call ends with the step (is_too_large). */
void call_set(struct call *call, size_t ref_offset, struct slice text);
#define CALL_TEXT(field) offsetof(struct call_record, field)
#define LEG_TEXT(side, field)                                                  \
	(offsetof(struct call_record, leg) +                                   \
	 (side) * sizeof(struct leg_record) +                                  \
	 offsetof(struct leg_record, field))
static inline struct slice call_text(const struct call *call,
				     struct record_text text)
{
	return record_slice(call->record, text);
}
void call_timer_set(struct call *call, enum call_timer timer,
		    uint64_t deadline_us); /* 0 off */
/* Sets the timer again after call->timer expired. */
void call_timer_rearm(struct call *call);
/* Keeps the caller's INVITE, of which every try is made, until drop. */
void call_keep_invite(struct call *call, struct slice text);
void call_drop_invite(struct call *call);
/* From the book; takes the record. */
void call_load_invite(struct call *call, struct invite_record *record);
struct slice call_invite(const struct call *call); /* empty: none */
/* Drops waste from the record. */
void call_pack(struct call *call);
/* The same when it is too big for its place in the book, keeping its memory. */
void call_before_put(struct call *call);

/* tx.c */
struct tx *tx_new(struct call *call, enum leg_side leg, enum tx_role role,
		  enum sip_method method);
struct tx *tx_load(struct call *call, struct tx_record *record);
struct tx *tx_find(struct call *call, uint16_t number);
struct tx *tx_find_server(struct call *call, struct slice branch,
			  enum sip_method method);
/* Initial INVITEs have no tag of ours: found by branch and sent-by. */
struct tx *tx_find_invite(struct server *server,
			  const struct sip_message *message);
void tx_key_invite(struct tx *tx);
/* What identifies a request to us: its branch, or for RFC 2543 peers what
 * stands in for it.  buf of 512. */
struct slice tx_request_branch(const struct sip_message *message, char *buf);
/* Starts a server transaction of a request that came from `from`. */
struct tx *tx_serve(struct call *call, enum leg_side leg,
		    const struct arrival *arrival,
		    const struct sip_message *message);
/* Client: stores and sends the first time.  Bytes that are empty or above
 * tx_room are a failure to send. */
void tx_request(struct tx *tx, struct target *target, struct slice bytes);
/* Server: stores and sends a response. */
void tx_respond(struct tx *tx, int status, struct slice bytes);
/* Runs the table: event from the wire or a timer.  message may be NULL. */
void tx_step(struct tx *tx, enum tx_event event, const struct arrival *arrival,
	     const struct sip_message *message);
void tx_timer(struct tx *tx);
/* Drops what a server transaction would repeat: it was acknowledged. */
void tx_drop_answer(struct tx *tx);
/* How many bytes a message of this transaction may have: what its record and a
 * datagram hold. */
size_t tx_room(const struct tx *tx);
/* A number for a new transaction of this call, or for a branch of an ACK. */
uint16_t tx_next_number(struct call *call);
void tx_set_bytes(struct tx *tx, struct slice bytes); /* within tx_room */
/* The last bytes that it will have: what is not used is given back. */
void tx_keep_bytes(struct tx *tx, struct slice bytes);
/* Sends bytes that the transaction repeats itself no more (an ACK). */
void tx_send_now(struct tx *tx);
/* Sets the timer from the record's deadlines. */
void tx_rearm(struct tx *tx);
void tx_stop_repeating(struct tx *tx);
void tx_set_timeout(struct tx *tx, uint64_t deadline_us);
void tx_end(struct tx *tx);
void tx_free(struct tx *tx);

#endif
