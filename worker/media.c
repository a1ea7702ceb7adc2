/* SPDX-License-Identifier: Apache-2.0
 *
 * See media.h.  Signalling worker.  A port taken from a ring is committed with
 * its call in the same turn, or goes back to the media worker by itself.
 */
#include "worker/media.h"

#include <errno.h>

#include "worker/machine.h"

static char sdp_buffer[SIP_HEAD_MAX];

static bool has_media_workers(const struct call *call)
{
	return call->server->worker->child.config->pool.media_workers > 0;
}

static const struct config_listener *listener_of_side(
	const struct config *config, enum listener_side side)
{
	for (unsigned i = 0; i < config->n_listeners; i++)
		if (config->listeners[i].side == side)
			return &config->listeners[i];
	return NULL;
}

static int take_port(struct server *server, unsigned slot,
		     enum listener_side side, uint16_t *ret_port)
{
	struct ring *ring = server->ports[slot][side];
	struct ring_port port;
	struct slice entry;
	uint64_t position;

	if (!ring || ring_take(ring, &entry, &position) ||
	    entry.len != sizeof(port))
		return -ENOSPC;
	memcpy(&port, entry.ptr, sizeof(port));
	server->media_used |= bit_of(slot);
	*ret_port = port.port;
	return 0;
}

static int take_from(struct call *call, unsigned slot,
		     const enum listener_side sides[N_LEGS])
{
	struct server *server = call->server;
	const struct config *config = server->worker->child.config;
	uint16_t port[N_LEGS];

	for (unsigned i = 0; i < N_LEGS; i++)
		if (take_port(server, slot, sides[i], &port[i]))
			return -ENOSPC;
	for (unsigned i = 0; i < N_LEGS; i++) {
		const struct config_listener *at =
			listener_of_side(config, sides[i]);
		struct media_side *side = &call->record->wish.side[i];

		if (!at)
			return -ENOSPC;
		side->local = at->media_address;
		addr_set_port(&side->local, port[i]);
		side->side = (uint8_t)sides[i];
		side->clock_rate = 8000;
	}
	call->record->wish.worker = (uint8_t)slot;
	call->record->flags |= CALL_HAS_MEDIA;
	turn_mark_call(call);
	return 0;
}

static bool has_port(const struct call *call, unsigned slot,
		     enum listener_side side, const struct ring_port *port)
{
	const struct media_wish *wish = &call->record->wish;

	if (!(call->record->flags & CALL_HAS_MEDIA) || wish->worker != slot ||
	    (wish->version && !wish->is_on))
		return false;
	for (unsigned i = 0; i < N_LEGS; i++)
		if (wish->side[i].side == side &&
		    addr_port(&wish->side[i].local) == port->port)
			return true;
	return false;
}

static bool is_taken(struct server *server, unsigned slot,
		     enum listener_side side, struct slice entry)
{
	struct ring_port port;

	if (entry.len != sizeof(port))
		return true;
	memcpy(&port, entry.ptr, sizeof(port));
	for (struct call *call = server->calls; call; call = call->hh.next)
		if (has_port(call, slot, side, &port))
			return true;
	return false;
}

static void skip_taken(struct server *server, unsigned slot,
		       enum listener_side side)
{
	struct ring *ring = server->ports[slot][side];
	uint64_t at = ring_released(ring), next;
	struct slice entry;

	while (ring_take(ring, &entry, &next) == 0 &&
	       is_taken(server, slot, side, entry)) {
		at = next;
		server->media_used |= 1ull << slot;
	}
	ring_rewind(ring, at);
}

void media_adopt_ports(struct server *server)
{
	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++)
		for (unsigned side = 0; side < 2; side++)
			if (server->ports[i][side])
				skip_taken(server, i, side);
}

int media_take_ports(struct call *call, enum listener_side side_a,
		     enum listener_side side_b)
{
	struct worker *worker = call->server->worker;
	const enum listener_side sides[N_LEGS] = {side_a, side_b};

	if (!has_media_workers(call) || (call->record->flags & CALL_HAS_MEDIA))
		return 0;
	for (unsigned i = 0; i < MEDIA_SLOT_MAX; i++) {
		unsigned slot = 1 + worker->next_media++ % MEDIA_SLOT_MAX;

		if (take_from(call, slot, sides) == 0)
			return 0;
	}
	worker_count(worker, COUNTER_ports_exhausted);
	return -ENOSPC;
}

/* ---- SDP ----------------------------------------------------------------- */

static struct sdp theirs, offered;

/* The gateway's side is shown the trunk's codecs, if it names any. */
static const struct text_list *codecs_for(const struct call *call,
					  enum leg_side leg)
{
	const struct config *config = call->server->worker->child.config;
	int trunk = config_trunk_index(config,
				       call_text(call, call->record->trunk));

	if (trunk >= 0 && call->record->leg[leg].side == SIDE_GATEWAY &&
	    config->trunks[trunk].codecs.n)
		return &config->trunks[trunk].codecs;
	return &config->media.codecs;
}

static struct sdp_edit edit_for(struct call *call, enum leg_side leg,
				enum sdp_flow flow)
{
	struct leg_record *l = &call->record->leg[leg];
	const struct text_list *codecs = codecs_for(call, leg);
	static struct text_list_view view;

	view = (struct text_list_view){(const char *const *)codecs->items,
				       codecs->n};
	if (!l->sdp_session)
		random_bytes(&l->sdp_session, sizeof(l->sdp_session));
	return (struct sdp_edit){.session = l->sdp_session,
				 .version = l->sdp_version,
				 .local = call->record->wish.side[leg].local,
				 .flow = flow,
				 .codecs = codecs->n ? &view : NULL};
}

/* What this leg's peer may be sent, and sends. */
static uint8_t flow_bits(const struct sdp_media *media)
{
	uint8_t bits = 0;

	if (media->flow == SDP_SENDRECV || media->flow == SDP_SENDONLY)
		bits |= MEDIA_TAKE;
	if ((media->flow == SDP_SENDRECV || media->flow == SDP_RECVONLY) &&
	    !media->is_hold_address && media->port)
		bits |= MEDIA_GIVE;
	return bits;
}

static bool is_latching(const struct call *call, enum leg_side leg)
{
	const struct config *config = call->server->worker->child.config;
	int trunk = config_trunk_index(config,
				       call_text(call, call->record->trunk));

	return trunk >= 0 && call->record->leg[leg].side == SIDE_GATEWAY &&
	       config->trunks[trunk].enable_rtp_latching;
}

/* codec: what was agreed, the first of the answer. */
static void wish_side(struct call *call, enum leg_side leg,
		      const struct sdp_media *media,
		      const struct sdp_payload *codec)
{
	struct media_side *side = &call->record->wish.side[leg];

	side->remote = media->address;
	side->remote_rtcp = media->rtcp;
	side->flow = flow_bits(media);
	side->is_latching = is_latching(call, leg);
	side->clock_rate = codec->clock_rate ? codec->clock_rate : 8000;
	slice_copy(codec->encoding, side->codec, sizeof(side->codec));
}

static void wish_changed(struct call *call)
{
	struct media_wish *wish = &call->record->wish;
	const struct config *config = call->server->worker->child.config;
	const uint8_t both = MEDIA_TAKE | MEDIA_GIVE;

	wish->version++;
	wish->is_on = 1;
	wish->is_held = wish->side[LEG_A].flow != both ||
			wish->side[LEG_B].flow != both;
	wish->inactivity_ms =
		(uint32_t)((wish->is_held
				    ? config->media.hold_timeout_us
				    : config->media.inactivity_timeout_us) /
			   USEC_PER_MSEC);
	turn_mark_call(call);
	turn_note_media(call->server, wish->worker, call->record->id);
}

static int parse_audio(struct call *call, enum leg_side from, struct slice body,
		       struct sdp *ret_sdp)
{
	const struct addr *ours = &call->record->wish.side[from].local;
	const char *why;
	int audio;

	if (sdp_parse(body, ret_sdp, &why))
		return -ENOENT;
	audio = sdp_audio(ret_sdp);
	if (audio < 0 || sdp_check_target(&ret_sdp->media[audio], ours))
		return -ENOENT;
	return audio;
}

/* RFC 3264 4: one offer at a time, whoever made it. */
static void open_offer(struct call *call, enum leg_side from)
{
	call->record->leg[LEG_A].offer = OFFER_BY_US;
	call->record->leg[LEG_B].offer = OFFER_BY_US;
	call->record->leg[from].offer = OFFER_BY_PEER;
	turn_mark_call(call);
}

static void close_offer(struct call *call)
{
	call->record->leg[LEG_A].offer = OFFER_NONE;
	call->record->leg[LEG_B].offer = OFFER_NONE;
	turn_mark_call(call);
}

int media_pass_offer(struct call *call, enum leg_side from, struct slice sdp,
		     struct slice *ret_body)
{
	enum leg_side to = from == LEG_A ? LEG_B : LEG_A;
	struct out out = out_init(sdp_buffer, sizeof(sdp_buffer));
	struct sdp_edit edit;
	int audio;

	if (!(call->record->flags & CALL_HAS_MEDIA)) {
		open_offer(call, from);
		*ret_body = sdp;
		return 0;
	}
	audio = parse_audio(call, from, sdp, &theirs);
	if (audio < 0)
		return -ENOENT;
	call->record->leg[LEG_A].sdp_version++;
	call->record->leg[LEG_B].sdp_version++;
	edit = edit_for(call, to, theirs.media[audio].flow);
	if (theirs.media[audio].is_hold_address)
		edit.flow = SDP_SENDONLY;
	if (sdp_write_offer(&theirs, &edit, &out) || out.is_full)
		return -ENOENT;
	call_set(call, LEG_TEXT(from, open_offer), sdp);
	open_offer(call, from);
	*ret_body = out_as_slice(&out);
	return 0;
}

static void take_maps(struct call *call, enum leg_side answerer,
		      const struct sdp_maps *maps)
{
	enum leg_side offerer = answerer == LEG_A ? LEG_B : LEG_A;
	struct media_side *from_answerer = &call->record->wish.side[answerer];
	struct media_side *from_offerer = &call->record->wish.side[offerer];

	from_answerer->n_map = (uint8_t)maps->n_to_offerer;
	memcpy(from_answerer->map, maps->to_offerer,
	       sizeof(from_answerer->map));
	from_offerer->n_map = (uint8_t)maps->n_to_answerer;
	memcpy(from_offerer->map, maps->to_answerer, sizeof(from_offerer->map));
}

int media_pass_answer(struct call *call, enum leg_side from, struct slice sdp,
		      struct slice *ret_body)
{
	enum leg_side offerer = from == LEG_A ? LEG_B : LEG_A;
	struct leg_record *l = &call->record->leg[offerer];
	struct out out = out_init(sdp_buffer, sizeof(sdp_buffer));
	static char offer[SIP_HEAD_MAX];
	struct slice offer_text = {offer, 0};
	const struct sdp_payload *codec;
	struct sdp_maps maps;
	struct sdp_edit edit;
	int audio, offer_audio;

	close_offer(call);
	if (!(call->record->flags & CALL_HAS_MEDIA)) {
		*ret_body = sdp;
		return 0;
	}
	/* 183 and then 200 answer the same offer */
	offer_text = call_text(call, l->open_offer.len ? l->open_offer
						       : l->remote_sdp);
	if (!offer_text.len || offer_text.len > sizeof(offer))
		return -ENOENT;
	memcpy(offer, offer_text.ptr, offer_text.len);
	offer_text.ptr = offer;
	offer_audio = parse_audio(call, offerer, offer_text, &offered);
	audio = parse_audio(call, from, sdp, &theirs);
	if (audio < 0 || offer_audio < 0)
		return -ENOENT;
	edit = edit_for(call, offerer, theirs.media[audio].flow);
	if (sdp_write_answer(&offered, &theirs, &edit, &out, &maps) ||
	    out.is_full)
		return -ENOENT;
	codec = &theirs.media[audio].payloads[0];
	wish_side(call, offerer, &offered.media[offer_audio], codec);
	wish_side(call, from, &theirs.media[audio], codec);
	take_maps(call, from, &maps);
	wish_changed(call);
	call_set(call, LEG_TEXT(offerer, remote_sdp), offer_text);
	call_set(call, LEG_TEXT(offerer, open_offer), SLICE_NONE);
	call_set(call, LEG_TEXT(from, remote_sdp), sdp);
	*ret_body = out_as_slice(&out);
	return 0;
}

void media_forget_offer(struct call *call, enum leg_side from)
{
	close_offer(call);
	if (call->record->leg[from].open_offer.len)
		call_set(call, LEG_TEXT(from, open_offer), SLICE_NONE);
}

void media_end(struct call *call)
{
	struct media_wish *wish = &call->record->wish;

	if (!(call->record->flags & CALL_HAS_MEDIA) ||
	    (wish->version && !wish->is_on))
		return;
	wish->version++;
	wish->is_on = 0;
	turn_mark_call(call);
	turn_note_media(call->server, wish->worker, call->record->id);
}

void media_told(struct server *server, unsigned media_slot)
{
	struct ring *ring = server->told[media_slot];
	struct slice entry;
	uint64_t id, position;
	struct call *call;

	while (ring && ring_take(ring, &entry, &position) == 0) {
		server->media_used |= bit_of(media_slot);
		if (entry.len != sizeof(id))
			continue;
		memcpy(&id, entry.ptr, sizeof(id));
		call = call_find(server, id);
		if (call)
			machine_on_media_dead(call);
	}
}
