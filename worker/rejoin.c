/* SPDX-License-Identifier: Apache-2.0
 *
 * See rejoin.h.  Called from the loop of the signalling worker.  The new
 * master gets duplicates of what the old one held: listeners, connections,
 * doorbells.  The trap: they may be more than the channel takes, and calls go
 * on meanwhile, so each has a mark and a turn sends what fits; what changes
 * until the end is told by the ordinary HOLD and RELEASE.
 */
#include "worker/rejoin.h"

#include "worker/inbox.h"
#include "worker/transport.h"

#define LOOK_US 10000ull

/* Sent by a master that died before SERVE: whose book it is was not said. */
static void drop_unserved(struct worker *worker)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->servers[i] && !worker->servers[i]->book)
			server_leave(worker->servers[i]);
}

void rejoin_begin(struct worker *worker)
{
	worker->channel_watch = watch_free(worker->channel_watch);
	drop_unserved(worker);
	worker->rejoin.state = REJOIN_ALONE;
	log_event(LOG_LVL_WARNING, "master_gone", "slot=%s books=%u",
		  worker->child.name, worker->n_servers);
	if (worker->n_servers == 0) /* nothing hangs on us */
		worker->is_leaving = true;
}

/* ---- what is offered ----------------------------------------------------- */

static void offer_bells(struct worker *worker, uint8_t kind, const int *bells,
			unsigned max)
{
	for (unsigned i = 1; i <= max; i++) {
		struct message_doorbell bell = {.slot = {kind, (uint8_t)i}};

		if (bells[i] >= 0)
			channel_send(worker->child.channel,
				     MESSAGE_HOLD_DOORBELL, &bell, bells[i]);
	}
}

static void offer_books(struct worker *worker)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		struct message_served served = {
			.slot = {SLOT_SIGNALLING, (uint8_t)i}};

		if (!worker->servers[i])
			continue;
		served.epoch = book_epoch(worker->servers[i]->book);
		channel_send(worker->child.channel, MESSAGE_OFFER_SERVED,
			     &served, -1);
	}
}

static void introduce(struct worker *worker)
{
	struct message_offer offer = {
		.slot = worker->child.slot,
		.is_prober = worker->prober != NULL,
		.generation = worker->child.generation,
	};

	channel_send(worker->child.channel, MESSAGE_OFFER, &offer, -1);
	offer_bells(worker, SLOT_SIGNALLING, worker->bells, BOOK_MAX);
	offer_bells(worker, SLOT_MEDIA, worker->media_bells, MEDIA_SLOT_MAX);
	offer_books(worker);
}

/* ---- descriptors, as many a turn as the channel takes -------------------- */

static bool is_full(struct worker *worker)
{
	return channel_flush(worker->child.channel);
}

static void offer_listener(struct worker *worker, struct socket_row *row)
{
	struct message_listener head = {
		.book = (uint8_t)row->server->index,
		.side = row->side,
		.transport = row->transport,
		.listener = row->listener,
		.bound = row->bound,
	};

	row->offered = worker->rejoin.round;
	channel_send(worker->child.channel, MESSAGE_HOLD_LISTENER, &head,
		     row->fd);
}

/* False: there is more. */
static bool offer_sockets(struct worker *worker, struct server *server)
{
	struct connection *c, *next;

	for (struct socket_row *row = server->sockets; row; row = row->next) {
		if (row->offered == worker->rejoin.round)
			continue;
		if (is_full(worker))
			return false;
		offer_listener(worker, row);
	}
	HASH_ITER(hh, server->connections, c, next)
	{
		if (c->offered == worker->rejoin.round)
			continue;
		if (is_full(worker))
			return false;
		c->offered = worker->rejoin.round;
		connection_offer(c);
	}
	return true;
}

static void offer_more(struct worker *worker)
{
	struct message_slot self = {.slot = worker->child.slot};

	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->servers[i] && worker->servers[i]->book &&
		    !offer_sockets(worker, worker->servers[i]))
			return;
	if (is_full(worker))
		return;
	channel_send(worker->child.channel, MESSAGE_OFFERED, &self, -1);
	worker->rejoin.state = REJOIN_NOT;
	log_event(LOG_LVL_NOTICE, "master_found", "slot=%s",
		  worker->child.name);
}

static void look_for_master(struct worker *worker)
{
	if (worker->now_us < worker->rejoin.next_us)
		return;
	worker->rejoin.next_us = worker->now_us + LOOK_US;
	if (child_rejoin(&worker->child) < 0)
		return;
	worker->channel_watch = loop_watch(worker->child.loop,
					   channel_fd(worker->child.channel),
					   LOOP_READ, inbox_read, worker);
	must(worker->channel_watch);
	worker->rejoin.round++;
	worker->rejoin.state = REJOIN_OFFERING;
	introduce(worker);
}

void rejoin_turn(struct worker *worker)
{
	if (worker->rejoin.state == REJOIN_ALONE)
		look_for_master(worker);
	if (worker->rejoin.state == REJOIN_OFFERING)
		offer_more(worker);
}
