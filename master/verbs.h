/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be asked of the master over the control socket: one row each.
 */
#ifndef MASTER_VERBS_H
#define MASTER_VERBS_H

#include "master/control.h"

struct verb {
	const char *name, *usage;
	int min_words, max_words; /* after the name */
	enum answer (*start)(struct master *m, struct request *request,
			     char **words, int n_words);
	/* after ANSWER_LATER */
	enum answer (*is_done)(struct master *m, struct request *request);
	uint64_t timeout_us;
};

const struct verb *verb_find(const char *name);

#endif
