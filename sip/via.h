/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of a Via header (RFC 3261 20.42, RFC 3581) as slices.
 */
#ifndef SIP_VIA_H
#define SIP_VIA_H

#include "base/str.h"

struct sip_via {
	struct slice text;	/* the whole value */
	struct slice transport; /* as written */
	struct slice host;
	uint16_t port;	     /* 0 none */
	struct slice params; /* from the first ';' */
	struct slice branch; /* ptr NULL: none */
	bool has_rport;
};

/* The first value of a comma list; *ret_rest is what follows its comma, ptr
 * NULL after the last.  0; -EINVAL when the grammar, the port or the branch is
 * wrong or a branch stands twice. */
int via_parse(struct slice value, struct sip_via *ret_via,
	      struct slice *ret_rest);

#endif
