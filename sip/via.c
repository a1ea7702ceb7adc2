/* SPDX-License-Identifier: Apache-2.0
 *
 * Via values; called by scan.c for every Via of a message and by write.c when
 * a response is made.  Trap: white space may stand around every separator.
 */
#include "sip/via.h"

#include <errno.h>

#include "sip/chars.h"
#include "sip/params.h"

/* A token, the blanks after it, and `separator` with its blanks if not 0. */
static int token_next(struct slice *rest, char separator,
		      struct slice *ret_token)
{
	size_t n = sip_span(*rest, CHAR_TOKEN);
	struct slice after = sip_skip(*rest, n);

	if (n == 0)
		return -EINVAL;
	*ret_token = sip_first(*rest, n);
	after = sip_skip_blanks(after);
	if (separator) {
		if (after.len == 0 || *after.ptr != separator)
			return -EINVAL;
		after = sip_skip_blanks(sip_skip(after, 1));
	}
	*rest = after;
	return 0;
}

static int read_params(struct slice *rest, struct sip_via *via)
{
	struct slice name, value;
	int found;

	while ((found = sip_param_next(rest, &name, &value)) > 0) {
		if (slice_is_nocase(name, SLICE("branch"))) {
			if (via->branch.ptr || value.len == 0)
				return -EINVAL;
			via->branch = value;
		} else if (slice_is_nocase(name, SLICE("rport"))) {
			via->has_rport = true;
		}
	}
	return found;
}

int via_parse(struct slice value, struct sip_via *ret_via,
	      struct slice *ret_rest)
{
	struct slice rest = sip_skip_blanks(value), unused;
	const char *start = rest.ptr;
	struct sip_via via = {.branch = SLICE_NONE};

	if (token_next(&rest, '/', &unused) < 0 ||
	    token_next(&rest, '/', &unused) < 0 ||
	    token_next(&rest, 0, &via.transport) < 0 ||
	    sip_host_next(&rest, &via.host, &via.port) < 0)
		return -EINVAL;
	via.params = rest = sip_skip_blanks(rest);
	if (read_params(&rest, &via) < 0)
		return -EINVAL;
	via.params.len = (size_t)(rest.ptr - via.params.ptr);
	via.params = slice_trim(via.params);
	via.text =
		slice_trim((struct slice){start, (size_t)(rest.ptr - start)});
	*ret_rest = rest.len ? sip_skip(rest, 1) : SLICE_NONE;
	*ret_via = via;
	return 0;
}
