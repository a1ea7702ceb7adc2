/* SPDX-License-Identifier: Apache-2.0
 *
 * Random sequences of SIP messages, time and deaths through a real signalling
 * worker (rig.h), with checks after every turn and at the end:
 *
 *   no state without a timer: a transaction that must end has a deadline, and
 *     a call that is not answered has a timer somewhere
 *   what is in memory is what is in the book, byte for byte
 *   no orphans: every transaction in the book has its call
 *   figures derived from calls (load, early) equal the calls that are there
 *   promises to peers are kept, effects repeated are equal (peers.h)
 *   after the last hang-up and enough time nothing is left at all
 *
 * property_worker [SEED [N]]: N sequences from this seed on.  Without words:
 * PROPERTY_SEED and PROPERTY_SEQUENCES of the environment, else the fixed ones.
 * A failure prints its seed: give it that, and 1, to see it again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/property/peers.h"
#include "tests/unit/scratch.h"
#include "worker/dispatch.h"
#include "worker/machine.h"

#define FIRST_SEED  20261125ull
#define N_SEQUENCES 2000
#define STEPS	    120
#define DRAIN_US    (1200 * USEC_PER_SEC)

static uint64_t seed;
static unsigned step;

void fail(const char *format, ...)
{
	va_list args;

	printf("FAILED seed=%llu step=%u: ", (unsigned long long)seed, step);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	scratch_remove();
	exit(1);
}

/* ---- after every turn ---------------------------------------------------- */

static bool is_reliable(const struct tx *tx)
{
	return tx->record->transport != TRANSPORT_UDP;
}

static void check_tx(const struct tx *tx)
{
	const struct tx_record *record = tx->record;
	uint64_t limit = tx_state_timeout_us(record->role, record->state,
					     is_reliable(tx));
	uint64_t nearest = record->timeout_us;

	if (limit && !record->timeout_us)
		fail("transaction %u role=%u state=%u has no deadline",
		     record->tx, record->role, record->state);
	if (record->repeat_us && (!nearest || record->repeat_us < nearest))
		nearest = record->repeat_us;
	if (nearest && !tx->timer.deadline_us)
		fail("transaction %u role=%u state=%u has no timer", record->tx,
		     record->role, record->state);
}

static bool has_deadline(const struct call *call)
{
	if (call->timer.deadline_us)
		return true;
	for (const struct tx *tx = call->txs; tx; tx = tx->next)
		if (tx->timer.deadline_us)
			return true;
	return false;
}

static size_t differs_at(const void *a, const void *b, size_t size)
{
	size_t at = 0;

	while (at < size && ((const char *)a)[at] == ((const char *)b)[at])
		at++;
	return at;
}

/* An heir moves deadlines by the time that nobody served, and says so in the
 * flags; it does not write all calls anew for that. */
static void level_call(struct call_record *record)
{
	memset(record->deadline_us, 0, sizeof(record->deadline_us));
	record->flags &= (uint16_t)~CALL_IS_ADOPTED;
}

static void check_stored(const struct call *call)
{
	struct call_record *stored = NULL, *ours;

	if (book_get_call(rig.server->book, call->record->id, &stored))
		fail("call %llx is not in the book",
		     (unsigned long long)call->record->id);
	if (stored->head.size != call->record->head.size)
		fail("call %llx in state %u is of another size in the book",
		     (unsigned long long)call->record->id, call->record->state);
	ours = malloc(stored->head.size);
	must(ours);
	memcpy(ours, call->record, stored->head.size);
	level_call(ours);
	level_call(stored);
	if (memcmp(stored, ours, stored->head.size) != 0)
		fail("call %llx in state %u differs from the book at byte %zu",
		     (unsigned long long)call->record->id, call->record->state,
		     differs_at(stored, ours, stored->head.size));
	free(ours);
	free(stored);
}

/* Is anything asked of the peers whose answer may belong to an offer? */
static bool has_question(const struct call *call)
{
	for (const struct tx *tx = call->txs; tx; tx = tx->next) {
		unsigned state = tx->record->state;

		if (state == TX_TRYING || state == TX_PROCEEDING)
			return true;
		if (tx->record->role == TX_INVITE_SERVER &&
		    state == TX_ACCEPTED && !(tx->record->flags & TX_GOT_ACK))
			return true;
		if (tx->record->role == TX_INVITE_CLIENT &&
		    state == TX_ACCEPTED && !(tx->record->flags & TX_HAS_ACK))
			return true;
	}
	return false;
}

/* RFC 3264: an offer is open as long as somebody may answer it, and no longer,
 * or every later one is refused with 491. */
static void check_offers(const struct call *call)
{
	if (call->record->state != CALL_ANSWERED || has_question(call))
		return;
	for (unsigned i = 0; i < N_LEGS; i++)
		if (call->record->leg[i].offer != OFFER_NONE)
			fail("an offer (%u) is open on leg %u of call %llx "
			     "that nobody will answer",
			     call->record->leg[i].offer, i,
			     (unsigned long long)call->record->id);
}

static void check_call(const struct call *call)
{
	check_offers(call);
	for (const struct tx *tx = call->txs; tx; tx = tx->next)
		check_tx(tx);
	if (call->record->state != CALL_ANSWERED && !has_deadline(call))
		fail("call %llx in state %u waits for nothing",
		     (unsigned long long)call->record->id, call->record->state);
	check_stored(call);
}

static void check_stored_tx(void *arg, struct tx_record *record)
{
	struct call *call = call_find(rig.server, record->call);
	struct tx *tx = call ? tx_find(call, record->tx) : NULL;

	++*(unsigned *)arg;
	if (!call)
		fail("transaction %u in the book is an orphan", record->tx);
	if (!tx)
		fail("transaction %u in the book is not in memory", record->tx);
	record->timeout_us = tx->record->timeout_us; /* see level_call */
	if (tx->record->head.size != record->head.size ||
	    memcmp(tx->record, record, record->head.size) != 0)
		fail("transaction %u role=%u state=%u differs from the book "
		     "at byte %zu",
		     record->tx, record->role, tx->record->state,
		     differs_at(tx->record, record, record->head.size));
	free(record);
}

static void count_stored_call(void *arg, struct call_record *record)
{
	++*(unsigned *)arg;
	free(record);
}

struct in_memory {
	unsigned calls, active, early, txs, placed;
};

static struct in_memory count_memory(void)
{
	struct in_memory n = {0};
	struct call *call, *next;

	HASH_ITER(hh, rig.server->calls, call, next)
	{
		const struct call_record *record = call->record;

		n.calls++;
		n.active += record->state != CALL_ABSORBING;
		n.early += (record->flags & CALL_SHOWED_18X) &&
			   !record->answered_us &&
			   record->state < CALL_ANSWERED;
		for (unsigned i = 0; i < N_LEGS + 1; i++)
			n.placed += call->load[i] != NULL;
		for (const struct tx *tx = call->txs; tx; tx = tx->next)
			n.txs++;
		check_call(call);
	}
	return n;
}

static unsigned board_load(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BOARD_PEERS; i++)
		n += rig.worker.board->peers[i].calls;
	return n;
}

static void check_turn(void)
{
	struct in_memory n = count_memory();
	unsigned stored = 0, stored_txs = 0, bad = 0;

	book_scan_calls(rig.server->book, count_stored_call, &stored, &bad);
	book_scan_txs(rig.server->book, check_stored_tx, &stored_txs, &bad);
	if (bad)
		fail("%u bad records", bad);
	if (stored != n.calls || stored_txs != n.txs)
		fail("%u calls and %u transactions, %u and %u in the book",
		     n.calls, n.txs, stored, stored_txs);
	if (rig.server->n_calls != n.active ||
	    rig.worker.board->calls != n.active)
		fail("%u calls, %u on the board", n.active,
		     rig.worker.board->calls);
	if (rig.worker.board->calls_early != n.early)
		fail("%u early calls, %u on the board", n.early,
		     rig.worker.board->calls_early);
	if (board_load() != n.placed)
		fail("load %u, on the board %u", n.placed, board_load());
}

static void turn(void)
{
	rig_turn();
	peers_read();
	check_turn();
}

/* ---- a sequence ---------------------------------------------------------- */

/* As a worker does that is never late: timers run when they are due. */
static void pass(uint64_t us)
{
	uint64_t until = rig.worker.now_us + us;

	while (rig.worker.now_us < until) {
		uint64_t wait =
			1000 + wheel_wait_us(rig.worker.wheel,
					     rig.worker.now_us, USEC_PER_SEC);

		if (wait > until - rig.worker.now_us)
			wait = until - rig.worker.now_us;
		rig_advance(wait);
		turn();
	}
}

static void pass_time(void)
{
	static const uint64_t times[] = {
		1000,	 5000,	  20000,   100000,   500000,
		1000000, 4000000, 5000000, 10000000, 33000000,
	};

	pass(times[rig_random(10)] + rig_random(3000));
}

static void lose_connection(void)
{
	static const char *const hosts[] = {"127.0.0.12:5060",
					    "127.0.0.42:5060"};
	struct addr peer;

	must(addr_parse(slice_of(hosts[rig_random(2)]), 5060, &peer) == 0);
	rig.lost_streams = true;
	dispatch_connection_lost(rig.server, rig_connection(&peer));
}

static void one_step(void)
{
	if (rig_chance(4)) {
		rig.death = DEATH_BEFORE_COMMIT + rig_random(4);
		rig.sends_left = rig_random(3);
	}
	if (rig_chance(60))
		rig_advance(rig_random(2000));
	else if (rig_chance(50))
		pass_time();
	for (unsigned n = 1 + rig_random(100) / 90; n > 0; n--)
		peers_act(4);
	if (rig_chance(1))
		lose_connection();
	turn();
}

static void hang_up_all(void)
{
	struct call *call, *next;

	HASH_ITER(hh, rig.server->calls, call, next)
	machine_hang_up(call);
}

static void drain(bool is_polite)
{
	uint64_t until = rig.worker.now_us + DRAIN_US;

	hang_up_all();
	turn();
	while (rig.worker.now_us < until && rig.server->calls) {
		step++;
		if (is_polite)
			peers_be_polite();
		rig_advance(wheel_wait_us(rig.worker.wheel, rig.worker.now_us,
					  USEC_PER_SEC) +
			    1000);
		turn();
		if (step % 50 == 0) /* answered since by a stubborn callee */
			hang_up_all();
	}
	if (rig.server->calls)
		fail("call %llx in state %u is still there",
		     (unsigned long long)rig.server->calls->record->id,
		     rig.server->calls->record->state);
	if (rig.server->invites)
		fail("an INVITE is still known");
}

static void sequence(void)
{
	bool is_polite;

	rig_begin(seed);
	peers_reset();
	is_polite = rig_chance(70);
	for (step = 0; step < STEPS; step++) {
		one_step();
		if (rig_chance(1))
			rig.fails_streams = !is_polite;
	}
	drain(is_polite);
	peers_settle(is_polite);
}

static uint64_t number(const char *word, const char *name, uint64_t otherwise)
{
	const char *text = word ? word : getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t first =
		number(argc > 1 ? argv[1] : NULL, "PROPERTY_SEED", FIRST_SEED);
	uint64_t n = number(argc > 2 ? argv[2] : NULL, "PROPERTY_SEQUENCES",
			    N_SEQUENCES);

	printf("seeds %llu to %llu\n", (unsigned long long)first,
	       (unsigned long long)(first + n - 1));
	fflush(stdout);
	rig_start();
	for (seed = first; seed < first + n; seed++)
		sequence();
	printf("%u turns, %u deaths\n1 passed, 0 failed\n", rig.n_turns,
	       rig.n_deaths);
	rig_stop();
	return 0;
}
