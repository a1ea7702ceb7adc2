/* SPDX-License-Identifier: Apache-2.0
 *
 * See position.h.  Called by connection.c in the signalling worker.  Trap: the
 * figures come from three system calls, and the peer goes on meanwhile.  Bytes
 * that arrive, or are acknowledged, between two of them would be taken for
 * bytes that were read, or for bytes that were never written.
 */
#include "worker/position.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* tcpi_state, as netinet/tcp.h names it, which linux/tcp.h does not go with */
enum {
	TCP_SYN_SENT = 2,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_CLOSING = 11
};

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {.tcpi_state = TCP_CLOSE};
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

enum position_state position_state(int fd)
{
	uint8_t state = info_of(fd).tcpi_state;

	return state == TCP_SYN_SENT ? POSITION_CONNECTING
	       : state == TCP_CLOSE  ? POSITION_CLOSED
				     : POSITION_OPEN;
}

static bool is_same(const struct tcp_info *a, const struct tcp_info *b)
{
	return a->tcpi_state == b->tcpi_state &&
	       a->tcpi_bytes_received == b->tcpi_bytes_received &&
	       a->tcpi_bytes_acked == b->tcpi_bytes_acked;
}

/* The peer's FIN is counted among the bytes received. */
static bool has_fin(const struct tcp_info *info)
{
	return info->tcpi_state == TCP_CLOSE_WAIT ||
	       info->tcpi_state == TCP_LAST_ACK ||
	       info->tcpi_state == TCP_CLOSING;
}

/* The state first: what came before the FIN is in the queue by then. */
bool position_is_last(int fd, size_t n_bytes)
{
	struct tcp_info info = info_of(fd);
	int in = 0;

	if (!has_fin(&info) && info.tcpi_state != TCP_CLOSE)
		return false;
	return ioctl(fd, SIOCINQ, &in) < 0 || (size_t)in <= n_bytes;
}

/* An active connect counts its SYN among the bytes acknowledged. */
struct position position_measure(int fd, bool is_outgoing)
{
	struct tcp_info before, after = info_of(fd);
	int in, out;

	do {
		before = after;
		in = out = 0;
		ioctl(fd, SIOCINQ, &in);
		ioctl(fd, SIOCOUTQ, &out);
		after = info_of(fd);
	} while (!is_same(&before, &after));
	return (struct position){
		.consumed = after.tcpi_bytes_received - (uint64_t)in -
			    has_fin(&after),
		.written = after.tcpi_bytes_acked + (uint64_t)out - is_outgoing,
	};
}
