/* SPDX-License-Identifier: Apache-2.0
 *
 * A signalling worker in a test's hand: the real code of worker/ over a real
 * book, with a clock, random numbers, sockets and deaths of the test's own.
 * Functions of the outer world are replaced by the linker (--wrap, local.mk).
 * One rig a process; what it sends waits in rig.sent until it is looked at.
 */
#ifndef TESTS_PROPERTY_RIG_H
#define TESTS_PROPERTY_RIG_H

#include "worker/server.h"

#define RIG_SENT_MAX 4096

enum rig_death {
	DEATH_NONE,
	DEATH_BEFORE_COMMIT,
	DEATH_AFTER_COMMIT,
	DEATH_MID_SEND,	  /* after some datagrams of the turn */
	DEATH_AFTER_SEND, /* after all, before that is noted */
};

struct rig_message {
	char *bytes; /* malloc'd, NUL after it */
	size_t len;
	struct addr to;
	uint8_t transport;
};

struct rig {
	struct worker worker;
	struct server *server;
	const char *run_dir;
	uint32_t epoch;
	enum rig_death death; /* of the turn to come */
	unsigned sends_left;  /* DEATH_MID_SEND */
	bool is_committed;    /* the turn's commit was made … */
	bool has_died;	      /* … and what followed was a successor's */
	bool fails_streams;   /* connections are refused … */
	bool lost_streams;    /* … or were, or broke: no promises over them */
	struct rig_message sent[RIG_SENT_MAX];
	unsigned n_sent;
	unsigned n_deaths, n_turns;
};
extern struct rig rig;

/* Begins a sequence that is the same whatever was before. */
void rig_begin(uint64_t seed);
uint32_t rig_random(uint32_t below);
bool rig_chance(unsigned percent);

/* Makes the pool of one Mediation Server in a scratch folder. */
void rig_start(void);
void rig_stop(void);
void rig_advance(uint64_t us);
/* What came in; to be followed by rig_turn. */
void rig_take(struct slice bytes, const struct addr *from,
	      enum transport transport, enum listener_side side);
/* The id of the one connection with this address. */
uint64_t rig_connection(const struct addr *peer);
/* Timers, commit, send; or what rig.death says, and a successor. */
void rig_turn(void);
/* Forgets what was sent. */
void rig_forget_sent(void);

#endif
