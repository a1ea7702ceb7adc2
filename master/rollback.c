/* SPDX-License-Identifier: Apache-2.0
 *
 * See rollback.h.  Called by reload.c, the verb `reload` and the loop, in the
 * master.
 *
 *   reload --confirm   pending: text of before -> RUN/state/rollback, then the
 *                      new one in force
 *   --keep, reload     the file is removed: what is in force stays
 *   time over, --undo  the text of before in force; done: text refused -> file
 *   a stop             the file is removed: the next start reads pool.ini
 *
 * The text stands in the state folder before anything else happens, so a
 * successor knows text and deadline whenever its master died.  The trap: after
 * a roll-back pool.ini still holds what did not stay.  A successor reads
 * pool.ini, too; so the refused text is kept, and while pool.ini equals it,
 * what was in force stays in force.
 */
#include "master/rollback.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "master/memfd.h"
#include "master/reload.h"

#define AGAIN_US (10 * USEC_PER_SEC) /* after a roll-back that failed */

/* ---- the file ------------------------------------------------------------ */

static int write_file(struct master *m, const struct rollback *head,
		      const char *text)
{
	size_t size = ROLLBACK_LINE_MAX + strlen(text) + 1;
	char path[PATH_MAX], *both = malloc(size);
	size_t len;
	int rc = both ? rollback_path(m->run_dir, path, sizeof(path)) : -ENOMEM;

	if (rc == 0) {
		len = rollback_print(head, both);
		memcpy(both + len, text, strlen(text));
		rc = text_replace_file(
			path, (struct slice){both, len + strlen(text)}, 0600);
	}
	free(both);
	return rc;
}

static void remove_file(const struct master *m)
{
	char path[PATH_MAX];

	if (rollback_path(m->run_dir, path, sizeof(path)) == 0)
		unlink(path);
}

static int read_file(const struct master *m, char **ret_file)
{
	char path[PATH_MAX];
	int rc = rollback_path(m->run_dir, path, sizeof(path));

	return rc < 0 ? rc : text_read_file(path, ret_file);
}

/* ---- pending ------------------------------------------------------------- */

bool rollback_is_pending(const struct master *m)
{
	return m->rollback_text != NULL;
}

int rollback_arm(struct master *m, uint64_t within_us, char *why)
{
	bool is_again = rollback_is_pending(m);
	struct rollback head = {
		.state = ROLLBACK_PENDING,
		.generation = is_again ? m->rollback.generation : m->generation,
		.at_us = clock_boot_us() + within_us,
		.at_wall_us = clock_wall_us() + within_us,
	};
	char *text = is_again ? m->rollback_text : strdup(m->config_text);
	int rc = text ? write_file(m, &head, text) : -ENOMEM;

	if (rc < 0) {
		snprintf(why, SOCKETS_WHY_MAX,
			 "the configuration of before cannot be kept: %s",
			 strerror(-rc));
		if (!is_again)
			free(text);
		return rc;
	}
	m->rollback = head;
	m->rollback_text = text;
	return 0;
}

static void let_go(struct master *m)
{
	free(m->rollback_text);
	m->rollback_text = NULL;
	m->rollback = (struct rollback){.state = ROLLBACK_NONE};
}

void rollback_forget(struct master *m)
{
	let_go(m);
	remove_file(m);
}

/* ---- back ---------------------------------------------------------------- */

static int go_back(struct master *m, char *why)
{
	struct config_report report = {0};
	struct config *config = NULL;
	char *text = strdup(m->rollback_text);
	int rc = text ? config_load_text(slice_of(text), &config, &report)
		      : -ENOMEM;

	config_report_done(&report);
	if (rc < 0)
		snprintf(why, SOCKETS_WHY_MAX,
			 "the configuration of before cannot be read: %s",
			 strerror(-rc));
	else
		rc = reload_switch(m, config, text, why);
	if (rc < 0) {
		config_free(config);
		free(text);
	}
	return rc;
}

/* Without memory or room it is not noted, and a successor reads pool.ini. */
static void note_refused(struct master *m, const char *refused,
			 uint32_t generation)
{
	struct rollback head = {
		.state = ROLLBACK_DONE,
		.generation = generation,
		.at_us = clock_boot_us(),
		.at_wall_us = clock_wall_us(),
	};

	if (!refused || write_file(m, &head, refused) < 0)
		remove_file(m);
}

int rollback_run(struct master *m, char *why)
{
	uint32_t refused_generation = m->generation;
	uint32_t back_to = m->rollback.generation;
	char *refused = strdup(m->config_text);
	int rc = go_back(m, why);

	if (rc == 0) {
		let_go(m);
		note_refused(m, refused, refused_generation);
		tell(m, LOG_LVL_WARNING, "rollback",
		     "generation=%u back_to=%u refused=%u", m->generation,
		     back_to, refused_generation);
	}
	free(refused);
	return rc;
}

uint64_t rollback_review(struct master *m, uint64_t now_us, uint64_t until_us)
{
	char why[SOCKETS_WHY_MAX] = "";

	if (!rollback_is_pending(m) || m->stop_phase != STOP_NONE)
		return until_us;
	if (now_us >= m->rollback.at_us && rollback_run(m, why) < 0) {
		m->rollback.at_us = now_us + AGAIN_US;
		tell(m, LOG_LVL_ERROR, "rollback_failed",
		     "generation=%u back_to=%u again_s=%u reason=%s",
		     m->generation, m->rollback.generation,
		     (unsigned)(AGAIN_US / USEC_PER_SEC),
		     log_quote(why, (int)strlen(why)));
	}
	if (!rollback_is_pending(m) || m->rollback.at_us > until_us)
		return until_us;
	return m->rollback.at_us;
}

/* ---- the successor ------------------------------------------------------- */

static int wait_on(struct master *m, const struct rollback *head,
		   struct slice text)
{
	m->rollback_text = strndup(text.ptr, text.len);
	if (!m->rollback_text)
		return -ENOMEM;
	m->rollback = *head;
	tell(m, LOG_LVL_NOTICE, "rollback_pending", "back_to=%u in_s=%lld",
	     head->generation,
	     ((long long)head->at_us - (long long)clock_boot_us()) /
		     (long long)USEC_PER_SEC);
	return 0;
}

/* What was in force when the master died, instead of what was rolled back. */
static int keep_in_force(struct master *m)
{
	char path[PATH_MAX], *text = NULL;
	struct config_report report = {0};
	struct config *config = NULL;
	int rc;

	snprintf(path, sizeof(path), "%s/state/config.txt", m->run_dir);
	rc = text_read_file(path, &text);
	if (rc == 0)
		rc = config_load_text(slice_of(text), &config, &report);
	config_report_done(&report);
	if (rc < 0) {
		free(text);
		return rc;
	}
	config_free(m->config);
	free(m->config_text);
	m->config = config;
	m->config_text = text;
	master_open_log(m);
	return 0;
}

static int judge_refused(struct master *m, const struct rollback *head,
			 struct slice text)
{
	if (!slice_is(text, slice_of(m->config_text))) {
		remove_file(m);
		return 0;
	}
	if (keep_in_force(m) == 0)
		tell(m, LOG_LVL_WARNING, "rollback_holds",
		     "refused=%u reason=\"pool.ini is what was rolled back\"",
		     head->generation);
	return 0;
}

int rollback_recover(struct master *m)
{
	struct rollback head;
	struct slice text;
	char *file = NULL;
	int rc = 0;

	if (read_file(m, &file) < 0)
		return 0;
	if (rollback_parse(slice_of(file), &head, &text) < 0)
		remove_file(m);
	else if (head.state == ROLLBACK_PENDING)
		rc = wait_on(m, &head, text);
	else
		rc = judge_refused(m, &head, text);
	free(file);
	return rc;
}
