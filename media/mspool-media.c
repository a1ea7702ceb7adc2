/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-media: a media worker of the pool.  Relays RTP and RTCP between the
 * two sides of calls as their records wish; knows no SIP and no SDP.  Started
 * by the master only; one thread, one loop:
 *
 *     packets in, checked, out (relay.c) ── every turn, by the engine
 *     changed wishes (books.c) ──────────── when a ring says so
 *     the master's messages (inbox.c)
 *     ports, silence, rows of ended calls ─ by the clock
 *
 * Trap: nothing here may block or take long; a millisecond of this loop is the
 * delay of every call it carries.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "media/books.h"
#include "media/media.h"

#define IDLE_US	 50000ull /* a turn without packets; the beat needs 100 ms */
#define ROUND_US 10000ull /* what goes by the clock */
#define OFFER_US 1000ull  /* more sockets for a new master */

/* channel_read stops after so many messages, and io_uring tells only once. */
static bool media_has_message(const struct media *media)
{
	struct pollfd look = {
		.fd = channel_fd(media->child.channel),
		.events = POLLIN,
	};

	return poll(&look, 1, 0) > 0;
}

static void media_read_channel(struct media *media)
{
	unsigned n_strange = 0;

	if (!media->is_channel_ready || !media->child.channel)
		return;
	if (channel_read(media->child.channel, media_inbox, media,
			 &n_strange) == -EPIPE) {
		rejoin_begin(media);
		return;
	}
	media->is_channel_ready = media_has_message(media);
	if (n_strange)
		log_event(LOG_LVL_WARNING, "strange_message", "n=%u",
			  n_strange);
}

static unsigned media_count_streams(const struct media *media)
{
	unsigned n = 0;

	for (unsigned slot = 1; slot <= MEDIA_SLOT_MAX; slot++)
		if (media->served[slot])
			n += media->served[slot]->n_streams;
	return n;
}

static void media_publish(struct media *media)
{
	struct board *board = media->board;
	unsigned n = media_count_streams(media);

	atomic_store_explicit(&board->beat, media->now_us,
			      memory_order_relaxed);
	atomic_store_explicit(&board->streams, n, memory_order_relaxed);
	atomic_store_explicit(&board->calls, n, memory_order_relaxed);
	board_count(board, COUNTER_turns);
	relay_publish(&media->relay, board);
}

/* What goes by the clock; books_look first, so that a port that was just taken
 * is made good at once. */
static void media_housekeeping(struct media *media)
{
	books_look(media);
	if (media->now_us >= media->next_round_us) {
		media->next_round_us = media->now_us + ROUND_US;
		books_round(media);
		media_publish(media);
	}
	if (media->child.channel)
		channel_flush(media->child.channel);
}

/* Before a long wait the producers must know that the bell is needed. */
static struct engine_wait media_wait(struct media *media)
{
	struct engine_wait wait =
		pace_wait(&media->pace, media->rejoin.is_offering ? OFFER_US
					: media->is_hungry	  ? ROUND_US
								  : IDLE_US);
	bool is_long = wait.wait_us > PACE_GATHER_US;

	books_sleep(media, is_long);
	if (is_long && books_have_news(media))
		wait.wait_us = 0;
	return wait;
}

static void media_turn(struct media *media)
{
	struct engine_wait wait = media_wait(media);
	int error = engine_turn(media->engine, &wait);

	if (error) {
		log_event(LOG_LVL_ERROR, "engine_failed", "error=%d", error);
		exit(1); /* the successor carries the calls on */
	}
	media->now_us = clock_boot_us();
	pace_count(&media->pace, media->relay.n_taken, media->now_us);
	media->relay.n_taken = 0;
	media_read_channel(media);
	rejoin_turn(media);
	media_housekeeping(media);
}

static void media_on_first(int fd, unsigned what, void *arg)
{
	struct media *media = arg;

	(void)fd;
	(void)what;
	media->is_channel_ready = true;
}

/* Until the first configuration there is no engine to wait with. */
static void media_await_config(struct media *media)
{
	struct loop *loop = media->child.loop;
	int fd = channel_fd(media->child.channel);
	struct watch *watch =
		loop_watch(loop, fd, LOOP_READ, media_on_first, media);

	must(watch);
	while (!media->engine && media->child.channel) {
		loop_turn(loop, IDLE_US);
		media_read_channel(media);
	}
	if (!media->engine)
		exit(1);
	watch_free(watch);
}

int main(int argc, char **argv)
{
	static struct media media;

	for (unsigned i = 0; i <= BOOK_MAX; i++)
		media.bell[i] = -1;
	for (unsigned i = 0; i <= MEDIA_SLOT_MAX; i++)
		media.own_bell[i] = -1;
	child_start(&media.child, argc, argv);
	log_open(&(struct log_settings){.who = media.child.name,
					.level = LOG_LVL_INFO});
	media_await_config(&media);
	child_confine(&media.child, CONFINE_MEDIA);
	while (!media.is_retired)
		media_turn(&media);
	media_publish(&media);
	log_event(LOG_LVL_INFO, "media_retired", "slot=%s", media.child.name);
	return 0;
}
