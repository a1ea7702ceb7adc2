/* SPDX-License-Identifier: Apache-2.0
 *
 * SIP over UDP: the row of the transport table, and reading in batches.
 * Signalling worker.  The buffers are of this process, 64 kB each, since a
 * datagram may be that long and the pre-scan changes it in place.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/crash.h"
#include "worker/intake.h"
#include "worker/tally.h"

#define READ_BATCH     32
#define READS_PER_TURN 4
#define BUFFER_SIZE    (SIP_MESSAGE_MAX + 1 + 192) /* no power of two: caches */

static char buffers[READ_BATCH][BUFFER_SIZE];

static void take(struct socket_row *row, char *bytes, size_t len,
		 const struct addr *source)
{
	struct arrival arrival = {
		.server = row->server,
		.bytes = bytes,
		.len = len,
		.from = {.transport = TRANSPORT_UDP,
			 .listener = row->listener,
			 .addr = *source},
	};

	addr_unmap(&arrival.from.addr);
	intake_message(&arrival);
}

static struct mmsghdr messages[READ_BATCH];
static struct iovec pieces[READ_BATCH];
static struct addr sources[READ_BATCH];

static void prepare(unsigned i)
{
	pieces[i] = (struct iovec){buffers[i], SIP_MESSAGE_MAX + 1};
	messages[i].msg_hdr = (struct msghdr){
		.msg_name = &sources[i].sa,
		.msg_namelen = sizeof(sources[i]),
		.msg_iov = &pieces[i],
		.msg_iovlen = 1,
	};
}

/* Prepared once; the kernel changes only those it fills. */
static int receive(int fd)
{
	static bool are_prepared;
	int n;

	for (unsigned i = 0; !are_prepared && i < READ_BATCH; i++)
		prepare(i);
	are_prepared = true;
	n = recvmmsg(fd, messages, READ_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		messages[i].msg_hdr.msg_namelen = sizeof(sources[i]);
	return n;
}

static int read_batch(struct socket_row *row)
{
	int n = receive(row->fd);

	for (int i = 0; i < n; i++) {
		CRASH_POINT(datagram_read);
		take(row, buffers[i], messages[i].msg_len, &sources[i]);
	}
	return n;
}

void udp_read(int fd, unsigned what, void *socket_row)
{
	struct socket_row *row = socket_row;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < READS_PER_TURN; i++)
		if (read_batch(row) < READ_BATCH)
			return;
}

static int udp_send(struct server *server, struct target *target,
		    struct slice bytes, uint64_t *ret_effect)
{
	struct socket_row *row =
		server_socket(server, target->listener, TRANSPORT_UDP);

	if (!row)
		return -ENOTCONN;
	if (bytes.len > SIP_DATAGRAM_MAX)
		return -EMSGSIZE;
	*ret_effect = turn_send_datagram(server, row->fd, &target->addr, bytes);
	return 0;
}

static const struct transport_row rows[N_TRANSPORTS] = {
	[TRANSPORT_UDP] = {.name = "udp",
			   .via = "SIP/2.0/UDP ",
			   .is_reliable = false,
			   .send = udp_send},
	[TRANSPORT_TCP] = {.name = "tcp",
			   .via = "SIP/2.0/TCP ",
			   .is_reliable = true,
			   .send = connection_send},
	/* TRANSPORT_TLS: its row comes with the TLS issue; until then the
	 * configuration refuses it and transport_row answers NULL */
};

const struct transport_row *transport_row(enum transport transport)
{
	if (transport >= N_TRANSPORTS || !rows[transport].send)
		return NULL;
	return &rows[transport];
}

int transport_send(struct server *server, struct target *target,
		   struct slice bytes, uint64_t *ret_effect)
{
	const struct transport_row *row = transport_row(target->transport);

	*ret_effect = 0;
	if (!row)
		return -EPROTONOSUPPORT;
	tally_sent(server->worker, bytes, target->transport);
	return row->send(server, target, bytes, ret_effect);
}
