/* SPDX-License-Identifier: Apache-2.0
 *
 * URIs (RFC 3261 19.1, RFC 3966) as slices of the wire, and the one canonical
 * number made of them.  Called by scan.c, the worker and the simulator.
 * Trap: nothing is decoded but in uri_number(), and there only once.
 */
#include "sip/uri.h"

#include <errno.h>

#include "sip/chars.h"
#include "sip/params.h"

/* The scheme with its colon; 0 when there is none. */
static size_t scheme_len(struct slice text)
{
	size_t n = 0;

	if (text.len == 0 || !sip_char_is(*text.ptr, CHAR_ALPHA))
		return 0;
	while (n < text.len &&
	       (sip_char_is(text.ptr[n], CHAR_ALPHA | CHAR_DIGIT) ||
		text.ptr[n] == '+' || text.ptr[n] == '-' || text.ptr[n] == '.'))
		n++;
	return n < text.len && text.ptr[n] == ':' ? n + 1 : 0;
}

static enum uri_scheme scheme_of(struct slice scheme)
{
	if (slice_is_nocase(scheme, SLICE("sip:")))
		return URI_SIP;
	if (slice_is_nocase(scheme, SLICE("sips:")))
		return URI_SIPS;
	if (slice_is_nocase(scheme, SLICE("tel:")))
		return URI_TEL;
	return URI_OTHER;
}

/* "user[:password]@": the first '@', since none may stand behind it. */
static int userinfo_next(struct slice *rest, struct sip_uri *uri)
{
	ptrdiff_t at = slice_find(*rest, '@');
	struct slice info;

	if (at < 0)
		return 0;
	info = sip_first(*rest, (size_t)at);
	*rest = sip_skip(*rest, (size_t)at + 1);
	if (slice_find(*rest, '@') >= 0)
		return -EINVAL;
	uri->user = slice_cut(&info, ':');
	if (info.ptr)
		uri->password = info;
	return uri->user.len > 0 ? 0 : -EINVAL;
}

static int parse_sip(struct slice rest, struct sip_uri *uri)
{
	ptrdiff_t question;

	if (userinfo_next(&rest, uri) < 0 ||
	    sip_host_next(&rest, &uri->host, &uri->port) < 0)
		return -EINVAL;
	question = slice_find(rest, '?');
	if (question >= 0) {
		uri->headers = sip_skip(rest, (size_t)question + 1);
		rest.len = (size_t)question;
	}
	if (rest.len > 0 && *rest.ptr != ';')
		return -EINVAL;
	uri->params = rest;
	return 0;
}

static int parse_tel(struct slice rest, struct sip_uri *uri)
{
	ptrdiff_t semicolon = slice_find(rest, ';');

	uri->user = rest;
	if (semicolon >= 0) {
		uri->user.len = (size_t)semicolon;
		uri->params = sip_skip(rest, (size_t)semicolon);
	}
	return uri->user.len > 0 ? 0 : -EINVAL;
}

int uri_parse(struct slice text, struct sip_uri *ret_uri)
{
	struct sip_uri uri = {.scheme = URI_OTHER};
	size_t n = scheme_len(text);
	struct slice rest = sip_skip(text, n);
	int result = 0;

	if (n == 0 || !sip_is_all(rest, CHAR_URI))
		return -EINVAL;
	uri.scheme = scheme_of(sip_first(text, n));
	if (uri.scheme == URI_SIP || uri.scheme == URI_SIPS)
		result = parse_sip(rest, &uri);
	else if (uri.scheme == URI_TEL)
		result = parse_tel(rest, &uri);
	if (result == 0)
		*ret_uri = uri;
	return result;
}

bool uri_param(const struct sip_uri *uri, const char *name,
	       struct slice *ret_value)
{
	return sip_param_find(uri->params, name, ret_value);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of *s, "%XX" decoded; -EINVAL for half an escape. */
static int next_byte(struct slice *s)
{
	int c = (unsigned char)*s->ptr;
	int high, low;

	*s = sip_skip(*s, 1);
	if (c != '%')
		return c;
	if (s->len < 2)
		return -EINVAL;
	high = hex_value(s->ptr[0]);
	low = hex_value(s->ptr[1]);
	if (high < 0 || low < 0)
		return -EINVAL;
	*s = sip_skip(*s, 2);
	return high << 4 | low;
}

static bool is_separator(int c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* Separators are dropped only from what is a number: in "j.doe" the dot is
 * part of the name. */
static bool is_number_like(struct slice user)
{
	while (user.len > 0) {
		int c = next_byte(&user);

		if (c < 0)
			return false;
		if (!sip_char_is((char)c, CHAR_DIGIT) && c != '+' && c != '*' &&
		    c != '#' && !is_separator(c))
			return false;
	}
	return true;
}

int uri_number(const struct sip_uri *uri, char *buf, size_t size)
{
	struct slice user = uri->user;
	bool drops_separators;
	size_t n = 0;

	user = slice_cut(&user, ';');
	drops_separators = is_number_like(user);
	while (user.len > 0) {
		int c = next_byte(&user);

		if (c < 0x20 || c == 0x7f)
			return -EINVAL;
		if (drops_separators && is_separator(c))
			continue;
		if (n + 1 >= size)
			return -EINVAL;
		buf[n++] = (char)c;
	}
	if (n == 0)
		return -EINVAL;
	buf[n] = 0;
	return 0;
}
