/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of mspool-gwsim, by the rows of gwsim_options.def.
 * Trap: options point into argv, which lives as long as the process.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/gwsim.h"

enum kind {
	FLAG,
	NUMBER,
	REAL,
	TEXT,
	LISTEN,
	CALL,
	TRANSPORT,
	BUSY
};

struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *argument, *help;
};

#define GWSIM_OPTION(name, kind, member, argument, help)                       \
	{name, kind, offsetof(struct sim_options, member), argument, help},
static const struct row rows[] = {
#include "tools/gwsim_options.def"
};
#undef GWSIM_OPTION
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void print_help(FILE *file)
{
	fputs("usage: mspool-gwsim --listen TRANSPORT:ADDRESS:PORT … [option …]\n"
	      "       mspool-gwsim --call sip:NUMBER@HOST:PORT [option …]\n\n",
	      file);
	for (unsigned i = 0; i < N_ROWS; i++)
		fprintf(file, "  --%s%s%s\n        %s\n", rows[i].name,
			rows[i].argument ? " " : "",
			rows[i].argument ? rows[i].argument : "", rows[i].help);
}

static int parse_transport(struct slice text, enum sim_transport *ret)
{
	if (slice_is_nocase(text, SLICE("udp")))
		*ret = SIM_UDP;
	else if (slice_is_nocase(text, SLICE("tcp")))
		*ret = SIM_TCP;
	else
		return -EINVAL;
	return 0;
}

/* "udp:127.0.0.1:5060", "tcp:[::1]:5060" */
static int add_listen(struct sim_options *options, const char *text)
{
	struct slice rest = slice_of(text);
	struct slice transport = slice_cut(&rest, ':');
	struct sim_listen *listen = &options->listens[options->n_listens];

	if (options->n_listens == SIM_LISTENS_MAX ||
	    parse_transport(transport, &listen->transport) < 0 ||
	    addr_parse(rest, 5060, &listen->address) < 0)
		return -EINVAL;
	options->n_listens++;
	return 0;
}

static int take_number(const char *text, uint64_t *ret)
{
	return slice_to_u64(slice_of(text), UINT32_MAX, ret);
}

static int take_real(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || value > 1e6)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int take(struct sim_options *options, const struct row *row,
		const char *text)
{
	void *member = (char *)options + row->offset;

	switch (row->kind) {
	case FLAG:
		*(bool *)member = true;
		return 0;
	case BUSY:
		options->reject = 486;
		return 0;
	case NUMBER:
		return take_number(text, member);
	case REAL:
		return take_real(text, member);
	case LISTEN:
		return add_listen(options, text);
	case TRANSPORT:
		return parse_transport(slice_of(text), member);
	case TEXT:
	case CALL:
		*(const char **)member = text;
		return 0;
	}
	return -EINVAL;
}

/* What is wrong with them together, NULL nothing. */
static const char *check(const struct sim_options *options)
{
	if (!options->target && options->n_listens == 0)
		return "say --listen or --call";
	if (options->reject && (options->reject < 300 || options->reject > 699))
		return "--reject takes 300 to 699";
	if (options->loss_percent > 100)
		return "--loss takes 0 to 100";
	if (options->rate <= 0)
		return "--rate must be above 0";
	if (options->is_echo && options->tone_hz > 0)
		return "--echo and --tone exclude each other";
	if (options->tone_hz >= 4000 || options->hear_hz >= 4000)
		return "a tone is below 4000 Hz";
	return NULL;
}

static void set_defaults(struct sim_options *options)
{
	*options = (struct sim_options){
		.name = "gwsim",
		.from = "+4930555000",
		.media_ports = "10000-16382",
		.ring_ms = 200,
		.answer_ms = 1000,
		.n_calls = 1,
		.rate = 10,
		.duration_ms = 1000,
		.patience_ms = 60000,
		.max_loss_percent = 1,
	};
}

/* A caller sends a tone and wants to hear it come back. */
static void complete(struct sim_options *options)
{
	if (options->target && options->tone_hz <= 0 && !options->is_echo)
		options->tone_hz = 425;
	if (options->target && options->hear_hz <= 0)
		options->hear_hz = options->tone_hz;
}

int sim_options_read(struct sim_options *options, int argc, char **argv,
		     bool *ret_is_done)
{
	struct option longs[N_ROWS + 2] = {{"help", no_argument, NULL, 'h'}};
	const char *wrong;
	int c, index;

	for (unsigned i = 0; i < N_ROWS; i++)
		longs[i + 1] =
			(struct option){.name = rows[i].name,
					.has_arg = rows[i].argument != NULL,
					.val = 256 + (int)i};
	set_defaults(options);
	while ((c = getopt_long(argc, argv, "h", longs, &index)) != -1) {
		if (c == 'h') {
			print_help(stdout);
			*ret_is_done = true;
			return 0;
		}
		if (c == '?')
			return 2;
		if (take(options, &rows[c - 256], optarg) == 0)
			continue;
		fprintf(stderr, "mspool-gwsim: --%s does not take '%s'\n",
			rows[c - 256].name, optarg);
		return 2;
	}
	wrong = optind < argc ? "what is that?" : check(options);
	if (wrong)
		fprintf(stderr, "mspool-gwsim: %s%s%s\n",
			optind < argc ? argv[optind] : "",
			optind < argc ? ": " : "", wrong);
	complete(options);
	return wrong ? 2 : 0;
}
