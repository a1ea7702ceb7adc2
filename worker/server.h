/* SPDX-License-Identifier: Apache-2.0
 *
 * A Mediation Server: one book with its sockets, connections, calls and rings.
 * Usually a worker has one; after an adoption it has several.
 */
#ifndef WORKER_SERVER_H
#define WORKER_SERVER_H

#include <uthash.h>

#include "worker/worker.h"

/* A bound socket that the master gave: a UDP socket or a TCP listener. */
struct socket_row {
	struct socket_row *next;
	struct server *server;
	int fd;
	struct watch *watch;
	uint16_t listener; /* config_listener.id */
	uint8_t side, transport;
	struct addr bound;
	unsigned offered; /* to which master: worker.rejoin.round */
};

struct server {
	struct server *next; /* of the worker's list */
	struct worker *worker;
	unsigned index;	   /* N of msN */
	struct book *book; /* NULL until SERVE */
	struct socket_row *sockets;
	struct connection *connections; /* by id */
	struct call *calls;		/* by id */
	struct tx *invites; /* server transactions of initial INVITEs, by key */
	struct ring *in[BOOK_MAX + 1], *out[BOOK_MAX + 1];
	struct ring *look[MEDIA_SLOT_MAX + 1], *told[MEDIA_SLOT_MAX + 1];
	struct ring *ports[MEDIA_SLOT_MAX + 1][2]; /* by enum listener_side */
	uint64_t in_open, told_open; /* bits of the rings that are open */
	uint64_t media_used; /* bits of media slots whose rings were read */
	uint64_t in_position[BOOK_MAX + 1]; /* after the last entry taken */
	uint64_t in_used, out_used; /* bits of rings touched this turn */
	uint64_t out_kept; /* those whose entries the commit must not lose */
	struct poison *poison; /* suspects; NULL while nobody has died */
	uint64_t next_connection;
	/* call records in the book: from cdr_first up to, not including,
	 * cdr_next; this turn deletes those below cdr_keep */
	uint64_t cdr_first, cdr_keep, cdr_next;
	unsigned n_calls;      /* not absorbing */
	uint64_t full_told_us; /* last "book_full" */
	bool is_dirty;	       /* something was put this turn */
	bool is_draining;      /* this book takes no new calls */
};

/* Sets of books or media slots are words of bits. */
static inline uint64_t bit_of(unsigned number)
{
	return 1ull << (number - 1);
}

/* The lowest number in a set, which must not be empty. */
static inline unsigned first_of(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits) + 1;
}

#define for_each_number(n, set)                                                \
	for (uint64_t n##_left = (set), n = 0;                                 \
	     n##_left && (n = first_of(n##_left), 1);                          \
	     n##_left &= n##_left - 1)

#define for_each_server(it, worker)                                            \
	for (struct server *it = (worker)->first_server; it; it = it->next)

/* Makes the server of a book, without its book yet: sockets may come. */
struct server *server_get(struct worker *worker, unsigned index);
/* Owns the book and loads what stands in it (adoption, DESIGN 3): 0 or
 * -errno. */
int server_serve(struct server *server, uint32_t epoch);
/* Lets go of everything, sockets stay open in the master. */
void server_leave(struct server *server);
/* Is there a ring to this book's owner?  Looks again for one that the master
 * made since. */
bool server_has_ring(struct server *server, unsigned book);
/* (Re)opens rings to books and media slots of the slot table. */
void server_open_rings(struct server *server);
int server_add_socket(struct server *server,
		      const struct message_listener *listener, int fd);
/* The socket from which datagrams of this listener leave; NULL none. */
struct socket_row *server_socket(struct server *server, uint16_t listener,
				 enum transport transport);
/* Host and port that we show in Via and Contact on this listener. */
void server_write_sent_by(struct server *server, uint16_t listener,
			  enum transport transport, struct out *out);

#endif
