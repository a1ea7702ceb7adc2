/* SPDX-License-Identifier: Apache-2.0
 *
 * What the streams of a media worker may lose when it is killed: a packet that
 * was on its way through it, and nothing else.  Numbered packets are compared
 * one by one; nothing is timed, so a busy machine changes no result.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "rtp/packet.h"
#include "tests/support/media_rig.h"

#define N_CALLS	    60 /* dense enough for the engine's dense turns */
#define N_FLOWS	    (2 * N_CALLS)
#define N_KILLS	    8
#define QUIET_MS    500	 /* nothing more is coming */
#define PATIENCE_MS 8000 /* for what must come */

/* What a party sends, and what arrives of it at the party of the other leg. */
struct flow {
	int fd; /* the sender's socket */
	struct addr at, relay;
	uint16_t next, heard; /* sequence to be sent; behind the last heard */
	unsigned n_heard;
};

static struct media_rig rig;
static struct flow flows[N_FLOWS]; /* 2i the caller's of call i, 2i + 1 */
static uint64_t calls[N_CALLS];
/* Its own: ports that nobody holds must not go to another test's pool. */
static char host[32];

static struct flow *other(const struct flow *flow)
{
	return &flows[(flow - flows) ^ 1];
}

/* ---- packets ------------------------------------------------------------- */

static struct rtp_view view_of(const struct flow *flow, uint16_t sequence)
{
	return (struct rtp_view){
		.sequence = sequence,
		.timestamp = sequence * 160u,
		.ssrc = 0x5000 + (uint32_t)(flow - flows),
	};
}

static void say(struct flow *flow)
{
	struct rtp_view view = view_of(flow, flow->next++);
	uint8_t packet[172] = {0};

	rtp_write_head(packet, &view);
	cr_assert_eq(sendto(flow->fd, packet, sizeof(packet), 0,
			    &flow->relay.sa, addr_len(&flow->relay)),
		     (ssize_t)sizeof(packet), "%s", strerror(errno));
}

static void all_say(void)
{
	for (unsigned i = 0; i < N_FLOWS; i++)
		say(&flows[i]);
}

/* At the other party: from the port that this party sends to, the same SSRC,
 * later than everything before. */
static void hear(struct flow *flow, const uint8_t *packet, size_t len,
		 const struct addr *source)
{
	struct rtp_view view, sent;

	cr_assert_eq(rtp_parse(packet, len, &view), 0);
	sent = view_of(flow, view.sequence);
	cr_assert_eq(view.ssrc, sent.ssrc);
	cr_assert_eq(view.timestamp, sent.timestamp);
	cr_assert(addr_is_same(source, &other(flow)->relay));
	cr_assert_geq(view.sequence, flow->heard, "doubled or out of order");
	flow->heard = (uint16_t)(view.sequence + 1);
	flow->n_heard++;
}

static unsigned hear_what_is_there(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_FLOWS; i++) {
		uint8_t packet[2048];
		struct addr source;
		socklen_t size = sizeof(source);
		ssize_t len;

		while ((len = recvfrom(flows[i].fd, packet, sizeof(packet),
				       MSG_DONTWAIT, &source.sa, &size)) > 0) {
			hear(other(&flows[i]), packet, (size_t)len, &source);
			size = sizeof(source);
			n++;
		}
	}
	return n;
}

static bool is_all_heard(void)
{
	for (unsigned i = 0; i < N_FLOWS; i++)
		if (flows[i].heard != flows[i].next)
			return false;
	return true;
}

/* Until the last packet of everybody is heard, or nothing more comes. */
static void hear_all(void)
{
	for (unsigned ms = 0; ms < QUIET_MS && !is_all_heard(); ms++) {
		if (hear_what_is_there())
			ms = 0;
		rig_pump(&rig, 1);
	}
}

/* ---- calls --------------------------------------------------------------- */

static void open_party(struct flow *flow)
{
	socklen_t len = sizeof(flow->at);

	addr_parse_host(slice_of(host), 0, &flow->at);
	flow->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(flow->fd, &flow->at.sa, addr_len(&flow->at)), 0);
	cr_assert_eq(getsockname(flow->fd, &flow->at.sa, &len), 0);
	flow->next = flow->heard = 100;
}

static void start_calls(void)
{
	for (unsigned i = 0; i < N_CALLS; i++) {
		struct flow *flow = &flows[2 * i];
		struct media_wish wish;

		open_party(&flow[0]);
		open_party(&flow[1]);
		wish = rig_wish(&rig, &flow[0].at, &flow[1].at);
		calls[i] = rig_put(&rig, 0, &wish);
		flow[0].relay = wish.side[LEG_A].local;
		flow[1].relay = wish.side[LEG_B].local;
	}
	cr_assert(rig_is_applied(&rig, calls[N_CALLS - 1], 1));
}

static void start_with(const char *engine)
{
	struct media_rig_settings settings = {
		.engine = engine,
		.host = {host, host},
		.port_min = 24000,
		.port_max = 25999,
	};

	snprintf(host, sizeof(host), "127.%d.%d.81", 64 + getpid() / 250 % 128,
		 getpid() % 250);
	rig_start(&rig, &settings);
	start_calls();
}

static void start(void)
{
	start_with(NULL);
}

static void start_epoll(void)
{
	start_with("epoll");
}

static void stop(void)
{
	rig_stop(&rig);
}

/* All is heard; then one packet of everybody is on its way, the worker dies
 * somewhere among them, and two more come while nobody serves. */
static void die_among_packets(unsigned wait_us)
{
	all_say();
	usleep(wait_us);
	rig_kill(&rig);
	all_say();
	all_say();
	rig_respawn(&rig);
	hear_all();
	cr_assert(is_all_heard(), "what came after the kill is not lost");
}

static void kill_often(void)
{
	unsigned n_sent = 0;

	for (unsigned i = 0; i < N_KILLS; i++) {
		for (unsigned n = 0; n < 3; n++)
			all_say();
		hear_all();
		cr_assert(is_all_heard());
		die_among_packets(i * 200);
		n_sent += 6;
		for (unsigned flow = 0; flow < N_FLOWS; flow++)
			cr_assert_geq(flows[flow].n_heard + i + 1, n_sent,
				      "at most one packet is lost a kill");
	}
	cr_expect_eq(rig_told(&rig, 100), 0, "no call is dead");
}

TestSuite(media_kill, .init = start, .fini = stop, .timeout = 120);

Test(media_kill, a_stream_loses_at_most_the_packet_that_was_on_its_way)
{
	kill_often();
}

/* A worker that hangs is killed, too: what came meanwhile is relayed. */
Test(media_kill, a_hung_worker_leaves_what_it_did_not_read)
{
	hear_all();
	kill(rig.pid, SIGSTOP);
	cr_assert_eq(waitpid(rig.pid, NULL, WUNTRACED), rig.pid);
	all_say();
	all_say();
	rig_kill(&rig);
	all_say();
	rig_respawn(&rig);
	hear_all();
	cr_expect(is_all_heard());
	for (unsigned i = 0; i < N_FLOWS; i++)
		cr_expect_eq(flows[i].n_heard, 3);
}

static uint64_t packets_in(unsigned call, enum leg_side leg)
{
	return atomic_load(&rig_row(&rig, calls[call])->side[leg].packets_in);
}

static void expect_figures(uint64_t n)
{
	for (unsigned i = 0; i < N_CALLS; i++) {
		const struct stream_row *row = rig_row(&rig, calls[i]);

		cr_assert_not_null(row);
		cr_expect_eq(row->is_dead, 0);
		cr_expect_eq(packets_in(i, LEG_A), n, "call %u: %u", i,
			     (unsigned)packets_in(i, LEG_A));
		cr_expect_eq(packets_in(i, LEG_B), n, "call %u: %u", i,
			     (unsigned)packets_in(i, LEG_B));
		cr_expect_eq(atomic_load(&row->side[LEG_A].lost), 0);
	}
}

static uint64_t turns(void)
{
	return atomic_load(&rig.board->counters[COUNTER_turns]);
}

/* Until every stream is there, by the page of the process that lives now. */
static void await_ports(void)
{
	uint64_t before = turns();
	unsigned ms;

	for (ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (turns() > before + 1 &&
		    atomic_load(&rig.board->streams) == N_CALLS)
			break;
		rig_pump(&rig, 10);
	}
	cr_assert_lt(ms, PATIENCE_MS);
}

Test(media_kill, after_the_whole_pools_death_streams_are_on_their_ports_again)
{
	all_say();
	hear_all();
	expect_figures(1);
	rig_kill(&rig);
	rig_forget_sockets(&rig);
	rig_respawn(&rig);
	await_ports();
	all_say();
	hear_all();
	cr_expect(is_all_heard());
	expect_figures(2);
	cr_expect_eq(rig_told(&rig, 100), 0, "no call is dead");
	/* Ports on offer are no call's. */
	for (unsigned n = 0; n < 40; n++) {
		uint16_t port = rig_take_port(&rig, SIDE_INTERNAL);

		cr_assert_neq(port, 0);
		for (unsigned i = 0; i < N_FLOWS; i++)
			cr_assert_neq(port, addr_port(&flows[i].relay));
	}
}

/* Its ports are bound by nobody then, and its wish has no version yet. */
Test(media_kill, after_the_whole_pools_death_a_call_in_set_up_keeps_its_ports)
{
	struct media_wish wish = rig_wish(&rig, &flows[0].at, &flows[1].at);

	wish.version = 0;
	rig_put(&rig, 0, &wish);
	rig_kill(&rig);
	rig_forget_sockets(&rig);
	rig_respawn(&rig);
	for (unsigned n = 0; n < 150; n++)
		for (unsigned side = 0; side < RIG_SIDES; side++) {
			uint16_t port = rig_take_port(&rig, side);

			cr_assert_neq(port, 0);
			for (unsigned leg = 0; leg < N_LEGS; leg++)
				cr_assert_neq(port,
					      addr_port(&wish.side[leg].local));
		}
}

/* As when the kernel still works off the dead worker's io_uring: the ports are
 * busy for a while. */
Test(media_kill, busy_ports_are_waited_for)
{
	all_say();
	hear_all();
	rig_kill(&rig);
	rig.is_forgetful = true;
	rig_respawn(&rig);
	rig_pump(&rig, 100);
	cr_expect_eq(atomic_load(&rig.board->streams), 0);
	rig_forget_sockets(&rig);
	await_ports();
	all_say();
	hear_all();
	cr_expect(is_all_heard());
	expect_figures(2);
	cr_expect_eq(rig_told(&rig, 100), 0, "no call is dead");
}

Test(media_kill, a_port_that_stays_busy_ends_its_call)
{
	rig_kill(&rig);
	rig.is_forgetful = true;
	rig_respawn(&rig);
	cr_expect_neq(rig_told(&rig, PATIENCE_MS), 0);
}

/* ---- offers ------------------------------------------------------------- */

#define BOOK_2	   2
#define N_TAKEN	   100	/* more than lie in a ring */
#define AT_ONCE_MS 1500 /* a busy port is waited for longer, 2 s */

static struct ring *look_2, *told_2, *ports_2[RIG_SIDES];

static void open_ring(enum ring_kind kind, unsigned from, unsigned to,
		      struct ring **ret_ring)
{
	cr_assert_eq(ring_create(rig.run_dir, kind, from, to, 65536), 0);
	cr_assert_eq(ring_open(rig.run_dir, kind, from, to, ret_ring), 0);
}

/* Another Mediation Server, whom the next media worker finds. */
static void open_book_2(void)
{
	struct slot_record slot = {
		.head = {SLOT_VERSION, RECORD_SLOT, sizeof(slot)},
		.slot = {SLOT_SIGNALLING, BOOK_2},
		.state = SLOT_UP,
		.served_by = {SLOT_SIGNALLING, BOOK_2},
	};

	cr_assert_eq(pool_table_put_slot(rig.pool, &slot), 0);
	open_ring(RING_LOOK, BOOK_2, RIG_SLOT, &look_2);
	open_ring(RING_TOLD, RIG_SLOT, BOOK_2, &told_2);
	for (unsigned side = 0; side < RIG_SIDES; side++)
		open_ring(RING_PORTS_INTERNAL + side, RIG_SLOT, BOOK_2,
			  &ports_2[side]);
}

/* The next port of a ring; 0: none. */
static uint16_t take(struct ring *ring)
{
	struct ring_port port;
	struct slice entry;
	uint64_t position;

	if (ring_take(ring, &entry, &position))
		return 0;
	memcpy(&port, entry.ptr, sizeof(port));
	return port.port;
}

/* Its socket is not the media worker's any more, and not free. */
static int make_busy(uint16_t port)
{
	struct addr at;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (unsigned i = 0; i < rig.n_sockets; i++) {
		if (rig.sockets[i].name.port / 2 != port / 2)
			continue;
		close(rig.sockets[i].fd);
		rig.sockets[i].fd = -1;
	}
	addr_parse_host(slice_of(host), port, &at);
	/* The kernel may still work off the dead one's io_uring. */
	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		if (bind(fd, &at.sa, addr_len(&at)) == 0)
			return fd;
		usleep(1000);
	}
	cr_assert(0, "port %u: %s", port, strerror(errno));
	return -1;
}

/* Both books get more ports than their rings held, none of them `busy`. */
static void expect_ports(uint16_t busy)
{
	struct ring *const rings[] = {rig.ports[SIDE_GATEWAY],
				      ports_2[SIDE_INTERNAL],
				      ports_2[SIDE_GATEWAY]};
	unsigned n[3] = {0};

	for (unsigned ms = 0; ms < AT_ONCE_MS; ms++) {
		for (unsigned i = 0; i < 3; i++) {
			uint16_t port;

			while ((port = take(rings[i]))) {
				cr_assert_neq(port, busy);
				n[i]++;
			}
			ring_release(rings[i]);
		}
		if (n[0] > N_TAKEN && n[1] > N_TAKEN && n[2] > N_TAKEN)
			return;
		rig_pump(&rig, 1);
	}
	cr_assert(0, "ports of three rings in time: %u %u %u", n[0], n[1],
		  n[2]);
}

static void respawn_with_book_2(void)
{
	open_book_2();
	rig_kill(&rig);
	rig_respawn(&rig);
	for (unsigned ms = 0;
	     ms < PATIENCE_MS && ring_is_empty(ports_2[SIDE_GATEWAY]); ms++)
		rig_pump(&rig, 1);
	rig_pump(&rig, 100); /* what it holds is told */
}

Test(media_kill, a_busy_port_on_offer_holds_back_no_other)
{
	uint16_t busy;
	int stranger;

	respawn_with_book_2();
	busy = take(rig.ports[SIDE_INTERNAL]);
	cr_assert_neq(busy, 0);
	rig_kill(&rig);
	stranger = make_busy(busy);
	rig_respawn(&rig);
	expect_ports(busy);
	/* It is waited for, and then is on offer where it was. */
	close(stranger);
	rig_pump(&rig, 200);
	stranger = socket(AF_INET, SOCK_DGRAM, 0);
	addr_parse_host(slice_of(host), busy, &flows[0].at);
	cr_expect_neq(bind(stranger, &flows[0].at.sa, addr_len(&flows[0].at)),
		      0, "the media worker has it");
}

Test(media_kill, a_call_that_waits_for_a_busy_port_holds_back_no_offers)
{
	uint16_t busy = addr_port(&flows[0].relay);
	int stranger;

	respawn_with_book_2();
	rig_kill(&rig);
	stranger = make_busy(busy);
	rig_respawn(&rig);
	expect_ports(busy);
	expect_ports(addr_port(&flows[1].relay));
	cr_expect_eq(atomic_load(&rig.board->streams), N_CALLS - 1);
	close(stranger);
	await_ports();
	all_say();
	hear_all();
	cr_expect(is_all_heard());
	cr_expect_eq(rig_told(&rig, 100), 0, "no call is dead");
}

TestSuite(media_kill_epoll, .init = start_epoll, .fini = stop, .timeout = 120);

Test(media_kill_epoll, a_stream_loses_at_most_the_packet_that_was_on_its_way)
{
	kill_often();
}
