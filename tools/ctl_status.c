/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl status`: the pool on one screen.
 */
#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

/* CONTRACT: `up` when every worker is, `degraded` when one is not. */
static const char *pool_state(const struct ctl_view *view, unsigned up,
			      unsigned of)
{
	if (view->pool.state == POOL_STARTING)
		return "starting";
	if (view->pool.state == POOL_DRAINING)
		return "draining";
	return up == of && view->is_master_alive ? "up" : "degraded";
}

static void count_workers(const struct ctl_view *view, unsigned *ret_up,
			  unsigned *ret_of)
{
	*ret_up = *ret_of = 0;
	for (unsigned i = 0; i < view->n_slots; i++) {
		const char *state = ctl_slot_state(view, &view->slots[i]);

		*ret_of += state != NULL;
		*ret_up += state && strcmp(state, "up") == 0;
	}
}

/* Disabled gateways are not counted at all. */
static json_t *gateways_json(const struct ctl_view *view)
{
	unsigned up = 0, of = 0;

	for (unsigned i = 0; i < view->config->n_peers; i++) {
		struct peer_health health = {0};

		if (view->config->peers[i].is_frontend)
			continue;
		ctl_view_health(view, &view->config->peers[i], &health);
		of += health.state != PEER_DISABLED;
		up += health.state == PEER_UP;
	}
	return json_pack("{s:i, s:i}", "up", (int)up, "of", (int)of);
}

static json_t *calls_json(const struct ctl_view *view)
{
	unsigned active = 0, early = 0;

	for (unsigned i = 0; i < view->n_calls; i++) {
		active += ctl_call_is_active(view->calls[i]);
		early += view->calls[i]->state < CALL_ANSWERED;
	}
	return json_pack(
		"{s:i, s:i, s:I, s:I, s:I}", "active", (int)active, "early",
		(int)early, "total",
		(json_int_t)ctl_view_count(view, COUNTER_calls_total),
		"answered",
		(json_int_t)ctl_view_count(view, COUNTER_calls_answered),
		"failed",
		(json_int_t)ctl_view_count(view, COUNTER_calls_failed));
}

static const char *cdr_state(const struct ctl_view *view)
{
	if (!view->config->cdr.directory)
		return "off";
	if (!view->cdr_board || !view->cdr_page ||
	    !ctl_process_lives(view->cdr_board->pid, view->now_us))
		return "down";
	return atomic_load(&view->cdr_page->is_blocked) ? "blocked" : "up";
}

static json_t *page_text(const char *text, size_t size)
{
	return ctl_json_text_or_null((struct slice){text, strnlen(text, size)});
}

/* How call records get to disk. */
static json_t *cdr_json(const struct ctl_view *view)
{
	const struct cdr_page *page = view->cdr_page;
	const char *state = cdr_state(view);
	bool is_alive =
		strcmp(state, "up") == 0 || strcmp(state, "blocked") == 0;
	bool is_blocked = strcmp(state, "blocked") == 0;

	return json_pack(
		"{s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "state", state,
		"pid",
		is_alive ? json_integer(view->cdr_board->pid) : json_null(),
		"file",
		page ? page_text(page->file, sizeof(page->file)) : json_null(),
		"waiting", (json_int_t)ctl_view_cdrs_waiting(view), "written",
		(json_int_t)ctl_view_count(view, COUNTER_cdr_written),
		"dropped",
		(json_int_t)ctl_view_count(view, COUNTER_cdr_dropped), "why",
		is_blocked ? page_text(page->why, sizeof(page->why))
			   : json_null(),
		"blocked_since",
		ctl_json_time(is_blocked ? atomic_load(&page->blocked_since_us)
					 : 0));
}

/* Every row of shm/counters.def, over all processes of the pool. */
static json_t *counters_json(const struct ctl_view *view)
{
	json_t *counters = json_object();

	for (unsigned i = 0; i < N_COUNTERS; i++)
		json_object_set_new(counters, counter_names[i],
				    json_integer((json_int_t)ctl_view_count(
					    view, (enum counter)i)));
	return counters;
}

/* Of the pool: the lowest of its processes, 0 while that is not known. */
static int record_format_of(const struct ctl_view *view)
{
	const struct steer_board *steer;

	if (steer_board_open(view->ctl->run_dir, &steer))
		return 0; /* it stays mapped: one page, in a program that ends
			   */
	return (int)atomic_load_explicit(&steer->format, memory_order_relaxed);
}

/* A reload that waits to be confirmed, or one that did not stay. */
static json_t *rollback_json(const struct ctl_view *view)
{
	const struct rollback *rollback = &view->rollback;

	if (rollback->state == ROLLBACK_NONE)
		return json_null();
	return json_pack("{s:s, s:I, s:o}", "state",
			 rollback->state == ROLLBACK_PENDING ? "pending"
							     : "done",
			 "generation", (json_int_t)rollback->generation, "at",
			 ctl_json_time(rollback->at_wall_us));
}

json_t *ctl_status_json(const struct ctl_view *view)
{
	unsigned up, of;

	count_workers(view, &up, &of);
	return json_pack(
		"{s:o, s:o, s:s, s:i, s:o, s:o, s:{s:i, s:i}, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:i, s:o}",
		"pool", ctl_json_text(slice_of(view->pool.name)), "version",
		ctl_json_text(slice_of(view->pool.version)), "state",
		pool_state(view, up, of), "generation",
		(int)view->pool.generation, "uptime",
		ctl_json_seconds(view->now_us - view->pool.started_us), "calls",
		calls_json(view), "workers", "up", (int)up, "of", (int)of,
		"gateways", gateways_json(view), "since",
		ctl_json_time(view->pool.started_wall_us), "master_pid",
		view->is_master_alive ? json_integer(view->pool.master_pid)
				      : json_null(),
		"cdr", cdr_json(view), "attention", ctl_attention_json(view),
		"counters", counters_json(view), "record_format",
		record_format_of(view), "rollback", rollback_json(view));
}

/* ---- for people ---------------------------------------------------------- */

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_head(const struct ctl *ctl, const json_t *status)
{
	char name[CELL_MAX], uptime[CELL_MAX], since[CELL_MAX],
		version[CELL_MAX];

	fprintf(ctl->out, "%s  ",
		ctl_cell_text(json_object_get(status, "pool"), CELL_TEXT,
			      name));
	ctl_print_state(ctl,
			json_string_value(json_object_get(status, "state")));
	fprintf(ctl->out,
		"  since %s (%s)  version %s  generation %" JSON_INTEGER_FORMAT
		"\n",
		ctl_cell_text(json_object_get(status, "since"), CELL_TIME,
			      since),
		ctl_cell_text(json_object_get(status, "uptime"), CELL_DURATION,
			      uptime),
		ctl_cell_text(json_object_get(status, "version"), CELL_TEXT,
			      version),
		number(status, "generation"));
}

static void print_figures(const struct ctl *ctl, const json_t *status)
{
	const json_t *calls = json_object_get(status, "calls");
	const json_t *workers = json_object_get(status, "workers");
	const json_t *gateways = json_object_get(status, "gateways");

	fprintf(ctl->out,
		"  Workers   %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		" up\n"
		"  Gateways  %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		" up\n"
		"  Calls     %" JSON_INTEGER_FORMAT
		" active, of these %" JSON_INTEGER_FORMAT
		" not answered yet;  %" JSON_INTEGER_FORMAT
		" in all, %" JSON_INTEGER_FORMAT
		" answered, %" JSON_INTEGER_FORMAT " failed\n",
		number(workers, "up"), number(workers, "of"),
		number(gateways, "up"), number(gateways, "of"),
		number(calls, "active"), number(calls, "early"),
		number(calls, "total"), number(calls, "answered"),
		number(calls, "failed"));
}

static void print_attention(const struct ctl *ctl, const json_t *status)
{
	const json_t *line;
	size_t i;

	json_array_foreach(json_object_get(status, "attention"), i, line)
	{
		char text[CELL_MAX];

		fprintf(ctl->out, "  %s  %s\n", i ? "        " : "Next    ",
			ctl_cell_text(line, CELL_TEXT, text));
	}
}

int ctl_status(struct ctl *ctl)
{
	struct ctl_view *view;
	json_t *status;
	int code = ctl_view_open(ctl, &view);

	if (code)
		return code;
	code = ctl_view_load_calls(view);
	status = code ? NULL : ctl_status_json(view);
	ctl_view_free(view);
	if (code)
		return code;
	if (ctl->is_json)
		return ctl_json_print(ctl, status);
	print_head(ctl, status);
	print_figures(ctl, status);
	print_attention(ctl, status);
	json_decref(status);
	return CTL_DONE;
}
