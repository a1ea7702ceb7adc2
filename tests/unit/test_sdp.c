/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/sdp.c and sip/sdp_write.c: golden files (tests/unit/sdp/README) and the
 * caps.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/sdp.h"

#define TEXT_MAX 65536

struct golden {
	const char *name; /* of the file */
	struct sdp_edit edit;
	struct text_list_view codecs;
	const char *codec_names[16];
	char codec_text[256];
	char theirs[TEXT_MAX], answer[TEXT_MAX];
	struct sdp offered, answered;
	int parse_error;
	const char *why;
	struct sdp_maps maps;
	unsigned n_checked;
};

static char made[TEXT_MAX], wanted[TEXT_MAX];
static char file_text[TEXT_MAX];

/* Sections of a file */

static struct slice line_next(struct slice *rest)
{
	return slice_cut(rest, '\n');
}

static struct slice with_crlf(struct slice text, char *buf)
{
	struct out out = out_init(buf, TEXT_MAX);

	while (text.len > 0) {
		out_slice(&out, line_next(&text));
		out_text(&out, "\r\n");
	}
	return out_as_slice(&out);
}

/* The lines up to the next section, comments left out. */
static struct slice section_body(struct slice *rest, char *buf)
{
	struct out out = out_init(buf, TEXT_MAX);

	while (rest->len > 0 && !slice_starts_nocase(*rest, SLICE("== "))) {
		struct slice line = line_next(rest);

		if (line.len > 0 && *line.ptr == ';')
			continue;
		out_slice(&out, line);
		out_char(&out, '\n');
	}
	return out_as_slice(&out);
}

static void do_codecs(struct golden *g, struct slice names)
{
	char *at = g->codec_text;

	slice_copy(names, at, sizeof(g->codec_text));
	g->codecs.items = g->codec_names;
	for (at = strtok(at, " "); at; at = strtok(NULL, " "))
		g->codec_names[g->codecs.n++] = at;
	g->edit.codecs = &g->codecs;
}

static enum sdp_flow flow_of(struct slice name)
{
	for (int i = SDP_SENDRECV; i <= SDP_INACTIVE; i++)
		if (slice_is(name, slice_of(sdp_flow_text((enum sdp_flow)i))))
			return (enum sdp_flow)i;
	cr_assert(false, "no flow: %.*s", SLICE_ARG(name));
	return SDP_SENDRECV;
}

static void do_edit(struct golden *g, struct slice words, struct slice body)
{
	(void)words;
	while (body.len > 0) {
		struct slice value = line_next(&body);
		struct slice key = slice_cut(&value, ' ');

		if (slice_is(key, SLICE("local")))
			cr_assert_eq(addr_parse(value, 0, &g->edit.local), 0);
		else if (slice_is(key, SLICE("flow")))
			g->edit.flow = flow_of(value);
		else if (slice_is(key, SLICE("codecs")))
			do_codecs(g, value);
	}
}

static bool has_word(struct slice words, const char *word)
{
	while (words.ptr)
		if (slice_is(slice_cut(&words, ' '), slice_of(word)))
			return true;
	return false;
}

static struct slice as_sent(struct slice words, struct slice body, char *buf)
{
	struct slice text = {buf, body.len};

	if (has_word(words, "lf"))
		memcpy(buf, body.ptr, body.len);
	else
		text = with_crlf(body, buf);
	if (has_word(words, "cut"))
		text.len -= has_word(words, "lf") ? 1 : 2;
	return text;
}

static void do_theirs(struct golden *g, struct slice words, struct slice body)
{
	g->parse_error = sdp_parse(as_sent(words, body, g->theirs), &g->offered,
				   &g->why);
}

static void do_refused(struct golden *g, struct slice words, struct slice body)
{
	(void)body;
	cr_expect_neq(g->parse_error, 0, "%s was accepted", g->name);
	cr_expect(slice_is(words, slice_of(g->why)), "%s: %s", g->name, g->why);
	g->n_checked++;
}

static void do_target(struct golden *g, struct slice words, struct slice body)
{
	int result, index = sdp_audio(&g->offered);

	(void)body;
	cr_assert_geq(index, 0, "%s has no audio", g->name);
	result = sdp_check_target(&g->offered.media[index], &g->edit.local);
	cr_expect_eq(result, slice_is(words, SLICE("good")) ? 0 : -EINVAL, "%s",
		     g->name);
	g->n_checked++;
}

static void expect_made(const struct golden *g, const struct out *out,
			struct slice body)
{
	struct slice text = with_crlf(body, wanted);

	cr_expect(slice_is(out_as_slice(out), text),
		  "%s\n--- made\n%.*s--- wanted\n%.*s", g->name,
		  SLICE_ARG(out_as_slice(out)), SLICE_ARG(text));
}

static void do_offer(struct golden *g, struct slice words, struct slice body)
{
	struct out out = out_init(made, sizeof(made));
	bool is_none = has_word(words, "none");

	cr_assert_eq(g->parse_error, 0, "%s: %s", g->name, g->why);
	cr_expect_eq(sdp_write_offer(&g->offered, &g->edit, &out),
		     is_none ? -ENOENT : 0, "%s", g->name);
	if (!is_none)
		expect_made(g, &out, body);
	g->n_checked++;
}

static void do_answer(struct golden *g, struct slice words, struct slice body)
{
	const char *why;

	cr_assert_eq(
		sdp_parse(as_sent(words, body, g->answer), &g->answered, &why),
		0, "%s: %s", g->name, why);
}

static void do_answered(struct golden *g, struct slice words, struct slice body)
{
	struct out out = out_init(made, sizeof(made));
	bool is_none = has_word(words, "none");

	cr_expect_eq(sdp_write_answer(&g->offered, &g->answered, &g->edit, &out,
				      &g->maps),
		     is_none ? -ENOENT : 0, "%s", g->name);
	if (!is_none)
		expect_made(g, &out, body);
	g->n_checked++;
}

static void write_maps(struct out *out, const char *name,
		       const struct payload_map *maps, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		out_printf(out, "%s %u %u\n", name, maps[i].from, maps[i].to);
}

static void do_maps(struct golden *g, struct slice words, struct slice body)
{
	struct out out = out_init(made, sizeof(made));

	(void)words;
	write_maps(&out, "to_offerer", g->maps.to_offerer,
		   g->maps.n_to_offerer);
	write_maps(&out, "to_answerer", g->maps.to_answerer,
		   g->maps.n_to_answerer);
	cr_expect(slice_is(out_as_slice(&out), body), "%s\n%.*s", g->name,
		  SLICE_ARG(out_as_slice(&out)));
	g->n_checked++;
}

static const struct {
	const char *name;
	void (*run)(struct golden *g, struct slice words, struct slice body);
} sections[] = {
	{"edit", do_edit},	   {"theirs", do_theirs},
	{"refused", do_refused},   {"target", do_target},
	{"offer", do_offer},	   {"answer", do_answer},
	{"answered", do_answered}, {"maps", do_maps},
};

static void run_section(struct golden *g, struct slice name, struct slice words,
			struct slice body)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		if (slice_is(name, slice_of(sections[i].name))) {
			sections[i].run(g, words, body);
			return;
		}
	}
	cr_assert(false, "%s: no section %.*s", g->name, SLICE_ARG(name));
}

static void run_file(const char *path)
{
	static char body_text[TEXT_MAX];
	static struct golden g;
	FILE *file = fopen(path, "rb");
	struct slice rest = {file_text, 0};

	cr_assert_not_null(file, "%s", path);
	rest.len = fread(file_text, 1, sizeof(file_text), file);
	fclose(file);
	memset(&g, 0, sizeof(g));
	g.name = path;
	g.edit.session = 1;
	g.edit.version = 2;
	cr_assert_eq(addr_parse(SLICE("192.0.2.1:20000"), 0, &g.edit.local), 0);
	section_body(&rest, body_text); /* what stands before the first */
	while (rest.len > 0) {
		struct slice head = line_next(&rest), name;

		slice_cut(&head, ' ');
		name = slice_cut(&head, ' ');
		run_section(&g, name, head, section_body(&rest, body_text));
	}
	cr_expect_gt(g.n_checked, 0, "%s checks nothing", path);
}

Test(sdp, golden_files_come_out_as_they_should)
{
	const char *source = getenv("srcdir");
	char pattern[512];
	struct out out = out_init(pattern, sizeof(pattern));
	glob_t files;

	out_printf(&out, "%s/tests/unit/sdp/*.sdp", source ? source : ".");
	cr_assert_eq(glob(out_end(&out), 0, NULL, &files), 0, "no %s", pattern);
	for (size_t i = 0; i < files.gl_pathc; i++)
		run_file(files.gl_pathv[i]);
	globfree(&files);
}

/* Caps */

/* n times "before<i>after". */
static int parse_many(const char *first, const char *before, const char *after,
		      unsigned n)
{
	static char text[TEXT_MAX * 2];
	static struct sdp sdp;
	struct out out = out_init(text, sizeof(text));
	const char *why;

	out_text(&out, "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n");
	out_text(&out, first);
	for (unsigned i = 0; i < n; i++) {
		out_text(&out, before);
		out_u64(&out, i);
		out_text(&out, after);
	}
	return sdp_parse(out_as_slice(&out), &sdp, &why);
}

Test(sdp, lines_are_capped)
{
	cr_expect_eq(parse_many("", "a=x:", "\r\n", SDP_LINES_MAX - 2), 0);
	cr_expect_eq(parse_many("", "a=x:", "\r\n", SDP_LINES_MAX - 1), -E2BIG);
	cr_expect_eq(parse_many("", "a=crypto:", " x\r\n", 65), -E2BIG);
}

Test(sdp, media_are_capped)
{
	const char *before = "m=audio ", *after = " RTP/AVP 0\r\n";

	cr_expect_eq(parse_many("", before, after, SDP_MEDIA_MAX), 0);
	cr_expect_eq(parse_many("", before, after, SDP_MEDIA_MAX + 1), -E2BIG);
}

Test(sdp, payloads_are_capped)
{
	const char *media = "m=audio 4000 RTP/AVP";

	cr_expect_eq(parse_many(media, " ", "", SDP_PAYLOADS_MAX), 0);
	cr_expect_eq(parse_many(media, " ", "", SDP_PAYLOADS_MAX + 1), -E2BIG);
}

Test(sdp, a_body_with_nul_is_refused)
{
	static struct sdp sdp;
	const char *why;

	cr_expect_eq(sdp_parse(SLICE("v=0\r\no=- 1 1 IN IP4 1.2.3.4\0\r\n"),
			       &sdp, &why),
		     -EINVAL);
	cr_expect_str_eq(why, "Control character");
	cr_expect_eq(sdp_parse(SLICE(""), &sdp, &why), -EINVAL);
	cr_expect_eq(sdp_parse(SLICE("\r\n\r\n"), &sdp, &why), -EINVAL);
}

Test(sdp, flows_are_turned_around)
{
	cr_expect_eq(sdp_flow_reversed(SDP_SENDONLY), SDP_RECVONLY);
	cr_expect_eq(sdp_flow_reversed(SDP_RECVONLY), SDP_SENDONLY);
	cr_expect_eq(sdp_flow_reversed(SDP_SENDRECV), SDP_SENDRECV);
	cr_expect_eq(sdp_flow_reversed(SDP_INACTIVE), SDP_INACTIVE);
}

Test(sdp, rtcp_is_the_next_port_unless_said)
{
	static struct sdp sdp;
	const char *why;

	cr_assert_eq(sdp_parse(SLICE("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n"
				     "c=IN IP4 1.2.3.4\r\n"
				     "m=audio 4000 RTP/AVP 0\r\n"
				     "m=audio 4000 RTP/AVP 0\r\na=rtcp:5\r\n"
				     "m=audio 4000 RTP/AVP 0\r\n"
				     "a=rtcp:6 IN IP4 4.3.2.1\r\n"
				     "m=audio 65535 RTP/AVP 0\r\n"
				     "m=audio 0 RTP/AVP 0\r\n"),
			       &sdp, &why),
		     0);
	cr_expect_eq(addr_port(&sdp.media[0].rtcp), 4001);
	cr_expect_eq(addr_port(&sdp.media[1].rtcp), 5);
	cr_expect(addr_is_same_host(&sdp.media[1].rtcp, &sdp.media[0].address));
	cr_expect_eq(addr_port(&sdp.media[2].rtcp), 6);
	cr_expect_not(
		addr_is_same_host(&sdp.media[2].rtcp, &sdp.media[0].address));
	cr_expect(addr_is_none(&sdp.media[3].rtcp));
	cr_expect(addr_is_none(&sdp.media[4].rtcp));
}
