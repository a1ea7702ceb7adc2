/* SPDX-License-Identifier: Apache-2.0
 *
 * The transaction tables: what RFC 3261 17 and RFC 6026 promise of them.
 */
#include <criterion/criterion.h>

#include "sip/transaction.h"

static void check(enum tx_role role, enum tx_state state, enum tx_event event,
		  enum tx_state next, unsigned actions)
{
	const struct tx_row *row = tx_row(role, state, event);

	cr_assert(row->is_row, "no row for role %d, %s, event %d", role,
		  tx_state_text(state), event);
	cr_assert_eq(row->next, next, "role %d, %s, event %d leads to %s", role,
		     tx_state_text(state), event, tx_state_text(row->next));
	cr_assert_eq(row->actions & actions, actions,
		     "role %d, %s, event %d does %u", role,
		     tx_state_text(state), event, row->actions);
}

Test(transaction, a_2xx_leaves_both_invite_transactions_accepted)
{
	check(TX_INVITE_CLIENT, TX_TRYING, TX_EV_2XX, TX_ACCEPTED, TX_DO_PASS);
	check(TX_INVITE_CLIENT, TX_PROCEEDING, TX_EV_2XX, TX_ACCEPTED,
	      TX_DO_PASS);
	check(TX_INVITE_CLIENT, TX_ACCEPTED, TX_EV_2XX, TX_ACCEPTED,
	      TX_DO_PASS);
	check(TX_INVITE_SERVER, TX_PROCEEDING, TX_EV_2XX, TX_ACCEPTED,
	      TX_DO_SEND);
	check(TX_INVITE_SERVER, TX_ACCEPTED, TX_EV_REQUEST, TX_ACCEPTED,
	      TX_DO_COUNT);
}

Test(transaction, a_refusal_is_acknowledged_once_and_again_when_it_repeats)
{
	check(TX_INVITE_CLIENT, TX_PROCEEDING, TX_EV_3XX_6XX, TX_COMPLETED,
	      TX_DO_ACK | TX_DO_PASS);
	check(TX_INVITE_CLIENT, TX_COMPLETED, TX_EV_3XX_6XX, TX_COMPLETED,
	      TX_DO_SEND);
	cr_assert_not(
		tx_row(TX_INVITE_CLIENT, TX_COMPLETED, TX_EV_3XX_6XX)->actions &
		TX_DO_PASS);
}

Test(transaction, a_repeated_request_gets_the_last_response_again)
{
	check(TX_INVITE_SERVER, TX_PROCEEDING, TX_EV_REQUEST, TX_PROCEEDING,
	      TX_DO_SEND);
	check(TX_INVITE_SERVER, TX_COMPLETED, TX_EV_REQUEST, TX_COMPLETED,
	      TX_DO_SEND);
	check(TX_SERVER, TX_COMPLETED, TX_EV_REQUEST, TX_COMPLETED, TX_DO_SEND);
	cr_assert_not(tx_row(TX_SERVER, TX_TRYING, TX_EV_REQUEST)->actions &
		      TX_DO_SEND);
}

Test(transaction, no_answer_is_told_to_the_call)
{
	check(TX_INVITE_CLIENT, TX_TRYING, TX_EV_TIMEOUT, TX_TERMINATED,
	      TX_DO_LOST);
	check(TX_INVITE_CLIENT, TX_TRYING, TX_EV_FAILED, TX_TERMINATED,
	      TX_DO_LOST);
	check(TX_CLIENT, TX_TRYING, TX_EV_TIMEOUT, TX_TERMINATED, TX_DO_LOST);
	check(TX_INVITE_SERVER, TX_ACCEPTED, TX_EV_TIMEOUT, TX_TERMINATED,
	      TX_DO_LOST);
}

Test(transaction, a_2xx_is_repeated_over_every_transport_up_to_t2)
{
	for (unsigned is_reliable = 0; is_reliable < 2; is_reliable++) {
		cr_assert_eq(tx_repeat_us(TX_INVITE_SERVER, TX_ACCEPTED,
					  is_reliable, 0),
			     SIP_T1_US);
		cr_assert_eq(tx_repeat_us(TX_INVITE_SERVER, TX_ACCEPTED,
					  is_reliable, 2),
			     4 * SIP_T1_US);
		cr_assert_eq(tx_repeat_us(TX_INVITE_SERVER, TX_ACCEPTED,
					  is_reliable, 9),
			     SIP_T2_US);
	}
}

Test(transaction, nothing_else_repeats_over_a_stream)
{
	for (unsigned role = 0; role < N_TX_ROLES; role++)
		for (unsigned state = 0; state < N_TX_STATES; state++) {
			if (role == TX_INVITE_SERVER && state == TX_ACCEPTED)
				continue;
			cr_assert_eq(tx_repeat_us(role, state, true, 0), 0,
				     "role %u repeats in %s", role,
				     tx_state_text(state));
		}
}

Test(transaction, an_invite_doubles_without_a_cap_and_others_stop_at_t2)
{
	cr_assert_eq(tx_repeat_us(TX_INVITE_CLIENT, TX_TRYING, false, 5),
		     32 * SIP_T1_US);
	cr_assert_eq(tx_repeat_us(TX_CLIENT, TX_TRYING, false, 5), SIP_T2_US);
	cr_assert_eq(tx_repeat_us(TX_CLIENT, TX_PROCEEDING, false, 0),
		     SIP_T2_US);
}

/* No state without a way out: each state that can be entered has a deadline,
 * or an event from the wire or the call that leaves it. */
Test(transaction, every_state_that_is_entered_can_be_left)
{
	for (unsigned role = 0; role < N_TX_ROLES; role++) {
		for (unsigned state = 0; state < TX_TERMINATED; state++) {
			bool is_used = false, is_left = false;

			for (unsigned ev = 0; ev < N_TX_EVENTS; ev++) {
				const struct tx_row *row =
					tx_row(role, state, ev);

				is_used |= row->is_row;
				is_left |= row->is_row && row->next != state;
			}
			cr_assert(!is_used || is_left,
				  "role %u never leaves %s", role,
				  tx_state_text(state));
		}
	}
}
