/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated gateways as children of the master; called at start, reload and
 * stop.  They are peers, not parts of the pool: they get no channel, and they
 * end with the master.  The trap: one that is not wanted any more stays in the
 * list until its process has ended.
 */
#include "master/simulators.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PROGRAM "mspool-gwsim"

struct simulator {
	struct simulator *next;
	struct master *master;
	char *name;
	struct addr address;
	struct process process;
	struct deaths deaths;
	uint64_t started_us, due_us;
	bool is_wanted;
};

static void on_end(int fd, unsigned what, void *arg);

static int exec_simulator(struct simulator *simulator)
{
	char at[ADDR_TEXT_MAX], udp[ADDR_TEXT_MAX + 8], tcp[ADDR_TEXT_MAX + 8];
	char program[] = PROGRAM, listen[] = "--listen", name[] = "--name";
	char *argv[] = {program, listen,	  udp, listen, tcp,
			name,	 simulator->name, NULL};
	struct process_order order = {
		.program = PROGRAM,
		.argv = argv,
		.channel_fd = -1,
		.dies_with_us = true,
	};

	addr_text(&simulator->address, at);
	snprintf(udp, sizeof(udp), "udp:%s", at);
	snprintf(tcp, sizeof(tcp), "tcp:%s", at);
	return process_start(&simulator->process, &order,
			     simulator->master->loop, on_end, simulator);
}

/* A loop of deaths is no reason to give up: the port may become free. */
static void plan_restart(struct simulator *simulator, uint64_t now_us)
{
	uint64_t wait_us = DOWN_REST_US;
	enum life_event event = deaths_note(
		&simulator->deaths, simulator->started_us, now_us, &wait_us);

	simulator->due_us = now_us + wait_us;
	if (event == EVENT_LOOPED)
		tell(simulator->master, LOG_LVL_ERROR, "simulator_down",
		     "gw=%s reason=\"it keeps dying at its start\"",
		     simulator->name);
}

static void start_simulator(struct simulator *simulator)
{
	int rc;

	simulator->started_us = clock_boot_us();
	simulator->due_us = 0;
	rc = exec_simulator(simulator);
	if (rc == 0)
		return;
	tell(simulator->master, LOG_LVL_ERROR, "simulator_start_failed",
	     "gw=%s program=%s reason=\"%s\"", simulator->name, PROGRAM,
	     strerror(-rc));
	plan_restart(simulator, simulator->started_us);
}

static void drop(struct simulator *simulator)
{
	struct simulator **at = &simulator->master->simulators;

	while (*at != simulator)
		at = &(*at)->next;
	*at = simulator->next;
	free(simulator->name);
	free(simulator);
}

static void on_end(int fd, unsigned what, void *arg)
{
	struct simulator *simulator = arg;
	int status = process_status(&simulator->process);
	char how[64];

	(void)fd, (void)what;
	process_reap(&simulator->process);
	if (!simulator->is_wanted) {
		drop(simulator);
		return;
	}
	tell(simulator->master, LOG_LVL_WARNING, "simulator_died",
	     "gw=%s status=\"%s\"", simulator->name,
	     process_status_text(status, how, sizeof(how)));
	plan_restart(simulator, clock_boot_us());
}

static struct simulator *find(struct master *m, const struct config_peer *peer)
{
	for (struct simulator *s = m->simulators; s; s = s->next) {
		if (strcmp(s->name, peer->name) == 0 &&
		    addr_is_same(&s->address, &peer->address))
			return s;
	}
	return NULL;
}

static struct simulator *add(struct master *m, const struct config_peer *peer)
{
	struct simulator *simulator = calloc(1, sizeof(*simulator));

	if (!simulator)
		return NULL;
	simulator->name = strdup(peer->name);
	if (!simulator->name) {
		free(simulator);
		return NULL;
	}
	simulator->master = m;
	simulator->address = peer->address;
	simulator->next = m->simulators;
	m->simulators = simulator;
	simulator->due_us = clock_boot_us();
	return simulator;
}

/* A pidfd, named "simulator-PID-NAME". */
void simulators_hand_over(struct master *m, hand_fn *hand, void *arg)
{
	char name[HANDED_NAME_MAX];

	for (struct simulator *s = m->simulators; s; s = s->next) {
		int n = snprintf(name, sizeof(name), "simulator-%d-%s",
				 s->process.pid, s->name);

		if (s->process.pid && n < HANDED_NAME_MAX)
			hand(arg, name, s->process.pidfd);
	}
}

static void take(struct master *m, pid_t pid, const char *name, int pidfd)
{
	const struct config_peer *peer = config_peer(m->config, slice_of(name));
	struct simulator *simulator = peer ? add(m, peer) : NULL;

	if (!simulator) { /* not wanted any more */
		close(pidfd);
		kill(pid, SIGTERM);
		return;
	}
	simulator->started_us = clock_boot_us();
	if (process_take(&simulator->process, pid, pidfd, m->loop, on_end,
			 simulator) == 0)
		simulator->due_us = 0;
}

void simulators_take(struct master *m)
{
	char rest[HANDED_NAME_MAX], name[HANDED_NAME_MAX];
	int pidfd, pid;

	while ((pidfd = handed_claim_next(&m->handed, "simulator-", rest)) >=
	       0) {
		if (sscanf(rest, "%d-%95s", &pid, name) == 2)
			take(m, pid, name, pidfd);
		else
			close(pidfd);
	}
}

static void want(struct master *m, const struct config_peer *peer)
{
	struct simulator *simulator = find(m, peer);

	if (addr_is_none(&peer->address)) {
		tell(m, LOG_LVL_WARNING, "simulator_without_address",
		     "gw=%s reason=\"a simulated gateway needs an IP address\"",
		     peer->name);
		return;
	}
	if (!simulator)
		simulator = add(m, peer);
	if (simulator)
		simulator->is_wanted = true;
}

/* Those not wanted: told to end, or forgotten if they do not run. */
static void end_unwanted(struct master *m)
{
	struct simulator *next;

	for (struct simulator *s = m->simulators; s; s = next) {
		next = s->next;
		if (s->is_wanted)
			continue;
		if (s->process.pid)
			process_signal(&s->process, SIGTERM);
		else
			drop(s);
	}
}

void simulators_end(struct master *m)
{
	for (struct simulator *s = m->simulators; s; s = s->next)
		s->is_wanted = false;
	end_unwanted(m);
}

void simulators_apply(struct master *m)
{
	for (struct simulator *s = m->simulators; s; s = s->next)
		s->is_wanted = false;
	for (unsigned i = 0; i < m->config->n_peers; i++) {
		const struct config_peer *peer = &m->config->peers[i];

		if (!peer->is_frontend && peer->is_enabled &&
		    peer->kind == GATEWAY_SIMULATED)
			want(m, peer);
	}
	end_unwanted(m);
}

uint64_t simulators_expire(struct master *m, uint64_t now_us, uint64_t until_us)
{
	for (struct simulator *s = m->simulators; s; s = s->next) {
		if (s->is_wanted && s->due_us && s->due_us <= now_us)
			start_simulator(s);
		if (s->is_wanted && s->due_us && s->due_us < until_us)
			until_us = s->due_us;
	}
	return until_us;
}
