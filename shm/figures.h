/* SPDX-License-Identifier: Apache-2.0
 *
 * A signalling worker's figures of trunks and peers: one mmap'd page per slot,
 * state/board/msN-figures, written by that process alone, read by mspoolctl
 * and the observer, kept when it dies.  Beside the board page, because routing
 * reads that one for every call and these never.
 */
#ifndef SHM_FIGURES_H
#define SHM_FIGURES_H

#include <stdatomic.h>

#include "shm/schema.h"

#define FIGURE_BUCKETS 15	     /* bounds of a histogram, at most */
#define FIGURE_TRUNKS  512	     /* trunks that have a row of their own */
#define FIGURE_PEERS   1024	     /* peers */
#define FIGURE_METHODS 16	     /* enum sip_method, the last one: others */
#define FIGURE_CLASSES 7	     /* 1xx at [1] … 6xx at [6] */
#define FIGURES_SIZE   (1280u << 10) /* for good, whatever comes in */

enum call_result {
#define RESULT(name, help) RESULT_##name,
#define HISTOGRAM(name, help, ...)
#include "shm/figures.def"
#undef RESULT
#undef HISTOGRAM
	N_RESULTS
};

enum figure {
#define RESULT(name, help)
#define HISTOGRAM(name, help, ...) FIGURE_##name,
#include "shm/figures.def"
#undef RESULT
#undef HISTOGRAM
	N_FIGURES
};
#define FIGURES_CALL FIGURE_probe /* those before it are of calls */

struct figure_row {
	const char *name, *help;
	uint64_t bounds_us[FIGURE_BUCKETS]; /* 0 after the last */
};
extern const struct figure_row figure_rows[N_FIGURES];
extern const char *const call_result_names[N_RESULTS];
extern const char *const call_result_helps[N_RESULTS];

/* Not cumulative: each event is in one bucket, the first whose bound it does
 * not exceed, or in the one after the last bound. */
struct histogram {
	_Atomic uint64_t sum_us;
	_Atomic uint64_t buckets[FIGURE_BUCKETS + 1];
};

struct figures_calls {
	_Atomic uint64_t results[8]; /* by enum call_result */
	struct histogram times[4];   /* by enum figure, below FIGURES_CALL */
};

/* Row 0 is of calls that have no trunk, and of all that came when no row was
 * left. */
struct figures_trunk {
	char name[PEER_NAME_MAX];	      /* "" free; claimed for good */
	struct figures_calls calls[2];	      /* by enum call_direction */
	_Atomic uint64_t failovers, spare[3]; /* tries left for the next */
};

struct figures_peer {
	char name[PEER_NAME_MAX];
	_Atomic uint64_t probes_good, probes_lost, spare[2];
	struct histogram probe;
};

enum figure_way {
	FIGURE_IN,
	FIGURE_OUT,
	N_FIGURE_WAYS
};

/* SIP messages of this process. */
struct figures_sip {
	_Atomic uint64_t requests[N_FIGURE_WAYS][FIGURE_METHODS][4];
	_Atomic uint64_t responses[N_FIGURE_WAYS][FIGURE_CLASSES + 1];
};

struct figures {
	uint64_t magic;
	uint32_t size;
	struct slot_id slot;
	uint16_t pad;
	struct figures_sip sip;
	struct figures_trunk trunks[FIGURE_TRUNKS];
	struct figures_peer peers[FIGURE_PEERS];
};

_Static_assert((int)N_RESULTS <= 8 && (int)FIGURES_CALL <= 4,
	       "figures_calls has no room for more");
_Static_assert(sizeof(struct figures) <= FIGURES_SIZE,
	       "a page of figures has no room for more");

/* The process's own page: made, or taken over from its predecessor. */
int figures_own(const char *run_dir, struct slot_id slot,
		struct figures **ret_figures);
/* Another's, read only.  -ENOENT. */
int figures_open(const char *run_dir, struct slot_id slot,
		 const struct figures **ret_figures);
void figures_close(const struct figures *figures);

/* The row of a trunk (a peer), claimed if need be; row 0 of what has no name,
 * and when all are taken. */
struct figures_trunk *figures_trunk(struct figures *figures, struct slice name);
struct figures_peer *figures_peer(struct figures *figures, struct slice name);

static inline void figures_count(_Atomic uint64_t *word)
{
	atomic_store_explicit(
		word, atomic_load_explicit(word, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/* Notes one event that took so long. */
void figures_note(struct histogram *histogram, enum figure figure,
		  uint64_t took_us);

#endif
