/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking over what stands in a book (DESIGN 3): calls, transactions, streams
 * and ring positions of the predecessor.
 */
#ifndef WORKER_ADOPT_H
#define WORKER_ADOPT_H

#include "worker/server.h"

/* After book_own, before any input is read; 0 or -errno. */
int adopt_book(struct server *server);
/* Once input is read dry: sends again what may not have been sent. */
void adopt_settle(struct server *server);

#endif
