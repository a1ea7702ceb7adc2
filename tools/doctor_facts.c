/* SPDX-License-Identifier: Apache-2.0
 *
 * What `mspoolctl doctor` reads of the pool: the master's descriptors, books,
 * readers, the run folder.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tools/ctl_show.h"
#include "tools/doctor.h"

/* ---- descriptors --------------------------------------------------------- */

static void gather_master_files(const struct ctl_view *view,
				struct doctor_facts *facts)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/limits", view->pool.master_pid);
	file = view->is_master_alive ? fopen(path, "re") : NULL;
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Max open files %" SCNu64,
			   &facts->files_limit) == 1)
			break;
	fclose(file);
}

static void gather_config(const struct config *config,
			  struct doctor_facts *facts)
{
	const struct addr *media[2] = {0};

	facts->has_config = true;
	facts->max_calls = config->pool.max_calls;
	facts->n_listening =
		(uint64_t)config->n_listeners * config->pool.signalling_workers;
	facts->max_book_mb = config->pool.max_book_mb;
	for (unsigned i = 0; i < config->n_listeners; i++) {
		const struct config_listener *at = &config->listeners[i];

		if (!media[at->side])
			media[at->side] = addr_is_none(&at->media_address)
						  ? &at->address
						  : &at->media_address;
	}
	if (media[SIDE_INTERNAL] && media[SIDE_GATEWAY] &&
	    !addr_is_same_host(media[SIDE_INTERNAL], media[SIDE_GATEWAY]))
		facts->n_sides_of_port = 1;
}

/* ---- books --------------------------------------------------------------- */

static void see_book(struct store *store, unsigned index,
		     struct doctor_facts *facts)
{
	uint64_t limit = (uint64_t)facts->max_book_mb << 20;
	uint64_t used, size, room, behind, percent;
	int32_t pid;

	if (store_usage(store, &used, &size) || store_room(store, &room))
		return;
	percent = (size - room) * 100 / limit;
	if (facts->fullest_percent == DOCTOR_UNKNOWN ||
	    percent > facts->fullest_percent) {
		facts->fullest_percent = percent;
		facts->fullest_book = index;
	}
	if (facts->room_wanted == DOCTOR_UNKNOWN)
		facts->room_wanted = 0;
	facts->room_wanted += limit > size ? limit - size : 0;
	if (facts->reader_behind == DOCTOR_UNKNOWN)
		facts->reader_behind = 0;
	if (store_oldest_reader(store, &pid, &behind) == 0 &&
	    behind > facts->reader_behind) {
		facts->reader_behind = behind;
		facts->reader_pid = pid;
	}
}

static void gather_pool(const struct ctl_view *view, struct doctor_facts *facts)
{
	facts->is_master_alive = view->is_master_alive;
	for (unsigned i = 0; i < view->n_slots; i++) {
		const char *state = ctl_slot_state(view, &view->slots[i]);

		facts->n_workers_down += state && strcmp(state, "down") == 0;
	}
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (view->books[i])
			see_book(book_store(view->books[i]), i, facts);
	gather_master_files(view, facts);
}

/* ---- the run folder ------------------------------------------------------ */

static void gather_folder(struct doctor_facts *facts)
{
	char path[DOCTOR_TEXT_MAX + 8];
	struct statfs fs;
	struct stat st;

	snprintf(path, sizeof(path), "%s/state", facts->run_dir);
	if (stat(path, &st) == 0)
		facts->state_mode = st.st_mode & 07777;
	if (statfs(facts->run_dir, &fs) == 0) {
		facts->room_free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
		facts->is_in_memory = fs.f_type == TMPFS_MAGIC ||
				      (uint32_t)fs.f_type == RAMFS_MAGIC;
	}
}

void doctor_gather(const struct ctl_view *view, const struct config *config,
		   struct doctor_facts *facts)
{
	facts->state_mode = facts->room_free = facts->room_wanted =
		DOCTOR_UNKNOWN;
	facts->fullest_percent = facts->reader_behind = DOCTOR_UNKNOWN;
	facts->n_sides_of_port = 2;
	doctor_gather_host(config, facts);
	if (config)
		gather_config(config, facts);
	if (view)
		gather_pool(view, facts);
	gather_folder(facts);
}
