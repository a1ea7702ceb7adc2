/* SPDX-License-Identifier: Apache-2.0
 *
 * Renumbering of payload types (media/payload.c).
 */
#include "media/payload.h"

#include <criterion/criterion.h>

static uint8_t renumbered(const struct payload_table *table, uint8_t byte)
{
	uint8_t packet[12] = {0x80, byte};

	payload_renumber(table, packet);
	return packet[1];
}

Test(payload, a_listed_type_is_renumbered_and_its_marker_kept)
{
	const struct payload_map map[] = {{101, 96}, {96, 101}};
	struct payload_table table;

	payload_table_set(&table, map, 2);
	cr_expect_eq(renumbered(&table, 101), 96);
	cr_expect_eq(renumbered(&table, 96), 101);
	cr_expect_eq(renumbered(&table, 0x80 | 101), 0x80 | 96);
}

Test(payload, what_is_not_listed_passes_unchanged)
{
	const struct payload_map map[] = {{101, 96}};
	struct payload_table table;

	payload_table_set(&table, map, 1);
	for (unsigned type = 0; type < 128; type++)
		if (type != 101)
			cr_expect_eq(renumbered(&table, (uint8_t)type), type);
}

Test(payload, a_map_that_changes_nothing_costs_nothing)
{
	const struct payload_map map[] = {{0, 0}, {101, 101}};
	struct payload_table table;

	payload_table_set(&table, map, 2);
	cr_expect(table.is_identity);
}

Test(payload, types_that_cannot_be_are_ignored)
{
	const struct payload_map map[] = {{200, 96}, {96, 200}};
	struct payload_table table;

	payload_table_set(&table, map, 2);
	cr_expect(table.is_identity);
	cr_expect_eq(renumbered(&table, 96), 96);
}
