/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a series of RTP packets: a byte says how long the next one is.
 * What parses lies inside its packet, a head written again is the same head,
 * and the figures stay sane.
 */
#include "rtp/packet.h"
#include "tests/fuzz/fuzz.h"

#define RATE 8000

static void check_head(const struct rtp_view *view)
{
	uint8_t head[RTP_HEAD_LEN];
	struct rtp_view again;

	must(rtp_write_head(head, view) == sizeof(head));
	must(rtp_parse(head, sizeof(head), &again) == 0);
	must(again.payload_type == view->payload_type &&
	     again.is_marked == view->is_marked &&
	     again.sequence == view->sequence &&
	     again.timestamp == view->timestamp && again.ssrc == view->ssrc &&
	     again.payload_len == 0);
}

static void take(struct rtp_figures *figures, const uint8_t *packet, size_t len,
		 uint64_t now_us)
{
	struct rtp_view view;

	rtp_is_rtcp(packet, len);
	if (rtp_parse(packet, len, &view) < 0)
		return;
	must(view.payload >= packet + RTP_HEAD_LEN &&
	     view.payload + view.payload_len <= packet + len);
	check_head(&view);
	rtp_figures_take(figures, &view, now_us, RATE);
	must(rtp_figures_jitter_us(figures, RATE) <= 4000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_figures figures = {0};
	uint64_t now_us = 1000000000;

	while (size > 0) {
		size_t len = data[0] < size - 1 ? data[0] : size - 1;
		char *packet = fuzz_copy(data + 1, len);

		now_us += 20000;
		take(&figures, (const uint8_t *)packet, len, now_us);
		free(packet);
		data += 1 + len;
		size -= 1 + len;
	}
	return 0;
}
