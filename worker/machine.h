/* SPDX-License-Identifier: Apache-2.0
 *
 * The call machine: a [state][event] table that couples the two legs
 * (machine.c), its actions in setup.c (INVITE and tries), answer.c (ringing,
 * answer, ACK), talk.c (requests within the dialog) and finish.c (CANCEL, BYE,
 * refusals).
 */
#ifndef WORKER_MACHINE_H
#define WORKER_MACHINE_H

#include "worker/call.h"

enum call_event {
	CALL_EV_RING,	 /* 18x of the callee, without SDP */
	CALL_EV_EARLY,	 /* 18x with SDP */
	CALL_EV_ANSWER,	 /* 2xx of the callee */
	CALL_EV_NEXT,	 /* the try failed, there is another */
	CALL_EV_REFUSED, /* the try failed for good */
	CALL_EV_CANCEL,	 /* the caller gives up */
	CALL_EV_BYE_A,	 /* the caller hangs up */
	CALL_EV_BYE_B,	 /* the callee hangs up */
	CALL_EV_ACK,	 /* the caller's ACK of the answer */
	CALL_EV_NO_ACK,	 /* it never came */
	CALL_EV_NO_ANSWER,
	CALL_EV_END,	 /* by the administrator, no media, too long or large */
	CALL_EV_SETTLED, /* nothing is open any more */
	N_CALL_EVENTS
};

/* What an action may want to know of the event. */
struct call_cause {
	const struct sip_message *message; /* NULL none */
	const struct arrival *arrival;
	struct tx *tx;
	int code;	    /* for the caller, when refused */
	const char *reason; /* header line "Reason: …\r\n" or NULL */
};

/* Runs the table. */
void machine_step(struct call *call, enum call_event event,
		  const struct call_cause *cause);

/* ---- what comes in ------------------------------------------------------- */

/* An initial INVITE. */
void setup_invite(struct arrival *arrival, const struct sip_message *message);
/* A request with our tag, of this leg's peer; not a repeat. */
void machine_on_request(struct call *call, enum leg_side leg,
			const struct arrival *arrival,
			const struct sip_message *message);
/* CANCEL of the INVITE that `invite` serves. */
void machine_on_cancel(struct tx *invite, const struct arrival *arrival,
		       const struct sip_message *message);
/* A row of the transaction table said PASS: a response to a client, an ACK to
 * a server. */
void machine_on_transaction(struct tx *tx, const struct arrival *arrival,
			    const struct sip_message *message);
/* … said LOST. */
void machine_on_lost(struct tx *tx);
/* After a transaction changed: is the call over, or only absorbing? */
void machine_settle(struct call *call);
void machine_timer(struct call *call);
void machine_on_media_dead(struct call *call);
void machine_hang_up(struct call *call);

/* ---- actions of the table, by file --------------------------------------- */

typedef void call_action(struct call *call, const struct call_cause *cause);

call_action setup_next_try;
call_action answer_ring, answer_early, answer_call, answer_ack;
call_action finish_refuse, finish_no_answer, finish_cancelled, finish_abandon,
	finish_bye_a, finish_bye_b, finish_end_early, finish_end_call,
	finish_absorb;

/* ---- helpers shared by those files --------------------------------------- */

/* Sends a response on a server transaction.  What does not fit into a message
 * is left out, the headers that pass first; false when that was the body. */
bool answer_send(struct tx *tx, int status, struct slice reason,
		 const struct sip_message *pass, struct slice content_type,
		 struct slice body, const char *lines);
/* The 100 that went before a transaction's last answer; only that is stored. */
void answer_trying_again(struct tx *tx);
/* A request of ours on a leg: a new client transaction, started. */
struct tx *talk_request(struct call *call, enum leg_side leg,
			enum sip_method method, const struct sip_message *pass,
			struct slice content_type, struct slice body,
			const char *lines);
/* Responses to and losses of what talk.c passed on. */
void talk_on_response(struct tx *tx, const struct sip_message *message);
void talk_on_lost(struct tx *tx);
/* The call ends: what is still asked within it is answered, or cancelled. */
void talk_end(struct call *call);
void talk_on_ack(struct tx *tx, const struct sip_message *message);
void talk_request_in(struct call *call, enum leg_side leg,
		     const struct arrival *arrival,
		     const struct sip_message *message);
/* An INVITE of a try that was left, or a fork too late: never wanted. */
void finish_stray_response(struct tx *tx, const struct sip_message *message);
/* Has this message SDP?  Its body and type. */
bool message_has_sdp(const struct sip_message *message);
/* CANCEL of an INVITE of ours; lines: a Reason, or NULL. */
void finish_cancel_invite(struct tx *invite, const char *lines);
/* ACK of a 2xx to an INVITE of ours, with the answer to a late offer. */
void answer_ack_client(struct tx *invite, const struct sip_message *pass,
		       struct slice body);
/* What an ACK says to the offer of a 2xx; *ret_body: for the other side. */
void answer_late_offer(struct call *call, enum leg_side answerer,
		       const struct sip_message *ack, struct slice *ret_body);
struct tx *machine_invite_tx(struct call *call, enum leg_side leg);
bool machine_may_fail_over(const struct call *call, int code);

#endif
