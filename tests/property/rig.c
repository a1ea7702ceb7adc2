/* SPDX-License-Identifier: Apache-2.0
 *
 * See rig.h.  A death is a longjmp out of the worker's turn to a successor that
 * adopts the book; the dead one's memory goes with server_leave, as far as it
 * can still be found.  Trap: the worker's static buffers survive, as they would
 * not in a process; nothing may be read from them after a turn.
 */
#include "tests/property/rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "worker/intake.h"
#include "worker/poison.h"
#include "worker/timers.h"

#define WALL_US	 1764000000000000ull
#define START_US 1000000000ull
#define ROUND_US (USEC_PER_MSEC << 26)

struct rig rig;
static uint64_t now_us = START_US, random_state = 1;
static jmp_buf death;

/* Streams: what the turn wants to write leaves after its commit. */
static struct rig_message held[RIG_SENT_MAX];
static unsigned n_held;

static const char config_text[] = "[pool]\n"
				  "fqdn = pool.test\n"
				  "signalling_workers = 1\n"
				  "media_workers = 0\n"
				  "max_book_mb = 8\n"
				  "log_level = error\n"
				  "[listen internal]\n"
				  "udp = 127.0.0.1:5070\n"
				  "tcp = 127.0.0.1:5070\n"
				  "[listen gateway]\n"
				  "udp = 127.0.0.1:5068\n"
				  "tcp = 127.0.0.1:5068\n"
				  "[frontend fe1]\n"
				  "address = 127.0.0.11:5060\n"
				  "transport = udp\n"
				  "[frontend fe2]\n"
				  "address = 127.0.0.12:5060\n"
				  "transport = tcp\n"
				  "[gateway gw1]\n"
				  "address = 127.0.0.41:5060\n"
				  "transport = udp\n"
				  "[gateway gw2]\n"
				  "address = 127.0.0.42:5060\n"
				  "transport = tcp\n"
				  "[route all]\n"
				  "match = .\n"
				  "trunks = gw1, gw2\n"
				  "strategy = round-robin\n";

/* ---- the outer world, replaced ------------------------------------------- */

uint64_t __wrap_clock_boot_us(void);
uint64_t __wrap_clock_wall_us(void);
void __wrap_random_bytes(void *ret_bytes, unsigned n);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags);
int __wrap_book_commit(struct book *book);
int __real_book_commit(struct book *book);
int __wrap_connection_send(struct server *server, struct target *target,
			   struct slice bytes, uint64_t *ret_effect);

uint64_t __wrap_clock_boot_us(void)
{
	return now_us;
}

uint64_t __wrap_clock_wall_us(void)
{
	return WALL_US + now_us;
}

uint32_t rig_random(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 11) % below;
}

/* What calls saw of peers would decide routes. */
static void forget_evidence(void)
{
	for (unsigned i = 0; i < BOARD_PEERS; i++) {
		struct board_peer *peer = &rig.worker.board->peers[i];

		peer->unreachable_us = 0;
		peer->demoted_us = 0;
		peer->held_until_us = 0;
		peer->good_us = 0;
	}
	rig.worker.round_robin = 0;
}

/* The wheel begins a round of its own, so that ticks fall alike. */
void rig_begin(uint64_t seed)
{
	rig_advance(ROUND_US - now_us % ROUND_US);
	rig_turn();
	forget_evidence();
	rig.fails_streams = rig.lost_streams = false;
	random_state = seed * 0x9e3779b97f4a7c15ull + 0x1234567;
	for (unsigned i = 0; i < 8; i++)
		rig_random(2);
}

bool rig_chance(unsigned percent)
{
	return rig_random(100) < percent;
}

void __wrap_random_bytes(void *ret_bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		((uint8_t *)ret_bytes)[i] = (uint8_t)rig_random(256);
}

static struct rig_message message_of(struct slice bytes, const struct addr *to,
				     uint8_t transport)
{
	struct rig_message message = {.bytes = malloc(bytes.len + 1),
				      .len = bytes.len,
				      .to = *to,
				      .transport = transport};

	must(message.bytes);
	must(bytes.len > 0); /* nothing empty is ever sent */
	memcpy(message.bytes, bytes.ptr, bytes.len);
	message.bytes[bytes.len] = '\0';
	return message;
}

/* PROPERTY_TRACE: the first line, Via, Call-ID and CSeq of all messages. */
static void trace(const char *way, const char *bytes)
{
	static const char *const shown[] = {"Via: ", "Call-ID: ", "CSeq: "};

	if (!getenv("PROPERTY_TRACE"))
		return;
	printf("%12.3f %s %.*s", (double)now_us / 1e6, way,
	       (int)strcspn(bytes, "\r"), bytes);
	for (unsigned i = 0; i < 3; i++) {
		const char *at = strstr(bytes, shown[i]);

		if (at)
			printf(" | %.*s", (int)strcspn(at, "\r"), at);
	}
	printf("\n");
}

static void note_sent(struct rig_message message)
{
	trace("->", message.bytes);
	must(rig.n_sent < RIG_SENT_MAX);
	rig.sent[rig.n_sent++] = message;
}

static void die(void)
{
	longjmp(death, 1);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	(void)fd;
	(void)flags;
	for (unsigned i = 0; i < n; i++) {
		const struct msghdr *head = &messages[i].msg_hdr;
		struct slice bytes = {head->msg_iov->iov_base,
				      head->msg_iov->iov_len};
		struct addr to = {0};

		if (rig.death == DEATH_MID_SEND && rig.sends_left-- == 0)
			die();
		memcpy(&to, head->msg_name, head->msg_namelen);
		note_sent(message_of(bytes, &to, TRANSPORT_UDP));
	}
	if (rig.death == DEATH_AFTER_SEND)
		die();
	return (int)n;
}

static void release_held(bool is_sent)
{
	for (unsigned i = 0; i < n_held; i++) {
		if (is_sent)
			note_sent(held[i]);
		else
			free(held[i].bytes);
	}
	n_held = 0;
}

/* A stream's tail is part of the commit, so it is written exactly once. */
int __wrap_book_commit(struct book *book)
{
	int rc;

	if (rig.death == DEATH_BEFORE_COMMIT)
		die();
	rc = __real_book_commit(book);
	must(rc == 0);
	rig.is_committed = true;
	release_held(true);
	if (rig.death == DEATH_AFTER_COMMIT)
		die();
	return rc;
}

uint64_t rig_connection(const struct addr *peer)
{
	return (uint64_t)1 << 48 | (addr_hash(peer) & 0xffffffff) | 1;
}

int __wrap_connection_send(struct server *server, struct target *target,
			   struct slice bytes, uint64_t *ret_effect)
{
	(void)server;
	*ret_effect = 0;
	if (rig.fails_streams) {
		rig.lost_streams = true;
		return -ECONNREFUSED;
	}
	target->connection = rig_connection(&target->addr);
	must(n_held < RIG_SENT_MAX);
	held[n_held++] = message_of(bytes, &target->addr, TRANSPORT_TCP);
	/* the real one marks a stream record, so that there is a commit */
	server->is_dirty = true;
	book_put_intake(server->book, 'c', target->connection, 1);
	return 0;
}

/* ---- a process's life ---------------------------------------------------- */

static void give_sockets(struct server *server)
{
	const struct config *config = rig.worker.child.config;

	for (unsigned i = 0; i < config->n_listeners; i++) {
		const struct config_listener *at = &config->listeners[i];
		struct message_listener head = {
			.book = 1,
			.side = (uint8_t)at->side,
			.transport = (uint8_t)at->transport,
			.listener = at->id,
			.bound = at->address,
		};
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		must(fd >= 0 && server_add_socket(server, &head, fd) == 0);
	}
}

static void serve(void)
{
	struct worker *worker = &rig.worker;

	worker->now_us = now_us;
	worker->wheel = wheel_new(now_us);
	must(worker->wheel);
	worker->effect_sent_before = worker->board->effect_sent;
	poison_start(worker);
	worker->board->calls = 0;
	worker->board->calls_early = 0;
	for (unsigned i = 0; i < BOARD_PEERS; i++)
		worker->board->peers[i].calls = 0;
	rig.server = server_get(worker, 1);
	give_sockets(rig.server);
	must(server_serve(rig.server, ++rig.epoch) == 0);
}

/* What ended in the turn that nobody finished is in no list but these. */
static void drop_gone(struct turn *turn)
{
	struct tx *next_tx;
	struct call *next_call;

	for (struct tx *tx = turn->dirty_txs; tx; tx = next_tx) {
		next_tx = tx->next_dirty;
		if (tx->is_gone)
			tx_free(tx);
	}
	for (struct call *call = turn->dirty_calls; call; call = next_call) {
		next_call = call->next_dirty;
		if (call->is_gone)
			call_free(call);
	}
	turn->dirty_calls = NULL;
	turn->dirty_txs = NULL;
}

static void succeed(void)
{
	struct worker *worker = &rig.worker;

	rig.n_deaths++;
	trace("death", rig.is_committed ? "committed" : "not committed");
	rig.death = DEATH_NONE;
	release_held(false);
	drop_gone(&worker->turn);
	server_leave(rig.server);
	turn_done(&worker->turn);
	worker->turn = (struct turn){0};
	worker->had_input = false;
	wheel_free(worker->wheel);
	rig_advance(rig_random(50000));
	serve();
}

void rig_start(void)
{
	struct worker *worker = &rig.worker;
	const uint8_t books[] = {1};
	struct steer_board *steer;
	struct config_report report = {0};
	char path[256], *text = NULL;

	rig.run_dir = scratch_make();
	snprintf(path, sizeof(path), "%s/pool.ini", rig.run_dir);
	scratch_write("pool.ini", config_text);
	if (config_load_file(path, &worker->child.config, &text, &report)) {
		fputs(report.text, stderr);
		must(!"the configuration is good");
	}
	free(text);
	config_report_done(&report);
	worker->child.run_dir = rig.run_dir;
	worker->child.slot = (struct slot_id){SLOT_SIGNALLING, 1};
	worker->child.loop = loop_new();
	must(worker->child.loop);
	for (unsigned i = 0; i <= BOOK_MAX; i++)
		worker->bells[i] = -1;
	for (unsigned i = 0; i <= MEDIA_SLOT_MAX; i++)
		worker->media_bells[i] = -1;
	must(board_own(rig.run_dir, worker->child.slot, &worker->board) == 0);
	must(figures_own(rig.run_dir, worker->child.slot, &worker->figures) ==
	     0);
	must(pool_table_open(rig.run_dir, true, &worker->health.pool) == 0);
	must(steer_board_own(rig.run_dir, &steer) == 0);
	steer_board_spread(steer, books, 1, now_us);
	worker->steer = steer;
	worker->rules = route_rules_new(worker->child.config);
	must(worker->rules);
	log_open(&(struct log_settings){.who = "property",
					.level = LOG_LVL_ERROR});
	serve();
}

void rig_stop(void)
{
	server_leave(rig.server);
	scratch_remove();
}

void rig_advance(uint64_t us)
{
	now_us += us;
	rig.worker.now_us = now_us;
}

static uint16_t listener_of(enum listener_side side, enum transport transport)
{
	const struct config *config = rig.worker.child.config;

	for (unsigned i = 0; i < config->n_listeners; i++)
		if (config->listeners[i].side == side &&
		    config->listeners[i].transport == transport)
			return config->listeners[i].id;
	must(!"there is a listener");
	return 0;
}

void rig_take(struct slice bytes, const struct addr *from,
	      enum transport transport, enum listener_side side)
{
	static char buffer[SIP_MESSAGE_MAX + 1];
	struct arrival arrival = {
		.server = rig.server,
		.bytes = buffer,
		.len = bytes.len,
		.from = {.transport = (uint8_t)transport,
			 .listener = listener_of(side, transport),
			 .connection = transport == TRANSPORT_UDP
					       ? 0
					       : rig_connection(from),
			 .addr = *from},
	};

	memcpy(buffer, bytes.ptr, bytes.len);
	trace("<-", bytes.ptr);
	intake_message(&arrival);
}

static void live(void)
{
	timers_run(&rig.worker);
	turn_end(&rig.worker);
}

void rig_turn(void)
{
	bool was_committed;

	rig.is_committed = rig.has_died = false;
	rig.n_turns++;
	if (setjmp(death)) {
		was_committed = rig.is_committed;
		succeed();
		live(); /* its first turn, at once */
		rig.is_committed = was_committed;
		rig.has_died = true;
	} else {
		live();
	}
	rig.death = DEATH_NONE;
	rig.worker.had_input = false;
}

void rig_forget_sent(void)
{
	for (unsigned i = 0; i < rig.n_sent; i++)
		free(rig.sent[i].bytes);
	rig.n_sent = 0;
}
