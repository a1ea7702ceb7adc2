/* SPDX-License-Identifier: Apache-2.0
 *
 * The page of mspool-cdr, state/cdr/page: how far it has come in every book,
 * and the batch of lines it is writing.  Written by the process that holds
 * flock on state/cdr/owner, and by no other; owners of books read `acked`.
 *
 * Lines are rendered into the page, placed (file and offset), and only then
 * written to the file with pwrite.  A successor that finds a placed batch
 * writes the same bytes at the same place again, whatever the configuration or
 * the books say by then.
 */
#ifndef SHM_CDR_PAGE_H
#define SHM_CDR_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shm/schema.h"

#define CDR_BATCH_MAX (256u << 10) /* bytes of a batch */
#define CDR_PATH_MAX  1088u
#define CDR_WHY_MAX   64u
#define CDR_PAGE_SIZE (288u << 10) /* for good: see decision 0002 */

struct cdr_progress {
	/* sequences; all up to acked are on disk, all up to taken are in the
	 * batch or on disk */
	_Atomic uint64_t taken, acked;
};

struct cdr_batch {
	_Atomic uint32_t is_placed; /* written last */
	uint32_t len;
	uint64_t dev, inode; /* of the file, whatever its name is by now */
	uint64_t offset;
	uint64_t upto[BOOK_MAX + 1]; /* acked when it is written; 0 as it was */
	char path[CDR_PATH_MAX];
	char bytes[CDR_BATCH_MAX];
};

struct cdr_page {
	uint64_t magic;
	uint32_t size;
	_Atomic uint32_t is_blocked;	   /* the disk takes nothing … */
	_Atomic uint64_t blocked_since_us; /* … since (wall time) */
	char why[CDR_WHY_MAX];
	char file[CDR_PATH_MAX]; /* that is written now; "" none yet */
	struct cdr_progress books[BOOK_MAX + 1]; /* by number */
	struct cdr_batch batch;
};

/* Makes the page if it is not there; for the master, so that all find it. */
int cdr_page_make(const char *run_dir);
/* Takes the lock (waiting at most wait_us) and maps the page writable.
 * -EBUSY; *ret_lock stays open as long as the process. */
int cdr_page_own(const char *run_dir, uint64_t wait_us,
		 struct cdr_page **ret_page, int *ret_lock);
/* -ENOENT. */
int cdr_page_open(const char *run_dir, const struct cdr_page **ret_page);
void cdr_page_close(const struct cdr_page *page);

static inline uint64_t cdr_page_acked(const struct cdr_page *page,
				      unsigned book)
{
	return atomic_load_explicit(&page->books[book].acked,
				    memory_order_acquire);
}

/* The highest sequence of a book that was ever seen here: whoever makes
 * records goes on above it. */
uint64_t cdr_page_last(const struct cdr_page *page, unsigned book);

/* The batch in three steps; what fails is cancelled (nothing of it is in the
 * file) or written again. */
void cdr_batch_place(struct cdr_page *page);
bool cdr_batch_is_placed(const struct cdr_page *page);
void cdr_batch_cancel(struct cdr_page *page);
void cdr_batch_ack(struct cdr_page *page);

#endif
