/* SPDX-License-Identifier: Apache-2.0
 *
 * See payload.h.  Called by stream.c when a wish is applied.
 */
#include "media/payload.h"

void payload_table_set(struct payload_table *table,
		       const struct payload_map *map, unsigned n)
{
	table->is_identity = true;
	for (unsigned i = 0; i < sizeof(table->to); i++)
		table->to[i] = (uint8_t)i;
	for (unsigned i = 0; i < n && i < PAYLOADS_MAX; i++) {
		if (map[i].from > 127 || map[i].to > 127)
			continue;
		table->to[map[i].from] = map[i].to;
		if (map[i].from != map[i].to)
			table->is_identity = false;
	}
}
