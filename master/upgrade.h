/* SPDX-License-Identifier: Apache-2.0
 *
 * Every process replaced by the program now on disk, calls flowing meanwhile.
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include "master/sockets.h"
#include "master/spawn.h"

struct master;

enum upgrade_phase {
	UPGRADE_NONE,
	UPGRADE_CHECKING,  /* the new mspoold reads the configuration */
	UPGRADE_WAITING,   /* for every worker to be well */
	UPGRADE_REPLACING, /* we are the new one; the workers follow */
	UPGRADE_FAILED	   /* `why`; until the next try */
};

struct upgrade {
	enum upgrade_phase phase;
	struct process check; /* mspoold -t */
	int output;	      /* a memfd, what it said; -1 */
	uint64_t since_us;    /* older processes are replaced */
	uint64_t by_us;	      /* this phase is over, or has failed */
	char why[SOCKETS_WHY_MAX];
};

/* 0, or -errno with the reason in m->upgrade.why: nothing happens. */
int upgrade_begin(struct master *m);
/* In the new program: the second half. */
void upgrade_resume(struct master *m, uint64_t since_us);
/* Once a turn.  Does not return when the master replaces itself. */
void upgrade_review(struct master *m, uint64_t now_us);
/* From the order until the last worker is replaced: writers of records keep
 * to the older form meanwhile. */
bool upgrade_is_on(const struct master *m);

#endif
