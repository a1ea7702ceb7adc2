/* SPDX-License-Identifier: Apache-2.0
 *
 * See start.h.  Called by inbox.c.
 */

#include "media/start.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "media/books.h"

/* Descriptors that are not ports: books, rings, doorbells, and in the master
 * listeners and connections. */
#define OTHER_DESCRIPTORS 1024
#define PAIRS_MIN	  64

/* How many pairs this worker may bind: two descriptors each, and the master
 * holds a duplicate of each of every worker's. */
static unsigned media_pair_budget(unsigned n_workers)
{
	struct rlimit limit;
	unsigned n;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return PAIRS_MIN;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max > 2 * PORT_PAIRS * N_SIDES)
		limit.rlim_max = 2 * PORT_PAIRS * N_SIDES;
	if (limit.rlim_max < OTHER_DESCRIPTORS + 2 * PAIRS_MIN)
		return PAIRS_MIN;
	n = ((unsigned)limit.rlim_max - OTHER_DESCRIPTORS) / 2 /
	    (n_workers ? n_workers : 1);
	return n < PAIRS_MIN ? PAIRS_MIN : n;
}

static _Noreturn void media_give_up(const char *what, int error)
{
	log_event(LOG_LVL_ERROR, "media_cannot_start", "what=%s error=%d", what,
		  error);
	exit(1);
}

static bool media_on_control(void *arg, int fd)
{
	struct media *media = arg;
	uint64_t rings;

	if (media->child.channel && fd == channel_fd(media->child.channel)) {
		media->is_channel_ready = true;
		return true;
	}
	/* What rang is seen at every turn. */
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (media->own_bell[slot] == fd)
			return read(fd, &rings, sizeof(rings)) >= 0 ||
			       errno == EAGAIN;
	return false;
}

static void media_on_packets(void *arg, const struct engine_packet *packets,
			     unsigned n)
{
	struct media *media = arg;

	relay_on_packets(&media->relay, packets, n);
}

static void media_on_send_failed(void *arg, uint32_t socket, int error)
{
	struct media *media = arg;

	relay_on_send_failed(&media->relay, socket, error);
}

static void media_on_oversize(void *arg, uint32_t socket)
{
	struct media *media = arg;

	relay_on_oversize(&media->relay, socket);
}

static void media_open_engine(struct media *media, unsigned n_pairs)
{
	struct engine_settings settings = {
		.name = getenv("MSPOOL_MEDIA_ENGINE"),
		.max_sockets = 2 * n_pairs,
		.events = {.arg = media,
			   .on_packets = media_on_packets,
			   .on_control = media_on_control,
			   .on_send_failed = media_on_send_failed,
			   .on_oversize = media_on_oversize},
	};
	int error = engine_new(&settings, &media->engine);

	if (error)
		media_give_up("engine", error);
	media->relay.engine = media->engine;
	error = engine_watch(media->engine, channel_fd(media->child.channel));
	if (error)
		media_give_up("channel", error);
	log_event(LOG_LVL_INFO, "media_engine", "engine=%s pairs=%u",
		  engine_name(media->engine), n_pairs);
}

static void media_open(struct media *media)
{
	unsigned n_pairs =
		media_pair_budget(media->child.config->pool.media_workers);
	int error = relay_init(&media->relay, n_pairs);

	if (error == 0)
		error = pairs_init(&media->pairs, n_pairs,
				   media->child.channel);
	if (error == 0)
		error = board_own(media->child.run_dir, media->child.slot,
				  &media->board);
	if (error)
		media_give_up("tables", error);
	must_note_at(media->board->last_words,
		     sizeof(media->board->last_words));
	media_open_engine(media, n_pairs);
}

/* The media_address of a side: its first listener's. */
static struct port_range media_range(const struct config *config)
{
	struct port_range range = {
		.min = config->media.port_min,
		.max = config->media.port_max,
	};

	for (unsigned i = config->n_listeners; i-- > 0;)
		range.address[config->listeners[i].side] =
			config->listeners[i].media_address;
	return range;
}

static void media_set_range(struct media *media, struct served *served)
{
	struct port_range range = media_range(media->child.config);

	ports_set_range(&served->ports, &range,
			media->child.config->pool.media_workers);
}

void media_configure(struct media *media)
{
	const struct config *config = media->child.config;

	log_open(&(struct log_settings){
		.who = media->child.name,
		.level = config->pool.log_level,
		.is_json = config->pool.is_log_json,
	});
	if (!media->engine)
		media_open(media);
	media->board->generation = media->child.generation;
	media->pairs.dscp = config->media.dscp;
	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (media->served[slot])
			media_set_range(media, media->served[slot]);
}

void media_open_slot(struct media *media, unsigned slot)
{
	struct served_settings settings = {
		.run_dir = media->child.run_dir,
		.slot = slot,
		.is_own = slot == media->child.slot.index,
		.engine = media->engine,
		.relay = &media->relay,
		.pairs = &media->pairs,
	};
	int error = media->engine ? served_new(&settings, &media->served[slot])
				  : -EPROTO;

	if (error)
		log_event(LOG_LVL_ERROR, "slot_not_opened",
			  "slot=mw%u error=%d", slot, error);
	else
		media_set_range(media, media->served[slot]);
}

void media_watch_bell(struct media *media, unsigned slot)
{
	int bell = media->own_bell[slot];

	if (bell < 0 || media->is_bell_watched[slot])
		return;
	media->is_bell_watched[slot] = true;
	if (engine_watch(media->engine, bell))
		log_event(LOG_LVL_ERROR, "doorbell_not_watched", "slot=mw%u",
			  slot);
}

void media_unwatch_bell(struct media *media, unsigned slot)
{
	if (media->is_bell_watched[slot])
		engine_unwatch(media->engine, media->own_bell[slot]);
	media->is_bell_watched[slot] = false;
}

void media_close_slot(struct media *media, unsigned slot)
{
	media_unwatch_bell(media, slot);
	media->served[slot] = served_free(media->served[slot]);
}

void media_start_slot(struct media *media, struct served *served)
{
	media_watch_bell(media, served->slot);
	ports_adopted(&served->ports);
	media->now_us = clock_boot_us();
	served->is_started = true;
	books_start(media, served);
	/* A successor's packets wait, so that ports on offer come later. */
	if (served->n_streams == 0)
		books_round(media);
	log_event(LOG_LVL_INFO, "slot_served", "slot=mw%u streams=%u",
		  served->slot, served->n_streams);
}
