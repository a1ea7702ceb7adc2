/* SPDX-License-Identifier: Apache-2.0
 *
 * A chain of chunks, each twice as big as the last up to a bound; an object
 * bigger than that gets a chunk of its own.
 * Trap: nothing is ever given back singly, so do not build what changes here.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_FIRST 4096u
#define CHUNK_MOST  (1u << 20)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks; /* the newest first: that is the one in use */
	size_t next_size;
	size_t total;
};

struct arena *arena_new(void)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena)
		arena->next_size = CHUNK_FIRST;
	return arena;
}

struct arena *arena_free(struct arena *arena)
{
	struct chunk *next;

	if (!arena)
		return NULL;
	for (struct chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
	return NULL;
}

static struct chunk *add_chunk(struct arena *arena, size_t at_least)
{
	size_t size = at_least > arena->next_size ? at_least : arena->next_size;
	struct chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	chunk->size = size;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->total += sizeof(*chunk) + size;
	if (arena->next_size < CHUNK_MOST)
		arena->next_size *= 2;
	return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *chunk = arena->chunks;
	void *place;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + align - 1) / align * align;
	if (!chunk || chunk->size - chunk->used < size)
		chunk = add_chunk(arena, size);
	if (!chunk)
		return NULL;
	place = chunk->bytes + chunk->used;
	chunk->used += size;
	return place;
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(arena, total);
}

char *arena_text(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.len + 1);

	if (copy && text.len)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

size_t arena_size(const struct arena *arena)
{
	return arena->total;
}
