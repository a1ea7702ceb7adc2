/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker that carries no calls: for tests of the master alone.  It stands
 * beside a copy of mspoold as mspool-worker and mspool-media, speaks the
 * channel, beats, and writes what it was told to RUN/fake.log, one line each.
 * Files in the run folder make it misbehave:
 *
 *   die-SLOT     exits at once when started      mute-SLOT  is never READY
 *   keep-SLOT    never lets go of another's      stay-SLOT  ignores RETIRE
 *   refuse-SLOT  refuses every configuration but the first
 *   hold-SLOT    holds a connection (an RTP socket) when it serves its own
 *   calls-SLOT   the number in it are its calls
 *   lost-SLOT    never comes back to the next master
 *
 * The trap: lines are appended by one write(2) each, so that those of several
 * processes do not mix.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "shm/board.h"

#define BEAT_US (20 * USEC_PER_MSEC)

/* A descriptor, and the message by which a master is made to hold it. */
struct kept {
	enum message hold;
	union message_payload payload;
	int fd;
};

static struct fake {
	struct child child;
	struct board *board;
	struct watch *watch; /* of the channel; NULL without a master */
	struct kept *kept;
	unsigned n_kept;
	uint32_t epoch[BOOK_MAX + 1]; /* of what is served; 0 nothing */
	int bells[BOOK_MAX + MEDIA_SLOT_MAX];
	struct slot_id bell_slots[BOOK_MAX + MEDIA_SLOT_MAX];
	bool is_prober;
	unsigned n_listeners[BOOK_MAX + 1], n_held[BOOK_MAX + 1], n_bells;
	bool is_serving, is_leaving;
} fake;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	char line[256], path[256];
	va_list args;
	int fd, n;

	n = snprintf(line, sizeof(line), "%s ", fake.child.name);
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	snprintf(path, sizeof(path), "%s/fake.log", fake.child.run_dir);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		exit(EXIT_FAILURE);
	close(fd);
}

/* The number in the file, 1 when it is empty, 0 when it is not there. */
static unsigned asked(const char *what)
{
	char path[256], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/%s-%s", fake.child.run_dir, what,
		 fake.child.name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '1';
	close(fd);
	return (unsigned)strtoul(text, NULL, 10);
}

static void answer(enum message message, struct slot_id slot)
{
	struct message_ready ready = {
		.generation = fake.child.generation,
		.slot = slot,
	};

	if (message == MESSAGE_READY && asked("mute"))
		return;
	channel_send(fake.child.channel, message, &ready, -1);
}

static void on_config(void *arg, const union message_payload *payload, int fd)
{
	struct config *old = NULL;

	(void)arg;
	if (fake.child.generation && asked("refuse")) {
		close(fd);
		answer(MESSAGE_CONFIG_REFUSED, fake.child.slot);
		return;
	}
	if (child_take_config(&fake.child, &payload->config, fd, &old) < 0)
		exit(EXIT_FAILURE);
	config_free(old);
	note("config %u", fake.child.generation);
	if (fake.is_serving)
		answer(MESSAGE_READY, fake.child.slot);
}

static void keep(enum message hold, const union message_payload *payload,
		 int fd)
{
	fake.kept =
		reallocarray(fake.kept, fake.n_kept + 1, sizeof(*fake.kept));
	if (!fake.kept)
		exit(EXIT_FAILURE);
	fake.kept[fake.n_kept++] = (struct kept){hold, *payload, fd};
}

static void on_listener(void *arg, const union message_payload *payload, int fd)
{
	(void)arg;
	keep(MESSAGE_HOLD_LISTENER, payload, fd);
	fake.n_listeners[payload->listener.book]++;
}

static void on_connection(void *arg, const union message_payload *payload,
			  int fd)
{
	(void)arg;
	keep(MESSAGE_HOLD_CONNECTION, payload, fd);
	fake.n_held[payload->connection.book]++;
}

static void on_rtp_sockets(void *arg, const union message_payload *payload,
			   int fd)
{
	const struct message_rtp_sockets *sockets = &payload->rtp_sockets;

	(void)arg, (void)fd;
	for (unsigned i = 0; i < sockets->fds.n; i++) {
		union message_payload one = {.rtp_socket = sockets->name[i]};

		keep(MESSAGE_HOLD_RTP, &one, sockets->fds.fd[i]);
		fake.n_held[sockets->name[i].slot]++;
	}
}

static void on_doorbell(void *arg, const union message_payload *payload, int fd)
{
	struct slot_id slot = payload->doorbell.slot;
	unsigned i = 0;

	(void)arg;
	while (i < fake.n_bells && (fake.bell_slots[i].kind != slot.kind ||
				    fake.bell_slots[i].index != slot.index))
		i++;
	if (i < fake.n_bells)
		close(fake.bells[i]);
	else
		fake.n_bells++;
	fake.bells[i] = fd;
	fake.bell_slots[i] = slot;
}

/* One end of a pair is as good as a connection. */
static int open_socket(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		exit(EXIT_FAILURE);
	close(ends[1]);
	return ends[0];
}

static void hold_connections(void)
{
	unsigned n = asked("hold");

	for (unsigned i = 1; i <= n; i++) {
		union message_payload payload = {
			.connection = {
				.connection =
					call_make(fake.child.slot.index, i),
				.book = fake.child.slot.index,
			}};
		int fd = open_socket();

		while (channel_flush(fake.child.channel))
			usleep(1000);
		channel_send(fake.child.channel, MESSAGE_HOLD_CONNECTION,
			     &payload, fd);
		keep(MESSAGE_HOLD_CONNECTION, &payload, fd);
	}
}

static void hold_rtp(void)
{
	unsigned n = asked("hold");

	for (unsigned i = 0; i < n; i++) {
		union message_payload payload = {
			.rtp_socket = {.slot = fake.child.slot.index,
				       .port = (uint16_t)(16384 + i)}};
		int fd = open_socket();

		while (channel_flush(fake.child.channel))
			usleep(1000);
		channel_send(fake.child.channel, MESSAGE_HOLD_RTP, &payload,
			     fd);
		keep(MESSAGE_HOLD_RTP, &payload, fd);
	}
}

/* As book_own writes it: by this the next master knows the owner. */
static void own_book(unsigned book, uint32_t epoch)
{
	char path[256];
	FILE *owner;

	snprintf(path, sizeof(path), "%s/state/ms%u", fake.child.run_dir, book);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/state/ms%u/owner", fake.child.run_dir,
		 book);
	owner = fopen(path, "we");
	if (!owner)
		exit(EXIT_FAILURE);
	fprintf(owner, "00000000-0000-0000-0000-000000000000 epoch=%u\n",
		epoch);
	fclose(owner);
}

static void on_serve(void *arg, const union message_payload *payload, int fd)
{
	const struct message_book *book = &payload->book;

	(void)arg, (void)fd;
	note("serve ms%u epoch %u listeners %u held %u bells %u", book->book,
	     book->epoch, fake.n_listeners[book->book], fake.n_held[book->book],
	     fake.n_bells);
	fake.epoch[book->book] = book->epoch;
	own_book(book->book, book->epoch);
	if (book->book != fake.child.slot.index)
		return;
	if (fake.n_held[book->book] == 0)
		hold_connections();
	fake.is_serving = true;
	answer(MESSAGE_READY, fake.child.slot);
}

static void on_serve_media(void *arg, const union message_payload *payload,
			   int fd)
{
	unsigned index = payload->slot.slot.index;

	(void)arg, (void)fd;
	note("serve mw%u held %u", index, fake.n_held[index]);
	fake.epoch[index] = 1;
	if (index != fake.child.slot.index)
		return;
	if (fake.n_held[index] == 0)
		hold_rtp();
	fake.is_serving = true;
	answer(MESSAGE_READY, fake.child.slot);
}

static void on_probe(void *arg, const union message_payload *payload, int fd)
{
	(void)arg, (void)fd;
	note("probe %u", payload->toggle.is_on);
	fake.is_prober = payload->toggle.is_on;
}

static void on_drain(void *arg, const union message_payload *payload, int fd)
{
	(void)arg, (void)fd;
	note("drain %u", payload->toggle.is_on);
}

static void on_hang_up_all(void *arg, const union message_payload *payload,
			   int fd)
{
	(void)arg, (void)payload, (void)fd;
	note("hang up all");
}

static void on_slots_changed(void *arg, const union message_payload *payload,
			     int fd)
{
	(void)arg, (void)payload, (void)fd;
}

static void on_retire(void *arg, const union message_payload *payload, int fd)
{
	struct slot_id slot = payload->slot.slot;
	char name[SLOT_NAME_MAX];

	(void)arg, (void)fd;
	note("retire %s", slot_name(slot, name));
	if (slot.index == fake.child.slot.index) {
		fake.is_leaving = !asked("stay");
	} else if (!asked("keep")) {
		fake.epoch[slot.index] = 0;
		fake.n_listeners[slot.index] = 0;
		fake.n_held[slot.index] = 0;
		channel_send(fake.child.channel, MESSAGE_LET_GO, &payload->slot,
			     -1);
	}
}

static const struct inbox_row inbox[] = {
	{MESSAGE_CONFIG, on_config},
	{MESSAGE_LISTENER, on_listener},
	{MESSAGE_CONNECTION, on_connection},
	{MESSAGE_RTP_SOCKETS, on_rtp_sockets},
	{MESSAGE_DOORBELL, on_doorbell},
	{MESSAGE_SERVE, on_serve},
	{MESSAGE_SERVE_MEDIA, on_serve_media},
	{MESSAGE_PROBE, on_probe},
	{MESSAGE_DRAIN, on_drain},
	{MESSAGE_HANG_UP_ALL, on_hang_up_all},
	{MESSAGE_SLOTS_CHANGED, on_slots_changed},
	{MESSAGE_RETIRE, on_retire},
	{MESSAGE_NONE, NULL},
};

/* ---- another master ------------------------------------------------------ */

static void on_readable(int fd, unsigned what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (channel_read(fake.child.channel, inbox, NULL, NULL) == 0)
		return;
	note("alone");
	fake.watch = watch_free(fake.watch); /* like a worker it lives on */
}

static void watch_channel(void)
{
	fake.watch = loop_watch(fake.child.loop, channel_fd(fake.child.channel),
				LOOP_READ, on_readable, NULL);
}

static unsigned book_of(const struct kept *kept)
{
	if (kept->hold == MESSAGE_HOLD_LISTENER)
		return kept->payload.listener.book;
	return kept->hold == MESSAGE_HOLD_RTP ? kept->payload.rtp_socket.slot
					      : kept->payload.connection.book;
}

static void send_patiently(enum message message, const void *payload, int fd)
{
	while (channel_flush(fake.child.channel))
		usleep(1000);
	channel_send(fake.child.channel, message, payload, fd);
}

static void offer_all(void)
{
	struct message_offer offer = {
		.slot = fake.child.slot,
		.is_prober = fake.is_prober,
		.generation = fake.child.generation,
	};
	struct message_slot self = {.slot = fake.child.slot};

	send_patiently(MESSAGE_OFFER, &offer, -1);
	for (unsigned i = 0; i < fake.n_bells; i++)
		send_patiently(MESSAGE_HOLD_DOORBELL, &fake.bell_slots[i],
			       fake.bells[i]);
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		struct message_served served = {
			.slot = {fake.child.slot.kind, (uint8_t)i},
			.epoch = fake.epoch[i],
		};

		if (fake.epoch[i])
			send_patiently(MESSAGE_OFFER_SERVED, &served, -1);
	}
	for (unsigned i = 0; i < fake.n_kept; i++)
		if (fake.epoch[book_of(&fake.kept[i])])
			send_patiently(fake.kept[i].hold, &fake.kept[i].payload,
				       fake.kept[i].fd);
	send_patiently(MESSAGE_OFFERED, &self, -1);
	note("offered");
}

static void rejoin(void)
{
	if (fake.watch || asked("lost") || child_rejoin(&fake.child) < 0)
		return;
	watch_channel();
	offer_all();
}

int main(int argc, char **argv)
{
	child_start(&fake.child, argc, argv);
	if (asked("die"))
		return EXIT_FAILURE;
	if (board_own(fake.child.run_dir, fake.child.slot, &fake.board) < 0)
		return EXIT_FAILURE;
	note("start %d", (int)getpid());
	watch_channel();
	/* A worker outlives its master, but this one not its test. */
	while (!fake.is_leaving && access(fake.child.run_dir, F_OK) == 0) {
		atomic_store(&fake.board->beat, clock_boot_us());
		atomic_store(&fake.board->calls, asked("calls"));
		loop_turn(fake.child.loop, BEAT_US);
		rejoin();
		if (fake.watch)
			channel_flush(fake.child.channel);
	}
	return EXIT_SUCCESS;
}
