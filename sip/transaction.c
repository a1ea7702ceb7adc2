/* SPDX-License-Identifier: Apache-2.0
 *
 * The four transaction tables.  Used by worker/tx.c in signalling workers.
 * The trap is RFC 6026: a 2xx leaves the INVITE transactions alive (Accepted),
 * so that repeats of the request or of the 2xx still find them.
 */
#include "sip/transaction.h"

static const struct tx_row rows[N_TX_ROLES][N_TX_STATES][N_TX_EVENTS] = {
#define TX_ROW(role, state, event, next, actions)                              \
	[TX_##role][TX_##state][TX_EV_##event] = {1, TX_##next, (actions)},
#include "sip/transaction.def"
#undef TX_ROW
};

/* clang-format off */
/* How long a state is kept: over datagrams, over streams (0 there means
 * "ends at once", which a tick of 1 us expresses); N for ever. */
#define T64 (64 * SIP_T1_US)
#define NOW 1
static const uint64_t timeouts[N_TX_ROLES][N_TX_STATES][2] = {
	[TX_INVITE_CLIENT] = {
		[TX_TRYING]    = { T64, T64 },            /* timer B */
		[TX_COMPLETED] = { T64, NOW },            /* timer D */
		/* timer M, and longer than the other leg's timer L: when no
		 * ACK comes from there, ours still has to go here */
		[TX_ACCEPTED]  = { T64 + SIP_T4_US, T64 + SIP_T4_US },
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
