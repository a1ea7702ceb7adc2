/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics of the pool's processes, media and state.  Observer.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tools/ctl_process.h"
#include "tools/ctl_show.h"
#include "tools/metrics_collect.h"

void collect_build_info(struct collection *collection)
{
	SAMPLE(&collection->page, 1, PACKAGE_VERSION);
}

void collect_up(struct collection *collection)
{
	SAMPLE(&collection->page, collection->snapshot->view->is_master_alive);
}

void collect_ready(struct collection *collection)
{
	SAMPLE(&collection->page,
	       snapshot_not_ready(collection->snapshot) == NULL);
}

void collect_draining(struct collection *collection)
{
	SAMPLE(&collection->page,
	       collection->snapshot->view->pool.state == POOL_DRAINING);
}

void collect_start_time(struct collection *collection)
{
	SAMPLE(&collection->page,
	       (double)collection->snapshot->view->pool.started_wall_us /
		       USEC_PER_SEC);
}

void collect_generation(struct collection *collection)
{
	SAMPLE(&collection->page, collection->snapshot->view->pool.generation);
}

/* The master replaces the file whenever a configuration comes into force. */
void collect_reloaded(struct collection *collection)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/state/config.txt",
		 collection->snapshot->view->ctl->run_dir);
	if (stat(path, &st) == 0)
		SAMPLE(&collection->page,
		       (double)st.st_mtim.tv_sec +
			       (double)st.st_mtim.tv_nsec / 1e9);
}

/* ---- workers ------------------------------------------------------------- */

typedef void slot_fn(struct collection *collection,
		     const struct slot_record *slot, const char *kind,
		     const char *name);

/* Those that are not retired. */
static void each_slot(struct collection *collection, slot_fn *fn)
{
	const struct ctl_view *view = collection->snapshot->view;

	for (unsigned i = 0; i < view->n_slots; i++) {
		const struct slot_record *slot = &view->slots[i];
		char name[SLOT_NAME_MAX];

		if (ctl_slot_state(view, slot))
			fn(collection, slot,
			   slot->slot.kind == SLOT_MEDIA ? "media"
							 : "signalling",
			   slot_name(slot->slot, name));
	}
}

static void put_worker_up(struct collection *collection,
			  const struct slot_record *slot, const char *kind,
			  const char *name)
{
	const char *state = ctl_slot_state(collection->snapshot->view, slot);

	SAMPLE(&collection->page,
	       strcmp(state, "up") == 0 || strcmp(state, "draining") == 0, kind,
	       name);
}

static void put_restarts(struct collection *collection,
			 const struct slot_record *slot, const char *kind,
			 const char *name)
{
	SAMPLE(&collection->page, slot->restarts, kind, name);
}

static void put_worker_calls(struct collection *collection,
			     const struct slot_record *slot, const char *kind,
			     const char *name)
{
	const struct snapshot *snapshot = collection->snapshot;

	SAMPLE(&collection->page,
	       slot->slot.kind == SLOT_MEDIA
		       ? snapshot->calls_of_media[slot->slot.index]
		       : snapshot->calls_of_book[slot->slot.index],
	       kind, name);
}

void collect_worker_up(struct collection *collection)
{
	each_slot(collection, put_worker_up);
}

void collect_restarts(struct collection *collection)
{
	each_slot(collection, put_restarts);
}

void collect_worker_calls(struct collection *collection)
{
	each_slot(collection, put_worker_calls);
}

/* ---- processes ----------------------------------------------------------- */

static void put_cpu_of(struct collection *collection, int32_t pid,
		       const char *name)
{
	uint64_t ns;

	if (ctl_process_cpu_ns(pid, &ns) == 0)
		SAMPLE(&collection->page, (double)ns / 1e9, name);
}

static void put_rss_of(struct collection *collection, int32_t pid,
		       const char *name)
{
	uint64_t bytes;

	if (ctl_process_rss(pid, &bytes) == 0)
		SAMPLE(&collection->page, (double)bytes, name);
}

static void put_cpu(struct collection *collection,
		    const struct slot_record *slot, const char *kind,
		    const char *name)
{
	(void)kind;
	if (ctl_slot_lives(slot))
		put_cpu_of(collection, slot->pid, name);
}

static void put_rss(struct collection *collection,
		    const struct slot_record *slot, const char *kind,
		    const char *name)
{
	(void)kind;
	if (ctl_slot_lives(slot))
		put_rss_of(collection, slot->pid, name);
}

void collect_cpu(struct collection *collection)
{
	const struct ctl_view *view = collection->snapshot->view;

	if (view->is_master_alive)
		put_cpu_of(collection, view->pool.master_pid, "master");
	each_slot(collection, put_cpu);
}

void collect_rss(struct collection *collection)
{
	const struct ctl_view *view = collection->snapshot->view;

	if (view->is_master_alive)
		put_rss_of(collection, view->pool.master_pid, "master");
	each_slot(collection, put_rss);
}

/* ---- media --------------------------------------------------------------- */

static void put_streams(struct collection *collection,
			const struct slot_record *slot, const char *kind,
			const char *name)
{
	(void)kind;
	if (slot->slot.kind == SLOT_MEDIA)
		SAMPLE(&collection->page,
		       collection->snapshot->calls_of_media[slot->slot.index],
		       name);
}

void collect_streams(struct collection *collection)
{
	each_slot(collection, put_streams);
}

/* Of retired workers, too: a counter must not end. */
void collect_packets(struct collection *collection)
{
	const struct ctl_view *view = collection->snapshot->view;

	for (unsigned i = 1; i <= MEDIA_SLOT_MAX; i++) {
		const struct board *board = view->media_boards[i];
		char name[SLOT_NAME_MAX];

		if (!board)
			continue;
		SAMPLE(&collection->page,
		       (double)atomic_load_explicit(
			       &board->counters[COUNTER_rtp_relayed],
			       memory_order_relaxed),
		       slot_name((struct slot_id){SLOT_MEDIA, (uint8_t)i},
				 name));
	}
}

void collect_ports_used(struct collection *collection)
{
	SAMPLE(&collection->page, collection->snapshot->pairs[SIDE_INTERNAL],
	       "internal");
	SAMPLE(&collection->page, collection->snapshot->pairs[SIDE_GATEWAY],
	       "gateway");
}

void collect_ports(struct collection *collection)
{
	const struct config_media *media =
		&collection->snapshot->view->config->media;

	SAMPLE(&collection->page, (media->port_max - media->port_min + 1) / 2);
}

/* ---- state --------------------------------------------------------------- */

static void put_maps(struct collection *collection, bool is_used)
{
	const struct snapshot *snapshot = collection->snapshot;

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		char name[SLOT_NAME_MAX];

		if (snapshot->maps[i].size)
			SAMPLE(&collection->page,
			       (double)(is_used ? snapshot->maps[i].used
						: snapshot->maps[i].size),
			       slot_name((struct slot_id){SLOT_SIGNALLING,
							  (uint8_t)i},
					 name));
	}
}

void collect_map(struct collection *collection)
{
	put_maps(collection, false);
}

void collect_map_used(struct collection *collection)
{
	put_maps(collection, true);
}

void collect_scrape(struct collection *collection)
{
	SAMPLE(&collection->page,
	       (double)(clock_boot_us() - collection->began_us) / USEC_PER_SEC);
}
