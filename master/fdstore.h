/* SPDX-License-Identifier: Apache-2.0
 *
 * The service manager's descriptor store: it keeps duplicates of listeners and
 * TCP connections over our death, and hands them to the next master
 * (handed.h).  Outside systemd nothing is stored.
 */
#ifndef MASTER_FDSTORE_H
#define MASTER_FDSTORE_H

#include <stdbool.h>

#include "base/messages.h"
#include "master/sockets.h"

/* Stores a duplicate under this name; it may take some turns. */
void fdstore_keep(const char *name, int fd);
void fdstore_remove(const char *name);
void fdstore_keep_connection(const struct message_connection *head, int fd);
void fdstore_remove_connection(const struct message_connection *head);
/* Those that are not stored yet. */
void fdstore_keep_listeners(struct sockets *sockets);
/* Once a turn: says what the manager had no room for; true while something is
 * left. */
bool fdstore_pump(void);
void fdstore_done(void);

#endif
