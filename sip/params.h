/* SPDX-License-Identifier: Apache-2.0
 *
 * The pieces that Via values, name-addrs and URIs have in common: host with
 * port, and lists of ";name=value".  Only for files of sip/.
 * Trap: white space around '=', ';' and ':' is legal in headers (RFC 4475
 * 3.1.1.1), so values must be taken from here, not searched for.
 */
#ifndef SIP_PARAMS_H
#define SIP_PARAMS_H

#include "base/str.h"

/* host[:port] at the start of *rest, which is moved behind it.  IPv6 only in
 * brackets and only when it is an address; port 1..65535, 0 when there is
 * none.  0 or -EINVAL. */
int sip_host_next(struct slice *rest, struct slice *ret_host,
		  uint16_t *ret_port);

/* The next ";name[=value]" of *rest: 1 and the parameter (value "" for a flag,
 * quotes included for a quoted string); 0 at the end or at a comma, where
 * *rest then stands; -EINVAL. */
int sip_param_next(struct slice *rest, struct slice *ret_name,
		   struct slice *ret_value);

/* The parameter of this name (in any case), false when absent or the list is
 * broken before it. */
bool sip_param_find(struct slice params, const char *name,
		    struct slice *ret_value);

#endif
