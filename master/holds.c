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
	union message_payload payload;
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
	hold->payload = *payload;
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

int holds_give(const struct holds *holds, uint32_t epoch,
	       struct channel *channel)
{
	for (struct hold *hold = holds->table; hold; hold = hold->hh.next) {
		int rc;

		if (hold->given == epoch)
			continue;
		if (channel_flush(channel))
			return -EAGAIN;
		rc = channel_send(channel, holds->give, &hold->payload,
				  hold->fd);
		if (rc < 0)
			return rc;
		hold->given = epoch;
	}
	return 0;
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
