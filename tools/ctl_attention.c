/* SPDX-License-Identifier: Apache-2.0
 *
 * What is not right with the pool and the next step, a sentence each, for
 * `mspoolctl status`.  One function per thing that can be wrong, in the order
 * of how much it hurts.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>

#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

static void tell(json_t *lines, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(json_t *lines, const char *format, ...)
{
	char text[240];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(lines, ctl_json_text(slice_of(text)));
}

static void see_master(const struct ctl_view *view, json_t *lines)
{
	if (!view->is_master_alive)
		tell(lines, "the master is gone; calls go on: start mspoold "
			    "again");
	else if (view->pool.state == POOL_DRAINING)
		tell(lines, "the pool is stopping and takes no new call: "
			    "'mspoolctl stop now' ends it at once");
}

/* A configuration on trial, or one that did not stay. */
static void see_rollback(const struct ctl_view *view, json_t *lines)
{
	const struct rollback *rollback = &view->rollback;
	uint64_t left_us = rollback->at_us > view->now_us
				   ? rollback->at_us - view->now_us
				   : 0;
	json_t *seconds = ctl_json_seconds(left_us);
	char left[CELL_MAX];

	ctl_cell_text(seconds, CELL_DURATION, left);
	json_decref(seconds);
	if (rollback->state == ROLLBACK_PENDING)
		tell(lines,
		     "generation %" PRIu32 " comes back in %s: 'mspoolctl "
		     "reload --keep' lets generation %" PRIu32 " stay",
		     rollback->generation, left, view->pool.generation);
	else if (rollback->state == ROLLBACK_DONE)
		tell(lines,
		     "generation %" PRIu32 " was rolled back and is still in "
		     "pool.ini: mend the file, then 'mspoolctl reload'",
		     rollback->generation);
}

static void see_workers(const struct ctl_view *view, json_t *lines)
{
	char name[SLOT_NAME_MAX];

	for (unsigned i = 0; i < view->n_slots; i++) {
		const struct slot_record *slot = &view->slots[i];
		const char *state = ctl_slot_state(view, slot);

		if (!state)
			continue;
		slot_name(slot->slot, name);
		if (strcmp(state, "down") == 0)
			tell(lines, "%s is down: 'mspoolctl events' tells why",
			     name);
		else if (ctl_view_is_drained(view, slice_of(name)))
			tell(lines,
			     "%s is drained: 'mspoolctl undrain %s' gives it "
			     "calls again",
			     name, name);
	}
}

#define FULL_PERCENT 80 /* as in shm/book.c: no new calls above it */

static void see_books(const struct ctl_view *view, json_t *lines)
{
	uint64_t limit = (uint64_t)view->config->pool.max_book_mb << 20;

	for (unsigned i = 1; i <= BOOK_MAX; i++) {
		uint64_t used, size, room;

		if (!view->books[i] ||
		    store_usage(book_store(view->books[i]), &used, &size) ||
		    store_room(book_store(view->books[i]), &room) ||
		    size - room <= limit / 100 * FULL_PERCENT)
			continue;
		tell(lines,
		     "the book of ms%u is full and takes no new calls: raise "
		     "max_book_mb (%u), or end what reads it and stands still",
		     i, view->config->pool.max_book_mb);
	}
}

static const char *age_text(const struct ctl_view *view, uint64_t since_us,
			    char buf[CELL_MAX])
{
	bool is_known = since_us && since_us < view->now_wall_us;
	json_t *age =
		ctl_json_seconds(is_known ? view->now_wall_us - since_us : 0);

	ctl_cell_text(age, CELL_DURATION, buf);
	json_decref(age);
	return buf;
}

static void see_peer(const struct ctl_view *view,
		     const struct config_peer *peer, json_t *lines)
{
	struct peer_health health = {0};
	char since[CELL_MAX];

	ctl_view_health(view, peer, &health);
	if (health.state == PEER_DOWN)
		tell(lines, "%s is down for %s (%" PRIu32 " probes lost): %s",
		     peer->name, age_text(view, health.since_wall_us, since),
		     health.probe.misses,
		     peer->is_frontend ? "see 'mspoolctl frontends'"
				       : "see 'mspoolctl gateways'");
	else if (health.state == PEER_HELD)
		tell(lines, "%s asked for no calls for another %llu s",
		     peer->name, health.hold_left_us / USEC_PER_SEC + 1);
	else if (health.state == PEER_DRAINING)
		tell(lines,
		     "%s is drained: 'mspoolctl undrain %s' gives it calls "
		     "again",
		     peer->name, peer->name);
}

static void see_peers(const struct ctl_view *view, json_t *lines)
{
	for (unsigned i = 0; i < view->config->n_peers; i++)
		see_peer(view, &view->config->peers[i], lines);
}

static void see_quarantine(const struct ctl_view *view, json_t *lines)
{
	char path[512];
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/quarantine", view->ctl->run_dir);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	if (n)
		tell(lines,
		     "workers died of messages or calls, which were set aside: "
		     "report and remove the %u files in %s",
		     n, path);
}

static void see_config(const struct ctl_view *view, json_t *lines)
{
	const struct config *config = view->config;
	unsigned n_gateways = config->n_peers - config->n_frontends;
	unsigned n_simulated = 0;

	for (unsigned i = 0; i < config->n_peers; i++)
		n_simulated += !config->peers[i].is_frontend &&
			       config->peers[i].kind == GATEWAY_SIMULATED;
	if (n_gateways == 0)
		tell(lines, "no gateway is configured: add a [gateway NAME] to "
			    "pool.ini, then 'mspoolctl reload'");
	else if (n_simulated == n_gateways)
		tell(lines, "only simulated gateways are configured: add yours "
			    "to pool.ini, then 'mspoolctl reload'");
	if (config->n_frontends == 0)
		tell(lines, "no front end is configured: add a [frontend NAME] "
			    "to pool.ini, then 'mspoolctl reload'");
}

/* Calls do not wait for the disk; their records do. */
static void see_cdr(const struct ctl_view *view, json_t *lines)
{
	const struct cdr_page *page = view->cdr_page;
	char since[CELL_MAX];

	if (!view->config->cdr.directory || !page ||
	    !atomic_load(&page->is_blocked))
		return;
	tell(lines, "call records wait for the disk for %s (%.*s): %.*s",
	     age_text(view, atomic_load(&page->blocked_since_us), since),
	     (int)strnlen(page->why, sizeof(page->why)), page->why,
	     (int)strnlen(page->file, sizeof(page->file)), page->file);
}

json_t *ctl_attention_json(const struct ctl_view *view)
{
	json_t *lines = json_array();

	see_master(view, lines);
	see_rollback(view, lines);
	see_workers(view, lines);
	see_books(view, lines);
	see_peers(view, lines);
	see_cdr(view, lines);
	see_quarantine(view, lines);
	see_config(view, lines);
	return lines;
}
