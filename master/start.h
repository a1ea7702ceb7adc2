/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the start: what must be there before the loop runs.
 */
#ifndef MASTER_START_H
#define MASTER_START_H

#include "master/master.h"

struct start_order {
	const char *config_path;
	bool is_background;
	char **argv; /* of main */
};

#define EXIT_CONFIG 78 /* sysexits.h EX_CONFIG: systemd's CONFIG */

/* Fills m and starts the children.  0, or the exit code, with the reason said
 * on stderr. */
int start(struct master *m, const struct start_order *order);
/* Lets go of everything, after the loop has ended (or a start that failed). */
void start_undo(struct master *m);
/* Once a turn: has every wanted worker come up (or given up), or taken the
 * new configuration?  Says so to systemd and to the parent of a background
 * start. */
void start_review(struct master *m);

#endif
