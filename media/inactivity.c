/* SPDX-License-Identifier: Apache-2.0
 *
 * See inactivity.h.  Called by books.c once a second for every stream.
 */

#include "media/inactivity.h"

#include "base/clock.h"

/* Since when this side has been silent. */
static uint64_t inactivity_since(const struct stream *stream, unsigned leg)
{
	uint64_t heard_us = stream->way[leg].heard_us;

	return heard_us > stream->quiet_since_us ? heard_us
						 : stream->quiet_since_us;
}

bool inactivity_is_over(const struct stream *stream, uint64_t now_us)
{
	uint64_t limit_us = stream->inactivity_ms * USEC_PER_MSEC;
	unsigned n_silent = 0;

	if (limit_us == 0 || stream->quiet_since_us == 0)
		return false;
	for (unsigned leg = 0; leg < N_LEGS; leg++) {
		bool is_silent =
			now_us - inactivity_since(stream, leg) >= limit_us;

		if (is_silent &&
		    (stream->is_held || stream->flow[leg] & MEDIA_TAKE))
			n_silent++;
	}
	return stream->is_held ? n_silent == N_LEGS : n_silent > 0;
}
