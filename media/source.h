/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may send to a media port, and where its answers go.  Pure: no I/O, no
 * clock.  One `struct source` for RTP and one for RTCP of each side of a
 * stream.
 *
 * The rule (CONTRACT "media"): a packet's host must be the one in SDP; its port
 * may differ, and is not answered to.  With latching, a peer behind a NAT is
 * answered where it really sends from: the first valid packet teaches that
 * address; from then on only it and the host of SDP are heard, until it has
 * been silent for SOURCE_SILENCE_US.  A packet from the host that SDP names
 * always wins over a learned stranger.
 * Trap: nothing is learned before SDP has named an address, so a port that
 * waits for an answer cannot be taken by whoever sprays it.
 */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include "base/addr.h"

#define SOURCE_SILENCE_US 5000000ull

struct source {
	struct addr signalled; /* by SDP; family 0: not known yet */
	struct addr learned;   /* family 0: nothing learned */
	struct addr target;    /* where packets to this peer go; 0: nowhere */
	uint64_t heard_us;     /* CLOCK_BOOTTIME of the last good packet */
	bool is_latching;
	bool may_be_loopback; /* our own address on this side is loopback */
};

/* Sets or changes what SDP says; what was learned stays as long as that is the
 * same. */
void source_set(struct source *source, const struct addr *signalled,
		bool is_latching, const struct addr *local);
/* Goes on with an address that a predecessor had learned; after source_set. */
void source_restore(struct source *source, const struct addr *learned,
		    uint64_t now_us);
/* May we send there?  Never to multicast, broadcast, a wildcard or port 0, and
 * to loopback only from loopback. */
bool source_is_allowed(const struct source *source, const struct addr *to);
/* A packet came from `from`: is it let in?  is_valid: it is well-formed, so
 * that it may teach. */
bool source_check(struct source *source, const struct addr *from, bool is_valid,
		  uint64_t now_us);

#endif
