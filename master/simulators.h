/* SPDX-License-Identifier: Apache-2.0
 *
 * A mspool-gwsim for every enabled [gateway] with kind = simulated.
 */
#ifndef MASTER_SIMULATORS_H
#define MASTER_SIMULATORS_H

#include "master/master.h"

/* Starts those that the configuration in force names, ends the others. */
void simulators_apply(struct master *m);
/* Starts what is due; returns when the next is, at most until_us. */
uint64_t simulators_expire(struct master *m, uint64_t now_us,
			   uint64_t until_us);
/* Names each for the program that replaces this one … */
void simulators_hand_over(struct master *m, hand_fn *hand, void *arg);
/* … which takes them before simulators_apply. */
void simulators_take(struct master *m);
/* SIGTERM to all; none is started any more. */
void simulators_end(struct master *m);

#endif
