/* SPDX-License-Identifier: Apache-2.0
 *
 * See pair.h.  Called by ports.c and stream.c in the media worker.
 */

#include "media/pair.h"

#include <errno.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_ROOM (128 * 1024) /* half a second of G.711 and to spare */
#define DRAIN_MAX    1024	  /* datagrams: a sprayer cannot keep us busy */

void pair_push(struct pair_queue *queue, struct pair *pair)
{
	pair->next = NULL;
	pair->prev = queue->last;
	if (queue->last)
		queue->last->next = pair;
	else
		queue->first = pair;
	queue->last = pair;
	queue->n++;
}

void pair_insert(struct pair_queue *queue, struct pair *pair)
{
	struct pair *before = queue->last;

	while (before && before->ring_at > pair->ring_at)
		before = before->prev;
	if (before == queue->last) {
		pair_push(queue, pair);
		return;
	}
	pair->prev = before;
	pair->next = before ? before->next : queue->first;
	pair->next->prev = pair;
	if (before)
		before->next = pair;
	else
		queue->first = pair;
	queue->n++;
}

struct pair *pair_pop(struct pair_queue *queue)
{
	struct pair *pair = queue->first;

	if (pair)
		pair_unlink(queue, pair);
	return pair;
}

void pair_unlink(struct pair_queue *queue, struct pair *pair)
{
	if (!pair->prev && queue->first != pair)
		return;
	if (pair->prev)
		pair->prev->next = pair->next;
	else
		queue->first = pair->next;
	if (pair->next)
		pair->next->prev = pair->prev;
	else
		queue->last = pair->prev;
	pair->next = pair->prev = NULL;
	queue->n--;
}

static int pair_set_options(int fd, int family, unsigned dscp)
{
	int room = RECEIVE_ROOM, tos = (int)(dscp << 2);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

/* Before all else: a port that is somebody's shall cost little. */
static int pair_bind_only(int fd, const struct addr *at)
{
	int on = 1;

	if (at->sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -1;
	return bind(fd, &at->sa, addr_len(at));
}

int pair_bind_socket(const struct addr *at, unsigned dscp)
{
	int family = at->sa.sa_family;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (pair_bind_only(fd, at) == 0 &&
	    pair_set_options(fd, family, dscp) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int pair_bind(struct pair *pair, unsigned dscp)
{
	for (unsigned i = 0; i < 2; i++) {
		struct addr at = pair->local;

		addr_set_port(&at, (uint16_t)(addr_port(&pair->local) + i));
		pair->fd[i] = pair_bind_socket(&at, dscp);
		if (pair->fd[i] < 0) {
			int error = pair->fd[i];

			pair->fd[i] = -1;
			pair_close(pair);
			return error;
		}
	}
	return 0;
}

void pair_drain(struct pair *pair)
{
	char byte;

	for (unsigned i = 0; i < 2; i++)
		for (unsigned n = 0; n < DRAIN_MAX; n++)
			if (recv(pair->fd[i], &byte, 1, MSG_DONTWAIT) < 0 &&
			    errno == EAGAIN)
				break;
}

void pair_close(struct pair *pair)
{
	for (unsigned i = 0; i < 2; i++) {
		if (pair->fd[i] >= 0)
			close(pair->fd[i]);
		pair->fd[i] = -1;
	}
}
