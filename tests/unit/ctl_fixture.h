/* SPDX-License-Identifier: Apache-2.0
 *
 * A run folder with a pool in it, written through shm/ as the processes of a
 * pool would, for the tests of mspoolctl: ms1 and mw1 up (both are this test),
 * ms2 down, gw1 up, gw2 down; calls ms1-1 (set up after a failed try), ms1-4
 * (answered, with media), ms1-6 (absorbing).
 */
#ifndef TESTS_UNIT_CTL_FIXTURE_H
#define TESTS_UNIT_CTL_FIXTURE_H

#include <jansson.h>

#include "tools/ctl.h"

struct ctl_fixture {
	char dir[64];
};

void ctl_fixture_make(struct ctl_fixture *fixture);
void ctl_fixture_remove(struct ctl_fixture *fixture);

/* Runs a command line on this pool; what it printed and its exit code. */
struct ctl_run {
	int code;
	char *out, *err; /* malloc'd */
	json_t *json;	 /* out parsed, NULL if it is none */
};
void ctl_fixture_run(const struct ctl_fixture *fixture, const char *line,
		     struct ctl_run *ret_run);
void ctl_run_done(struct ctl_run *run);

#endif
