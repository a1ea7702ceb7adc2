/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoold, the master of a pool: parses pool.ini, binds every socket, forks
 * and execs the workers, watches and controls them.  It speaks no SIP and
 * touches no media; nothing that comes from the network reaches it.
 *
 *   mspoold.c     the command line (this file)
 *   start.c       the order of the start           stop.c      of the end
 *   master.c      the loop, signals
 *   supervise.c   a slot's life: the [state][event] table
 *   slots.c       carries it out: spawn, watch, kill, bury
 *   owners.c      who serves which book; heirs; prober; steering page
 *   survivors.c   children of a master that was killed
 *   scale.c       how many workers                 reload.c    pool.ini again
 *   sockets.c     listeners    holds.c   connections and RTP sockets held
 *   inbox.c       what children say
 *   control.c     the control socket               verbs.c     its verbs
 *   simulators.c  simulated gateways
 *   upgrade.c     every program replaced            handed.c    descriptors
 *   fdstore.c     systemd keeps some                           by name
 *   helpers.c     mspool-observer and the like
 *   spawn.c, memfd.c, rings.c, notify.c, background.c   tools of these
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/confine.h"
#include "master/background.h"
#include "master/master.h"
#include "master/run.h"
#include "master/start.h"
#include "route/route.h"

#define EXIT_USAGE 2

enum task {
	TASK_RUN,
	TASK_CHECK,
	TASK_VERSION,
	TASK_HELP
};

/* One row an option: parser and help come from it. */
static const struct option_row {
	char letter;
	const char *word, *argument, *help;
	enum task task;
} rows[] = {
	{'c', "config", "FILE", "configuration (" PKGSYSCONFDIR "/pool.ini)",
	 TASK_RUN},
	{'f', "foreground", NULL, "stay in the foreground, log to stderr",
	 TASK_RUN},
	{'t', "test", NULL,
	 "check the configuration and exit: 0 good, 78 with every mistake",
	 TASK_CHECK},
	{'V', "version", NULL, "version and build options", TASK_VERSION},
	{'h', "help", NULL, "this help", TASK_HELP},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct command_line {
	struct start_order order;
	enum task task;
};

static void print_help(FILE *to)
{
	fputs("usage: mspoold [-c FILE] [-f | -t | -V | -h]\n", to);
	for (unsigned i = 0; i < N_ROWS; i++)
		fprintf(to, "  -%c, --%s%s%-*s %s\n", rows[i].letter,
			rows[i].word, rows[i].argument ? " FILE" : "",
			(int)(14 - strlen(rows[i].word) -
			      (rows[i].argument ? 5 : 0)),
			"", rows[i].help);
}

static void make_getopt(char *letters, struct option *words)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		*letters++ = rows[i].letter;
		if (rows[i].argument)
			*letters++ = ':';
		words[i] = (struct option){rows[i].word,
					   rows[i].argument ? required_argument
							    : no_argument,
					   NULL, rows[i].letter};
	}
	*letters = '\0';
	words[N_ROWS] = (struct option){0};
}

static void take_option(struct command_line *line, int letter)
{
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (rows[i].letter == letter && rows[i].task != TASK_RUN)
			line->task = rows[i].task;
	}
	if (letter == 'c')
		line->order.config_path = optarg;
	if (letter == 'f')
		line->order.is_background = false;
}

static int parse(struct command_line *line, int argc, char **argv)
{
	char letters[2 * N_ROWS + 1];
	struct option words[N_ROWS + 1];
	int letter;

	make_getopt(letters, words);
	while ((letter = getopt_long(argc, argv, letters, words, NULL)) != -1) {
		if (letter == '?')
			return EXIT_USAGE;
		take_option(line, letter);
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "mspoold: what is %s?\n", argv[optind]);
	return EXIT_USAGE;
}

static int print_version(void)
{
	printf("mspoold %s\n", PACKAGE_VERSION);
	printf("children in %s\n", PKGLIBEXECDIR);
#ifdef CONFINE_FILTERS
	puts("system calls are filtered");
#endif
#ifdef CRASH_POINTS
	puts("built with crash points (a test build)");
#endif
#ifdef SANITIZED
	puts("built with sanitizers (a test build)");
#endif
	return EXIT_SUCCESS;
}

/* What nobody wrote but everybody must know to call the pool. */
static void tell_chosen(const struct config *config)
{
	static const char *const transports[] = {"udp", "tcp", "tls"};

	for (unsigned i = 0; i < config->n_listeners; i++) {
		const struct config_listener *listener = &config->listeners[i];
		char text[ADDR_TEXT_MAX];

		if (!config->is_listen_chosen[listener->side] ||
		    listener->trunk >= 0)
			continue;
		addr_text(&listener->address, text);
		printf("listening at %s %s towards %s, since there is no "
		       "[listen %s]\n",
		       transports[listener->transport], text,
		       listener->side == SIDE_INTERNAL ? "front ends"
						       : "gateways",
		       listener->side == SIDE_INTERNAL ? "internal"
						       : "gateway");
	}
}

static int check_config(const char *path)
{
	struct config_report report = {0};
	struct config *config = NULL;
	char *text = NULL;
	int rc = config_load_file(path, &config, &text, &report);

	if (report.text)
		fputs(report.text, stderr);
	if (rc < 0 && report.n_errors == 0)
		fprintf(stderr, "mspoold: cannot read %s: %s\n", path,
			strerror(-rc));
	if (rc == 0)
		tell_chosen(config);
	if (rc == 0)
		printf("%s is good: %u listeners, %u front ends, %u gateways, "
		       "%u routes\n",
		       path, config->n_listeners, config->n_frontends,
		       config->n_peers - config->n_frontends, config->n_routes);
	config_report_done(&report);
	config_free(config);
	free(text);
	return rc < 0 ? EXIT_CONFIG : EXIT_SUCCESS;
}

static int run_pool(const struct start_order *order)
{
	static struct master master; /* some 30 kB: not on the stack */
	int rc = start(&master, order);

	if (rc == 0)
		rc = run(&master);
	if (master.ready_fd >= 0)
		background_end(&master.ready_fd, rc);
	start_undo(&master);
	return rc;
}

int main(int argc, char **argv)
{
	struct command_line line = {
		.order = {.config_path = PKGSYSCONFDIR "/pool.ini",
			  .is_background = true},
	};
	int rc;

	line.order.argv = argv;
	rc = parse(&line, argc, argv);

	config_set_pattern_check(route_check_pattern);
	if (rc != 0) {
		print_help(stderr);
		return rc;
	}
	switch (line.task) {
	case TASK_CHECK:
		return check_config(line.order.config_path);
	case TASK_VERSION:
		return print_version();
	case TASK_HELP:
		print_help(stdout);
		return EXIT_SUCCESS;
	case TASK_RUN:
		break;
	}
	return run_pool(&line.order);
}
