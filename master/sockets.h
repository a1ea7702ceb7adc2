/* SPDX-License-Identifier: Apache-2.0
 *
 * The listening sockets of the pool: one per book and listener, all owned by
 * the master, so that a worker's death closes nothing.
 */
#ifndef MASTER_SOCKETS_H
#define MASTER_SOCKETS_H

#include "base/channel.h"
#include "base/config.h"

struct listener_socket {
	struct message_listener head; /* as it is sent to the workers */
	int fd;
	bool is_gone;	/* not in the configuration in force any more */
	bool is_stored; /* told to the descriptor store */
};

struct sockets {
	struct listener_socket *items;
	unsigned n, room;
};

#define SOCKETS_WHY_MAX 256

/* Binds every listener of config for this book that is not bound yet.  On
 * failure `why` (SOCKETS_WHY_MAX) names the listener and the reason, and what
 * was bound before it is the caller's to undo. */
int sockets_bind(struct sockets *sockets, const struct config *config,
		 unsigned book, char *why);
/* One that was bound by an earlier master, in ours again.  Owns fd in every
 * case; one that is there already stays.  0, -ENOTSOCK, -ENOMEM. */
int sockets_keep(struct sockets *sockets, const struct message_listener *head,
		 int fd);
/* Closes what was bound after there were n. */
void sockets_undo(struct sockets *sockets, unsigned n);
/* Marks what the configuration does not name any more; number of those. */
unsigned sockets_mark(struct sockets *sockets, const struct config *config);
/* Sends the sockets from number `first` on that belong to this book. */
int sockets_give(const struct sockets *sockets, unsigned first, unsigned book,
		 struct channel *channel);
void sockets_done(struct sockets *sockets);

#endif
