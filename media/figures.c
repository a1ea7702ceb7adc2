/* SPDX-License-Identifier: Apache-2.0
 *
 * See figures.h.  Called by relay.c for each packet, by stream.c at a rebuild.
 */
#include "media/figures.h"

static void figures_publish(struct way *way)
{
	struct stream_side_row *row = way->row;
	const struct rtp_figures *figures = &way->figures;

	row->extended_seq = figures->extended_seq;
	row->base_seq = figures->base_seq;
	row->transit = figures->transit;
	atomic_store_explicit(&row->ssrc, figures->ssrc, memory_order_relaxed);
	atomic_store_explicit(&row->lost,
			      way->lost_before + rtp_figures_lost(figures),
			      memory_order_relaxed);
	atomic_store_explicit(&row->jitter_us,
			      rtp_figures_jitter_us(figures, way->clock_rate),
			      memory_order_relaxed);
}

void figures_take(struct way *way, const struct rtp_view *view, size_t len,
		  uint64_t now_us)
{
	struct rtp_figures *figures = &way->figures;

	if (figures->is_started && figures->ssrc != view->ssrc) {
		way->lost_before += rtp_figures_lost(figures);
		*figures = (struct rtp_figures){0};
	}
	rtp_figures_take(figures, view, now_us, way->clock_rate);
	figures_add(&way->row->packets_in, 1);
	figures_add(&way->row->bytes_in, len);
	atomic_store_explicit(&way->row->last_packet_us, now_us,
			      memory_order_relaxed);
	figures_publish(way);
}

void figures_restore(struct way *way)
{
	struct stream_side_row *row = way->row;

	/* The first packet begins a new count; the old one's losses stay. */
	way->figures = (struct rtp_figures){0};
	way->lost_before =
		atomic_load_explicit(&row->lost, memory_order_relaxed);
}
