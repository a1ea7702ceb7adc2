/* SPDX-License-Identifier: Apache-2.0
 *
 * The media worker as a process (media/mspool-media.c), between a rig that
 * plays master and Mediation Server and two parties with sockets of their own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "rtp/packet.h"
#include "tests/support/media_rig.h"

#define WAIT_MS	 1000 /* for what must come */
#define QUIET_MS 100  /* for what must not */

/* One side's peer: RTP and RTCP, somewhere on loopback. */
struct party {
	struct addr at;
	int rtp, rtcp;
	struct addr relay; /* where it sends */
	uint32_t ssrc;
	uint16_t sequence;
};

static struct media_rig rig;

static int bind_at(const char *host, uint16_t port, struct addr *ret_at)
{
	socklen_t len = sizeof(*ret_at);
	int fd;

	*ret_at = (struct addr){0};
	cr_assert_eq(addr_parse_host(slice_of(host), port, ret_at), 0);
	fd = socket(ret_at->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(fd, &ret_at->sa, addr_len(ret_at)), 0);
	cr_assert_eq(getsockname(fd, &ret_at->sa, &len), 0);
	return fd;
}

static struct party party_at(const char *host, uint32_t ssrc)
{
	struct party party = {.ssrc = ssrc, .sequence = 100};

	for (unsigned i = 0; i < 50; i++) {
		struct addr at = {0};
		int fd;

		party.rtp = bind_at(host, 0, &party.at);
		at = party.at;
		addr_set_port(&at, (uint16_t)(addr_port(&party.at) + 1));
		fd = socket(at.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (bind(fd, &at.sa, addr_len(&at)) == 0) {
			party.rtcp = fd;
			return party;
		}
		close(fd);
		close(party.rtp);
	}
	cr_assert_fail("no two ports together");
	return party;
}

/* ---- packets
 * ------------------------------------------------------------------ */

static void send_to(int fd, const struct addr *to, unsigned port_offset,
		    const uint8_t *packet, size_t len)
{
	struct addr at = *to;

	addr_set_port(&at, (uint16_t)(addr_port(to) + port_offset));
	cr_assert_eq(sendto(fd, packet, len, 0, &at.sa, addr_len(&at)),
		     (ssize_t)len);
}

/* The next packet of this party, of 20 ms, from socket fd. */
static void say_from(struct party *party, int fd, uint8_t type)
{
	uint8_t packet[172] = {0};
	struct rtp_view view = {
		.payload_type = type,
		.sequence = party->sequence,
		.timestamp = party->sequence * 160u,
		.ssrc = party->ssrc,
	};

	party->sequence++;
	rtp_write_head(packet, &view);
	send_to(fd, &party->relay, 0, packet, sizeof(packet));
}

static void say(struct party *party)
{
	say_from(party, party->rtp, 0);
}

/* A receiver report without blocks, RFC 3550 6.4.2. */
static void report(struct party *party)
{
	const uint8_t packet[8] = {0x80, 201, 0, 1, 1, 2, 3, 4};

	send_to(party->rtcp, &party->relay, 1, packet, sizeof(packet));
}

static ssize_t listen_at(int fd, unsigned ms, uint8_t *packet, size_t size)
{
	for (unsigned i = 0; i <= ms; i++) {
		ssize_t n = recv(fd, packet, size, MSG_DONTWAIT);

		if (n >= 0)
			return n;
		rig_pump(&rig, 1);
	}
	return -1;
}

static bool hears(const struct party *party, struct rtp_view *ret_view)
{
	uint8_t packet[2048];
	ssize_t n = listen_at(party->rtp, WAIT_MS, packet, sizeof(packet));
	struct rtp_view view;

	return n > 0 &&
	       rtp_parse(packet, (size_t)n, ret_view ? ret_view : &view) == 0;
}

static bool hears_nothing(const struct party *party)
{
	uint8_t packet[2048];

	return listen_at(party->rtp, QUIET_MS, packet, sizeof(packet)) < 0;
}

/* ---- calls
 * -------------------------------------------------------------------- */

struct talk {
	struct party a, b;
	struct media_wish wish;
	uint64_t call;
};

/* Tests run side by side, and beside others: each has a loopback address of
 * its own, and so all of its ports. */
static void start_with(struct media_rig_settings settings)
{
	static char host[32];

	snprintf(host, sizeof(host), "127.77.%u.%u",
		 (unsigned)getpid() >> 8 & 255, (unsigned)getpid() & 255);
	for (unsigned side = 0; side < RIG_SIDES; side++)
		if (!settings.host[side])
			settings.host[side] = host;
	if (!settings.port_min) {
		settings.port_min = 24000;
		settings.port_max = 24999;
	}
	rig_start(&rig, &settings);
}

static void start(void)
{
	start_with((struct media_rig_settings){0});
}

static void stop(void)
{
	rig_stop(&rig);
}

static void apply(struct talk *talk)
{
	talk->call = rig_put(&rig, talk->call, &talk->wish);
	cr_assert(rig_is_applied(&rig, talk->call, talk->wish.version));
}

static struct talk talk_between(const char *host_a, const char *host_b)
{
	struct talk talk = {
		.a = party_at(host_a, 0xaaaa),
		.b = party_at(host_b, 0xbbbb),
	};

	talk.wish = rig_wish(&rig, &talk.a.at, &talk.b.at);
	talk.a.relay = talk.wish.side[LEG_A].local;
	talk.b.relay = talk.wish.side[LEG_B].local;
	return talk;
}

static struct talk talk_begun(void)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");

	apply(&talk);
	return talk;
}

static void change(struct talk *talk)
{
	talk->wish.version++;
	apply(talk);
}

static const struct stream_side_row *side_of(const struct talk *talk,
					     unsigned leg)
{
	const struct stream_row *row = rig_row(&rig, talk->call);

	cr_assert(row);
	return &row->side[leg];
}

static void expect_both_ways(struct talk *talk)
{
	struct rtp_view view;

	say(&talk->a);
	cr_assert(hears(&talk->b, &view));
	cr_expect_eq(view.ssrc, talk->a.ssrc);
	cr_expect_eq(view.sequence, (uint16_t)(talk->a.sequence - 1));
	say(&talk->b);
	cr_assert(hears(&talk->a, &view));
	cr_expect_eq(view.ssrc, talk->b.ssrc);
}

/* ---- what it does
 * --------------------------------------------------------------- */

TestSuite(mspool_media, .init = start, .fini = stop, .timeout = 60);

Test(mspool_media, audio_goes_both_ways_and_is_counted)
{
	struct talk talk = talk_begun();

	for (unsigned i = 0; i < 10; i++)
		expect_both_ways(&talk);
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		const struct stream_side_row *side = side_of(&talk, leg);

		cr_expect_eq(side->packets_in, 10);
		cr_expect_eq(side->packets_out, 10);
		cr_expect_eq(side->bytes_in, 1720);
		cr_expect_eq(side->lost, 0);
		cr_expect_eq(side->refused, 0);
	}
}

Test(mspool_media, rtcp_goes_both_ways_beside_it)
{
	struct talk talk = talk_begun();
	uint8_t packet[64];

	report(&talk.a);
	cr_expect_eq(listen_at(talk.b.rtcp, WAIT_MS, packet, sizeof(packet)),
		     8);
	report(&talk.b);
	cr_expect_eq(listen_at(talk.a.rtcp, WAIT_MS, packet, sizeof(packet)),
		     8);
	cr_expect_eq(side_of(&talk, LEG_A)->rtcp_in, 1);
	cr_expect_eq(side_of(&talk, LEG_A)->rtcp_out, 1);
}

/* The TOS byte of what waits at fd. */
static int tos_at(int fd)
{
	uint8_t packet[2048];
	char control[64];
	struct iovec bytes = {packet, sizeof(packet)};
	struct msghdr head = {.msg_iov = &bytes,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};

	for (unsigned ms = 0; recvmsg(fd, &head, MSG_DONTWAIT) < 0; ms++) {
		cr_assert_lt(ms, WAIT_MS);
		rig_pump(&rig, 1);
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c;
	     c = CMSG_NXTHDR(&head, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			return *CMSG_DATA(c);
	return -1;
}

Test(mspool_media, rtp_and_rtcp_leave_with_the_dscp_of_the_configuration)
{
	struct talk talk = talk_begun();
	int on = 1;

	setsockopt(talk.b.rtp, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	setsockopt(talk.b.rtcp, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	say(&talk.a);
	cr_expect_eq(tos_at(talk.b.rtp), 46 << 2);
	report(&talk.a);
	cr_expect_eq(tos_at(talk.b.rtcp), 46 << 2);
}

Test(mspool_media, a_strangers_packets_are_refused)
{
	struct talk talk = talk_begun();
	struct addr elsewhere;
	int stranger = bind_at("127.0.0.99", 0, &elsewhere);
	struct party fake = talk.a;

	say_from(&fake, stranger, 0);
	cr_expect(hears_nothing(&talk.b));
	cr_expect_eq(side_of(&talk, LEG_A)->refused, 1);
	cr_expect_eq(side_of(&talk, LEG_A)->packets_in, 0);
	expect_both_ways(&talk);
}

Test(mspool_media, another_port_of_the_peers_host_is_let_in_but_not_answered)
{
	struct talk talk = talk_begun();
	struct addr elsewhere;
	int other = bind_at("127.0.0.1", 0, &elsewhere);

	say_from(&talk.a, other, 0);
	cr_expect(hears(&talk.b, NULL));
	say(&talk.b);
	cr_expect(hears(&talk.a, NULL), "at the port of SDP");
}

Test(mspool_media, what_is_no_rtp_is_not_relayed)
{
	struct talk talk = talk_begun();
	uint8_t junk[200] = {0x12};

	send_to(talk.a.rtp, &talk.a.relay, 0, junk, sizeof(junk));
	send_to(talk.a.rtp, &talk.a.relay, 0, junk, 1);
	send_to(talk.a.rtp, &talk.a.relay, 0, junk, 0);
	send_to(talk.a.rtp, &talk.a.relay, 1, junk, sizeof(junk));
	cr_expect(hears_nothing(&talk.b));
	expect_both_ways(&talk);
	cr_expect_eq(atomic_load(&rig.board->counters[COUNTER_rtp_malformed]),
		     4);
}

Test(mspool_media, a_latching_side_is_answered_where_it_sends_from)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");
	struct addr behind;
	int nat = bind_at("127.0.0.50", 0, &behind);
	struct party seen = talk.b;

	talk.wish.side[LEG_B].is_latching = 1;
	apply(&talk);
	say_from(&talk.b, nat, 0);
	cr_assert(hears(&talk.a, NULL));
	seen.rtp = nat;
	say(&talk.a);
	cr_expect(hears(&seen, NULL));
	cr_expect(hears_nothing(&talk.b));
}

Test(mspool_media, a_learned_address_outlives_the_process)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");
	struct addr behind, elsewhere;
	int nat = bind_at("127.0.0.50", 0, &behind);
	int stranger = bind_at("127.0.0.66", 0, &elsewhere);
	struct party seen = talk.b, fake = talk.b;

	talk.wish.side[LEG_B].is_latching = 1;
	apply(&talk);
	say_from(&talk.b, nat, 0);
	cr_assert(hears(&talk.a, NULL));
	rig_kill(&rig);
	rig_respawn(&rig);
	say_from(&fake, stranger, 0);
	cr_expect(hears_nothing(&talk.a));
	seen.rtp = nat;
	say(&talk.a);
	cr_expect(hears(&seen, NULL));
}

Test(mspool_media, hold_stops_the_way_that_it_names)
{
	struct talk talk = talk_begun();

	expect_both_ways(&talk);
	talk.wish.side[LEG_A].flow = MEDIA_TAKE; /* a gives, hears nothing */
	talk.wish.side[LEG_B].flow = MEDIA_GIVE;
	change(&talk);
	say(&talk.a);
	cr_expect(hears(&talk.b, NULL));
	say(&talk.b);
	cr_expect(hears_nothing(&talk.a));
	cr_expect_eq(side_of(&talk, LEG_B)->packets_in, 2, "counted anyhow");
	talk.wish.side[LEG_A].flow = talk.wish.side[LEG_B].flow =
		MEDIA_TAKE | MEDIA_GIVE;
	change(&talk);
	expect_both_ways(&talk);
}

Test(mspool_media, a_peer_that_moves_is_followed_by_the_next_wish)
{
	struct talk talk = talk_begun();
	struct party moved = party_at("127.0.0.3", 0xcccc);

	expect_both_ways(&talk);
	talk.wish.side[LEG_B].remote = moved.at;
	change(&talk);
	moved.relay = talk.b.relay;
	talk.b = moved;
	expect_both_ways(&talk);
}

Test(mspool_media, payload_types_are_renumbered_each_way)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");
	struct rtp_view view;

	talk.wish.side[LEG_A].map[0] = (struct payload_map){101, 96};
	talk.wish.side[LEG_A].n_map = 1;
	talk.wish.side[LEG_B].map[0] = (struct payload_map){96, 101};
	talk.wish.side[LEG_B].n_map = 1;
	apply(&talk);
	say_from(&talk.a, talk.a.rtp, 101);
	cr_assert(hears(&talk.b, &view));
	cr_expect_eq(view.payload_type, 96);
	say_from(&talk.b, talk.b.rtp, 96);
	cr_assert(hears(&talk.a, &view));
	cr_expect_eq(view.payload_type, 101);
	say(&talk.a);
	cr_assert(hears(&talk.b, &view));
	cr_expect_eq(view.payload_type, 0);
}

Test(mspool_media, a_silent_call_is_told_once)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");

	talk.wish.inactivity_ms = 300;
	apply(&talk);
	cr_expect_eq(rig_told(&rig, 4000), talk.call);
	cr_expect_eq(rig_row(&rig, talk.call)->is_dead, 1);
	cr_expect_eq(rig_told(&rig, 1500), 0, "not again");
}

Test(mspool_media, a_call_that_talks_is_not_told)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");

	talk.wish.inactivity_ms = 1500;
	apply(&talk);
	for (unsigned i = 0; i < 40; i++) {
		say(&talk.a);
		report(&talk.b); /* muted, but alive */
		cr_expect_eq(rig_told(&rig, 100), 0);
	}
}

Test(mspool_media, losses_are_counted)
{
	struct talk talk = talk_begun();

	say(&talk.a);
	talk.a.sequence += 3;
	say(&talk.a);
	cr_assert(hears(&talk.b, NULL));
	cr_assert(hears(&talk.b, NULL));
	cr_expect_eq(side_of(&talk, LEG_A)->lost, 3);
}

Test(mspool_media, a_killed_worker_is_replaced_and_the_call_goes_on)
{
	struct talk talk = talk_begun();
	struct rtp_view view;
	unsigned n_heard = 0;

	for (unsigned i = 0; i < 5; i++)
		expect_both_ways(&talk);
	rig_kill(&rig);
	/* What is said meanwhile waits in the socket, which the master
	 * holds. */
	for (unsigned i = 0; i < 5; i++)
		say(&talk.a);
	rig_respawn(&rig);
	for (unsigned i = 0; i < 5; i++)
		if (hears(&talk.b, &view)) {
			cr_expect_eq(view.ssrc, talk.a.ssrc);
			cr_expect_eq(view.sequence, 105 + i);
			n_heard++;
		}
	cr_expect_eq(n_heard, 5);
	expect_both_ways(&talk);
	cr_expect_eq(side_of(&talk, LEG_A)->packets_in, 11);
	cr_expect_eq(side_of(&talk, LEG_A)->lost, 0);
}

Test(mspool_media, kills_in_a_row_lose_no_call)
{
	struct talk talks[5];

	for (unsigned i = 0; i < 5; i++)
		talks[i] = talk_begun();
	for (unsigned kill = 0; kill < 4; kill++) {
		rig_kill(&rig);
		rig_respawn(&rig);
		for (unsigned i = 0; i < 5; i++)
			expect_both_ways(&talks[i]);
	}
}

/* More sockets than the channel holds at once: a successor that looked at its
 * calls before it had them all would find their ports in use. */
Test(mspool_media, a_successor_with_many_sockets_loses_no_call)
{
	const unsigned n = 150;
	struct talk talk = talk_begun();
	uint64_t calls[150];

	for (unsigned i = 0; i < n; i++) {
		struct media_wish wish = rig_wish(&rig, &talk.a.at, &talk.b.at);

		calls[i] = rig_put(&rig, 0, &wish);
	}
	cr_assert(rig_is_applied(&rig, calls[n - 1], 1));
	rig_kill(&rig);
	rig_respawn(&rig);
	cr_expect_eq(rig_told(&rig, 1500), 0, "none is dead");
	for (unsigned i = 0; i < n; i++)
		cr_expect_eq(rig_row(&rig, calls[i])->is_dead, 0);
	cr_expect_eq(atomic_load(&rig.board->streams), n + 1);
	expect_both_ways(&talk);
}

Test(mspool_media, a_call_that_ended_while_nobody_served_is_let_go)
{
	struct talk talk = talk_begun();

	rig_kill(&rig);
	rig_delete(&rig, talk.call);
	rig_respawn(&rig);
	rig_pump(&rig, 50);
	cr_expect_null(rig_row(&rig, talk.call));
	say(&talk.a);
	cr_expect(hears_nothing(&talk.b));
}

Test(mspool_media,
     an_ended_call_relays_nothing_and_its_row_stays_till_the_record)
{
	struct talk talk = talk_begun();

	expect_both_ways(&talk);
	talk.wish.is_on = 0;
	change(&talk);
	say(&talk.a);
	cr_expect(hears_nothing(&talk.b));
	cr_expect_eq(side_of(&talk, LEG_A)->packets_in, 1, "for the CDR");
	rig_delete(&rig, talk.call);
	for (unsigned ms = 0; rig_row(&rig, talk.call) && ms < WAIT_MS; ms++)
		rig_pump(&rig, 1);
	cr_expect_null(rig_row(&rig, talk.call));
}

/* Takes ports until this one comes again; ms is how long to try. */
static bool port_returns(enum listener_side side, uint16_t port, unsigned ms)
{
	uint64_t until_us = clock_boot_us() + ms * USEC_PER_MSEC;

	while (clock_boot_us() < until_us)
		if (rig_take_port(&rig, side) == port)
			return true;
	return false;
}

Test(mspool_media, ports_of_an_ended_call_come_back_after_a_rest)
{
	struct talk talk = talk_begun();
	uint16_t port = addr_port(&talk.wish.side[LEG_A].local);
	uint64_t ended_us = clock_boot_us();

	rig_delete(&rig, talk.call);
	cr_expect(port_returns(SIDE_INTERNAL, port, 20000));
	cr_expect_geq(clock_boot_us() - ended_us, 2 * USEC_PER_SEC);
}

Test(mspool_media, ports_that_were_taken_and_never_committed_come_back)
{
	uint16_t port = rig_take_port(&rig, SIDE_GATEWAY);

	cr_assert_neq(port, 0);
	rig_release_ports(&rig); /* as by a worker that died or gave up */
	cr_expect(port_returns(SIDE_GATEWAY, port, 30000));
}

Test(mspool_media, ports_of_a_call_that_still_rings_are_not_given_away)
{
	struct talk talk = talk_between("127.0.0.1", "127.0.0.1");
	uint16_t port = addr_port(&talk.wish.side[LEG_B].local);

	/* Committed with the INVITE; the wish comes with the answer. */
	talk.wish.version = 0;
	talk.wish.is_on = 0;
	talk.call = rig_put(&rig, 0, &talk.wish);
	cr_expect_not(port_returns(SIDE_GATEWAY, port, 9000));
	rig_kill(&rig);
	rig_respawn(&rig);
	cr_expect_not(port_returns(SIDE_GATEWAY, port, 4000));
	talk.wish.version = 1;
	talk.wish.is_on = 1;
	apply(&talk);
	expect_both_ways(&talk);
}

Test(mspool_media, two_calls_never_share_a_port)
{
	struct talk first = talk_begun();
	struct talk second = talk_between("127.0.0.1", "127.0.0.1");

	second.wish.side[LEG_A].local = first.wish.side[LEG_A].local;
	apply(&second);
	cr_expect_eq(rig_row(&rig, second.call)->is_dead, 1);
	cr_expect_eq(rig_told(&rig, WAIT_MS), second.call);
	expect_both_ways(&first);
}

Test(mspool_media, its_beat_is_felt_when_there_is_nothing_to_do)
{
	for (unsigned i = 0; i < 3; i++) {
		uint64_t from_us = clock_boot_us();

		rig_pump(&rig, 100);
		cr_expect_geq(atomic_load(&rig.board->beat), from_us);
		cr_expect_leq(atomic_load(&rig.board->beat), clock_boot_us());
	}
}

Test(mspool_media, calls_go_on_when_the_master_dies)
{
	struct talk talk = talk_begun();

	rig_abandon(&rig);
	for (unsigned i = 0; i < 20; i++)
		expect_both_ways(&talk);
	cr_expect(rig_row(&rig, talk.call));
	change(&talk);
	expect_both_ways(&talk);
}

Test(mspool_media, a_retired_worker_exits_with_zero)
{
	cr_expect_eq(rig_retire(&rig, RIG_SLOT), 0);
}

Test(mspool_media, a_sibling_goes_on_with_the_calls_of_a_retired_slot)
{
	struct talk talk = talk_begun();

	expect_both_ways(&talk);
	cr_assert_eq(rig_retire(&rig, RIG_SLOT), 0);
	rig.name = "mw2";
	rig_respawn(&rig);
	expect_both_ways(&talk);
	talk.wish.side[LEG_A].flow = MEDIA_TAKE;
	change(&talk);
	say(&talk.b);
	cr_expect(hears_nothing(&talk.a));
	/* And gives the slot back when it is told to. */
	cr_expect_eq(rig_retire(&rig, RIG_SLOT), -1);
	cr_expect(rig.has_let_go);
	say(&talk.a);
	cr_expect(hears_nothing(&talk.b));
	rig_kill(&rig);
	rig.name = "mw1";
	rig_respawn(&rig);
	cr_expect(hears(&talk.b, NULL), "it waited in the socket");
}

/* ---- few ports
 * ---------------------------------------------------------------------- */

static void start_short(void)
{
	start_with((struct media_rig_settings){.port_min = 24000,
					       .port_max = 24009});
}

TestSuite(mspool_media_short, .init = start_short, .fini = stop, .timeout = 60);

Test(mspool_media_short, a_range_of_ten_ports_carries_two_calls_and_they_return)
{
	for (unsigned round = 0; round < 2; round++) {
		struct talk first = talk_begun(), second = talk_begun();

		expect_both_ways(&first);
		expect_both_ways(&second);
		rig_delete(&rig, first.call);
		rig_delete(&rig, second.call);
	}
}

/* ---- addresses of the other family
 * ------------------------------------------------ */

static void start_ipv6(void)
{
	start_with((struct media_rig_settings){
		.host = {[SIDE_GATEWAY] = "[::1]"}});
}

TestSuite(mspool_media_ipv6, .init = start_ipv6, .fini = stop, .timeout = 60);

Test(mspool_media_ipv6, audio_goes_between_ipv4_and_ipv6)
{
	struct talk talk = talk_between("127.0.0.1", "::1");

	apply(&talk);
	expect_both_ways(&talk);
}

/* ---- the engine that works everywhere
 * ---------------------------------------------- */

static void start_epoll(void)
{
	start_with((struct media_rig_settings){.engine = "epoll"});
}

TestSuite(mspool_media_epoll, .init = start_epoll, .fini = stop, .timeout = 60);

Test(mspool_media_epoll, calls_go_on_over_a_kill_there_too)
{
	struct talk talk = talk_begun();

	expect_both_ways(&talk);
	rig_kill(&rig);
	rig_respawn(&rig);
	expect_both_ways(&talk);
}
