/* SPDX-License-Identifier: Apache-2.0
 *
 * Reload.  Called at SIGHUP, by the verb `reload`, and once at the start, in
 * the master.
 *
 *   load -> what may not change -> with --confirm: rollback.c keeps the text
 *        -> bind new listeners, prepare new slots
 *        -> memfd, config.txt                 (all that can fail: undone)
 *        -> in force: CONFIG and new LISTENERs to the children, simulators,
 *           workers wanted
 *
 * The trap: a listener that is gone from the file stays open, since running
 * calls have it in their Contact and Via; workers take no new calls where the
 * configuration knows no listener.  See doc/decisions.
 */
#include "master/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/helpers.h"
#include "master/memfd.h"
#include "master/notify.h"
#include "master/rollback.h"
#include "master/scale.h"
#include "master/simulators.h"
#include "master/slots.h"

/* What only a restart can change: sockets, folders and the uid hang on it. */
const char *reload_fixed_key(const struct config *old, const struct config *new)
{
	if (strcmp(old->pool.run_dir, new->pool.run_dir) != 0)
		return "run_dir";
	if (strcmp(old->pool.user ? old->pool.user : "",
		   new->pool.user ? new->pool.user : "") != 0)
		return "user";
	if (old->pool.addressing != new->pool.addressing)
		return "addressing";
	if (old->pool.media_workers > 0 && new->pool.media_workers == 0)
		return "media_workers (to 0)";
	return NULL;
}

static int write_config_file(struct master *m, struct slice text)
{
	char path[sizeof(m->run_dir) + 32];

	snprintf(path, sizeof(path), "%s/state/config.txt", m->run_dir);
	return text_replace_file(path, text, 0600);
}

int reload_put_in_force(struct master *m, struct config *config, char *text)
{
	int fd, rc = memfd_sealed(slice_of(text), &fd);

	if (rc == 0) {
		rc = write_config_file(m, slice_of(text));
		if (rc < 0)
			close(fd);
	}
	if (rc < 0)
		return rc;
	if (m->config_fd >= 0)
		close(m->config_fd);
	if (m->config != config)
		config_free(m->config);
	free(m->config_text);
	m->config = config;
	m->config_text = text;
	m->config_fd = fd;
	m->generation++;
	m->board->generation = m->generation;
	return 0;
}

static void tell_children(struct master *m, unsigned first_socket)
{
	struct message_config head = {
		.generation = m->generation,
		.size = (uint32_t)strlen(m->config_text),
	};

	slots_send_all(m, MESSAGE_CONFIG, &head, m->config_fd);
	for_each_slot(slot, m)
	{
		if (slot->id.kind == SLOT_SIGNALLING && slot->owner->channel)
			sockets_give(&m->sockets, first_socket, slot->id.index,
				     slot->owner->channel);
	}
}

static int switch_to(struct master *m, struct config *config, char *text,
		     char *why)
{
	unsigned n_signalling = config->pool.signalling_workers;
	unsigned n_media = config->pool.media_workers;
	unsigned n_sockets = m->sockets.n;
	unsigned n_gone;
	int rc = scale_prepare(m, config, n_signalling, n_media, why);

	if (rc < 0)
		return rc;
	rc = reload_put_in_force(m, config, text);
	if (rc < 0) {
		sockets_undo(&m->sockets, n_sockets);
		snprintf(why, SOCKETS_WHY_MAX,
			 "the configuration cannot be kept: %s", strerror(-rc));
		return rc;
	}
	master_open_log(m);
	n_gone = sockets_mark(&m->sockets, config);
	if (n_gone > 0)
		tell(m, LOG_LVL_NOTICE, "listeners_gone", "sockets=%u", n_gone);
	notify_reloading();
	m->is_reloading = true; /* until every worker has it in force */
	tell_children(m, n_sockets);
	simulators_apply(m);
	helpers_apply(m);
	scale_apply(m, n_signalling, n_media);
	return 0;
}

static int check_fixed(struct master *m, const struct config *config, char *why)
{
	const char *key = reload_fixed_key(m->config, config);

	if (!key)
		return 0;
	snprintf(why, SOCKETS_WHY_MAX, "%s takes effect at a restart only",
		 key);
	return -EINVAL;
}

int reload_switch(struct master *m, struct config *config, char *text,
		  char *why)
{
	int rc = check_fixed(m, config, why);

	return rc < 0 ? rc : switch_to(m, config, text, why);
}

static int load(struct master *m, struct config **ret_config, char **ret_text,
		char **ret_lines, char *why)
{
	struct config_report report = {0};
	int rc =
		config_load_file(m->config_path, ret_config, ret_text, &report);

	*ret_lines = strdup(report.text ? report.text : "");
	if (rc < 0 && report.n_errors > 0)
		snprintf(why, SOCKETS_WHY_MAX, "%u mistake%s in %s",
			 report.n_errors, report.n_errors == 1 ? "" : "s",
			 m->config_path);
	else if (rc < 0)
		snprintf(why, SOCKETS_WHY_MAX, "cannot read %s: %s",
			 m->config_path, strerror(-rc));
	config_report_done(&report);
	return rc;
}

/* Warnings, then what differs. */
static void add_difference(struct master *m, const char *text, char **lines)
{
	char *difference =
		config_difference(slice_of(m->config_text), slice_of(text));
	char *both = NULL;

	if (difference && *lines &&
	    asprintf(&both, "%s%s", *lines, difference) >= 0) {
		free(*lines);
		*lines = both;
	}
	free(difference);
}

/* What shall come back stands in the state before the new one is in force; a
 * deadline that stands already moves only when it is. */
static int take_effect(struct master *m, uint64_t confirm_us,
		       struct config *config, char *text, char *why)
{
	bool was_pending = rollback_is_pending(m);
	bool is_first = confirm_us > 0 && !was_pending;
	int rc = is_first ? rollback_arm(m, confirm_us, why) : 0;

	if (rc < 0)
		return rc;
	rc = switch_to(m, config, text, why);
	if (rc < 0 && is_first)
		rollback_forget(m);
	if (rc == 0 && confirm_us == 0)
		rollback_forget(m);
	if (rc == 0 && confirm_us > 0 && was_pending &&
	    rollback_arm(m, confirm_us, why) < 0)
		tell(m, LOG_LVL_ERROR, "rollback_failed", "reason=%s",
		     log_quote(why, (int)strlen(why)));
	return rc;
}

int reload_run(struct master *m, const struct reload_order *order,
	       char **ret_lines, char *why)
{
	struct config *config = NULL;
	char *text = NULL;
	int rc = load(m, &config, &text, ret_lines, why);

	if (rc < 0)
		return rc;
	rc = check_fixed(m, config, why);
	if (rc == 0)
		add_difference(m, text, ret_lines);
	if (rc == 0 && !order->is_dry) {
		rc = take_effect(m, order->confirm_us, config, text, why);
		if (rc == 0)
			return 0;
	}
	config_free(config);
	free(text);
	return rc;
}
