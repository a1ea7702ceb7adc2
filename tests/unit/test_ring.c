/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/ring.c: order, wrapping, full rings, rewinding, and two processes one of
 * which is killed at random.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/ring.h"
#include "tests/unit/scratch.h"

#define RING_FILE "state/rings/handover-1-2"

static const char *run_dir;

static void setup(void)
{
	run_dir = scratch_make();
}

TestSuite(ring, .init = setup, .fini = scratch_remove, .timeout = 50);

static struct ring *open_ring(void)
{
	struct ring *ring = NULL;

	cr_assert_eq(ring_open(run_dir, RING_HANDOVER, 1, 2, &ring), 0);
	return ring;
}

static struct ring *make_ring(size_t size)
{
	cr_assert_eq(ring_create(run_dir, RING_HANDOVER, 1, 2, size), 0);
	return open_ring();
}

static int put(struct ring *ring, const char *text)
{
	struct slice part = slice_of(text);

	return ring_put(ring, &part, 1);
}

static void expect(struct ring *ring, const char *text)
{
	struct slice entry;
	uint64_t position;
	int rc = ring_take(ring, &entry, &position);

	cr_assert_eq(rc, 0, "%s", strerror(-rc));
	cr_assert(slice_is(entry, slice_of(text)));
}

static void expect_nothing(struct ring *ring)
{
	struct slice entry;
	uint64_t position;

	cr_assert_eq(ring_take(ring, &entry, &position), -EAGAIN);
}

Test(ring, entries_are_seen_at_publish_and_in_order)
{
	struct ring *in = make_ring(1024), *out = open_ring();

	cr_assert_eq(put(in, "one"), 0);
	cr_assert_eq(put(in, ""), 0);
	expect_nothing(out);
	cr_assert(ring_is_empty(out));
	ring_publish(in);
	cr_assert(!ring_is_empty(out));
	expect(out, "one");
	expect(out, "");
	expect_nothing(out);
	ring_close(in);
	ring_close(out);
}

Test(ring, parts_are_joined)
{
	struct ring *ring = make_ring(1024);
	struct slice parts[] = {SLICE("head|"), SLICE_NONE, SLICE("body")};

	cr_assert_eq(ring_put(ring, parts, 3), 0);
	ring_publish(ring);
	expect(ring, "head|body");
	ring_close(ring);
}

Test(ring, a_size_that_is_no_power_of_two_is_refused)
{
	cr_assert_eq(ring_create(run_dir, RING_LOOK, 1, 1, 1000), -EINVAL);
	cr_assert_eq(ring_create(run_dir, RING_LOOK, 1, 1, 64), -EINVAL);
}

Test(ring, every_kind_and_pair_has_its_own_file)
{
	struct ring *rings[4];

	cr_assert_eq(ring_create(run_dir, RING_LOOK, 1, 2, 256), 0);
	cr_assert_eq(ring_create(run_dir, RING_TOLD, 1, 2, 256), 0);
	cr_assert_eq(ring_create(run_dir, RING_PORTS_INTERNAL, 1, 2, 256), 0);
	cr_assert_eq(ring_create(run_dir, RING_PORTS_GATEWAY, 1, 2, 256), 0);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(ring_open(run_dir, RING_LOOK + i, 1, 2, &rings[i]),
			     0);
		put(rings[i], "x");
		ring_publish(rings[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		expect(rings[i], "x");
		expect_nothing(rings[i]);
		ring_close(rings[i]);
	}
}

Test(ring, a_ring_that_is_not_there_is_told)
{
	struct ring *ring = NULL;

	cr_assert_eq(ring_open(run_dir, RING_HANDOVER, 3, 4, &ring), -ENOENT);
	cr_assert_null(ring);
}

Test(ring, creating_again_keeps_what_is_in_it)
{
	struct ring *ring = make_ring(1024);

	put(ring, "kept");
	ring_publish(ring);
	ring_close(ring);
	ring = make_ring(1024);
	expect(ring, "kept");
	ring_close(ring);
	ring = make_ring(2048); /* another size: a new ring */
	expect_nothing(ring);
	ring_close(ring);
}

Test(ring, a_full_ring_refuses_and_takes_again_after_release)
{
	struct ring *ring = make_ring(256);
	unsigned n = 0;

	while (put(ring, "sixteen bytes...") == 0)
		n++;
	cr_assert_eq(n, 10); /* 8 + 16 bytes each, 240 of 256 */
	ring_publish(ring);
	expect(ring, "sixteen bytes...");
	cr_assert_eq(put(ring, "sixteen bytes..."), -ENOSPC);
	ring_release(ring);
	cr_assert_eq(ring_released(ring), 24);
	cr_assert_eq(put(ring, "s"), 0);
	ring_close(ring);
}

Test(ring, room_is_what_the_next_put_takes)
{
	static char bytes[512];
	struct ring *ring = make_ring(512);

	srand(3);
	for (unsigned step = 0; step < 5000; step++) {
		uint64_t room = ring_room(ring);
		struct slice entry, over = {bytes, room + 1};
		uint64_t position;

		cr_assert_neq(ring_put(ring, &over, 1), 0);
		if (room > 0) {
			struct slice part = {bytes,
					     (size_t)rand() % (room + 1)};

			if (rand() % 3 == 0)
				part.len = room;
			cr_assert_eq(ring_put(ring, &part, 1), 0);
		}
		ring_publish(ring);
		if (rand() % 2 && ring_take(ring, &entry, &position) == 0)
			ring_release(ring);
	}
	ring_close(ring);
}

Test(ring, an_entry_above_half_the_ring_never_fits)
{
	static char bytes[200];
	struct ring *ring = make_ring(256);
	struct slice part = {bytes, 121};

	cr_assert_eq(ring_put(ring, &part, 1), -EMSGSIZE);
	part.len = 120;
	cr_assert_eq(ring_put(ring, &part, 1), 0);
	ring_close(ring);
}

Test(ring, entries_of_all_lengths_pass_the_end_in_one_piece)
{
	static char bytes[512];
	struct ring *in = make_ring(1024), *out = open_ring();

	for (unsigned i = 0; i < 20000; i++) {
		struct slice part = {bytes, i * 7 % 500}, entry;
		uint64_t position;

		memset(bytes, (int)(i & 0xff), sizeof(bytes));
		cr_assert_eq(ring_put(in, &part, 1), 0);
		ring_publish(in);
		cr_assert_eq(ring_take(out, &entry, &position), 0);
		cr_assert(slice_is(entry, part));
		ring_release(out);
		cr_assert_eq(position, ring_published(in));
	}
	ring_close(in);
	ring_close(out);
}

Test(ring, what_was_not_published_dies_with_its_producer)
{
	struct ring *in = make_ring(1024), *out = open_ring();

	put(in, "published");
	ring_publish(in);
	put(in, "not published");
	ring_close(in);
	in = open_ring();
	put(in, "the heir's");
	ring_publish(in);
	expect(out, "published");
	expect(out, "the heir's");
	expect_nothing(out);
	ring_close(in);
	ring_close(out);
}

Test(ring, an_heir_takes_again_what_was_not_released)
{
	struct ring *ring = make_ring(1024);
	struct slice entry;
	uint64_t position;

	put(ring, "a");
	put(ring, "b");
	put(ring, "c");
	ring_publish(ring);
	expect(ring, "a");
	ring_release(ring);
	ring_take(ring, &entry, &position); /* b: committed … */
	expect(ring, "c");
	ring_close(ring); /* … but not released */
	ring = open_ring();
	ring_rewind(ring, 0); /* the book knows nothing */
	expect(ring, "b");
	ring_rewind(ring, position);
	expect(ring, "c");
	ring_release(ring);
	ring_rewind(ring, position); /* older than the tail */
	expect_nothing(ring);
	ring_rewind(ring, position + (1u << 20)); /* of another ring */
	expect_nothing(ring);
	ring_close(ring);
}

Test(ring, an_heir_publishes_what_was_committed_and_nothing_else)
{
	struct ring *ring = make_ring(256), *reader = open_ring();
	uint64_t committed;

	put(ring, "published");
	ring_publish(ring);
	cr_expect_not(ring_resume(ring, ring_written(ring)), "nothing more");
	put(ring, "committed");
	committed = ring_written(ring);
	put(ring, "neither");
	ring_close(ring); /* it died */
	ring = open_ring();
	expect(reader, "published");
	expect_nothing(reader);
	cr_expect(ring_resume(ring, committed));
	expect(reader, "committed");
	expect_nothing(reader);
	cr_expect_not(ring_resume(ring, committed - 8), "older");
	cr_expect_not(ring_resume(ring, committed + 256), "of another ring");
	cr_expect_not(ring_resume(ring, committed + 3), "no entry ends there");
	put(ring, "the heir's");
	ring_publish(ring);
	expect(reader, "the heir's");
	ring_close(reader);
	ring_close(ring);
}

static void spoil(off_t at, const void *bytes, size_t len)
{
	int fd = open(scratch_path(RING_FILE), O_WRONLY);

	cr_assert_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static off_t bytes_at(size_t size)
{
	struct stat st;

	cr_assert_eq(stat(scratch_path(RING_FILE), &st), 0);
	return st.st_size - (off_t)size;
}

Test(ring, a_spoilt_entry_is_told_once_and_skipped)
{
	static const uint32_t lens[] = {0,	    1,	 4,	     1000,
					0x7fffffff, ~0u, 0xfffffff0u};

	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct ring *ring = make_ring(256);
		struct slice entry;
		uint64_t position, at = ring_published(ring) % 256;

		put(ring, "entry");
		put(ring, "second");
		ring_publish(ring);
		spoil(bytes_at(256) + (off_t)at, &lens[i], sizeof(lens[i]));
		cr_assert_eq(ring_take(ring, &entry, &position), -EPROTO);
		expect_nothing(ring);
		put(ring, "next");
		ring_publish(ring);
		expect(ring, "next");
		ring_release(ring);
		ring_close(ring);
		unlink(scratch_path(RING_FILE));
	}
}

Test(ring, positions_that_cannot_be_are_survived)
{
	static const uint64_t positions[] = {8, 4096, ~7ull, 1ull << 63};

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 2; k++) {
			struct ring *ring = make_ring(256);
			struct slice entry;
			uint64_t position;

			put(ring, "x");
			ring_publish(ring);
			spoil(k ? 128 : 64, &positions[i], 8);
			ring_close(ring);
			ring = open_ring();
			for (unsigned n = 0; n < 8; n++) {
				ring_take(ring, &entry, &position);
				ring_release(ring);
			}
			cr_assert_eq(put(ring, "goes on"), 0);
			ring_publish(ring);
			expect(ring, "goes on");
			ring_close(ring);
			unlink(scratch_path(RING_FILE));
		}
}

Test(ring, the_bell_is_wanted_only_while_the_consumer_sleeps)
{
	struct ring *in = make_ring(256), *out = open_ring();

	cr_assert(!ring_wants_bell(in));
	ring_sleep(out, true);
	cr_assert(ring_wants_bell(in));
	ring_sleep(out, false);
	cr_assert(!ring_wants_bell(in));
	ring_close(in);
	ring_close(out);
}

/* ---- a sleeper and its bell, in two threads ------------------------------ */

#define N_BELLS 200000u

static int bell[2];

static void *ring_bells(void *arg)
{
	struct ring *ring = arg;
	unsigned seed = 6;
	uint64_t number = 0;
	struct slice part = {(const char *)&number, sizeof(number)};

	while (number < N_BELLS) {
		/* Meets the consumer at every point of its going to sleep. */
		for (volatile int spin = rand_r(&seed) % 1000; spin > 0;)
			spin = spin - 1;
		if (ring_put(ring, &part, 1) == 0)
			number++;
		ring_publish(ring);
		if (ring_wants_bell(ring))
			cr_assert_eq(write(bell[1], "!", 1), 1);
	}
	return NULL;
}

/* The consumer waits without a time-out: a lost bell is a test that hangs. */
Test(ring, no_bell_is_lost)
{
	struct ring *in = make_ring(4096), *out = open_ring();
	pthread_t producer;
	uint64_t next = 0, position, number;
	char byte[4096];

	cr_assert_eq(pipe(bell), 0);
	pthread_create(&producer, NULL, ring_bells, in);
	while (next < N_BELLS) {
		struct slice entry;

		while (ring_take(out, &entry, &position) == 0) {
			memcpy(&number, entry.ptr, sizeof(number));
			cr_assert_eq(number, next++);
		}
		ring_release(out);
		if (next == N_BELLS)
			break;
		ring_sleep(out, true);
		if (ring_is_empty(out))
			cr_assert_gt(read(bell[0], byte, sizeof(byte)), 0);
		ring_sleep(out, false);
	}
	pthread_join(producer, NULL);
	ring_close(in);
	ring_close(out);
}

/* Both at the same moment, again and again: who publishes sees the sleeper, or
 * who goes to sleep sees the entry.  Without the fences of ring.c this fails
 * on x86, too (each core's store waits in its buffer). */
#define N_MEETINGS 200000u

struct meeting {
	struct ring *in, *out;
	atomic_uint round, n_done;
	bool has_rung;
};

static void wait_for(atomic_uint *word, unsigned value)
{
	for (unsigned spins = 0; atomic_load(word) != value; spins++)
		if (spins > 2000)
			sched_yield();
}

static void *publish_rounds(void *arg)
{
	struct meeting *meeting = arg;
	struct slice part = SLICE("x");

	for (unsigned round = 1; round <= N_MEETINGS; round++) {
		cr_assert_eq(ring_put(meeting->in, &part, 1), 0);
		wait_for(&meeting->round, round);
		ring_publish(meeting->in);
		meeting->has_rung = ring_wants_bell(meeting->in);
		atomic_store(&meeting->n_done, round);
	}
	return NULL;
}

Test(ring, publishing_and_going_to_sleep_never_miss_each_other)
{
	struct meeting meeting = {.in = make_ring(256), .out = open_ring()};
	pthread_t producer;

	pthread_create(&producer, NULL, publish_rounds, &meeting);
	for (unsigned round = 1; round <= N_MEETINGS; round++) {
		struct slice entry;
		uint64_t position;
		bool has_seen;

		atomic_store(&meeting.round, round);
		for (volatile unsigned spin = round % 256; spin > 0;)
			spin = spin - 1; /* the other's way to here */
		ring_sleep(meeting.out, true);
		has_seen = !ring_is_empty(meeting.out);
		wait_for(&meeting.n_done, round);
		cr_assert(has_seen || meeting.has_rung, "round %u", round);
		ring_sleep(meeting.out, false);
		cr_assert_eq(ring_take(meeting.out, &entry, &position), 0);
		ring_release(meeting.out);
	}
	pthread_join(producer, NULL);
	ring_close(meeting.in);
	ring_close(meeting.out);
}

/* ---- two processes ------------------------------------------------------- */

static void check_entry(struct slice entry, uint64_t expected)
{
	uint64_t number;

	cr_assert_geq(entry.len, sizeof(number));
	memcpy(&number, entry.ptr, sizeof(number));
	cr_assert_eq(number, expected);
	cr_assert_eq(entry.len, sizeof(number) + number % 600);
	for (size_t i = sizeof(number); i < entry.len; i++)
		cr_assert_eq((uint8_t)entry.ptr[i], (uint8_t)number);
}

/* Takes up to n entries as a turn does: take, commit (*committed), release;
 * now and then it dies before the release, or before the commit. */
static void consume_turn(struct ring **ring, uint64_t *next,
			 uint64_t *committed, unsigned n)
{
	uint64_t expected = *next, position = *committed;
	struct slice entry;
	int fate = rand() % 20;

	for (; n > 0 && ring_take(*ring, &entry, &position) == 0; n--)
		check_entry(entry, expected++);
	if (fate != 0) { /* not killed before the commit */
		*next = expected;
		*committed = position;
	}
	if (fate > 1) { /* not killed before the release */
		ring_release(*ring);
		return;
	}
	ring_close(*ring);
	*ring = open_ring();
	ring_rewind(*ring, *committed);
}

Test(ring, with_both_ends_killed_nothing_is_lost_or_doubled)
{
	struct ring *ring = make_ring(8192);
	uint64_t next = 0, committed = 0;

	srand(4);
	for (unsigned round = 0; round < 25; round++) {
		char first[24];
		const char *const words[] = {"produce", run_dir, first, NULL};
		struct helper producer;
		uint64_t start = next;

		snprintf(first, sizeof(first), "%llu",
			 (unsigned long long)next);
		producer = helper_start(words);
		cr_assert_eq(helper_ask(&producer, NULL), 0);
		for (unsigned turn = 0; turn < 300 || next == start; turn++)
			consume_turn(&ring, &next, &committed,
				     (unsigned)rand() % 30);
		helper_kill(&producer, SIGKILL);
		while (!ring_is_empty(ring))
			consume_turn(&ring, &next, &committed, 30);
		cr_assert_gt(next, start);
	}
	ring_close(ring);
}
