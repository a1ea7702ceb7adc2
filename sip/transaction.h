/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions (RFC 3261 17, RFC 6026) as four pure tables: state and event
 * to next state and actions.  No clock, no I/O: the worker's tx.c carries out
 * the actions on the stored record.
 */
#ifndef SIP_TRANSACTION_H
#define SIP_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#define SIP_T1_US 500000ull
#define SIP_T2_US 4000000ull
#define SIP_T4_US 5000000ull

enum tx_role {
	TX_INVITE_CLIENT,
	TX_INVITE_SERVER,
	TX_CLIENT,
	TX_SERVER,
	N_TX_ROLES
};

enum tx_state {
	TX_TRYING, /* "Calling" for an INVITE client */
	TX_PROCEEDING,
	TX_COMPLETED,
	TX_CONFIRMED,
	TX_ACCEPTED, /* RFC 6026 */
	TX_TERMINATED,
	N_TX_STATES
};

enum tx_event {
	TX_EV_REQUEST, /* server: the request came again */
	TX_EV_ACK,     /* server */
	TX_EV_1XX,     /* client: received; server: to be sent */
	TX_EV_2XX,
	TX_EV_3XX_6XX,
	TX_EV_REPEAT,  /* timer A, E, G, or of the 2xx */
	TX_EV_TIMEOUT, /* timer B, F, H, D, K, I, J, L, M */
	TX_EV_FAILED,  /* the transport cannot send */
	N_TX_EVENTS
};

#define TX_DO_SEND  1u	/* send the stored bytes (again) */
#define TX_DO_PASS  2u	/* tell the call */
#define TX_DO_ACK   4u	/* client: make the ACK of a non-2xx, store, send */
#define TX_DO_LOST  8u	/* tell the call: no answer came, or no ACK */
#define TX_DO_QUIET 16u /* stop repeating */
#define TX_DO_COUNT 32u /* a repeat of the peer's was absorbed */

struct tx_row {
	uint8_t is_row; /* 0: the event means nothing in this state */
	uint8_t next;
	uint8_t actions;
};

/* The row, or one with is_row 0. */
const struct tx_row *tx_row(enum tx_role role, enum tx_state state,
			    enum tx_event event);
/* How long the state is kept before TX_EV_TIMEOUT; 0: for ever. */
uint64_t tx_state_timeout_us(enum tx_role role, enum tx_state state,
			     bool is_reliable);
/* First wait before TX_EV_REPEAT in this state; 0: no repeats.  The n-th is
 * tx_repeat_us(…, n). */
uint64_t tx_repeat_us(enum tx_role role, enum tx_state state, bool is_reliable,
		      unsigned n);
const char *tx_state_text(enum tx_state state);

#endif
