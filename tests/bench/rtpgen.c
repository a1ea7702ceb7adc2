/* SPDX-License-Identifier: Apache-2.0
 *
 * rtpgen: an RTP generator for the media bench.  Places N calls' audio both
 * ways (172-byte packets, 50 a second per direction) through a relay, and
 * measures loss, duplicates, delay and gaps.  One thread, paced in ticks of
 * 1 ms by an absolute clock; arrival times are the kernel's (SO_TIMESTAMPNS),
 * so that the generator's own tick does not show in the delay.
 *
 *   rtpgen -n 800 -t 5 direct             from party to party, no relay
 *   rtpgen -n 800 -t 5 ng 127.0.0.1:2223  sets the calls up in rtpengine
 *   rtpgen -n 800 -t 5 ports FILE         relay's ports, "A B" a line per call,
 *                                         as media_harness prints them
 *
 * Party addresses: call i's caller is at BASE + 4i, its callee at BASE + 4i + 2
 * (-p BASE, -a ADDRESS); the relay is at the same host, or at -r HOST.  With -s
 * PID the CPU time of the relay's process, all its threads, is taken over the
 * very time that packets flow.  With -w SECONDS the longest gap of a stream is
 * taken anew in each such window of time, and so are its losses: for relays
 * that are killed once in each.  The result is one JSON object on stdout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "rtp/packet.h"
#include "tests/bench/ng.h"

#define PAYLOAD_LEN   160
#define PACKET_LEN    (RTP_HEAD_LEN + PAYLOAD_LEN)
#define SAMPLES	      160 /* of a packet, 8 kHz */
#define PACKET_MS     20
#define DRAIN_MS      500
#define DELAY_STEP_US 10
#define DELAY_STEPS   100000 /* up to 1 s; the last one holds the rest */
#define STAMP	      0x72747067656e2131ull /* "rtpgen!1" */
#define WARM_PACKETS  25 /* of a stream, not measured: relays learn */

/* In the payload of each packet. */
struct stamp {
	uint64_t magic;
	uint64_t sent_ns; /* CLOCK_REALTIME */
	uint32_t stream, number;
};

/* What one party sends and what the other must receive. */
struct flow {
	int fd;		   /* party's socket: sends this, receives the other */
	struct addr local; /* of the party */
	struct addr to;	   /* the relay's port for it, or the other party */
	uint32_t sent;
	/* of what arrived at the other end */
	uint32_t received, duplicated;
	uint64_t last_ns; /* arrival before */
	uint64_t *gap_ns; /* longest between arrivals, by window */
	uint8_t *seen;	  /* bit per packet */
};

struct generator {
	unsigned n_calls, seconds, base_port;
	unsigned window_s, n_windows;
	int relay_pid; /* 0: not measured */
	double relay_cpu_us;
	char host[64], relay_host[64];
	struct flow *flows; /* 2i caller's, 2i + 1 callee's */
	unsigned n_flows, packets_each;
	int epoll_fd;
	uint64_t start_ns; /* CLOCK_REALTIME */
	uint64_t strange, send_errors, late_ticks;
	uint32_t delays[DELAY_STEPS];
	uint64_t n_delays, delay_max_us, delay_sum_us;
};

static void die(const char *what)
{
	fprintf(stderr, "rtpgen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- sockets ---------------------------------------------------------------
 */

static void flow_open(struct generator *generator, unsigned i)
{
	struct flow *flow = &generator->flows[i];
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
	int on = 1, room = 262144;

	if (addr_parse_host(slice_of(generator->host),
			    (uint16_t)(generator->base_port + 2 * i),
			    &flow->local))
		die(generator->host);
	flow->fd = socket(flow->local.sa.sa_family,
			  SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (flow->fd < 0)
		die("socket");
	setsockopt(flow->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(flow->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(flow->fd, &flow->local.sa, addr_len(&flow->local)) < 0)
		die("bind");
	if (epoll_ctl(generator->epoll_fd, EPOLL_CTL_ADD, flow->fd, &event))
		die("epoll_ctl");
	flow->seen = calloc(1, generator->packets_each / 8 + 1);
	flow->gap_ns = calloc(generator->n_windows, sizeof(*flow->gap_ns));
	if (!flow->seen || !flow->gap_ns)
		die("calloc");
}

static void generator_open(struct generator *generator)
{
	generator->n_flows = 2 * generator->n_calls;
	generator->packets_each = generator->seconds * 1000 / PACKET_MS;
	if (generator->window_s == 0)
		generator->window_s = generator->seconds;
	generator->n_windows = (generator->seconds + generator->window_s - 1) /
			       generator->window_s;
	generator->flows = calloc(generator->n_flows, sizeof(struct flow));
	generator->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!generator->flows || generator->epoll_fd < 0)
		die("set-up");
	for (unsigned i = 0; i < generator->n_flows; i++)
		flow_open(generator, i);
}

/* ---- where to send ----------------------------------------------------------
 */

static void aim_direct(struct generator *generator, const char *unused)
{
	(void)unused;
	for (unsigned i = 0; i < generator->n_flows; i++)
		generator->flows[i].to = generator->flows[i ^ 1].local;
}

static void aim_at(const struct generator *generator, struct flow *flow,
		   unsigned port)
{
	if (addr_parse_host(slice_of(generator->relay_host), (uint16_t)port,
			    &flow->to))
		die(generator->relay_host);
}

static void aim_ports(struct generator *generator, const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned caller, callee;

	if (!file)
		die(path);
	for (unsigned i = 0; i < generator->n_calls; i++) {
		if (fscanf(file, "%u %u", &caller, &callee) != 2)
			die("too few lines in the ports file");
		aim_at(generator, &generator->flows[2 * i], caller);
		aim_at(generator, &generator->flows[2 * i + 1], callee);
	}
	fclose(file);
}

static void aim_ng(struct generator *generator, const char *control)
{
	struct addr at;
	int fd;

	if (addr_parse(slice_of(control), 2223, &at))
		die(control);
	fd = socket(at.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, &at.sa, addr_len(&at)) < 0)
		die("connect");
	for (unsigned i = 0; i < generator->n_calls; i++) {
		struct flow *flow = &generator->flows[2 * i];
		struct ng_call call = {
			.number = i,
			.caller = flow[0].local,
			.callee = flow[1].local,
		};
		int error = ng_set_up(fd, &call);

		if (error) {
			errno = -error;
			die("ng");
		}
		aim_at(generator, &flow[0], addr_port(&call.to_caller_side));
		aim_at(generator, &flow[1], addr_port(&call.to_callee_side));
	}
	close(fd);
}

/* ---- sending ----------------------------------------------------------------
 */

static void flow_send(struct generator *generator, unsigned i)
{
	struct flow *flow = &generator->flows[i];
	uint8_t packet[PACKET_LEN] = {0};
	struct rtp_view view = {
		.payload_type = 0,
		.is_marked = flow->sent == 0,
		.sequence = (uint16_t)(flow->sent + i),
		.timestamp = flow->sent * SAMPLES,
		.ssrc = 0x10000 + i,
	};
	struct stamp stamp = {
		.magic = STAMP,
		.sent_ns = now_ns(CLOCK_REALTIME),
		.stream = i,
		.number = flow->sent,
	};

	rtp_write_head(packet, &view);
	memcpy(packet + RTP_HEAD_LEN, &stamp, sizeof(stamp));
	if (sendto(flow->fd, packet, sizeof(packet), 0, &flow->to.sa,
		   addr_len(&flow->to)) < 0)
		generator->send_errors++;
	flow->sent++;
}

/* Streams are spread over the 20 ms of a packet: every tick has its share. */
static void tick_send(struct generator *generator, uint64_t tick)
{
	unsigned phase = (unsigned)(tick % PACKET_MS);

	for (unsigned i = phase; i < generator->n_flows; i += PACKET_MS)
		if (generator->flows[i].sent < generator->packets_each)
			flow_send(generator, i);
}

/* ---- receiving --------------------------------------------------------------
 */

static uint64_t arrival_ns(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(c), sizeof(at));
			return (uint64_t)at.tv_sec * 1000000000ull +
			       (uint64_t)at.tv_nsec;
		}
	return now_ns(CLOCK_REALTIME);
}

static void count_delay(struct generator *generator, uint64_t delay_us)
{
	uint64_t step = delay_us / DELAY_STEP_US;

	generator->delays[step < DELAY_STEPS ? step : DELAY_STEPS - 1]++;
	generator->n_delays++;
	generator->delay_sum_us += delay_us;
	if (delay_us > generator->delay_max_us)
		generator->delay_max_us = delay_us;
}

static void count_gap(struct generator *generator, struct flow *flow,
		      uint64_t at_ns)
{
	uint64_t window = (at_ns - generator->start_ns) / 1000000000ull /
			  generator->window_s;

	if (flow->last_ns && at_ns > flow->last_ns &&
	    window < generator->n_windows &&
	    at_ns - flow->last_ns > flow->gap_ns[window])
		flow->gap_ns[window] = at_ns - flow->last_ns;
	flow->last_ns = at_ns;
}

static void count_arrival(struct generator *generator,
			  const struct stamp *stamp, uint64_t at_ns)
{
	struct flow *flow = &generator->flows[stamp->stream];
	uint8_t *cell = &flow->seen[stamp->number / 8];
	uint8_t bit = (uint8_t)(1u << stamp->number % 8);

	if (*cell & bit) {
		flow->duplicated++;
		return;
	}
	*cell |= bit;
	flow->received++;
	count_gap(generator, flow, at_ns);
	if (stamp->number >= WARM_PACKETS)
		count_delay(generator, at_ns > stamp->sent_ns
					       ? (at_ns - stamp->sent_ns) / 1000
					       : 0);
}

/* A packet at party i must be of the other party of its call. */
static void flow_receive(struct generator *generator, unsigned i)
{
	uint8_t packet[2048];
	char control[64];
	struct iovec piece = {packet, sizeof(packet)};
	struct msghdr msg = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct stamp stamp;
	ssize_t n = recvmsg(generator->flows[i].fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return;
	if (n == PACKET_LEN)
		memcpy(&stamp, packet + RTP_HEAD_LEN, sizeof(stamp));
	if (n != PACKET_LEN || stamp.magic != STAMP ||
	    stamp.stream != (i ^ 1) || stamp.number >= generator->packets_each)
		generator->strange++;
	else
		count_arrival(generator, &stamp, arrival_ns(&msg));
}

static void receive_ready(struct generator *generator)
{
	struct epoll_event ready[256];
	int n;

	do {
		n = epoll_wait(generator->epoll_fd, ready, 256, 0);
		for (int i = 0; i < n; i++)
			flow_receive(generator, ready[i].data.u32);
	} while (n == 256);
}

static void sleep_until(uint64_t at_ns)
{
	struct timespec at = {
		.tv_sec = (time_t)(at_ns / 1000000000ull),
		.tv_nsec = (long)(at_ns % 1000000000ull),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* User and system time of a process so far, in the kernel's ticks. */
static double relay_cpu_us(int pid)
{
	unsigned long long user, kernel;
	char path[64], line[1024] = "";
	FILE *file;
	char *name_end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(line, sizeof(line), file))
		die(path);
	fclose(file);
	name_end = strrchr(line, ')');
	if (!name_end ||
	    sscanf(name_end + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
		   &user, &kernel) != 2)
		die(path);
	return (double)(user + kernel) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void run(struct generator *generator)
{
	uint64_t n_ticks = generator->seconds * 1000ull;
	uint64_t next_ns = now_ns(CLOCK_MONOTONIC);

	generator->start_ns = now_ns(CLOCK_REALTIME);
	for (uint64_t tick = 0; tick < n_ticks + DRAIN_MS; tick++) {
		next_ns += 1000000;
		if (now_ns(CLOCK_MONOTONIC) > next_ns + 1000000)
			generator->late_ticks++;
		sleep_until(next_ns);
		if (tick < n_ticks)
			tick_send(generator, tick);
		receive_ready(generator);
	}
}

/* ---- the result
 * -------------------------------------------------------------- */

static uint64_t delay_percentile(const struct generator *generator, double part)
{
	uint64_t want = (uint64_t)((double)generator->n_delays * part);
	uint64_t have = 0;

	for (unsigned i = 0; i < DELAY_STEPS; i++) {
		have += generator->delays[i];
		if (have > want)
			return (uint64_t)i * DELAY_STEP_US;
	}
	return generator->delay_max_us;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Over all streams and windows. */
static void print_gaps(const struct generator *generator)
{
	unsigned n = generator->n_flows * generator->n_windows;
	uint64_t *gaps = calloc(n, sizeof(*gaps));

	if (!gaps)
		die("calloc");
	for (unsigned i = 0; i < n; i++)
		gaps[i] = generator->flows[i % generator->n_flows]
				  .gap_ns[i / generator->n_flows];
	qsort(gaps, n, sizeof(*gaps), by_value);
	printf("\"gap_ms\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},",
	       (double)gaps[n / 2] / 1e6, (double)gaps[n * 99 / 100] / 1e6,
	       (double)gaps[n - 1] / 1e6);
	free(gaps);
}

/* Of the packets that were sent in a window; the worst window of all streams.
 */
static unsigned worst_window(const struct generator *generator)
{
	unsigned each = generator->window_s * 1000 / PACKET_MS, worst = 0;

	for (unsigned i = 0; i < generator->n_flows; i++) {
		const struct flow *flow = &generator->flows[i];
		unsigned lost = 0;

		for (unsigned n = 0; n < flow->sent; n++) {
			if (n % each == 0)
				lost = 0;
			lost += !(flow->seen[n / 8] & 1u << n % 8);
			if (lost > worst)
				worst = lost;
		}
	}
	return worst;
}

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void print_result(const struct generator *generator)
{
	uint64_t sent = 0, received = 0, duplicated = 0, worst = 0;

	for (unsigned i = 0; i < generator->n_flows; i++) {
		const struct flow *flow = &generator->flows[i];
		uint64_t lost = flow->sent - flow->received;

		sent += flow->sent;
		received += flow->received;
		duplicated += flow->duplicated;
		if (lost > worst)
			worst = lost;
	}
	printf("{\"calls\":%u,\"seconds\":%u,\"sent\":%llu,\"received\":%llu,"
	       "\"lost\":%llu,\"lost_worst_stream\":%llu,"
	       "\"lost_worst_window\":%u,\"duplicated\":%llu,"
	       "\"strange\":%llu,\"send_errors\":%llu,\"late_ticks\":%llu,",
	       generator->n_calls, generator->seconds, (unsigned long long)sent,
	       (unsigned long long)received,
	       (unsigned long long)(sent - received), (unsigned long long)worst,
	       worst_window(generator), (unsigned long long)duplicated,
	       (unsigned long long)generator->strange,
	       (unsigned long long)generator->send_errors,
	       (unsigned long long)generator->late_ticks);
	print_gaps(generator);
	if (generator->relay_pid)
		printf("\"relay_us_per_packet\":%.2f,",
		       generator->relay_cpu_us / (double)(sent ? sent : 1));
	printf("\"delay_us\":{\"p50\":%llu,\"p90\":%llu,\"p99\":%llu,"
	       "\"p999\":%llu,\"max\":%llu},\"generator_us_per_packet\":%.2f}\n",
	       (unsigned long long)delay_percentile(generator, 0.5),
	       (unsigned long long)delay_percentile(generator, 0.9),
	       (unsigned long long)delay_percentile(generator, 0.99),
	       (unsigned long long)delay_percentile(generator, 0.999),
	       (unsigned long long)generator->delay_max_us,
	       cpu_us() / (double)(sent ? sent : 1));
}

/* ---- the command line
 * -------------------------------------------------------- */

static const struct mode {
	const char *name;
	void (*aim)(struct generator *generator, const char *word);
	bool has_word;
} modes[] = {
	{"direct", aim_direct, false},
	{"ports", aim_ports, true},
	{"ng", aim_ng, true},
};

static const struct mode *mode_of(int argc, char **argv)
{
	for (size_t i = 0; argc && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[0]) == 0 &&
		    argc == (modes[i].has_word ? 2 : 1))
			return &modes[i];
	fprintf(stderr, "usage: rtpgen [-n calls] [-t seconds] [-p base port] "
			"[-a address] [-r relay] [-s pid] [-w seconds] "
			"direct | ports FILE | ng HOST:PORT\n");
	exit(2);
}

static void read_options(struct generator *generator, int argc, char **argv)
{
	int letter;

	*generator = (struct generator){
		.n_calls = 100, .seconds = 5, .base_port = 40000};
	snprintf(generator->host, sizeof(generator->host), "127.0.0.1");
	while ((letter = getopt(argc, argv, "n:t:p:a:r:s:w:")) != -1) {
		if (letter == 'n')
			generator->n_calls =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 't')
			generator->seconds =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 'p')
			generator->base_port =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 's')
			generator->relay_pid = atoi(optarg);
		else if (letter == 'w')
			generator->window_s =
				(unsigned)strtoul(optarg, NULL, 10);
		else if (letter == 'r')
			snprintf(generator->relay_host,
				 sizeof(generator->relay_host), "%s", optarg);
		else if (letter == 'a')
			snprintf(generator->host, sizeof(generator->host), "%s",
				 optarg);
		else
			mode_of(0, NULL);
	}
	if (!generator->relay_host[0])
		memcpy(generator->relay_host, generator->host,
		       sizeof(generator->host));
}

int main(int argc, char **argv)
{
	static struct generator generator;
	const struct mode *mode;

	read_options(&generator, argc, argv);
	mode = mode_of(argc - optind, argv + optind);
	generator_open(&generator);
	mode->aim(&generator, argv[argc - 1]);
	if (generator.relay_pid)
		generator.relay_cpu_us = -relay_cpu_us(generator.relay_pid);
	run(&generator);
	if (generator.relay_pid)
		generator.relay_cpu_us += relay_cpu_us(generator.relay_pid);
	print_result(&generator);
	return 0;
}
