/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer's state is: a pure function of the prober's record, what every
 * worker's calls saw, and the administrator's word (CONTRACT "probes", "calls
 * as evidence").  Used by routing and by mspoolctl alike.
 */
#ifndef SHM_HEALTH_H
#define SHM_HEALTH_H

#include "base/config.h"
#include "shm/board.h"
#include "shm/pool_table.h"

enum peer_state {
	PEER_UP,
	PEER_UNKNOWN,
	PEER_DEMOTED,
	PEER_HELD,
	PEER_DOWN,
	PEER_DISABLED,
	PEER_DRAINING
};
extern const char *const peer_state_names[];

struct health_sources {
	struct health_table *table;
	struct pool_table *pool;
	const struct board *boards[BOOK_MAX + 1]; /* by book, NULL none */
};

struct peer_health {
	enum peer_state state;
	uint32_t calls; /* live, over all workers */
	uint64_t hold_left_us;
	uint64_t since_wall_us;
	struct health_record probe; /* zero when never probed */
	uint64_t attempts, answered, failed, busy, cancelled;
};

/* All that is known of a peer; times are boottime, of a request's sending. */
struct health_evidence {
	bool is_enabled;
	uint32_t admin; /* ADMIN_DRAINED | ADMIN_DISABLED */
	uint64_t admin_wall_us;
	struct health_record probe;
	/* the latest over all workers */
	uint64_t unreachable_us, demoted_us, held_until_us, good_us;
	uint64_t failure_wall_us;
};

/* Adds what one worker's calls saw. */
void health_add_board(struct health_evidence *evidence,
		      const struct board_peer *peer);
/* The rules alone. */
enum peer_state health_judge(const struct health_evidence *evidence,
			     uint64_t now_us, uint64_t *ret_since_wall_us);
/* May a call be sent there?  Demoted peers come behind the others; those that
 * are not usable are tried when no other is left, but for disabled and
 * draining ones. */
bool peer_state_is_usable(enum peer_state state);

/* Reads the tables and boards (a NULL one has nothing to say). */
void health_of_peer(const struct health_sources *sources,
		    const struct config_peer *peer, uint64_t now_us,
		    struct peer_health *ret_health);

#endif
