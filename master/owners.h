/* SPDX-License-Identifier: Apache-2.0
 *
 * Who serves which book (or media slot's streams), who steers new calls to
 * whom, and who is the prober.
 */
#ifndef MASTER_OWNERS_H
#define MASTER_OWNERS_H

#include "master/master.h"

/* Lets `to` serve what belongs to slot.  When another process serves it, that
 * one is asked to let go first.  Without a process `to` gets it at its start.
 */
void owner_move(struct slot *slot, struct slot *to);
/* The owner let go, or its process ended. */
void owner_let_go(struct slot *slot);
/* A process started: everything that is its to serve is granted. */
void owner_grant_all(struct slot *process);
/* A process ended: what was moving away from it goes on. */
void owner_died(struct slot *process);
/* This slot's process will not be back soon: what it serves goes to the
 * sibling with the fewest books, if there is one. */
void owner_bequeath(struct slot *gone);
/* A process is up: it gets what nobody can serve. */
void owner_adopt_orphans(struct slot *process);
/* Sends the slot's descriptors and SERVE to its owner's process, under a
 * higher epoch. */
void owner_grant(struct slot *slot);
/* Goes on sending descriptors of a grant. */
void owner_pump(struct slot *slot);

/* Nothing is on its way from one owner to another. */
bool owners_are_settled(struct master *m);

/* Puts the slot's row into state/pool; slots_announce tells all children, at
 * the end of the master's turn. */
void slot_publish(struct slot *slot);
void slots_announce(struct master *m);
void pool_publish(struct master *m);
/* Buckets over the books that take new calls. */
void steer_spread(struct master *m);
/* Names a prober if there is none that is up. */
void prober_choose(struct master *m);

#endif
