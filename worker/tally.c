/* SPDX-License-Identifier: Apache-2.0
 *
 * See tally.h.  Signalling worker; called by the actions of the call machine
 * where they decide, by the prober, and where messages come and go.
 * Trap: all of it is on the way of calls: a word or two each, nothing else.
 * What a call became is counted with the turn's commit (turn_count), or a death
 * before it would count it twice; what arrived and left is counted at once.
 */
#include "worker/tally.h"

#include "shm/figures.h"
#include "sip/names.h"

_Static_assert((int)N_SIP_METHODS <= FIGURE_METHODS && (int)N_TRANSPORTS <= 4,
	       "figures_sip has no room for more");

static struct figures_trunk *trunk_of(struct call *call)
{
	return figures_trunk(call->server->worker->figures,
			     call_text(call, call->record->trunk));
}

static struct figures_calls *calls_of(struct call *call)
{
	return &trunk_of(call)->calls[call->record->direction == CALL_INBOUND];
}

static void note(struct call *call, enum figure figure, uint64_t since_us)
{
	struct worker *worker = call->server->worker;

	turn_note_time(worker, &calls_of(call)->times[figure], figure,
		       worker->now_us > since_us ? worker->now_us - since_us
						 : 0);
}

void tally_rang(struct call *call)
{
	note(call, FIGURE_setup, call->record->started_us);
}

void tally_answered(struct call *call)
{
	if (!(call->record->flags & CALL_SHOWED_18X))
		tally_rang(call);
	note(call, FIGURE_answer, call->record->started_us);
	turn_count(call->server->worker,
		   &calls_of(call)->results[RESULT_answered]);
}

void tally_talked(struct call *call)
{
	note(call, FIGURE_duration, call->record->answered_us);
}

static const struct {
	int code;
	enum call_result result;
} results[] = {
	{486, RESULT_busy},	{600, RESULT_busy},	{603, RESULT_busy},
	{408, RESULT_noanswer}, {480, RESULT_noanswer}, {487, RESULT_cancelled},
};

static enum call_result result_of(const struct call *call, int code)
{
	if (!call->record->leg[LEG_B].peer.len && code != 487)
		return RESULT_rejected;
	for (unsigned i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (results[i].code == code)
			return results[i].result;
	return RESULT_failed;
}

void tally_refused(struct call *call, int code)
{
	turn_count(call->server->worker,
		   &calls_of(call)->results[result_of(call, code)]);
}

void tally_failover(struct call *call)
{
	turn_count(call->server->worker, &trunk_of(call)->failovers);
}

void tally_probe_answer(struct worker *worker, struct slice peer,
			uint64_t took_us)
{
	struct figures_peer *row = figures_peer(worker->figures, peer);

	figures_count(&row->probes_good);
	figures_note(&row->probe, FIGURE_probe, took_us);
}

void tally_probe_lost(struct worker *worker, struct slice peer)
{
	figures_count(&figures_peer(worker->figures, peer)->probes_lost);
}

/* ---- messages ------------------------------------------------------------ */

void tally_received(struct worker *worker, const struct sip_message *message,
		    enum transport transport)
{
	struct figures_sip *sip = &worker->figures->sip;
	int class = message->status / 100;

	if (message->is_request)
		figures_count(
			&sip->requests[FIGURE_IN][message->method][transport]);
	else if (class > 0 && class < FIGURE_CLASSES)
		figures_count(&sip->responses[FIGURE_IN][class]);
}

/* What we wrote ourselves begins as it should. */
void tally_sent(struct worker *worker, struct slice bytes,
		enum transport transport)
{
	static const char version[] = "SIP/2.0 ";
	const size_t n = sizeof(version) - 1;
	struct figures_sip *sip = &worker->figures->sip;
	struct slice rest = bytes;
	unsigned class;

	if (bytes.len <= n || memcmp(bytes.ptr, version, n) != 0) {
		rest = slice_cut(&rest, ' ');
		figures_count(&sip->requests[FIGURE_OUT][sip_method_of(rest)]
					    [transport]);
		return;
	}
	class = (unsigned)(bytes.ptr[n] - '0');
	if (class < FIGURE_CLASSES)
		figures_count(&sip->responses[FIGURE_OUT][class]);
}
