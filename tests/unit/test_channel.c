/* SPDX-License-Identifier: Apache-2.0
 *
 * base/channel.c over a real socket pair: order, descriptors, bounds, and what
 * a peer that went mad may send.
 */
#include "base/channel.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct channel *ours, *theirs;
static int raw_ours; /* descriptor of ours, to send nonsense on */

static struct {
	unsigned n_switch, n_doorbell, n_lists, n_listed;
	uint8_t last_switch;
	int last_fd;
} seen;

static void on_drain(void *arg, const union message_payload *payload, int fd)
{
	cr_assert_eq(arg, &seen);
	cr_assert_eq(fd, -1);
	seen.n_switch++;
	seen.last_switch = payload->toggle.is_on;
}

static void on_doorbell(void *arg, const union message_payload *payload, int fd)
{
	(void)arg;
	cr_assert_eq(payload->doorbell.slot.index, 7);
	seen.n_doorbell++;
	seen.last_fd = fd;
}

/* Socket i of the list goes by port i. */
static void on_rtp_sockets(void *arg, const union message_payload *payload,
			   int fd)
{
	const struct message_rtp_sockets *sockets = &payload->rtp_sockets;
	struct stat file;

	(void)arg;
	cr_assert_eq(fd, -1);
	seen.n_lists++;
	for (unsigned i = 0; i < sockets->fds.n; i++) {
		cr_assert_eq(sockets->name[i].port, i);
		cr_assert_eq(fstat(sockets->fds.fd[i], &file), 0);
		cr_assert_eq(fcntl(sockets->fds.fd[i], F_GETFD), FD_CLOEXEC);
		cr_assert(S_ISFIFO(file.st_mode) == (i % 2 == 1));
		close(sockets->fds.fd[i]);
		seen.n_listed++;
	}
}

static const struct inbox_row inbox[] = {
	{MESSAGE_DRAIN, on_drain},
	{MESSAGE_DOORBELL, on_doorbell},
	{MESSAGE_RTP_SOCKETS, on_rtp_sockets},
	{MESSAGE_NONE, NULL},
};

static void setup(void)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds),
		     0);
	raw_ours = fds[0];
	ours = channel_new(fds[0]);
	theirs = channel_new(fds[1]);
	memset(&seen, 0, sizeof(seen));
}

static void teardown(void)
{
	ours = channel_free(ours);
	theirs = channel_free(theirs);
}

TestSuite(channel, .init = setup, .fini = teardown);

static int send_switch(uint8_t value)
{
	struct message_switch toggle = {value};

	return channel_send(ours, MESSAGE_DRAIN, &toggle, -1);
}

static unsigned read_strange(void)
{
	unsigned strange = 99;

	cr_assert_eq(channel_read(theirs, inbox, &seen, &strange), 0);
	return strange;
}

static unsigned open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

Test(channel, the_table_knows_every_message)
{
	for (unsigned i = 1; i < N_MESSAGES; i++) {
		cr_expect_not_null(message_rows[i].name);
		cr_expect(message_rows[i].size > 0 &&
			  message_rows[i].size <=
				  sizeof(union message_payload));
	}
	cr_assert_str_eq(message_rows[MESSAGE_SERVE].name, "SERVE");
	cr_assert_eq(message_rows[MESSAGE_CONFIG].fds, FD_ONE);
}

Test(channel, a_message_arrives_at_the_handler_of_its_row)
{
	cr_assert_eq(send_switch(5), 0);
	cr_assert_eq(read_strange(), 0);
	cr_assert_eq(seen.n_switch, 1);
	cr_assert_eq(seen.last_switch, 5);
	cr_assert_eq(read_strange(), 0); /* nothing more */
	cr_assert_eq(seen.n_switch, 1);
}

Test(channel, a_descriptor_arrives_as_the_same_file_and_closes_at_exec)
{
	struct message_doorbell bell = {.slot = {SLOT_MEDIA, 7}};
	struct stat sent, got;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	cr_assert_eq(channel_send(ours, MESSAGE_DOORBELL, &bell, fd), 0);
	cr_assert_eq(read_strange(), 0);
	cr_assert_eq(seen.n_doorbell, 1);
	fstat(fd, &sent);
	cr_assert_eq(fstat(seen.last_fd, &got), 0);
	cr_assert_eq(sent.st_ino, got.st_ino);
	cr_assert_eq(fcntl(seen.last_fd, F_GETFD), FD_CLOEXEC);
	close(seen.last_fd);
	close(fd);
}

Test(channel, a_descriptor_that_does_not_belong_is_not_sent)
{
	struct message_switch toggle = {1};
	struct message_doorbell bell = {.slot = {SLOT_MEDIA, 7}};

	cr_assert_eq(channel_send(ours, MESSAGE_DRAIN, &toggle, 0), -EINVAL);
	cr_assert_eq(channel_send(ours, MESSAGE_DOORBELL, &bell, -1), -EINVAL);
}

/* Even places /dev/null, odd ones a pipe. */
static struct message_rtp_sockets list_of(unsigned n, const int fds[2])
{
	struct message_rtp_sockets sockets = {.fds = {.n = n}};

	for (unsigned i = 0; i < n && i < MESSAGE_FDS_MAX; i++) {
		sockets.fds.fd[i] = fds[i % 2];
		sockets.name[i].port = (uint16_t)i;
	}
	return sockets;
}

static void open_two(int ret_fds[2])
{
	int ends[2];

	ret_fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	ret_fds[1] = ends[0];
	close(ends[1]);
}

Test(channel, a_list_of_descriptors_arrives_in_its_order)
{
	static const unsigned sizes[] = {1, 2, MESSAGE_FDS_MAX};
	unsigned before = open_fds(), sum = 0;
	int fds[2];

	open_two(fds);
	for (unsigned i = 0; i < 3; i++) {
		struct message_rtp_sockets list = list_of(sizes[i], fds);

		cr_assert_eq(channel_send(ours, MESSAGE_RTP_SOCKETS, &list, -1),
			     0);
		sum += sizes[i];
	}
	cr_assert_eq(read_strange(), 0);
	cr_assert_eq(seen.n_lists, 3);
	cr_assert_eq(seen.n_listed, sum);
	close(fds[0]);
	close(fds[1]);
	cr_assert_eq(open_fds(), before);
}

Test(channel, an_empty_list_and_one_too_long_are_not_sent)
{
	struct message_rtp_sockets list;
	int fds[2];

	open_two(fds);
	list = list_of(0, fds);
	cr_assert_eq(channel_send(ours, MESSAGE_RTP_SOCKETS, &list, -1),
		     -EINVAL);
	list = list_of(MESSAGE_FDS_MAX + 1, fds);
	cr_assert_eq(channel_send(ours, MESSAGE_RTP_SOCKETS, &list, -1),
		     -EINVAL);
}

/* What is queued holds duplicates: the sender may close its own. */
Test(channel, queued_lists_arrive_though_the_sender_closed_its_descriptors)
{
	unsigned before = open_fds(), n = 0;
	int fds[2];

	open_two(fds);
	do {
		struct message_rtp_sockets list = list_of(8, fds);

		cr_assert_eq(channel_send(ours, MESSAGE_RTP_SOCKETS, &list, -1),
			     0);
		n++;
	} while (!channel_flush(ours) || n % 10);
	close(fds[0]);
	close(fds[1]);
	while (channel_flush(ours))
		cr_assert_eq(read_strange(), 0);
	cr_assert_eq(read_strange(), 0);
	cr_assert_eq(seen.n_lists, n);
	cr_assert_eq(seen.n_listed, 8 * n);
	cr_assert_eq(open_fds(), before);
}

Test(channel, a_message_without_a_row_is_counted_and_its_descriptor_closed)
{
	struct message_config config = {1, 2};
	unsigned before = open_fds();

	cr_assert_eq(channel_send(ours, MESSAGE_CONFIG, &config, 0), 0);
	cr_assert_eq(read_strange(), 1);
	cr_assert_eq(open_fds(), before);
}

Test(channel, what_the_kernel_does_not_take_is_queued_in_order)
{
	unsigned n = 0;

	for (; n < 2000; n++)
		cr_assert_eq(send_switch((uint8_t)n), 0);
	cr_assert(channel_flush(ours), "the kernel took it all");
	while (seen.n_switch < n) {
		unsigned before = seen.n_switch;

		cr_assert_eq(read_strange(), 0);
		cr_assert_eq(seen.last_switch, (uint8_t)(seen.n_switch - 1));
		channel_flush(ours);
		cr_assert_gt(seen.n_switch, before);
	}
	cr_assert_not(channel_flush(ours));
	read_strange();
	cr_assert_eq(seen.n_switch, n);
}

Test(channel, a_queued_descriptor_outlives_the_senders)
{
	struct message_doorbell bell = {.slot = {SLOT_MEDIA, 7}};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (!channel_flush(ours))
		cr_assert_eq(send_switch(1), 0);
	cr_assert_eq(channel_send(ours, MESSAGE_DOORBELL, &bell, fd), 0);
	close(fd);
	do
		read_strange();
	while (channel_flush(ours));
	read_strange();
	cr_assert_eq(seen.n_doorbell, 1);
	cr_assert_neq(fcntl(seen.last_fd, F_GETFD), -1);
	close(seen.last_fd);
}

Test(channel, a_peer_that_never_reads_fills_the_queue_to_its_bound)
{
	unsigned n = 0;
	int error;

	while ((error = send_switch(1)) == 0)
		cr_assert_lt(++n, 1000000u);
	cr_assert_eq(error, -ENOBUFS);
	cr_assert_gt(n, 60000u);
}

Test(channel, freeing_a_full_queue_closes_its_descriptors)
{
	struct message_doorbell bell = {.slot = {SLOT_MEDIA, 7}};
	unsigned before = open_fds();

	while (!channel_flush(ours))
		cr_assert_eq(send_switch(1), 0);
	for (unsigned i = 0; i < 10; i++)
		cr_assert_eq(channel_send(ours, MESSAGE_DOORBELL, &bell, 0), 0);
	cr_assert_eq(open_fds(), before + 10);
	ours = channel_free(ours);
	cr_assert_eq(open_fds(), before - 1);
}

Test(channel, a_peer_that_went_away_is_told_of_at_both_ends)
{
	cr_assert_eq(send_switch(9), 0);
	ours = channel_free(ours);
	cr_assert_eq(channel_read(theirs, inbox, &seen, NULL), -EPIPE);
	cr_assert_eq(seen.n_switch, 1); /* what it said before is heard */
	cr_assert_eq(channel_send(theirs, MESSAGE_DRAIN,
				  &(struct message_switch){1}, -1),
		     -EPIPE);
}

static void send_raw(const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		char bytes[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr align;
	} space = {0};
	struct iovec iov = {(void *)(uintptr_t)bytes, len};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *control;

		head.msg_control = space.bytes;
		head.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control = CMSG_FIRSTHDR(&head);
		control->cmsg_level = SOL_SOCKET;
		control->cmsg_type = SCM_RIGHTS;
		control->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(control), fds, n * sizeof(int));
	}
	cr_assert_eq(sendmsg(raw_ours, &head, 0), (ssize_t)len);
}

/* The packet as channel.c draws it. */
struct wire {
	uint16_t message, size;
	union message_payload payload;
};

static void send_head(uint16_t message, uint16_t size, size_t len, unsigned n)
{
	static const int fds[16];
	struct wire wire = {.message = message, .size = size};

	wire.payload.doorbell.slot.index = 7;
	send_raw(&wire, len, fds, n);
}

Test(channel, nonsense_is_counted_and_leaks_no_descriptor)
{
	const uint16_t bell = sizeof(struct message_doorbell);
	const size_t head = offsetof(struct wire, payload);
	unsigned before = open_fds();

	send_head(MESSAGE_DOORBELL, bell, head + bell, 1); /* good */
	cr_assert_eq(read_strange(), 0);
	close(seen.last_fd);
	send_head(MESSAGE_DOORBELL, bell, head + bell, 0); /* no descriptor */
	send_head(MESSAGE_DOORBELL, bell, head + bell, 2);
	send_head(MESSAGE_DOORBELL, bell, head + bell, 16);
	send_head(MESSAGE_DOORBELL, bell + 1, head + bell + 1, 1);
	send_head(MESSAGE_DOORBELL, bell, head + bell - 1, 1);
	send_head(MESSAGE_DOORBELL, bell, head + bell + 1, 1);
	send_head(MESSAGE_DOORBELL, bell, 512, 1);
	send_head(MESSAGE_NONE, 0, head, 0);
	send_head(N_MESSAGES, bell, head + bell, 1);
	send_head(65535, 65535, 4, 0);
	send_raw("x", 1, NULL, 0);
	cr_assert_eq(read_strange(), 11);
	cr_assert_eq(seen.n_doorbell, 1);
	cr_assert_eq(open_fds(), before);
}

static void send_list(uint32_t claimed, unsigned n)
{
	static const int fds[16];
	struct wire wire = {
		.message = MESSAGE_RTP_SOCKETS,
		.size = sizeof(struct message_rtp_sockets),
	};

	wire.payload.fds.n = claimed;
	send_raw(&wire, offsetof(struct wire, payload) + wire.size, fds, n);
}

Test(channel, a_list_that_lies_about_its_length_is_counted_and_closed)
{
	unsigned before = open_fds();

	send_list(2, 1);
	send_list(1, 2);
	send_list(0, 0);
	send_list(UINT32_MAX, 16);
	cr_assert_eq(read_strange(), 4);
	cr_assert_eq(seen.n_lists, 0);
	cr_assert_eq(open_fds(), before);
}
