/* SPDX-License-Identifier: Apache-2.0
 *
 * The master's messages to a media worker (base/messages.def): one handler a
 * row.  Called from the loop in mspool-media.c; arg is the struct media.
 * Start-up order is CONFIG, RTP_SOCKETS and DOORBELL, SERVE_MEDIA; a slot is
 * served, and READY sent, at SERVE_MEDIA only.
 */
#include "media/media.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "media/books.h"
#include "media/start.h"

static channel_handler on_master_config, on_master_rtp_sockets,
	on_master_doorbell, on_master_serve_media, on_master_slots_changed,
	on_master_drain, on_master_log_file, on_master_retire;

const struct inbox_row media_inbox[] = {
	{MESSAGE_LOG_FILE, on_master_log_file},
	{MESSAGE_CONFIG, on_master_config},
	{MESSAGE_RTP_SOCKETS, on_master_rtp_sockets},
	{MESSAGE_DOORBELL, on_master_doorbell},
	{MESSAGE_SERVE_MEDIA, on_master_serve_media},
	{MESSAGE_SLOTS_CHANGED, on_master_slots_changed},
	{MESSAGE_DRAIN, on_master_drain},
	{MESSAGE_RETIRE, on_master_retire},
	{MESSAGE_NONE, NULL},
};

static void inbox_answer(struct media *media, enum message message,
			 struct slot_id slot)
{
	struct message_ready ready = {
		.generation = media->child.generation,
		.slot = slot,
	};

	if (media->child.channel)
		channel_send(media->child.channel, message, &ready, -1);
}

static void on_master_log_file(void *arg, const union message_payload *payload,
			       int fd)
{
	(void)arg;
	(void)payload;
	log_use(fd);
	close(fd);
}

static void on_master_config(void *arg, const union message_payload *payload,
			     int fd)
{
	struct media *media = arg;
	bool is_first = !media->child.config;
	struct config *old = NULL;
	int error =
		child_take_config(&media->child, &payload->config, fd, &old);

	if (error) {
		log_event(LOG_LVL_ERROR, "config_refused",
			  "generation=%u error=%d", payload->config.generation,
			  error);
		inbox_answer(media, MESSAGE_CONFIG_REFUSED, media->child.slot);
		return;
	}
	config_free(old);
	media_configure(media);
	if (!is_first)
		inbox_answer(media, MESSAGE_READY, media->child.slot);
}

/* The slot is not served yet: what belongs to it is gathered. */
static struct served *inbox_served(struct media *media, unsigned slot)
{
	if (slot < 1 || slot > MEDIA_SLOT_MAX)
		return NULL;
	if (!media->served[slot])
		media_open_slot(media, slot);
	return media->served[slot];
}

static void inbox_adopt(struct media *media,
			const struct message_rtp_socket *name, int fd)
{
	struct served *served = inbox_served(media, name->slot);

	if (!served)
		close(fd);
	else if (ports_adopt(&served->ports, name->side, name->port, fd))
		log_event(LOG_LVL_WARNING, "rtp_socket_refused",
			  "slot=mw%u side=%u port=%u", name->slot, name->side,
			  name->port);
}

static void on_master_rtp_sockets(void *arg,
				  const union message_payload *payload, int fd)
{
	const struct message_rtp_sockets *sockets = &payload->rtp_sockets;

	(void)fd;
	for (unsigned i = 0; i < sockets->fds.n; i++)
		inbox_adopt(arg, &sockets->name[i], sockets->fds.fd[i]);
}

/* Keeps the newest descriptor of a slot's bell. */
static void inbox_keep_bell(int *bells, unsigned index, unsigned max, int fd)
{
	if (index > max) {
		close(fd);
		return;
	}
	if (bells[index] >= 0)
		close(bells[index]);
	bells[index] = fd;
}

static void on_master_doorbell(void *arg, const union message_payload *payload,
			       int fd)
{
	struct media *media = arg;
	struct slot_id slot = payload->doorbell.slot;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (slot.kind != SLOT_MEDIA) {
		inbox_keep_bell(media->bell, slot.index, BOOK_MAX, fd);
		return;
	}
	if (slot.index <= MEDIA_SLOT_MAX && media->is_bell_watched[slot.index])
		media_unwatch_bell(media, slot.index);
	inbox_keep_bell(media->own_bell, slot.index, MEDIA_SLOT_MAX, fd);
	if (slot.index <= MEDIA_SLOT_MAX && media->served[slot.index])
		media_watch_bell(media, slot.index);
}

static void on_master_serve_media(void *arg,
				  const union message_payload *payload, int fd)
{
	struct media *media = arg;
	struct served *served = inbox_served(media, payload->slot.slot.index);

	(void)fd;
	if (!served)
		return;
	media_start_slot(media, served);
	inbox_answer(media, MESSAGE_READY, payload->slot.slot);
}

static void on_master_slots_changed(void *arg,
				    const union message_payload *payload,
				    int fd)
{
	(void)payload;
	(void)fd;
	books_open(arg);
}

static void on_master_drain(void *arg, const union message_payload *payload,
			    int fd)
{
	struct media *media = arg;

	(void)fd;
	media->is_draining = payload->toggle.is_on;
}

static void on_master_retire(void *arg, const union message_payload *payload,
			     int fd)
{
	struct media *media = arg;
	unsigned slot = payload->slot.slot.index;

	(void)fd;
	if (slot == media->child.slot.index) {
		media->is_retired = true;
		return;
	}
	if (slot >= 1 && slot <= MEDIA_SLOT_MAX)
		media_close_slot(media, slot);
	channel_send(media->child.channel, MESSAGE_LET_GO, &payload->slot, -1);
}
