/* SPDX-License-Identifier: Apache-2.0
 *
 * The four transaction tables.  Used by worker/tx.c in signalling workers.
 * The trap is RFC 6026: a 2xx leaves the INVITE transactions alive (Accepted),
 * so that repeats of the request or of the 2xx still find them.
 */
#include "sip/transaction.h"

/* clang-format off */
#define ROW(n, a) { 1, TX_##n, (a) }

static const struct tx_row rows[N_TX_ROLES][N_TX_STATES][N_TX_EVENTS] = {
	/* RFC 3261 17.1.1 with RFC 6026 */
	[TX_INVITE_CLIENT] = {
		[TX_TRYING] = {
			[TX_EV_1XX]     = ROW(PROCEEDING, TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_2XX]     = ROW(ACCEPTED,   TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_QUIET | TX_DO_ACK | TX_DO_PASS),
			[TX_EV_REPEAT]  = ROW(TRYING,     TX_DO_SEND),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, TX_DO_LOST),
			[TX_EV_FAILED]  = ROW(TERMINATED, TX_DO_LOST),
		},
		[TX_PROCEEDING] = {
			[TX_EV_1XX]     = ROW(PROCEEDING, TX_DO_PASS),
			[TX_EV_2XX]     = ROW(ACCEPTED,   TX_DO_PASS),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_ACK | TX_DO_PASS),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, TX_DO_LOST), /* 9.1: 64*T1 after CANCEL */
			[TX_EV_FAILED]  = ROW(TERMINATED, TX_DO_LOST),
		},
		[TX_COMPLETED] = {
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_SEND | TX_DO_COUNT),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
			[TX_EV_FAILED]  = ROW(TERMINATED, 0),
		},
		[TX_ACCEPTED] = {
			[TX_EV_2XX]     = ROW(ACCEPTED,   TX_DO_PASS),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
		},
	},
	/* RFC 3261 17.2.1 with RFC 6026 */
	[TX_INVITE_SERVER] = {
		[TX_PROCEEDING] = {
			[TX_EV_REQUEST] = ROW(PROCEEDING, TX_DO_SEND | TX_DO_COUNT),
			[TX_EV_1XX]     = ROW(PROCEEDING, TX_DO_SEND),
			[TX_EV_2XX]     = ROW(ACCEPTED,   TX_DO_SEND),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_SEND),
		},
		[TX_COMPLETED] = {
			[TX_EV_REQUEST] = ROW(COMPLETED,  TX_DO_SEND | TX_DO_COUNT),
			[TX_EV_REPEAT]  = ROW(COMPLETED,  TX_DO_SEND),
			[TX_EV_ACK]     = ROW(CONFIRMED,  TX_DO_QUIET),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
			[TX_EV_FAILED]  = ROW(TERMINATED, 0),
		},
		[TX_CONFIRMED] = {
			[TX_EV_REQUEST] = ROW(CONFIRMED,  TX_DO_COUNT),
			[TX_EV_ACK]     = ROW(CONFIRMED,  TX_DO_COUNT),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
		},
		[TX_ACCEPTED] = {
			[TX_EV_REQUEST] = ROW(ACCEPTED,   TX_DO_COUNT),
			[TX_EV_REPEAT]  = ROW(ACCEPTED,   TX_DO_SEND),
			[TX_EV_ACK]     = ROW(ACCEPTED,   TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, TX_DO_LOST),
		},
	},
	/* RFC 3261 17.1.2 */
	[TX_CLIENT] = {
		[TX_TRYING] = {
			[TX_EV_1XX]     = ROW(PROCEEDING, 0),
			[TX_EV_2XX]     = ROW(COMPLETED,  TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_REPEAT]  = ROW(TRYING,     TX_DO_SEND),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, TX_DO_LOST),
			[TX_EV_FAILED]  = ROW(TERMINATED, TX_DO_LOST),
		},
		[TX_PROCEEDING] = {
			[TX_EV_1XX]     = ROW(PROCEEDING, 0),
			[TX_EV_2XX]     = ROW(COMPLETED,  TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_QUIET | TX_DO_PASS),
			[TX_EV_REPEAT]  = ROW(PROCEEDING, TX_DO_SEND),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, TX_DO_LOST),
			[TX_EV_FAILED]  = ROW(TERMINATED, TX_DO_LOST),
		},
		[TX_COMPLETED] = {
			[TX_EV_2XX]     = ROW(COMPLETED,  TX_DO_COUNT),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_COUNT),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
		},
	},
	/* RFC 3261 17.2.2 */
	[TX_SERVER] = {
		[TX_TRYING] = {
			[TX_EV_REQUEST] = ROW(TRYING,     TX_DO_COUNT),
			[TX_EV_1XX]     = ROW(PROCEEDING, TX_DO_SEND),
			[TX_EV_2XX]     = ROW(COMPLETED,  TX_DO_SEND),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_SEND),
		},
		[TX_PROCEEDING] = {
			[TX_EV_REQUEST] = ROW(PROCEEDING, TX_DO_SEND | TX_DO_COUNT),
			[TX_EV_1XX]     = ROW(PROCEEDING, TX_DO_SEND),
			[TX_EV_2XX]     = ROW(COMPLETED,  TX_DO_SEND),
			[TX_EV_3XX_6XX] = ROW(COMPLETED,  TX_DO_SEND),
		},
		[TX_COMPLETED] = {
			[TX_EV_REQUEST] = ROW(COMPLETED,  TX_DO_SEND | TX_DO_COUNT),
			[TX_EV_TIMEOUT] = ROW(TERMINATED, 0),
			[TX_EV_FAILED]  = ROW(TERMINATED, 0),
		},
	},
};

/* How long a state is kept: over datagrams, over streams (0 there means
 * "ends at once", which a tick of 1 us expresses); N for ever. */
#define T64 (64 * SIP_T1_US)
#define NOW 1
static const uint64_t timeouts[N_TX_ROLES][N_TX_STATES][2] = {
	[TX_INVITE_CLIENT] = {
		[TX_TRYING]    = { T64, T64 },            /* timer B */
		[TX_COMPLETED] = { T64, NOW },            /* timer D */
		[TX_ACCEPTED]  = { T64, T64 },            /* timer M */
	},
	[TX_INVITE_SERVER] = {
		[TX_COMPLETED] = { T64, T64 },            /* timer H */
		[TX_CONFIRMED] = { SIP_T4_US, NOW },      /* timer I */
		[TX_ACCEPTED]  = { T64, T64 },            /* timer L */
	},
	[TX_CLIENT] = {
		[TX_TRYING]     = { T64, T64 },           /* timer F */
		[TX_PROCEEDING] = { T64, T64 },
		[TX_COMPLETED]  = { SIP_T4_US, NOW },     /* timer K */
	},
	[TX_SERVER] = {
		[TX_COMPLETED] = { T64, NOW },            /* timer J */
	},
};
/* clang-format on */

const struct tx_row *tx_row(enum tx_role role, enum tx_state state,
			    enum tx_event event)
{
	return &rows[role][state][event];
}

uint64_t tx_state_timeout_us(enum tx_role role, enum tx_state state,
			     bool is_reliable)
{
	return timeouts[role][state][is_reliable ? 1 : 0];
}

static uint64_t doubled(unsigned n, uint64_t cap_us)
{
	uint64_t us = SIP_T1_US << (n < 16 ? n : 16);

	return us < cap_us ? us : cap_us;
}

uint64_t tx_repeat_us(enum tx_role role, enum tx_state state, bool is_reliable,
		      unsigned n)
{
	/* RFC 3261 13.3.1.4: the 2xx is repeated over every transport */
	if (role == TX_INVITE_SERVER && state == TX_ACCEPTED)
		return doubled(n, SIP_T2_US);
	if (is_reliable)
		return 0;
	if (role == TX_INVITE_CLIENT && state == TX_TRYING)
		return doubled(n, UINT64_MAX);
	if (role == TX_INVITE_SERVER && state == TX_COMPLETED)
		return doubled(n, SIP_T2_US);
	if (role == TX_CLIENT && state == TX_TRYING)
		return doubled(n, SIP_T2_US);
	if (role == TX_CLIENT && state == TX_PROCEEDING)
		return SIP_T2_US;
	return 0;
}

const char *tx_state_text(enum tx_state state)
{
	static const char *const texts[N_TX_STATES] = {
		[TX_TRYING] = "trying",	      [TX_PROCEEDING] = "proceeding",
		[TX_COMPLETED] = "completed", [TX_CONFIRMED] = "confirmed",
		[TX_ACCEPTED] = "accepted",   [TX_TERMINATED] = "terminated",
	};

	return state < N_TX_STATES ? texts[state] : "?";
}
