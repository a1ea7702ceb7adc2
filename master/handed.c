/* SPDX-License-Identifier: Apache-2.0
 *
 * See handed.h.  Called by start.c in the master.  The trap: a worker that came
 * back knows better: a connection of its book that was handed to us and that
 * it does not have was closed while there was no master.
 */
#include "master/handed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/fdstore.h"
#include "master/master.h"

#define LISTEN_FDS_START 3
#define FDS_MAX		 (1 << 20)

struct handed_item {
	struct handed_item *next;
	int fd;
	char name[HANDED_NAME_MAX];
};

/* ---- names --------------------------------------------------------------- */

const char *handed_listener_name(const struct message_listener *head,
				 char buf[HANDED_NAME_MAX])
{
	snprintf(buf, HANDED_NAME_MAX, "listener-%u-%u-%u-%u", head->book,
		 head->side, head->transport, head->listener);
	return buf;
}

const char *handed_connection_name(const struct message_connection *head,
				   char buf[HANDED_NAME_MAX])
{
	snprintf(buf, HANDED_NAME_MAX, "connection-%016" PRIx64 "-%u-%u",
		 head->connection, head->listener, head->is_outgoing);
	return buf;
}

const char *handed_rtp_name(const struct message_rtp_socket *head,
			    char buf[HANDED_NAME_MAX])
{
	snprintf(buf, HANDED_NAME_MAX, "rtp-%u-%u-%u", head->slot, head->side,
		 head->port);
	return buf;
}

/* ---- what the environment says ------------------------------------------- */

static void add(struct handed *handed, int fd, struct slice name)
{
	struct handed_item *item;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return; /* not open */
	item = calloc(1, sizeof(*item));
	if (!item || name.len >= sizeof(item->name)) {
		free(item);
		close(fd);
		return;
	}
	slice_copy(name, item->name, sizeof(item->name));
	item->fd = fd;
	item->next = handed->items;
	handed->items = item;
}

static void take_listen_fds(struct handed *handed)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	struct slice names = slice_of(getenv("LISTEN_FDNAMES"));
	uint64_t n_fds;

	if (!pid || strtol(pid, NULL, 10) != getpid() || !n ||
	    slice_to_u64(slice_of(n), FDS_MAX, &n_fds) < 0)
		return;
	for (unsigned i = 0; i < n_fds; i++)
		add(handed, LISTEN_FDS_START + (int)i, slice_cut(&names, ':'));
}

static void take_line(struct handed *handed, struct slice line)
{
	struct slice fd = slice_cut(&line, ' ');
	uint64_t number;

	if (slice_to_u64(fd, FDS_MAX, &number) == 0)
		add(handed, (int)number, line);
}

static void take_list(struct handed *handed, int fd)
{
	struct stat st;
	struct slice rest;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !(text = malloc((size_t)st.st_size + 1)))
		return;
	n = pread(fd, text, (size_t)st.st_size, 0);
	rest = (struct slice){text, n > 0 ? (size_t)n : 0};
	while (rest.len > 0) {
		struct slice line = slice_cut(&rest, '\n');

		take_line(handed, line);
	}
	free(text);
}

/* "FD SINCE" */
static void take_from_predecessor(struct handed *handed)
{
	struct slice since = slice_of(getenv("MSPOOL_HANDED"));
	struct slice fd = slice_cut(&since, ' ');
	uint64_t number;

	if (slice_to_u64(fd, FDS_MAX, &number) < 0 ||
	    slice_to_u64(since, UINT64_MAX, &handed->since_us) < 0)
		return;
	handed->is_upgrade = true;
	take_list(handed, (int)number);
	close((int)number);
}

void handed_open(struct handed *handed)
{
	static const char *const words[] = {"LISTEN_PID", "LISTEN_FDS",
					    "LISTEN_FDNAMES", "MSPOOL_HANDED"};

	take_listen_fds(handed);
	if (getenv("MSPOOL_HANDED"))
		take_from_predecessor(handed);
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		unsetenv(words[i]);
}

/* ---- claiming ------------------------------------------------------------ */

static int unlink_item(struct handed_item **at)
{
	struct handed_item *item = *at;
	int fd = item->fd;

	*at = item->next;
	free(item);
	return fd;
}

int handed_claim(struct handed *handed, const char *name)
{
	for (struct handed_item **at = &handed->items; *at; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0)
			return unlink_item(at);
	return -1;
}

int handed_claim_next(struct handed *handed, const char *prefix,
		      char ret_rest[HANDED_NAME_MAX])
{
	size_t len = strlen(prefix);

	for (struct handed_item **at = &handed->items; *at; at = &(*at)->next) {
		if (strncmp((*at)->name, prefix, len) != 0)
			continue;
		memcpy(ret_rest, (*at)->name + len,
		       strlen((*at)->name + len) + 1);
		return unlink_item(at);
	}
	return -1;
}

/* ---- sockets ------------------------------------------------------------- */

/* Of a book (a media slot) that exists and has no living owner; NULL else. */
static struct slot *orphan(struct master *m, enum slot_kind kind, unsigned i)
{
	struct slot *slot =
		i <= UINT8_MAX ? master_slot(m, (struct slot_id){(uint8_t)kind,
								 (uint8_t)i})
			       : NULL;

	return slot && slot->is_known && !slot->is_claimed ? slot : NULL;
}

static bool own_addr(int fd, struct addr *ret_addr)
{
	socklen_t len = sizeof(*ret_addr);

	if (getsockname(fd, &ret_addr->sa, &len) < 0)
		return false;
	addr_unmap(ret_addr);
	return true;
}

/* Keeping owns it in every case. */
static int copy_of(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static bool keep_listener(struct master *m, const char *name, int fd)
{
	unsigned book, side, transport, listener;
	struct message_listener head = {0};

	if (sscanf(name, "listener-%u-%u-%u-%u", &book, &side, &transport,
		   &listener) != 4 ||
	    side > SIDE_GATEWAY || transport >= N_TRANSPORTS ||
	    listener > UINT16_MAX || !orphan(m, SLOT_SIGNALLING, book) ||
	    !own_addr(fd, &head.bound))
		return false;
	head.book = (uint8_t)book;
	head.side = (uint8_t)side;
	head.transport = (uint8_t)transport;
	head.listener = (uint16_t)listener;
	return sockets_keep(&m->sockets, &head, copy_of(fd)) == 0;
}

/* One whose peer is gone has no remote address; its reader finds out. */
static bool keep_connection(struct master *m, const char *name, int fd)
{
	union message_payload payload = {.connection = {0}};
	struct message_connection *head = &payload.connection;
	unsigned listener, is_outgoing;
	socklen_t len = sizeof(head->remote);
	struct slot *slot;

	if (sscanf(name, "connection-%16" SCNx64 "-%u-%u", &head->connection,
		   &listener, &is_outgoing) != 3 ||
	    listener > UINT16_MAX)
		return false;
	slot = orphan(m, SLOT_SIGNALLING, (unsigned)(head->connection >> 48));
	if (!slot || !own_addr(fd, &head->local) ||
	    getpeername(fd, &head->remote.sa, &len) < 0)
		return false;
	addr_unmap(&head->remote);
	head->book = slot->id.index;
	head->listener = (uint16_t)listener;
	head->is_outgoing = is_outgoing != 0;
	return holds_keep(&slot->holds, head->connection, &payload,
			  copy_of(fd)) == 0;
}

static bool keep_rtp(struct master *m, const char *name, int fd)
{
	union message_payload payload = {.rtp_socket = {0}};
	unsigned index, side, port;
	struct slot *slot;

	if (sscanf(name, "rtp-%u-%u-%u", &index, &side, &port) != 3 ||
	    side > SIDE_GATEWAY || port > UINT16_MAX)
		return false;
	slot = orphan(m, SLOT_MEDIA, index);
	if (!slot)
		return false;
	payload.rtp_socket = (struct message_rtp_socket){
		.slot = (uint8_t)index,
		.side = (uint8_t)side,
		.port = (uint16_t)port,
	};
	return holds_keep(&slot->holds, rtp_socket_key(&payload.rtp_socket),
			  &payload, copy_of(fd)) == 0;
}

static const struct {
	const char *prefix;
	bool (*keep)(struct master *m, const char *name, int fd);
} kinds[] = {
	{"listener-", keep_listener},
	{"connection-", keep_connection},
	{"rtp-", keep_rtp},
};

static void drop(struct handed_item **at)
{
	fdstore_remove((*at)->name);
	close(unlink_item(at));
}

/* False: it is no socket, somebody else's matter. */
static bool use(struct master *m, struct handed_item **at, unsigned *n_kept)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *name = (*at)->name;

		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) !=
		    0)
			continue;
		if (kinds[i].keep(m, name, (*at)->fd)) {
			close(unlink_item(at));
			(*n_kept)++;
		} else {
			drop(at);
		}
		return true;
	}
	return false;
}

void handed_use(struct master *m)
{
	struct handed_item **at = &m->handed.items;
	unsigned n_kept = 0, n = 0;

	while (*at) {
		if (use(m, at, &n_kept))
			n++;
		else
			at = &(*at)->next;
	}
	if (n > 0)
		tell(m, LOG_LVL_NOTICE, "sockets_handed", "n=%u kept=%u", n,
		     n_kept);
}

void handed_done(struct handed *handed)
{
	while (handed->items)
		drop(&handed->items);
}
