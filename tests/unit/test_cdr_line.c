/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cdr_line.c: what a call record says, in both formats.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "tests/unit/cdr_sample.h"
#include "tools/cdr_line.h"

static char buf[CDR_LINE_MAX];

static struct slice line_of(const struct cdr_record *cdr,
			    enum cdr_format format)
{
	struct out out = out_init(buf, sizeof(buf));

	cdr_write_line(cdr, format, "host1", &out);
	cr_assert_not(out.is_full);
	return out_as_slice(&out);
}

static json_t *json_of(const struct cdr_record *cdr)
{
	struct slice line = line_of(cdr, CDR_JSON);
	json_error_t error;
	json_t *json =
		json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);

	cr_assert(json, "%s: %.*s", error.text, SLICE_ARG(line));
	cr_assert_eq(memchr(line.ptr, '\n', line.len - 1), NULL);
	cr_assert_eq(line.ptr[line.len - 1], '\n');
	return json;
}

/* "null" for null. */
static void expect(const json_t *json, const char *column, const char *wanted)
{
	json_t *value = json_object_get(json, column);
	char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	cr_assert(text, "%s is missing", column);
	cr_expect_str_eq(text, wanted, "%s is %s", column, text);
	free(text);
}

static const char *const whole[][2] = {
	{"cdr_version", "1"},
	{"record", "\"end\""},
	{"interim", "null"},
	{"sequence", "2"},
	{"call_uuid", "\"01234567-89ab-8def-8123-456789000002\""},
	{"call", "\"ms3-42\""},
	{"host", "\"host1\""},
	{"worker", "\"ms3\""},
	{"direction", "\"outbound\""},
	{"a_call_id", "\"abc@fe1\""},
	{"b_call_id", "\"xyz\""},
	{"calling", "\"+4989765432\""},
	{"called", "\"+4930123456\""},
	{"calling_orig", "\"+4989765432\""},
	{"calling_out", "\"089765432\""},
	{"called_out", "\"030123456\""},
	{"pai", "null"},
	{"src_peer", "\"fe1\""},
	{"dst_peer", "\"gw2\""},
	{"trunk", "\"carrier\""},
	{"gateway", "\"gw2\""},
	{"attempts", "[\"gw1:503:12\", \"gw2:200:2480\"]"},
	{"invite_time", "\"2026-11-25T10:05:23.456Z\""},
	{"first_18x_time", "\"2026-11-25T10:05:24.156Z\""},
	{"answer_time", "\"2026-11-25T10:05:25.956Z\""},
	{"end_time", "\"2026-11-25T10:06:27.456Z\""},
	{"pdd_ms", "700"},
	{"setup_ms", "2500"},
	{"duration_ms", "64000"},
	{"billsec", "62"},
	{"result", "\"answered\""},
	{"sip_code", "200"},
	{"reason_text", "\"OK\""},
	{"q850_cause", "16"},
	{"released_by", "\"b\""},
	{"release_reason", "\"Q.850;cause=16;text=\\\"Normal, done\\\"\""},
	{"codec_a", "\"PCMA\""},
	{"srtp_b", "null"},
	{"transcoded", "false"},
	{"dtmf_mode", "\"rfc4733\""},
	{"media_bypass", "false"},
	{"rx_packets_a", "3075"},
	{"lost_b", "0"},
	{"jitter_ms_b", "1.25"},
	{"one_way", "false"},
	{"adopted", "false"},
	{"drain_forced", "false"},
};

Test(cdr_line, a_call_is_told_whole)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	json_t *json = json_of(cdr);

	for (unsigned i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		expect(json, whole[i][0], whole[i][1]);
	cr_expect(json_number_value(json_object_get(json, "mos_a_rx")) > 4.3);
	json_decref(json);
	free(cdr);
}

Test(cdr_line, every_column_is_in_every_line_and_in_order)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	json_t *json = json_of(cdr);
	const char *name;
	json_t *value;
	unsigned n = 0;

	json_object_foreach(json, name, value)
		cr_expect_str_eq(name, cdr_column_names[n++]);
	cr_expect_eq(cdr_column_names[n], NULL);
	json_decref(json);
	free(cdr);
}

static void expect_result(uint16_t code, uint64_t answered, const char *word)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	json_t *json;

	cdr->code = code;
	cdr->answered_wall_us = answered;
	cdr->talked_us = answered ? cdr->talked_us : 0;
	json = json_of(cdr);
	expect(json, "result", word);
	expect(json, "billsec", answered ? "62" : "0");
	json_decref(json);
	free(cdr);
}

Test(cdr_line, the_result_follows_the_answer)
{
	expect_result(200, SAMPLE_WALL_US, "\"answered\"");
	expect_result(486, 0, "\"busy\"");
	expect_result(600, 0, "\"busy\"");
	expect_result(487, 0, "\"cancelled\"");
	expect_result(408, 0, "\"failed\"");
	expect_result(503, 0, "\"failed\"");
}

Test(cdr_line, a_call_that_was_refused_at_once_has_nulls_where_nothing_happened)
{
	struct cdr_record *cdr = record_new(RECORD_CDR, sizeof(*cdr), 256);
	static const char *const nothing[] = {
		"b_call_id",	  "called_out",	  "dst_peer", "trunk",
		"first_18x_time", "answer_time",  "pdd_ms",   "setup_ms",
		"codec_a",	  "rx_packets_a", "mos_a_rx", "one_way",
		"dtmf_mode",	  "q850_cause"};
	json_t *json;

	cdr->call = call_make(1, 1);
	cdr->code = 404;
	cdr->released_by = 'm';
	cdr->started_wall_us = SAMPLE_WALL_US;
	json = json_of(cdr);
	for (unsigned i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		expect(json, nothing[i], "null");
	expect(json, "attempts", "[]");
	expect(json, "released_by", "\"local\"");
	expect(json, "media_bypass", "false");
	json_decref(json);
	free(cdr);
}

Test(cdr_line, an_interim_record_cannot_be_taken_for_an_end)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	json_t *json;

	cdr->kind = CDR_INTERIM;
	cdr->interim = 4;
	cdr->ended_wall_us = 0;
	cdr->released_by = 0;
	json = json_of(cdr);
	expect(json, "record", "\"interim\"");
	expect(json, "interim", "4");
	expect(json, "result", "null");
	expect(json, "end_time", "null");
	expect(json, "released_by", "null");
	json_decref(json);
	free(cdr);
}

Test(cdr_line, audio_of_one_side_only_is_told)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	json_t *json;

	cdr->leg[LEG_B].packets_in = 0;
	json = json_of(cdr);
	expect(json, "one_way", "true");
	expect(json, "mos_b_rx", "null");
	json_decref(json);
	free(cdr);
}

static const struct {
	const char *reason, *cause;
} reasons[] = {
	{"Q.850;cause=17", "17"},
	{"q.850 ; text=\"x\" ; Cause = 31", "31"},
	{"SIP;cause=486, Q.850;cause=18", "18"},
	{"SIP;cause=486", "null"},
	{"Q.850;cause=999", "null"},
	{"Q.850;cause=", "null"},
	{"Q.850", "null"},
	{";;,,=", "null"},
};

Test(cdr_line, a_cause_is_found_among_reasons)
{
	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct cdr_record *cdr = sample_cdr(3, 2);
		json_t *json;

		SAMPLE_TEXT(cdr, reason, reasons[i].reason);
		json = json_of(cdr);
		expect(json, "q850_cause", reasons[i].cause);
		json_decref(json);
		free(cdr);
	}
}

/* Columns of a line of CSV, quotes honoured; -1: a quote is open at the end. */
static int n_columns(struct slice line)
{
	bool is_quoted = false;
	int n = 1;

	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '"')
			is_quoted = !is_quoted;
		n += line.ptr[i] == ',' && !is_quoted;
	}
	return is_quoted ? -1 : n;
}

Test(cdr_line, a_csv_line_has_as_many_columns_as_its_header)
{
	struct cdr_record *cdr = sample_cdr(3, 2);
	char header[2048];
	struct out out = out_init(header, sizeof(header));
	struct slice line;

	cdr_write_header(&out);
	SAMPLE_TEXT(cdr, calling, "a,b\"c,\nd\"");
	line = line_of(cdr, CDR_CSV);
	cr_expect_eq(n_columns(line), n_columns(out_as_slice(&out)));
	cr_expect(memmem(line.ptr, line.len, "\"Q.850;cause=16;", 16));
	cr_expect(memmem(line.ptr, line.len,
			 "\"a,b\"\"c,"
			 "\xef\xbf\xbd"
			 "d\"\"\"",
			 15));
	cr_expect(memmem(line.ptr, line.len, ",\"gw1:503:12 gw2:200:2480\",",
			 26));
	free(cdr);
}

/* Whatever a peer writes: one line, and valid UTF-8 (json_loadb checks). */
Test(cdr_line, nothing_a_peer_sends_breaks_a_line)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct cdr_record *cdr = sample_cdr(3, 2);
		char text[100];
		void *record = cdr;

		for (unsigned i = 0; i < sizeof(text); i++)
			text[i] = (char)(rand_r(&seed) >> 7);
		record_set(&record, offsetof(struct cdr_record, reason),
			   (struct slice){text, sizeof(text)});
		cdr = record;
		json_decref(json_of(cdr));
		cr_expect_gt(n_columns(line_of(cdr, CDR_CSV)), 0);
		free(cdr);
	}
}
