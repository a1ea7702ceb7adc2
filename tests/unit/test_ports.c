/* SPDX-License-Identifier: Apache-2.0
 *
 * Which ports a media slot binds, and when it uses them again (media/ports.c,
 * media/pair.c).
 */
#include "media/ports.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address of this process alone, so that the ports of two runs, or of a test
 * beside this one, are not the same. */
static const char *own_host(void)
{
	static char text[16];
	unsigned pid = (unsigned)getpid();

	snprintf(text, sizeof(text), "127.%u.%u.%u", 1 + (pid >> 16) % 250,
		 (pid >> 8) & 255, pid & 255);
	return text;
}

static struct port_range range_of(uint16_t min, uint16_t max)
{
	struct port_range range = {.min = min, .max = max};

	for (unsigned side = 0; side < N_SIDES; side++)
		cr_assert_eq(addr_parse_host(slice_of(own_host()), 0,
					     &range.address[side]),
			     0);
	return range;
}

static struct pairs pairs;
static struct ports ports;

static void open_ports(uint16_t min, uint16_t max)
{
	struct port_range range = range_of(min, max);

	cr_assert_eq(pairs_init(&pairs, 64, NULL), 0);
	cr_assert_eq(ports_init(&ports, 1, &pairs), 0);
	ports_set_range(&ports, &range, 1);
}

static void close_ports(void)
{
	ports_done(&ports, false);
	cr_expect_eq(pairs.n_free, 64, "every pair came back");
	pairs_done(&pairs);
}

static struct addr local(uint16_t port)
{
	struct addr addr = {0};

	addr_parse_host(slice_of(own_host()), port, &addr);
	return addr;
}

static int socket_at(uint16_t port)
{
	struct addr at = local(port);
	int fd = pair_bind_socket(&at, 46);

	cr_assert_geq(fd, 0, "port %u", port);
	return fd;
}

Test(ports, rtp_is_even_and_its_rtcp_lies_in_the_range)
{
	static const struct {
		uint16_t min, max, after, next;
	} rows[] = {
		{16384, 32767, 16384, 16386}, {16384, 32767, 32766, 16384},
		{16384, 32767, 32764, 32766}, {16385, 32767, 32766, 16386},
		{16384, 32766, 32764, 16384}, {1024, 65535, 65534, 1024},
		{20000, 20003, 20002, 20000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct port_range range = range_of(rows[i].min, rows[i].max);

		cr_expect_eq(port_after(&range, rows[i].after), rows[i].next,
			     "row %zu", i);
	}
}

Test(ports, slots_begin_at_different_places_of_the_range)
{
	struct port_range range = range_of(16384, 32767);
	uint16_t before = 0;

	for (unsigned slot = 1; slot <= 4; slot++) {
		uint16_t start = port_start(&range, slot, 4);

		cr_expect_eq(start % 2, 0);
		cr_expect_geq(start, range.min);
		cr_expect_lt(start, range.max);
		cr_expect_gt(start, before, "slot %u", slot);
		before = start;
	}
}

Test(ports, more_slots_than_workers_still_begin_inside)
{
	struct port_range range = range_of(20000, 20009);

	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++) {
		uint16_t start = port_start(&range, slot, 1);

		cr_expect_geq(start, range.min, "slot %u", slot);
		cr_expect_lt(start, range.max, "slot %u", slot);
	}
}

Test(ports, somebody_elses_port_is_skipped)
{
	int theirs = socket_at(23001);
	struct pair *pair;

	open_ports(23000, 23003);
	pair = ports_get(&ports, SIDE_INTERNAL, 1);
	cr_assert(pair);
	cr_expect_eq(addr_port(&pair->local), 23002);
	cr_expect_null(ports_get(&ports, SIDE_INTERNAL, 1), "range used up");
	close(theirs);
	close_ports();
}

/* After a reload the search begins anew, among more ports of ours than one go
 * tries to bind. */
Test(ports, a_range_set_again_gives_a_port_at_once)
{
	struct port_range range = range_of(23200, 23599);

	cr_assert_eq(pairs_init(&pairs, 200, NULL), 0);
	cr_assert_eq(ports_init(&ports, 1, &pairs), 0);
	ports_set_range(&ports, &range, 1);
	for (unsigned i = 0; i < 90; i++)
		cr_assert(ports_get(&ports, SIDE_INTERNAL, 1));
	ports_set_range(&ports, &range, 1);
	cr_expect(ports_get(&ports, SIDE_INTERNAL, 1));
	cr_expect(ports_get(&ports, SIDE_GATEWAY, 1));
	ports_done(&ports, false);
	pairs_done(&pairs);
}

static unsigned offered(unsigned n_slots, unsigned n_rings)
{
	struct port_range range = range_of(16384, 32767);

	ports_set_range(&ports, &range, n_slots);
	return ports_fair_part(&ports, n_rings) * n_rings;
}

/* Some offered as one of many slots, one went on as the only one. */
Test(ports, one_process_has_room_for_what_all_slots_have_offered)
{
	struct pairs many = {.max = 4744};

	cr_assert_eq(ports_init(&ports, 1, &many), 0);
	for (unsigned n_slots = 2; n_slots <= MEDIA_SLOT_MAX; n_slots++)
		for (unsigned n_rings = 2; n_rings <= 64; n_rings += 2)
			cr_expect_leq(
				(n_slots - 1) * offered(n_slots, n_rings) +
					offered(1, n_rings),
				many.max / 4 * 3, "%u slots, %u rings", n_slots,
				n_rings);
	cr_expect_geq(offered(2, 4), 4 * 128, "two workers, two books");
	ports_done(&ports, false);
}

Test(ports, a_port_of_one_side_is_not_the_other_sides)
{
	struct pair *a, *b;

	open_ports(23010, 23013);
	a = ports_get(&ports, SIDE_INTERNAL, 1);
	b = ports_get(&ports, SIDE_GATEWAY, 1);
	cr_assert(a && b);
	cr_expect_neq(addr_port(&a->local), addr_port(&b->local));
	close_ports();
}

Test(ports, a_used_port_rests_before_it_is_used_again)
{
	const uint64_t now_us = 10000000;
	struct pair *pair;

	open_ports(23020, 23021);
	pair = ports_get(&ports, SIDE_GATEWAY, now_us);
	cr_assert(pair);
	ports_rest(&ports, pair, now_us);
	cr_expect_null(
		ports_get(&ports, SIDE_GATEWAY, now_us + PORT_REST_US - 1));
	cr_expect_eq(ports_get(&ports, SIDE_GATEWAY, now_us + PORT_REST_US),
		     pair);
	close_ports();
}

/* As when siblings have theirs where this slot looks for new ones. */
Test(ports, others_ports_are_passed_without_a_rest)
{
	enum {
		N_OTHERS = 150
	};
	int others[N_OTHERS];
	struct pair *pair = NULL;

	for (unsigned i = 0; i < N_OTHERS; i++)
		others[i] = socket_at((uint16_t)(23600 + 2 * i));
	open_ports(23600, 23600 + 2 * N_OTHERS + 1);
	for (unsigned i = 0; i < N_OTHERS && !pair; i++) {
		cr_assert_not(ports_are_used_up(&ports, SIDE_GATEWAY));
		pair = ports_get(&ports, SIDE_GATEWAY, 1);
	}
	cr_assert(pair, "the one behind theirs");
	cr_expect_eq(addr_port(&pair->local), 23600 + 2 * N_OTHERS);
	for (unsigned i = 0; i <= N_OTHERS; i++)
		cr_assert_null(ports_get(&ports, SIDE_GATEWAY, 1));
	for (unsigned i = 0; i < N_OTHERS; i++)
		close(others[i]);
	cr_expect(ports_get(&ports, SIDE_GATEWAY, 1), "free by now");
	close_ports();
}

Test(ports, the_search_ends_when_all_are_others)
{
	int other = socket_at(23020);

	open_ports(23020, 23021);
	cr_expect_null(ports_get(&ports, SIDE_GATEWAY, 1));
	cr_expect(ports_are_used_up(&ports, SIDE_GATEWAY));
	close(other);
	cr_expect(ports_get(&ports, SIDE_GATEWAY, 1));
	close_ports();
}

Test(ports, a_late_offer_takes_its_place_in_the_ring)
{
	struct pair late[4] = {{.ring_at = 16},
			       {.ring_at = 48},
			       {.ring_at = 32},
			       {.ring_at = 8}};
	struct pair_queue queue = {0};

	for (unsigned i = 0; i < 4; i++)
		pair_insert(&queue, &late[i]);
	cr_expect_eq(queue.n, 4);
	cr_expect_eq(queue.last, &late[1]);
	cr_expect_eq(queue.last->prev, &late[2]);
	cr_expect_eq(pair_pop(&queue), &late[3]);
	cr_expect_eq(pair_pop(&queue), &late[0]);
	cr_expect_eq(pair_pop(&queue), &late[2]);
	cr_expect_eq(pair_pop(&queue), &late[1]);
	cr_expect_null(pair_pop(&queue));
}

Test(ports, sockets_of_a_predecessor_are_taken_over_in_pairs)
{
	int rtp = socket_at(23030), rtcp = socket_at(23031);
	int half = socket_at(23032);
	struct pair *pair;

	open_ports(23030, 23039);
	cr_assert_eq(ports_adopt(&ports, SIDE_GATEWAY, 23031, rtcp), 0);
	cr_assert_eq(ports_adopt(&ports, SIDE_GATEWAY, 23032, half), 0);
	cr_assert_eq(ports_adopt(&ports, SIDE_GATEWAY, 23030, rtp), 0);
	ports_adopted(&ports);
	pair = ports_find(&ports, SIDE_GATEWAY, 23030);
	cr_assert(pair);
	cr_expect_eq(pair->fd[0], rtp);
	cr_expect_eq(pair->fd[1], rtcp);
	cr_expect_null(ports_find(&ports, SIDE_GATEWAY, 23032), "half a pair");
	cr_expect_eq(ports_get(&ports, SIDE_GATEWAY, 1), pair);
	close_ports();
}

Test(ports, a_socket_that_is_not_what_it_is_called_is_refused)
{
	open_ports(23040, 23049);
	cr_expect_eq(ports_adopt(&ports, SIDE_GATEWAY, 23042, socket_at(23040)),
		     -EINVAL);
	cr_expect_eq(ports_adopt(&ports, 7, 23044, socket_at(23044)), -EINVAL);
	cr_expect_null(ports_find(&ports, SIDE_GATEWAY, 23042));
	close_ports();
}

Test(ports, a_port_that_a_record_names_is_found_or_bound)
{
	struct addr wanted = local(23054), foreign = local(23056);
	int theirs = socket_at(23057);
	struct pair *pair = NULL, *again = NULL, *none = NULL;

	open_ports(23050, 23059);
	cr_assert_eq(ports_get_exact(&ports, SIDE_INTERNAL, &wanted, &pair), 0);
	cr_assert_eq(ports_get_exact(&ports, SIDE_INTERNAL, &wanted, &again),
		     0);
	cr_expect_eq(pair, again);
	cr_expect_eq(ports_get_exact(&ports, SIDE_INTERNAL, &foreign, &none),
		     -EADDRINUSE);
	close(theirs);
	close_ports();
}

Test(ports, a_port_in_another_slots_record_is_bound_only_by_name)
{
	struct addr named;
	struct pair *pair;

	open_ports(24700, 24705);
	ports_avoid(&ports, 24702);
	for (unsigned side = 0; side < N_SIDES; side++)
		while ((pair = ports_get(&ports, (uint8_t)side, 1)))
			cr_expect_neq(addr_port(&pair->local), 24702);
	named = local(24702);
	cr_expect_eq(ports_get_exact(&ports, SIDE_INTERNAL, &named, &pair), 0);
	close_ports();
}

Test(ports, what_came_while_nobody_listened_is_thrown_away)
{
	struct addr at = local(23060);
	int sender = socket_at(23064);
	struct pair *pair;
	char byte;

	open_ports(23060, 23061);
	pair = ports_get(&ports, SIDE_INTERNAL, 1);
	cr_assert(pair);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_eq(sendto(sender, "x", 1, 0, &at.sa, addr_len(&at)),
			     1);
	pair_drain(pair);
	cr_expect_eq(recv(pair->fd[0], &byte, 1, MSG_DONTWAIT), -1);
	close(sender);
	close_ports();
}

Test(pair, a_queue_keeps_its_order_whoever_leaves)
{
	struct pair a = {0}, b = {0}, c = {0};
	struct pair_queue queue = {0};

	pair_push(&queue, &a);
	pair_push(&queue, &b);
	pair_push(&queue, &c);
	pair_unlink(&queue, &b);
	pair_unlink(&queue, &b);
	cr_expect_eq(queue.n, 2);
	cr_expect_eq(pair_pop(&queue), &a);
	pair_push(&queue, &b);
	cr_expect_eq(pair_pop(&queue), &c);
	cr_expect_eq(pair_pop(&queue), &b);
	cr_expect_null(pair_pop(&queue));
	cr_expect_eq(queue.n, 0);
}
