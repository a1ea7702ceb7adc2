/* SPDX-License-Identifier: Apache-2.0
 *
 * Transports behind one table: a row for UDP, one for plain TCP, and later one
 * for TLS.  Sending queues: nothing leaves before the turn is committed.
 */
#ifndef WORKER_TRANSPORT_H
#define WORKER_TRANSPORT_H

#include "worker/server.h"

/* Where a message goes, or came from. */
struct target {
	uint8_t transport;
	uint16_t listener;
	uint64_t connection; /* streams: 0 open (or find) one to addr */
	struct addr addr;
};

struct transport_row {
	const char *name; /* "udp" */
	const char *via;  /* "SIP/2.0/UDP " */
	bool is_reliable;
	/* 0, or -errno when it is known now that it cannot be sent.  Fills
	 * target->connection and *ret_effect (a datagram's number, else 0). */
	int (*send)(struct server *server, struct target *target,
		    struct slice bytes, uint64_t *ret_effect);
};

/* NULL for a transport that this build does not have. */
const struct transport_row *transport_row(enum transport transport);
int transport_send(struct server *server, struct target *target,
		   struct slice bytes, uint64_t *ret_effect);

/* What came in: one message, whole, in a buffer that may be changed. */
struct arrival {
	struct server *server; /* where it came in; later: whose it is */
	char *bytes;
	size_t len;
	struct target from;
	uint64_t offset;  /* stream: of its first byte */
	bool is_asked;	  /* handed over because its bucket was ours */
	unsigned n_asked; /* books that were asked, with this one */
	bool is_stuck;	  /* out: the ring is full, keep it in its stream */
	bool is_final; /* handed over: handle it here whatever steering says */
};

/* udp.c */
void udp_read(int fd, unsigned what, void *socket_row);

/* connection.c */
enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_OPEN,
	CONNECTION_CLOSING
};

struct connection {
	uint64_t id; /* book << 48 | counter */
	struct server *server;
	int fd;
	struct watch *watch;
	struct timer timer; /* connecting, or a message that does not end */
	uint8_t state;	    /* enum connection_state */
	bool is_outgoing, is_dirty, is_gone, is_stored;
	uint16_t listener;
	struct addr local, remote;
	uint64_t consumed, written; /* stream offsets, see stream_record */
	uint64_t handed_to; /* bits of books that messages were handed to */
	unsigned offered;   /* to which master: worker.rejoin.round */
	size_t peeked;	    /* handled this turn, not yet consumed */
	char *tail;
	size_t tail_len, tail_cap;
	struct connection *next_dirty;
	UT_hash_handle hh;
};

void connection_accept(int fd, unsigned what, void *socket_row);
/* A connection that a predecessor owned: the descriptor comes from the
 * master, its record (or none) from the book. */
int connection_adopt(struct server *server,
		     const struct message_connection *head, int fd);
void connection_restore(struct connection *connection,
			const struct stream_record *record);
struct connection *connection_find(struct server *server, uint64_t id);
/* HOLD_CONNECTION, again: another master. */
void connection_offer(struct connection *connection);
int connection_send(struct server *server, struct target *target,
		    struct slice bytes, uint64_t *ret_effect);
/* After the commit: consume what was handled, write what is committed. */
void connection_settle(struct connection *connection);
/* The record to be committed, in a buffer of this module. */
const struct stream_record *connection_record(struct connection *connection);
/* Shuts down, tells the master and every transaction that waits on it. */
void connection_close(struct connection *connection, const char *why);
void connection_expire(struct connection *connection);
void connection_free(struct connection *connection);

#endif
