/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding.  Called by start.c, scale.c and reload.c in the master, after
 * privileges are dropped: the kernel lets only sockets of one uid share a port
 * by SO_REUSEPORT.
 *
 *   shared      every book has a socket of its own on the same address and
 *               port (SO_REUSEPORT); the kernel spreads, workers hand over
 *   per-server  book k listens on port + k - 1
 *
 * The trap: SO_REUSEPORT also lets another program of our uid join silently.
 * So the first socket of an address is tried without it.
 */
#include "master/sockets.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UDP_BUFFER  (4 * 1024 * 1024) /* rides out a respawn */
#define TCP_BACKLOG 4096
#define SIP_TOS	    (24 << 2) /* CS3, RFC 4594 */

/* What a transport needs; those without a socket type are of a later issue. */
static const struct transport_row {
	const char *name;
	int type;
	bool is_stream;
} transports[N_TRANSPORTS] = {
	[TRANSPORT_UDP] = {"udp", SOCK_DGRAM, false},
	[TRANSPORT_TCP] = {"tcp", SOCK_STREAM, true},
	[TRANSPORT_TLS] = {"tls", 0, true},
};

static const char *const side_names[] = {
	[SIDE_INTERNAL] = "internal",
	[SIDE_GATEWAY] = "gateway",
};

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno
									: 0;
}

/* The forced variant passes net.core.rmem_max where we may; else what the
 * limit grants must do. */
static void enlarge(int fd, int forced, int plain)
{
	if (set(fd, SOL_SOCKET, forced, UDP_BUFFER) < 0)
		(void)set(fd, SOL_SOCKET, plain, UDP_BUFFER);
}

static void tune(int fd, const struct addr *at, bool is_stream)
{
	if (is_stream) {
		(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	} else {
		enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
		enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	}
	if (at->sa.sa_family == AF_INET6)
		(void)set(fd, IPPROTO_IPV6, IPV6_TCLASS, SIP_TOS);
	else
		(void)set(fd, IPPROTO_IP, IP_TOS, SIP_TOS);
}

/* Options that decide what bind says. */
static int prepare(int fd, const struct addr *at, bool is_stream, bool reuse)
{
	int rc = 0;

	if (at->sa.sa_family == AF_INET6)
		rc = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (rc == 0 && is_stream) /* past TIME_WAIT, not past a listener */
		rc = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (rc == 0 && reuse)
		rc = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return rc;
}

static int open_bound(const struct transport_row *row, const struct addr *at,
		      bool reuse, int *ret_fd)
{
	int fd = socket(at->sa.sa_family,
			row->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = prepare(fd, at, row->is_stream, reuse);
	if (rc == 0 && bind(fd, &at->sa, addr_len(at)) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

static bool is_ours(const struct sockets *sockets, unsigned transport,
		    const struct addr *at)
{
	for (unsigned i = 0; i < sockets->n; i++) {
		const struct message_listener *head = &sockets->items[i].head;

		if (head->transport == transport &&
		    addr_is_same(&head->bound, at))
			return true;
	}
	return false;
}

static int bind_one(const struct sockets *sockets,
		    const struct message_listener *head, bool is_shared,
		    int *ret_fd)
{
	const struct transport_row *row = &transports[head->transport];
	int fd, rc;

	if (!row->type)
		return -EPROTONOSUPPORT;
	if (is_shared && !is_ours(sockets, head->transport, &head->bound)) {
		rc = open_bound(row, &head->bound, false, &fd);
		if (rc < 0)
			return rc;
		close(fd);
	}
	rc = open_bound(row, &head->bound, is_shared, &fd);
	if (rc < 0)
		return rc;
	tune(fd, &head->bound, row->is_stream);
	if (row->is_stream && listen(fd, TCP_BACKLOG) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

static int append(struct sockets *sockets, const struct message_listener *head,
		  int fd)
{
	struct listener_socket *items = sockets->items;

	if (sockets->n == sockets->room) {
		unsigned room = sockets->room ? sockets->room * 2 : 16;

		items = reallocarray(items, room, sizeof(*items));
		if (!items)
			return -ENOMEM;
		sockets->items = items;
		sockets->room = room;
	}
	items[sockets->n++] = (struct listener_socket){.head = *head, .fd = fd};
	return 0;
}

static struct message_listener head_of(const struct config *config,
				       const struct config_listener *listener,
				       unsigned book)
{
	struct message_listener head = {
		.book = (uint8_t)book,
		.side = listener->side,
		.transport = listener->transport,
		.listener = listener->id,
		.bound = listener->address,
	};

	if (config->pool.addressing == ADDRESSING_PER_SERVER)
		addr_set_port(&head.bound,
			      (uint16_t)(addr_port(&head.bound) + book - 1));
	return head;
}

static struct listener_socket *find(const struct sockets *sockets,
				    const struct message_listener *head)
{
	for (unsigned i = 0; i < sockets->n; i++) {
		struct listener_socket *item = &sockets->items[i];

		if (item->head.book == head->book &&
		    item->head.listener == head->listener &&
		    addr_is_same(&item->head.bound, &head->bound))
			return item;
	}
	return NULL;
}

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int sockets_keep(struct sockets *sockets, const struct message_listener *head,
		 int fd)
{
	int rc = is_socket(fd) ? 0 : -ENOTSOCK;
	bool is_new = rc == 0 && !find(sockets, head);

	if (is_new)
		rc = append(sockets, head, fd);
	if (!is_new || rc < 0)
		close(fd);
	return rc;
}

static void explain(const struct config *config,
		    const struct config_listener *listener,
		    const struct message_listener *head, int rc, char *why)
{
	const char *place = listener->place ? listener->place : "?";
	char at[ADDR_TEXT_MAX], section[96];

	if (listener->trunk >= 0)
		snprintf(section, sizeof(section), "port of [trunk %.64s]",
			 config->trunks[listener->trunk].name);
	else
		snprintf(section, sizeof(section), "[listen %s]",
			 side_names[listener->side]);
	snprintf(why, SOCKETS_WHY_MAX,
		 "%.80s: cannot listen on %s %s (%s, ms%u): %s", place,
		 transports[head->transport].name, addr_text(&head->bound, at),
		 section, head->book,
		 rc == -EPROTONOSUPPORT ? "this transport is not built in"
					: strerror(-rc));
}

static int bind_listener(struct sockets *sockets, const struct config *config,
			 const struct message_listener *head)
{
	bool is_shared = config->pool.addressing == ADDRESSING_SHARED;
	int fd = -1, rc;

	if (find(sockets, head))
		return 0;
	rc = bind_one(sockets, head, is_shared, &fd);
	if (rc < 0)
		return rc;
	rc = append(sockets, head, fd);
	if (rc < 0)
		close(fd);
	return rc;
}

int sockets_bind(struct sockets *sockets, const struct config *config,
		 unsigned book, char *why)
{
	for (unsigned i = 0; i < config->n_listeners; i++) {
		const struct config_listener *listener = &config->listeners[i];
		struct message_listener head = head_of(config, listener, book);
		int rc = bind_listener(sockets, config, &head);

		if (rc < 0) {
			explain(config, listener, &head, rc, why);
			return rc;
		}
	}
	return 0;
}

void sockets_undo(struct sockets *sockets, unsigned n)
{
	while (sockets->n > n)
		close(sockets->items[--sockets->n].fd);
}

unsigned sockets_mark(struct sockets *sockets, const struct config *config)
{
	unsigned n_gone = 0;

	for (unsigned i = 0; i < sockets->n; i++) {
		struct listener_socket *item = &sockets->items[i];

		item->is_gone = !config_listener(config, item->head.listener);
		n_gone += item->is_gone;
	}
	return n_gone;
}

int sockets_give(const struct sockets *sockets, unsigned first, unsigned book,
		 struct channel *channel)
{
	for (unsigned i = first; i < sockets->n; i++) {
		const struct listener_socket *item = &sockets->items[i];
		int rc;

		if (item->head.book != book)
			continue;
		rc = channel_send(channel, MESSAGE_LISTENER, &item->head,
				  item->fd);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void sockets_done(struct sockets *sockets)
{
	sockets_undo(sockets, 0);
	free(sockets->items);
	*sockets = (struct sockets){0};
}
