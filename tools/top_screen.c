/* SPDX-License-Identifier: Apache-2.0
 *
 * See tools/top.h.  Called by tools/ctl_top.c, which has the terminal.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/top.h"

#define HEAD_ROWS 3 /* state, figures, empty */
#define FOOT_ROWS 1
#define ROWS_MIN  6
#define COLS_MIN  40
#define LINE_SIZE 256

static const struct top_list_row {
	int key;
	const char *name;
	struct ctl_column columns[12];
} lists[N_TOP_LISTS] = {
	[TOP_GATEWAYS] = {'g',
			  "gateways",
			  {{"GATEWAY", "name", CELL_TEXT},
			   {"STATE", "state", CELL_STATE},
			   {"CALLS", "calls", CELL_NUMBER},
			   {"ATTEMPTS", "attempts", CELL_NUMBER},
			   {"ASR", "asr", CELL_SHARE},
			   {"NER", "ner", CELL_SHARE},
			   {"RTT/MS", "rtt_ms", CELL_NUMBER},
			   {"MISSES", "misses", CELL_NUMBER},
			   {"SINCE", "since", CELL_TIME}}},
	[TOP_WORKERS] = {'w',
			 "workers",
			 {{"WORKER", "id", CELL_TEXT},
			  {"STATE", "state", CELL_STATE},
			  {"CALLS", "calls", CELL_NUMBER},
			  {"CPU", "cpu", CELL_SHARE},
			  {"RSS", "rss", CELL_BYTES},
			  {"RESTARTS", "restarts", CELL_NUMBER},
			  {"UP", "uptime", CELL_DURATION},
			  {"PID", "pid", CELL_NUMBER}}},
	[TOP_TRUNKS] = {'t',
			"trunks",
			{{"TRUNK", "name", CELL_TEXT},
			 {"GATEWAY", "gateway", CELL_TEXT},
			 {"STATE", "state", CELL_STATE},
			 {"CALLS", "calls", CELL_NUMBER},
			 {"MAX", "max_calls", CELL_NUMBER},
			 {"ATTEMPTS", "attempts", CELL_NUMBER},
			 {"FAILED", "failed", CELL_NUMBER},
			 {"ASR", "asr", CELL_SHARE}}},
	[TOP_CALLS] = {'c',
		       "calls",
		       {{"CALL", "id", CELL_TEXT},
			{"STATE", "state", CELL_STATE},
			{"FROM", "from", CELL_TEXT},
			{"TO", "to", CELL_TEXT},
			{"GATEWAY", "gateway", CELL_TEXT},
			{"TALK", "duration", CELL_DURATION},
			{"CODEC", "codec_gateway", CELL_TEXT}}},
};

/* ---- keys ---------------------------------------------------------------- */

static unsigned n_columns(const struct top *top)
{
	unsigned n = 0;

	while (lists[top->list].columns[n].header)
		n++;
	return n;
}

bool top_key(struct top *top, int key)
{
	for (unsigned i = 0; i < N_TOP_LISTS; i++)
		if (key == lists[i].key) {
			top->list = (enum top_list)i;
			top->first = 0;
		}
	switch (key) {
	case 'q':
	case 'Q':
	case 3: /* ^C, where the terminal makes no signal of it */
		return false;
	case 'p':
	case ' ':
		top->is_paused = !top->is_paused;
		break;
	case 's':
		top->sort[top->list] =
			(top->sort[top->list] + 1) % n_columns(top);
		break;
	case 'r':
		top->is_reversed = !top->is_reversed;
		break;
	case 'j':
	case TOP_DOWN:
		top->first++; /* top_draw knows where the end is */
		break;
	case 'k':
	case TOP_UP:
		top->first -= top->first > 0;
		break;
	default:
		break;
	}
	return true;
}

double top_rate(const json_t *before, const json_t *after, double seconds)
{
	json_t *old, *new;

	if (!before || !after || seconds <= 0)
		return -1;
	old = json_object_get(json_object_get(before, "calls"), "total");
	new = json_object_get(json_object_get(after, "calls"), "total");
	if (json_integer_value(new) < json_integer_value(old))
		return -1; /* another pool */
	return (double)(json_integer_value(new) - json_integer_value(old)) /
	       seconds;
}

/* ---- order --------------------------------------------------------------- */

struct order {
	const char *key;
	bool is_reversed;
};

/* Numbers with the greatest first, text from A on, what is not known last. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;
	const json_t *x = json_object_get(*(json_t *const *)a, order->key);
	const json_t *y = json_object_get(*(json_t *const *)b, order->key);
	int sign = order->is_reversed ? -1 : 1;

	if (json_is_number(x) && json_is_number(y)) {
		double left = json_number_value(x);
		double right = json_number_value(y);

		return sign * ((left < right) - (left > right));
	}
	if (json_is_string(x) && json_is_string(y))
		return sign *
		       strcmp(json_string_value(x), json_string_value(y));
	return (json_is_null(x) || !x) - (json_is_null(y) || !y);
}

/* A new array in the order that was chosen; column 0 keeps the document's. */
static json_t *sorted(const struct top *top, const json_t *rows)
{
	unsigned column = top->sort[top->list];
	struct order order = {lists[top->list].columns[column].key,
			      top->is_reversed};
	size_t n = json_array_size(rows);
	json_t **list = calloc(n ? n : 1, sizeof(json_t *));
	json_t *result = json_array();

	for (size_t i = 0; list && i < n; i++)
		list[i] = json_array_get(
			rows, column || !top->is_reversed ? i : n - 1 - i);
	if (list && column)
		qsort_r(list, n, sizeof(json_t *), compare, &order);
	for (size_t i = 0; list && i < n; i++)
		json_array_append(result, list[i]);
	free(list);
	return result;
}

/* ---- lines --------------------------------------------------------------- */

/* A line of the head: cut to the width, its own words only. */
static void put_line(const struct ctl *ctl, struct top_size size,
		     const char *text, bool is_bright)
{
	fprintf(ctl->out, "%s%.*s%s\n",
		is_bright && ctl->has_colour ? "\033[7m" : "",
		(int)size.columns, text,
		is_bright && ctl->has_colour ? "\033[0m" : "");
}

static const char *text_of(const json_t *object, const char *key,
			   enum ctl_format format, char buf[CELL_MAX])
{
	return ctl_cell_text(json_object_get(object, key), format, buf);
}

static json_int_t number(const json_t *status, const char *object,
			 const char *key)
{
	return json_integer_value(
		json_object_get(json_object_get(status, object), key));
}

static void put_head(const struct top *top, const struct ctl *ctl,
		     struct top_size size, const json_t *status)
{
	char line[LINE_SIZE], rate[32] = "-", name[CELL_MAX], state[CELL_MAX],
			      up[CELL_MAX];

	if (top->calls_per_second >= 0)
		snprintf(rate, sizeof(rate), "%.1f", top->calls_per_second);
	snprintf(line, sizeof(line), "%.40s  %s  up %s  %s%s",
		 text_of(status, "pool", CELL_TEXT, name),
		 text_of(status, "state", CELL_TEXT, state),
		 text_of(status, "uptime", CELL_DURATION, up),
		 top->is_paused ? "PAUSED  " : "",
		 top->trouble ? top->trouble : "");
	put_line(ctl, size, line, true);
	snprintf(line, sizeof(line),
		 "calls %lld active, %lld early, %s/s new   workers %lld/%lld  "
		 " gateways %lld/%lld up",
		 (long long)number(status, "calls", "active"),
		 (long long)number(status, "calls", "early"), rate,
		 (long long)number(status, "workers", "up"),
		 (long long)number(status, "workers", "of"),
		 (long long)number(status, "gateways", "up"),
		 (long long)number(status, "gateways", "of"));
	put_line(ctl, size, line, false);
	put_line(ctl, size, "", false);
}

static void put_foot(const struct top *top, const struct ctl *ctl,
		     struct top_size size)
{
	const struct top_list_row *list = &lists[top->list];
	unsigned column = top->sort[top->list];
	char line[LINE_SIZE];

	snprintf(line, sizeof(line),
		 "%s by %s%s | q quit p pause s sort r reverse j/k scroll "
		 "g w t c lists",
		 list->name, column ? list->columns[column].header : "order",
		 top->is_reversed ? ", reversed" : "");
	fprintf(ctl->out, "%s%.*s%s", ctl->has_colour ? "\033[7m" : "",
		(int)size.columns, line, ctl->has_colour ? "\033[0m" : "");
}

/* The table's lines, from `first` on, and empty ones up to the foot. */
static void put_list(struct top *top, const struct ctl *ctl,
		     struct top_size size, const json_t *rows)
{
	unsigned room = size.rows - HEAD_ROWS - FOOT_ROWS - 1; /* its header */
	size_t n = json_array_size(rows);
	struct ctl narrow = *ctl;
	json_t *order = sorted(top, rows);
	json_t *shown = json_array();
	unsigned most = n > room ? (unsigned)n - room : 0;

	if (top->first > most)
		top->first = most;
	for (size_t i = top->first; i < n && i < top->first + room; i++)
		json_array_append(shown, json_array_get(order, i));
	narrow.width = size.columns;
	ctl_table_print(&narrow, lists[top->list].columns, shown);
	for (size_t i = json_array_size(shown); i < room; i++)
		fputc('\n', ctl->out);
	json_decref(shown);
	json_decref(order);
}

void top_draw(struct top *top, const struct ctl *ctl, struct top_size size,
	      const json_t *status, const json_t *rows)
{
	if (size.rows < ROWS_MIN || size.columns < COLS_MIN) {
		fprintf(ctl->out, "%.*s", (int)size.columns,
			"too small; q quits");
		return;
	}
	put_head(top, ctl, size, status);
	put_list(top, ctl, size, rows);
	put_foot(top, ctl, size);
}
