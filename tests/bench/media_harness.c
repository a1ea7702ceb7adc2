/* SPDX-License-Identifier: Apache-2.0
 *
 * media_harness: a real mspool-media with N calls, without signalling, for the
 * media bench.  Prints the media worker's pid on the first line and the ports
 * "A B" of each call into FILE, then waits for end of file on stdin.
 *
 *   media_harness [-n calls] [-p base port] [-a host] [-r host] [-e engine]
 *                 [-x program] FILE
 *
 * Party addresses are rtpgen's: call i's caller at BASE + 4i, its callee at
 * BASE + 4i + 2 of host -a; the relay is at host -r (127.0.0.1 both).
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/media_rig.h"

struct harness {
	struct media_rig rig;
	unsigned n_calls, base_port;
	const char *host, *path;
};

static struct addr harness_party(const struct harness *harness, unsigned i)
{
	struct addr party = {0};

	addr_parse_host(slice_of(harness->host),
			(uint16_t)(harness->base_port + 2 * i), &party);
	return party;
}

static void harness_add_calls(struct harness *harness)
{
	FILE *ports = fopen(harness->path, "w");
	uint64_t call = 0;

	if (!ports) {
		perror(harness->path);
		exit(1);
	}
	for (unsigned i = 0; i < harness->n_calls; i++) {
		struct addr a = harness_party(harness, 2 * i);
		struct addr b = harness_party(harness, 2 * i + 1);
		struct media_wish wish = rig_wish(&harness->rig, &a, &b);

		call = rig_put(&harness->rig, 0, &wish);
		fprintf(ports, "%u %u\n", addr_port(&wish.side[LEG_A].local),
			addr_port(&wish.side[LEG_B].local));
	}
	fclose(ports);
	if (!rig_is_applied(&harness->rig, call, 1)) {
		fprintf(stderr, "media_harness: the last call has no stream\n");
		exit(1);
	}
}

static void harness_serve(struct harness *harness)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	while (poll(&input, 1, 0) == 0) {
		rig_pump(&harness->rig, 0);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	static struct harness harness = {
		.n_calls = 100, .base_port = 40000, .host = "127.0.0.1"};
	struct media_rig_settings settings = {.port_min = 16384,
					      .port_max = 32767};
	int letter;

	while ((letter = getopt(argc, argv, "n:p:a:r:e:x:")) != -1) {
		if (letter == 'n')
			harness.n_calls = (unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 'p')
			harness.base_port = (unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 'a')
			harness.host = optarg;
		else if (letter == 'r')
			settings.host[0] = settings.host[1] = optarg;
		else if (letter == 'e')
			settings.engine = optarg;
		else if (letter == 'x')
			settings.program = optarg;
	}
	if (optind + 1 != argc) {
		fprintf(stderr,
			"usage: media_harness [-n calls] [-p base port] "
			"[-a host] [-r host] [-e engine] [-x program] FILE\n");
		return 2;
	}
	harness.path = argv[optind];
	rig_start(&harness.rig, &settings);
	harness_add_calls(&harness);
	printf("%d\n", (int)harness.rig.pid);
	fflush(stdout);
	harness_serve(&harness);
	rig_stop(&harness.rig);
	return 0;
}
