/* SPDX-License-Identifier: Apache-2.0
 *
 * One end of the channel between the master and a child (channel.h).
 *
 *   packet:  | message (2) | size (2) | 0 (4) | payload (size) |  + SCM_RIGHTS
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

struct packet_head {
	uint16_t message, size;
	uint32_t pad; /* the payload is aligned */
};

/* A message on its way out; what it points to is the sender's. */
struct parcel {
	uint16_t message; /* enum message */
	uint16_t n_fds;
	const void *payload;
	const int *fds;
};

/* Its parcel points behind it: payload, then descriptors of our own. */
struct queued {
	struct queued *next;
	struct parcel parcel;
	union message_payload payload[]; /* only as much as its row has */
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

static void close_fds(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void drop_first(struct channel *channel)
{
	struct queued *queued = channel->first;

	channel->first = queued->next;
	if (!channel->first)
		channel->last = &channel->first;
	channel->n_queued--;
	close_fds(queued->parcel.fds, queued->parcel.n_fds);
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
	char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

static void attach_fds(struct msghdr *head, union fd_space *space,
		       const int *fds, unsigned n)
{
	size_t len = n * sizeof(int);
	struct cmsghdr *control;

	memset(space, 0, CMSG_SPACE(len));
	head->msg_control = space->bytes;
	head->msg_controllen = CMSG_SPACE(len);
	control = CMSG_FIRSTHDR(head);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(control), fds, len);
}

/* 0, -EAGAIN or -EPIPE.  ETOOMANYREFS: too many descriptors are under way
 * (unix(7)); they drain as the peer reads. */
static int send_parcel(int channel_fd, const struct parcel *parcel)
{
	struct packet_head start = {
		.message = parcel->message,
		.size = message_rows[parcel->message].size,
	};
	struct iovec bytes[2] = {
		{&start, sizeof(start)},
		{(void *)(uintptr_t)parcel->payload, start.size},
	};
	struct msghdr head = {.msg_iov = bytes, .msg_iovlen = 2};
	union fd_space space;
	ssize_t n;

	if (parcel->n_fds)
		attach_fds(&head, &space, parcel->fds, parcel->n_fds);
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

/* All or none. */
static int duplicate_fds(const int *fds, unsigned n, int *ret_copies)
{
	for (unsigned i = 0; i < n; i++) {
		ret_copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (ret_copies[i] < 0) {
			int error = -errno;

			close_fds(ret_copies, i);
			return error;
		}
	}
	return 0;
}

static struct queued *queued_new(const struct parcel *parcel)
{
	size_t size = message_rows[parcel->message].size;
	size_t fds_at = (size + sizeof(int) - 1) / sizeof(int) * sizeof(int);
	struct queued *queued =
		malloc(sizeof(*queued) + fds_at + parcel->n_fds * sizeof(int));

	if (!queued)
		return NULL;
	queued->next = NULL;
	queued->parcel = *parcel;
	queued->parcel.payload = queued->payload;
	queued->parcel.fds =
		(const int *)(const void *)((char *)queued->payload + fds_at);
	memcpy(queued->payload, parcel->payload, size);
	return queued;
}

static int enqueue(struct channel *channel, const struct parcel *parcel)
{
	struct queued *queued;
	int error;

	if (channel->n_queued >= QUEUE_MAX)
		return -ENOBUFS;
	queued = queued_new(parcel);
	if (!queued)
		return -ENOMEM;
	error = duplicate_fds(parcel->fds, parcel->n_fds,
			      (int *)(uintptr_t)queued->parcel.fds);
	if (error) {
		free(queued);
		return error;
	}
	*channel->last = queued;
	channel->last = &queued->next;
	channel->n_queued++;
	return 0;
}

static bool are_fds_right(const struct parcel *parcel)
{
	switch ((enum message_fd)message_rows[parcel->message].fds) {
	case FD_NONE:
		return parcel->n_fds == 0;
	case FD_ONE:
		return parcel->n_fds == 1;
	case FD_LIST:
		return parcel->n_fds > 0 && parcel->n_fds <= MESSAGE_FDS_MAX;
	}
	return false;
}

int channel_send(struct channel *channel, enum message message,
		 const void *payload, int fd)
{
	struct parcel parcel = {
		.message = (uint16_t)message,
		.payload = payload,
		.fds = &fd,
		.n_fds = fd >= 0,
	};
	int error = -EAGAIN;

	if (message_rows[message].fds == FD_LIST) {
		const struct message_fds *list = payload;

		parcel.fds = list->fd;
		parcel.n_fds = (uint16_t)list->n;
	}
	if (!are_fds_right(&parcel))
		return -EINVAL;
	if (!channel->first)
		error = send_parcel(channel->fd, &parcel);
	return error == -EAGAIN ? enqueue(channel, &parcel) : error;
}

/* When the peer is gone nothing is left to be sent: reading tells of it. */
bool channel_flush(struct channel *channel)
{
	while (channel->first) {
		int error = send_parcel(channel->fd, &channel->first->parcel);

		if (error == -EAGAIN)
			return true;
		drop_first(channel);
	}
	return false;
}

/* ---- receiving ---------------------------------------------------------- */

struct arrival {
	struct packet_head head;
	union message_payload payload;
	size_t len;
	int fds[MESSAGE_FDS_MAX];
	unsigned n_fds;
	bool is_cut;
};

/* Collects what descriptors came. */
static void take_fds(struct arrival *arrival, struct msghdr *head)
{
	arrival->n_fds = 0;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(head); control;
	     control = CMSG_NXTHDR(head, control)) {
		size_t len = control->cmsg_len - CMSG_LEN(0);

		if (control->cmsg_level != SOL_SOCKET ||
		    control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= len &&
				    arrival->n_fds < MESSAGE_FDS_MAX;
		     at += sizeof(int))
			memcpy(&arrival->fds[arrival->n_fds++],
			       CMSG_DATA(control) + at, sizeof(int));
	}
}

/* 0, -EAGAIN, or -EPIPE at the end. */
static int receive(int channel_fd, struct arrival *ret_arrival)
{
	struct iovec bytes[2] = {
		{&ret_arrival->head, sizeof(ret_arrival->head)},
		{&ret_arrival->payload, sizeof(ret_arrival->payload)},
	};
	union fd_space space;
	struct msghdr head = {.msg_iov = bytes,
			      .msg_iovlen = 2,
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
	take_fds(ret_arrival, &head);
	ret_arrival->is_cut = head.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	return n == 0 ? -EPIPE : 0;
}

static bool is_good(const struct arrival *arrival)
{
	const struct packet_head *head = &arrival->head;
	const struct message_row *row;

	if (arrival->is_cut || arrival->len < sizeof(*head) ||
	    head->message == MESSAGE_NONE || head->message >= N_MESSAGES)
		return false;
	row = &message_rows[head->message];
	if (head->size != row->size ||
	    arrival->len != sizeof(*head) + row->size)
		return false;
	if (row->fds == FD_LIST)
		return arrival->n_fds > 0 &&
		       arrival->payload.fds.n == arrival->n_fds;
	return arrival->n_fds == row->fds;
}

static channel_handler *find_handler(const struct inbox_row *inbox,
				     unsigned message)
{
	for (; inbox->message != MESSAGE_NONE; inbox++)
		if (inbox->message == message)
			return inbox->handler;
	return NULL;
}

/* Into the payload, or the one as the handler's argument. */
static int hand_fds(struct arrival *arrival)
{
	if (message_rows[arrival->head.message].fds != FD_LIST)
		return arrival->n_fds > 0 ? arrival->fds[0] : -1;
	memcpy(arrival->payload.fds.fd, arrival->fds,
	       arrival->n_fds * sizeof(int));
	return -1;
}

/* False: dropped as strange. */
static bool dispatch(struct arrival *arrival, const struct inbox_row *inbox,
		     void *arg)
{
	channel_handler *handler =
		is_good(arrival) ? find_handler(inbox, arrival->head.message)
				 : NULL;

	if (handler) {
		int fd = hand_fds(arrival);

		handler(arg, &arrival->payload, fd);
		return true;
	}
	close_fds(arrival->fds, arrival->n_fds);
	return false;
}

int channel_read(struct channel *channel, const struct inbox_row *inbox,
		 void *arg, unsigned *ret_strange)
{
	struct arrival arrival;
	unsigned strange = 0;
	int error = 0;

	for (unsigned i = 0; i < READ_MAX; i++) {
		error = receive(channel->fd, &arrival);
		if (error < 0)
			break;
		strange += !dispatch(&arrival, inbox, arg);
	}
	if (ret_strange)
		*ret_strange = strange;
	return error == -EPIPE ? -EPIPE : 0;
}
