/* SPDX-License-Identifier: Apache-2.0
 *
 * The master hears, from a slot's process over its channel:
 *
 *   READY               on_child_ready                  serving; or a new
 *                                                       configuration in force
 *   CONFIG_REFUSED      on_child_config_refused
 *   LET_GO              on_child_let_go                 after RETIRE of
 *                                                       another's slot
 *   HOLD_CONNECTION     on_worker_hold_connection       keep a duplicate
 *   RELEASE_CONNECTION  on_worker_release_connection
 *   BOOK_EMPTY          on_worker_book_empty
 *   HOLD_RTP            on_media_hold_rtp
 *   RELEASE_RTP         on_media_release_rtp
 *   OFFER …             survivors.c                     children of an earlier
 *                                                       master
 *
 * Called by channel_read in slots.c.  The trap: the sender may be broken or
 * hostile.  It may speak only of slots that it serves, and whatever it says,
 * nothing here blocks, grows without bound or aborts.
 */
#include "master/inbox.h"

#include <unistd.h>

#include "master/fdstore.h"
#include "master/owners.h"
#include "master/slots.h"
#include "master/survivors.h"

/* The slot spoken of, if this process serves it; else NULL. */
static struct slot *served(struct slot *from, unsigned kind, unsigned index)
{
	struct slot_id id = {(uint8_t)kind, (uint8_t)index};
	struct slot *slot = master_slot(from->master, id);

	return slot && slot->is_known && slot->owner == from ? slot : NULL;
}

static void on_child_ready(void *arg, const union message_payload *payload,
			   int fd)
{
	struct slot *from = arg;
	struct slot_id id = payload->ready.slot;

	(void)fd;
	/* READY is said for an adopted slot, too: that changes no life. */
	if (id.kind != from->id.kind || id.index != from->id.index)
		return;
	from->generation = payload->ready.generation;
	slot_feed(from, EVENT_READY);
}

static void on_child_config_refused(void *arg,
				    const union message_payload *payload,
				    int fd)
{
	struct slot *from = arg;

	(void)fd;
	/* It runs the parser that we ran, so it is this process that is ill:
	 * its successor starts with the new text. */
	(void)payload;
	slot_kill(from, "it refused the configuration");
}

static void on_child_let_go(void *arg, const union message_payload *payload,
			    int fd)
{
	struct slot *from = arg;
	struct slot_id id = payload->slot.slot;
	struct slot *slot = served(from, id.kind, id.index);

	(void)fd;
	if (slot && slot->next_owner)
		owner_let_go(slot);
}

static void hold(struct slot *from, struct slot *slot, uint64_t key,
		 const union message_payload *payload, int fd)
{
	int rc;

	if (!slot) {
		if (fd >= 0)
			close(fd);
		return;
	}
	rc = holds_keep(&slot->holds, key, payload, fd);
	if (rc < 0)
		slot_warn(from, "a descriptor cannot be held", -rc);
}

static void on_worker_hold_connection(void *arg,
				      const union message_payload *payload,
				      int fd)
{
	const struct message_connection *connection = &payload->connection;
	struct slot *slot = served(arg, SLOT_SIGNALLING, connection->book);

	if (slot)
		fdstore_keep_connection(connection, fd);
	hold(arg, slot, connection->connection, payload, fd);
}

static void on_worker_release_connection(void *arg,
					 const union message_payload *payload,
					 int fd)
{
	const struct message_connection *connection = &payload->connection;
	struct slot *slot = served(arg, SLOT_SIGNALLING, connection->book);

	(void)fd;
	if (!slot)
		return;
	holds_release(&slot->holds, connection->connection);
	fdstore_remove_connection(connection);
}

static void on_media_hold_rtp(void *arg, const union message_payload *payload,
			      int fd)
{
	const struct message_rtp_socket *rtp = &payload->rtp_socket;
	struct slot *slot = served(arg, SLOT_MEDIA, rtp->slot);

	hold(arg, slot, rtp_socket_key(rtp), payload, fd);
}

static void on_media_release_rtp(void *arg,
				 const union message_payload *payload, int fd)
{
	const struct message_rtp_socket *rtp = &payload->rtp_socket;
	struct slot *slot = served(arg, SLOT_MEDIA, rtp->slot);

	(void)fd;
	if (slot)
		holds_release(&slot->holds, rtp_socket_key(rtp));
}

static void on_worker_book_empty(void *arg,
				 const union message_payload *payload, int fd)
{
	struct slot *slot = served(arg, SLOT_SIGNALLING, payload->book.book);

	(void)fd;
	if (slot)
		tell(slot->master, LOG_LVL_INFO, "book_empty",
		     "book=%s heir=%s", slot->name, slot->owner->name);
}

const struct inbox_row master_inbox[] = {
	{MESSAGE_READY, on_child_ready},
	{MESSAGE_CONFIG_REFUSED, on_child_config_refused},
	{MESSAGE_LET_GO, on_child_let_go},
	{MESSAGE_HOLD_CONNECTION, on_worker_hold_connection},
	{MESSAGE_RELEASE_CONNECTION, on_worker_release_connection},
	{MESSAGE_BOOK_EMPTY, on_worker_book_empty},
	{MESSAGE_HOLD_RTP, on_media_hold_rtp},
	{MESSAGE_RELEASE_RTP, on_media_release_rtp},
	{MESSAGE_OFFER, on_child_offer},
	{MESSAGE_OFFER_SERVED, on_child_offer_served},
	{MESSAGE_HOLD_LISTENER, on_worker_hold_listener},
	{MESSAGE_HOLD_DOORBELL, on_child_hold_doorbell},
	{MESSAGE_OFFERED, on_child_offered},
	{MESSAGE_NONE, NULL},
};
