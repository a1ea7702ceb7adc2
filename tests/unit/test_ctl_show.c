/* SPDX-License-Identifier: Apache-2.0
 *
 * What mspoolctl says of a pool: the fields of the contract, and that each
 * says what was written.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "tests/unit/ctl_fixture.h"
#include "tools/ctl_show.h"

static struct ctl_fixture fixture;

static void make(void)
{
	ctl_fixture_make(&fixture);
}

static void drop(void)
{
	ctl_fixture_remove(&fixture);
}

TestSuite(ctl_show, .init = make, .fini = drop);

/* Every word of names, and what must be there of a JSON object. */
static void expect_fields(const json_t *object, const char *names)
{
	struct slice rest = slice_of(names);

	cr_assert(json_is_object(object));
	while (rest.len) {
		char name[64];

		slice_copy(slice_cut(&rest, ' '), name, sizeof(name));
		cr_expect(json_object_get(object, name), "%s is missing", name);
	}
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
	const json_t *value = json_object_get(object, key);

	if (!text) {
		cr_expect(json_is_null(value), "%s is not null", key);
		return;
	}
	cr_assert(json_is_string(value), "%s is no text", key);
	cr_expect_str_eq(json_string_value(value), text, "%s is %s", key,
			 json_string_value(value));
}

static void expect_number(const json_t *object, const char *key, double number)
{
	const json_t *value = json_object_get(object, key);

	cr_assert(json_is_number(value), "%s is no number", key);
	cr_expect(fabs(json_number_value(value) - number) < 0.0005, "%s is %f",
		  key, json_number_value(value));
}

static void run_json(const char *line, struct ctl_run *run)
{
	ctl_fixture_run(&fixture, line, run);
	cr_assert_eq(run->code, CTL_DONE, "%s: %d %s", line, run->code,
		     run->err);
	cr_assert(run->json, "%s printed: %s", line, run->out);
}

Test(ctl_show, status_has_the_fields_of_the_contract)
{
	struct ctl_run run;
	const json_t *calls, *workers, *gateways;

	run_json("status --json", &run);
	expect_fields(run.json, "pool version state generation uptime calls "
				"workers gateways");
	expect_text(run.json, "pool", "pool1.example.com");
	expect_text(run.json, "state", "degraded"); /* ms2 is dead */
	expect_number(run.json, "generation", 7);
	calls = json_object_get(run.json, "calls");
	expect_number(calls, "active", 2);
	expect_number(calls, "early", 1);
	expect_number(calls, "total", 20);
	expect_number(calls, "answered", 12);
	expect_number(calls, "failed", 3);
	workers = json_object_get(run.json, "workers");
	expect_number(workers, "up", 2);
	expect_number(workers, "of", 3);
	gateways = json_object_get(run.json, "gateways");
	expect_number(json_object_get(run.json, "counters"), "calls_total", 20);
	expect_number(gateways, "up", 1);
	expect_number(gateways, "of", 2);
	ctl_run_done(&run);
}

Test(ctl_show, status_for_people_names_the_next_step)
{
	struct ctl_run run;

	ctl_fixture_run(&fixture, "status", &run);
	cr_assert_eq(run.code, CTL_DONE);
	cr_expect(strstr(run.out, "pool1.example.com  degraded"));
	cr_expect(strstr(run.out, "ms2 is down: 'mspoolctl events' tells why"));
	cr_expect(strstr(run.out, "gw2 is down for"));
	ctl_run_done(&run);
}

Test(ctl_show, workers_are_those_not_retired)
{
	static const struct {
		const char *id, *kind, *state;
		int calls, restarts;
		bool is_alive;
	} rows[] = {{"ms1", "signalling", "up", 2, 0, true},
		    {"ms2", "signalling", "down", 0, 3, false},
		    {"mw1", "media", "up", 1, 0, true}};
	struct ctl_run run;

	run_json("workers --json", &run);
	cr_assert_eq(json_array_size(run.json), 3);
	for (unsigned i = 0; i < 3; i++) {
		const json_t *row = json_array_get(run.json, i);

		expect_fields(row,
			      "id kind pid state calls restarts uptime cpu "
			      "rss");
		expect_text(row, "id", rows[i].id);
		expect_text(row, "kind", rows[i].kind);
		expect_text(row, "state", rows[i].state);
		expect_number(row, "calls", rows[i].calls);
		expect_number(row, "restarts", rows[i].restarts);
		cr_expect_eq(json_is_null(json_object_get(row, "pid")),
			     !rows[i].is_alive);
		cr_expect_eq(json_is_null(json_object_get(row, "rss")),
			     !rows[i].is_alive);
	}
	ctl_run_done(&run);
}

Test(ctl_show, gateways_show_probes_and_what_calls_saw)
{
	struct ctl_run run;
	const json_t *row;

	run_json("gateways --json", &run);
	cr_assert_eq(json_array_size(run.json), 2);
	row = json_array_get(run.json, 0);
	expect_fields(row, "name address transport state since calls rtt_ms "
			   "misses last_response attempts answered ner asr");
	expect_text(row, "name", "gw1");
	expect_text(row, "address", "127.0.0.1:5066");
	expect_text(row, "transport", "udp");
	expect_text(row, "state", "up");
	expect_number(row, "calls", 2);
	expect_number(row, "rtt_ms", 3.25);
	expect_number(row, "last_response", 200);
	expect_number(row, "attempts", 10);
	expect_number(row, "asr", 0.6);
	expect_number(row, "ner", 0.9);
	row = json_array_get(run.json, 1);
	expect_text(row, "state", "down");
	expect_number(row, "misses", 5);
	expect_text(row, "rtt_ms", NULL);
	expect_text(row, "asr", NULL);
	ctl_run_done(&run);
}

Test(ctl_show, a_front_end_nobody_probed_is_unknown)
{
	struct ctl_run run;
	const json_t *row;

	run_json("frontends --json", &run);
	cr_assert_eq(json_array_size(run.json), 1);
	row = json_array_get(run.json, 0);
	expect_text(row, "name", "fe1");
	expect_text(row, "state", "unknown");
	expect_text(row, "last_response", NULL);
	ctl_run_done(&run);
}

Test(ctl_show, trunks_have_their_own_figures)
{
	struct ctl_run run;
	const json_t *row;

	run_json("trunks --json", &run);
	cr_assert_eq(json_array_size(run.json), 2);
	row = json_array_get(run.json, 0);
	expect_fields(row, "name gateway state calls max_calls attempts "
			   "answered failed asr ner acd pdd");
	expect_text(row, "name", "t1");
	expect_text(row, "gateway", "gw1");
	expect_number(row, "calls", 2);
	expect_number(row, "max_calls", 30);
	expect_number(row, "attempts", 10);
	expect_number(row, "failed", 1);
	row = json_array_get(run.json, 1);
	expect_text(row, "state", "down");
	expect_number(row, "attempts", 0);
	ctl_run_done(&run);
}

Test(ctl_show, calls_have_the_fields_of_the_contract)
{
	struct ctl_run run;
	const json_t *row, *tries;

	run_json("calls --json", &run);
	cr_assert_eq(json_array_size(run.json), 2);
	row = json_array_get(run.json, 0);
	expect_fields(row, "id direction state from to frontend gateway trunk "
			   "server media started answered duration "
			   "codec_internal codec_gateway srtp_internal "
			   "srtp_gateway bypass tries");
	expect_text(row, "id", "ms1-1");
	expect_text(row, "state", "trying");
	expect_text(row, "direction", "outbound");
	expect_text(row, "to", "+4930123456");
	expect_text(row, "frontend", "fe1");
	expect_text(row, "gateway", "gw1");
	expect_text(row, "server", "ms1");
	expect_text(row, "media", NULL);
	expect_text(row, "answered", NULL);
	expect_number(row, "duration", 0);
	tries = json_object_get(row, "tries");
	cr_assert_eq(json_array_size(tries), 2);
	expect_text(json_array_get(tries, 0), "trunk", "t2");
	expect_number(json_array_get(tries, 0), "code", 503);
	expect_number(json_array_get(tries, 0), "ms", 12);
	expect_text(json_array_get(tries, 1), "code", NULL);
	ctl_run_done(&run);
}

Test(ctl_show, an_answered_call_shows_its_media)
{
	struct ctl_run run;
	const json_t *row;
	double duration;

	run_json("calls --json", &run);
	row = json_array_get(run.json, 1);
	expect_text(row, "state", "answered");
	expect_text(row, "media", "mw1");
	expect_text(row, "codec_internal", "PCMA");
	cr_expect(json_is_true(json_object_get(row, "srtp_gateway")));
	cr_expect(json_is_false(json_object_get(row, "bypass")));
	duration = json_number_value(json_object_get(row, "duration"));
	cr_expect(duration >= 5 && duration < 8);
	ctl_run_done(&run);
}

Test(ctl_show, absorbing_calls_are_shown_with_all_only)
{
	struct ctl_run run;

	run_json("calls --json --all", &run);
	cr_assert_eq(json_array_size(run.json), 3);
	expect_text(json_array_get(run.json, 2), "state", "ending");
	ctl_run_done(&run);
}

Test(ctl_show, what_a_peer_sent_cannot_reach_the_terminal)
{
	struct ctl_run run;

	ctl_fixture_run(&fixture, "calls", &run);
	cr_assert_eq(run.code, CTL_DONE);
	cr_expect_not(strchr(run.out, '\033'));
	cr_expect(strstr(run.out, "+49\xef\xbf\xbd?[2J"));
	ctl_run_done(&run);
}

Test(ctl_show, show_call_has_legs_and_streams_and_no_keys)
{
	char id[32] = "show call ms1-4 --json";
	struct ctl_run run;
	const json_t *legs, *streams, *stream;

	run_json(id, &run);
	legs = json_object_get(run.json, "legs");
	cr_assert_eq(json_array_size(legs), 2);
	expect_fields(json_array_get(legs, 0),
		      "side state peer call_id local_tag remote_tag local_uri "
		      "remote_uri remote_target route_set local_cseq "
		      "remote_cseq sdp");
	expect_text(json_array_get(legs, 0), "call_id", "abc@fe1");
	streams = json_object_get(run.json, "streams");
	cr_assert_eq(json_array_size(streams), 2);
	stream = json_array_get(streams, 1);
	expect_fields(stream, "side local remote codec packets_in packets_out "
			      "lost jitter_ms mos dtmf");
	expect_text(stream, "side", "gateway");
	expect_text(stream, "local", "127.0.0.1:20002");
	expect_text(stream, "dtmf", "rfc4733");
	expect_number(stream, "packets_in", 240);
	expect_number(stream, "lost", 10);
	cr_expect(json_number_value(json_object_get(stream, "mos")) <
		  json_number_value(
			  json_object_get(json_array_get(streams, 0), "mos")));
	cr_expect_not(strstr(run.out, "SECRET"));
	cr_expect(strstr(run.out, "1 AES_CM_128_HMAC_SHA1_80 ***"));
	ctl_run_done(&run);
}

Test(ctl_sdp, keys_are_masked_in_whatever_shape_they_come)
{
	static const char *const rows[][2] = {
		{"v=0\r\nk=base64:S\r\n", "v=0\r\nk=***\r\n"},
		{"A=CRYPTO:1 SUITE inline:S|1:4\r\n",
		 "A=CRYPTO:1 SUITE ***\r\n"},
		{"a=crypto:inline:S\n", "a=crypto:***\r\n"},
		{"a=key-mgmt:mikey S", "a=key-mgmt:***\r\n"},
		{"k=\nk=\nk=\nk=\nk=\n",
		 "k=***\r\nk=***\r\nk=***\r\nk=***\r\nk=***\r\n"},
		{"s=a=crypto\n", "s=a=crypto\n"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *masked = ctl_masked_sdp(slice_of(rows[i][0]));

		cr_expect_str_eq(json_string_value(masked), rows[i][1]);
		json_decref(masked);
	}
	cr_expect(json_is_null(ctl_masked_sdp(SLICE_NONE)));
}

static void expect_code(const char *line, int code, const char *words)
{
	struct ctl_run run;

	ctl_fixture_run(&fixture, line, &run);
	cr_expect_eq(run.code, code, "%s: %d %s", line, run.code, run.err);
	cr_expect(strstr(run.err, words), "%s: %s", line, run.err);
	ctl_run_done(&run);
}

Test(ctl_show, a_call_that_is_not_there_is_exit_code_4)
{
	expect_code("show call ms1-99", CTL_NO_OBJECT, "there is no call");
	expect_code("show call ms9-1", CTL_NO_OBJECT, "there is no call");
	expect_code("show call 42", CTL_NO_OBJECT, "is no call id");
	expect_code("hangup ms1-99", CTL_NO_OBJECT, "there is no call");
}

Test(ctl_show, without_a_pool_the_exit_code_is_3)
{
	expect_code("-r /tmp/there-is-no-such-folder status", CTL_NOT_RUNNING,
		    "no pool is running");
	expect_code("-r /tmp/there-is-no-such-folder events", CTL_NOT_RUNNING,
		    "no pool is running");
	expect_code("drain gw1", CTL_NOT_RUNNING, "no master is running");
}

Test(ctl_show, events_of_all_processes_are_merged_by_time)
{
	struct ctl_run run;
	const json_t *row;

	run_json("events --json", &run);
	cr_assert_eq(json_array_size(run.json), 2);
	row = json_array_get(run.json, 0);
	expect_fields(row, "time level event who text");
	expect_text(row, "who", "ms1");
	expect_text(row, "event", "failover");
	row = json_array_get(run.json, 1);
	expect_text(row, "who", "master");
	expect_text(row, "level", "warning");
	ctl_run_done(&run);
}

Test(ctl_show, test_route_tells_the_way_and_what_was_left_out)
{
	struct ctl_run run;
	const json_t *try;

	run_json("test route +4930123456 --json", &run);
	expect_number(run.json, "status", 0);
	expect_text(run.json, "from", "fe1");
	cr_assert_eq(json_array_size(json_object_get(run.json, "tries")), 1);
	try = json_array_get(json_object_get(run.json, "tries"), 0);
	expect_text(try, "trunk", "t1");
	expect_text(try, "route", "de");
	expect_text(try, "called", "004930123456");
	expect_text(try, "called_rule", "intl");
	expect_text(json_array_get(json_object_get(run.json, "skipped"), 0),
		    "trunk", "t2");
	ctl_run_done(&run);
	expect_code("test route 110", CTL_ANSWER_IS_NO, "");
	expect_code("test route 110 --from gw9", CTL_NO_OBJECT,
		    "did you mean 'gw");
	expect_code("test route", CTL_USAGE, "takes a number or --file");
}

static void run_file(const char *text, const char *tail, struct ctl_run *run)
{
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/routes.txt", fixture.dir);
	file = fopen(path, "we");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
	snprintf(line, sizeof(line), "test route --file %s%s", path, tail);
	ctl_fixture_run(&fixture, line, run);
}

Test(ctl_show, a_route_test_file_takes_every_peer_as_healthy)
{
	struct ctl_run run;

	run_file("+4930 => t1:004930 t2:+4930\n110\t=>\t404\n", "", &run);
	cr_expect_eq(run.code, CTL_DONE, "%s%s", run.out, run.err);
	cr_expect_str_eq(run.out, "2 numbers, 2 as expected\n");
	ctl_run_done(&run);
}

Test(ctl_show, a_route_test_file_tells_each_line_that_differs)
{
	struct ctl_run run;

	run_file("# comment\n+4930 => t2\n110 => 404\n", "", &run);
	cr_expect_eq(run.code, CTL_ANSWER_IS_NO);
	cr_expect(strstr(run.out, "routes.txt:2: +4930: expected t2, is "
				  "t1:004930 t2:+4930\n"),
		  "%s", run.out);
	ctl_run_done(&run);
	run_file("+4930 t2\n", "", &run);
	cr_expect_eq(run.code, CTL_REFUSED);
	cr_expect(strstr(run.err, "routes.txt:1: error: "), "%s", run.err);
	ctl_run_done(&run);
	run_file("110 => t1\n", " --json", &run);
	cr_expect_eq(run.code, CTL_ANSWER_IS_NO);
	expect_number(run.json, "failed", 1);
	ctl_run_done(&run);
}
