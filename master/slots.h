/* SPDX-License-Identifier: Apache-2.0
 *
 * The slots: their processes' lives (the table of supervise.h carried out).
 */
#ifndef MASTER_SLOTS_H
#define MASTER_SLOTS_H

#include "master/master.h"

/* Makes what a slot needs before its first start: doorbell, rings to all
 * others, its row.  Harmless when it is there.  0/-errno. */
int slot_prepare(struct master *m, struct slot *slot);
/* "mspool-worker", "mspool-media". */
const char *slot_program(struct slot_id id);
/* A process of an earlier master that came back: it is UP and ours, and hears
 * what a new process hears, but for what it serves. */
void slot_take_back(struct slot *slot);
/* Steps the slot's life and carries out what the table says. */
void slot_feed(struct slot *slot, enum life_event event);
/* After any change of what is wanted: adds and retires. */
void slots_reconcile(struct master *m);
/* Feeds what is due now.  Returns when the next is, at most `until_us`. */
uint64_t slots_expire(struct master *m, uint64_t now_us, uint64_t until_us);
/* After it: forgets the processes that have ended. */
void slots_reap(struct master *m);
/* Called every slots_tick_us(): was it the master that did not run? */
void slots_tick(struct master *m, uint64_t now_us);
uint64_t slots_tick_us(const struct master *m);
/* Goes on sending when the channel has room again, if it has none now. */
void slot_watch_room(struct slot *slot);
/* SIGKILL, told of once a process. */
void slot_kill(struct slot *slot, const char *reason);
/* A warning about the slot's process, once in its life; error 0 or an errno. */
void slot_warn(struct slot *slot, const char *what, int error);

/* A message for the slot's process; dropped when it has none (its successor is
 * told everything at its start).  A child that takes nothing more is hung. */
void slot_send(struct slot *slot, enum message message, const void *payload,
	       int fd);
void slots_send_all(struct master *m, enum message message, const void *payload,
		    int fd);
/* Tells the process whether new calls are wanted of it. */
void slot_send_drain(struct slot *slot);
bool slot_is_drained(const struct slot *slot);
/* Every wanted slot is up with the configuration in force (or down), every
 * other gone. */
bool slots_are_settled(struct master *m);
/* Every wanted slot is up. */
bool slots_are_up(struct master *m);
/* Live calls on all Mediation Servers. */
unsigned slots_calls(struct master *m);

#endif
