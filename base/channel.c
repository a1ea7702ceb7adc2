/* SPDX-License-Identifier: Apache-2.0
 *
 * One end of the channel between the master and a child (channel.h).
 *
 *   packet:  | message (2) | size (2) | payload (size) |  + SCM_RIGHTS (0..1)
 *
 * The other end is not trusted: the master must survive whatever a child that
 * went mad sends, so message, size, number of descriptors and truncation are
 * checked, and every descriptor that arrives is either handed on or closed.
 * Trap: a queued message holds a duplicate of its descriptor until it is sent;
 * handlers must not free the channel they are called from.
 */
#include "base/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than the RTP and RTCP sockets of a media worker's start-up. */
#define QUEUE_MAX 65536u
/* Messages a turn, so that a babbling peer cannot hold the loop; the rest
 * stays readable. */
#define READ_MAX 4096
#define FDS_MAX	 4 /* taken from a packet to be closed; we send one */

struct packet {
	uint16_t message, size;
	union message_payload payload;
};
#define PACKET_HEAD_LEN offsetof(struct packet, payload)

struct queued {
	struct queued *next;
	struct packet packet;
	int fd; /* ours, or -1 */
};

struct channel {
	int fd;
	struct queued *first, **last;
	unsigned n_queued;
};

struct channel *channel_new(int fd)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int flags = fcntl(fd, F_GETFL);

	if (!channel || flags < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		free(channel);
		return NULL;
	}
	channel->fd = fd;
	channel->last = &channel->first;
	return channel;
}

static void drop_first(struct channel *channel)
{
	struct queued *queued = channel->first;

	channel->first = queued->next;
	if (!channel->first)
		channel->last = &channel->first;
	channel->n_queued--;
	if (queued->fd >= 0)
		close(queued->fd);
	free(queued);
}

struct channel *channel_free(struct channel *channel)
{
	if (!channel)
		return NULL;
	while (channel->first)
		drop_first(channel);
	close(channel->fd);
	free(channel);
	return NULL;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

/* ---- sending ------------------------------------------------------------ */

union fd_space {
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

static void attach_fd(struct msghdr *head, union fd_space *space, int fd)
{
	struct cmsghdr *control;

	memset(space, 0, sizeof(*space));
	head->msg_control = space->bytes;
	head->msg_controllen = CMSG_SPACE(sizeof(int));
	control = CMSG_FIRSTHDR(head);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &fd, sizeof(int));
}

/* 0, -EAGAIN or -EPIPE.  ETOOMANYREFS: too many descriptors are under way
 * (unix(7)); they drain as the peer reads. */
static int send_packet(int channel_fd, const struct packet *packet, int fd)
{
	struct packet copy = *packet;
	struct iovec bytes = {&copy, PACKET_HEAD_LEN + packet->size};
	struct msghdr head = {.msg_iov = &bytes, .msg_iovlen = 1};
	union fd_space space;
	ssize_t n;

	if (fd >= 0)
		attach_fd(&head, &space, fd);
	do
		n = sendmsg(channel_fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case ETOOMANYREFS:
		return -EAGAIN;
	}
	return -EPIPE;
}

static int enqueue(struct channel *channel, const struct packet *packet, int fd)
{
	struct queued *queued;
	int copy = -1;

	if (channel->n_queued >= QUEUE_MAX)
		return -ENOBUFS;
	if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return -errno;
	queued = malloc(sizeof(*queued));
	if (!queued) {
		if (copy >= 0)
			close(copy);
		return -ENOMEM;
	}
	*queued = (struct queued){.packet = *packet, .fd = copy};
	*channel->last = queued;
	channel->last = &queued->next;
	channel->n_queued++;
	return 0;
}

int channel_send(struct channel *channel, enum message message,
		 const void *payload, int fd)
{
	struct packet packet = {.message = (uint16_t)message,
				.size = message_rows[message].size};
	int error = -EAGAIN;

	if ((fd >= 0) != message_rows[message].has_fd)
		return -EINVAL;
	memcpy(&packet.payload, payload, packet.size);
	if (!channel->first)
		error = send_packet(channel->fd, &packet, fd);
	return error == -EAGAIN ? enqueue(channel, &packet, fd) : error;
}

/* When the peer is gone nothing is left to be sent: reading tells of it. */
bool channel_flush(struct channel *channel)
{
	while (channel->first) {
		int error = send_packet(channel->fd, &channel->first->packet,
					channel->first->fd);

		if (error == -EAGAIN)
			return true;
		drop_first(channel);
	}
	return false;
}

/* ---- receiving ---------------------------------------------------------- */

/* Collects what descriptors came; returns their number. */
static unsigned take_fds(struct msghdr *head, int fds[FDS_MAX])
{
	unsigned n = 0;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(head); control;
	     control = CMSG_NXTHDR(head, control)) {
		size_t len = control->cmsg_len - CMSG_LEN(0);

		if (control->cmsg_level != SOL_SOCKET ||
		    control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= len && n < FDS_MAX;
		     at += sizeof(int))
			memcpy(&fds[n++], CMSG_DATA(control) + at, sizeof(int));
	}
	return n;
}

struct arrival {
	struct packet packet;
	size_t len;
	int fds[FDS_MAX];
	unsigned n_fds;
	bool is_cut;
};

/* 0, -EAGAIN, or -EPIPE at the end. */
static int receive(int channel_fd, struct arrival *ret_arrival)
{
	struct iovec bytes = {&ret_arrival->packet,
			      sizeof(ret_arrival->packet)};
	union fd_space space;
	struct msghdr head = {.msg_iov = &bytes,
			      .msg_iovlen = 1,
			      .msg_control = space.bytes,
			      .msg_controllen = sizeof(space.bytes)};
	ssize_t n;

	do
		n = recvmsg(channel_fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n < 0)
		return -EPIPE;
	ret_arrival->len = (size_t)n;
	ret_arrival->n_fds = take_fds(&head, ret_arrival->fds);
	ret_arrival->is_cut = head.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	return n == 0 ? -EPIPE : 0;
}

static bool is_good(const struct arrival *arrival)
{
	const struct packet *packet = &arrival->packet;
	const struct message_row *row;

	if (arrival->is_cut || arrival->len < PACKET_HEAD_LEN ||
	    packet->message == MESSAGE_NONE || packet->message >= N_MESSAGES)
		return false;
	row = &message_rows[packet->message];
	return packet->size == row->size &&
	       arrival->len == PACKET_HEAD_LEN + row->size &&
	       arrival->n_fds == (row->has_fd ? 1 : 0);
}

static channel_handler *find_handler(const struct inbox_row *inbox,
				     unsigned message)
{
	for (; inbox->message != MESSAGE_NONE; inbox++)
		if (inbox->message == message)
			return inbox->handler;
	return NULL;
}

/* False: dropped as strange. */
static bool dispatch(const struct arrival *arrival,
		     const struct inbox_row *inbox, void *arg)
{
	channel_handler *handler =
		is_good(arrival) ? find_handler(inbox, arrival->packet.message)
				 : NULL;

	if (handler) {
		handler(arg, &arrival->packet.payload,
			arrival->n_fds > 0 ? arrival->fds[0] : -1);
		return true;
	}
	for (unsigned i = 0; i < arrival->n_fds; i++)
		close(arrival->fds[i]);
	return false;
}

int channel_read(struct channel *channel, const struct inbox_row *inbox,
		 void *arg, unsigned *ret_strange)
{
	struct arrival arrival;
	unsigned strange = 0;
	int error = 0;

	for (unsigned i = 0; i < READ_MAX; i++) {
		memset(&arrival.packet, 0, sizeof(arrival.packet));
		error = receive(channel->fd, &arrival);
		if (error < 0)
			break;
		strange += !dispatch(&arrival, inbox, arg);
	}
	if (ret_strange)
		*ret_strange = strange;
	return error == -EPIPE ? -EPIPE : 0;
}
