/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of sipgen with a media address each, for rtpgen beside it: the parties
 * of call i are where rtpgen has them, and the relay's ports are written into
 * the file that rtpgen reads.
 */
#ifndef TESTS_BENCH_SIPGEN_MEDIA_H
#define TESTS_BENCH_SIPGEN_MEDIA_H

#include "base/addr.h"

/* Call i's caller has its media at port + 4i of this host, its callee at port +
 * 4i + 2.  When the ports of all n_calls are known they are written to path,
 * "A B" a line.  Ends the program without memory. */
void sipgen_media_open(const struct addr *at, uint64_t n_calls,
		       const char *path);
/* The media address of a party: side 0 the caller's.  False: not opened. */
bool sipgen_media_own(unsigned side, uint64_t call, struct addr *ret_addr);
/* SDP of the system under test came to this side. */
void sipgen_media_heard(unsigned side, uint64_t call, struct slice sdp);

#endif
