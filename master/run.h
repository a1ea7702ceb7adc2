/* SPDX-License-Identifier: Apache-2.0
 *
 * The master's loop.
 */
#ifndef MASTER_RUN_H
#define MASTER_RUN_H

struct master;

/* Runs until the pool is stopped; the exit code. */
int run(struct master *m);

#endif
