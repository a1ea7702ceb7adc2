/* SPDX-License-Identifier: Apache-2.0
 *
 * See relay.h.  The hot path: no allocation, no system call but the engine's,
 * one look-up by socket.
 */
#include "media/relay.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "media/figures.h"
#include "media/rtcp.h"

#define AHEAD 4 /* packets whose way is fetched into the cache meanwhile */

static void relay_plain(struct relay *relay, struct way *way,
			const struct engine_packet *packet)
{
	payload_renumber(&way->payloads, packet->bytes);
	engine_send(relay->engine, &(struct engine_send){
					   .socket = way->out_socket,
					   .len = packet->len,
					   .bytes = packet->bytes,
					   .to = &way->back->rtp.target,
				   });
	figures_add(&way->back->row->packets_out, 1);
	relay->counts.relayed++;
}

/* DESIGN 5: a packet's way, chosen once per stream.  [in][out] */
static way_step *const relay_steps[N_FORMS][N_FORMS] = {
	[FORM_RTP] = {[FORM_RTP] = relay_plain},
};

way_step *relay_step(enum media_form in, enum media_form out)
{
	return relay_steps[in][out];
}

int relay_init(struct relay *relay, unsigned n_pairs)
{
	relay->ways = calloc(n_pairs, sizeof(*relay->ways));
	relay->n_pairs = n_pairs;
	return relay->ways ? 0 : -ENOMEM;
}

void relay_done(struct relay *relay)
{
	free(relay->ways);
	relay->ways = NULL;
}

void relay_connect(struct relay *relay, unsigned pair, struct way *way)
{
	relay->ways[pair] = way;
}

static void relay_refuse(struct relay *relay, struct way *way)
{
	figures_add(&way->row->refused, 1);
	relay->counts.refused++;
}

static void relay_rtp(struct relay *relay, struct way *way,
		      const struct engine_packet *packet)
{
	struct rtp_view view;
	bool is_valid = rtp_parse(packet->bytes, packet->len, &view) == 0;

	if (!source_check(&way->rtp, packet->source, is_valid, relay->now_us)) {
		relay_refuse(relay, way);
		return;
	}
	if (!is_valid) {
		relay->counts.malformed++;
		return;
	}
	if (way->rtp.is_latching)
		way->row->learned = way->rtp.learned;
	way->heard_us = relay->now_us;
	figures_take(way, &view, packet->len, relay->now_us);
	if (way->is_relayed && !addr_is_none(&way->back->rtp.target))
		way->step(relay, way, packet);
}

/* RFC 5761: a peer may put RTCP on the RTP port though it was not agreed. */
static void relay_rtcp(struct relay *relay, struct way *way,
		       const struct engine_packet *packet, bool is_rtp_port)
{
	struct source *source = is_rtp_port ? &way->rtp : &way->rtcp;
	bool is_valid = rtp_is_rtcp(packet->bytes, packet->len);

	if (!source_check(source, packet->source, is_valid && !is_rtp_port,
			  relay->now_us))
		relay_refuse(relay, way);
	else if (!is_valid)
		relay->counts.malformed++;
	else
		rtcp_pass(relay, way, packet);
}

static void relay_packet(struct relay *relay,
			 const struct engine_packet *packet)
{
	struct way *way = relay->ways[packet->socket / 2];
	bool is_rtp_port = packet->socket % 2 == 0;

	if (!way)
		return;
	if (!is_rtp_port || rtp_is_rtcp(packet->bytes, packet->len))
		relay_rtcp(relay, way, packet, is_rtp_port);
	else
		relay_rtp(relay, way, packet);
}

void relay_on_packets(void *arg, const struct engine_packet *packets,
		      unsigned n)
{
	struct relay *relay = arg;

	relay->now_us = clock_boot_us();
	relay->n_taken += n;
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(
				relay->ways[packets[i + AHEAD].socket / 2]);
		relay_packet(relay, &packets[i]);
	}
}

void relay_on_send_failed(void *arg, uint32_t socket, int error)
{
	struct relay *relay = arg;

	(void)socket;
	(void)error;
	relay->counts.send_errors++;
}

void relay_on_oversize(void *arg, uint32_t socket)
{
	struct relay *relay = arg;

	(void)socket;
	relay->counts.malformed++;
}

void relay_publish(struct relay *relay, struct board *board)
{
	struct relay_counts *counts = &relay->counts;

	board_add(board, COUNTER_rtp_relayed, counts->relayed);
	board_add(board, COUNTER_rtp_refused, counts->refused);
	board_add(board, COUNTER_rtp_malformed, counts->malformed);
	board_add(board, COUNTER_rtcp_relayed, counts->rtcp);
	board_add(board, COUNTER_rtp_send_errors, counts->send_errors);
	*counts = (struct relay_counts){0};
}
