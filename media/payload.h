/* SPDX-License-Identifier: Apache-2.0
 *
 * Payload types where the two sides of a call number the same codec
 * differently (RFC 3264 5.1 lets them).  Pure.  A map is made once per wish and
 * costs one look-up per packet, or nothing when it changes nothing.
 */
#ifndef MEDIA_PAYLOAD_H
#define MEDIA_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/media_types.h"

struct payload_table {
	bool is_identity;
	uint8_t to[128]; /* by payload type */
};

/* What is not listed passes unchanged; pairs outside 0-127 are ignored. */
void payload_table_set(struct payload_table *table,
		       const struct payload_map *map, unsigned n);
/* Renumbers an RTP packet in place; the marker bit stays. */
static inline void payload_renumber(const struct payload_table *table,
				    uint8_t *packet)
{
	if (!table->is_identity)
		packet[1] = (uint8_t)((packet[1] & 0x80) |
				      table->to[packet[1] & 0x7f]);
}

#endif
