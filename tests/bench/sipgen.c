/* SPDX-License-Identifier: Apache-2.0
 *
 * sipgen: caller and callee of a system under test, in one process and on one
 * clock in microseconds.  Places calls at a fixed rate whatever becomes of
 * them (open loop), holds each so long, counts what was lost, refused or sent
 * again, and measures the time from INVITE to 180.  Called by
 * tests/bench/signalling; prints one JSON object.
 *
 *   caller → INVITE → SUT → INVITE → callee: 100 and 180 at once, 200 after
 *   20 ms; ACK; the hold; BYE; 200: seven messages into the SUT, seven out.
 *
 * Trap: a B2BUA changes Call-ID and tags, so a call is found by the number
 * dialled (INVITE at the callee) and by our own tags (all else), both of which
 * hold its index.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wheel.h"
#include "sip/uri.h"
#include "sip/write.h"
#include "tests/bench/sipgen_media.h"
#include "tests/bench/sipgen_wire.h"

#define RETRANSMIT_US	  (500 * USEC_PER_MSEC)
#define RETRANSMIT_MAX_US (4 * USEC_PER_SEC)
#define GIVE_UP_US	  (32 * USEC_PER_SEC)
#define ANSWER_US	  (20 * USEC_PER_MSEC)
#define DRAIN_US	  (5 * USEC_PER_SEC)
#define MESSAGE_ROOM	  2048
#define DIALOG_ROOM	  512

enum side {
	CALLER,
	CALLEE
};

enum half_state {
	IDLE,
	INVITED, /* caller: sent; callee: rings */
	PROCEEDING,
	ANSWERED, /* caller: talks; callee: 200 sent, no ACK */
	CONFIRMED,
	ENDING, /* caller: BYE sent */
	ENDED
};

/* One side of a call. */
struct half {
	struct timer timer;
	uint8_t state, side;
	uint32_t wait_us; /* of the next repetition */
	uint64_t begun_us;
	char *text; /* caller: "to\0target\0routes\0"; callee: its 200 */
	uint16_t text_len;
	uint8_t stream; /* callee: where the INVITE came from */
};

struct call {
	struct half half[2];
	uint32_t ring_us;
};

struct figures {
	uint64_t placed, completed, refused, lost, retransmitted, repeated;
	uint64_t late; /* calls placed more than 5 ms behind their time */
	uint64_t options, strangers;
};

static struct {
	struct wire *wire[2]; /* by enum side */
	struct wheel *wheel;
	struct call *calls;
	uint64_t n_calls, next_call, n_open;
	uint64_t start_us, gap_ns, hold_us;
	const char *number, *sut_text;
	char own_text[2][ADDR_TEXT_MAX];
	struct addr sut[2]; /* by enum side: whom we send to */
	bool is_tcp;
	unsigned run; /* tells our messages from those of an earlier run */
	struct figures figures;
} gen;

/* ---- writing ------------------------------------------------------------- */

static const char SDP[] = "v=0\r\n"
			  "o=- 3897 3897 IN IP4 %s\r\n"
			  "s=-\r\n"
			  "c=IN IP4 %s\r\n"
			  "t=0 0\r\n"
			  "m=audio %u RTP/AVP 0 8 101\r\n"
			  "a=rtpmap:0 PCMU/8000\r\n"
			  "a=rtpmap:8 PCMA/8000\r\n"
			  "a=rtpmap:101 telephone-event/8000\r\n"
			  "a=fmtp:101 0-15\r\n"
			  "a=ptime:20\r\n"
			  "a=sendrecv\r\n";

static uint64_t index_of(const struct half *half)
{
	const char *base = (const char *)gen.calls;

	return (uint64_t)((const char *)half - base) / sizeof(struct call);
}

static void send_out(enum side side, struct out *out)
{
	if (!out->is_full)
		wire_put(gen.wire[side], out->buf, out->len);
}

static void write_sdp(struct out *out, enum side side, uint64_t index)
{
	char host[ADDR_TEXT_MAX], sdp[512];
	struct out body = out_init(sdp, sizeof(sdp));
	struct addr media;

	if (!sipgen_media_own(side, index, &media)) {
		media = *wire_own(gen.wire[side]);
		addr_set_port(&media, 20000);
	}
	addr_host_text(&media, host);
	out_printf(&body, SDP, host, host, addr_port(&media));
	sip_write_body(out, SLICE("application/sdp"), out_as_slice(&body));
}

static void write_caller_head(struct out *out, uint64_t index,
			      const char *method, struct slice uri,
			      struct slice routes, struct slice to,
			      unsigned cseq)
{
	out_printf(out, "%s %.*s SIP/2.0\r\n", method, SLICE_ARG(uri));
	out_printf(out, "Via: SIP/2.0/%s %s;branch=z9hG4bKg%x.%llx.%u%s\r\n",
		   gen.is_tcp ? "TCP" : "UDP", gen.own_text[CALLER], gen.run,
		   (unsigned long long)index, cseq,
		   strcmp(method, "ACK") == 0 ? "a" : "");
	if (routes.len)
		out_printf(out, "Route: %.*s\r\n", SLICE_ARG(routes));
	out_printf(out,
		   "Max-Forwards: 70\r\n"
		   "From: \"Bench\" <sip:+4989%s@%s>;tag=c%llx\r\n"
		   "To: %.*s\r\nCall-ID: g%x.%llx@%s\r\nCSeq: %u %s\r\n",
		   "7654321", gen.own_text[CALLER], (unsigned long long)index,
		   SLICE_ARG(to), gen.run, (unsigned long long)index,
		   gen.own_text[CALLER], cseq, method);
}

static void send_invite(uint64_t index)
{
	char buf[MESSAGE_ROOM], uri[128], to[160];
	struct out out = out_init(buf, sizeof(buf));

	snprintf(uri, sizeof(uri), "sip:%s%07llu@%s", gen.number,
		 (unsigned long long)index, gen.sut_text);
	snprintf(to, sizeof(to), "<%s>", uri);
	write_caller_head(&out, index, "INVITE", slice_of(uri), SLICE_NONE,
			  slice_of(to), 1);
	out_printf(&out,
		   "Contact: <sip:bench@%s%s>\r\n"
		   "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n"
		   "Supported: replaces\r\nUser-Agent: sipgen\r\n",
		   gen.own_text[CALLER], gen.is_tcp ? ";transport=tcp" : "");
	write_sdp(&out, CALLER, index);
	send_out(CALLER, &out);
}

/* ACK and BYE: within the dialog that the 200 made. */
static void send_in_dialog(struct half *half, const char *method, unsigned cseq)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));
	struct slice to = slice_of(half->text);
	struct slice target = slice_of(to.ptr + to.len + 1);
	struct slice routes = slice_of(target.ptr + target.len + 1);

	write_caller_head(&out, index_of(half), method, target, routes, to,
			  cseq);
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	send_out(CALLER, &out);
}

static void write_answer(struct out *out, const struct sip_message *request,
			 int status, uint64_t index)
{
	char tag[32];

	snprintf(tag, sizeof(tag), "e%llx", (unsigned long long)index);
	sip_write_response_head(
		out, request, status, slice_of(sip_status_text(status)),
		status == 100 ? SLICE_NONE : slice_of(tag), &gen.sut[CALLEE]);
	sip_copy_headers(out, request, SIP_H_RECORD_ROUTE);
	if (status > 100 && request->method == SIP_INVITE)
		out_printf(out, "Contact: <sip:%s%s>\r\n", gen.own_text[CALLEE],
			   gen.is_tcp ? ";transport=tcp" : "");
}

static void send_answer(enum side side, const struct sip_message *request,
			int status, uint64_t index)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));

	write_answer(&out, request, status, index);
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	send_out(side, &out);
}

/* ---- timers -------------------------------------------------------------- */

static void repeat_from(struct half *half, uint64_t now_us)
{
	half->wait_us = RETRANSMIT_US;
	half->begun_us = now_us;
	wheel_set(gen.wheel, &half->timer, now_us + RETRANSMIT_US);
}

static void end_half(struct half *half)
{
	if (half->state == ENDED)
		return;
	half->state = ENDED;
	timer_cancel(&half->timer);
	free(half->text);
	half->text = NULL;
	if (half->side == CALLER)
		gen.n_open--;
}

static void send_again(struct half *half)
{
	if (half->side == CALLEE)
		wire_put(gen.wire[CALLEE], half->text, half->text_len);
	else if (half->state == INVITED)
		send_invite(index_of(half));
	else
		send_in_dialog(half, "BYE", 2);
}

static void on_repeat(struct half *half, uint64_t now_us)
{
	if (now_us - half->begun_us > GIVE_UP_US) {
		gen.figures.lost += half->side == CALLER;
		end_half(half);
		return;
	}
	if (!gen.is_tcp) {
		gen.figures.retransmitted++;
		send_again(half);
	}
	half->wait_us *= 2;
	if (half->state != INVITED && half->wait_us > RETRANSMIT_MAX_US)
		half->wait_us = RETRANSMIT_MAX_US;
	wheel_set(gen.wheel, &half->timer, now_us + half->wait_us);
}

static void on_timer(struct half *half, uint64_t now_us)
{
	if (half->side == CALLER && half->state == ANSWERED) {
		half->state = ENDING;
		send_in_dialog(half, "BYE", 2);
		repeat_from(half, now_us);
	} else if (half->side == CALLER && half->state == PROCEEDING) {
		gen.figures.lost++; /* rang, and nobody answered */
		end_half(half);
	} else if (half->side == CALLEE && half->state == INVITED) {
		half->state = ANSWERED;
		wire_select(gen.wire[CALLEE], half->stream);
		wire_put(gen.wire[CALLEE], half->text, half->text_len);
		repeat_from(half, now_us);
	} else {
		on_repeat(half, now_us);
	}
}

static void expire(uint64_t now_us)
{
	struct timer *timer;

	while ((timer = wheel_expire(gen.wheel, now_us)))
		on_timer((struct half *)(void *)timer, now_us);
}

/* ---- the caller ---------------------------------------------------------- */

/* An index in hex behind a letter of ours, "c12f". */
static bool index_parse(struct slice text, char letter, uint64_t *ret_index)
{
	uint64_t index = 0;

	if (text.len < 2 || text.len > 12 || text.ptr[0] != letter)
		return false;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.ptr[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		index = index << 4 | (uint64_t)digit;
	}
	*ret_index = index;
	return index < gen.next_call;
}

static void keep_dialog(struct half *half, const struct sip_message *m)
{
	char text[DIALOG_ROOM * 2];
	struct out out = out_init(text, sizeof(text));
	struct name_addr contact;
	unsigned n = 0;

	out_slice(&out, m->to);
	out_char(&out, '\0');
	if (name_addr_parse(m->contact, &contact, NULL) == 0)
		out_slice(&out, contact.uri);
	out_char(&out, '\0');
	while (sip_header(m, SIP_H_RECORD_ROUTE, n))
		n++;
	for (unsigned i = n; i-- > 0;) {
		out_slice(&out, sip_header(m, SIP_H_RECORD_ROUTE, i)->value);
		if (i > 0)
			out_char(&out, ',');
	}
	out_char(&out, '\0');
	free(half->text);
	half->text = malloc(out.len);
	if (!half->text)
		exit(3);
	memcpy(half->text, text, out.len);
}

static void take_invite_answer(struct call *call, const struct sip_message *m,
			       uint64_t now_us)
{
	struct half *half = &call->half[CALLER];

	if (m->status < 200) {
		if (half->state == INVITED) {
			half->state = PROCEEDING;
			wheel_set(gen.wheel, &half->timer, now_us + GIVE_UP_US);
		}
		if (m->status >= 180 && !call->ring_us)
			call->ring_us = (uint32_t)(now_us - half->begun_us);
	} else if (m->status < 300) {
		if (half->state >= ANSWERED) {
			gen.figures.repeated++;
			if (half->text)
				send_in_dialog(half, "ACK", 1);
			return;
		}
		keep_dialog(half, m);
		sipgen_media_heard(CALLER, index_of(half), m->body);
		half->state = ANSWERED;
		send_in_dialog(half, "ACK", 1);
		wheel_set(gen.wheel, &half->timer, now_us + gen.hold_us);
	} else if (half->state < ANSWERED) {
		gen.figures.refused++;
		end_half(half); /* its ACK is left out: the SUT is failing */
	}
}

static void take_response(const struct sip_message *m, uint64_t now_us)
{
	uint64_t index;
	struct half *half;

	if (!index_parse(m->from_tag, 'c', &index)) {
		gen.figures.strangers++;
		return;
	}
	half = &gen.calls[index].half[CALLER];
	if (m->method == SIP_INVITE) {
		take_invite_answer(&gen.calls[index], m, now_us);
	} else if (m->method == SIP_BYE && m->status >= 200 &&
		   half->state == ENDING) {
		if (m->status < 300)
			gen.figures.completed++;
		else
			gen.figures.refused++;
		end_half(half);
	}
}

/* ---- the callee ---------------------------------------------------------- */

static bool number_index(struct slice uri_text, uint64_t *ret_index)
{
	struct sip_uri uri;
	char number[64];
	size_t len;

	if (uri_parse(uri_text, &uri) < 0 ||
	    uri_number(&uri, number, sizeof(number)) < 0)
		return false;
	len = strlen(number);
	if (len < 7)
		return false;
	return slice_to_u64((struct slice){number + len - 7, 7}, UINT32_MAX,
			    ret_index) == 0 &&
	       *ret_index < gen.next_call;
}

static void take_invite(const struct sip_message *m, uint64_t now_us)
{
	char buf[MESSAGE_ROOM];
	struct out out = out_init(buf, sizeof(buf));
	struct half *half;
	uint64_t index;

	if (!number_index(m->uri, &index)) {
		gen.figures.strangers++;
		return;
	}
	half = &gen.calls[index].half[CALLEE];
	if (half->state != IDLE) {
		gen.figures.repeated++;
		return;
	}
	half->state = INVITED;
	half->stream = (uint8_t)wire_current(gen.wire[CALLEE]);
	send_answer(CALLEE, m, 100, index);
	send_answer(CALLEE, m, 180, index);
	write_answer(&out, m, 200, index);
	sipgen_media_heard(CALLEE, index, m->body);
	write_sdp(&out, CALLEE, index);
	half->text = malloc(out.len);
	if (!half->text)
		exit(3);
	memcpy(half->text, buf, out.len);
	half->text_len = (uint16_t)out.len;
	wheel_set(gen.wheel, &half->timer, now_us + ANSWER_US);
}

static void take_request(enum side side, const struct sip_message *m,
			 uint64_t now_us)
{
	uint64_t index;
	struct half *half;

	if (m->method == SIP_OPTIONS) {
		gen.figures.options++;
		send_answer(side, m, 200, 0);
		return;
	}
	if (m->method == SIP_INVITE) {
		take_invite(m, now_us);
		return;
	}
	if (side != CALLEE || !index_parse(m->to_tag, 'e', &index)) {
		gen.figures.strangers++;
		return;
	}
	half = &gen.calls[index].half[CALLEE];
	if (m->method == SIP_BYE) {
		gen.figures.repeated += half->state == ENDED;
		send_answer(side, m, 200, index);
		end_half(half);
	} else if (m->method == SIP_ACK && half->state == ANSWERED) {
		half->state = CONFIRMED;
		timer_cancel(&half->timer);
		free(half->text);
		half->text = NULL;
	}
}

static void take(char *bytes, size_t len, void *arg)
{
	static struct sip_message m;
	enum side side = arg == gen.wire[CALLER] ? CALLER : CALLEE;
	struct sip_verdict verdict;
	uint64_t now_us = clock_boot_us();

	sip_scan(bytes, len, gen.is_tcp, &m, &verdict);
	if (verdict.status)
		gen.figures.strangers++;
	else if (m.is_request)
		take_request(side, &m, now_us);
	else
		take_response(&m, now_us);
}

/* ---- the run ------------------------------------------------------------- */

static uint64_t due_us(uint64_t call)
{
	return gen.start_us + call * gen.gap_ns / 1000;
}

/* Places what is due. */
static void place(uint64_t now_us)
{
	while (gen.next_call < gen.n_calls && due_us(gen.next_call) <= now_us) {
		uint64_t index = gen.next_call++;
		struct half *half = &gen.calls[index].half[CALLER];

		gen.figures.late += now_us - due_us(index) > 5000;
		gen.calls[index].half[CALLEE].side = CALLEE;
		half->side = CALLER;
		half->state = INVITED;
		gen.figures.placed++;
		gen.n_open++;
		repeat_from(half, clock_boot_us());
		send_invite(index);
	}
}

static void sleep_until_something(uint64_t now_us)
{
	struct pollfd fds[2 * WIRE_FDS_MAX];
	unsigned n_fds = 0;
	uint64_t wait_us = wheel_wait_us(gen.wheel, now_us, 10000);
	struct timespec wait;

	if (gen.next_call < gen.n_calls) {
		uint64_t next_us = due_us(gen.next_call);

		next_us = next_us > now_us ? next_us - now_us : 0;
		wait_us = next_us < wait_us ? next_us : wait_us;
	}
	for (unsigned i = 0; i < 2; i++)
		n_fds += wire_poll(gen.wire[i], fds + n_fds);
	wait = (struct timespec){.tv_nsec = (long)wait_us * 1000};
	ppoll(fds, n_fds, &wait, NULL);
}

static void run(void)
{
	uint64_t now_us = clock_boot_us(), end_us;

	gen.start_us = now_us;
	end_us = due_us(gen.n_calls) + gen.hold_us + DRAIN_US;
	while ((gen.next_call < gen.n_calls || gen.n_open > 0) &&
	       now_us < end_us) {
		place(now_us);
		for (unsigned i = 0; i < 2; i++)
			wire_take(gen.wire[i], take, gen.wire[i]);
		expire(clock_boot_us());
		for (unsigned i = 0; i < 2; i++)
			wire_flush(gen.wire[i]);
		now_us = clock_boot_us();
		sleep_until_something(now_us);
		now_us = clock_boot_us();
	}
	gen.figures.lost += gen.n_open;
}

/* ---- the report ---------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void report(void)
{
	const struct figures *f = &gen.figures;
	uint32_t *times = calloc(gen.n_calls + 1, sizeof(*times));
	uint64_t n = 0;

	if (!times)
		exit(3);
	for (uint64_t i = 0; i < gen.next_call; i++)
		if (gen.calls[i].ring_us)
			times[n++] = gen.calls[i].ring_us;
	qsort(times, n, sizeof(*times), compare_times);
	printf("{\"placed\":%llu,\"completed\":%llu,\"refused\":%llu,"
	       "\"lost\":%llu,\"retransmitted\":%llu,\"repeated\":%llu,"
	       "\"late\":%llu,\"options\":%llu,\"strangers\":%llu,"
	       "\"ring_us\":{\"n\":%llu,\"p50\":%u,\"p90\":%u,\"p99\":%u,"
	       "\"max\":%u}}\n",
	       (unsigned long long)f->placed, (unsigned long long)f->completed,
	       (unsigned long long)f->refused, (unsigned long long)f->lost,
	       (unsigned long long)f->retransmitted,
	       (unsigned long long)f->repeated, (unsigned long long)f->late,
	       (unsigned long long)f->options, (unsigned long long)f->strangers,
	       (unsigned long long)n, n ? times[n / 2] : 0,
	       n ? times[n * 9 / 10] : 0, n ? times[n * 99 / 100] : 0,
	       n ? times[n - 1] : 0);
	free(times);
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
	fputs("usage: sipgen -s SUT [-g SUT] -a CALLER -b CALLEE [-t udp|tcp] "
	      "[-r CALLS/S]\n"
	      "              [-d SECONDS] [-h HOLD_MS] [-n NUMBER] "
	      "[-m MEDIA -f FILE]\n"
	      "addresses are host:port; -g: where the SUT listens to gateways; "
	      "NUMBER is what the number dialled "
	      "begins with; MEDIA: the first party's address (sipgen_media.h); "
	      "FILE: gets the relay's ports\n",
	      stderr);
	exit(2);
}

static struct addr address(const char *text)
{
	struct addr addr;

	if (!text || addr_parse(slice_of(text), 5060, &addr) < 0)
		usage();
	return addr;
}

static void open_wires(const char *caller, const char *callee)
{
	struct addr own[2] = {address(caller), address(callee)};

	/* the callee first: over TCP the SUT connects to it */
	gen.wire[CALLEE] =
		wire_open(gen.is_tcp, &own[CALLEE], &gen.sut[CALLEE], false);
	gen.wire[CALLER] =
		wire_open(gen.is_tcp, &own[CALLER], &gen.sut[CALLER], true);
	for (unsigned i = 0; i < 2; i++) {
		if (!gen.wire[i]) {
			perror("sipgen: socket");
			exit(3);
		}
		addr_text(wire_own(gen.wire[i]), gen.own_text[i]);
	}
}

int main(int argc, char **argv)
{
	const char *caller = NULL, *callee = NULL, *sut_gateway = NULL;
	const char *media = NULL, *ports = NULL;
	double rate = 100, seconds = 5;
	int c;

	gen.number = "+4930";
	gen.hold_us = 100 * USEC_PER_MSEC;
	gen.run = (unsigned)getpid();
	while ((c = getopt(argc, argv, "s:g:a:b:t:r:d:h:n:m:f:")) != -1) {
		switch (c) {
		case 's':
			gen.sut_text = optarg;
			break;
		case 'g':
			sut_gateway = optarg;
			break;
		case 'a':
			caller = optarg;
			break;
		case 'b':
			callee = optarg;
			break;
		case 't':
			gen.is_tcp = strcmp(optarg, "tcp") == 0;
			break;
		case 'r':
			rate = atof(optarg);
			break;
		case 'd':
			seconds = atof(optarg);
			break;
		case 'h':
			gen.hold_us =
				strtoull(optarg, NULL, 10) * USEC_PER_MSEC;
			break;
		case 'n':
			gen.number = optarg;
			break;
		case 'm':
			media = optarg;
			break;
		case 'f':
			ports = optarg;
			break;
		default:
			usage();
		}
	}
	if (rate <= 0 || seconds <= 0 || !media != !ports)
		usage();
	gen.sut[CALLER] = address(gen.sut_text);
	gen.sut[CALLEE] = address(sut_gateway ? sut_gateway : gen.sut_text);
	gen.n_calls = (uint64_t)(rate * seconds);
	gen.gap_ns = (uint64_t)(1e9 / rate);
	gen.calls = calloc(gen.n_calls + 1, sizeof(*gen.calls));
	gen.wheel = wheel_new(clock_boot_us());
	if (!gen.calls || !gen.wheel)
		return 3;
	if (media) {
		struct addr at = address(media);

		sipgen_media_open(&at, gen.n_calls, ports);
	}
	open_wires(caller, callee);
	run();
	report();
	return 0;
}
