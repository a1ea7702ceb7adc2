/* SPDX-License-Identifier: Apache-2.0
 *
 * See fdstore.h.  Called by inbox.c, handed.c and the loop in the master.  The
 * trap: the manager's socket may be full (it queues some hundred datagrams),
 * and we never wait, so what it does not take is said again, in order.
 */
#include "master/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "master/handed.h"
#include "master/notify.h"

#define WORDS_MAX 16384 /* more than connections there may be */

struct word {
	struct word *next;
	int fd; /* -1: to be removed */
	char name[HANDED_NAME_MAX];
};

static struct {
	struct word *first, **last;
	unsigned n;
} queue = {.last = &queue.first};

static int say(const char *name, int fd)
{
	char text[HANDED_NAME_MAX + 64];

	snprintf(text, sizeof(text), "%s\nFDNAME=%s%s",
		 fd >= 0 ? "FDSTORE=1" : "FDSTOREREMOVE=1", name,
		 fd >= 0 ? "\nFDPOLL=0" : "");
	return notify_text(text, fd);
}

static void drop_first(void)
{
	struct word *word = queue.first;

	queue.first = word->next;
	if (!queue.first)
		queue.last = &queue.first;
	queue.n--;
	if (word->fd >= 0)
		close(word->fd);
	free(word);
}

/* Without memory or room the descriptor is not stored: one more that a death
 * of everybody at once would close. */
static void enqueue(const char *name, int fd)
{
	struct word *word;

	if (queue.n >= WORDS_MAX || !(word = calloc(1, sizeof(*word))))
		return;
	snprintf(word->name, sizeof(word->name), "%s", name);
	word->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	*queue.last = word;
	queue.last = &word->next;
	queue.n++;
}

static void tell(const char *name, int fd)
{
	if (!notify_is_open())
		return;
	if (queue.first || say(name, fd) == -EAGAIN)
		enqueue(name, fd);
}

void fdstore_keep(const char *name, int fd)
{
	if (fd >= 0)
		tell(name, fd);
}

void fdstore_remove(const char *name)
{
	tell(name, -1);
}

void fdstore_keep_connection(const struct message_connection *head, int fd)
{
	char name[HANDED_NAME_MAX];

	fdstore_keep(handed_connection_name(head, name), fd);
}

void fdstore_remove_connection(const struct message_connection *head)
{
	char name[HANDED_NAME_MAX];

	fdstore_remove(handed_connection_name(head, name));
}

void fdstore_keep_listeners(struct sockets *sockets)
{
	for (unsigned i = 0; i < sockets->n; i++) {
		struct listener_socket *item = &sockets->items[i];
		char name[HANDED_NAME_MAX];

		if (item->is_stored)
			continue;
		item->is_stored = true;
		fdstore_keep(handed_listener_name(&item->head, name), item->fd);
	}
}

bool fdstore_pump(void)
{
	while (queue.first &&
	       say(queue.first->name, queue.first->fd) != -EAGAIN)
		drop_first();
	return queue.first;
}

void fdstore_done(void)
{
	while (queue.first)
		drop_first();
}
