/* SPDX-License-Identifier: Apache-2.0
 *
 * soakgen: front end and gateway of a pool under test, in one process.  Places
 * calls of several kinds at a steady rate whatever becomes of them, behaves at
 * both ends as RFC 3261 wants a user agent to (repeats what is lost over UDP,
 * opens lost connections again), and keeps a book of every call: what it got,
 * how often it arrived, what was wrong.  Started by tests/soak/run, which kills
 * the pool's processes meanwhile.
 *
 * SIGINT: places no more calls.  SIGTERM: tells what is still open, and ends;
 * exit 0 if every call was good.
 *
 * Trap: a B2BUA changes Call-ID and tags, so a call is found by the number
 * dialled (INVITE at the gateway) and by our own tags (all else), both of which
 * hold its index.
 */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/soak/soakgen.h"

struct gen gen;
static volatile sig_atomic_t is_told_to_stop, is_told_to_end;

/* ---- a half's life ------------------------------------------------------- */

struct call *half_call(const struct half *half)
{
	return &gen.calls[(uint64_t)((const char *)half -
				     (const char *)gen.calls) /
			  sizeof(struct call)];
}

uint64_t call_index(const struct call *call)
{
	return (uint64_t)(call - gen.calls);
}

void half_wait(struct half *half, uint64_t us)
{
	wheel_set(gen.wheel, &half->timer, clock_boot_us() + us);
}

void half_settle(struct half *half)
{
	half->pending = PENDING_NONE;
	timer_cancel(&half->timer);
	free(half->bytes);
	half->bytes = NULL;
}

void half_pend(struct half *half, enum pending pending, const char *bytes,
	       size_t len)
{
	bool is_answer =
		pending == PENDING_ANSWER || pending == PENDING_REFUSAL;

	half_settle(half);
	half->pending = (uint8_t)pending;
	half->bytes = malloc(len);
	if (!half->bytes)
		exit(3);
	memcpy(half->bytes, bytes, len);
	half->len = len;
	half->begun_us = clock_boot_us();
	half->wait_us = T1_US;
	half_wait(half, T1_US);
	half->connection =
		wire_send(gen.wire[half->side],
			  is_answer ? half->connection : 0, bytes, len);
}

/* Both halves are done with, or one is and the other never began. */
static void look_at_call(struct call *call)
{
	const struct half *caller = &call->half[CALLER];
	const struct half *callee = &call->half[CALLEE];

	if (caller->state < HALF_ENDED ||
	    (callee->state < HALF_ENDED && callee->state != HALF_IDLE))
		return;
	call->ended_us = clock_boot_us();
	books_tell(call);
}

void half_end(struct half *half)
{
	if (half->state >= HALF_ENDED)
		return;
	half_settle(half);
	half->state = HALF_ENDED;
	half_wait(half, TIMEOUT_US); /* repetitions of the other end */
	look_at_call(half_call(half));
}

static void clear(struct half *half)
{
	half->state = HALF_CLEARED;
	free(half->dialog);
	free(half->invite);
	half->dialog = half->invite = NULL;
}

/* ---- timers -------------------------------------------------------------- */

static const char *const pending_wrong[] = {
	[PENDING_NONE] = "",
	[PENDING_INVITE] = "INVITE was never answered",
	[PENDING_CANCEL] = "CANCEL was never answered",
	[PENDING_BYE] = "BYE was never answered",
	[PENDING_ANSWER] = "no ACK came",
	[PENDING_REFUSAL] = "no ACK of the refusal came",
};

/* Over UDP everything is repeated; over TCP a 200 (RFC 3261 13.3.1.4), and what
 * went down with its connection, but for an INVITE that opens a call: that one
 * a client gives up, or its answer comes over another connection. */
static bool is_to_be_repeated(const struct half *half)
{
	const struct wire *wire = gen.wire[half->side];

	if (!wire_is_tcp(wire) || half->pending == PENDING_ANSWER)
		return true;
	return !wire_is_alive(wire, half->connection) &&
	       (half->pending != PENDING_INVITE || half->cseq > 1);
}

static void repeat(struct half *half)
{
	bool is_invite = half->pending == PENDING_INVITE;

	if (clock_boot_us() - half->begun_us >= TIMEOUT_US) {
		call_wrong(half_call(half), pending_wrong[half->pending]);
		half_end(half);
		return;
	}
	if (is_to_be_repeated(half))
		half->connection =
			wire_send(gen.wire[half->side], half->connection,
				  half->bytes, half->len);
	half->wait_us *= 2;
	if (!is_invite && half->wait_us > T2_US)
		half->wait_us = T2_US;
	half_wait(half, half->wait_us);
}

static void expire(void)
{
	struct timer *timer;

	while ((timer = wheel_expire(gen.wheel, clock_boot_us()))) {
		struct half *half = (struct half *)(void *)timer;

		if (half->state == HALF_ENDED)
			clear(half);
		else if (half->pending)
			repeat(half);
		else if (half->side == CALLER)
			caller_due(half);
		else
			callee_due(half);
	}
}

/* ---- what arrives -------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The half that a tag of ours names ("c12f" caller, "e12f" callee), or NULL. */
static struct half *find_half(struct slice tag)
{
	uint64_t index = 0;

	if (tag.len < 2 || tag.len > 12 || (*tag.ptr != 'c' && *tag.ptr != 'e'))
		return NULL;
	for (size_t i = 1; i < tag.len; i++) {
		int digit = hex_digit(tag.ptr[i]);

		if (digit < 0)
			return NULL;
		index = index << 4 | (uint64_t)digit;
	}
	if (index >= gen.next_call)
		return NULL;
	return &gen.calls[index].half[*tag.ptr == 'c' ? CALLER : CALLEE];
}

static void take_request(enum side side, const struct sip_message *m)
{
	struct half *half = find_half(m->to_tag);

	if (m->method == SIP_OPTIONS) {
		gen.n_options++;
		send_stateless(side, m, 200);
		return;
	}
	if (side == CALLEE && m->method == SIP_INVITE && !m->to_tag.len) {
		callee_invite(m);
		return;
	}
	if (side == CALLEE && m->method == SIP_CANCEL)
		half = callee_find(m);
	if (!half || half->state == HALF_IDLE) {
		gen.n_strangers++;
		if (m->method != SIP_ACK)
			send_stateless(side, m, 481);
	} else if (half->side == CALLER) {
		caller_request(half, m);
	} else {
		callee_request(half, m);
	}
}

static void take_response(const struct sip_message *m)
{
	struct half *half = find_half(m->from_tag);

	if (!half)
		gen.n_strangers++;
	else if (half->side == CALLER)
		caller_response(half, m);
	else
		callee_response(half, m);
}

static void take(char *bytes, size_t len, void *arg)
{
	static struct sip_message m;
	enum side side = arg == gen.wire[CALLER] ? CALLER : CALLEE;
	struct sip_verdict verdict;

	sip_scan(bytes, len, wire_is_tcp(gen.wire[side]), &m, &verdict);
	if (verdict.status)
		gen.n_strangers++;
	else if (m.is_request)
		take_request(side, &m);
	else
		take_response(&m);
}

/* ---- the run ------------------------------------------------------------- */

static const unsigned kind_shares[] = {
#define KIND(name, share, status) share,
#include "tests/soak/kinds.def"
#undef KIND
};

/* Numbers that depend on seed and call only (splitmix64). */
static uint64_t draw(uint64_t index, unsigned which)
{
	uint64_t x = gen.seed + (index * 4 + which + 1) * 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint8_t draw_kind(uint64_t index)
{
	unsigned n = (unsigned)(draw(index, 0) % 100);
	uint8_t kind = 0;

	while (n >= kind_shares[kind])
		n -= kind_shares[kind++];
	return kind;
}

static void place_one(uint64_t index)
{
	struct call *call = &gen.calls[index];
	uint32_t span = gen.hold_max_us - gen.hold_min_us + 1;

	call->kind = draw_kind(index);
	call->ring_us = (uint32_t)(draw(index, 1) % (gen.ring_max_us + 1));
	call->hold_us = gen.hold_min_us + (uint32_t)(draw(index, 2) % span);
	call->half[CALLEE].side = CALLEE;
	gen.n_open++;
	caller_place(call);
}

static uint64_t due_us(void)
{
	return gen.start_us + gen.next_call * gen.gap_ns / 1000;
}

static void place(void)
{
	if (is_told_to_stop)
		gen.n_calls = gen.next_call;
	while (gen.next_call < gen.n_calls && due_us() <= clock_boot_us())
		place_one(gen.next_call++);
}

static void sleep_until_something(void)
{
	struct pollfd fds[2 * WIRE_FDS_MAX];
	unsigned n_fds = 0;
	uint64_t now_us = clock_boot_us();
	uint64_t wait_us = wheel_wait_us(gen.wheel, now_us, 20000);
	struct timespec wait;

	if (gen.next_call < gen.n_calls) {
		uint64_t next_us = due_us();

		next_us = next_us > now_us ? next_us - now_us : 0;
		wait_us = next_us < wait_us ? next_us : wait_us;
	}
	for (unsigned i = 0; i < 2; i++)
		n_fds += wire_poll(gen.wire[i], fds + n_fds);
	wait = (struct timespec){.tv_nsec = (long)wait_us * 1000};
	ppoll(fds, n_fds, &wait, NULL);
}

static void run(void)
{
	bool is_told = false;

	gen.start_us = clock_boot_us();
	while (!is_told_to_end) {
		place();
		for (unsigned i = 0; i < 2; i++)
			wire_take(gen.wire[i], take, gen.wire[i]);
		expire();
		if (!is_told && !gen.n_open && gen.next_call == gen.n_calls) {
			is_told = true;
			books_total();
		}
		sleep_until_something();
	}
	books_tell_rest();
	if (!is_told)
		books_total();
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
	fputs("usage: soakgen -s POOL -g POOL -a OWN -b OWN [-t udp|tcp] "
	      "[-T udp|tcp]\n"
	      "       [-r CALLS/S] [-n CALLS] [-N NUMBER] [-S SEED] [-o FILE]\n"
	      "       [-R RING_MAX_MS] [-h HOLD_MIN_MS] [-H HOLD_MAX_MS]\n"
	      "       [-v FILE]\n"
	      "-s, -a, -t: the front end's side; -g, -b, -T: the gateway's\n",
	      stderr);
	exit(2);
}

static struct addr address(const char *text)
{
	struct addr addr;

	if (!text || addr_parse(slice_of(text), 5060, &addr) < 0)
		usage();
	return addr;
}

static uint32_t milliseconds(const char *text)
{
	return (uint32_t)(strtoul(text, NULL, 10) * USEC_PER_MSEC);
}

static void open_wire(enum side side, const char *transport, const char *own,
		      const char *pool)
{
	struct addr own_addr = address(own), pool_addr = address(pool);

	gen.wire[side] =
		wire_open(strcmp(transport, "tcp") == 0, &own_addr, &pool_addr);
	if (!gen.wire[side]) {
		perror("soakgen: socket");
		exit(3);
	}
}

static void on_signal(int number)
{
	is_told_to_stop = 1;
	is_told_to_end = is_told_to_end || number == SIGTERM;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int main(int argc, char **argv)
{
	const char *words[128] = {
		['t'] = "udp",	['T'] = "udp",	 ['r'] = "10",
		['n'] = "100",	['N'] = "+4930", ['S'] = "1",
		['R'] = "1000", ['h'] = "500",	 ['H'] = "3000"};
	int c;

	while ((c = getopt(argc, argv, "s:g:a:b:t:T:r:n:N:S:o:R:h:H:v:")) !=
	       -1) {
		if (c == '?')
			usage();
		words[c] = optarg;
	}
	gen.run = (unsigned)getpid();
	gen.n_calls = strtoull(words['n'], NULL, 10);
	gen.gap_ns = (uint64_t)(1e9 / atof(words['r']));
	gen.number = words['N'];
	gen.seed = strtoull(words['S'], NULL, 10);
	gen.ring_max_us = milliseconds(words['R']);
	gen.hold_min_us = milliseconds(words['h']);
	gen.hold_max_us = milliseconds(words['H']);
	gen.calls = calloc(gen.n_calls + 1, sizeof(*gen.calls));
	gen.wheel = wheel_new(clock_boot_us());
	if (!gen.calls || !gen.wheel || books_open(words['o']) < 0 ||
	    (words['v'] && wire_trace(words['v']) < 0))
		return 3;
	catch_signals();
	open_wire(CALLEE, words['T'], words['b'], words['g']);
	open_wire(CALLER, words['t'], words['a'], words['s']);
	run();
	return books_are_good() ? 0 : 1;
}
