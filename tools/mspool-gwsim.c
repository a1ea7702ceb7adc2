/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-gwsim: a simulated gateway or front end.  Started by people, by the
 * demo, by tests, and by the master for a [gateway] with kind = simulated.
 * Waits for calls, or places them and ends with 0 only if every one was good.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ids.h"
#include "tools/gwsim.h"

#define TURN_MAX_US (100 * USEC_PER_MSEC)
#define EXIT_FAILED 1
#define EXIT_USAGE  2

uint64_t sim_random(struct sim *sim)
{
	sim->random ^= sim->random >> 12;
	sim->random ^= sim->random << 25;
	sim->random ^= sim->random >> 27;
	return sim->random * 2685821657736338717ull;
}

int sim_keep_watch(struct sim *sim, struct watch *watch)
{
	if (watch && sim->n_watches < SIM_WATCHES_MAX) {
		sim->watches[sim->n_watches++] = watch;
		return 0;
	}
	watch_free(watch);
	return -ENOMEM;
}

/* The first signal ends calls in order, the second the process. */
static void on_stop(int fd, unsigned what, void *arg)
{
	struct sim *sim = arg;
	struct sim_call *call, *next;

	(void)fd;
	(void)what;
	if (sim->is_stopping)
		exit(EXIT_FAILED);
	sim->is_stopping = true;
	HASH_ITER(hh, sim->calls, call, next)
	call_hang_up(call);
}

static bool is_done(const struct sim *sim)
{
	const struct sim_call *call;

	if (!sim->is_stopping && (!sim->options.target ||
				  sim->figures.n_placed < sim->options.n_calls))
		return false;
	for (call = sim->calls; call; call = call->hh.next)
		if (call->state != SIM_ENDED)
			return false;
	return true;
}

static void run(struct sim *sim)
{
	while (!is_done(sim)) {
		uint64_t now_us = clock_boot_us();
		uint64_t place_us = place_due(sim);
		uint64_t media_us = media_tick(sim, now_us);
		uint64_t wait_us =
			wheel_wait_us(sim->wheel, now_us, TURN_MAX_US);

		wait_us = place_us < wait_us ? place_us : wait_us;
		wait_us = media_us < wait_us ? media_us : wait_us;
		if (loop_turn(sim->loop, wait_us) < 0)
			return;
		calls_expire(sim);
		wire_sweep(sim);
	}
}

static int read_ports(struct sim *sim)
{
	struct slice rest = slice_of(sim->options.media_ports);
	struct slice first = slice_cut(&rest, '-');
	uint64_t min, max;

	if (slice_to_u64(first, UINT16_MAX, &min) < 0 ||
	    slice_to_u64(rest, UINT16_MAX, &max) < 0 || min < 1024 ||
	    max <= min)
		return -EINVAL;
	sim->port_min = (uint16_t)(min + min % 2);
	sim->port_max = (uint16_t)max;
	sim->next_port = (uint16_t)(sim->port_min +
				    sim_random(sim) % (max - min) / 2 * 2);
	return 0;
}

static int complain(const char *what, int error)
{
	fprintf(stderr, "mspool-gwsim: %s: %s\n", what, strerror(-error));
	return EXIT_USAGE;
}

static int start(struct sim *sim)
{
	int result;

	random_bytes(&sim->random, sizeof(sim->random));
	sim->random |= 1;
	sim->loop = loop_new();
	sim->wheel = wheel_new(clock_boot_us());
	if (!sim->loop || !sim->wheel)
		return complain("start", -ENOMEM);
	sim_keep_watch(sim,
		       loop_watch_signal(sim->loop, SIGTERM, on_stop, sim));
	sim_keep_watch(sim, loop_watch_signal(sim->loop, SIGINT, on_stop, sim));
	result = read_ports(sim);
	if (result < 0)
		return complain("--media-ports", result);
	result = wire_open(sim);
	if (result < 0)
		return complain("--listen", result);
	result = sim->options.target ? place_prepare(sim) : 0;
	if (result < 0)
		return complain("--call", result);
	return 0;
}

static void stop(struct sim *sim)
{
	struct sim_call *call, *next;

	HASH_ITER(hh, sim->calls, call, next)
	call_free(call);
	for (unsigned i = 0; i < sim->n_watches; i++)
		watch_free(sim->watches[i]);
	wire_close(sim);
	free(sim->figures.ring_us);
	free(sim->figures.answer_us);
	wheel_free(sim->wheel);
	loop_free(sim->loop);
}

int main(int argc, char **argv)
{
	static struct sim sim;
	bool is_answered = false;
	int code = sim_options_read(&sim.options, argc, argv, &is_answered);

	if (code || is_answered)
		return code;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	code = start(&sim);
	if (code)
		return code;
	run(&sim);
	report_summary(&sim);
	code = report_is_good(&sim) ? 0 : EXIT_FAILED;
	stop(&sim);
	return code;
}
