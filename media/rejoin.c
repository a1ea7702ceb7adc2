/* SPDX-License-Identifier: Apache-2.0
 *
 * See rejoin.h.  Called from the loop of the media worker.  The trap: there
 * are thousands of sockets, and packets do not wait, so a turn sends a few;
 * pairs are sent in the order of their ids, and one that is bound or closed
 * meanwhile is told by the ordinary HOLD_RTP and RELEASE_RTP.
 */
#include "media/rejoin.h"

#include "media/media.h"
#include "media/start.h"

#define LOOK_US	   10000ull
#define PAIRS_A_GO 64 /* of a turn: some 200 us */

static bool serves_any(const struct media *media)
{
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (media->served[slot])
			return true;
	return false;
}

void rejoin_begin(struct media *media)
{
	log_event(LOG_LVL_WARNING, "master_gone", "slot=%s", media->child.name);
	media->pairs.master = NULL;
	if (media->engine)
		engine_unwatch(media->engine, channel_fd(media->child.channel));
	media->child.channel = channel_free(media->child.channel);
	media->rejoin = (struct rejoin){.is_alone = true};
	/* Of a master that died before SERVE_MEDIA. */
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (media->served[slot] && !media->served[slot]->is_started)
			media_close_slot(media, slot);
	if (!serves_any(media))
		media->is_retired = true;
}

static void offer_bells(struct media *media, uint8_t kind, const int *bells,
			unsigned max)
{
	for (unsigned i = 1; i <= max; i++) {
		struct message_doorbell bell = {.slot = {kind, (uint8_t)i}};

		if (bells[i] >= 0)
			channel_send(media->child.channel,
				     MESSAGE_HOLD_DOORBELL, &bell, bells[i]);
	}
}

static void introduce(struct media *media)
{
	struct message_offer offer = {
		.slot = media->child.slot,
		.generation = media->child.generation,
	};

	channel_send(media->child.channel, MESSAGE_OFFER, &offer, -1);
	offer_bells(media, SLOT_SIGNALLING, media->bell, BOOK_MAX);
	offer_bells(media, SLOT_MEDIA, media->own_bell, MEDIA_SLOT_MAX);
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++) {
		struct message_served served = {
			.slot = {SLOT_MEDIA, (uint8_t)slot}};

		if (media->served[slot])
			channel_send(media->child.channel, MESSAGE_OFFER_SERVED,
				     &served, -1);
	}
}

static void offer_more(struct media *media)
{
	struct message_slot self = {.slot = media->child.slot};
	struct rejoin *rejoin = &media->rejoin;

	for (unsigned n = 0; n < PAIRS_A_GO; rejoin->next_id++) {
		struct pair *pair;

		if (channel_flush(media->child.channel))
			return;
		if (rejoin->next_id == media->pairs.max)
			break;
		pair = media->pairs.by_id[rejoin->next_id];
		if (pair)
			pair_tell(&media->pairs, pair, MESSAGE_HOLD_RTP);
		n += pair != NULL;
	}
	if (rejoin->next_id < media->pairs.max)
		return;
	channel_send(media->child.channel, MESSAGE_OFFERED, &self, -1);
	rejoin->is_offering = false;
	log_event(LOG_LVL_NOTICE, "master_found", "slot=%s", media->child.name);
}

static void look_for_master(struct media *media)
{
	int fd;

	if (media->now_us < media->rejoin.next_us)
		return;
	media->rejoin.next_us = media->now_us + LOOK_US;
	if (child_rejoin(&media->child) < 0)
		return;
	fd = channel_fd(media->child.channel);
	if (engine_watch(media->engine, fd)) {
		media->child.channel = channel_free(media->child.channel);
		return;
	}
	media->rejoin = (struct rejoin){.is_offering = true};
	media->pairs.master = media->child.channel;
	media->is_channel_ready = true;
	introduce(media);
}

void rejoin_turn(struct media *media)
{
	if (media->rejoin.is_alone)
		look_for_master(media);
	if (media->rejoin.is_offering)
		offer_more(media);
}
