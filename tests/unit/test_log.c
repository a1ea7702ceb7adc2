/* SPDX-License-Identifier: Apache-2.0
 *
 * base/log.c and log_format.c, through a pipe in stderr's place: spelling,
 * escaping, and that nothing waits for a reader.
 */
#include "base/log.h"

#include "base/log_limit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int reader = -1, real_stderr = -1;
static char line[65536];

static void open_with(int fds[2], bool is_json)
{
	struct log_settings settings = {
		.who = "ms1", .level = LOG_LVL_INFO, .is_json = is_json};

	real_stderr = dup(STDERR_FILENO);
	reader = fds[0];
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	fcntl(reader, F_SETFL, O_NONBLOCK);
	log_open(&settings);
}

static void open_pipe(bool is_json)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	open_with(fds, is_json);
}

static const char *read_all(void)
{
	ssize_t n = read(reader, line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void teardown(void)
{
	if (real_stderr >= 0)
		dup2(real_stderr, STDERR_FILENO);
}

TestSuite(log, .fini = teardown);

/* The line after its time. */
static const char *read_line(void)
{
	const char *level = strstr(read_all(), " level=");

	cr_assert_not_null(level, "%s", line);
	return level + 1;
}

Test(log, an_event_is_one_line_of_pairs)
{
	open_pipe(false);
	log_event(LOG_LVL_WARNING, "worker_died", "slot=%s pid=%d", "ms2", 17);
	cr_assert_str_eq(
		read_line(),
		"level=warning who=ms1 event=worker_died slot=ms2 pid=17\n");
	cr_assert_eq(strncmp(line, "ts=20", 5), 0);
	cr_assert_eq(line[26], 'Z');
}

Test(log, less_than_the_level_is_not_written)
{
	open_pipe(false);
	cr_assert_not(log_is_on(LOG_LVL_DEBUG));
	cr_assert(log_is_on(LOG_LVL_ERROR));
	log_event(LOG_LVL_DEBUG, "noise", "a=1");
	cr_assert_str_eq(read_all(), "");
}

Test(log, levels_have_names)
{
	enum log_level level = LOG_LVL_INFO;

	cr_assert_eq(log_level_parse("debug", &level), 0);
	cr_assert_eq(level, LOG_LVL_DEBUG);
	cr_assert_eq(log_level_parse("loud", &level), -EINVAL);
	cr_assert_eq(level, LOG_LVL_DEBUG);
}

Test(log, quoting_is_done_where_it_is_needed)
{
	cr_assert_str_eq(log_quote("plain", 5), "plain");
	cr_assert_str_eq(log_quote("", 0), "\"\"");
	cr_assert_str_eq(log_quote(NULL, 4), "\"\"");
	cr_assert_str_eq(log_quote("a b", 3), "\"a b\"");
	cr_assert_str_eq(log_quote("a=\"\\", 4), "\"a=\\\"\\\\\"");
	cr_assert_str_eq(log_quote("a\r\nb", 4), "\"a\\u000d\\u000ab\"");
	cr_assert_str_eq(log_quote("\xc3\xa4", 2), "\xc3\xa4");
}

Test(log, bytes_that_are_no_text_are_escaped)
{
	/* a broken start, an overlong '/', a surrogate, CSI as U+009B, DEL */
	cr_assert_str_eq(log_quote("\xff", 1), "\\u00ff");
	cr_assert_str_eq(log_quote("\xc0\xaf", 2), "\\u00c0\\u00af");
	cr_assert_str_eq(log_quote("\xed\xa0\x80", 3), "\\u00ed\\u00a0\\u0080");
	cr_assert_str_eq(log_quote("\xc2\x9b", 2), "\\u00c2\\u009b");
	cr_assert_str_eq(log_quote("\x7f", 1), "\\u007f");
	cr_assert_str_eq(log_quote("\xe2\x82", 2), "\\u00e2\\u0082");
}

Test(log, a_long_text_is_cut_inside_its_quotes)
{
	char text[1000];
	const char *quoted;

	memset(text, '"', sizeof(text));
	quoted = log_quote(text, sizeof(text));
	cr_assert_lt(strlen(quoted), 256u);
	cr_assert_eq(quoted[strlen(quoted) - 1], '"');
	cr_assert_eq(quoted[strlen(quoted) - 2], '"');
	cr_assert_eq(quoted[strlen(quoted) - 3], '\\');
}

Test(log, what_a_peer_says_cannot_forge_a_line)
{
	open_pipe(false);
	log_event(LOG_LVL_INFO, "odd", "text=%s",
		  "a\nts=2026 event=forged\x1b[2J");
	cr_assert_str_eq(read_line(),
			 "level=info who=ms1 event=odd "
			 "text=a\\u000ats=2026 event=forged\\u001b[2J\n");
}

Test(log, a_long_line_is_cut_and_says_so)
{
	char text[3000];
	size_t len;

	open_pipe(false);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_event(LOG_LVL_INFO, "long", "text=%s", text);
	len = strlen(read_all());
	cr_assert_leq(len, 1024u);
	cr_assert_str_eq(line + len - 7, " cut=1\n");
}

static json_t *read_json(void)
{
	json_error_t error;
	json_t *object = json_loads(read_all(), 0, &error);

	cr_assert_not_null(object, "%s in %s", error.text, line);
	return object;
}

static void assert_text(json_t *object, const char *key, const char *value)
{
	cr_assert_str_eq(json_string_value(json_object_get(object, key)),
			 value);
}

Test(log, pairs_become_the_fields_of_one_json_object)
{
	json_t *object;

	open_pipe(true);
	log_event(LOG_LVL_INFO, "call_ended", "call=ms1-4 from=%s n=7 hidden",
		  log_quote("+49 \"30\"\n", 9));
	object = read_json();
	assert_text(object, "level", "info");
	assert_text(object, "event", "call_ended");
	assert_text(object, "call", "ms1-4");
	assert_text(object, "from", "+49 \"30\"\n");
	assert_text(object, "n", "7");
	cr_assert(json_is_true(json_object_get(object, "hidden")));
	json_decref(object);
}

Test(log, json_stays_json_whatever_stands_in_the_pairs)
{
	static const char *const bodies[] = {
		"a=\"open",    "a=\"\\q\"",  "a=\"\\u12\"",
		"a=\"x\\",     "a=\xff\xfe", "a=\"\xff\"",
		"= =",	       "\"",	     "a=\"\x01\"",
		"  x  y  ",    "a=\"b\"c=d", "\\",
		"a=\"\\u00e4", "a==b",	     "",
	};

	open_pipe(true);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		log_event(LOG_LVL_INFO, "odd", "%s", bodies[i]);
		json_decref(read_json());
	}
}

Test(log, json_that_is_cut_is_still_json)
{
	open_pipe(true);
	for (int len = 800; len < 1100; len++) {
		json_t *object;
		char text[1200];

		memset(text, len % 2 ? '"' : 'x', sizeof(text));
		log_event(LOG_LVL_INFO, "long", "a=1 text=%.*s b=2", len, text);
		object = read_json();
		assert_text(object, "a", "1");
		json_decref(object);
	}
}

Test(log, a_full_pipe_loses_lines_and_tells_how_many, .timeout = 10)
{
	unsigned n_written = 0;
	char expected[64];

	open_pipe(false);
	for (unsigned i = 0; i < 5000; i++)
		log_event(LOG_LVL_INFO, "flood", "n=%u text=%0200d", i, 0);
	for (const char *c = read_all(); *c; c++)
		n_written += *c == '\n';
	cr_assert(n_written > 0 && n_written < 5000);
	snprintf(expected, sizeof(expected), " log_lost=%u n=1\n",
		 5000 - n_written);
	log_event(LOG_LVL_INFO, "after", "n=1");
	cr_assert_not_null(strstr(read_all(), expected), "%s", line);
	log_event(LOG_LVL_INFO, "after", "n=2");
	cr_assert_null(strstr(read_all(), "log_lost"));
}

/* Of warnings a burst comes through, the rest is counted in the next; each
 * event has a limit of its own, and what is told once for each call has none.
 */
Test(log, a_warning_without_end_is_held_and_counted, .timeout = 10)
{
	unsigned n_written = 0;

	open_pipe(false);
	for (unsigned i = 0; i < 300; i++)
		log_event(LOG_LVL_WARNING, "unknown_peer", "n=%u", i);
	for (const char *c = read_all(); *c; c++)
		n_written += *c == '\n';
	cr_assert(n_written >= LOG_LIMIT_BURST &&
			  n_written < LOG_LIMIT_BURST + 20,
		  "%u", n_written);
	log_event(LOG_LVL_WARNING, "other", "n=1");
	cr_assert_not_null(strstr(read_all(), "event=other n=1\n"), "%s", line);
	for (unsigned i = 0; i < 300; i++)
		log_event(LOG_LVL_INFO, "call_end", "n=%u", i);
	cr_assert_not_null(strstr(read_all(), " n=299\n"));
}

Test(log, what_was_held_is_told_when_time_has_passed)
{
	uint64_t now = 1000000000, held = 7;

	for (unsigned i = 0; i < LOG_LIMIT_BURST; i++)
		cr_assert(log_limit_pass("e", now, &held));
	cr_assert_eq(held, 0u);
	for (unsigned i = 0; i < 5; i++)
		cr_assert_not(log_limit_pass("e", now, &held));
	now += 1000000;
	for (unsigned i = 0; i < LOG_LIMIT_PER_S; i++) {
		cr_assert(log_limit_pass("e", now, &held));
		cr_assert_eq(held, i ? 0u : 5u);
	}
	cr_assert_not(log_limit_pass("e", now, &held));
}

Test(log, more_events_than_it_knows_share_a_limit)
{
	uint64_t held;
	char event[16];
	unsigned n = 0;

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(event, sizeof(event), "e%u", i);
		n += log_limit_pass(event, 1, &held);
	}
	cr_assert_eq(n, LOG_LIMIT_EVENTS - 1 + LOG_LIMIT_BURST);
}

/* systemd names the stream: only then, and only there, a priority leads. */
Test(log, a_line_for_the_journal_begins_with_its_priority)
{
	struct stat status;
	char stream[64];
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(fstat(fds[1], &status), 0);
	snprintf(stream, sizeof(stream), "%lu:%lu",
		 (unsigned long)status.st_dev, (unsigned long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	open_with(fds, false);
	log_event(LOG_LVL_ERROR, "e", "n=1");
	cr_assert_eq(strncmp(read_all(), "<3>ts=", 6), 0, "%s", line);
	log_event(LOG_LVL_INFO, "e", "n=2");
	cr_assert_eq(strncmp(read_all(), "<6>ts=", 6), 0, "%s", line);
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open(&(struct log_settings){.who = "ms1", .level = LOG_LVL_INFO});
	log_event(LOG_LVL_ERROR, "e", "n=3");
	cr_assert_eq(strncmp(read_all(), "ts=", 3), 0, "%s", line);
}

Test(log, the_inherited_stderr_keeps_its_own_mode)
{
	open_pipe(false);
	cr_assert_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

Test(log, a_full_socket_tears_no_line, .timeout = 10)
{
	int fds[2];
	unsigned n = 0;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	open_with(fds, false);
	for (unsigned i = 0; i < 5000; i++)
		log_event(LOG_LVL_INFO, "flood", "n=%u text=%0200d", i, 0);
	while (*read_all())
		n += (unsigned)strlen(line);
	cr_assert_gt(n, 0u);
	log_event(LOG_LVL_INFO, "after", "n=1");
	read_all();
	for (char *at = line, *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		cr_assert_not_null(end);
	}
	cr_assert_not_null(strstr(line, "event=after"));
}

Test(log, a_broken_promise_aborts_and_leaves_its_last_words, .signal = SIGABRT)
{
	static char words[64];

	must_note_at(words, sizeof(words));
	must(1 + 1 == 2);
	cr_assert_str_empty(words);
	must(1 + 1 == 3);
}

static char *note;

static void check_note(void)
{
	if (!strstr(note, "test_log.c") || !strstr(note, "must(is_true)"))
		abort();
}

static void on_abort(int signal)
{
	(void)signal;
	check_note();
	_exit(7);
}

Test(log, last_words_name_file_and_expression, .exit_code = 7)
{
	static char words[512];
	bool is_true = false;

	note = words;
	signal(SIGABRT, on_abort);
	open_pipe(false);
	must_note_at(words, sizeof(words));
	must(is_true);
}
