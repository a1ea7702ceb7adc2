/* SPDX-License-Identifier: Apache-2.0
 *
 * Steering: whose message is it, and handing it over (DESIGN 4).  In-dialog
 * requests carry our tag, responses our branch, both with the book; initial
 * requests hash on Call-ID into a bucket of the steering page.  Signalling
 * worker.
 */
#include "sip/transaction.h"
#include "worker/intake.h"

static unsigned book_of_response(const struct sip_message *message)
{
	struct token token;
	unsigned tx, book;
	uint64_t number;
	uint8_t secret[LEG_SECRET_LEN];

	if (branch_parse(message->branch, &token, &tx, secret) == 0)
		return call_book(token.call);
	if (probe_branch_parse(message->branch, &book, &number) == 0)
		return book;
	return 0;
}

unsigned steer_bucket_book(const struct worker *worker, struct slice call_id)
{
	const struct bucket *bucket =
		&worker->steer->buckets[slice_hash(call_id, 0) % BUCKETS];

	return atomic_load_explicit(&bucket->book, memory_order_relaxed);
}

/* For 64*T1 after a bucket moved, its previous book is asked first: it may
 * know the INVITE that this repeats, cancels or acknowledges. */
static unsigned book_of_bucket(const struct arrival *arrival,
			       struct slice call_id, bool *ret_asks)
{
	struct worker *worker = arrival->server->worker;
	const struct bucket *bucket =
		&worker->steer->buckets[slice_hash(call_id, 0) % BUCKETS];
	unsigned book =
		atomic_load_explicit(&bucket->book, memory_order_relaxed);
	unsigned previous =
		atomic_load_explicit(&bucket->previous, memory_order_relaxed);
	uint64_t changed_us =
		atomic_load_explicit(&bucket->changed_us, memory_order_relaxed);

	*ret_asks = previous && previous != book &&
		    worker->now_us < changed_us + 64 * SIP_T1_US;
	return *ret_asks ? previous : book;
}

unsigned steer_message(const struct arrival *arrival,
		       const struct sip_message *message, bool *ret_asks)
{
	struct worker *worker = arrival->server->worker;
	struct token token;

	*ret_asks = false;
	if (!message->is_request)
		return book_of_response(message);
	if (message->to_tag.len &&
	    tag_parse(message->to_tag, &token, NULL, NULL) == 0)
		return call_book(token.call);
	if (message->method == SIP_OPTIONS || message->to_tag.len)
		return arrival->server->index;
	if (worker->child.config->pool.addressing == ADDRESSING_PER_SERVER)
		return arrival->server->index;
	return book_of_bucket(arrival, message->call_id, ret_asks);
}

bool steer_hand_over(const struct arrival *arrival, unsigned book,
		     enum handover_kind kind)
{
	struct server *server = arrival->server;
	struct ring *ring = book <= BOOK_MAX ? server->out[book] : NULL;
	struct handover head = {
		.kind = (uint8_t)kind,
		.transport = arrival->from.transport,
		.listener = arrival->from.listener,
		.len = (uint32_t)arrival->len,
		.source = arrival->from.addr,
		.connection = arrival->from.connection,
		.offset = arrival->offset,
	};
	struct slice parts[2] = {{(const char *)&head, sizeof(head)},
				 {arrival->bytes, arrival->len}};

	if (!ring || ring_put(ring, parts, 2) < 0) {
		worker_count(server->worker, COUNTER_handovers_dropped);
		return false;
	}
	server->out_used |= bit_of(book);
	if (head.connection) /* a datagram comes again */
		server->out_kept |= bit_of(book);
	worker_count(server->worker, COUNTER_handovers_out);
	return true;
}

void steer_tell_lost(struct server *server, uint64_t connection,
		     uint64_t handed_to)
{
	struct handover head = {.kind = HANDOVER_LOST,
				.connection = connection};
	struct slice entry = {(const char *)&head, sizeof(head)};

	for_each_number(book, handed_to)
	{
		if (!server->out[book] ||
		    ring_put(server->out[book], &entry, 1) < 0)
			continue;
		server->out_used |= bit_of(book);
		server->out_kept |= bit_of(book);
	}
}
