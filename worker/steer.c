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

/* The books that may know a message without a tag of ours, in the order in
 * which they are asked; the last one takes it in any case. */
#define ASKED_MAX 3
struct asked {
	unsigned books[ASKED_MAX], n;
};

static void ask_too(struct asked *asked, const struct server *server,
		    unsigned book, unsigned last)
{
	const struct server *here = book ? server->worker->servers[book] : NULL;

	if (!book || book == last || (!server->out[book] && !here))
		return;
	for (unsigned i = 0; i < asked->n; i++)
		if (asked->books[i] == book)
			return;
	asked->books[asked->n++] = book;
}

/* For 64*T1 after a bucket moved, its former books are asked first, since they
 * may know the INVITE that this repeats, cancels or acknowledges: two of them,
 * for it may have moved twice within the time that a phone rings. */
static struct asked books_of_bucket(const struct server *server,
				    struct slice call_id)
{
	const struct worker *worker = server->worker;
	const struct bucket *bucket =
		&worker->steer->buckets[slice_hash(call_id, 0) % BUCKETS];
	unsigned book =
		atomic_load_explicit(&bucket->book, memory_order_relaxed);
	uint64_t changed_us =
		atomic_load_explicit(&bucket->changed_us, memory_order_relaxed);
	struct asked asked = {.n = 0};

	if (worker->now_us < changed_us + 64 * SIP_T1_US) {
		ask_too(&asked, server,
			atomic_load_explicit(&bucket->before,
					     memory_order_relaxed),
			book);
		ask_too(&asked, server,
			atomic_load_explicit(&bucket->previous,
					     memory_order_relaxed),
			book);
	}
	asked.books[asked.n++] = book;
	return asked;
}

static unsigned book_of_bucket(const struct arrival *arrival,
			       struct slice call_id, bool *ret_asks)
{
	struct asked asked = books_of_bucket(arrival->server, call_id);

	*ret_asks = asked.n > 1;
	return asked.books[0];
}

unsigned steer_next_book(const struct arrival *arrival, struct slice call_id,
			 bool *ret_asks)
{
	struct asked asked = books_of_bucket(arrival->server, call_id);
	unsigned i = 0, last = asked.n - 1;

	while (i <= last && asked.books[i] != arrival->server->index)
		i++;
	/* while it lay in a ring the bucket may have moved: this book is now
	 * the last, or none of them, and others have not been asked */
	if (arrival->n_asked > ASKED_MAX)
		i = last;
	else if (i < last)
		i++;
	else if (i > last || arrival->n_asked < asked.n)
		i = 0;
	*ret_asks = i < last;
	return asked.books[i];
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
		.n_asked = arrival->n_asked + (kind == HANDOVER_ASK),
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
