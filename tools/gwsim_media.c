/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP of the simulator's calls: one socket each, G.711, a tone or the echo of
 * what comes, a chosen share of it lost on purpose; and what was heard.
 * Trap: an echo answers packet by packet, so it carries on the gaps of what it
 * hears, and only the side that sends the tone can judge the way there and
 * back.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "rtp/audio.h"
#include "sip/sdp.h"
#include "tools/gwsim.h"

#define PACKET_MAX    2048
#define FRAME_SAMPLES 160 /* 20 ms at 8 kHz */
#define FRAME_US      (20 * USEC_PER_MSEC)
#define TONE_DBM0     (-10.0)
#define HEARD_DBM0    (-25.0)
#define LATE_US	      (200 * USEC_PER_MSEC) /* behind: skip, do not burst */
#define START_PACKETS 25 /* half a second may pass until media flows */
#define PAYLOAD_PCMU  0
#define PAYLOAD_PCMA  8
#define CLOCK_RATE    8000

/* ---- sending ------------------------------------------------------------- */

static bool is_lost_on_purpose(struct sim *sim)
{
	return sim->options.loss_percent > 0 &&
	       (double)(sim_random(sim) % 100000) <
		       sim->options.loss_percent * 1000;
}

static void send_payload(struct sim_call *call, const uint8_t *payload,
			 size_t len, bool is_marked)
{
	struct sim_media *media = &call->media;
	uint8_t packet[PACKET_MAX];
	struct rtp_view view = {.payload_type = media->payload_type,
				.is_marked = is_marked,
				.sequence = media->sequence++,
				.timestamp = media->timestamp,
				.ssrc = media->ssrc};
	size_t head = rtp_write_head(packet, &view);

	media->timestamp += (uint32_t)len;
	if (is_lost_on_purpose(call->sim) || head + len > sizeof(packet))
		return;
	memcpy(packet + head, payload, len);
	if (sendto(media->fd, packet, head + len, MSG_DONTWAIT,
		   &media->remote.sa, addr_len(&media->remote)) >= 0)
		media->sent++;
}

static void send_tone(struct sim_call *call)
{
	struct sim_media *media = &call->media;
	int16_t samples[FRAME_SAMPLES];
	uint8_t payload[FRAME_SAMPLES];

	tone_make(samples, FRAME_SAMPLES, call->sim->options.tone_hz, TONE_DBM0,
		  &media->phase);
	for (unsigned i = 0; i < FRAME_SAMPLES; i++)
		payload[i] = media->is_alaw ? g711_alaw_encode(samples[i])
					    : g711_ulaw_encode(samples[i]);
	send_payload(call, payload, sizeof(payload), media->sequence == 0);
}

uint64_t media_tick(struct sim *sim, uint64_t now_us)
{
	uint64_t next_us = UINT64_MAX;

	if (sim->options.tone_hz <= 0)
		return UINT64_MAX;
	for (struct sim_call *call = sim->talkers; call; call = call->next) {
		struct sim_media *media = &call->media;

		if (media->next_us + LATE_US < now_us)
			media->next_us = now_us;
		while (media->next_us <= now_us) {
			if (media->may_send)
				send_tone(call);
			media->next_us += FRAME_US;
		}
		if (media->next_us < next_us)
			next_us = media->next_us;
	}
	return next_us == UINT64_MAX ? UINT64_MAX : next_us - now_us;
}

/* ---- receiving ----------------------------------------------------------- */

static void listen_for_tone(struct sim_call *call, const struct rtp_view *view)
{
	int16_t samples[FRAME_SAMPLES];
	size_t n = view->payload_len < FRAME_SAMPLES ? view->payload_len
						     : FRAME_SAMPLES;

	if (call->sim->options.hear_hz <= 0 ||
	    view->payload_type != call->media.payload_type)
		return;
	for (size_t i = 0; i < n; i++)
		samples[i] = call->media.is_alaw
				     ? g711_alaw_decode(view->payload[i])
				     : g711_ulaw_decode(view->payload[i]);
	if (n > 0 &&
	    tone_level(samples, n, call->sim->options.hear_hz) > HEARD_DBM0)
		call->media.heard++;
}

static void take_packet(struct sim_call *call, const uint8_t *packet,
			size_t len)
{
	struct sim_media *media = &call->media;
	struct rtp_view view;

	if (rtp_is_rtcp(packet, len) || rtp_parse(packet, len, &view) < 0)
		return;
	rtp_figures_take(&media->figures, &view, clock_boot_us(), CLOCK_RATE);
	listen_for_tone(call, &view);
	if (call->sim->options.tone_hz <= 0 && media->may_send && media->is_on)
		send_payload(call, view.payload, view.payload_len,
			     view.is_marked);
}

static void on_packet(int fd, unsigned what, void *arg)
{
	uint8_t packet[PACKET_MAX];
	ssize_t n;

	(void)what;
	while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
		take_packet(arg, packet, (size_t)n);
}

/* ---- SDP ----------------------------------------------------------------- */

static bool take_codec(struct sim_media *media, const struct sdp_media *theirs)
{
	bool has_codec = false;

	media->event_type = 0;
	for (unsigned i = 0; i < theirs->n_payloads; i++) {
		const struct sdp_payload *payload = &theirs->payloads[i];
		bool is_alaw =
			slice_is_nocase(payload->encoding, SLICE("PCMA"));

		if (slice_is_nocase(payload->encoding,
				    SLICE("telephone-event")))
			media->event_type = payload->number;
		if (has_codec || !(is_alaw || slice_is_nocase(payload->encoding,
							      SLICE("PCMU"))))
			continue;
		media->payload_type = payload->number;
		media->is_alaw = is_alaw;
		has_codec = true;
	}
	return has_codec;
}

int media_take_sdp(struct sim_call *call, struct slice body)
{
	struct sim_media *media = &call->media;
	const struct sdp_media *theirs;
	enum sdp_flow ours;
	struct sdp sdp;
	const char *why;
	int audio;

	if (call->sim->options.is_without_media)
		return 0;
	if (sdp_parse(body, &sdp, &why) < 0 || (audio = sdp_audio(&sdp)) < 0)
		return -EINVAL;
	theirs = &sdp.media[audio];
	if (!take_codec(media, theirs))
		return -EINVAL;
	ours = sdp_flow_reversed(theirs->is_hold_address ? SDP_SENDONLY
							 : theirs->flow);
	media->flow = sdp_flow_text(ours);
	media->remote = theirs->address;
	media->is_agreed = true;
	media->may_send = (ours == SDP_SENDRECV || ours == SDP_SENDONLY) &&
			  !theirs->is_hold_address && theirs->port != 0;
	return 0;
}

/* Before an agreement all we can do, afterwards what was agreed. */
void media_write_sdp(struct sim_call *call, struct out *out)
{
	const struct sim_media *media = &call->media;
	char host[ADDR_TEXT_MAX];
	const char *family =
		media->local.sa.sa_family == AF_INET6 ? "IP6" : "IP4";

	addr_host_text(&media->local, host);
	out_printf(out,
		   "v=0\r\no=- %u 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\n"
		   "t=0 0\r\nm=audio %u RTP/AVP",
		   media->ssrc, family, host, family, host,
		   addr_port(&media->local));
	if (!media->is_agreed)
		out_text(out, " 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
			      "a=rtpmap:0 PCMU/8000\r\n"
			      "a=rtpmap:101 telephone-event/8000\r\n"
			      "a=fmtp:101 0-15\r\n");
	else if (media->event_type)
		out_printf(out,
			   " %u %u\r\na=rtpmap:%u %s/8000\r\n"
			   "a=rtpmap:%u telephone-event/8000\r\n"
			   "a=fmtp:%u 0-15\r\n",
			   media->payload_type, media->event_type,
			   media->payload_type,
			   media->is_alaw ? "PCMA" : "PCMU", media->event_type,
			   media->event_type);
	else
		out_printf(out, " %u\r\na=rtpmap:%u %s/8000\r\n",
			   media->payload_type, media->payload_type,
			   media->is_alaw ? "PCMA" : "PCMU");
	out_printf(out, "a=ptime:20\r\na=%s\r\n",
		   media->flow ? media->flow : "sendrecv");
}

/* ---- life ---------------------------------------------------------------- */

static int bind_port(struct sim *sim, struct sim_media *media)
{
	unsigned n = (unsigned)(sim->port_max - sim->port_min) / 2 + 1;

	for (unsigned i = 0; i < n; i++) {
		addr_set_port(&media->local, sim->next_port);
		sim->next_port = (uint16_t)(sim->next_port + 2);
		if (sim->next_port > sim->port_max ||
		    sim->next_port < sim->port_min)
			sim->next_port = sim->port_min;
		if (bind(media->fd, &media->local.sa,
			 addr_len(&media->local)) == 0)
			return 0;
	}
	return -EADDRINUSE;
}

int media_open(struct sim_call *call)
{
	struct sim_media *media = &call->media;
	int room = 1 << 18, result;

	media->local = call->way.local;
	media->fd = socket(media->local.sa.sa_family,
			   SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (media->fd < 0)
		return -errno;
	setsockopt(media->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	result = bind_port(call->sim, media);
	if (result < 0)
		return result;
	random_bytes(&media->ssrc, sizeof(media->ssrc));
	media->watch = loop_watch(call->sim->loop, media->fd, LOOP_READ,
				  on_packet, call);
	return media->watch ? 0 : -ENOMEM;
}

void media_begin(struct sim_call *call)
{
	struct sim *sim = call->sim;
	struct sim_media *media = &call->media;

	if (media->is_on || media->fd < 0)
		return;
	media->is_on = true;
	media->next_us = clock_boot_us();
	call->next = sim->talkers;
	if (call->next)
		call->next->link = &call->next;
	call->link = &sim->talkers;
	sim->talkers = call;
}

void media_close(struct sim_call *call)
{
	struct sim_media *media = &call->media;

	if (call->link) {
		*call->link = call->next;
		if (call->next)
			call->next->link = call->link;
		call->link = NULL;
	}
	media->is_on = false;
	media->watch = watch_free(media->watch);
	if (media->fd >= 0)
		close(media->fd);
	media->fd = -1;
}

/* ---- what became of it --------------------------------------------------- */

static void add_figures(struct sim_call *call)
{
	struct sim_figures *sum = &call->sim->figures;
	const struct sim_media *media = &call->media;
	uint32_t jitter_us = rtp_figures_jitter_us(&media->figures, CLOCK_RATE);

	sum->rtp_sent += media->sent;
	sum->rtp_received += media->figures.received;
	sum->rtp_lost += rtp_figures_lost(&media->figures);
	sum->rtp_heard += media->heard;
	if (jitter_us > sum->jitter_max_us)
		sum->jitter_max_us = jitter_us;
}

/* A caller's judgement: 50 packets for every second, with the tone in them; on
 * a machine too busy to send so many, as many as were sent. */
void media_judge(struct sim_call *call, char *ret_why, size_t size)
{
	const struct sim_options *options = &call->sim->options;
	const struct sim_media *media = &call->media;
	double share = 1 - options->max_loss_percent / 100;
	uint64_t due = (clock_boot_us() - call->answered_us) / FRAME_US;
	uint64_t got = media->figures.received;

	if (options->is_without_media)
		return;
	add_figures(call);
	if (!call->is_placed || !media->may_send)
		return;
	if (due > media->sent)
		due = media->sent;
	due = due > START_PACKETS ? due - START_PACKETS : 0;
	if ((double)got < (double)due * share)
		snprintf(ret_why, size, "heard %llu packets of %llu at least",
			 (unsigned long long)got, (unsigned long long)due);
	else if ((double)rtp_figures_lost(&media->figures) >
		 (double)(got + 1) * (1 - share) + 1)
		snprintf(ret_why, size, "lost %llu packets of %llu",
			 (unsigned long long)rtp_figures_lost(&media->figures),
			 (unsigned long long)got);
	else if (options->hear_hz > 0 && media->heard * 10 < got * 9)
		snprintf(ret_why, size, "%llu packets of %llu bear the tone",
			 (unsigned long long)media->heard,
			 (unsigned long long)got);
}
