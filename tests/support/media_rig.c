/* SPDX-License-Identifier: Apache-2.0
 *
 * See media_rig.h.  Used by tests/integration/test_media.c and
 * tests/bench/media_harness.c.
 */
#include "tests/support/media_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "shm/record.h"

#define RING_SIZE   65536
#define MAP_SIZE    (64u << 20)
#define PATIENCE_MS 5000

_Noreturn static void rig_die(const char *what, int error)
{
	fprintf(stderr, "media rig: %s: %s\n", what, strerror(error));
	exit(99);
}

static void rig_need(const char *what, int result)
{
	if (result < 0)
		rig_die(what, result == -1 ? errno : -result);
}

/* ---- the master's half
 * -------------------------------------------------------- */

static void on_media_ready(void *arg, const union message_payload *payload,
			   int fd)
{
	struct media_rig *rig = arg;

	(void)payload;
	(void)fd;
	rig->is_ready = true;
}

static void on_media_let_go(void *arg, const union message_payload *payload,
			    int fd)
{
	struct media_rig *rig = arg;

	(void)payload;
	(void)fd;
	rig->has_let_go = true;
}

static void on_media_hold_rtp(void *arg, const union message_payload *payload,
			      int fd)
{
	struct media_rig *rig = arg;

	if (rig->n_sockets == rig->max_sockets) {
		rig->max_sockets = rig->max_sockets ? 2 * rig->max_sockets : 64;
		rig->sockets = realloc(
			rig->sockets, rig->max_sockets * sizeof(*rig->sockets));
		if (!rig->sockets)
			rig_die("sockets", ENOMEM);
	}
	rig->sockets[rig->n_sockets++] =
		(struct rig_socket){payload->rtp_socket, fd};
}

static void on_media_release_rtp(void *arg,
				 const union message_payload *payload, int fd)
{
	struct media_rig *rig = arg;

	(void)fd;
	for (unsigned i = 0; i < rig->n_sockets; i++) {
		struct rig_socket *held = &rig->sockets[i];

		if (held->fd >= 0 && memcmp(&held->name, &payload->rtp_socket,
					    sizeof(held->name)) == 0) {
			close(held->fd);
			held->fd = -1;
		}
	}
}

static const struct inbox_row rig_inbox[] = {
	{MESSAGE_READY, on_media_ready},
	{MESSAGE_LET_GO, on_media_let_go},
	{MESSAGE_HOLD_RTP, on_media_hold_rtp},
	{MESSAGE_RELEASE_RTP, on_media_release_rtp},
	{MESSAGE_NONE, NULL},
};

void rig_pump(struct media_rig *rig, unsigned ms)
{
	uint64_t until_us = clock_boot_us() + ms * USEC_PER_MSEC;

	do {
		struct pollfd wait = {
			.fd = rig->channel ? channel_fd(rig->channel) : -1,
			.events = POLLIN,
		};

		poll(&wait, 1, 1);
		if (rig->channel && wait.revents)
			channel_read(rig->channel, rig_inbox, rig,
				     &(unsigned){0});
	} while (clock_boot_us() < until_us);
}

static size_t rig_config_text(const struct media_rig *rig, char **ret_text)
{
	const struct media_rig_settings *settings = &rig->settings;
	size_t size;
	FILE *to = open_memstream(ret_text, &size);

	if (!to)
		rig_die("configuration", errno);
	fprintf(to,
		"[pool]\nfqdn = rig.example.com\nsignalling_workers = 1\n"
		"media_workers = 1\nrun_dir = %s\nlog_level = warning\n"
		"[listen internal]\nudp = %s:5070\n"
		"[listen gateway]\nudp = %s:5068\n"
		"[media]\nports = %u-%u\n"
		"[frontend fe1]\naddress = %s:5060\ntransport = udp\n"
		"[gateway gw1]\naddress = %s:5066\ntransport = udp\n",
		rig->run_dir, settings->host[0], settings->host[1],
		settings->port_min, settings->port_max, settings->host[0],
		settings->host[1]);
	fclose(to);
	return size;
}

static void rig_send(struct media_rig *rig, enum message message,
		     const void *payload, int fd)
{
	rig_need("channel", channel_send(rig->channel, message, payload, fd));
}

static void rig_send_config(struct media_rig *rig)
{
	int fd = memfd_create("pool.ini", MFD_CLOEXEC);
	struct message_config head = {.generation = 1};
	char *text;

	rig_need("memfd", fd);
	head.size = (uint32_t)rig_config_text(rig, &text);
	rig_need("write", (int)write(fd, text, head.size));
	rig_send(rig, MESSAGE_CONFIG, &head, fd);
	free(text);
	close(fd);
}

static void rig_send_bell(struct media_rig *rig, struct slot_id slot, int fd)
{
	rig_send(rig, MESSAGE_DOORBELL, &(struct message_doorbell){slot}, fd);
}

static void rig_exec(struct media_rig *rig, int channel_end)
{
	if (rig->settings.engine)
		setenv("MSPOOL_MEDIA_ENGINE", rig->settings.engine, 1);
	if (channel_end == CHILD_CHANNEL_FD)
		fcntl(channel_end, F_SETFD, 0);
	else
		dup2(channel_end, CHILD_CHANNEL_FD);
	execl(rig->settings.program, "mspool-media", rig->name, rig->run_dir,
	      NULL);
	_exit(127);
}

static void rig_send_sockets(struct media_rig *rig)
{
	struct message_rtp_sockets batch = {.fds = {.n = 0}};

	for (unsigned i = 0; i < rig->n_sockets; i++) {
		if (rig->sockets[i].fd < 0)
			continue;
		batch.fds.fd[batch.fds.n] = rig->sockets[i].fd;
		batch.name[batch.fds.n++] = rig->sockets[i].name;
		if (batch.fds.n < MESSAGE_FDS_MAX)
			continue;
		rig_send(rig, MESSAGE_RTP_SOCKETS, &batch, -1);
		batch.fds.n = 0;
	}
	if (batch.fds.n)
		rig_send(rig, MESSAGE_RTP_SOCKETS, &batch, -1);
}

void rig_respawn(struct media_rig *rig)
{
	const struct slot_id self = {SLOT_MEDIA, RIG_SLOT};
	int ends[2];

	rig_need("socketpair",
		 socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	rig->pid = fork();
	rig_need("fork", rig->pid);
	if (rig->pid == 0)
		rig_exec(rig, ends[1]);
	close(ends[1]);
	channel_free(rig->channel); /* of one that ended by itself */
	rig->channel = channel_new(ends[0]);
	rig->is_ready = false;
	rig_send_config(rig);
	if (!rig->is_forgetful)
		rig_send_sockets(rig);
	rig_send_bell(rig, (struct slot_id){SLOT_SIGNALLING, RIG_BOOK},
		      rig->bell_book);
	rig_send_bell(rig, self, rig->bell_media);
	rig_send(rig, MESSAGE_SERVE_MEDIA, &(struct message_slot){self}, -1);
	for (unsigned ms = 0; !rig->is_ready && ms < PATIENCE_MS; ms++) {
		channel_flush(rig->channel);
		rig_pump(rig, 1);
	}
	if (!rig->is_ready)
		rig_die("the media worker is not ready", ETIMEDOUT);
}

void rig_kill(struct media_rig *rig)
{
	if (rig->pid) {
		kill(rig->pid, SIGKILL);
		waitpid(rig->pid, NULL, 0);
		rig->pid = 0;
		/* What it sent before it died counts: a socket held is held. */
		rig_pump(rig, 1);
	}
	rig->channel = channel_free(rig->channel);
}

void rig_forget_sockets(struct media_rig *rig)
{
	for (unsigned i = 0; i < rig->n_sockets; i++)
		if (rig->sockets[i].fd >= 0)
			close(rig->sockets[i].fd);
	rig->n_sockets = 0;
}

void rig_abandon(struct media_rig *rig)
{
	rig_pump(rig, 50);
	rig->channel = channel_free(rig->channel);
}

int rig_retire(struct media_rig *rig, unsigned slot)
{
	const struct message_slot note = {{SLOT_MEDIA, (uint8_t)slot}};
	int status;

	rig_send(rig, MESSAGE_RETIRE, &note, -1);
	for (unsigned ms = 0; ms < 2000 && !rig->has_let_go; ms++) {
		if (waitpid(rig->pid, &status, WNOHANG) == rig->pid) {
			rig->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		}
		rig_pump(rig, 1);
	}
	return -1;
}

/* ---- the shared state
 * --------------------------------------------------------- */

static void rig_make_slots(struct media_rig *rig)
{
	struct slot_record slot = {
		.head = {SLOT_VERSION, RECORD_SLOT, sizeof(slot)},
		.slot = {SLOT_SIGNALLING, RIG_BOOK},
		.state = SLOT_UP,
		.served_by = {SLOT_SIGNALLING, RIG_BOOK},
	};

	rig_need("pool table", pool_table_open(rig->run_dir, true, &rig->pool));
	rig_need("slot", pool_table_put_slot(rig->pool, &slot));
}

static void rig_make_ring(struct media_rig *rig, enum ring_kind kind,
			  unsigned from, unsigned to, struct ring **ring)
{
	rig_need("ring", ring_create(rig->run_dir, kind, from, to, RING_SIZE));
	rig_need("ring", ring_open(rig->run_dir, kind, from, to, ring));
}

static void rig_make_rings(struct media_rig *rig)
{
	rig_make_ring(rig, RING_LOOK, RIG_BOOK, RIG_SLOT, &rig->look);
	rig_make_ring(rig, RING_TOLD, RIG_SLOT, RIG_BOOK, &rig->told);
	for (unsigned side = 0; side < RIG_SIDES; side++)
		rig_make_ring(rig, RING_PORTS_INTERNAL + side, RIG_SLOT,
			      RIG_BOOK, &rig->ports[side]);
}

static void rig_apply_defaults(struct media_rig_settings *settings)
{
	if (!settings->program)
		settings->program = getenv("MSPOOL_MEDIA_PROGRAM");
	if (!settings->program)
		settings->program = "media/mspool-media";
	for (unsigned side = 0; side < RIG_SIDES; side++)
		if (!settings->host[side])
			settings->host[side] = "127.0.0.1";
}

/* We hold a duplicate of every socket. */
static void rig_raise_limit(void)
{
	struct rlimit limit;

	rig_need("limit", getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	rig_need("limit", setrlimit(RLIMIT_NOFILE, &limit));
}

void rig_start(struct media_rig *rig, const struct media_rig_settings *settings)
{
	struct book_settings book = {
		.run_dir = rig->run_dir,
		.index = RIG_BOOK,
		.epoch = 1,
		.map_size = MAP_SIZE,
	};

	rig_raise_limit();
	*rig = (struct media_rig){.settings = *settings, .name = "mw1"};
	rig_apply_defaults(&rig->settings);
	snprintf(rig->run_dir, sizeof(rig->run_dir),
		 "/dev/shm/mspool-rig-XXXXXX");
	if (!mkdtemp(rig->run_dir))
		rig_die("run folder", errno);
	rig_make_slots(rig);
	rig_make_rings(rig);
	rig_need("book", book_own(&book, &rig->book));
	rig->bell_book = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rig->bell_media = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rig_respawn(rig);
	rig_need("stream board",
		 stream_board_open(rig->run_dir, RIG_SLOT, &rig->streams));
	rig_need("board", board_open(rig->run_dir,
				     (struct slot_id){SLOT_MEDIA, RIG_SLOT},
				     &rig->board));
}

void rig_stop(struct media_rig *rig)
{
	char command[128];

	rig_kill(rig);
	for (unsigned i = 0; i < rig->n_sockets; i++)
		if (rig->sockets[i].fd >= 0)
			close(rig->sockets[i].fd);
	free(rig->sockets);
	snprintf(command, sizeof(command), "rm -rf '%s'", rig->run_dir);
	if (system(command))
		fprintf(stderr, "media rig: %s is left\n", rig->run_dir);
}

/* ---- the Mediation Server's half
 * ------------------------------------------------ */

uint16_t rig_take_port(struct media_rig *rig, enum listener_side side)
{
	struct ring_port port;
	struct slice entry;
	uint64_t position;

	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		if (ring_take(rig->ports[side], &entry, &position) == 0) {
			memcpy(&port, entry.ptr, sizeof(port));
			return port.port;
		}
		ring_release(rig->ports[side]);
		rig_pump(rig, 1);
	}
	return 0;
}

void rig_release_ports(struct media_rig *rig)
{
	for (unsigned side = 0; side < RIG_SIDES; side++)
		ring_release(rig->ports[side]);
}

static void rig_set_side(struct media_rig *rig, struct media_side *side,
			 enum listener_side which, const struct addr *peer)
{
	*side = (struct media_side){
		.side = (uint8_t)which,
		.remote = *peer,
		.remote_rtcp = *peer,
		.flow = MEDIA_TAKE | MEDIA_GIVE,
		.codec = "PCMU",
		.clock_rate = 8000,
	};
	addr_set_port(&side->remote_rtcp, (uint16_t)(addr_port(peer) + 1));
	rig_need("media address",
		 addr_parse_host(slice_of(rig->settings.host[which]),
				 rig_take_port(rig, which), &side->local));
}

struct media_wish rig_wish(struct media_rig *rig, const struct addr *peer_a,
			   const struct addr *peer_b)
{
	struct media_wish wish = {.version = 1, .worker = RIG_SLOT, .is_on = 1};

	rig_set_side(rig, &wish.side[LEG_A], SIDE_INTERNAL, peer_a);
	rig_set_side(rig, &wish.side[LEG_B], SIDE_GATEWAY, peer_b);
	return wish;
}

/* Right after a commit: "look again". */
static void rig_ring(struct media_rig *rig, uint64_t call)
{
	struct slice note = {(const char *)&call, sizeof(call)};
	uint64_t one = 1;

	rig_release_ports(rig);
	rig_need("look ring", ring_put(rig->look, &note, 1));
	ring_publish(rig->look);
	if (ring_wants_bell(rig->look))
		rig_need("bell",
			 (int)write(rig->bell_media, &one, sizeof(one)));
}

uint64_t rig_put(struct media_rig *rig, uint64_t call,
		 const struct media_wish *wish)
{
	struct call_record *record =
		record_new(RECORD_CALL, sizeof(struct call_record), 0);

	if (!record)
		rig_die("record", ENOMEM);
	record->id = call ? call : book_new_call(rig->book);
	record->state = CALL_ANSWERED;
	record->wish = *wish;
	book_begin(rig->book);
	book_put_call(rig->book, record);
	rig_need("commit", book_commit(rig->book));
	call = record->id;
	free(record);
	rig_ring(rig, call);
	return call;
}

void rig_delete(struct media_rig *rig, uint64_t call)
{
	book_begin(rig->book);
	book_del_call(rig->book, call);
	rig_need("commit", book_commit(rig->book));
	rig_ring(rig, call);
}

const struct stream_row *rig_row(const struct media_rig *rig, uint64_t call)
{
	return stream_board_find(rig->streams, call);
}

bool rig_is_applied(struct media_rig *rig, uint64_t call, uint32_t version)
{
	for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
		const struct stream_row *row = rig_row(rig, call);

		if (row && atomic_load(&row->version) == version)
			return true;
		rig_pump(rig, 1);
	}
	return false;
}

uint64_t rig_told(struct media_rig *rig, unsigned ms)
{
	struct slice entry;
	uint64_t call = 0, position;

	for (unsigned i = 0; i < ms && !call; i++) {
		if (ring_take(rig->told, &entry, &position) == 0)
			memcpy(&call, entry.ptr, sizeof(call));
		else
			rig_pump(rig, 1);
	}
	ring_release(rig->told);
	return call;
}
