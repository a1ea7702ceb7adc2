/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream: the media of one call, two ways between two pairs of ports.  Made,
 * changed and ended by what the call record wishes (DESIGN 5): the newest wish
 * counts, however many were missed, and its version is echoed on the board when
 * it is in force.
 */
#ifndef MEDIA_STREAM_H
#define MEDIA_STREAM_H

#include "media/served.h"

struct stream {
	uint64_t call;
	uint32_t version; /* of the wish in force */
	uint32_t inactivity_ms;
	bool is_held;
	uint8_t flow[N_LEGS]; /* MEDIA_TAKE | MEDIA_GIVE */
	/* Silence counts from here on; 0: a side is not known yet. */
	uint64_t quiet_since_us;
	struct stream_row *row;
	struct pair *pair[N_LEGS];
	struct way way[N_LEGS];
};

/* Applies a wish of a call that this slot relays.  is_rebuild: the figures and
 * learned addresses of the row are a predecessor's, and what waits in the
 * sockets is the call's (else it is strangers', and thrown away).
 * -EADDRINUSE, -EBUSY: a port is not to be had; -ENOSPC: no row; -ENOMEM. After
 * an error the version is echoed and the stream is dead.  -EAGAIN: a port is
 * busy that may be free soon; the call is to be tried again, nothing is echoed.
 */
int stream_apply(struct served *served, uint64_t call,
		 const struct media_wish *wish, bool is_rebuild,
		 uint64_t now_us);
/* A record names ports and has no wish for them yet (it rings): they are
 * neither free nor overdue. */
void stream_reserve(struct served *served, uint64_t call,
		    const struct media_wish *wish, uint64_t now_us);
struct stream *stream_find(const struct served *served, uint64_t call);
/* Its owner has been told, or will be. */
bool stream_is_dead(const struct served *served, uint64_t call);
/* Its ports rest; the row stays as it is, for whoever reads its figures. */
struct stream *stream_free(struct served *served, struct stream *stream,
			   uint64_t now_us);
/* The record is gone: ends the stream, if there is one, and drops the row. */
void stream_forget(struct served *served, uint64_t call, uint64_t now_us);

#endif
