/* SPDX-License-Identifier: Apache-2.0
 *
 * RUN/state/rollback: what a `reload --confirm` left behind.  A line that says
 * what it is, then the text of a configuration.  Written by the master alone
 * (master/rollback.c), which reads it when it succeeds another; mspoolctl
 * reads the line.
 */
#ifndef SHM_ROLLBACK_H
#define SHM_ROLLBACK_H

#include <stdint.h>

#include "base/str.h"

#define ROLLBACK_LINE_MAX 128

enum rollback_state {
	ROLLBACK_NONE,
	ROLLBACK_PENDING, /* the text comes back at at_us unless confirmed */
	ROLLBACK_DONE	  /* the text was in force and did not stay */
};

struct rollback {
	enum rollback_state state;
	uint32_t generation; /* whose text it is */
	uint64_t at_us;	     /* boottime: when it comes back, or did */
	uint64_t at_wall_us;
};

/* The line, with its line feed; its length. */
size_t rollback_print(const struct rollback *rollback,
		      char line[ROLLBACK_LINE_MAX]);
/* 0, or -EPROTO: *ret_text (the rest) and *ret_rollback are as they were. */
int rollback_parse(struct slice file, struct rollback *ret_rollback,
		   struct slice *ret_text);
/* What the line of a run folder's file says; ROLLBACK_NONE without one, or
 * when it cannot be read. */
struct rollback rollback_read(const char *run_dir);
/* Where the file is; -ENAMETOOLONG. */
int rollback_path(const char *run_dir, char *path, size_t size);

#endif
