/* SPDX-License-Identifier: Apache-2.0
 *
 * How many calls are where, on the board page: derived from the calls in
 * memory, rebuilt at adoption, never an increment that can leak.
 */
#ifndef WORKER_LOAD_H
#define WORKER_LOAD_H

#include "worker/call.h"

/* Calls and early calls of a server changed by so many. */
void load_changed(struct server *server, int calls, int early);
/* The call counts for the peers of its legs and for its trunk from now on;
 * calling it again corrects it. */
void load_place(struct call *call);
/* It counts for nobody any more. */
void load_drop(struct call *call);
/* Board rows of the peer of a leg and of the call's trunk; NULL none. */
struct board_peer *load_peer(struct call *call, enum leg_side leg);
struct board_peer *load_trunk(struct call *call);

#endif
