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
	unsigned n_switch, n_doorbell;
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

static const struct inbox_row inbox[] = {
	{MESSAGE_DRAIN, on_drain},
	{MESSAGE_DOORBELL, on_doorbell},
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
	cr_assert(message_rows[MESSAGE_CONFIG].has_fd);
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
	uint64_t bytes[64] = {0}; /* payload as aligned as the real one */

	memcpy(bytes, &message, 2);
	memcpy((char *)bytes + 2, &size, 2);
	((struct wire *)bytes)->payload.doorbell.slot.index = 7;
	send_raw(bytes, len, fds, n);
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
