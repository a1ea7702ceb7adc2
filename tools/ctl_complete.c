/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl completion`: the scripts by which bash and zsh complete a command
 * line of ours.  They ask `mspoolctl completion words`, which tells what may
 * stand next from the tables of verbs and options, and names of the pool that
 * runs; so the scripts cannot go stale.
 * Trap: a shell waits for the answer, so whatever is wrong is an empty one.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/options.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

#define CALLS_MAX 200	   /* ids; nobody reads more */
#define FILES	  "@files" /* the shell knows them better */

static const char bash_script[] =
	"# bash completion of mspoolctl, by `mspoolctl completion bash`\n"
	"_mspoolctl()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} words\n"
	"\twords=$(\"${COMP_WORDS[0]}\" completion words -- \\\n"
	"\t\t\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"\tif [ \"$words\" = " FILES " ]; then\n"
	"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	"\telse\n"
	"\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	"\tfi\n"
	"}\n"
	"complete -F _mspoolctl mspoolctl\n";

static const char zsh_script[] =
	"#compdef mspoolctl\n"
	"# zsh completion of mspoolctl, by `mspoolctl completion zsh`\n"
	"_mspoolctl()\n"
	"{\n"
	"\tlocal -a found\n"
	"\tfound=(${(f)\"$(${words[1]} completion words -- \\\n"
	"\t\t\"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
	"\tif [[ \"$found\" == " FILES " ]]; then\n"
	"\t\t_files\n"
	"\telse\n"
	"\t\tcompadd -a found\n"
	"\tfi\n"
	"}\n"
	"if [[ \"${funcstack[1]}\" == _mspoolctl ]]; then\n"
	"\t_mspoolctl \"$@\"\n"
	"else\n"
	"\tcompdef _mspoolctl mspoolctl\n"
	"fi\n";

/* A command line as far as it is typed. */
struct typed {
	const struct ctl *ctl;
	char **words; /* without options and their values */
	unsigned n_words;
	const char *run_dir;
	const char *current;		      /* the word under the cursor */
	const struct ctl_option_row *waiting; /* its value is typed now */
	json_t *found;
};

static void offer(struct typed *typed, const char *word)
{
	json_array_append_new(typed->found, json_string(word));
}

/* ---- what is typed ------------------------------------------------------- */

static const struct ctl_option_row *option_of(const char *word)
{
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];

		if (word[1] == '-' ? strcmp(word + 2, row->name) == 0
				   : word[1] == row->letter && !word[2])
			return row;
	}
	return NULL;
}

static void read_typed(struct typed *typed, char **args, unsigned n)
{
	static const char run_dir[] = "--run-dir=";

	typed->current = n ? args[n - 1] : "";
	for (unsigned i = 0; i + 1 < n; i++) {
		const struct ctl_option_row *row;

		if (args[i][0] != '-') {
			typed->words[typed->n_words++] = args[i];
			continue;
		}
		if (strncmp(args[i], run_dir, strlen(run_dir)) == 0)
			typed->run_dir = args[i] + strlen(run_dir);
		row = option_of(args[i]);
		if (!row || !row->value)
			continue;
		i++; /* its value */
		if (i + 1 >= n)
			typed->waiting = row;
		else if (row == &ctl_option_rows[CTL_OPTION_RUN_DIR])
			typed->run_dir = args[i];
	}
}

/* ---- names of the pool --------------------------------------------------- */

/* NULL: there is none to be read. */
static struct ctl_view *open_pool(const struct typed *typed)
{
	struct ctl quiet = *typed->ctl;
	struct ctl_view *view = NULL;

	quiet.run_dir = typed->run_dir;
	quiet.err = fopen("/dev/null", "we");
	if (!quiet.err)
		return NULL;
	if (ctl_view_open(&quiet, &view) == CTL_DONE &&
	    ctl_view_load_calls(view) != CTL_DONE)
		view = ctl_view_free(view);
	fclose(quiet.err);
	if (view)
		view->ctl = typed->ctl;
	return view;
}

static void offer_names(struct typed *typed, bool with_servers)
{
	struct ctl_view *view = open_pool(typed);
	char name[SLOT_NAME_MAX];

	for (unsigned i = 0; view && with_servers && i < view->n_slots; i++)
		if (ctl_slot_state(view, &view->slots[i]))
			offer(typed, slot_name(view->slots[i].slot, name));
	for (unsigned i = 0; view && i < view->config->n_peers; i++)
		offer(typed, view->config->peers[i].name);
	ctl_view_free(view);
}

static void offer_calls(struct typed *typed)
{
	struct ctl_view *view = open_pool(typed);
	char text[CALL_ID_TEXT_MAX];
	unsigned n = 0;

	for (unsigned i = 0; view && i < view->n_calls && n < CALLS_MAX; i++)
		if (ctl_call_is_active(view->calls[i])) {
			offer(typed, call_id_text(view->calls[i]->id, text));
			n++;
		}
	ctl_view_free(view);
}

static void offer_keys(struct typed *typed)
{
	for (unsigned id = 0; id < N_OPTION_SECTIONS; id++) {
		unsigned n;
		const struct option *options =
			options_of((enum option_section)id, &n);
		char key[96];

		for (unsigned i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "%s.%s",
				 option_sections[id].kind, options[i].key);
			offer(typed, key);
		}
	}
}

/* ---- what may stand next ------------------------------------------------- */

/* The next word of verbs that begin with the words typed, each once. */
static void offer_verbs(struct typed *typed, char **words, unsigned n)
{
	const char *last = "";
	static char next[32];

	for (const struct ctl_verb *verb = ctl_verbs; verb->words; verb++) {
		struct slice rest = slice_of(verb->words);
		struct slice word = slice_cut(&rest, ' ');
		unsigned i = 0;

		for (; i < n && word.len && slice_is(word, slice_of(words[i]));
		     i++)
			word = slice_cut(&rest, ' ');
		if (i < n || !word.len)
			continue;
		last = next;
		if (slice_is(word, slice_of(last)))
			continue;
		slice_copy(word, next, sizeof(next));
		offer(typed, next);
	}
}

/* "signalling|media", "now": to be typed as they are. */
static void offer_words(struct typed *typed, struct slice words)
{
	while (words.len) {
		char word[32];

		slice_copy(slice_cut(&words, '|'), word, sizeof(word));
		offer(typed, word);
	}
}

/* A word of the usage line: "NAME", "[NUMBER]", "signalling|media". */
static void offer_argument(struct typed *typed, struct slice argument)
{
	if (argument.len > 2 && argument.ptr[0] == '[') {
		argument.ptr++;
		argument.len -= 2;
	}
	if (slice_is(argument, SLICE("NAME")))
		offer_names(typed, true);
	else if (slice_is(argument, SLICE("ID")))
		offer_calls(typed);
	else if (slice_is(argument, SLICE("KEY")))
		offer_keys(typed);
	else if (slice_is(argument, SLICE("VERB")))
		offer_verbs(typed, NULL, 0);
	else if (argument.len && islower((unsigned char)argument.ptr[0]))
		offer_words(typed, argument);
}

static void offer_options(struct typed *typed, const struct ctl_verb *verb)
{
	for (unsigned i = 0; i < N_CTL_OPTIONS; i++) {
		const struct ctl_option_row *row = &ctl_option_rows[i];
		char word[32];

		if (!row->is_global && !(verb && verb->options & 1u << i))
			continue;
		snprintf(word, sizeof(word), "--%s", row->name);
		offer(typed, word);
	}
}

static void offer_value(struct typed *typed, const struct ctl_option_row *row)
{
	if (strcmp(row->value, "NAME") == 0)
		offer_names(typed, false);
	else if (strcmp(row->value, "FILE") == 0 ||
		 strcmp(row->value, "F") == 0 || strcmp(row->value, "DIR") == 0)
		offer(typed, FILES);
}

static void complete(struct typed *typed)
{
	unsigned n_verb = 0;
	const struct ctl_verb *verb =
		ctl_find_verb(typed->words, typed->n_words, &n_verb);
	struct slice rest, argument = SLICE_NONE;

	if (typed->waiting) {
		offer_value(typed, typed->waiting);
		return;
	}
	if (typed->current[0] == '-') {
		offer_options(typed, verb);
		return;
	}
	offer_verbs(typed, typed->words, typed->n_words);
	if (!verb)
		return;
	rest = slice_of(verb->args);
	for (unsigned i = n_verb; i <= typed->n_words; i++)
		argument = slice_cut(&rest, ' ');
	offer_argument(typed, argument);
}

/* ---- the verb ------------------------------------------------------------ */

static int print_words(const struct ctl *ctl, json_t *found)
{
	const json_t *word;
	size_t i;

	if (ctl->is_json)
		return ctl_json_print(ctl, found);
	json_array_foreach(found, i, word)
		fprintf(ctl->out, "%s\n", json_string_value(word));
	json_decref(found);
	return CTL_DONE;
}

static int complete_words(const struct ctl *ctl)
{
	struct typed typed = {
		.ctl = ctl,
		.run_dir = ctl->run_dir,
		.words = calloc(ctl->n_args, sizeof(*typed.words)),
		.found = json_array(),
	};

	if (typed.words && typed.found) {
		read_typed(&typed, ctl->args + 1, ctl->n_args - 1);
		complete(&typed);
	}
	free(typed.words);
	return print_words(ctl, typed.found);
}

int ctl_completion(struct ctl *ctl)
{
	const char *shell = ctl->args[0];
	const char *script = strcmp(shell, "bash") == 0	 ? bash_script
			     : strcmp(shell, "zsh") == 0 ? zsh_script
							 : NULL;

	if (strcmp(shell, "words") == 0)
		return complete_words(ctl);
	if (!script || ctl->n_args > 1)
		return ctl_fail(ctl, CTL_USAGE,
				"usage: mspoolctl completion bash|zsh");
	if (ctl->is_json)
		return ctl_json_print(ctl, json_pack("{s:s, s:s}", "shell",
						     shell, "script", script));
	fputs(script, ctl->out);
	return CTL_DONE;
}
