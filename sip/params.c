/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts with ports and parameter lists; called by uri.c, name_addr.c and
 * via.c on slices of a scanned message.  Linear, allocates nothing.
 */
#include "sip/params.h"

#include <arpa/inet.h>
#include <errno.h>

#include "sip/chars.h"

/* The length of "[v6]" at the start of s, or 0. */
static size_t v6_reference_len(struct slice s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr unused;
	ptrdiff_t end = slice_find(s, ']');

	if (end < 3 || (size_t)end > sizeof(text))
		return 0;
	slice_copy((struct slice){s.ptr + 1, (size_t)end - 1}, text,
		   sizeof(text));
	if (inet_pton(AF_INET6, text, &unused) != 1)
		return 0;
	return (size_t)end + 1;
}

static size_t host_len(struct slice s)
{
	if (s.len > 0 && *s.ptr == '[')
		return v6_reference_len(s);
	return sip_span(s, CHAR_HOST);
}

static int port_next(struct slice *rest, uint16_t *ret_port)
{
	struct slice after = sip_skip_blanks(*rest);
	uint64_t port = 0;
	size_t n;

	if (after.len > 0 && *after.ptr == ':') {
		after = sip_skip_blanks(sip_skip(after, 1));
		n = sip_span(after, CHAR_DIGIT);
		if (slice_to_u64(sip_first(after, n), 65535, &port) < 0 ||
		    port == 0)
			return -EINVAL;
		*rest = sip_skip(after, n);
	}
	*ret_port = (uint16_t)port;
	return 0;
}

int sip_host_next(struct slice *rest, struct slice *ret_host,
		  uint16_t *ret_port)
{
	struct slice host = sip_first(*rest, host_len(*rest));
	struct slice after = sip_skip(*rest, host.len);

	if (host.len == 0 || port_next(&after, ret_port) < 0)
		return -EINVAL;
	*ret_host = host;
	*rest = after;
	return 0;
}

static int value_next(struct slice *rest, struct slice *ret_value)
{
	size_t n;

	if (rest->len > 0 && *rest->ptr == '"') {
		n = sip_quoted_len(*rest);
		if (n == 0)
			return -EINVAL;
	} else {
		n = sip_span(*rest, CHAR_PARAM);
	}
	*ret_value = sip_first(*rest, n);
	*rest = sip_skip(*rest, n);
	return 0;
}

int sip_param_next(struct slice *rest, struct slice *ret_name,
		   struct slice *ret_value)
{
	struct slice s = sip_skip_blanks(*rest);
	size_t n;

	*rest = s;
	if (s.len == 0 || *s.ptr == ',')
		return 0;
	if (*s.ptr != ';')
		return -EINVAL;
	s = sip_skip_blanks(sip_skip(s, 1));
	n = sip_span(s, CHAR_TOKEN);
	if (n == 0)
		return -EINVAL;
	*ret_name = sip_first(s, n);
	*ret_value = (struct slice){s.ptr + n, 0};
	s = sip_skip_blanks(sip_skip(s, n));
	if (s.len > 0 && *s.ptr == '=') {
		s = sip_skip_blanks(sip_skip(s, 1));
		if (value_next(&s, ret_value) < 0)
			return -EINVAL;
	}
	*rest = s;
	return 1;
}

bool sip_param_find(struct slice params, const char *name,
		    struct slice *ret_value)
{
	struct slice wanted = slice_of(name), found, value;

	while (sip_param_next(&params, &found, &value) > 0) {
		if (slice_is_nocase(found, wanted)) {
			if (ret_value)
				*ret_value = value;
			return true;
		}
	}
	return false;
}
