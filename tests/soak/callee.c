/* SPDX-License-Identifier: Apache-2.0
 *
 * See soakgen.h: the gateway's half of a call, which rings and answers, refuses
 * or waits for CANCEL, as the call's kind says.  This is where a doubled call
 * would show: a second INVITE for the same number under another branch.
 */
#include <stdlib.h>

#include "sip/uri.h"
#include "sip/write.h"
#include "tests/soak/soakgen.h"

/* ---- INVITE -------------------------------------------------------------- */

static bool number_index(struct slice uri_text, uint64_t *ret_index)
{
	struct sip_uri uri;
	char number[64];
	size_t len;

	if (uri_parse(uri_text, &uri) < 0 ||
	    uri_number(&uri, number, sizeof(number)) < 0)
		return false;
	len = strlen(number);
	return len >= 7 &&
	       slice_to_u64((struct slice){number + len - 7, 7}, UINT32_MAX,
			    ret_index) == 0 &&
	       *ret_index < gen.next_call;
}

static void keep_invite(struct half *half, const struct sip_message *m)
{
	half->invite_len = m->head.len;
	half->invite = malloc(half->invite_len + 1);
	if (!half->invite)
		exit(3);
	memcpy(half->invite, m->head.ptr, half->invite_len);
	half->invite_connection = wire_current(gen.wire[CALLEE]);
}

/* The 200, 486 or 487 of the INVITE that was kept. */
static void answer_invite(struct half *half, int status)
{
	static struct sip_message m;
	struct sip_verdict verdict;
	char *copy = malloc(half->invite_len + 1);

	if (!copy)
		exit(3);
	memcpy(copy, half->invite, half->invite_len);
	sip_scan(copy, half->invite_len, false, &m, &verdict);
	pend_response(half, &m, status, status < 300 ? "sendrecv" : NULL);
	free(copy);
}

static void keep_dialog(struct half *half, const struct sip_message *m)
{
	char routes[1024], local[512];
	struct out to = out_init(local, sizeof(local));
	struct name_addr contact = {.uri = SLICE_NONE};

	out_printf(&to, "%.*s;tag=e%llx", SLICE_ARG(m->to),
		   (unsigned long long)call_index(half_call(half)));
	if (name_addr_parse(m->contact, &contact, NULL) < 0)
		call_wrong(half_call(half), "INVITE without a Contact");
	dialog_set(half,
		   (struct slice[]){
			   out_as_slice(&to), m->from, m->call_id, contact.uri,
			   dialog_routes(m, false, routes, sizeof(routes))});
}

static void take_new(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	half->state = HALF_PROCEEDING;
	half->invite_branch = slice_hash(m->branch, 1);
	half->remote_cseq = m->cseq;
	call->n_invites = 1;
	keep_invite(half, m);
	keep_dialog(half, m);
	send_response(half, m, 100, NULL);
	send_response(half, m, 180, NULL);
	half_wait(half, call->kind == KIND_CANCEL ? GUARD_US : call->ring_us);
}

struct half *callee_find(const struct sip_message *m)
{
	uint64_t index;

	if (!number_index(m->uri, &index))
		return NULL;
	return &gen.calls[index].half[CALLEE];
}

void callee_invite(const struct sip_message *m)
{
	struct half *half = callee_find(m);

	if (!half) {
		gen.n_strangers++;
		send_stateless(CALLEE, m, 404);
		return;
	}
	if (half->state == HALF_IDLE) {
		take_new(half, m);
	} else if (slice_hash(m->branch, 1) == half->invite_branch) {
		half_call(half)->n_repeats++;
		if (half->state == HALF_PROCEEDING && !half->pending)
			send_response(half, m, 180, NULL);
	} else {
		half_call(half)->n_invites++;
		call_wrong(half_call(half), "two INVITEs at the gateway");
		send_stateless(CALLEE, m, 482);
	}
}

/* A re-INVITE: answered at once, ACK awaited as for the first. */
static void take_hold(struct half *half, const struct sip_message *m)
{
	if (m->cseq <= half->remote_cseq || half->state != HALF_TALKING) {
		half_call(half)->n_repeats++; /* its 200 repeats itself */
		if (half->state > HALF_TALKING)
			send_response(half, m, 481, NULL);
		return;
	}
	half->remote_cseq = m->cseq;
	half->invite_connection = wire_current(gen.wire[CALLEE]);
	pend_response(half, m, 200, "sendrecv");
}

/* ---- the rest ------------------------------------------------------------ */

static void take_ack(struct half *half)
{
	struct call *call = half_call(half);
	enum pending pending = half->pending;

	if (pending == PENDING_REFUSAL) {
		half_end(half);
	} else if (pending == PENDING_ANSWER) {
		half_settle(half);
		half_wait(half, call->kind == KIND_CALLEE
					? call->hold_us
					: call->hold_us + GUARD_US);
	}
}

void half_take_bye(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);
	uint64_t branch = slice_hash(m->branch, 1);

	send_response(half, m, 200, NULL);
	if (branch == half->bye_branch) {
		call->n_repeats++;
		return;
	}
	half->bye_branch = branch;
	call->n_byes[half->side]++;
	if (half->state != HALF_TALKING)
		call_wrong(call, call->n_byes[half->side] > 1
					 ? "two BYEs"
					 : "BYE out of place");
	else if (call->half[!half->side].state < HALF_ENDING)
		call_wrong(call, "BYE, but nobody hung up");
	half_end(half);
}

static void take_cancel(struct half *half, const struct sip_message *m)
{
	struct call *call = half_call(half);

	send_response(half, m, 200, NULL);
	if (half->cancel_branch) {
		call->n_repeats++;
		return;
	}
	half->cancel_branch = slice_hash(m->branch, 1);
	if (call->kind != KIND_CANCEL)
		call_wrong(call, "CANCEL, but nobody gave up");
	if (half->state == HALF_PROCEEDING && !half->pending)
		answer_invite(half, 487);
}

void callee_request(struct half *half, const struct sip_message *m)
{
	if (m->method == SIP_ACK)
		take_ack(half);
	else if (m->method == SIP_BYE)
		half_take_bye(half, m);
	else if (m->method == SIP_CANCEL)
		take_cancel(half, m);
	else if (m->method == SIP_INVITE)
		take_hold(half, m);
	else
		send_response(half, m, 501, NULL);
}

void callee_response(struct half *half, const struct sip_message *m)
{
	if (m->method != SIP_BYE || m->status < 200 ||
	    half->state != HALF_ENDING)
		return;
	if (m->status >= 300)
		call_wrong(half_call(half), "BYE was refused");
	half_end(half);
}

void callee_due(struct half *half)
{
	struct call *call = half_call(half);

	if (half->state == HALF_PROCEEDING && call->kind != KIND_CANCEL) {
		if (call->kind != KIND_BUSY)
			half->state = HALF_TALKING;
		answer_invite(half, call->kind == KIND_BUSY ? 486 : 200);
	} else if (half->state == HALF_TALKING && call->kind == KIND_CALLEE) {
		half_hang_up(half);
	} else {
		call_wrong(call, half->state == HALF_TALKING
					 ? "no BYE came"
					 : "no CANCEL came");
		half_end(half);
	}
}
