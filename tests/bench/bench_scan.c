/* SPDX-License-Identifier: Apache-2.0
 *
 * What a message costs before anybody believes it: sip_scan on an ordinary
 * INVITE and on the worst datagrams we know, sip_check_grammar and sdp_parse
 * on the INVITE.  Prints CPU time, the best of some rounds; asserts nothing,
 * since a machine's mood is no bug.  Goal: an INVITE in 1 us, anything up to
 * 64 kB in 0.3 ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sip/scan.h"
#include "sip/sdp.h"
#include "sip/uri.h"

#define ROUNDS 9

static const char invite_head[] =
	"INVITE sip:+4930123456@192.0.2.10:5068;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 198.51.100.7:5066"
	";branch=z9hG4bK-524287-1---abcdef0123456789;rport\r\n"
	"Max-Forwards: 70\r\n"
	"Contact: <sip:+498912345@198.51.100.7:5066;transport=udp>\r\n"
	"To: <sip:+4930123456@192.0.2.10;user=phone>\r\n"
	"From: \"Caller Name\" <sip:+498912345@198.51.100.7;user=phone>"
	";tag=abcd1234efgh\r\n"
	"Call-ID: 84572309485-23948572-0394857@198.51.100.7\r\n"
	"CSeq: 1 INVITE\r\n";
static const char invite_rest[] =
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, PRACK\r\n"
	"Supported: timer, 100rel\r\n"
	"User-Agent: gateway/1.0\r\n"
	"Content-Type: application/sdp\r\n"
	"\r\n";
static const char invite_sdp[] = "v=0\r\n"
				 "o=- 1234567890 1234567890 IN IP4 "
				 "198.51.100.7\r\n"
				 "s=-\r\n"
				 "c=IN IP4 198.51.100.7\r\n"
				 "t=0 0\r\n"
				 "m=audio 20000 RTP/AVP 8 0 101\r\n"
				 "a=rtpmap:8 PCMA/8000\r\n"
				 "a=rtpmap:0 PCMU/8000\r\n"
				 "a=rtpmap:101 telephone-event/8000\r\n"
				 "a=fmtp:101 0-15\r\n"
				 "a=ptime:20\r\n";

/* `first`, then `more` up to 64 kB, then `last`, inside a good INVITE. */
static const struct {
	const char *name;
	struct slice first, more, last;
} datagrams[] = {
	{"an INVITE", {"", 0}, {NULL, 0}, {"", 0}},
	{"semicolons in a header", {"A: ", 3}, {";a", 2}, {"\r\n", 2}},
	{"commas in many headers",
	 {"", 0},
	 {"Accept: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n", 53},
	 {"", 0}},
	{"headers of one letter", {"", 0}, {"a:b\r\n", 5}, {"", 0}},
	{"Vias in a line", {"Via: a", 6}, {",SIP/2.0/UDP a", 14}, {"\r\n", 2}},
	{"folds", {"A: b", 4}, {"\r\n ", 3}, {"\r\n", 2}},
	{"tabs", {"A: b", 4}, {"\t", 1}, {"\r\n", 2}},
	{"NULs", {"A: b", 4}, {"\0", 1}, {"\r\n", 2}},
	{"quotes", {"m: ", 3}, {"\"", 1}, {"\r\n", 2}},
	{"backslashes", {"m: \"", 4}, {"\\\1", 2}, {"\r\n", 2}},
	{"spaces", {"A: b", 4}, {" ", 1}, {"\r\n", 2}},
};

static char text[SIP_MESSAGE_MAX], copy[SIP_MESSAGE_MAX];
static struct sip_message message;

static size_t make_datagram(size_t i)
{
	struct out out = out_init(text, sizeof(text));

	out_text(&out, invite_head);
	if (datagrams[i].more.ptr) {
		out_slice(&out, datagrams[i].first);
		while (out.len + 2048 < out.size)
			out_slice(&out, datagrams[i].more);
		out_slice(&out, datagrams[i].last);
	}
	out_text(&out, invite_rest);
	out_text(&out, invite_sdp);
	return out.len;
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best round of `run`, a call of it in ns. */
static double best_ns(void (*run)(size_t len), size_t len)
{
	unsigned n = len < 4096 ? 20000 : 100;
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		double start = cpu_ns(), spent;

		for (unsigned i = 0; i < n; i++)
			run(len);
		spent = (cpu_ns() - start) / n;
		if (spent < best)
			best = spent;
	}
	return best;
}

static struct sip_verdict verdict;

/* The scan changes its buffer, so the copy is part of the figure. */
static void run_scan(size_t len)
{
	memcpy(copy, text, len);
	sip_scan(copy, len, false, &message, &verdict);
}

static void run_frame(size_t len)
{
	size_t used;

	sip_frame(text, len, &used);
}

static void run_grammar(size_t len)
{
	const char *why;

	(void)len;
	sip_check_grammar(message.head, &why);
}

static void run_sdp(size_t len)
{
	static struct sdp sdp;
	const char *why;

	(void)len;
	sdp_parse(message.body, &sdp, &why);
}

static void print(const char *what, size_t len, double ns, const char *result)
{
	printf("%-28s %6zu bytes %9.0f ns  %s\n", what, len, ns, result);
}

int main(void)
{
	size_t len;

	for (size_t i = 0; i < sizeof(datagrams) / sizeof(*datagrams); i++) {
		double ns;

		len = make_datagram(i);
		ns = best_ns(run_scan, len);
		print(datagrams[i].name, len, ns,
		      verdict.status ? verdict.reason : "good");
	}
	len = make_datagram(0);
	run_scan(len);
	print("sip_frame of the INVITE", len, best_ns(run_frame, len), "");
	print("sip_check_grammar of it", message.head.len,
	      best_ns(run_grammar, len), "");
	print("sdp_parse of its body", message.body.len, best_ns(run_sdp, len),
	      "");
	return 0;
}
