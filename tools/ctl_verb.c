/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of mspoolctl: options and verb are looked up in the tables
 * of ctl_options.def and ctl_verbs.def, from which suggestions for what was
 * mistyped come, too.
 * Trap: options may stand before, between and behind the words of a verb, so
 * which of them a verb takes can only be checked at the end.
 */
#include "tools/ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tools/nagios.h"

const struct ctl_verb ctl_verbs[] = {
#define CTL_VERB(words, args, fewest, most, options, handler, wait_s, help,    \
		 manual)                                                       \
	{words, args, fewest, most, options, handler, wait_s, help, manual},
#include "tools/ctl_verbs.def"
#undef CTL_VERB
	{0}};

const struct ctl_option_row ctl_option_rows[N_CTL_OPTIONS] = {
#define CTL_OPTION(id, letter, name, value, is_global, help)                   \
	{letter, name, value, is_global, help},
#include "tools/ctl_options.def"
#undef CTL_OPTION
};

#define N_VERBS	  (sizeof(ctl_verbs) / sizeof(ctl_verbs[0]) - 1)
#define WORDS_MAX 64 /* a verb's words with NUL */

int ctl_fail(const struct ctl *ctl, enum ctl_exit code, const char *format, ...)
{
	va_list args;

	fputs("mspoolctl: ", ctl->err);
	va_start(args, format);
	vfprintf(ctl->err, format, args);
	va_end(args);
	fputc('\n', ctl->err);
	return (int)code;
}

/* ---- verbs --------------------------------------------------------------- */

/* How many words of the verb stand at the front of args; 0: not this one. */
static unsigned match_verb(const struct ctl_verb *verb, char **args, unsigned n)
{
	struct slice rest = slice_of(verb->words);
	unsigned n_words = 0;

	while (rest.len) {
		struct slice word = slice_cut(&rest, ' ');

		if (n_words >= n || !slice_is(word, slice_of(args[n_words])))
			return 0;
		n_words++;
	}
	return n_words;
}

const struct ctl_verb *ctl_find_verb(char **args, unsigned n,
				     unsigned *ret_words)
{
	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++) {
		unsigned n_words = match_verb(verb, args, n);

		if (n_words) {
			*ret_words = n_words;
			return verb;
		}
	}
	return NULL;
}

/* A verb of two words of which only one was given: "show", "route". */
static const char *verb_with_word(const char *word)
{
	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++) {
		struct slice second = slice_of(verb->words);
		struct slice first = slice_cut(&second, ' ');

		if (second.ptr && (slice_is(first, slice_of(word)) ||
				   slice_is(second, slice_of(word))))
			return verb->words;
	}
	return NULL;
}

/* The verb that was probably meant, or NULL: by its two first words, else by
 * the first. */
static const char *nearest_verb(char **args, unsigned n)
{
	const char *names[N_VERBS + 1] = {0};
	const char *found = NULL;
	char two[WORDS_MAX];

	for (unsigned i = 0; i < N_VERBS; i++)
		names[i] = ctl_verbs[i].words;
	if (n > 1) {
		snprintf(two, sizeof(two), "%s %s", args[0], args[1]);
		found = str_nearest(two, names);
	}
	if (!found)
		found = verb_with_word(args[0]);
	return found ? found : str_nearest(args[0], names);
}

int ctl_unknown_verb(const struct ctl *ctl, char **args, unsigned n)
{
	const char *meant = nearest_verb(args, n);

	if (meant)
		return ctl_fail(ctl, CTL_USAGE,
				"there is no verb '%s': did you mean '%s'?",
				args[0], meant);
	return ctl_fail(ctl, CTL_USAGE,
			"there is no verb '%s' (mspoolctl -h lists them)",
			args[0]);
}

/* ---- options ------------------------------------------------------------- */

#define LONG_ONLY 256 /* val of an option without a letter: this + row */

static void fill_getopt(char *letters, struct option *names)
{
	*letters++ = ':';
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];

		names[i] = (struct option){
			.name = row->name,
			.has_arg = row->value ? required_argument : no_argument,
			.val = LONG_ONLY + (int)i,
		};
		if (!row->letter)
			continue;
		*letters++ = (char)row->letter;
		if (row->value)
			*letters++ = ':';
	}
	*letters = 0;
	names[N_CTL_OPTIONS] = (struct option){0};
}

static int option_index(int val)
{
	if (val >= LONG_ONLY)
		return val - LONG_ONLY;
	for (int i = 0; i < N_CTL_OPTIONS; i++)
		if (ctl_option_rows[i].letter == val)
			return i;
	return -1;
}

static int bad_option(const struct ctl *ctl, int what, const char *given)
{
	const char *names[N_CTL_OPTIONS + 1] = {0};
	const char *meant = NULL;

	if (what == ':')
		return ctl_fail(ctl, CTL_USAGE, "%s needs a value", given);
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		names[i] = ctl_option_rows[i].name;
	if (strncmp(given, "--", 2) == 0)
		meant = str_nearest(given + 2, names);
	if (meant)
		return ctl_fail(ctl, CTL_USAGE,
				"there is no option %s: did you mean --%s?",
				given, meant);
	return ctl_fail(ctl, CTL_USAGE, "there is no such option: %s", given);
}

static int read_options(struct ctl *ctl, int argc, char **argv)
{
	char letters[2 * N_CTL_OPTIONS + 2];
	struct option names[N_CTL_OPTIONS + 1];
	int what;

	fill_getopt(letters, names);
	opterr = 0;
	optind = 0; /* glibc: start anew, also after another command's */
	while ((what = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		char short_text[3] = {'-', (char)optopt, 0};
		int i = option_index(what);

		if (what == '?' || what == ':' || i < 0)
			return bad_option(ctl, what,
					  optopt > 0 && optopt < LONG_ONLY
						  ? short_text
						  : argv[optind - 1]);
		ctl->options[i] = optarg ? optarg : "";
	}
	return CTL_DONE;
}

static int check_use(const struct ctl *ctl)
{
	const struct ctl_verb *verb = ctl->verb;

	for (unsigned i = 0; i < N_CTL_OPTIONS; i++)
		if (ctl->options[i] && !ctl_option_rows[i].is_global &&
		    !(verb->options & 1u << i))
			return ctl_fail(ctl, CTL_USAGE, "%s takes no --%s",
					verb->words, ctl_option_rows[i].name);
	if (ctl->n_args < verb->min_args || ctl->n_args > verb->max_args)
		return ctl_fail(ctl, CTL_USAGE, "usage: mspoolctl %s%s%s",
				verb->words, *verb->args ? " " : "",
				verb->args);
	return CTL_DONE;
}

static void take_globals(struct ctl *ctl)
{
	const char *run_dir = ctl->options[CTL_OPTION_RUN_DIR];

	ctl->run_dir = run_dir ? run_dir : CTL_RUN_DIR;
	ctl->is_json = ctl->options[CTL_OPTION_JSON] != NULL;
}

static int take_verb(struct ctl *ctl, char **args, unsigned n)
{
	unsigned n_words;

	if (n == 0) {
		ctl_print_help(ctl->err);
		return CTL_USAGE;
	}
	ctl->verb = ctl_find_verb(args, n, &n_words);
	if (!ctl->verb)
		return ctl_unknown_verb(ctl, args, n);
	ctl->args = args + n_words;
	ctl->n_args = n - n_words;
	return CTL_DONE;
}

/* To a monitoring system 2 is CRITICAL; what it calls wrongly is UNKNOWN. */
static int usage_code(const struct ctl *ctl, int argc, char **argv)
{
	int first = 1;

	while (first < argc && argv[first][0] == '-')
		first++;
	if (ctl->verb ? ctl->verb->run == ctl_check
		      : first < argc && strcmp(argv[first], "check") == 0)
		return NAGIOS_UNKNOWN;
	return CTL_USAGE;
}

static bool parse(struct ctl *ctl, int argc, char **argv, int *ret_code)
{
	*ret_code = read_options(ctl, argc, argv);
	if (*ret_code)
		return false;
	take_globals(ctl);
	if (ctl->options[CTL_OPTION_VERSION]) {
		fprintf(ctl->out, "mspoolctl %s\n", PACKAGE_VERSION);
		return false;
	}
	if (ctl->options[CTL_OPTION_HELP] && optind == argc) {
		ctl_print_help(ctl->out);
		return false;
	}
	*ret_code = take_verb(ctl, argv + optind, (unsigned)(argc - optind));
	if (*ret_code)
		return false;
	if (ctl->options[CTL_OPTION_HELP]) {
		ctl_print_verb_help(ctl->out, ctl->verb);
		return false;
	}
	*ret_code = check_use(ctl);
	return *ret_code == CTL_DONE;
}

bool ctl_parse(struct ctl *ctl, int argc, char **argv, int *ret_code)
{
	bool is_to_run = parse(ctl, argc, argv, ret_code);

	if (!is_to_run && *ret_code == CTL_USAGE)
		*ret_code = usage_code(ctl, argc, argv);
	return is_to_run;
}
