/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4475 and RFC 5118, every message: the scan and libosip2 together must
 * give the verdict of index.tsv, as a datagram and byte by byte on a stream.
 * The messages are not part of this tree: MSPOOL_TORTURE names the folder with
 * rfc4475/ and rfc5118/; without it, ../shared/reference beside the source.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/uri.h"
#include "tests/unit/sip_parts.h"

struct torture {
	char name[64];
	struct slice class; /* of index.tsv */
	struct slice wanted;
	char bytes[SIP_MESSAGE_MAX];
	size_t len;
};

/* What index.tsv leaves open at this level. */
static const struct {
	const char *name;
	const char *why;
} accepted_here[] = {
	{"baddate.dat", "we ignore Date"},
	{"regbadct.dat", "we infer the brackets"},
	{"bcast.dat", "whose response it is, the worker knows"},
};

static const char *const without_length[] = {"inv2543.dat"};

static const char *root(void)
{
	static char path[512];
	const char *said = getenv("MSPOOL_TORTURE");
	const char *source = getenv("srcdir");
	struct out out = out_init(path, sizeof(path));

	if (said)
		return said;
	out_text(&out, source ? source : ".");
	out_text(&out, "/../shared/reference");
	return out_end(&out);
}

static FILE *open_file(const char *folder, const char *name)
{
	char path[1024];
	struct out out = out_init(path, sizeof(path));

	out_printf(&out, "%s/%s/%s", root(), folder, name);
	return fopen(out_end(&out), "rb");
}

static void read_bytes(const char *folder, struct torture *t)
{
	FILE *file = open_file(folder, t->name);

	cr_assert_not_null(file, "%s is missing", t->name);
	t->len = fread(t->bytes, 1, sizeof(t->bytes), file);
	fclose(file);
}

static bool is_accepted(const struct torture *t)
{
	for (size_t i = 0; i < sizeof(accepted_here) / sizeof(*accepted_here);
	     i++)
		if (strcmp(t->name, accepted_here[i].name) == 0)
			return true;
	return slice_starts_nocase(t->class, SLICE("valid"));
}

static bool names(struct slice text, const char *word)
{
	return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* The status in the words of index.tsv; 0 where it is to be dropped. */
static int wanted_status(const struct torture *t)
{
	if (names(t->wanted, "Response"))
		return 0;
	if (names(t->wanted, "505"))
		return 505;
	return names(t->wanted, "501") ? 501 : 400;
}

static void check_verdict(const struct torture *t, struct scanned *s)
{
	const struct sip_verdict *v = &s->verdict;
	const char *why = "";

	if (!is_accepted(t)) {
		cr_expect_neq(v->status, 0, "%s was accepted", t->name);
		cr_expect_eq(v->is_answerable, wanted_status(t) != 0, "%s",
			     t->name);
		if (wanted_status(t))
			cr_expect_eq(v->status, wanted_status(t), "%s: %d %s",
				     t->name, v->status, v->reason);
		return;
	}
	cr_expect_eq(v->status, 0, "%s: %s", t->name, v->reason);
	cr_expect_eq(sip_check_grammar(s->message.head, &why), 0, "%s: %s",
		     t->name, why);
}

static void check_datagram(const struct torture *t)
{
	check_verdict(t, scan_bytes((struct slice){t->bytes, t->len}, false));
}

static enum sip_frame_state frame_slowly(const struct torture *t,
					 size_t *ret_len)
{
	enum sip_frame_state state = SIP_FRAME_MORE;

	for (size_t n = 1; n <= t->len && state == SIP_FRAME_MORE; n++)
		state = sip_frame(t->bytes, n, ret_len);
	return state;
}

static bool has_no_length(const struct torture *t)
{
	return strcmp(t->name, without_length[0]) == 0;
}

static void check_stream(const struct torture *t)
{
	size_t len = 0;
	enum sip_frame_state state = frame_slowly(t, &len);

	if (strcmp(t->name, "clerr.dat") == 0) {
		cr_expect_eq(state, SIP_FRAME_MORE, "%s", t->name);
	} else if (has_no_length(t)) {
		cr_expect_eq(state, SIP_FRAME_BAD, "%s", t->name);
	} else if (state == SIP_FRAME_BAD) {
		struct scanned *s =
			scan_bytes((struct slice){t->bytes, t->len}, true);

		cr_expect(s->verdict.is_fatal, "%s", t->name);
		check_verdict(t, s);
	} else {
		cr_expect_eq(state, SIP_FRAME_WHOLE, "%s", t->name);
		check_verdict(t,
			      scan_bytes((struct slice){t->bytes, len}, true));
	}
}

static unsigned run_folder(const char *folder, FILE *index)
{
	static struct torture t;
	unsigned n = 0;
	char line[1024];

	while (fgets(line, sizeof(line), index)) {
		struct slice rest = slice_of(line);
		struct slice name = slice_cut(&rest, '\t');

		slice_cut(&rest, '\t');
		t.class = slice_cut(&rest, '\t');
		t.wanted = slice_cut(&rest, '\t');
		if (slice_is(name, SLICE("name")))
			continue;
		slice_copy(name, t.name, sizeof(t.name));
		read_bytes(folder, &t);
		check_datagram(&t);
		check_stream(&t);
		n++;
	}
	return n;
}

static void run(const char *folder, unsigned n_wanted)
{
	FILE *index = open_file(folder, "index.tsv");

	if (!index)
		cr_skip_test("no %s under %s: set MSPOOL_TORTURE", folder,
			     root());
	cr_expect_eq(run_folder(folder, index), n_wanted);
	fclose(index);
}

Test(torture, rfc4475_gets_the_verdicts_of_its_index)
{
	run("rfc4475", 49);
}

Test(torture, rfc5118_gets_the_verdicts_of_its_index)
{
	run("rfc5118", 15);
}
