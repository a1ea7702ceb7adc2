/* SPDX-License-Identifier: Apache-2.0
 *
 * name-addr and addr-spec values (RFC 3261 20.10, 25.1): From, To, Contact,
 * Route and their like.  Called by scan.c for From and To of every message and
 * by the worker for the rest.
 */
#include <errno.h>

#include "sip/chars.h"
#include "sip/params.h"
#include "sip/uri.h"

/* What an unquoted display name is made of: tokens by the RFC.  Peers also
 * write '&', '@' and bytes above 0x7f, which can mislead nobody; with a colon
 * it could be taken for a URI. */
static bool is_display_byte(char c)
{
	return sip_is_blank(c) || (sip_char_is(c, CHAR_PARAM) && c != ':');
}

/* The display name and the '<' behind it; false for an addr-spec. */
static bool display_next(struct slice *rest, struct slice *ret_display)
{
	size_t n = 0;

	if (rest->len > 0 && *rest->ptr == '"')
		n = sip_quoted_len(*rest);
	else
		while (n < rest->len && is_display_byte(rest->ptr[n]))
			n++;
	*ret_display = slice_trim(sip_first(*rest, n));
	*rest = sip_skip_blanks(sip_skip(*rest, n));
	if (rest->len == 0 || *rest->ptr != '<')
		return false;
	*rest = sip_skip(*rest, 1);
	return true;
}

/* Up to '>' in brackets; else up to what can end an addr-spec. */
static int uri_text_next(struct slice *rest, bool is_bracketed,
			 struct slice *ret_uri)
{
	size_t n = 0;

	if (is_bracketed) {
		ptrdiff_t end = slice_find(*rest, '>');

		if (end < 0)
			return -EINVAL;
		n = (size_t)end;
	} else {
		while (n < rest->len && !sip_is_blank(rest->ptr[n]) &&
		       rest->ptr[n] != ';' && rest->ptr[n] != ',')
			n++;
	}
	*ret_uri = sip_first(*rest, n);
	*rest = sip_skip(*rest, n + is_bracketed);
	return 0;
}

static int params_next(struct slice *rest, struct slice *ret_params)
{
	struct slice name, value;
	const char *start;
	int found;

	*rest = sip_skip_blanks(*rest);
	start = rest->ptr;
	do
		found = sip_param_next(rest, &name, &value);
	while (found > 0);
	*ret_params =
		slice_trim((struct slice){start, (size_t)(rest->ptr - start)});
	return found;
}

int name_addr_parse(struct slice value, struct name_addr *ret_name,
		    struct slice *ret_rest)
{
	struct slice rest = sip_skip_blanks(value), start = rest;
	struct name_addr name;
	struct sip_uri unused;
	bool is_bracketed = display_next(&rest, &name.display);

	if (!is_bracketed) {
		rest = start;
		name.display = sip_first(start, 0);
	}
	if (uri_text_next(&rest, is_bracketed, &name.uri) < 0 ||
	    uri_parse(name.uri, &unused) < 0 ||
	    params_next(&rest, &name.params) < 0)
		return -EINVAL;
	if (ret_rest)
		*ret_rest = rest.len ? sip_skip(rest, 1) : SLICE_NONE;
	*ret_name = name;
	return 0;
}

bool name_addr_param(const struct name_addr *name, const char *param,
		     struct slice *ret_value)
{
	return sip_param_find(name->params, param, ret_value);
}
