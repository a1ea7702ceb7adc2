/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs of the control socket, called by control.c in the master.  The
 * trap: start and is_done run in the master's loop, so they begin something
 * and look whether it is done, and never wait.
 */
#include "master/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "master/owners.h"
#include "master/reload.h"
#include "master/rollback.h"
#include "master/scale.h"
#include "master/slots.h"
#include "master/stop.h"

#define CONFIRM_MAX_S (7 * 86400)
#define NEVER_US      (UINT64_MAX / 2) /* mspoolctl has a time-out of its own */

static enum answer later(bool is_done)
{
	return is_done ? ANSWER_OK : ANSWER_LATER;
}

/* ---- reload -------------------------------------------------------------- */

enum reload_what {
	RELOAD_FILE, /* reads pool.ini */
	RELOAD_KEEP, /* confirms what is in force */
	RELOAD_UNDO  /* goes back at once */
};

/* The words after `reload`.  0, or -EINVAL: the usage. */
static int read_reload(char **words, int n_words, enum reload_what *ret_what,
		       struct reload_order *ret_order)
{
	uint64_t seconds;
	int i = 1;

	if (n_words == 2 && strcmp(words[1], "--keep") == 0)
		*ret_what = RELOAD_KEEP;
	else if (n_words == 2 && strcmp(words[1], "--undo") == 0)
		*ret_what = RELOAD_UNDO;
	if (*ret_what != RELOAD_FILE)
		return 0;
	if (i < n_words && strcmp(words[i], "-n") == 0) {
		ret_order->is_dry = true;
		i++;
	}
	if (i + 1 < n_words && strcmp(words[i], "--confirm") == 0 &&
	    slice_to_u64(slice_of(words[i + 1]), CONFIRM_MAX_S, &seconds) ==
		    0 &&
	    seconds > 0) {
		ret_order->confirm_us = seconds * USEC_PER_SEC;
		i += 2;
	}
	return i == n_words ? 0 : -EINVAL;
}

static void say_rollback(const struct master *m, struct request *request,
			 const struct reload_order *order)
{
	char line[160], at[32];

	if (order->confirm_us == 0)
		return;
	if (order->is_dry)
		snprintf(
			line, sizeof(line),
			"would go back after %llu s unless confirmed",
			(unsigned long long)(order->confirm_us / USEC_PER_SEC));
	else
		snprintf(line, sizeof(line),
			 "generation %u is in force; generation %u comes back "
			 "at %s unless: mspoolctl reload --keep",
			 m->generation, m->rollback.generation,
			 clock_wall_text(m->rollback.at_wall_us, at));
	request_say(request, line);
}

static enum answer reload_file(struct master *m, struct request *request,
			       const struct reload_order *order)
{
	char why[SOCKETS_WHY_MAX] = "";
	char *lines = NULL;
	int rc = reload_run(m, order, &lines, why);

	request_say(request, lines ? lines : "");
	free(lines);
	/* a look that finds a mistake is no failure of the pool */
	tell(m, rc < 0 && !order->is_dry ? LOG_LVL_ERROR : LOG_LVL_NOTICE,
	     order->is_dry ? "reload_checked"
	     : rc < 0	   ? "reload_refused"
			   : "reload",
	     "generation=%u uid=%u confirm_s=%llu%s%s", m->generation,
	     (unsigned)request_uid(request),
	     (unsigned long long)(order->confirm_us / USEC_PER_SEC),
	     rc < 0 ? " reason=" : "",
	     rc < 0 ? log_quote(why, (int)strlen(why)) : "");
	if (rc < 0)
		return request_refuse(request, CTL_REFUSED, "%s", why);
	say_rollback(m, request, order);
	return order->is_dry ? ANSWER_OK : ANSWER_LATER;
}

static enum answer reload_keep(struct master *m, struct request *request)
{
	rollback_forget(m);
	tell(m, LOG_LVL_NOTICE, "reload_kept", "generation=%u uid=%u",
	     m->generation, (unsigned)request_uid(request));
	return ANSWER_OK;
}

static enum answer reload_undo(struct master *m, struct request *request)
{
	char why[SOCKETS_WHY_MAX] = "";

	if (rollback_run(m, why) < 0)
		return request_refuse(request, CTL_REFUSED, "%s", why);
	return ANSWER_LATER;
}

static enum answer start_reload(struct master *m, struct request *request,
				char **words, int n_words)
{
	enum reload_what what = RELOAD_FILE;
	struct reload_order order = {0};

	if (read_reload(words, n_words, &what, &order) < 0)
		return request_refuse(request, CTL_USAGE, "usage: %s",
				      verb_find("reload")->usage);
	if (m->stop_phase != STOP_NONE)
		return request_refuse(request, CTL_REFUSED,
				      "the pool is stopping");
	if (what == RELOAD_FILE)
		return reload_file(m, request, &order);
	if (!rollback_is_pending(m))
		return request_refuse(request, CTL_REFUSED,
				      "no reload waits to be confirmed");
	return what == RELOAD_KEEP ? reload_keep(m, request)
				   : reload_undo(m, request);
}

static enum answer all_settled(struct master *m, struct request *request)
{
	(void)request;
	return later(slots_are_settled(m));
}

/* ---- drain, undrain ------------------------------------------------------ */

static struct slot *wanted_slot(struct master *m, const char *name)
{
	struct slot_id id;
	struct slot *slot = NULL;

	if (slot_parse(slice_of(name), &id) == 0)
		slot = master_slot(m, id);
	return slot && slot->is_wanted ? slot : NULL;
}

static void drain_slot(struct slot *slot, bool is_on)
{
	slot->is_drained = is_on;
	slot_send_drain(slot);
	slot_publish(slot);
	steer_spread(slot->master);
}

#define NEAR_PEERS_MAX 64 /* of which a name may be the one that was meant */

static enum answer no_such(struct master *m, struct request *request,
			   const char *name)
{
	const char *names[N_SLOTS + NEAR_PEERS_MAX + 1] = {NULL};
	char slot_names[N_SLOTS][SLOT_NAME_MAX];
	const char *near;
	unsigned n = 0;

	for (unsigned i = 0; i < N_SLOTS; i++)
		if (m->slots[i].is_wanted)
			names[n++] = slot_name(m->slots[i].id, slot_names[i]);
	for (unsigned i = 0; i < m->config->n_peers && i < NEAR_PEERS_MAX; i++)
		names[n++] = m->config->peers[i].name;
	near = str_nearest(name, names);
	return request_refuse(request, CTL_NO_SUCH,
			      "no server, gateway or front end %s%s%s%s", name,
			      near ? " (did you mean " : "", near ? near : "",
			      near ? "?)" : "");
}

static enum answer drain(struct master *m, struct request *request,
			 const char *name, bool is_on)
{
	struct slot *slot = wanted_slot(m, name);
	struct slice key = slice_of(name);
	uint32_t flags;
	int rc;

	if (!slot && !config_peer(m->config, key))
		return no_such(m, request, name);
	flags = pool_table_admin(m->table, key) & ~ADMIN_DRAINED;
	rc = pool_table_put_admin(m->table, key,
				  flags | (is_on ? ADMIN_DRAINED : 0));
	if (rc < 0)
		return request_refuse(request, CTL_REFUSED,
				      "the state cannot be written: %s",
				      strerror(-rc));
	if (slot)
		drain_slot(slot, is_on);
	m->is_changed = true; /* of the admin table: workers look */
	tell(m, LOG_LVL_NOTICE, is_on ? "drain" : "undrain", "name=%s uid=%u",
	     name, (unsigned)request_uid(request));
	return ANSWER_OK;
}

static enum answer start_drain(struct master *m, struct request *request,
			       char **words, int n_words)
{
	(void)n_words;
	return drain(m, request, words[1], true);
}

static enum answer start_undrain(struct master *m, struct request *request,
				 char **words, int n_words)
{
	(void)n_words;
	return drain(m, request, words[1], false);
}

/* ---- hangup -------------------------------------------------------------- */

static bool is_known_call(struct slot *slot, uint64_t call)
{
	struct media_wish wish;

	if (!slot->book)
		book_open(slot->master->run_dir, slot->id.index, &slot->book);
	return slot->book && book_get_wish(slot->book, call, &wish) == 0;
}

static enum answer start_hangup(struct master *m, struct request *request,
				char **words, int n_words)
{
	struct message_call what;
	struct slot_id id = {SLOT_SIGNALLING, 0};
	struct slot *slot = NULL;

	(void)n_words;
	if (call_id_parse(slice_of(words[1]), &what.call) == 0 &&
	    call_book(what.call) <= BOOK_MAX) {
		id.index = (uint8_t)call_book(what.call);
		slot = master_slot(m, id);
	}
	if (!slot || !slot->is_known || !is_known_call(slot, what.call))
		return request_refuse(request, CTL_NO_SUCH, "no call %s",
				      words[1]);
	if (!slot->owner->channel)
		return request_refuse(request, CTL_REFUSED,
				      "nobody serves %s at the moment",
				      slot->name);
	slot_send(slot->owner, MESSAGE_HANG_UP, &what, -1);
	tell(m, LOG_LVL_NOTICE, "hangup", "call=%s uid=%u", words[1],
	     (unsigned)request_uid(request));
	return ANSWER_OK;
}

/* ---- scale --------------------------------------------------------------- */

static const struct scale_row {
	const char *kind;
	unsigned min, max;
} scale_rows[] = {
	{"signalling", 1, BOOK_MAX},
	{"media", 0, MEDIA_SLOT_MAX},
};

static const struct scale_row *scale_row(const char *kind)
{
	for (unsigned i = 0; i < 2; i++) {
		if (strcmp(scale_rows[i].kind, kind) == 0)
			return &scale_rows[i];
	}
	return NULL;
}

static enum answer scale_to(struct master *m, struct request *request,
			    unsigned n_signalling, unsigned n_media)
{
	char why[SOCKETS_WHY_MAX] = "";

	if (m->stop_phase != STOP_NONE)
		return request_refuse(request, CTL_REFUSED,
				      "the pool is stopping");
	if (m->n_media > 0 && n_media == 0)
		return request_refuse(request, CTL_REFUSED,
				      "the last media worker has no heir");
	if (scale_prepare(m, m->config, n_signalling, n_media, why) < 0)
		return request_refuse(request, CTL_REFUSED, "%s", why);
	tell(m, LOG_LVL_NOTICE, "scale", "signalling=%u media=%u uid=%u",
	     n_signalling, n_media, (unsigned)request_uid(request));
	scale_apply(m, n_signalling, n_media);
	return ANSWER_LATER;
}

static enum answer start_scale(struct master *m, struct request *request,
			       char **words, int n_words)
{
	const struct scale_row *row = scale_row(words[1]);
	uint64_t n;

	(void)n_words;
	if (!row)
		return request_refuse(request, CTL_USAGE,
				      "scale signalling or media, not %s",
				      words[1]);
	if (slice_to_u64(slice_of(words[2]), row->max, &n) < 0 || n < row->min)
		return request_refuse(request, CTL_USAGE,
				      "%s workers are %u to %u, not %s",
				      row->kind, row->min, row->max, words[2]);
	if (row == &scale_rows[0])
		return scale_to(m, request, (unsigned)n, m->n_media);
	return scale_to(m, request, m->n_signalling, (unsigned)n);
}

/* ---- stop, workers-ready ------------------------------------------------- */

static enum answer start_stop(struct master *m, struct request *request,
			      char **words, int n_words)
{
	bool is_now = n_words > 1;

	if (is_now && strcmp(words[1], "now") != 0)
		return request_refuse(request, CTL_USAGE, "stop now, not %s",
				      words[1]);
	tell(m, LOG_LVL_NOTICE, "stop_ordered", "now=%d uid=%u", is_now,
	     (unsigned)request_uid(request));
	stop_begin(m, is_now ? STOP_AT_ONCE : STOP_GRACEFULLY);
	return ANSWER_LATER;
}

static enum answer is_stopped(struct master *m, struct request *request)
{
	(void)request;
	return later(m->stop_phase == STOP_DONE);
}

static enum answer start_workers_ready(struct master *m,
				       struct request *request, char **words,
				       int n_words)
{
	(void)m, (void)request, (void)words, (void)n_words;
	return ANSWER_LATER;
}

static enum answer all_up(struct master *m, struct request *request)
{
	(void)request;
	return later(slots_are_up(m) && slots_are_settled(m));
}

/* ---- upgrade ------------------------------------------------------------- */

static enum answer start_upgrade(struct master *m, struct request *request,
				 char **words, int n_words)
{
	(void)words, (void)n_words;
	if (upgrade_begin(m) < 0)
		return request_refuse(request, CTL_REFUSED, "%s",
				      m->upgrade.why);
	return ANSWER_LATER;
}

static enum answer is_upgraded(struct master *m, struct request *request)
{
	if (m->upgrade.phase == UPGRADE_FAILED)
		return request_refuse(request, CTL_REFUSED, "%s",
				      m->upgrade.why);
	return later(m->upgrade.phase == UPGRADE_NONE);
}

/* clang-format off */
static const struct verb verbs[] = {
	{"reload",   "reload [-n] [--confirm SECONDS] | --keep | --undo", 0, 3, start_reload,  all_settled, 30 * USEC_PER_SEC},
	{"drain",    "drain NAME",                1, 1, start_drain,   NULL,        0},
	{"undrain",  "undrain NAME",              1, 1, start_undrain, NULL,        0},
	{"hangup",   "hangup ID",                 1, 1, start_hangup,  NULL,        0},
	{"scale",    "scale signalling|media N",  2, 2, start_scale,   all_settled, 30 * USEC_PER_SEC},
	{"upgrade",  "upgrade",                   0, 0, start_upgrade, is_upgraded, 120 * USEC_PER_SEC},
	{"stop",     "stop [now]",                0, 1, start_stop,    is_stopped,  NEVER_US},
	{"workers-ready", "workers-ready",        0, 0, start_workers_ready, all_up, 60 * USEC_PER_SEC},
};
/* clang-format on */

const struct verb *verb_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}
