/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of mspoolctl share: exit codes, the command as it was given,
 * the tables of verbs and options.  A verb is a row of ctl_verbs.def and a
 * function of type ctl_handler; it prints to ctl->out and returns an exit
 * code.
 */
#ifndef TOOLS_CTL_H
#define TOOLS_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CTL_RUN_DIR "/run/mspool"

/* CONTRACT "exit codes of mspoolctl". */
enum ctl_exit {
	CTL_DONE,
	CTL_REFUSED,
	CTL_USAGE,
	CTL_NOT_RUNNING,
	CTL_NO_OBJECT,
	CTL_TIMED_OUT,
	CTL_ANSWER_IS_NO
};

enum ctl_option {
#define CTL_OPTION(id, letter, name, value, is_global, help) CTL_OPTION_##id,
#include "tools/ctl_options.def"
#undef CTL_OPTION
	N_CTL_OPTIONS
};
#define CTL_BIT(id) (1u << CTL_OPTION_##id)

struct ctl;
typedef int ctl_handler(struct ctl *ctl);

struct ctl_verb {
	const char *words; /* "show call" */
	const char *args;  /* as in the usage line; "" none */
	unsigned min_args, max_args;
	unsigned options; /* of its own: CTL_BIT()s */
	ctl_handler *run;
	unsigned wait_s; /* for the master; 0: for ever */
	const char *help, *manual;
};

/* A command while it runs; made by ctl_parse. */
struct ctl {
	FILE *out, *err;
	const char *options[N_CTL_OPTIONS]; /* NULL not given, "" a flag */
	const struct ctl_verb *verb;
	char **args; /* after the verb's words */
	unsigned n_args;
	const char *run_dir;
	bool is_json, has_colour;
	unsigned width; /* of the terminal; 0: no limit */
};

/* "mspoolctl: ..." on ctl->err; returns code. */
int ctl_fail(const struct ctl *ctl, enum ctl_exit code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

extern const struct ctl_verb ctl_verbs[]; /* ends with words NULL */

extern const struct ctl_option_row {
	int letter;		  /* 0: none */
	const char *name, *value; /* value NULL: takes none */
	bool is_global;
	const char *help;
} ctl_option_rows[N_CTL_OPTIONS];

/* The verb whose words stand at the front of args, and how many they are;
 * NULL: none. */
const struct ctl_verb *ctl_find_verb(char **args, unsigned n,
				     unsigned *ret_words);
/* Tells that there is none, and which was probably meant; CTL_USAGE. */
int ctl_unknown_verb(const struct ctl *ctl, char **args, unsigned n);

/* Reads argv into *ctl (out and err set by the caller).  True: run
 * ctl->verb.  False: done or refused, *ret_code is the exit code. */
bool ctl_parse(struct ctl *ctl, int argc, char **argv, int *ret_code);
void ctl_print_help(FILE *file);
void ctl_print_verb_help(FILE *file, const struct ctl_verb *verb);
/* The parts of mspoolctl.1 that the tables hold, as mdoc. */
void ctl_print_manual(FILE *file);

ctl_handler ctl_status, ctl_workers, ctl_gateways, ctl_frontends, ctl_trunks,
	ctl_calls, ctl_show_call, ctl_events, ctl_drain, ctl_undrain,
	ctl_hangup, ctl_reload, ctl_scale, ctl_stop, ctl_top, ctl_test_route,
	ctl_upgrade, ctl_check, ctl_completion, ctl_config, ctl_config_explain,
	ctl_demo, ctl_doctor, ctl_help;

#endif
