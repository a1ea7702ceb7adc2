/* SPDX-License-Identifier: Apache-2.0
 *
 * See holds.h.  Called by inbox.c (keep, release) and owners.c (give) in the
 * master.  The trap: as long as a duplicate is here, close(2) in the worker
 * ends nothing; it shuts down first and then sends RELEASE.
 */
#include "master/holds.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct hold {
	uint64_t key;
	int fd;
	uint32_t given; /* epoch under which it was sent to an owner */
	union {
		struct message_connection connection;
		struct message_rtp_socket rtp_socket;
	} what;
	UT_hash_handle hh;
};

static struct hold *find(const struct holds *holds, uint64_t key)
{
	struct hold *hold;

	HASH_FIND(hh, holds->table, &key, sizeof(key), hold);
	return hold;
}

static struct hold *add(struct holds *holds, uint64_t key)
{
	struct hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return NULL;
	hold->key = key;
	hold->fd = -1;
	HASH_ADD(hh, holds->table, key, sizeof(hold->key), hold);
	if (!hold->hh.tbl) { /* uthash had no memory and did not add it */
		free(hold);
		return NULL;
	}
	return hold;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int holds_keep(struct holds *holds, uint64_t key,
	       const union message_payload *payload, int fd)
{
	struct hold *hold;

	if (!is_socket(fd)) {
		if (fd >= 0)
			close(fd);
		return -ENOTSOCK;
	}
	hold = find(holds, key);
	if (!hold)
		hold = add(holds, key);
	if (!hold) {
		close(fd);
		return -ENOMEM;
	}
	if (hold->fd >= 0)
		close(hold->fd);
	hold->fd = fd;
	if (holds->give == MESSAGE_CONNECTION)
		hold->what.connection = payload->connection;
	else
		hold->what.rtp_socket = payload->rtp_socket;
	hold->given = 0;
	return 0;
}

static void drop(struct holds *holds, struct hold *hold)
{
	HASH_DEL(holds->table, hold);
	close(hold->fd);
	free(hold);
}

void holds_release(struct holds *holds, uint64_t key)
{
	struct hold *hold = find(holds, key);

	if (hold)
		drop(holds, hold);
}

static struct hold *next_to_give(struct hold *hold, uint32_t epoch)
{
	while (hold && hold->given == epoch)
		hold = hold->hh.next;
	return hold;
}

static int give_connection(struct hold *hold, uint32_t epoch,
			   struct channel *channel)
{
	int rc = channel_send(channel, MESSAGE_CONNECTION,
			      &hold->what.connection, hold->fd);

	if (rc == 0)
		hold->given = epoch;
	return rc;
}

/* As many as go into a message, from this one on.  What it does not take is a
 * reason to end the process, so they need not be marked as not given again. */
static int give_rtp_sockets(struct hold *hold, uint32_t epoch,
			    struct channel *channel)
{
	struct message_rtp_sockets sockets = {.fds = {.n = 0}};

	while (hold && sockets.fds.n < MESSAGE_FDS_MAX) {
		sockets.fds.fd[sockets.fds.n] = hold->fd;
		sockets.name[sockets.fds.n++] = hold->what.rtp_socket;
		hold->given = epoch;
		hold = next_to_give(hold, epoch);
	}
	return channel_send(channel, MESSAGE_RTP_SOCKETS, &sockets, -1);
}

int holds_give(const struct holds *holds, uint32_t epoch,
	       struct channel *channel)
{
	struct hold *hold = holds->table;

	while ((hold = next_to_give(hold, epoch))) {
		int rc;

		if (channel_flush(channel))
			return -EAGAIN;
		rc = holds->give == MESSAGE_CONNECTION
			     ? give_connection(hold, epoch, channel)
			     : give_rtp_sockets(hold, epoch, channel);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void holds_hand_over(const struct holds *holds, hand_fn *hand, void *arg)
{
	char name[HANDED_NAME_MAX];

	for (struct hold *hold = holds->table; hold; hold = hold->hh.next) {
		if (holds->give == MESSAGE_CONNECTION)
			handed_connection_name(&hold->what.connection, name);
		else
			handed_rtp_name(&hold->what.rtp_socket, name);
		hand(arg, name, hold->fd);
	}
}

unsigned holds_count(const struct holds *holds)
{
	return HASH_COUNT(holds->table);
}

void holds_done(struct holds *holds)
{
	struct hold *hold, *next;

	HASH_ITER(hh, holds->table, hold, next)
	drop(holds, hold);
}
