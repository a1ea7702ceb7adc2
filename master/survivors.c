/* SPDX-License-Identifier: Apache-2.0
 *
 * See survivors.h.  Called by start.c in the master.
 *
 *   child -> master   connect to RUN/adopt.sock
 *                     OFFER, HOLD_DOORBELL of every slot
 *                     for each book (streams) served: OFFER_SERVED
 *                     HOLD_LISTENER, HOLD_CONNECTION (HOLD_RTP) of all
 *                     OFFERED
 *
 * Who it is says the kernel (SO_PEERCRED), what it is /proc.  That it owns the
 * book says the epoch that stands in the book's `owner` file, which only the
 * holder of its lock writes.  The trap: a process that comes when its slot has
 * another would be a second owner; it is ended, at any time.
 */
#include "master/survivors.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "master/inbox.h"
#include "master/owners.h"
#include "master/slots.h"

#define GATHER_US (1 * USEC_PER_SEC) /* to come */
#define TALK_US	  (4 * USEC_PER_SEC) /* to have told everything */
#define WORDS_MAX 64		     /* times what channel_read takes at once */

/* ---- a survivor's end ---------------------------------------------------- */

/* What it brought stays: its successor gets it. */
static void lose(struct slot *slot)
{
	for_each_slot(other, slot->master)
	{
		if (other->owner != slot)
			continue;
		other->owner = other;
		other->is_claimed = false;
	}
	slot->readable = watch_free(slot->readable);
	slot->channel = channel_free(slot->channel);
	slot->generation = 0;
	slot->is_prober = false;
	slot->coming = COMING_NOT;
}

static void read_dry(struct slot *slot)
{
	for (unsigned n = 0; slot->channel && n < WORDS_MAX; n++)
		if (channel_read(slot->channel, master_inbox, slot, NULL) < 0)
			return;
}

static void on_survivor_end(int fd, unsigned what, void *arg)
{
	struct slot *slot = arg;

	(void)fd, (void)what;
	read_dry(slot);
	lose(slot);
	process_reap(&slot->process);
}

static void end_by_force(struct slot *slot, const char *reason)
{
	tell(slot->master, LOG_LVL_WARNING, "survivor_ended",
	     "slot=%s pid=%d reason=\"%s\"", slot->name, slot->process.pid,
	     reason);
	process_signal(&slot->process, SIGKILL);
}

/* ---- what it says -------------------------------------------------------- */

static bool is_talking(const struct slot *from)
{
	return from->coming == COMING_TALKING;
}

void on_child_offer(void *arg, const union message_payload *payload, int fd)
{
	const struct message_offer *offer = &payload->offer;
	struct slot *from = arg;

	(void)fd;
	if (!is_talking(from) || offer->slot.kind != from->id.kind ||
	    offer->slot.index != from->id.index)
		return;
	from->generation = offer->generation;
	from->is_prober = offer->is_prober;
}

/* Of a book the owner's file is the proof; streams have none, and the first
 * who comes has them. */
static bool is_owner(const struct slot *slot, const struct slot *from,
		     uint32_t epoch)
{
	if (slot->is_claimed && slot->owner != from)
		return false;
	return slot->id.kind == SLOT_MEDIA ||
	       epoch == book_last_epoch(slot->master->run_dir, slot->id.index);
}

void on_child_offer_served(void *arg, const union message_payload *payload,
			   int fd)
{
	const struct message_served *served = &payload->served;
	struct slot *from = arg;
	struct slot *slot = master_slot(from->master, served->slot);

	(void)fd;
	if (!is_talking(from) || !slot || !slot->is_known ||
	    slot->id.kind != from->id.kind)
		return;
	if (!is_owner(slot, from, served->epoch)) {
		end_by_force(from, "it offers what is another's");
		return;
	}
	slot->owner = from;
	slot->is_claimed = true;
	if (served->epoch > slot->epoch)
		slot->epoch = served->epoch;
}

void on_worker_hold_listener(void *arg, const union message_payload *payload,
			     int fd)
{
	const struct message_listener *head = &payload->listener;
	struct slot_id id = {SLOT_SIGNALLING, head->book};
	struct slot *from = arg;
	struct slot *slot = master_slot(from->master, id);
	int rc;

	if (!is_talking(from) || !slot || !slot->is_claimed ||
	    slot->owner != from) {
		close(fd);
		return;
	}
	rc = sockets_keep(&from->master->sockets, head, fd);
	if (rc < 0)
		slot_warn(from, "a listener cannot be held", -rc);
}

/* All have the same ones; the first is kept. */
void on_child_hold_doorbell(void *arg, const union message_payload *payload,
			    int fd)
{
	struct slot *from = arg;
	struct slot *slot = master_slot(from->master, payload->doorbell.slot);

	if (!is_talking(from) || !slot || !slot->is_known ||
	    slot->is_bell_kept) {
		close(fd);
		return;
	}
	close(slot->doorbell);
	slot->doorbell = fd;
	slot->is_bell_kept = true;
}

void on_child_offered(void *arg, const union message_payload *payload, int fd)
{
	struct slot *from = arg;

	(void)payload, (void)fd;
	if (is_talking(from) && from->generation)
		from->coming = COMING_BACK;
}

static void on_survivor_readable(int fd, unsigned what, void *arg)
{
	struct slot *slot = arg;

	(void)fd, (void)what;
	if (channel_read(slot->channel, master_inbox, slot, NULL) == 0)
		return;
	slot->readable = watch_free(slot->readable);
	process_signal(&slot->process, SIGKILL);
}

/* ---- who comes ----------------------------------------------------------- */

/* The slot whose program the peer runs, with a pidfd of it; NULL: a stranger.
 */
static struct slot *who_is(struct master *m, int fd, pid_t *ret_pid,
			   int *ret_pidfd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t len = sizeof(who);
	char name[SLOT_NAME_MAX];
	struct slot_id id;
	struct slot *slot = NULL;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
	    who.uid != geteuid() ||
	    process_argument(who.pid, name, sizeof(name)) < 0)
		return NULL;
	if (slot_parse(slice_of(name), &id) == 0)
		slot = master_slot(m, id);
	if (!slot)
		return NULL;
	*ret_pid = who.pid;
	*ret_pidfd = process_find(who.pid, slot_program(slot->id), slot->name,
				  m->run_dir);
	return *ret_pidfd >= 0 ? slot : NULL;
}

static bool is_welcome(const struct slot *slot, pid_t pid)
{
	if (!slot->master->is_gathering || !slot->is_known || slot->channel)
		return false;
	return slot->process.pid == 0 || slot->process.pid == pid;
}

static int expect_pidfd(struct slot *slot, pid_t pid, int pidfd)
{
	int rc = process_take(&slot->process, pid, pidfd, slot->master->loop,
			      on_survivor_end, slot);

	if (rc == 0)
		slot->coming = COMING_EXPECTED;
	return rc;
}

/* Owns both descriptors. */
static void welcome(struct slot *slot, pid_t pid, int pidfd, int fd)
{
	int rc = 0;

	if (slot->process.pid == 0)
		rc = expect_pidfd(slot, pid, pidfd);
	else
		close(pidfd);
	slot->channel = rc == 0 ? channel_new(fd) : NULL;
	if (!slot->channel) {
		close(fd);
		return;
	}
	slot->readable = loop_watch(slot->master->loop, fd, LOOP_READ,
				    on_survivor_readable, slot);
	slot->coming = COMING_TALKING;
}

static void send_away(struct slot *slot, pid_t pid, int pidfd, int fd)
{
	tell(slot->master, LOG_LVL_WARNING, "survivor_ended",
	     "slot=%s pid=%d reason=\"nobody waits for it\"", slot->name,
	     (int)pid);
	process_end(pidfd);
	close(pidfd);
	close(fd);
}

static void on_come(int listening, unsigned what, void *arg)
{
	struct master *m = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int pidfd = -1;
	pid_t pid = 0;
	struct slot *slot;

	(void)what;
	if (fd < 0)
		return;
	slot = who_is(m, fd, &pid, &pidfd);
	if (!slot)
		close(fd);
	else if (is_welcome(slot, pid))
		welcome(slot, pid, pidfd, fd);
	else
		send_away(slot, pid, pidfd, fd);
}

/* ---- the socket ---------------------------------------------------------- */

static void socket_path(const struct master *m, char *path, size_t size)
{
	snprintf(path, size, "%s/" CHILD_ADOPT_SOCKET, m->run_dir);
}

static int bind_socket(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, rc = 0;
	mode_t before;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path); /* we hold the lock on mspoold.pid: it is stale */
	before = umask(0177);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, N_SLOTS) < 0)
		rc = -errno;
	umask(before);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int survivors_open(struct master *m, char *why)
{
	char path[sizeof(m->run_dir) + 16];
	int fd;

	socket_path(m, path, sizeof(path));
	fd = bind_socket(path);
	if (fd >= 0)
		m->adopt_watch = loop_watch(m->loop, fd, LOOP_READ, on_come, m);
	if (m->adopt_watch) {
		m->adopt_fd = fd;
		return 0;
	}
	snprintf(why, SOCKETS_WHY_MAX, "cannot listen on %.150s: %s", path,
		 strerror(fd < 0 ? -fd : ENOMEM));
	return -EIO;
}

void survivors_close(struct master *m)
{
	char path[sizeof(m->run_dir) + 16];

	if (m->adopt_fd < 0)
		return;
	m->adopt_watch = watch_free(m->adopt_watch);
	close(m->adopt_fd);
	m->adopt_fd = -1;
	socket_path(m, path, sizeof(path));
	unlink(path);
}

/* ---- waiting for them ---------------------------------------------------- */

void survivors_expect(struct slot *slot, pid_t pid)
{
	int pidfd = process_find(pid, slot_program(slot->id), slot->name,
				 slot->master->run_dir);

	if (pidfd >= 0)
		expect_pidfd(slot, pid, pidfd);
	else
		process_await_end(pid);
}

int survivors_end(struct slot *slot, pid_t pid)
{
	int pidfd = process_find(pid, slot_program(slot->id), slot->name,
				 slot->master->run_dir);
	int rc = pidfd >= 0 ? process_end(pidfd) : 0;

	if (pidfd >= 0)
		close(pidfd);
	return rc;
}

static unsigned n_coming(struct master *m, enum coming coming)
{
	unsigned n = 0;

	for_each_slot(slot, m) n += slot->coming == coming;
	return n;
}

static bool is_waiting(struct master *m, uint64_t since_us)
{
	uint64_t waited_us = clock_boot_us() - since_us;

	return (n_coming(m, COMING_EXPECTED) && waited_us < GATHER_US) ||
	       (n_coming(m, COMING_TALKING) && waited_us < TALK_US);
}

static int end_the_rest(struct master *m)
{
	int rc = 0;

	for_each_slot(slot, m)
	{
		if (slot->coming == COMING_NOT || slot->coming == COMING_BACK)
			continue;
		end_by_force(slot, "it did not come back in time");
		rc = process_end(slot->process.pidfd);
		if (rc < 0)
			break;
		on_survivor_end(-1, 0, slot);
	}
	return rc;
}

int survivors_gather(struct master *m)
{
	uint64_t since_us = clock_boot_us();
	int rc;

	m->is_gathering = true;
	while (is_waiting(m, since_us))
		if (loop_turn(m->loop, 10 * USEC_PER_MSEC) < 0)
			break;
	rc = end_the_rest(m);
	m->is_gathering = false;
	if (n_coming(m, COMING_BACK))
		tell(m, LOG_LVL_NOTICE, "workers_kept",
		     "workers=%u sockets=%u took_ms=%llu",
		     n_coming(m, COMING_BACK), m->sockets.n,
		     (unsigned long long)(clock_boot_us() - since_us) /
			     USEC_PER_MSEC);
	return rc;
}

/* ---- ours again ---------------------------------------------------------- */

/* One prober: the first who says that he is it. */
static void settle_prober(struct master *m)
{
	struct slot *prober = NULL;

	for_each_slot(slot, m)
	{
		if (slot->coming != COMING_BACK)
			continue;
		if (!prober && slot->is_prober)
			prober = slot;
		else
			slot->is_prober = false;
	}
}

/* Whoever has the book gets the listeners that were bound since; a book that
 * was between two owners when the master died is granted. */
static void settle_book(struct slot *slot)
{
	struct master *m = slot->master;

	if (slot->is_claimed && slot->id.kind == SLOT_SIGNALLING)
		sockets_give(&m->sockets, m->n_kept_sockets, slot->id.index,
			     slot->owner->channel);
	else if (!slot->is_claimed && slot->owner->channel)
		owner_grant(slot);
	slot->is_claimed = false;
}

void survivors_take_back(struct master *m)
{
	settle_prober(m);
	for_each_slot(slot, m)
	{
		if (slot->coming == COMING_BACK)
			slot_take_back(slot);
		slot->coming = COMING_NOT;
	}
	for_each_slot(slot, m) settle_book(slot);
}
