/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of mspoolctl: what is taken, what is refused and what is
 * suggested then; and that the manual page says what the tables say.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tools/ctl.h"

#define ARGS_MAX 16

/* A parsed command line and what was printed meanwhile. */
struct parsed {
	struct ctl ctl;
	char *argv[ARGS_MAX];
	bool is_to_run;
	int code;
	char *out, *err;
	size_t out_len, err_len;
};

static void parse(struct parsed *parsed, const char *line)
{
	struct slice rest = slice_of(line);
	int argc = 1;

	*parsed = (struct parsed){0};
	parsed->argv[0] = strdup("mspoolctl");
	while (rest.len && argc < ARGS_MAX - 1)
		parsed->argv[argc++] = slice_dup(slice_cut(&rest, ' '));
	parsed->ctl.out = open_memstream(&parsed->out, &parsed->out_len);
	parsed->ctl.err = open_memstream(&parsed->err, &parsed->err_len);
	parsed->is_to_run =
		ctl_parse(&parsed->ctl, argc, parsed->argv, &parsed->code);
	fclose(parsed->ctl.out);
	fclose(parsed->ctl.err);
}

static void done(struct parsed *parsed)
{
	for (unsigned i = 0; i < ARGS_MAX; i++)
		free(parsed->argv[i]);
	free(parsed->out);
	free(parsed->err);
}

static void expect_refusal(const char *line, const char *words)
{
	struct parsed parsed;

	parse(&parsed, line);
	cr_expect_not(parsed.is_to_run, "'%s' was taken", line);
	cr_expect_eq(parsed.code, CTL_USAGE);
	cr_expect(strstr(parsed.err, words), "'%s' gives: %s", line,
		  parsed.err);
	done(&parsed);
}

Test(ctl_verb, a_verb_of_two_words_leaves_its_arguments)
{
	struct parsed parsed;

	parse(&parsed, "show call ms1-42");
	cr_assert(parsed.is_to_run);
	cr_expect_str_eq(parsed.ctl.verb->words, "show call");
	cr_expect_eq(parsed.ctl.n_args, 1);
	cr_expect_str_eq(parsed.ctl.args[0], "ms1-42");
	cr_expect_str_eq(parsed.ctl.run_dir, "/run/mspool");
	done(&parsed);
}

Test(ctl_verb, options_stand_anywhere)
{
	static const char *const lines[] = {"-r /tmp/p --json calls --all",
					    "calls -a -r /tmp/p --json",
					    "--run-dir=/tmp/p calls -ja"};

	for (unsigned i = 0; i < 3; i++) {
		struct parsed parsed;

		parse(&parsed, lines[i]);
		cr_assert(parsed.is_to_run, "%s: %s", lines[i], parsed.err);
		cr_expect_str_eq(parsed.ctl.run_dir, "/tmp/p");
		cr_expect(parsed.ctl.is_json);
		cr_expect(parsed.ctl.options[CTL_OPTION_ALL]);
		done(&parsed);
	}
}

Test(ctl_verb, a_number_with_a_plus_is_an_argument)
{
	struct parsed parsed;

	parse(&parsed, "test route +49301234 --from gw1 --caller +4989");
	cr_assert(parsed.is_to_run);
	cr_expect_str_eq(parsed.ctl.args[0], "+49301234");
	cr_expect_str_eq(parsed.ctl.options[CTL_OPTION_FROM], "gw1");
	cr_expect_str_eq(parsed.ctl.options[CTL_OPTION_CALLER], "+4989");
	done(&parsed);
}

Test(ctl_verb, a_mistyped_verb_is_answered_with_the_nearest)
{
	expect_refusal("gatewys", "did you mean 'gateways'?");
	expect_refusal("shwo call ms1-1", "did you mean 'show call'?");
	expect_refusal("call", "did you mean");
	expect_refusal("show", "did you mean 'show call'?");
	expect_refusal("route 1", "did you mean 'test route'?");
	expect_refusal("xyzzyxyzzy", "there is no verb 'xyzzyxyzzy'");
}

Test(ctl_verb, wrong_use_of_check_is_unknown_to_a_monitoring_system)
{
	static const char *const lines[] = {"check --wraning calls=1",
					    "check more", "-w",
					    "--nosuch check"};
	static const int codes[] = {3, 3, CTL_USAGE, 3};

	for (unsigned i = 0; i < 4; i++) {
		struct parsed parsed;

		parse(&parsed, lines[i]);
		cr_expect_not(parsed.is_to_run);
		cr_expect_eq(parsed.code, codes[i], "%s", lines[i]);
		done(&parsed);
	}
}

Test(ctl_verb, a_mistyped_option_is_answered_with_the_nearest)
{
	expect_refusal("status --jsno", "did you mean --json?");
	expect_refusal("status -x", "there is no such option: -x");
	expect_refusal("status -r", "-r needs a value");
}

Test(ctl_verb, a_verb_refuses_options_of_others_and_wrong_arguments)
{
	expect_refusal("status --follow", "status takes no --follow");
	expect_refusal("drain", "usage: mspoolctl drain NAME");
	expect_refusal("drain a b", "usage: mspoolctl drain NAME");
	expect_refusal("", "usage: mspoolctl [options] VERB");
}

Test(ctl_verb, help_and_version_are_printed_and_done)
{
	struct parsed parsed;

	parse(&parsed, "-h");
	cr_expect_not(parsed.is_to_run);
	cr_expect_eq(parsed.code, CTL_DONE);
	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++)
		cr_expect(strstr(parsed.out, verb->words), "%s is missing",
			  verb->words);
	done(&parsed);
	parse(&parsed, "scale -h");
	cr_expect_eq(parsed.code, CTL_DONE);
	cr_expect(strstr(parsed.out, "scale signalling|media N"));
	done(&parsed);
	parse(&parsed, "-V");
	cr_expect_eq(parsed.code, CTL_DONE);
	cr_expect_str_eq(parsed.out, "mspoolctl " PACKAGE_VERSION "\n");
	done(&parsed);
}

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 65536);

	cr_assert(file, "%s cannot be read", path);
	cr_assert_lt(fread(text, 1, 65535, file), 65535);
	fclose(file);
	return text;
}

Test(ctl_verb, the_manual_page_holds_what_the_tables_print)
{
	const char *dir = getenv("srcdir") ? getenv("srcdir") : ".";
	char path[4096], *page, *printed;
	size_t len;
	FILE *memory = open_memstream(&printed, &len);

	snprintf(path, sizeof(path), "%s/doc/man/mspoolctl.1", dir);
	page = read_all(path);
	ctl_print_manual(memory);
	fclose(memory);
	cr_expect(strstr(page, printed),
		  "the page differs: `make update-man` prints it anew");
	free(page);
	free(printed);
}
