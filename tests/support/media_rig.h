/* SPDX-License-Identifier: Apache-2.0
 *
 * A rig around one real mspool-media: plays its master (channel, doorbells,
 * holding of sockets) and one Mediation Server (book ms1, rings), so that media
 * can be tested and measured without signalling.  One rig a process.
 */
#ifndef TESTS_SUPPORT_MEDIA_RIG_H
#define TESTS_SUPPORT_MEDIA_RIG_H

#include <sys/types.h>

#include "base/channel.h"
#include "base/config.h"
#include "shm/board.h"
#include "shm/book.h"
#include "shm/pool_table.h"
#include "shm/ring.h"

#define RIG_BOOK  1
#define RIG_SLOT  1
#define RIG_SIDES 2

struct media_rig_settings {
	const char *program; /* NULL: media/mspool-media of the build tree */
	const char *engine;  /* MSPOOL_MEDIA_ENGINE; NULL: its own choice */
	const char *host[RIG_SIDES]; /* media addresses; NULL: 127.0.0.1 */
	uint16_t port_min, port_max;
};

struct rig_socket {
	struct message_rtp_socket name;
	int fd; /* -1: released */
};

struct media_rig {
	struct media_rig_settings settings;
	char run_dir[64];
	pid_t pid; /* 0: not running */
	struct channel *channel;
	struct book *book;
	struct pool_table *pool;
	struct ring *look, *told, *ports[RIG_SIDES];
	int bell_book, bell_media;
	struct rig_socket *sockets; /* held for the media worker */
	unsigned n_sockets, max_sockets;
	bool is_forgetful; /* the next successor is not given them */
	const char *name;  /* of the process: "mw1", or a sibling's */
	bool is_ready, has_let_go;
	const struct stream_board *streams;
	const struct board *board;
};

/* Builds the shared state and starts the media worker.  Dies with a word on
 * stderr when it cannot: there is nothing to test then. */
void rig_start(struct media_rig *rig,
	       const struct media_rig_settings *settings);
/* SIGKILL, as often as one likes; then a successor with the held sockets. */
void rig_kill(struct media_rig *rig);
void rig_respawn(struct media_rig *rig);
/* The master died, too: closes what it held. */
void rig_forget_sockets(struct media_rig *rig);
/* The master dies; the media worker does not. */
void rig_abandon(struct media_rig *rig);
/* RETIRE of this slot; the exit code if the process ends by it within 2 s, -1
 * if it goes on. */
int rig_retire(struct media_rig *rig, unsigned slot);
/* Kills, removes the run folder. */
void rig_stop(struct media_rig *rig);
/* Hears the media worker for so long. */
void rig_pump(struct media_rig *rig, unsigned ms);

/* A port from the ring, at most 2 s after asking; 0: none came. */
uint16_t rig_take_port(struct media_rig *rig, enum listener_side side);
/* The ports that were taken are committed, or given up. */
void rig_release_ports(struct media_rig *rig);
/* A wish with two taken ports and these peers, both ways, not yet applied. */
struct media_wish rig_wish(struct media_rig *rig, const struct addr *peer_a,
			   const struct addr *peer_b);
/* Writes the record of a call (0: a new one), commits, rings; its id. */
uint64_t rig_put(struct media_rig *rig, uint64_t call,
		 const struct media_wish *wish);
void rig_delete(struct media_rig *rig, uint64_t call);
/* Waits at most 2 s until this version is in force. */
bool rig_is_applied(struct media_rig *rig, uint64_t call, uint32_t version);
const struct stream_row *rig_row(const struct media_rig *rig, uint64_t call);
/* A call that the media worker told as dead, at most `ms` from now; 0 none. */
uint64_t rig_told(struct media_rig *rig, unsigned ms);

#endif
