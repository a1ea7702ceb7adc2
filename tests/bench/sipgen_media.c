/* SPDX-License-Identifier: Apache-2.0
 *
 * See sipgen_media.h.  Called by sipgen.c.
 * Trap: the file appears whole (rename), since rtpgen's starter waits for it.
 */
#include "tests/bench/sipgen_media.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

static struct {
	struct addr at;
	uint64_t n_calls, n_unknown;
	const char *path;
	uint16_t *relay; /* 2 * call + side; 0: not heard yet */
} media;

void sipgen_media_open(const struct addr *at, uint64_t n_calls,
		       const char *path)
{
	media.at = *at;
	media.n_calls = n_calls;
	media.n_unknown = 2 * n_calls;
	media.path = path;
	media.relay = calloc(2 * n_calls, sizeof(*media.relay));
	if (!media.relay)
		exit(3);
}

bool sipgen_media_own(unsigned side, uint64_t call, struct addr *ret_addr)
{
	if (!media.relay)
		return false;
	*ret_addr = media.at;
	addr_set_port(ret_addr,
		      (uint16_t)(addr_port(&media.at) + 4 * call + 2 * side));
	return true;
}

static void sipgen_media_write(void)
{
	char unfinished[256];
	FILE *file;

	snprintf(unfinished, sizeof(unfinished), "%s.new", media.path);
	file = fopen(unfinished, "we");
	if (!file) {
		perror(unfinished);
		exit(3);
	}
	for (uint64_t i = 0; i < media.n_calls; i++)
		fprintf(file, "%u %u\n", media.relay[2 * i],
			media.relay[2 * i + 1]);
	if (fclose(file) || rename(unfinished, media.path)) {
		perror(media.path);
		exit(3);
	}
}

/* The port of the first m= line; 0: there is none. */
static uint16_t sipgen_media_port(struct slice sdp)
{
	static const char word[] = "m=audio ";
	const char *line = memmem(sdp.ptr, sdp.len, word, sizeof(word) - 1);
	const char *end = sdp.ptr + sdp.len;
	unsigned port = 0;

	if (!line)
		return 0;
	for (line += sizeof(word) - 1; line < end; line++) {
		if (*line < '0' || *line > '9')
			break;
		port = port * 10 + (unsigned)(*line - '0');
	}
	return (uint16_t)port;
}

void sipgen_media_heard(unsigned side, uint64_t call, struct slice sdp)
{
	uint16_t port = media.relay ? sipgen_media_port(sdp) : 0;
	uint16_t *known;

	if (port == 0)
		return;
	known = &media.relay[2 * call + side];
	if (*known == 0 && --media.n_unknown == 0) {
		*known = port;
		sipgen_media_write();
	}
	*known = port;
}
