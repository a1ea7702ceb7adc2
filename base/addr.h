/* SPDX-License-Identifier: Apache-2.0
 *
 * An IPv4 or IPv6 address with a port: 28 bytes, fit for records.  family 0
 * (AF_UNSPEC) means "none".
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	};
};

#define ADDR_TEXT_MAX 64 /* "[v6]:port" with NUL */

socklen_t addr_len(const struct addr *addr);
uint16_t addr_port(const struct addr *addr);
void addr_set_port(struct addr *addr, uint16_t port);
/* "192.0.2.1", "192.0.2.1:5060", "2001:db8::1", "[2001:db8::1]:5060", IPv6
 * with brackets alone; a missing port becomes default_port.  Never looks a
 * name up.  0 or -EINVAL. */
int addr_parse(struct slice text, uint16_t default_port, struct addr *ret_addr);
/* Same, for SIP sent-by and SDP: host and port apart; host may be bracketed. */
int addr_parse_host(struct slice host, uint16_t port, struct addr *ret_addr);
bool addr_is_same(const struct addr *a, const struct addr *b);
bool addr_is_same_host(const struct addr *a, const struct addr *b);
bool addr_is_none(const struct addr *addr);
bool addr_is_wildcard(const struct addr *addr);
bool addr_is_loopback(const struct addr *addr);
bool addr_is_multicast_or_broadcast(const struct addr *addr);
/* True if addr lies in net/prefix_bits. */
bool addr_is_in(const struct addr *addr, const struct addr *net,
		unsigned prefix_bits);
/* An IPv4-mapped IPv6 address becomes plain IPv4; others stay. */
void addr_unmap(struct addr *addr);
uint64_t addr_hash(const struct addr *addr);
/* "a.b.c.d:port" / "[v6]:port" into buf of ADDR_TEXT_MAX; returns buf. */
const char *addr_text(const struct addr *addr, char *buf);
/* Without port and brackets: the form of SDP's c= line. */
const char *addr_host_text(const struct addr *addr, char *buf);
/* Host in the form of a URI or Via: IPv6 in brackets, no port. */
const char *addr_uri_host_text(const struct addr *addr, char *buf);

#endif
