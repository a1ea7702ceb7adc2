/* SPDX-License-Identifier: Apache-2.0
 *
 * See soakgen.h: the front end's half of a call.  It behaves as RFC 3261 wants
 * a client to, also when answers come twice, late or from a successor, and
 * notes whatever a correct pool would not have done.
 */
#include <stdio.h>

#include "sip/uri.h"
#include "tests/soak/soakgen.h"

static const int kind_status[] = {
#define KIND(name, share, status) status,
#include "tests/soak/kinds.def"
#undef KIND
};

void caller_place(struct call *call)
{
	struct half *half = &call->half[CALLER];
	const struct wire *wire = gen.wire[CALLER];
	char local[128], remote[160], call_id[96], target[128], pool[64];
	unsigned long long index = call_index(call);

	addr_text(wire_pool(wire), pool);
	snprintf(local, sizeof(local),
		 "\"Soak\" <sip:+49897654321@%s>;tag=c%llx",
		 wire_own_text(wire), index);
	snprintf(target, sizeof(target), "sip:%s%07llu@%s", gen.number, index,
		 pool);
	snprintf(remote, sizeof(remote), "<%s>", target);
	snprintf(call_id, sizeof(call_id), "s%x.%llx@%s", gen.run, index,
		 wire_own_text(wire));
	dialog_set(half, (struct slice[]){slice_of(local), slice_of(remote),
					  slice_of(call_id), slice_of(target),
					  SLICE_NONE});
	half->state = HALF_CALLING;
	call->placed_us = clock_boot_us();
	send_request(half, SIP_INVITE, PENDING_INVITE, "sendrecv");
}

/* ---- answers to the INVITE ----------------------------------------------- */

static void take_provisional(struct half *half)
{
	struct call *call = half_call(half);

	if (half->state != HALF_CALLING)
		return;
	half->state = HALF_PROCEEDING;
	call->provisional_us = clock_boot_us();
	half_settle(half);
	half_wait(half, call->kind == KIND_CANCEL ? call->ring_us : GUARD_US);
}

static void keep_dialog(struct half *half, const struct sip_message *m)
{
	char routes[1024];
	struct name_addr contact = {.uri = SLICE_NONE};

	if (name_addr_parse(m->contact, &contact, NULL) < 0)
		call_wrong(half_call(half), "200 without a Contact");
	dialog_set(half,
		   (struct slice[]){
			   dialog_part(half, DIALOG_LOCAL), m->to,
			   dialog_part(half, DIALOG_CALL_ID), contact.uri,
			   dialog_routes(m, true, routes, sizeof(routes))});
}

/* One part of the conversation: a call with a hold has three. */
static void talk(struct half *half)
{
	struct call *call = half_call(half);

	half->state = HALF_TALKING;
	half_settle(half);
	if (call->kind == KIND_CALLEE)
		half_wait(half, call->hold_us + GUARD_US);
	else
		half_wait(half,
			  call->hold_us / (call->kind == KIND_HOLD ? 3 : 1));
}

static void take_answer(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	if (kind_status[call->kind] != 200)
		call_wrong(call, "answered, but nobody did");
	keep_dialog(half, m);
	send_ack(half, m->cseq);
	talk(half);
}

static void take_refusal(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	send_refusal_ack(half, m);
	if (m->status != kind_status[call->kind])
		call_wrong(call, "refused");
	half_end(half);
}

/* A final answer that is not the first: the same again, or another. */
static void take_again(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	if (m->status != call->status ||
	    slice_hash(m->to_tag, 1) != half->final_tag) {
		call->n_finals++;
		call_wrong(call, "two final answers");
	}
	call->n_repeats++;
	if (!half->dialog)
		return;
	if (m->status < 300)
		send_ack(half, m->cseq);
	else
		send_refusal_ack(half, m);
}

static void take_invite_answer(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	if (m->status < 200) {
		take_provisional(half);
		return;
	}
	if (half->state >= HALF_ENDED && !call->final_us)
		return; /* too late: it was given up, and told as wrong */
	if (call->final_us) {
		take_again(half, m);
		return;
	}
	call->final_us = clock_boot_us();
	call->status = (uint16_t)m->status;
	call->n_finals = 1;
	half->final_tag = slice_hash(m->to_tag, 1);
	if (m->status < 300)
		take_answer(half, m);
	else
		take_refusal(half, m);
}

/* ---- the rest ------------------------------------------------------------ */

static void take_hold_answer(struct half *half, const struct sip_message *m)
{
	if (m->status < 200)
		return;
	if (half->pending != PENDING_INVITE || m->cseq != half->cseq) {
		half_call(half)->n_repeats++;
		if (half->dialog && m->status < 300)
			send_ack(half, m->cseq);
		return;
	}
	if (m->status < 300) {
		send_ack(half, m->cseq);
	} else {
		send_refusal_ack(half, m);
		half_call(half)->status = (uint16_t)m->status;
		call_wrong(half_call(half), "hold was refused");
	}
	half->n_holds++;
	talk(half);
}

void half_hang_up(struct half *half)
{
	half->state = HALF_ENDING;
	send_request(half, SIP_BYE, PENDING_BYE, NULL);
}

static void take_bye_answer(struct half *half, const struct sip_message *m)
{
	if (m->status < 200 || half->state != HALF_ENDING)
		return;
	if (m->status >= 300) {
		half_call(half)->status = (uint16_t)m->status;
		call_wrong(half_call(half), "BYE was refused");
	}
	half_end(half);
}

void caller_response(struct half *half, const struct sip_message *m)
{
	if (m->method == SIP_INVITE && m->cseq == 1)
		take_invite_answer(half, m);
	else if (m->method == SIP_INVITE)
		take_hold_answer(half, m);
	else if (m->method == SIP_BYE)
		take_bye_answer(half, m);
	else if (m->method == SIP_CANCEL && m->status >= 200 &&
		 half->pending == PENDING_CANCEL) {
		half_settle(half);
		half_wait(half, GUARD_US); /* for the 487 */
		if (m->status >= 300)
			call_wrong(half_call(half), "CANCEL was refused");
	}
}

void caller_request(struct half *half, const struct sip_message *m)
{
	if (m->method == SIP_BYE)
		half_take_bye(half, m);
	else if (m->method != SIP_ACK)
		send_response(half, m, 501, NULL);
}

/* Nothing is pending, and the time for the next act has come. */
void caller_due(struct half *half)
{
	struct call *call = half_call(half);

	if (half->state == HALF_PROCEEDING && call->kind == KIND_CANCEL &&
	    call->n_cancels == 0) {
		call->n_cancels = 1;
		send_cancel(half);
	} else if (half->state == HALF_TALKING && call->kind == KIND_HOLD &&
		   half->n_holds < 2) {
		send_request(half, SIP_INVITE, PENDING_INVITE,
			     half->n_holds ? "sendrecv" : "sendonly");
	} else if (half->state == HALF_TALKING && call->kind != KIND_CALLEE) {
		half_hang_up(half);
	} else {
		call_wrong(call, half->state == HALF_TALKING
					 ? "no BYE came"
					 : "no final answer came");
		half_end(half);
	}
}
