/* SPDX-License-Identifier: Apache-2.0
 *
 * Front ends and gateways that know no manners: whatever message comes to a
 * random mind, about dialogs that exist.  They keep a ledger of what the pool
 * has promised them, which must be even at the end.
 */
#ifndef TESTS_PROPERTY_PEERS_H
#define TESTS_PROPERTY_PEERS_H

#include "tests/property/rig.h"

void peers_reset(void);
/* One message, or none, into the worker. */
void peers_act(unsigned max_calls);
/* Answers whatever is open, repeats what was not acknowledged. */
void peers_be_polite(void);
/* After the turn: reads what was sent, and checks it. */
void peers_read(void);
/* Is every promise kept?  polite: peers did what RFC 3261 asks of them. */
void peers_settle(bool is_polite);

/* Prints seed and reason, and ends the program with 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)))
__attribute__((noreturn));

#endif
