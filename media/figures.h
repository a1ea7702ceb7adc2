/* SPDX-License-Identifier: Apache-2.0
 *
 * A side's figures (RFC 3550 A.1, A.3, A.8), kept by way and shown on the
 * stream board.  Only this process writes them.
 */
#ifndef MEDIA_FIGURES_H
#define MEDIA_FIGURES_H

#include "media/way.h"

/* An RTP packet was let in: counts it and publishes. */
void figures_take(struct way *way, const struct rtp_view *view, size_t len,
		  uint64_t now_us);
/* Goes on where the row says that a predecessor was.  What arrived while
 * nobody counted is not called lost. */
void figures_restore(struct way *way);

/* Raises a counter that only we write: no locked instruction. */
static inline void figures_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(
		counter,
		atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

#endif
