/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: parsing, comparing and printing, for every process.  Names are
 * never looked up here.
 * Trap: an IPv4-mapped IPv6 address is another address than its IPv4 form for
 * addr_is_same; whoever reads from a dual-stack socket calls addr_unmap first.
 * The questions about kinds (loopback, wildcard, multicast) see through the
 * mapping, since they guard against a peer's tricks.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

socklen_t addr_len(const struct addr *addr)
{
	return addr->sa.sa_family == AF_INET6 ? sizeof(addr->in6)
					      : sizeof(addr->in4);
}

uint16_t addr_port(const struct addr *addr)
{
	switch (addr->sa.sa_family) {
	case AF_INET:
		return ntohs(addr->in4.sin_port);
	case AF_INET6:
		return ntohs(addr->in6.sin6_port);
	}
	return 0;
}

void addr_set_port(struct addr *addr, uint16_t port)
{
	if (addr->sa.sa_family == AF_INET6)
		addr->in6.sin6_port = htons(port);
	else if (addr->sa.sa_family == AF_INET)
		addr->in4.sin_port = htons(port);
}

/* Host without brackets. */
static int parse_plain_host(struct slice host, uint16_t port,
			    struct addr *ret_addr)
{
	char text[INET6_ADDRSTRLEN];
	struct addr addr;

	memset(&addr, 0, sizeof(addr));
	if (host.len == 0 || host.len >= sizeof(text) ||
	    slice_find(host, '\0') >= 0)
		return -EINVAL;
	slice_copy(host, text, sizeof(text));
	if (inet_pton(AF_INET, text, &addr.in4.sin_addr) == 1)
		addr.in4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &addr.in6.sin6_addr) == 1)
		addr.in6.sin6_family = AF_INET6;
	else
		return -EINVAL;
	addr_set_port(&addr, port);
	*ret_addr = addr;
	return 0;
}

/* What stands between brackets must be IPv6. */
static int parse_bracketed_host(struct slice inside, uint16_t port,
				struct addr *ret_addr)
{
	if (slice_find(inside, ':') < 0)
		return -EINVAL;
	return parse_plain_host(inside, port, ret_addr);
}

int addr_parse_host(struct slice host, uint16_t port, struct addr *ret_addr)
{
	if (host.len < 2 || host.ptr[0] != '[')
		return parse_plain_host(host, port, ret_addr);
	if (host.ptr[host.len - 1] != ']')
		return -EINVAL;
	host.ptr++;
	host.len -= 2;
	return parse_bracketed_host(host, port, ret_addr);
}

/* Splits "host:port", "[host]:port" and hosts alone; *ret_port stays empty
 * (ptr NULL) where there is no colon for it. */
static void split_port(struct slice text, struct slice *ret_host,
		       struct slice *ret_port)
{
	ptrdiff_t end = -1;

	*ret_host = text;
	*ret_port = SLICE_NONE;
	if (text.len > 0 && text.ptr[0] == '[')
		end = slice_find(text, ']') + 1;
	else if (slice_find(text, ':') >= 0 &&
		 !memchr(text.ptr + slice_find(text, ':') + 1, ':',
			 text.len - (size_t)slice_find(text, ':') - 1))
		end = slice_find(text, ':');
	if (end <= 0 || (size_t)end >= text.len || text.ptr[end] != ':')
		return;
	ret_host->len = (size_t)end;
	ret_port->ptr = text.ptr + end + 1;
	ret_port->len = text.len - (size_t)end - 1;
}

int addr_parse(struct slice text, uint16_t default_port, struct addr *ret_addr)
{
	struct slice host, port_text;
	uint64_t port = default_port;

	split_port(text, &host, &port_text);
	if (port_text.ptr &&
	    (slice_to_u64(port_text, UINT16_MAX, &port) < 0 || port == 0))
		return -EINVAL;
	return addr_parse_host(host, (uint16_t)port, ret_addr);
}

/* The bytes of the host part; NULL for "none". */
static const uint8_t *host_bytes(const struct addr *addr, unsigned *ret_len)
{
	switch (addr->sa.sa_family) {
	case AF_INET:
		*ret_len = sizeof(addr->in4.sin_addr);
		return (const uint8_t *)&addr->in4.sin_addr;
	case AF_INET6:
		*ret_len = sizeof(addr->in6.sin6_addr);
		return addr->in6.sin6_addr.s6_addr;
	}
	*ret_len = 0;
	return NULL;
}

bool addr_is_same_host(const struct addr *a, const struct addr *b)
{
	unsigned a_len, b_len;
	const uint8_t *a_bytes = host_bytes(a, &a_len);
	const uint8_t *b_bytes = host_bytes(b, &b_len);

	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6 &&
	    a->in6.sin6_scope_id != b->in6.sin6_scope_id)
		return false;
	return a_len == 0 || !memcmp(a_bytes, b_bytes, b_len);
}

bool addr_is_same(const struct addr *a, const struct addr *b)
{
	return addr_port(a) == addr_port(b) && addr_is_same_host(a, b);
}

bool addr_is_none(const struct addr *addr)
{
	return addr->sa.sa_family != AF_INET && addr->sa.sa_family != AF_INET6;
}

void addr_unmap(struct addr *addr)
{
	struct addr plain;

	if (addr->sa.sa_family != AF_INET6 ||
	    !IN6_IS_ADDR_V4MAPPED(&addr->in6.sin6_addr))
		return;
	memset(&plain, 0, sizeof(plain));
	plain.in4.sin_family = AF_INET;
	plain.in4.sin_port = addr->in6.sin6_port;
	memcpy(&plain.in4.sin_addr, addr->in6.sin6_addr.s6_addr + 12, 4);
	*addr = plain;
}

/* 0 when it is not IPv4, mapped or plain (0.0.0.0 is told by the flag). */
static bool as_ipv4(const struct addr *addr, uint32_t *ret_host)
{
	struct addr plain = *addr;

	addr_unmap(&plain);
	if (plain.sa.sa_family != AF_INET)
		return false;
	*ret_host = ntohl(plain.in4.sin_addr.s_addr);
	return true;
}

bool addr_is_wildcard(const struct addr *addr)
{
	uint32_t host;

	if (as_ipv4(addr, &host))
		return host == INADDR_ANY;
	return addr->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&addr->in6.sin6_addr);
}

bool addr_is_loopback(const struct addr *addr)
{
	uint32_t host;

	if (as_ipv4(addr, &host))
		return host >> 24 == 127;
	return addr->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

bool addr_is_multicast_or_broadcast(const struct addr *addr)
{
	uint32_t host;

	if (as_ipv4(addr, &host))
		return host >> 28 == 14 || host == INADDR_BROADCAST;
	return addr->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_MULTICAST(&addr->in6.sin6_addr);
}

bool addr_is_in(const struct addr *addr, const struct addr *net,
		unsigned prefix_bits)
{
	struct addr plain = *addr;
	unsigned len, net_len, whole = prefix_bits / 8, rest = prefix_bits % 8;
	const uint8_t *bytes, *net_bytes = host_bytes(net, &net_len);

	if (net->sa.sa_family == AF_INET)
		addr_unmap(&plain);
	bytes = host_bytes(&plain, &len);
	if (len == 0 || len != net_len || prefix_bits > len * 8 ||
	    memcmp(bytes, net_bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       (bytes[whole] ^ net_bytes[whole]) >> (8 - rest) == 0;
}

uint64_t addr_hash(const struct addr *addr)
{
	unsigned len;
	const uint8_t *bytes = host_bytes(addr, &len);

	return slice_hash((struct slice){(const char *)bytes, len},
			  addr_port(addr));
}

/* inet_ntop does it by sprintf, which every message would pay for. */
static const char *ipv4_text(const uint8_t bytes[4], char *buf)
{
	struct out out = out_init(buf, ADDR_TEXT_MAX);

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			out_char(&out, '.');
		out_u64(&out, bytes[i]);
	}
	return out_end(&out);
}

const char *addr_host_text(const struct addr *addr, char *buf)
{
	unsigned len;
	const uint8_t *bytes = host_bytes(addr, &len);

	if (bytes && addr->sa.sa_family == AF_INET)
		return ipv4_text(bytes, buf);
	if (!bytes || !inet_ntop(addr->sa.sa_family, bytes, buf, ADDR_TEXT_MAX))
		slice_copy(SLICE("none"), buf, ADDR_TEXT_MAX);
	return buf;
}

const char *addr_uri_host_text(const struct addr *addr, char *buf)
{
	char host[ADDR_TEXT_MAX];
	struct out out = out_init(buf, ADDR_TEXT_MAX);
	bool is_v6 = addr->sa.sa_family == AF_INET6;

	out_text(&out, is_v6 ? "[" : "");
	out_text(&out, addr_host_text(addr, host));
	out_text(&out, is_v6 ? "]" : "");
	return out_end(&out);
}

const char *addr_text(const struct addr *addr, char *buf)
{
	char host[ADDR_TEXT_MAX];
	struct out out = out_init(buf, ADDR_TEXT_MAX);

	out_text(&out, addr_uri_host_text(addr, host));
	if (!addr_is_none(addr)) {
		out_char(&out, ':');
		out_u64(&out, addr_port(addr));
	}
	return out_end(&out);
}
