/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of soakgen share: a call with its two halves, the books kept
 * of it, and how messages are written.
 *
 *   caller.c   the front end's half      callee.c  the gateway's half
 *   message.c  every message sent        books.c   what is counted and told
 *   wire.c     sockets                   soakgen.c the run
 */
#ifndef TESTS_SOAK_SOAKGEN_H
#define TESTS_SOAK_SOAKGEN_H

#include "base/clock.h"
#include "base/wheel.h"
#include "sip/scan.h"
#include "tests/soak/wire.h"

#define T1_US	   (500 * USEC_PER_MSEC)
#define T2_US	   (4 * USEC_PER_SEC)
#define TIMEOUT_US (64 * T1_US)
/* Longer than anything takes that goes on: what lasts so long is lost. */
#define GUARD_US (90 * USEC_PER_SEC)

enum side {
	CALLER,
	CALLEE
};

enum kind {
#define KIND(name, share, status) KIND_##name,
#include "tests/soak/kinds.def"
#undef KIND
	N_KINDS
};

enum half_state {
	HALF_IDLE,
	HALF_CALLING,	 /* caller: INVITE sent */
	HALF_PROCEEDING, /* caller: got, callee: sent a provisional */
	HALF_TALKING,
	HALF_ENDING, /* BYE sent */
	HALF_ENDED,  /* only answers repetitions */
	HALF_CLEARED /* and no more */
};

/* What is repeated until it is answered. */
enum pending {
	PENDING_NONE,
	PENDING_INVITE,
	PENDING_CANCEL,
	PENDING_BYE,
	PENDING_ANSWER, /* 200 of an INVITE, until ACK */
	PENDING_REFUSAL /* its 486 or 487, until ACK */
};

enum dialog_part {
	DIALOG_LOCAL,  /* From of our requests */
	DIALOG_REMOTE, /* To */
	DIALOG_CALL_ID,
	DIALOG_TARGET,
	DIALOG_ROUTES,
	N_DIALOG_PARTS
};

struct half {
	struct timer timer; /* first: timers find their half by it */
	uint8_t side;	    /* enum side */
	uint8_t state;	    /* enum half_state */
	uint8_t pending;    /* enum pending */
	uint8_t n_holds;    /* re-INVITEs of the caller so far */
	uint32_t wait_us;
	uint64_t begun_us;
	char *bytes; /* of what is pending */
	size_t len;
	uint64_t connection; /* it was sent on */
	char *dialog;	     /* N_DIALOG_PARTS texts */
	uint32_t cseq, remote_cseq;
	uint64_t invite_branch; /* hashes of what the other end chose */
	uint64_t bye_branch, cancel_branch, final_tag;
	char *invite; /* callee: the INVITE itself, for 200, 486 and 487 */
	size_t invite_len;
	uint64_t invite_connection;
};

struct call {
	struct half half[2];
	uint8_t kind;
	bool is_told;
	uint32_t ring_us, hold_us;
	/* the books: CLOCK_BOOTTIME, 0 never */
	uint64_t placed_us, provisional_us, final_us, ended_us;
	uint16_t status;
	uint16_t n_invites, n_finals, n_cancels, n_repeats;
	uint16_t n_byes[2]; /* that came, by enum side */
	const char *wrong;  /* the first thing that was; NULL: good */
};

struct gen {
	struct wire *wire[2]; /* by enum side */
	struct wheel *wheel;
	struct call *calls;
	uint64_t n_calls, next_call, n_open;
	uint64_t start_us, gap_ns, seed;
	uint32_t ring_max_us, hold_min_us, hold_max_us;
	const char *number; /* what is dialled, before the seven digits */
	unsigned run;	    /* tells our messages from those of another run */
	uint64_t n_options, n_strangers;
};

extern struct gen gen;

/* ---- soakgen.c ---- */
struct call *half_call(const struct half *half);
uint64_t call_index(const struct call *call);
/* Sets what is pending and its first repetition. */
void half_pend(struct half *half, enum pending pending, const char *bytes,
	       size_t len);
void half_settle(struct half *half); /* nothing is pending any more */
void half_wait(struct half *half, uint64_t us);
void half_end(struct half *half);

/* ---- caller.c, callee.c ---- */
void caller_place(struct call *call);
void caller_response(struct half *half, const struct sip_message *m);
void caller_request(struct half *half, const struct sip_message *m);
void caller_due(struct half *half);
void callee_invite(const struct sip_message *m);
/* The half that a CANCEL, which bears no tag of ours, is for; NULL. */
struct half *callee_find(const struct sip_message *m);
void callee_response(struct half *half, const struct sip_message *m);
void callee_request(struct half *half, const struct sip_message *m);
void callee_due(struct half *half);
/* A BYE for this half: answered, and noted. */
void half_take_bye(struct half *half, const struct sip_message *m);
void half_hang_up(struct half *half);

/* ---- message.c ---- */
#define MESSAGE_ROOM 3072
struct slice dialog_part(const struct half *half, enum dialog_part part);
void dialog_set(struct half *half, const struct slice parts[N_DIALOG_PARTS]);
/* The routes of a message's Record-Route, for the end that sent the request
 * (backwards) or took it. */
struct slice dialog_routes(const struct sip_message *m, bool is_backwards,
			   char *buf, size_t size);
/* Writes a request of the half's dialog and makes it pending. */
void send_request(struct half *half, enum sip_method method,
		  enum pending pending, const char *direction);
void send_ack(struct half *half, uint32_t cseq);
void send_refusal_ack(const struct half *half, const struct sip_message *m);
void send_cancel(struct half *half);
/* direction: of the SDP, NULL for none. */
void send_response(const struct half *half, const struct sip_message *request,
		   int status, const char *direction);
void pend_response(struct half *half, const struct sip_message *request,
		   int status, const char *direction);
/* An answer that belongs to no call. */
void send_stateless(enum side side, const struct sip_message *request,
		    int status);

/* ---- books.c ---- */
void call_wrong(struct call *call, const char *what);
void books_tell(struct call *call);
void books_tell_rest(void);
void books_total(void);
bool books_are_good(void);
int books_open(const char *path);

#endif
