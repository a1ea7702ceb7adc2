/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings of one producer and one consumer.  Produced and consumed by signalling
 * and media workers, made by the master.
 *
 *   position:  0 … tail ………… cursor ……… published ……… write … tail + size
 *                  | taken, not  | to be      | put, not   | room
 *                  | committed   | taken      | published  |
 *
 * Positions only grow and index the bytes modulo size; tail and published are
 * in the file, cursor and write in the process that consumes or produces, so
 * that its death puts them back.  An entry is a head of 8 bytes and its bytes,
 * padded to 8; one that would pass the end of the buffer is preceded by a skip
 * head and begins at 0, so an entry is always in one piece.
 *
 * What is published was written whole before the one release store that shows
 * it, so a torn entry can only come from a wild pointer or a strange file; the
 * check word, made of position and length, tells.  Trap: nothing read from the
 * file may be trusted to be within it.
 */
#include "shm/ring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/page.h"

#define RING_MAGIC     0x6d73706f6f6c0301ull
#define RING_SIZE_MIN  256
#define RING_SIZE_MAX  (1u << 30)
#define RING_NAME_MAX  48
#define ENTRY_ALIGN    8u
#define ENTRY_SKIP     UINT32_MAX
#define ENTRY_HEAD_LEN sizeof(struct entry_head)

struct entry_head {
	uint32_t len; /* of what follows; ENTRY_SKIP: go on at the start */
	uint32_t check;
};

/* The ends write words of their own cache lines. */
struct ring_file {
	uint64_t magic, size;
	_Alignas(64) _Atomic uint64_t published; /* the producer's */
	_Alignas(64) _Atomic uint64_t tail;	 /* the consumer's */
	_Atomic uint32_t is_asleep;
	_Alignas(64) char bytes[];
};

struct ring {
	struct ring_file *file;
	size_t file_size;
	uint64_t size;
	uint64_t write;	 /* producer */
	uint64_t cursor; /* consumer */
};

/* ---- files -------------------------------------------------------------- */

static void ring_name(enum ring_kind kind, unsigned from, unsigned to,
		      char buf[RING_NAME_MAX])
{
	static const char *const names[] = {
		[RING_HANDOVER] = "handover",
		[RING_LOOK] = "look",
		[RING_TOLD] = "told",
		[RING_PORTS_INTERNAL] = "ports-internal",
		[RING_PORTS_GATEWAY] = "ports-gateway",
	};

	snprintf(buf, RING_NAME_MAX, "%s-%u-%u", names[kind], from, to);
}

static void ring_fill(void *page, const struct page_settings *settings)
{
	struct ring_file *file = page;

	file->magic = RING_MAGIC;
	file->size = settings->size - sizeof(*file);
}

static bool ring_is_good(const void *page, const struct page_settings *settings)
{
	const struct ring_file *file = page;

	return file->magic == RING_MAGIC &&
	       file->size == settings->size - sizeof(*file) &&
	       (file->size & (file->size - 1)) == 0 &&
	       file->published % ENTRY_ALIGN == 0 &&
	       file->tail % ENTRY_ALIGN == 0;
}

int ring_create(const char *run_dir, enum ring_kind kind, unsigned from,
		unsigned to, size_t size)
{
	char name[RING_NAME_MAX];
	struct page_settings settings = {
		.run_dir = run_dir,
		.folder = "rings",
		.name = name,
		.size = sizeof(struct ring_file) + size,
		.fill = ring_fill,
		.is_good = ring_is_good,
	};
	void *page;
	int rc;

	if (size < RING_SIZE_MIN || size > RING_SIZE_MAX || (size & (size - 1)))
		return -EINVAL;
	ring_name(kind, from, to, name);
	rc = page_own(&settings, &page);
	if (!rc)
		page_close(page, settings.size);
	return rc;
}

static int ring_new(void *page, size_t file_size, struct ring **ret_ring)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		page_close(page, file_size);
		return -ENOMEM;
	}
	*ring = (struct ring){
		.file = page,
		.file_size = file_size,
		.size = file_size - sizeof(struct ring_file),
	};
	ring->write = ring_published(ring);
	ring->cursor = ring_released(ring);
	*ret_ring = ring;
	return 0;
}

int ring_open(const char *run_dir, enum ring_kind kind, unsigned from,
	      unsigned to, struct ring **ret_ring)
{
	char name[RING_NAME_MAX];
	struct page_settings settings = {
		.run_dir = run_dir,
		.folder = "rings",
		.name = name,
		.head_size = sizeof(struct ring_file) + RING_SIZE_MIN,
		.is_good = ring_is_good,
	};
	void *page;
	int rc;

	ring_name(kind, from, to, name);
	rc = page_open(&settings, true, &page);
	return rc ? rc : ring_new(page, settings.size, ret_ring);
}

struct ring *ring_close(struct ring *ring)
{
	if (ring)
		page_close(ring->file, ring->file_size);
	free(ring);
	return NULL;
}

/* ---- entries ------------------------------------------------------------ */

static uint32_t entry_check(uint64_t position, uint32_t len)
{
	return (uint32_t)(position >> 3) * 2654435761u ^ len ^ 0x52494e47u;
}

static uint64_t entry_size(uint64_t len)
{
	return ENTRY_HEAD_LEN +
	       (len + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}

static char *byte_at(const struct ring *ring, uint64_t position)
{
	return ring->file->bytes + (position & (ring->size - 1));
}

static uint64_t bytes_to_end(const struct ring *ring, uint64_t position)
{
	return ring->size - (position & (ring->size - 1));
}

static void write_head(struct ring *ring, uint64_t position, uint32_t len)
{
	struct entry_head head = {len, entry_check(position, len)};

	memcpy(byte_at(ring, position), &head, sizeof(head));
}

/* ---- producer ----------------------------------------------------------- */

/* Bytes between write and tail + size; 0 when the file holds nonsense. */
static uint64_t room_left(const struct ring *ring)
{
	uint64_t used =
		ring->write -
		atomic_load_explicit(&ring->file->tail, memory_order_acquire);

	return used <= ring->size ? ring->size - used : 0;
}

uint64_t ring_room(const struct ring *ring)
{
	uint64_t left = room_left(ring),
		 to_end = bytes_to_end(ring, ring->write);
	uint64_t best = left < to_end ? left : to_end;

	if (left > to_end && left - to_end > best)
		best = left - to_end; /* after a skip */
	if (best > ring->size / 2)
		best = ring->size / 2;
	return best > ENTRY_HEAD_LEN ? best - ENTRY_HEAD_LEN : 0;
}

int ring_put(struct ring *ring, const struct slice *parts, unsigned n_parts)
{
	uint64_t len = 0, need, skip;
	char *to;

	for (unsigned i = 0; i < n_parts; i++)
		len += parts[i].len;
	need = entry_size(len);
	if (need > ring->size / 2)
		return -EMSGSIZE;
	skip = bytes_to_end(ring, ring->write);
	if (skip >= need)
		skip = 0;
	if (skip + need > room_left(ring))
		return -ENOSPC;
	if (skip)
		write_head(ring, ring->write, ENTRY_SKIP);
	ring->write += skip;
	write_head(ring, ring->write, (uint32_t)len);
	to = byte_at(ring, ring->write) + ENTRY_HEAD_LEN;
	for (unsigned i = 0; i < n_parts; i++)
		if (parts[i].len)
			to = mempcpy(to, parts[i].ptr, parts[i].len);
	ring->write += need;
	return 0;
}

void ring_publish(struct ring *ring)
{
	atomic_store_explicit(&ring->file->published, ring->write,
			      memory_order_release);
}

uint64_t ring_published(const struct ring *ring)
{
	return atomic_load_explicit(&ring->file->published,
				    memory_order_acquire);
}

uint64_t ring_written(const struct ring *ring)
{
	return ring->write;
}

bool ring_resume(struct ring *ring, uint64_t written)
{
	uint64_t n_more = written - ring_published(ring);

	/* What is older than `published` wraps to more than any room. */
	if (n_more == 0 || n_more > room_left(ring) || written % ENTRY_ALIGN)
		return false;
	ring->write = written;
	ring_publish(ring);
	return true;
}

uint64_t ring_released(const struct ring *ring)
{
	return atomic_load_explicit(&ring->file->tail, memory_order_acquire);
}

/* Dekker's pattern: here publish, fence, look whether it sleeps; there sleep,
 * fence, look what is published.  One of the two sees the other.  The word
 * stays set until the consumer wakes, so that a producer that dies between
 * looking and ringing leaves the next one to ring. */
bool ring_wants_bell(struct ring *ring)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&ring->file->is_asleep,
				    memory_order_relaxed) != 0;
}

/* ---- consumer ----------------------------------------------------------- */

void ring_sleep(struct ring *ring, bool is_asleep)
{
	atomic_store_explicit(&ring->file->is_asleep, is_asleep,
			      memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

bool ring_is_empty(const struct ring *ring)
{
	return ring_published(ring) == ring->cursor;
}

/* Reads the head at the cursor.  False: what stands there cannot be. */
static bool read_head(const struct ring *ring, uint64_t n_ready,
		      struct entry_head *ret_head)
{
	uint64_t to_end = bytes_to_end(ring, ring->cursor);
	struct entry_head head;

	if (n_ready < ENTRY_HEAD_LEN || n_ready > ring->size ||
	    ring->cursor % ENTRY_ALIGN)
		return false;
	memcpy(&head, byte_at(ring, ring->cursor), sizeof(head));
	if (head.check != entry_check(ring->cursor, head.len))
		return false;
	*ret_head = head;
	if (head.len == ENTRY_SKIP)
		return to_end < n_ready;
	return entry_size(head.len) <= n_ready &&
	       entry_size(head.len) <= to_end;
}

int ring_take(struct ring *ring, struct slice *ret_entry,
	      uint64_t *ret_position)
{
	uint64_t published = ring_published(ring);
	struct entry_head head;

	do {
		if (ring->cursor == published)
			return -EAGAIN;
		if (!read_head(ring, published - ring->cursor, &head)) {
			ring->cursor = published;
			return -EPROTO;
		}
		if (head.len == ENTRY_SKIP)
			ring->cursor += bytes_to_end(ring, ring->cursor);
	} while (head.len == ENTRY_SKIP);
	*ret_entry = (struct slice){
		byte_at(ring, ring->cursor) + ENTRY_HEAD_LEN, head.len};
	ring->cursor += entry_size(head.len);
	*ret_position = ring->cursor;
	return 0;
}

void ring_release(struct ring *ring)
{
	atomic_store_explicit(&ring->file->tail, ring->cursor,
			      memory_order_release);
}

void ring_rewind(struct ring *ring, uint64_t position)
{
	uint64_t tail = ring_released(ring);
	uint64_t n_ready = ring_published(ring) - tail;

	/* A position outside of tail … published is of another ring's life. */
	ring->cursor = position - tail <= n_ready ? position : tail;
}
