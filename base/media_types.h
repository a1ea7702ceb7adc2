/* SPDX-License-Identifier: Apache-2.0
 *
 * The few words that signalling (SDP) and media (RTP) share.
 */
#ifndef BASE_MEDIA_TYPES_H
#define BASE_MEDIA_TYPES_H

#include <stdint.h>

#define PAYLOADS_MAX 16 /* payload types of a stream that may be renumbered */

/* Media directions as bits, seen from us: what we take from the peer and what
 * we send to it. */
#define MEDIA_TAKE 1u
#define MEDIA_GIVE 2u

struct payload_map {
	uint8_t from, to; /* RTP payload types */
};

#endif
