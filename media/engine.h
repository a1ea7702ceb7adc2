/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine: how packets get in and out of sockets.  One small interface with
 * batches in both directions, so that what lies under it (epoll, io_uring) is
 * chosen by measurement and by what the host permits.  Used by the media
 * worker's only thread.
 *
 * A turn: what was queued by engine_send since the last turn leaves, the
 * engine waits, then hands over what came.  Trap: bytes and address given to
 * engine_send are used until the next turn begins to wait, and no longer; the
 * bytes of a packet handed over live exactly that long too, so that a packet
 * is relayed without a copy.
 */
#ifndef MEDIA_ENGINE_H
#define MEDIA_ENGINE_H

#include "base/addr.h"

#define ENGINE_PACKET_MAX 2000 /* bytes; longer datagrams are dropped */
#define ENGINE_BATCH	  64   /* packets handed over at once, at most */

struct engine;

struct engine_packet {
	uint32_t socket; /* as named in engine_add */
	uint32_t len;
	uint8_t *bytes; /* may be changed in place */
	const struct addr *source;
};

struct engine_send {
	uint32_t socket;
	uint32_t len;
	const uint8_t *bytes;
	const struct addr *to;
};

struct engine_events {
	void *arg;
	void (*on_packets)(void *arg, const struct engine_packet *packets,
			   unsigned n);
	/* A watched descriptor is, or was, readable; false: watch it no
	 * longer. */
	bool (*on_control)(void *arg, int fd);
	void (*on_send_failed)(void *arg, uint32_t socket, int error);
	void (*on_oversize)(void *arg, uint32_t socket);
};

struct engine_settings {
	const char *name; /* "uring", "epoll"; NULL or "": the best there is */
	unsigned max_sockets; /* sockets are named 0 … max_sockets - 1 */
	struct engine_events events;
};

/* How long a turn waits: until min_packets are there or wait_us have gone. */
struct engine_wait {
	uint64_t wait_us;
	unsigned min_packets;
};

/* -ENOSYS, -EPERM and the like: this engine is not to be had here; with no
 * name given the next one is tried.  -EINVAL: no engine of that name. */
int engine_new(const struct engine_settings *settings,
	       struct engine **ret_engine);
struct engine *engine_free(struct engine *engine);
const char *engine_name(const struct engine *engine);
/* fd stays the caller's and must outlive engine_remove. */
int engine_add(struct engine *engine, uint32_t socket, int fd);
/* What is queued to be sent from it leaves first. */
void engine_remove(struct engine *engine, uint32_t socket);
/* A descriptor of the control kind (channel, doorbell). */
int engine_watch(struct engine *engine, int fd);
/* Before it is closed: duplicates elsewhere keep it alive. */
void engine_unwatch(struct engine *engine, int fd);
/* Never blocks; what cannot be sent is dropped and told to on_send_failed.  The
 * socket must be one that was added. */
void engine_send(struct engine *engine, const struct engine_send *send);
int engine_turn(struct engine *engine, const struct engine_wait *wait);

/* ---- what an engine is, for engine.c and the engines ----------------------
 */

struct engine_kind {
	const char *name;
	int (*open)(const struct engine_settings *settings, void **ret_state);
	void (*close)(void *state);
	int (*add)(void *state, uint32_t socket, int fd);
	void (*remove)(void *state, uint32_t socket);
	int (*watch)(void *state, int fd);
	void (*unwatch)(void *state, int fd);
	void (*send)(void *state, const struct engine_send *send);
	int (*turn)(void *state, const struct engine_wait *wait);
};
extern const struct engine_kind engine_epoll, engine_uring;

#endif
