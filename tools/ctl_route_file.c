/* SPDX-License-Identifier: Apache-2.0
 *
 * Route test files: numbers and the way that each is expected to take.  Health
 * is left out on purpose, so that a file says the same at every hour.
 */
#include "tools/ctl_route.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/ctl_json.h"

#define LINE_LEN_MAX 4096

/* ---- a line -------------------------------------------------------------- */

static struct slice cut_word(struct slice *rest)
{
	struct slice word;

	*rest = slice_trim(*rest);
	word = slice_cut(rest, ' ');
	return word;
}

/* HTAB to SP, so that one character parts words. */
static void blank_tabs(char *text)
{
	for (; *text; text++)
		if (*text == '\t' || *text == '\r' || *text == '\n')
			*text = ' ';
}

static int take_key(struct slice word, struct route_test *test)
{
	struct slice value = word;
	struct slice key = slice_cut(&value, '=');

	if (!value.len)
		return -EINVAL;
	if (slice_is(key, SLICE("from")))
		test->from = value;
	else if (slice_is(key, SLICE("caller")))
		test->caller = value;
	else
		return -EINVAL;
	return 0;
}

int route_test_parse(struct slice line, struct route_test *ret_test,
		     const char **ret_why)
{
	struct route_test test = {0};
	struct slice rest = slice_trim(line);
	struct slice word;

	if (!rest.len || *rest.ptr == '#' || *rest.ptr == ';')
		return -ENODATA;
	test.number = cut_word(&rest);
	for (word = cut_word(&rest); !slice_is(word, SLICE("=>"));
	     word = cut_word(&rest)) {
		*ret_why = word.len ? "from=NAME, caller=N or => is expected "
				      "behind the number"
				    : "there is no =>";
		if (!word.len || take_key(word, &test) < 0)
			return -EINVAL;
	}
	test.expected = slice_trim(rest);
	*ret_why = "nothing stands behind =>";
	if (!test.expected.len)
		return -EINVAL;
	*ret_test = test;
	return 0;
}

/* ---- expected and found -------------------------------------------------- */

static bool try_is_met(const struct config *config, struct slice word,
		       const struct route_try *try)
{
	struct slice number = word;
	struct slice name = slice_cut(&number, ':');

	return slice_is(name, slice_of(dry_try_name(config, try))) &&
	       (!number.ptr || slice_is(number, slice_of(try->called)));
}

bool route_test_is_met(const struct config *config, struct slice expected,
		       const struct route_plan *plan)
{
	unsigned n = 0;
	uint64_t status;

	if (slice_to_u64(expected, 699, &status) == 0)
		return (int)status == plan->status;
	for (struct slice word = cut_word(&expected); word.len;
	     word = cut_word(&expected), n++)
		if (n >= plan->n_tries ||
		    !try_is_met(config, word, &plan->tries[n]))
			return false;
	return n == plan->n_tries && plan->status == 0;
}

void route_test_write(const struct config *config,
		      const struct route_plan *plan, struct out *out)
{
	if (plan->status) {
		out_u64(out, (uint64_t)plan->status);
		return;
	}
	for (unsigned i = 0; i < plan->n_tries; i++)
		out_printf(out, "%s%s:%s", i ? " " : "",
			   dry_try_name(config, &plan->tries[i]),
			   plan->tries[i].called);
}

/* ---- a file -------------------------------------------------------------- */

struct file_run {
	const struct ctl *ctl;
	const struct dry_run *run;
	const char *path;
	unsigned line, n_numbers, n_failed, n_errors;
	json_t *failures;
};

static void line_error(struct file_run *file, const char *why)
{
	file->n_errors++;
	fprintf(file->ctl->err, "%s:%u: error: %s\n", file->path, file->line,
		why);
}

static void note_failure(struct file_run *file, const struct route_test *test,
			 const struct route_plan *plan)
{
	char text[ROUTE_TRIES_MAX * (ROUTE_NUMBER_MAX + PEER_NAME_MAX)];
	struct out actual = out_init(text, sizeof(text));

	file->n_failed++;
	route_test_write(file->run->config, plan, &actual);
	if (!file->ctl->is_json)
		fprintf(file->ctl->out, "%s:%u: %.*s: expected %.*s, is %s\n",
			file->path, file->line, SLICE_ARG(test->number),
			SLICE_ARG(test->expected), out_end(&actual));
	json_array_append_new(
		file->failures,
		json_pack("{s:i, s:o, s:o, s:o}", "line", (int)file->line,
			  "number", ctl_json_text(test->number), "expected",
			  ctl_json_text(test->expected), "actual",
			  ctl_json_text(slice_of(out_end(&actual)))));
}

static void run_test(struct file_run *file, const struct route_test *test)
{
	char number[ROUTE_NUMBER_MAX], caller[ROUTE_NUMBER_MAX],
		from[PEER_NAME_MAX];
	struct dry_call call = {.number = number, .caller = caller};
	struct route_plan *plan;

	slice_copy(test->from, from, sizeof(from));
	slice_copy(test->caller, caller, sizeof(caller));
	slice_copy(test->number, number, sizeof(number));
	if (test->number.len >= sizeof(number) ||
	    test->caller.len >= sizeof(caller)) {
		line_error(file, "the number is too long");
		return;
	}
	if (dry_call_from(file->run->config, *from ? from : NULL, &call) < 0) {
		line_error(file, "there is no such peer or trunk");
		return;
	}
	plan = calloc(1, sizeof(*plan));
	if (!plan) {
		line_error(file, "out of memory");
		return;
	}
	file->n_numbers++;
	dry_run_plan(file->run, &call, plan);
	if (!route_test_is_met(file->run->config, test->expected, plan))
		note_failure(file, test, plan);
	free(plan);
}

static void read_lines(struct file_run *file, FILE *stream)
{
	char line[LINE_LEN_MAX];

	while (fgets(line, sizeof(line), stream)) {
		struct route_test test;
		const char *why = "";
		int error;

		file->line++;
		if (strlen(line) == sizeof(line) - 1) {
			line_error(file, "the line is too long");
			return;
		}
		blank_tabs(line);
		error = route_test_parse(slice_of(line), &test, &why);
		if (error == -EINVAL)
			line_error(file, why);
		else if (!error)
			run_test(file, &test);
	}
}

static int report(const struct ctl *ctl, const struct file_run *file)
{
	int code = CTL_DONE;

	if (ctl->is_json)
		code = ctl_json_print(
			ctl, json_pack("{s:o, s:i, s:i, s:i, s:O}", "file",
				       ctl_json_text(slice_of(file->path)),
				       "numbers", (int)file->n_numbers,
				       "failed", (int)file->n_failed, "errors",
				       (int)file->n_errors, "failures",
				       file->failures));
	else
		fprintf(ctl->out, "%u numbers, %u as expected\n",
			file->n_numbers, file->n_numbers - file->n_failed);
	if (code || file->n_errors)
		return CTL_REFUSED;
	return file->n_failed ? CTL_ANSWER_IS_NO : CTL_DONE;
}

int route_test_file(const struct ctl *ctl, const struct dry_run *run,
		    const char *path)
{
	struct file_run file = {.ctl = ctl, .run = run, .path = path};
	FILE *stream = fopen(path, "re");
	int code;

	if (!stream)
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s", path,
				strerror(errno));
	file.failures = json_array();
	read_lines(&file, stream);
	fclose(stream);
	code = report(ctl, &file);
	json_decref(file.failures);
	return code;
}
