/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer may send to hurt a signalling worker (rig.h): messages near the
 * limits of the pre-scan, floods within a call, streams that end in the middle.
 * Each case is one that killed a worker, or kept it busy for ever, once.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "tests/property/rig.h"
#include "worker/call.h"
#include "worker/message.h"

#define CHECK(expr)                                                            \
	do {                                                                   \
		if (!(expr)) {                                                 \
			printf("FAILED %s:%d: %s\n", __func__, __LINE__,       \
			       #expr);                                         \
			exit(1);                                               \
		}                                                              \
	} while (0)

static char text[SIP_MESSAGE_MAX + 1];
static char filler[60000];
static struct addr caller, callee;
static unsigned n_calls;
static char to_tag[256], callee_invite[SIP_MESSAGE_MAX + 1];

static const char *fill(size_t len)
{
	memset(filler, 'f', sizeof(filler));
	filler[len] = '\0';
	return filler;
}

static struct addr addr_of(const char *words)
{
	struct addr addr;

	CHECK(addr_parse(slice_of(words), 0, &addr) == 0);
	return addr;
}

static void from_caller(void)
{
	rig_take(slice_of(text), &caller, TRANSPORT_UDP, SIDE_INTERNAL);
}

/* The last message sent that begins so, or NULL. */
static const struct rig_message *sent(const char *start)
{
	for (unsigned i = rig.n_sent; i-- > 0;)
		if (strncmp(rig.sent[i].bytes, start, strlen(start)) == 0)
			return &rig.sent[i];
	return NULL;
}

static void header_of(const char *message, const char *name, char *buf,
		      size_t size)
{
	const char *at = strstr(message, name);

	CHECK(at);
	at += strlen(name);
	snprintf(buf, size, "%.*s", (int)strcspn(at, "\r"), at);
}

/* A request of the caller; lines: more headers, each with its CRLF. */
static void write_request(const char *method, unsigned cseq, const char *tag,
			  const char *contact, const char *lines,
			  const char *body)
{
	snprintf(text, sizeof(text),
		 "%s sip:+1425@127.0.0.1:5070 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bKh%u-%u-%s\r\n"
		 "%sMax-Forwards: 70\r\nFrom: <sip:+1@x>;tag=t\r\n"
		 "To: <sip:+1425@127.0.0.1>%s%s\r\nCall-ID: hostile-%u\r\n"
		 "CSeq: %u %s\r\nContact: <sip:%s@127.0.0.11>\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 method, n_calls, cseq, method, lines, *tag ? ";tag=" : "", tag,
		 n_calls, cseq, method, contact, strlen(body), body);
}

static void begin(const char *lines)
{
	rig_begin(++n_calls);
	rig_forget_sent();
	write_request("INVITE", 1, "", "c", lines, "");
	from_caller();
	rig_turn();
}

/* An answer of the callee to the INVITE that it got. */
static void from_callee(int status, const char *contact, const char *lines)
{
	char via[1024], from[1024], to[1024], call_id[256];

	header_of(callee_invite, "\r\nVia: ", via, sizeof(via));
	header_of(callee_invite, "\r\nFrom: ", from, sizeof(from));
	header_of(callee_invite, "\r\nTo: ", to, sizeof(to));
	header_of(callee_invite, "\r\nCall-ID: ", call_id, sizeof(call_id));
	snprintf(text, sizeof(text),
		 "SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=callee\r\n"
		 "Call-ID: %s\r\nCSeq: 1 INVITE\r\n"
		 "Contact: <sip:%s@127.0.0.41:5060>\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 status, via, from, to, call_id, contact, lines);
	rig_take(slice_of(text), &callee, TRANSPORT_UDP, SIDE_GATEWAY);
}

static void ring(void)
{
	const struct rig_message *invite;

	begin("");
	invite = sent("INVITE ");
	CHECK(invite && invite->transport == TRANSPORT_UDP);
	callee = invite->to;
	memcpy(callee_invite, invite->bytes, invite->len + 1);
}

static void talk(void)
{
	const struct rig_message *ok;
	const char *tag;

	ring();
	from_callee(200, "callee", "");
	rig_turn();
	ok = sent("SIP/2.0 200");
	CHECK(ok);
	tag = strstr(strstr(ok->bytes, "\r\nTo: "), ";tag=");
	CHECK(tag);
	snprintf(to_tag, sizeof(to_tag), "%.*s", (int)strcspn(tag + 5, "\r"),
		 tag + 5);
	write_request("ACK", 1, to_tag, "c", "", "");
	from_caller();
	rig_turn();
	rig_forget_sent();
}

static void hang_up(unsigned cseq)
{
	write_request("BYE", cseq, to_tag, "c", "", "");
	from_caller();
	rig_turn();
	CHECK(sent("SIP/2.0 200"));
}

static struct call *this_call(void)
{
	struct call *last = NULL;

	for (struct call *call = rig.server->calls; call; call = call->hh.next)
		last = call;
	return last;
}

/* ---- long messages ------------------------------------------------------- */

static const char *vias(unsigned n)
{
	static char lines[SIP_HEAD_MAX];
	struct out out = out_init(lines, sizeof(lines));

	for (unsigned i = 0; i < n; i++)
		out_printf(&out,
			   "Via: SIP/2.0/UDP 127.0.0.12;branch=z9hG4bKv;"
			   "x=%s\r\n",
			   fill(900));
	return out_end(&out);
}

static void answers_to_many_vias_fit(void)
{
	begin(vias(15));
	CHECK(sent("SIP/2.0 100"));
	callee = sent("INVITE ")->to;
	memcpy(callee_invite, sent("INVITE ")->bytes, sent("INVITE ")->len + 1);
	from_callee(183, "callee", "");
	from_callee(486, "callee", "");
	rig_turn();
	CHECK(sent("SIP/2.0 183") && sent("SIP/2.0 486"));
	begin(vias(24));
	CHECK(sent("SIP/2.0 513") && !sent("INVITE "));
}

static void targets_that_are_replaced_take_no_room(void)
{
	char contact[3600];

	talk();
	for (unsigned i = 0; i < 40; i++) {
		memset(contact, 'a' + (int)(i % 26), 3500);
		contact[3500] = '\0';
		write_request("UPDATE", 2 + i, to_tag, contact, "", "");
		from_caller();
	}
	CHECK(!this_call()->is_too_large);
	CHECK(this_call()->record->leg[LEG_A].remote_target.len > 3500);
	rig_turn();
	CHECK(this_call()->record->state == CALL_ANSWERED);
	hang_up(50);
}

static void a_call_that_no_record_holds_is_ended(void)
{
	char lines[16384];
	struct out out = out_init(lines, sizeof(lines));
	uint64_t before = rig.worker.board->counters[COUNTER_calls_too_large];

	for (unsigned i = 0; i < 4; i++)
		out_printf(&out, "Record-Route: <sip:%s@127.0.0.41;lr>\r\n",
			   fill(3500));
	out_end(&out);
	ring();
	from_callee(180, "callee", lines);
	rig_turn();
	CHECK(sent("SIP/2.0 513") && sent("CANCEL "));
	CHECK(rig.worker.board->counters[COUNTER_calls_too_large] ==
	      before + 1);
}

/* What our own pre-scan refuses we could not cancel. */
static void what_could_not_be_cancelled_is_not_sent(void)
{
	rig_begin(++n_calls);
	rig_forget_sent();
	write_request("INVITE", 1, "", "c", "", "");
	snprintf(text, sizeof(text),
		 "INVITE sip:+1425@127.0.0.1:5070 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bKlong\r\n"
		 "Max-Forwards: 70\r\nFrom: \"%s\" <sip:+1@x>;tag=t\r\n"
		 "To: <sip:+1425@127.0.0.1>\r\nCall-ID: long-from\r\n"
		 "CSeq: 1 INVITE\r\nContact: <sip:c@127.0.0.11>\r\n"
		 "Content-Length: 0\r\n\r\n",
		 fill(4050));
	from_caller();
	rig_turn();
	CHECK(sent("SIP/2.0 513") && !sent("INVITE "));
}

static void a_long_body_is_passed_or_refused(void)
{
	talk();
	write_request("INFO", 2, to_tag, "c", "", fill(59000));
	from_caller();
	rig_turn();
	CHECK(sent("INFO ") && sent("INFO ")->len > 59000);
	write_request("INFO", 3, to_tag, "c",
		      "Content-Type: text/plain\r\nReason: x\r\n", "");
	snprintf(strstr(text, "Content-Length"),
		 sizeof(text) - (size_t)(strstr(text, "Content-Length") - text),
		 "Content-Length: 65000\r\n\r\n%s%s", fill(59000),
		 filler + 53000);
	from_caller();
	rig_forget_sent();
	rig_turn();
	CHECK(sent("SIP/2.0 513") && !sent("INFO "));
	hang_up(4);
}

static void a_long_require_is_refused_in_whole_lines(void)
{
	char lines[2048];

	snprintf(lines, sizeof(lines), "Require: %.900s\r\n", fill(900));
	begin(lines);
	CHECK(sent("SIP/2.0 420"));
	CHECK(strstr(sent("SIP/2.0 420")->bytes, "f\r\nServer: "));
}

/* ---- floods -------------------------------------------------------------- */

static void requests_without_end_are_refused_and_bye_is_heard(void)
{
	uint64_t before =
		rig.worker.board->counters[COUNTER_requests_refused_full];
	unsigned most = 0;

	talk();
	for (unsigned i = 0; i < 3000; i++) {
		write_request("PRACK", 2 + i, to_tag, "c", "", "");
		from_caller();
		if (i % 100 == 0) {
			rig_turn();
			rig_forget_sent();
		}
		most = this_call()->n_txs > most ? this_call()->n_txs : most;
	}
	CHECK(most <= 1024);
	CHECK(rig.worker.board->counters[COUNTER_requests_refused_full] >
	      before + 1900);
	hang_up(4000);
	for (unsigned i = 0; i < 100; i++) {
		write_request("BYE", 5000 + i, to_tag, "c", "", "");
		from_caller();
	}
	CHECK(this_call()->n_txs <= 1024 + 16);
	rig_turn();
}

/* 16 bits of a long call's transactions end, and 0 is none. */
static void numbers_of_transactions_begin_anew(void)
{
	struct call *call;

	talk();
	call = this_call();
	call->record->next_tx = UINT16_MAX;
	for (unsigned i = 0; i < 4; i++) {
		write_request("INFO", 2 + i, to_tag, "c", "", "");
		from_caller();
	}
	for (const struct tx *tx = call->txs; tx; tx = tx->next) {
		CHECK(tx->record->tx);
		CHECK(tx_find(call, tx->record->tx) == tx);
	}
	rig_turn();
	hang_up(6);
}

/* ---- streams ------------------------------------------------------------- */

static uint16_t stream_listener(void)
{
	const struct config *config = rig.worker.child.config;
	unsigned i = 0;

	while (config->listeners[i].side != SIDE_INTERNAL ||
	       config->listeners[i].transport != TRANSPORT_TCP)
		i++;
	return config->listeners[i].id;
}

/* A connection of the pool with this address at its other end, which is
 * returned; id is how the pool calls it. */
static int make_stream(const struct addr *peer, uint64_t id)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ours;
	struct message_connection head = {.connection = id,
					  .book = 1,
					  .listener = stream_listener(),
					  .remote = *peer};

	CHECK(bind(listener, (struct sockaddr *)&at, len) == 0 &&
	      listen(listener, 1) == 0 &&
	      getsockname(listener, (struct sockaddr *)&at, &len) == 0 &&
	      connect(theirs, (struct sockaddr *)&at, len) == 0);
	ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK(ours >= 0);
	close(listener);
	CHECK(connection_adopt(rig.server, &head, ours) == 0);
	connection_restore(connection_find(rig.server, id), NULL);
	rig_turn();
	return theirs;
}

static void look(void)
{
	usleep(2000); /* the loop's own wait would go by the rig's clock */
	rig.worker.had_input = false;
	loop_turn(rig.worker.child.loop, 0);
}

static void ends_within(const char *bytes)
{
	const struct addr peer = addr_of("127.0.0.12:5060");
	const uint64_t id = (uint64_t)1 << 48 | 0x7001;
	int theirs = make_stream(&peer, id);

	CHECK(send(theirs, bytes, strlen(bytes), MSG_NOSIGNAL) ==
	      (ssize_t)strlen(bytes));
	look();
	rig_turn();
	look();
	CHECK(connection_find(rig.server, id)); /* the rest may come */
	shutdown(theirs, SHUT_WR);
	for (unsigned i = 0; i < 3; i++) {
		look();
		rig_turn();
	}
	CHECK(!connection_find(rig.server, id));
	look();
	CHECK(!rig.worker.had_input);
	close(theirs);
}

static void a_stream_that_ends_within_a_message_is_closed(void)
{
	ends_within("INVITE sip:x SIP/2.0\r\nVia: ");
	ends_within("\r\n"); /* half a ping */
}

/* A tag of a book that is nobody's: answered, and what follows is read. */
static void a_book_that_never_was_stops_no_stream(void)
{
	const struct addr peer = addr_of("127.0.0.12:5060");
	const uint64_t id = (uint64_t)1 << 48 | 0x7002;
	struct connection *c;
	int theirs = make_stream(&peer, id);

	write_request("BYE", 2, "m0028000000000009001a145e2d28c088cb3b8d668956",
		      "c", "", "");
	rig_forget_sent();
	CHECK(send(theirs, text, strlen(text), MSG_NOSIGNAL) > 0);
	look();
	rig_turn();
	c = connection_find(rig.server, id);
	CHECK(c && c->consumed == strlen(text) && !c->peeked);
	CHECK(sent("SIP/2.0 481"));
	connection_close(c, "over");
	rig_turn();
	close(theirs);
}

/* The commit of a turn is over when its bytes are written: a connection that
 * breaks then makes the next try, which is the next turn's to send. */
static void what_a_broken_stream_causes_is_committed_first(void)
{
	const struct addr gw2 = addr_of("127.0.0.42:5060");
	struct {
		struct stream_record record;
		char tail[4];
	} left = {.record = {.head = {STREAM_VERSION, RECORD_STREAM,
				      sizeof(left)},
			     .connection = rig_connection(&gw2),
			     .is_open = true,
			     .tail_len = 4},
		  .tail = "abcd"};
	const struct linger at_once = {1, 0};
	struct connection *c;
	int theirs;

	rig_begin(++n_calls);
	rig.worker.round_robin = 1;
	rig_forget_sent();
	write_request("INVITE", 1, "", "c", "", "");
	from_caller();
	rig_turn();
	CHECK(sent("INVITE ") && sent("INVITE ")->transport == TRANSPORT_TCP);
	theirs = make_stream(&gw2, left.record.connection);
	c = connection_find(rig.server, left.record.connection);
	connection_restore(c, &left.record);
	setsockopt(theirs, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(theirs);
	usleep(20000);
	rig_forget_sent();
	rig_turn();
	CHECK(!connection_find(rig.server, left.record.connection));
	CHECK(!sent("INVITE ")); /* not before it is in the book */
	CHECK(turn_is_due(&rig.worker));
	rig_turn();
	CHECK(sent("INVITE ") && sent("INVITE ")->transport == TRANSPORT_UDP);
}

static void (*const cases[])(void) = {
	answers_to_many_vias_fit,
	targets_that_are_replaced_take_no_room,
	a_call_that_no_record_holds_is_ended,
	what_could_not_be_cancelled_is_not_sent,
	a_long_body_is_passed_or_refused,
	a_long_require_is_refused_in_whole_lines,
	requests_without_end_are_refused_and_bye_is_heard,
	numbers_of_transactions_begin_anew,
	a_stream_that_ends_within_a_message_is_closed,
	a_book_that_never_was_stops_no_stream,
	what_a_broken_stream_causes_is_committed_first,
};

int main(void)
{
	const unsigned n = sizeof(cases) / sizeof(*cases);
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	rig_start();
	rig.worker.child.channel = channel_new(ends[0]);
	CHECK(rig.worker.child.channel);
	caller = addr_of("127.0.0.11:5060");
	for (unsigned i = 0; i < n; i++)
		cases[i]();
	rig_forget_sent();
	rig_stop();
	rig.worker.child.channel = channel_free(rig.worker.child.channel);
	close(ends[1]);
	printf("%u passed, 0 failed\n", n);
	return 0;
}
