/* SPDX-License-Identifier: Apache-2.0
 *
 * See cdr_page.h.  Written by mspool-cdr, read by signalling workers and
 * mspoolctl.  Trap: the process may die between any two stores, so what makes
 * a step count is one word, stored last with release; and the page's layout is
 * for good, since a page of another shape would be replaced by an empty one,
 * and lines that were written and not acknowledged would be written twice.
 */
#include "shm/cdr_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "shm/page.h"

#define CDR_MAGIC     0x6d73706f6f6c0301ull
#define LOCK_RETRY_US 2000

_Static_assert(sizeof(struct cdr_page) <= CDR_PAGE_SIZE, "the page is full");

static void cdr_page_fill(void *at, const struct page_settings *settings)
{
	struct cdr_page *page = at;

	page->magic = CDR_MAGIC;
	page->size = (uint32_t)settings->size;
}

static bool cdr_page_is_good(const void *at,
			     const struct page_settings *settings)
{
	const struct cdr_page *page = at;

	return page->magic == CDR_MAGIC && page->size == settings->size;
}

static struct page_settings cdr_page_settings(const char *run_dir)
{
	return (struct page_settings){
		.run_dir = run_dir,
		.folder = "cdr",
		.name = "page",
		.size = CDR_PAGE_SIZE,
		.fill = cdr_page_fill,
		.is_good = cdr_page_is_good,
	};
}

int cdr_page_make(const char *run_dir)
{
	struct page_settings settings = cdr_page_settings(run_dir);
	void *page;
	int rc = page_own(&settings, &page);

	if (!rc)
		page_close(page, settings.size);
	return rc;
}

/* ---- the lock ----------------------------------------------------------- */

/* The predecessor was killed, or ends: it finishes its batch before. */
static int wait_for_lock(int fd, uint64_t wait_us)
{
	uint64_t until_us = clock_boot_us() + wait_us;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_boot_us() >= until_us)
			return -EBUSY;
		usleep(LOCK_RETRY_US);
	}
	return 0;
}

static int take_lock(const char *run_dir, uint64_t wait_us, int *ret_fd)
{
	char path[PAGE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/state/cdr/owner", run_dir);
	int fd, rc;

	if (n < 0 || n >= PAGE_PATH_MAX)
		return -ENAMETOOLONG;
	rc = page_make_folder(run_dir, "cdr");
	if (rc)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = wait_for_lock(fd, wait_us);
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

int cdr_page_own(const char *run_dir, uint64_t wait_us,
		 struct cdr_page **ret_page, int *ret_lock)
{
	struct page_settings settings = cdr_page_settings(run_dir);
	void *page;
	int lock, rc = take_lock(run_dir, wait_us, &lock);

	if (rc)
		return rc;
	rc = page_own(&settings, &page);
	if (rc) {
		close(lock);
		return rc;
	}
	*ret_page = page;
	*ret_lock = lock;
	return 0;
}

int cdr_page_open(const char *run_dir, const struct cdr_page **ret_page)
{
	struct page_settings settings = cdr_page_settings(run_dir);
	void *page;
	int rc = page_open(&settings, false, &page);

	if (!rc)
		*ret_page = page;
	return rc;
}

void cdr_page_close(const struct cdr_page *page)
{
	page_close(page, CDR_PAGE_SIZE);
}

uint64_t cdr_page_last(const struct cdr_page *page, unsigned book)
{
	uint64_t taken = atomic_load_explicit(&page->books[book].taken,
					      memory_order_acquire);
	uint64_t acked = cdr_page_acked(page, book);

	return taken > acked ? taken : acked;
}

/* ---- the batch ---------------------------------------------------------- */

void cdr_batch_place(struct cdr_page *page)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (page->batch.upto[i])
			atomic_store_explicit(&page->books[i].taken,
					      page->batch.upto[i],
					      memory_order_release);
	atomic_store_explicit(&page->batch.is_placed, 1, memory_order_release);
	CRASH_POINT(cdr_placed);
}

bool cdr_batch_is_placed(const struct cdr_page *page)
{
	return atomic_load_explicit(&page->batch.is_placed,
				    memory_order_acquire);
}

void cdr_batch_cancel(struct cdr_page *page)
{
	atomic_store_explicit(&page->batch.is_placed, 0, memory_order_release);
}

/* A batch of which some books are acknowledged and others not is still placed:
 * writing it again and acknowledging all of it changes nothing. */
void cdr_batch_ack(struct cdr_page *page)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		if (!page->batch.upto[i])
			continue;
		atomic_store_explicit(&page->books[i].acked,
				      page->batch.upto[i],
				      memory_order_release);
		CRASH_POINT(cdr_acked);
	}
	cdr_batch_cancel(page);
}
