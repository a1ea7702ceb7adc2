/* SPDX-License-Identifier: Apache-2.0
 *
 * See figures.h.  Written by signalling workers (worker/figures.c), read by
 * mspoolctl and the observer.  Trap: a page is read while it is written, so a
 * histogram's sum may be one event ahead of its buckets.
 */
#include "shm/figures.h"

#include <stdio.h>

#include "shm/page.h"

#define FIGURES_MAGIC	 0x6d73706f6f6c0301ull
#define FIGURES_NAME_MAX 32

const struct figure_row figure_rows[N_FIGURES] = {
#define RESULT(name, help)
#define HISTOGRAM(name, help, ...)                                             \
	[FIGURE_##name] = {#name, help, {__VA_ARGS__}},
#include "shm/figures.def"
#undef RESULT
#undef HISTOGRAM
};

const char *const call_result_names[N_RESULTS] = {
#define HISTOGRAM(name, help, ...)
#define RESULT(name, help) [RESULT_##name] = #name,
#include "shm/figures.def"
#undef RESULT
#undef HISTOGRAM
};

const char *const call_result_helps[N_RESULTS] = {
#define HISTOGRAM(name, help, ...)
#define RESULT(name, help) [RESULT_##name] = help,
#include "shm/figures.def"
#undef RESULT
#undef HISTOGRAM
};

/* ---- the page ----------------------------------------------------------- */

static void figures_fill(void *page, const struct page_settings *settings)
{
	struct figures *figures = page;

	figures->magic = FIGURES_MAGIC;
	figures->size = (uint32_t)settings->size;
	figures->slot = *(const struct slot_id *)settings->arg;
}

static bool figures_is_good(const void *page,
			    const struct page_settings *settings)
{
	const struct figures *figures = page;
	const struct slot_id *slot = settings->arg;

	return figures->magic == FIGURES_MAGIC &&
	       figures->size == settings->size &&
	       figures->slot.kind == slot->kind &&
	       figures->slot.index == slot->index;
}

static struct page_settings figures_settings(const char *run_dir,
					     const struct slot_id *slot,
					     char buf[FIGURES_NAME_MAX])
{
	char name[SLOT_NAME_MAX];

	snprintf(buf, FIGURES_NAME_MAX, "%s-figures", slot_name(*slot, name));
	return (struct page_settings){
		.run_dir = run_dir,
		.folder = "board",
		.name = buf,
		.size = FIGURES_SIZE,
		.fill = figures_fill,
		.is_good = figures_is_good,
		.arg = slot,
	};
}

int figures_own(const char *run_dir, struct slot_id slot,
		struct figures **ret_figures)
{
	char name[FIGURES_NAME_MAX];
	struct page_settings settings = figures_settings(run_dir, &slot, name);
	void *page;
	int rc = page_own(&settings, &page);

	if (!rc)
		*ret_figures = page;
	return rc;
}

int figures_open(const char *run_dir, struct slot_id slot,
		 const struct figures **ret_figures)
{
	char name[FIGURES_NAME_MAX];
	struct page_settings settings = figures_settings(run_dir, &slot, name);
	void *page;
	int rc = page_open(&settings, false, &page);

	if (!rc)
		*ret_figures = page;
	return rc;
}

void figures_close(const struct figures *figures)
{
	page_close(figures, FIGURES_SIZE);
}

/* ---- rows: hash tables whose rows are claimed for good ------------------- */

/* Names begin the rows, which are `stride` bytes apart. */
static unsigned claim(char *rows, unsigned n_rows, size_t stride,
		      struct slice name)
{
	unsigned home;

	if (name.len == 0 || name.len >= PEER_NAME_MAX)
		return 0;
	home = (unsigned)(slice_hash(name, 0) % (n_rows - 1));
	for (unsigned i = 0; i < n_rows - 1; i++) {
		unsigned at = 1 + (home + i) % (n_rows - 1);
		char *row = rows + at * stride;

		if (!*row) {
			/* The first letter shows it to readers: it is last. */
			memcpy(row + 1, name.ptr + 1, name.len - 1);
			row[name.len] = '\0';
			__atomic_store_n(row, *name.ptr, __ATOMIC_RELEASE);
			return at;
		}
		if (memcmp(row, name.ptr, name.len) == 0 && !row[name.len])
			return at;
	}
	return 0;
}

struct figures_trunk *figures_trunk(struct figures *figures, struct slice name)
{
	return &figures->trunks[claim(figures->trunks[0].name, FIGURE_TRUNKS,
				      sizeof(figures->trunks[0]), name)];
}

struct figures_peer *figures_peer(struct figures *figures, struct slice name)
{
	return &figures->peers[claim(figures->peers[0].name, FIGURE_PEERS,
				     sizeof(figures->peers[0]), name)];
}

void figures_note(struct histogram *histogram, enum figure figure,
		  uint64_t took_us)
{
	const uint64_t *bounds_us = figure_rows[figure].bounds_us;
	unsigned at = 0;

	while (at < FIGURE_BUCKETS && bounds_us[at] && took_us > bounds_us[at])
		at++;
	figures_count(&histogram->buckets[at]);
	atomic_store_explicit(
		&histogram->sum_us,
		atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) +
			took_us,
		memory_order_relaxed);
}
