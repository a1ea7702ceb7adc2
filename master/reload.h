/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading pool.ini again: all or nothing.
 */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/master.h"

struct reload_order {
	bool is_dry;
	uint64_t confirm_us; /* back in this time unless confirmed; 0: for good,
				and what waited for that is confirmed */
};

/* Reads the file, and unless is_dry puts it in force.  *ret_lines (malloc'd,
 * may be NULL): what changed and warnings, or every mistake.  0, or -errno:
 * nothing changed, with one sentence in `why` (SOCKETS_WHY_MAX).  The caller
 * waits for slots_are_settled(). */
int reload_run(struct master *m, const struct reload_order *order,
	       char **ret_lines, char *why);
/* Puts a configuration in force that was loaded, and owns both when it returns
 * 0; else nothing changed, and `why` says why. */
int reload_switch(struct master *m, struct config *config, char *text,
		  char *why);
/* The key that only a restart can change, and which differs; NULL none. */
const char *reload_fixed_key(const struct config *old,
			     const struct config *new);
/* Takes over a configuration that was loaded and prepared: memfd, config.txt,
 * generation.  Called by reload_run and at the start.  Owns config and text
 * when it returns 0. */
int reload_put_in_force(struct master *m, struct config *config, char *text);

#endif
