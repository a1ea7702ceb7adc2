/* SPDX-License-Identifier: Apache-2.0
 *
 * What a HANDOVER costs by itself, without the sibling's waking up: an INVITE
 * put into a ring and published, then taken, scanned once more, and released.
 * For doc/decisions/0012-steering.md; tests/bench/signalling workers measures
 * the same with everything around it.
 * Usage: bench_handover [FOLDER on tmpfs].  Prints nanoseconds of CPU time,
 * medians of five rounds.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "shm/ring.h"
#include "sip/scan.h"

#define N_ROUNDS 5
#define N_TIMES	 200000u

static char folder[4096];

static const char invite[] =
	"INVITE sip:+14255550123@192.0.2.10:5068 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 198.51.100.7:5066;branch=z9hG4bK776asdhds;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Bench\" <sip:+4989123456@198.51.100.7>;tag=1928301774\r\n"
	"To: <sip:+14255550123@192.0.2.10>\r\n"
	"Call-ID: a84b4c76e66710@198.51.100.7\r\n"
	"CSeq: 314159 INVITE\r\n"
	"Contact: <sip:bench@198.51.100.7:5066>\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 124\r\n\r\n"
	"v=0\r\no=- 3897 3897 IN IP4 198.51.100.7\r\ns=-\r\n"
	"c=IN IP4 198.51.100.7\r\nt=0 0\r\n"
	"m=audio 20000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n";

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void hand_over(struct ring *out)
{
	struct handover head = {.kind = HANDOVER_DATAGRAM,
				.len = sizeof(invite) - 1};
	struct slice parts[] = {{(const char *)&head, sizeof(head)},
				{invite, sizeof(invite) - 1}};

	must(ring_put(out, parts, 2) == 0);
	ring_publish(out);
}

static void take(struct ring *in)
{
	static struct sip_message message;
	static char copy[SIP_MESSAGE_MAX + 1];
	struct sip_verdict verdict;
	struct slice entry;
	uint64_t position;
	size_t len;

	must(ring_take(in, &entry, &position) == 0);
	len = entry.len - sizeof(struct handover);
	memcpy(copy, entry.ptr + sizeof(struct handover), len);
	sip_scan(copy, len, false, &message, &verdict);
	must(verdict.status == 0);
	ring_release(in);
}

static double one_round(struct ring *out, struct ring *in)
{
	double before = cpu_ns();

	for (unsigned i = 0; i < N_TIMES; i++) {
		hand_over(out);
		take(in);
	}
	return (cpu_ns() - before) / N_TIMES;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	double rounds[N_ROUNDS];
	struct ring *out = NULL, *in = NULL;

	snprintf(folder, sizeof(folder), "%s/mspool-bench-XXXXXX",
		 argc > 1 ? argv[1] : "/dev/shm");
	must(mkdtemp(folder));
	must(ring_create(folder, RING_HANDOVER, 1, 2, 1 << 20) == 0);
	must(ring_open(folder, RING_HANDOVER, 1, 2, &out) == 0);
	must(ring_open(folder, RING_HANDOVER, 1, 2, &in) == 0);
	for (unsigned i = 0; i < N_ROUNDS; i++)
		rounds[i] = one_round(out, in);
	qsort(rounds, N_ROUNDS, sizeof(*rounds), by_value);
	printf("a HANDOVER of %zu bytes: %.0f ns (%.0f to %.0f)\n",
	       sizeof(invite) - 1, rounds[N_ROUNDS / 2], rounds[0],
	       rounds[N_ROUNDS - 1]);
	ring_close(out);
	ring_close(in);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
