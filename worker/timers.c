/* SPDX-License-Identifier: Apache-2.0
 *
 * See timers.h.  Signalling worker.
 */
#include "worker/timers.h"

#include "worker/adopt.h"
#include "worker/machine.h"
#include "worker/poison.h"
#include "worker/prober.h"

#define QUIET_MAX_US 200000ull /* adoption: input first, but not for ever */

static void expire_tx(struct tx *tx)
{
	struct worker *worker = tx->call->server->worker;

	poison_at_timer(tx->call);
	tx_timer(tx);
	poison_done(worker);
}

static void expire_call(struct call *call)
{
	struct worker *worker = call->server->worker;

	poison_at_timer(call);
	poison_test_call(call, "abort-timer");
	machine_timer(call);
	poison_done(worker);
}

static void expire(struct worker *worker, struct timer *timer)
{
	char *at = (char *)timer;

	switch (timer->kind) {
	case TIMER_TX:
		expire_tx((struct tx *)(at - offsetof(struct tx, timer)));
		break;
	case TIMER_CALL:
		expire_call((struct call *)(at - offsetof(struct call, timer)));
		break;
	case TIMER_CONNECTION:
		connection_expire(
			(struct connection *)(at - offsetof(struct connection,
							    timer)));
		break;
	case TIMER_PROBE:
		prober_expire(worker, timer);
		break;
	}
}

/* Input before time (DESIGN 3): after an adoption no timer runs before the
 * sockets and rings were read dry. */
void timers_run(struct worker *worker)
{
	struct timer *timer;

	if (worker->quiet_since_us) {
		if (worker->had_input &&
		    worker->now_us < worker->quiet_since_us + QUIET_MAX_US)
			return;
		worker->quiet_since_us = 0;
		for_each_server(server, worker)
		{
			if (server->book)
				adopt_settle(server);
		}
	}
	while ((timer = wheel_expire(worker->wheel, worker->now_us)))
		expire(worker, timer);
}
