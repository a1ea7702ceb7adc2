/* SPDX-License-Identifier: Apache-2.0
 *
 * Free ports on offer: per book and side a ring holds pairs that are bound
 * already.  How many lie there follows the demand.
 */
#ifndef MEDIA_OFFERS_H
#define MEDIA_OFFERS_H

#include "media/served.h"

#define OFFERS_START                                                           \
	128 /* what waits while a worker is replaced comes at once */
#define OFFERS_MAX	       512
#define OFFERS_RECLAIM_US      5000000ull
#define OFFERS_RETRY_US	       250000ull /* when no port was to be had */
#define OFFERS_RESUMED_A_ROUND 64
#define OFFERS_BINDS_A_ROUND                                                   \
	16 /* binding costs ~40 us a pair: not too long                        \
	    */

/* At the start, before the records are read: what lies in a ring is on offer,
 * and no port that lies there and is not bound is taken for a new one.  (What a
 * book took before is in a record, since it commits before it moves the tail.)
 */
void offers_foresee(struct served *served, unsigned book);
/* After a start: what lies in the rings is on offer, whoever put it there.  So
 * much a round; true when all was seen once, and before it nothing may be
 * offered, since a pair that rests may lie in a ring.  A port that is busy is
 * passed over and asked for again in the next rounds; nobody waits for it. */
bool offers_resume(struct served *served, unsigned book, uint64_t now_us);
/* Sees what was taken and fills up, unless draining.  True: more is wanted at
 * once (it goes by so many a round). */
bool offers_top_up(struct served *served, unsigned book, bool is_draining,
		   uint64_t now_us);
/* True if a pair was taken so long ago that its wish should have come. */
bool offers_has_overdue(const struct served *served, unsigned book,
			uint64_t now_us);
/* Right after a scan of the book's records: what was overdue before it and is
 * in no record was taken by a worker that died, or that gave it up; it goes
 * back.  Number of pairs. */
unsigned offers_reclaim(struct served *served, unsigned book,
			uint64_t overdue_at_us, uint64_t now_us);

#endif
