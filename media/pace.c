/* SPDX-License-Identifier: Apache-2.0
 *
 * See pace.h.  Called by the media worker's loop once a turn.
 */

#include "media/pace.h"

#include "media/engine.h"

void pace_count(struct pace *pace, unsigned n_packets, uint64_t now_us)
{
	pace->n += n_packets;
	if (pace->n >= PACE_DENSE)
		pace->is_dense = true;
	if (now_us - pace->window_us < PACE_WINDOW_US)
		return;
	pace->is_dense = pace->n >= PACE_DENSE &&
			 now_us - pace->window_us < 2 * PACE_WINDOW_US;
	pace->window_us = now_us;
	pace->n = 0;
}

struct engine_wait pace_wait(const struct pace *pace, uint64_t idle_us)
{
	if (pace->is_dense)
		return (struct engine_wait){.wait_us = PACE_GATHER_US,
					    .min_packets = PACE_GATHER_MIN};
	return (struct engine_wait){.wait_us = idle_us, .min_packets = 1};
}
