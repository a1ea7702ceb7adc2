/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once: what a configuration is made of.
 * Used by the readers of configuration in every process; no locks.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena;

struct arena *arena_new(void);
struct arena *arena_free(struct arena *arena);
/* Zeroed, aligned for any type; lives as long as the arena.  NULL without
 * memory.  size 0 gives a place that must not be written. */
void *arena_alloc(struct arena *arena, size_t size);
/* For n objects; NULL too when the product overflows. */
void *arena_array(struct arena *arena, size_t n, size_t size);
/* NUL-terminated copy. */
char *arena_text(struct arena *arena, struct slice text);
/* Bytes taken from the system, for figures. */
size_t arena_size(const struct arena *arena);

#endif
