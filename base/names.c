/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing, at most half full.  A table that grew
 * leaves its old cells in the arena, which costs at most as much again.
 */
#include "base/names.h"

#include <errno.h>

#define CELLS_FIRST 16u

struct cell {
	struct slice name; /* ptr NULL: free */
	uint64_t hash;
	unsigned value;
};

struct names {
	struct arena *arena;
	struct cell *cells;
	size_t n_cells, n_used; /* n_cells is a power of two */
};

struct names *names_new(struct arena *arena)
{
	struct names *names = arena_alloc(arena, sizeof(*names));

	if (!names)
		return NULL;
	names->arena = arena;
	names->n_cells = CELLS_FIRST;
	names->cells = arena_array(arena, CELLS_FIRST, sizeof(struct cell));
	return names->cells ? names : NULL;
}

/* The cell of this name, or the free one where it would stand. */
static struct cell *seek(struct cell *cells, size_t n_cells, struct slice name,
			 uint64_t hash)
{
	size_t at = hash & (n_cells - 1);

	while (cells[at].name.ptr &&
	       (cells[at].hash != hash || !slice_is(cells[at].name, name)))
		at = (at + 1) & (n_cells - 1);
	return &cells[at];
}

static int grow(struct names *names)
{
	size_t n_cells = names->n_cells * 2;
	struct cell *cells =
		arena_array(names->arena, n_cells, sizeof(struct cell));

	if (!cells)
		return -ENOMEM;
	for (size_t i = 0; i < names->n_cells; i++) {
		const struct cell *old = &names->cells[i];

		if (old->name.ptr)
			*seek(cells, n_cells, old->name, old->hash) = *old;
	}
	names->cells = cells;
	names->n_cells = n_cells;
	return 0;
}

int names_add(struct names *names, struct slice name, unsigned value)
{
	uint64_t hash = slice_hash(name, 0);
	struct cell *cell;

	if (names->n_used * 2 >= names->n_cells && grow(names) < 0)
		return -ENOMEM;
	cell = seek(names->cells, names->n_cells, name, hash);
	if (cell->name.ptr)
		return -EEXIST;
	*cell = (struct cell){
		.name = {name.ptr ? name.ptr : "", name.len},
		.hash = hash,
		.value = value,
	};
	names->n_used++;
	return 0;
}

long names_find(const struct names *names, struct slice name)
{
	const struct cell *cell =
		seek(names->cells, names->n_cells, name, slice_hash(name, 0));

	return cell->name.ptr ? (long)cell->value : -1;
}
