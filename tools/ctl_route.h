/* SPDX-License-Identifier: Apache-2.0
 *
 * Dry runs of routing, for `mspoolctl test route`.
 */
#ifndef TOOLS_CTL_ROUTE_H
#define TOOLS_CTL_ROUTE_H

#include <jansson.h>

#include "base/config.h"
#include "route/route.h"
#include "tools/ctl.h"
#include "tools/ctl_view.h"

/* What routing is asked about: a configuration and what is known of its
 * peers. */
struct dry_run {
	const struct config *config;
	struct route_rules *rules;
	struct route_trunk_view *trunks;
	enum route_fitness *frontends;
};

/* view NULL: every peer that may be used is taken as healthy and idle.
 * 0 or -ENOMEM, -EINVAL (patterns). */
int dry_run_init(struct dry_run *run, const struct config *config,
		 const struct ctl_view *view);
void dry_run_done(struct dry_run *run);

/* A call to be tried. */
struct dry_call {
	const char *number, *caller; /* caller "" anonymous */
	const struct config_peer *from;
	int from_trunk; /* -1 from a front end */
};
/* By the name of a peer or a trunk; NULL: the first front end.  -ENOENT. */
int dry_call_from(const struct config *config, const char *name,
		  struct dry_call *ret_call);
void dry_run_plan(const struct dry_run *run, const struct dry_call *call,
		  struct route_plan *ret_plan);
json_t *dry_run_json(const struct config *config, const struct dry_call *call,
		     const struct route_plan *plan);
/* Trunk (front end) that a try goes to. */
const char *dry_try_name(const struct config *config,
			 const struct route_try *try);

/* A line of a route test file:
 *	NUMBER [from=NAME] [caller=N] => NAME[:NUMBER] ...
 *	NUMBER ...                    => 404
 */
struct route_test {
	struct slice number, from, caller;
	struct slice expected; /* what stands behind "=>" */
};
/* 0; -ENODATA for an empty line or a comment; -EINVAL, *ret_why says why. */
int route_test_parse(struct slice line, struct route_test *ret_test,
		     const char **ret_why);
/* Is the plan what the line expects? */
bool route_test_is_met(const struct config *config, struct slice expected,
		       const struct route_plan *plan);
/* The plan in the form of a line's right side. */
void route_test_write(const struct config *config,
		      const struct route_plan *plan, struct out *out);
/* Checks every line of a file (malloc'd report, {"numbers", "failed",
 * "failures"}); an exit code. */
int route_test_file(const struct ctl *ctl, const struct dry_run *run,
		    const char *path);

#endif
