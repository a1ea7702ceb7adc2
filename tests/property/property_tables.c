/* SPDX-License-Identifier: Apache-2.0
 *
 * Random walks over the pure rules: the four transaction tables
 * (sip/transaction.def), the life of a slot (master/supervise.def) and the
 * state of a peer (shm/health.c), with deaths between any two steps.
 *
 *   a transaction: who waits for the wire has a deadline; deadlines alone end
 *     it; what is repeated is absorbed; an outcome is told once
 *   a slot: no process is started beside another or killed where there is
 *     none; whoever waits has something due; a wanted slot comes up again
 *   a peer: what is known does not depend on who says it first or twice; a
 *     good answer, or time, brings every peer back
 *
 * property_tables [SEED [N]], or PROPERTY_SEED and PROPERTY_WALKS.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "master/supervise.h"
#include "shm/health.h"
#include "sip/transaction.h"

#define FIRST_SEED 20261125ull
#define N_WALKS	   100000
#define STEPS	   60

static uint64_t seed, state;

static _Noreturn void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *format, ...)
{
	va_list args;

	printf("FAILED seed=%llu: ", (unsigned long long)seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 11) % below;
}

/* ---- transactions -------------------------------------------------------- */

struct walk {
	enum tx_role role;
	enum tx_state state;
	bool is_reliable, is_quiet;
	unsigned n_finals, n_lost; /* told to the call */
};

static const enum tx_state first_states[N_TX_ROLES] = {
	[TX_INVITE_CLIENT] = TX_TRYING,
	[TX_INVITE_SERVER] = TX_PROCEEDING,
	[TX_CLIENT] = TX_TRYING,
	[TX_SERVER] = TX_TRYING,
};

/* Who waits for its own call, which has timers of its own, needs none. */
static bool waits_for_call(const struct walk *walk)
{
	switch (walk->role) {
	case TX_INVITE_CLIENT: /* a ringing callee; CANCEL sets a deadline */
	case TX_INVITE_SERVER:
		return walk->state == TX_PROCEEDING;
	case TX_SERVER:
		return walk->state == TX_TRYING || walk->state == TX_PROCEEDING;
	default:
		return false;
	}
}

static void check_deadline(const struct walk *walk)
{
	uint64_t timeout =
		tx_state_timeout_us(walk->role, walk->state, walk->is_reliable);
	uint64_t repeat = tx_repeat_us(walk->role, walk->state,
				       walk->is_reliable, pick(12));

	if (walk->state == TX_TERMINATED)
		return;
	if (!timeout && !waits_for_call(walk))
		fail("role %u state %u has no deadline", walk->role,
		     walk->state);
	if (repeat > 16 * SIP_T4_US && walk->role != TX_INVITE_CLIENT)
		fail("role %u state %u repeats only after %llu us", walk->role,
		     walk->state, (unsigned long long)repeat);
	if (timeout && !tx_row(walk->role, walk->state, TX_EV_TIMEOUT)->is_row)
		fail("role %u state %u has a deadline that means nothing",
		     walk->role, walk->state);
}

static void note_told(struct walk *walk, enum tx_event event, unsigned actions,
		      enum tx_state before)
{
	bool is_client =
		walk->role == TX_CLIENT || walk->role == TX_INVITE_CLIENT;

	if (actions & TX_DO_LOST)
		walk->n_lost++;
	if (!is_client || !(actions & TX_DO_PASS) || event == TX_EV_1XX)
		return;
	/* RFC 6026: each 2xx goes to the call, since its ACK is the call's */
	if (before != TX_ACCEPTED)
		walk->n_finals++;
}

static void step_tx(struct walk *walk, enum tx_event event)
{
	enum tx_state before = walk->state;
	const struct tx_row *row = tx_row(walk->role, before, event);

	if (!row->is_row)
		return;
	if (before == TX_TERMINATED)
		fail("role %u: a row for what is over", walk->role);
	walk->state = row->next;
	note_told(walk, event, row->actions, before);
	if ((row->actions & TX_DO_LOST) && walk->n_finals)
		fail("role %u: lost after its final answer", walk->role);
	if (walk->n_finals > 1 || walk->n_lost > 1)
		fail("role %u: an outcome was told twice", walk->role);
}

/* What the wire repeats changes nothing any more. */
static void check_repeat(const struct walk *walk, enum tx_event event)
{
	const struct tx_row *row = tx_row(walk->role, walk->state, event);

	if (event == TX_EV_REPEAT || event == TX_EV_TIMEOUT ||
	    event == TX_EV_FAILED || !row->is_row)
		return;
	if (row->next != walk->state)
		fail("role %u state %u: event %u, repeated, leads to %u",
		     walk->role, walk->state, event, row->next);
}

/* Nobody says anything any more. */
static void end_tx(struct walk *walk)
{
	for (unsigned i = 0; i < N_TX_STATES; i++) {
		if (walk->state == TX_TERMINATED)
			return;
		if (waits_for_call(walk)) /* its call answers or cancels */
			step_tx(walk, walk->role == TX_INVITE_CLIENT
					      ? TX_EV_TIMEOUT
					      : TX_EV_3XX_6XX);
		else
			step_tx(walk, TX_EV_TIMEOUT);
	}
	fail("role %u stays in state %u", walk->role, walk->state);
}

static void walk_transaction(void)
{
	struct walk walk = {.role = pick(N_TX_ROLES),
			    .is_reliable = pick(2) != 0};

	walk.state = first_states[walk.role];
	for (unsigned i = 0; i < STEPS && walk.state != TX_TERMINATED; i++) {
		enum tx_event event = pick(N_TX_EVENTS);
		struct walk before = walk;

		check_deadline(&walk);
		step_tx(&walk, event);
		if (pick(4) == 0) { /* died before the commit: once more */
			struct walk again = before;

			step_tx(&again, event);
			if (memcmp(&again, &walk, sizeof(walk)) != 0)
				fail("role %u: another outcome after a death",
				     walk.role);
		}
		check_repeat(&walk, event);
	}
	end_tx(&walk);
}

/* ---- slots --------------------------------------------------------------- */

struct slot_walk {
	enum life life;
	struct deaths deaths;
	bool has_process, is_due, is_wanted;
	uint64_t now_us, since_us, back_off_us;
};

static void act(struct slot_walk *walk, unsigned actions)
{
	if (actions & ACT_SPAWN) {
		if (walk->has_process)
			fail("a second process is started");
		walk->has_process = true;
		walk->since_us = walk->now_us;
		walk->is_due = false;
	}
	if ((actions & ACT_KILL) && !walk->has_process)
		fail("nobody is killed in life %u", walk->life);
	if (actions & (ACT_BACK_OFF | ACT_REST | ACT_LEAVE))
		walk->is_due = true;
	if ((actions & ACT_LEAVE) && !walk->has_process)
		fail("nobody is told to leave");
}

static void feed(struct slot_walk *walk, enum life_event event)
{
	struct life_row row = life_step(walk->life, event);

	walk->life = row.next;
	act(walk, row.actions);
}

static void end_process(struct slot_walk *walk)
{
	enum life_event event = deaths_note(&walk->deaths, walk->since_us,
					    walk->now_us, &walk->back_off_us);

	uint64_t least = walk->now_us - walk->since_us < SHORT_LIFE_US
				 ? BACK_OFF_MIN_US
				 : 0; /* one that worked is replaced at once */

	if (event == EVENT_DIED &&
	    (walk->back_off_us < least || walk->back_off_us > BACK_OFF_MAX_US))
		fail("a back-off of %llu us",
		     (unsigned long long)walk->back_off_us);
	walk->has_process = false;
	walk->is_due = false;
	feed(walk, event);
}

static void check_slot(const struct slot_walk *walk)
{
	static const bool has_process[N_LIVES] = {[LIFE_STARTING] = true,
						  [LIFE_UP] = true,
						  [LIFE_LEAVING] = true,
						  [LIFE_TRIAL] = true};

	if (walk->has_process != has_process[walk->life])
		fail("life %u %s a process", walk->life,
		     walk->has_process ? "has" : "is without");
	if ((walk->life == LIFE_DEAD || walk->life == LIFE_DOWN) &&
	    !walk->is_due)
		fail("life %u waits for nothing", walk->life);
}

static void slot_event(struct slot_walk *walk)
{
	static const enum life_event of_processes[] = {EVENT_READY, EVENT_HUNG};

	walk->now_us += pick(3) ? pick(50000) : pick(20000000);
	switch (pick(6)) {
	case 0:
		walk->is_wanted = !walk->is_wanted || pick(2);
		break;
	case 1:
	case 2:
		if (walk->has_process)
			end_process(walk);
		break;
	case 3:
		if (walk->is_due) {
			walk->is_due = false;
			feed(walk, EVENT_DUE);
		}
		break;
	default:
		if (walk->has_process)
			feed(walk, of_processes[pick(2)]);
	}
	feed(walk, walk->is_wanted ? EVENT_ADD : EVENT_RETIRE);
}

static void walk_slot(void)
{
	struct slot_walk walk = {.life = LIFE_GONE, .is_wanted = true};

	for (unsigned i = 0; i < STEPS; i++) {
		slot_event(&walk);
		check_slot(&walk);
	}
	/* no death from now on: it comes up, or is gone */
	for (unsigned i = 0; i < 8; i++) {
		walk.now_us += DOWN_REST_US;
		if (walk.is_due && walk.life != LIFE_LEAVING) {
			walk.is_due = false;
			feed(&walk, EVENT_DUE);
		} else if (walk.life == LIFE_LEAVING) {
			end_process(&walk);
		} else if (walk.has_process) {
			feed(&walk, EVENT_READY);
		}
		feed(&walk, walk.is_wanted ? EVENT_ADD : EVENT_RETIRE);
	}
	if (walk.life != (walk.is_wanted ? LIFE_UP : LIFE_GONE))
		fail("a slot that is %s ends in life %u",
		     walk.is_wanted ? "wanted" : "not wanted", walk.life);
}

/* ---- peers --------------------------------------------------------------- */

static uint64_t some_time(void)
{
	return pick(3) ? 1000 + pick(1000) : 0;
}

static void fill(struct board_peer *peer)
{
	peer->unreachable_us = some_time();
	peer->demoted_us = some_time();
	peer->held_until_us = some_time();
	peer->good_us = some_time();
}

static struct health_evidence own_evidence(void)
{
	return (struct health_evidence){
		.is_enabled = pick(8) != 0,
		.admin = pick(8) ? 0 : ADMIN_DRAINED,
		.probe = {.state = (uint8_t)pick(3),
			  .last_good_us = some_time(),
			  .last_sent_us = some_time(),
			  .last_miss_us = some_time()},
	};
}

#define N_BOARDS 4

static enum peer_state judge(struct health_evidence evidence,
			     struct board_peer boards[N_BOARDS], unsigned first,
			     uint64_t now_us)
{
	uint64_t since;

	for (unsigned i = 0; i < N_BOARDS; i++)
		health_add_board(&evidence, &boards[(first + i) % N_BOARDS]);
	if (first % 2) /* seen twice */
		health_add_board(&evidence, &boards[first % N_BOARDS]);
	return health_judge(&evidence, now_us, &since);
}

static void walk_peer(void)
{
	static struct board_peer boards[N_BOARDS];
	struct health_evidence evidence = own_evidence();
	bool is_admins = !evidence.is_enabled || evidence.admin;
	uint64_t now_us = 1000 + pick(1500);
	enum peer_state before;

	for (unsigned i = 0; i < N_BOARDS; i++)
		fill(&boards[i]);
	before = judge(evidence, boards, 0, now_us);
	for (unsigned i = 1; i < 2 * N_BOARDS; i++)
		if (judge(evidence, boards, i, now_us) != before)
			fail("a peer's state depends on who is asked first");
	if (peer_state_is_usable(before) && is_admins)
		fail("a peer is used that the administrator took out");
	/* an answer to a request sent now, and the end of every hold */
	boards[pick(N_BOARDS)].good_us = 5000;
	if (!is_admins && judge(evidence, boards, 0, 5001) != PEER_UP)
		fail("a peer that answers stays in state %u",
		     judge(evidence, boards, 0, 5001));
	/* and it fails once more */
	boards[pick(N_BOARDS)].unreachable_us = 6000;
	if (!is_admins && judge(evidence, boards, 0, 6001) != PEER_DOWN)
		fail("a peer that cannot be reached is not down");
}

/* ---- all of them --------------------------------------------------------- */

static uint64_t number(const char *word, const char *name, uint64_t otherwise)
{
	const char *text = word ? word : getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t first =
		number(argc > 1 ? argv[1] : NULL, "PROPERTY_SEED", FIRST_SEED);
	uint64_t n =
		number(argc > 2 ? argv[2] : NULL, "PROPERTY_WALKS", N_WALKS);

	printf("seeds %llu to %llu\n", (unsigned long long)first,
	       (unsigned long long)(first + n - 1));
	for (seed = first; seed < first + n; seed++) {
		state = seed * 0x9e3779b97f4a7c15ull + 1;
		walk_transaction();
		walk_slot();
		walk_peer();
	}
	printf("3 passed, 0 failed\n");
	return 0;
}
