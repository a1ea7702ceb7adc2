/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors that were handed to this process when it began, each with a name
 * that says what it is: by systemd's descriptor store (LISTEN_FDS and
 * LISTEN_FDNAMES, sd_listen_fds(3)), or by the program that this one replaced
 * (MSPOOL_HANDED: the number of a sealed memfd with lines of "fd name").
 */
#ifndef MASTER_HANDED_H
#define MASTER_HANDED_H

#include "base/messages.h"

#define HANDED_NAME_MAX 96

struct handed_item; /* one descriptor, not used yet */

struct handed {
	struct handed_item *items;
	bool is_upgrade;   /* by the program that we replaced … */
	uint64_t since_us; /* … which began to do so then */
};

struct master;

/* Called for each descriptor that the next program is to have. */
typedef void hand_fn(void *arg, const char *name, int fd);

/* Reads the environment and takes the words out of it; before anything else
 * is opened. */
void handed_open(struct handed *handed);
/* The descriptor of this name, the caller's from then on; -1 none. */
int handed_claim(struct handed *handed, const char *name);
/* The next whose name begins so; its rest in ret_rest; -1 none. */
int handed_claim_next(struct handed *handed, const char *prefix,
		      char ret_rest[HANDED_NAME_MAX]);
/* Once the children of the earlier master are back: sockets of books that none
 * of them has are kept, other sockets are closed. */
void handed_use(struct master *m);
/* Closes what nobody claimed. */
void handed_done(struct handed *handed);

/* Names, into buf; what they do not say the socket itself does. */
const char *handed_listener_name(const struct message_listener *head,
				 char buf[HANDED_NAME_MAX]);
const char *handed_connection_name(const struct message_connection *head,
				   char buf[HANDED_NAME_MAX]);
const char *handed_rtp_name(const struct message_rtp_socket *head,
			    char buf[HANDED_NAME_MAX]);

#endif
