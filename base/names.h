/* SPDX-License-Identifier: Apache-2.0
 *
 * A table from names to numbers that lives in an arena: how a configuration of
 * many thousand trunks finds one.  Filled once, then only read, by any number
 * of readers.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include "base/arena.h"

struct names;

/* Empty; NULL without memory. */
struct names *names_new(struct arena *arena);
/* The name's bytes must live as long as the table.  0; -EEXIST: it stands
 * there already and keeps its value; -ENOMEM. */
int names_add(struct names *names, struct slice name, unsigned value);
/* The value, or -1. */
long names_find(const struct names *names, struct slice name);

#endif
