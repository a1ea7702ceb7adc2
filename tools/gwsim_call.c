/* SPDX-License-Identifier: Apache-2.0
 *
 * A call of the simulator: its memory, its timers, a callee's script (100 at
 * once, 180 or 183 after --ring, 200 after --answer, BYE after --hangup-after)
 * and its end.  A call stays for T4 after its end, to answer what comes again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/ids.h"
#include "tools/gwsim.h"

struct sim_call *call_new(struct sim *sim, struct slice call_id,
			  const struct way *way, bool is_placed)
{
	struct sim_call *call = calloc(1, sizeof(*call));
	uint8_t random[8];
	struct out tag;

	if (!call)
		return NULL;
	call->sim = sim;
	call->way = *way;
	call->is_placed = is_placed;
	call->media.fd = -1;
	call->began_us = clock_boot_us();
	slice_copy(call_id, call->call_id, sizeof(call->call_id));
	random_bytes(random, sizeof(random));
	tag = out_init(call->tag, sizeof(call->tag));
	out_hex(&tag, random, sizeof(random));
	out_end(&tag);
	HASH_ADD_STR(sim->calls, call_id, call);
	return call;
}

struct sim_call *call_free(struct sim_call *call)
{
	if (!call)
		return NULL;
	for (unsigned i = 0; i < N_SIM_TIMERS; i++)
		timer_cancel(&call->timers[i]);
	media_close(call);
	HASH_DEL(call->sim->calls, call);
	free(call->invite);
	free(call->invite_message);
	free(call);
	return NULL;
}

struct sim_call *call_find(struct sim *sim, struct slice call_id)
{
	struct sim_call *call;
	char text[sizeof(call->call_id)];

	slice_copy(call_id, text, sizeof(text));
	HASH_FIND_STR(sim->calls, text, call);
	return call;
}

/* ---- timers -------------------------------------------------------------- */

void call_set_timer(struct sim_call *call, enum sim_timer timer, uint64_t in_us)
{
	call->timers[timer].kind = (uint8_t)timer;
	wheel_set(call->sim->wheel, &call->timers[timer],
		  clock_boot_us() + in_us);
}

void call_stop_timer(struct sim_call *call, enum sim_timer timer)
{
	timer_cancel(&call->timers[timer]);
}

void call_send(struct sim_call *call, bool is_repeated, bool is_always)
{
	wire_send(call->sim, &call->way,
		  (struct slice){call->sent, call->sent_len});
	if (!is_repeated)
		return;
	call_set_timer(call, SIM_LIMIT, SIM_GIVE_UP_US);
	if (call->way.transport == SIM_TCP && !is_always)
		return;
	call->repeat_us = SIM_T1_US;
	call_set_timer(call, SIM_REPEAT, call->repeat_us);
}

void call_stop_repeating(struct sim_call *call)
{
	call_stop_timer(call, SIM_REPEAT);
	call_stop_timer(call, SIM_LIMIT);
}

static void repeat(struct sim_call *call)
{
	bool is_invite = call->is_placed && call->sending == SIP_INVITE &&
			 call->state == SIM_CALLING;

	call->sim->figures.repeats_sent++;
	wire_send(call->sim, &call->way,
		  (struct slice){call->sent, call->sent_len});
	call->repeat_us *= 2;
	if (!is_invite && call->repeat_us > SIM_T2_US)
		call->repeat_us = SIM_T2_US;
	call_set_timer(call, SIM_REPEAT, call->repeat_us);
}

/* ---- the end ------------------------------------------------------------- */

static void count_end(struct sim_call *call)
{
	struct sim_figures *figures = &call->sim->figures;

	call->is_good = call->why[0] == '\0';
	if (call->is_good && call->answered_us)
		figures->n_good++;
	else if (!call->is_good)
		figures->n_failed++;
}

void call_end(struct sim_call *call, const char *why)
{
	if (call->state == SIM_ENDED)
		return;
	if (!call->why[0])
		snprintf(call->why, sizeof(call->why), "%s", why);
	if (call->answered_us) {
		char heard[sizeof(call->why)] = "";

		media_judge(call, heard, sizeof(heard));
		if (!call->why[0])
			memcpy(call->why, heard, sizeof(heard));
	}
	media_close(call);
	call->state = SIM_ENDED;
	count_end(call);
	report_call(call);
	call_stop_timer(call, SIM_STEP);
	call_stop_repeating(call);
	call_set_timer(call, SIM_LIMIT, SIM_T4_US);
}

/* ---- a callee's script --------------------------------------------------- */

static void answer_invite(struct sim_call *call, int status, bool has_sdp)
{
	struct slice bytes =
		write_response(call, call->invite_message, status, has_sdp,
			       call->sent, sizeof(call->sent));

	call->sent_len = bytes.len;
	call->sending = SIP_INVITE;
	call_send(call, status >= 200, status >= 200 && status < 300);
}

static void refuse(struct sim_call *call, int status)
{
	call->status = status;
	call->state = SIM_ENDING;
	call->sim->figures.statuses[status]++;
	answer_invite(call, status, false);
}

static void ring(struct sim_call *call)
{
	const struct sim_options *options = &call->sim->options;
	uint64_t rest_ms = options->answer_ms > options->ring_ms
				   ? options->answer_ms - options->ring_ms
				   : 0;

	call->state = SIM_RINGING;
	answer_invite(call, options->has_early_media ? 183 : 180,
		      options->has_early_media);
	if (options->has_early_media)
		media_begin(call);
	call_set_timer(call, SIM_STEP, rest_ms * USEC_PER_MSEC);
}

static void answer(struct sim_call *call)
{
	call->state = SIM_ANSWERED;
	call->status = 200;
	call->answered_us = clock_boot_us();
	call->sim->figures.n_answered++;
	call->sim->figures.statuses[200]++;
	answer_invite(call, 200, !call->sim->options.is_without_media);
	media_begin(call);
	if (call->sim->options.hangup_after_ms)
		call_set_timer(call, SIM_STEP,
			       call->sim->options.hangup_after_ms *
				       USEC_PER_MSEC);
}

void call_begin_script(struct sim_call *call)
{
	const struct sim_options *options = &call->sim->options;

	if (options->is_silent)
		return;
	answer_invite(call, 100, false);
	if (options->reject)
		refuse(call, (int)options->reject);
	else
		call_set_timer(call, SIM_STEP,
			       options->ring_ms * USEC_PER_MSEC);
}

void call_hang_up(struct sim_call *call)
{
	if (call->state == SIM_TALKING || call->state == SIM_ANSWERED)
		place_bye(call);
	else if (call->state > SIM_ANSWERED)
		return;
	else if (call->is_placed)
		place_cancel(call);
	else if (call->sim->options.is_silent)
		call_end(call, "");
	else
		refuse(call, 480);
}

static void step(struct sim_call *call)
{
	switch (call->state) {
	case SIM_CALLING:
		if (call->is_placed)
			place_cancel(call);
		else
			ring(call);
		return;
	case SIM_RINGING:
		if (call->is_placed)
			place_cancel(call);
		else
			answer(call);
		return;
	case SIM_ANSWERED:
	case SIM_TALKING:
		place_bye(call);
		return;
	case SIM_ENDING:
	case SIM_ENDED:
		return;
	}
}

/* ---- what expired -------------------------------------------------------- */

static const char *what_was_missing(const struct sim_call *call)
{
	if (call->sending == SIP_BYE)
		return "BYE was not answered";
	if (call->sending == SIP_CANCEL)
		return "CANCEL ended nothing";
	return call->is_placed ? "INVITE was not answered" : "no ACK came";
}

void call_on_timer(struct sim_call *call, enum sim_timer timer)
{
	if (timer == SIM_STEP) {
		step(call);
	} else if (timer == SIM_REPEAT) {
		repeat(call);
	} else if (call->state == SIM_ENDED) {
		call_free(call);
	} else if (call->state == SIM_ANSWERED && !call->is_placed) {
		/* RFC 3261 13.3.1.4: no ACK, so BYE */
		snprintf(call->why, sizeof(call->why), "no ACK came");
		place_bye(call);
	} else {
		call_end(call, what_was_missing(call));
	}
}

void calls_expire(struct sim *sim)
{
	struct timer *timer;

	while ((timer = wheel_expire(sim->wheel, clock_boot_us()))) {
		struct timer *first = timer - timer->kind;
		char *bytes = (char *)first - offsetof(struct sim_call, timers);

		call_on_timer((void *)bytes, timer->kind);
	}
}
