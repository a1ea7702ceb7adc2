/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapped files of the state folder: what board pages, rings and the steering
 * page have in common.  A page is filled before it gets its name, allocated
 * whole (no SIGBUS on a full file system) and never changes its size: one of
 * another shape is replaced, and who has the old one mapped keeps it.
 * Private to shm/.
 */
#ifndef SHM_PAGE_H
#define SHM_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE_PATH_MAX 4096

struct page_settings {
	const char *run_dir;
	const char *folder; /* under state/, made if it is not there */
	const char *name;
	size_t size;	  /* 0: whatever it is (page_open tells) … */
	size_t head_size; /* … but at least this */
	/* Fills the head of a new page (zeroed); says whether an old one of
	 * the right size can be kept. */
	void (*fill)(void *page, const struct page_settings *settings);
	bool (*is_good)(const void *page, const struct page_settings *settings);
	const void *arg;
};

/* Makes run_dir/state/folder with mode 0700, and what is missing above. */
int page_make_folder(const char *run_dir, const char *folder);
/* Maps the page writable: the one that is there if it is good, else a new
 * one. */
int page_own(struct page_settings *settings, void **ret_page);
/* Maps what is there.  -ENOENT; -EPROTO: not a good one. */
int page_open(struct page_settings *settings, bool is_writable,
	      void **ret_page);
/* Pages of another layout that page_own has replaced since the last call, and
 * the name of the last. */
unsigned page_refused(char ret_name[64]);
void page_close(const void *page, size_t size);

#endif
