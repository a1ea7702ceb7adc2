/* SPDX-License-Identifier: Apache-2.0
 *
 * The client of the control socket, against a master of a few lines: what its
 * last line means, a master that hangs, one that ends, one that is not there.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/ctl_command.h"

Test(ctl_command, the_last_line_tells_code_and_reason)
{
	static const struct {
		const char *line;
		int code;
		const char *reason;
	} rows[] = {
		{"ok", CTL_DONE, ""},
		{"error 4 there is no gw9", CTL_NO_OBJECT, "there is no gw9"},
		{"error 1 no", CTL_REFUSED, "no"},
		{"error 0 liar", CTL_REFUSED, "error 0 liar"},
		{"error 99 x", CTL_REFUSED, "error 99 x"},
		{"what", CTL_REFUSED, "what"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice reason;

		cr_expect_eq(ctl_answer_code(slice_of(rows[i].line), &reason),
			     rows[i].code);
		cr_expect(slice_is(reason, slice_of(rows[i].reason)),
			  "%s: '%.*s'", rows[i].line, SLICE_ARG(reason));
	}
}

Test(ctl_command, an_answer_is_whole_when_its_last_line_is)
{
	static const struct {
		const char *answer;
		bool is_whole;
	} rows[] = {{"", false},
		    {"ok", false},
		    {"ok\n", true},
		    {"a\nok\n", true},
		    {"a\nerror 1 x\n", true},
		    {"a\n", false},
		    {"not ok\n", false},
		    {"okay\n", false}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(ctl_answer_is_whole(rows[i].answer,
						 strlen(rows[i].answer)),
			     rows[i].is_whole, "'%s'", rows[i].answer);
}

/* A run folder with a control socket on which a child answers `answer` once it
 * has read a line; NULL: it never answers.  "": it closes. */
struct master {
	char dir[64];
	pid_t pid;
};

static void serve(int listener, const char *answer)
{
	char line[256];
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || read(fd, line, sizeof(line)) <= 0)
		_exit(1);
	if (!answer)
		pause();
	if (*answer && write(fd, answer, strlen(answer)) < 0)
		_exit(1);
	_exit(0);
}

static void master_start(struct master *master, const char *answer)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(master->dir, "/tmp/test_ctl_command.XXXXXX");
	cr_assert(mkdtemp(master->dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock",
		 master->dir);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	master->pid = fork();
	if (master->pid == 0)
		serve(fd, answer);
	close(fd);
}

static void master_end(struct master *master)
{
	char path[128];

	kill(master->pid, SIGKILL);
	waitpid(master->pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/control.sock", master->dir);
	unlink(path);
	rmdir(master->dir);
}

struct outcome {
	int code;
	char *out, *err;
	size_t out_len, err_len;
};

static void run(const char *dir, bool is_last, struct outcome *outcome)
{
	struct ctl ctl = {.run_dir = dir};
	struct ctl_command command = {
		.line = "reload", .wait_s = 1, .is_last = is_last};

	*outcome = (struct outcome){0};
	ctl.out = open_memstream(&outcome->out, &outcome->out_len);
	ctl.err = open_memstream(&outcome->err, &outcome->err_len);
	outcome->code = ctl_command_run(&ctl, &command);
	fclose(ctl.out);
	fclose(ctl.err);
}

static void expect_outcome(const char *answer, bool is_last, int code,
			   const char *out, const char *err)
{
	struct master master;
	struct outcome outcome;

	master_start(&master, answer);
	run(master.dir, is_last, &outcome);
	master_end(&master);
	cr_expect_eq(outcome.code, code, "code %d: %s", outcome.code,
		     outcome.err);
	cr_expect_str_eq(outcome.out, out);
	cr_expect(strstr(outcome.err, err), "%s", outcome.err);
	free(outcome.out);
	free(outcome.err);
}

Test(ctl_command, what_was_done_is_printed_to_stdout)
{
	expect_outcome("~ [pool] max_calls 0 -> 9\nok\n", false, CTL_DONE,
		       "~ [pool] max_calls 0 -> 9\n", "");
}

Test(ctl_command, a_refusal_is_printed_to_stderr_with_all_its_lines)
{
	expect_outcome("pool.ini:1:1: error: x\nerror 1 nothing was changed\n",
		       false, CTL_REFUSED, "",
		       "pool.ini:1:1: error: x\n"
		       "mspoolctl: nothing was changed\n");
}

Test(ctl_command, a_master_that_hangs_is_not_waited_for)
{
	expect_outcome(NULL, false, CTL_TIMED_OUT, "", "did not answer");
}

Test(ctl_command, a_master_that_ends_has_failed_unless_it_was_to_stop)
{
	expect_outcome("", false, CTL_REFUSED, "", "ended without an answer");
	expect_outcome("", true, CTL_DONE, "", "");
}

Test(ctl_command, without_a_master_the_pool_is_not_running)
{
	struct outcome outcome;

	run("/tmp/there-is-no-such-folder", false, &outcome);
	cr_expect_eq(outcome.code, CTL_NOT_RUNNING);
	free(outcome.out);
	free(outcome.err);
}
