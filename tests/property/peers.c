/* SPDX-License-Identifier: Apache-2.0
 *
 * See peers.h.  A party is one dialog's peer: a caller, made here, or a callee,
 * made by an INVITE of the pool.  Promises are read off what the pool sent:
 *
 *   it showed the caller a 1xx        -> a final answer follows
 *   it answered the caller 2xx        -> a BYE goes one way or the other
 *   it was shown a 1xx by the callee  -> CANCEL, or the callee's final answer
 *   it acknowledged the callee's 2xx  -> a BYE goes one way or the other
 *   two final answers to one request, two requests of one branch -> equal bytes
 */
#include "tests/property/peers.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTIES_MAX 128
#define OPEN_MAX    256
#define SAID_MAX    4096
#define TEXT_MAX    4096
#define REPEAT_US   (30 * USEC_PER_SEC) /* less than 64*T1 */

struct party {
	bool is_caller, is_dialog; /* our INVITE, or theirs, was answered 2xx */
	struct addr addr;
	uint8_t transport, side;
	char call_id[128], our_tag[64], their_tag[128], target[160];
	char our_uri[256], their_uri[256];
	unsigned cseq, invite_cseq;
	char branch[96]; /* of the INVITE */
	char via[512];	 /* callee: to answer with */
	char cseq_text[64];
	char invite[TEXT_MAX], last[TEXT_MAX];
	int final; /* of the INVITE, said or heard */
	uint64_t born_us, last_us;
	bool saw_1xx;	    /* caller */
	bool was_taken_1xx; /* callee: the pool has committed our 1xx … */
	bool was_taken_2xx; /* … or 2xx */
	bool is_acked;	    /* callee: the pool's ACK of our 2xx came */
	bool got_cancel, got_bye, is_bye_ok;
	bool sent_ack;
};

/* A request of the pool that waits for an answer. */
struct open_request {
	unsigned party;
	char method[16];
	char via[512], from[512], to[512], cseq[64];
};

struct said {
	uint64_t key, hash;
	int status;
};

static struct party parties[PARTIES_MAX];
static unsigned n_parties;
static struct open_request opens[OPEN_MAX];
static unsigned n_opens;
static struct said says[SAID_MAX];
static unsigned n_said, n_calls;

/* What was said in this turn, to be marked when it is committed. */
static struct party *taken_1xx, *taken_2xx;

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\n"
			  "c=IN IP4 127.0.0.9\r\nt=0 0\r\n"
			  "m=audio 4000 RTP/AVP 8\r\n";

void peers_reset(void)
{
	n_parties = n_opens = n_said = n_calls = 0;
	taken_1xx = taken_2xx = NULL;
}

/* ---- text ---------------------------------------------------------------- */

/* The value of the first header of this name, "" if none. */
static const char *header(const char *message, const char *name, char *buf,
			  size_t size)
{
	char line[64];
	const char *at, *end;

	snprintf(line, sizeof(line), "\r\n%s: ", name);
	at = strcasestr(message, line);
	buf[0] = '\0';
	if (!at)
		return buf;
	at += strlen(line);
	end = strstr(at, "\r\n");
	snprintf(buf, size, "%.*s", (int)(end - at), at);
	return buf;
}

static void param(const char *value, const char *name, char *buf, size_t size)
{
	char word[32];
	const char *at;

	snprintf(word, sizeof(word), ";%s=", name);
	at = strstr(value, word);
	buf[0] = '\0';
	if (!at)
		return;
	at += strlen(word);
	snprintf(buf, size, "%.*s", (int)strcspn(at, ";>\r\n "), at);
}

static void uri_of(const char *value, char *buf, size_t size)
{
	const char *at = strchr(value, '<');

	buf[0] = '\0';
	if (at)
		snprintf(buf, size, "%.*s", (int)strcspn(at + 1, ">"), at + 1);
}

static const char *via_of(uint8_t transport)
{
	return transport == TRANSPORT_UDP ? "UDP" : "TCP";
}

/* ---- speaking ------------------------------------------------------------ */

static void say(struct party *party, const char *text)
{
	if (text != party->last && text != party->invite) {
		snprintf(party->last, sizeof(party->last), "%s", text);
		party->last_us = rig.worker.now_us;
	}
	rig_take(slice_of(text), &party->addr, party->transport, party->side);
}

static void request(struct party *party, const char *method, unsigned cseq,
		    const char *branch, bool has_sdp)
{
	char text[TEXT_MAX], host[ADDR_TEXT_MAX], to[512];
	bool is_in = party->their_tag[0] && party->target[0] &&
		     strcmp(method, "CANCEL") != 0;

	addr_text(&party->addr, host);
	snprintf(to, sizeof(to), "<%s>%s%s", party->their_uri,
		 is_in ? ";tag=" : "", is_in ? party->their_tag : "");
	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s\r\n"
		 "Max-Forwards: 70\r\nFrom: <%s>;tag=%s\r\nTo: %s\r\n"
		 "Call-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:x@%s>\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s",
		 method, is_in ? party->target : party->their_uri,
		 via_of(party->transport), host, branch, party->our_uri,
		 party->our_tag, to, party->call_id, cseq, method, host,
		 has_sdp ? "Content-Type: application/sdp\r\n" : "",
		 has_sdp ? sizeof(sdp) - 1 : 0, has_sdp ? sdp : "");
	if (strcmp(method, "INVITE") == 0 && !is_in)
		snprintf(party->invite, sizeof(party->invite), "%s", text);
	say(party, text);
}

static void in_dialog(struct party *party, const char *method, bool has_sdp)
{
	char branch[96];

	snprintf(branch, sizeof(branch), "z9hG4bKd%u-%u", party->cseq + 1,
		 rig_random(1u << 30));
	request(party, method, ++party->cseq, branch, has_sdp);
}

static void new_call(void)
{
	static const char *const hosts[] = {"127.0.0.11:5060",
					    "127.0.0.12:5060"};
	struct party *party = &parties[n_parties];
	unsigned which = rig_random(2);

	if (n_parties == PARTIES_MAX)
		return;
	memset(party, 0, sizeof(*party));
	party->is_caller = true;
	must(addr_parse(slice_of(hosts[which]), 5060, &party->addr) == 0);
	party->transport = which ? TRANSPORT_TCP : TRANSPORT_UDP;
	party->side = SIDE_INTERNAL;
	snprintf(party->call_id, sizeof(party->call_id), "c%u-%u@peer",
		 n_calls++, rig_random(1u << 30));
	snprintf(party->our_tag, sizeof(party->our_tag), "t%u", n_parties);
	snprintf(party->our_uri, sizeof(party->our_uri),
		 "sip:+4989%u@127.0.0.11", n_parties);
	snprintf(party->their_uri, sizeof(party->their_uri),
		 "sip:+4930%u@127.0.0.1:5070", n_parties);
	snprintf(party->branch, sizeof(party->branch), "z9hG4bKi%u-%u",
		 n_parties, rig_random(1u << 30));
	party->cseq = party->invite_cseq = 1;
	party->born_us = rig.worker.now_us;
	n_parties++;
	request(party, "INVITE", 1, party->branch, rig_chance(85));
}

static void respond(struct party *party, const struct open_request *open,
		    int status, bool has_sdp)
{
	char text[TEXT_MAX], host[ADDR_TEXT_MAX];
	bool has_tag = strstr(open->to, ";tag=") != NULL;

	addr_text(&party->addr, host);
	snprintf(text, sizeof(text),
		 "SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\n"
		 "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:y@%s>\r\n"
		 "%sContent-Length: %zu\r\n\r\n%s",
		 status, open->via, open->from, open->to,
		 has_tag || status == 100 ? "" : ";tag=",
		 has_tag || status == 100 ? "" : party->our_tag, party->call_id,
		 open->cseq, host,
		 has_sdp ? "Content-Type: application/sdp\r\n" : "",
		 has_sdp ? sizeof(sdp) - 1 : 0, has_sdp ? sdp : "");
	say(party, text);
}

/* The callee's INVITE as if it were an open request. */
static void respond_invite(struct party *party, int status, bool has_sdp)
{
	struct open_request open = {0};

	snprintf(open.via, sizeof(open.via), "%s", party->via);
	snprintf(open.from, sizeof(open.from), "<%s>;tag=%s", party->their_uri,
		 party->their_tag);
	snprintf(open.to, sizeof(open.to), "<%s>", party->our_uri);
	snprintf(open.cseq, sizeof(open.cseq), "%s", party->cseq_text);
	if (status < 200)
		taken_1xx = party;
	else if (status < 300)
		taken_2xx = party;
	if (status >= 200)
		party->final = status;
	respond(party, &open, status, has_sdp);
}

static void ack(struct party *party)
{
	char branch[96];

	party->sent_ack = true;
	snprintf(branch, sizeof(branch), "z9hG4bKa%u", rig_random(1u << 30));
	request(party, "ACK", party->invite_cseq,
		party->final >= 300 ? party->branch : branch, false);
}

/* Nobody repeats over a stream: there it is another message; nor for longer
 * than a transaction lasts. */
static void repeat(struct party *party, const char *text, uint64_t first_us)
{
	if (party->transport == TRANSPORT_UDP &&
	    rig.worker.now_us < first_us + REPEAT_US)
		say(party, text);
}

/* ---- what comes to mind -------------------------------------------------- */

static void act_caller(struct party *party)
{
	switch (rig_random(10)) {
	case 0:
		if (!party->sent_ack)
			repeat(party, party->invite, party->born_us);
		break;
	case 1:
	case 2:
		if (party->final && rig_chance(70))
			break;
		request(party, "CANCEL", 1, party->branch, false);
		break;
	case 3:
	case 4:
		if (party->final)
			ack(party);
		break;
	case 5:
		if (party->their_tag[0])
			in_dialog(party, "BYE", false);
		break;
	case 6:
		if (party->their_tag[0])
			in_dialog(party, "INVITE", rig_chance(80));
		break;
	case 7:
		if (party->their_tag[0])
			in_dialog(party, rig_chance(50) ? "UPDATE" : "INFO",
				  rig_chance(50));
		break;
	default:
		repeat(party, party->last, party->last_us);
	}
}

static void act_callee(struct party *party)
{
	static const int finals[] = {200, 200, 200, 302, 404, 408,
				     486, 500, 503, 503, 603};
	static const int provisionals[] = {100, 180, 180, 183};
	int status;

	if (party->final && rig_chance(50)) {
		if (party->is_acked && rig_chance(50))
			in_dialog(party, rig_chance(50) ? "BYE" : "INVITE",
				  rig_chance(50));
		else
			repeat(party, party->last, party->last_us);
		return;
	}
	if (party->final) /* the same again: nobody changes his mind */
		status = party->final;
	else if (rig_chance(50))
		status = provisionals[rig_random(4)];
	else
		status = finals[rig_random(11)];
	respond_invite(party, status, status == 200 || status == 183);
}

static void close_open(unsigned i)
{
	opens[i] = opens[--n_opens];
}

static void act_open(unsigned i)
{
	static const int statuses[] = {200, 200, 200, 481, 491, 500, 180};
	struct open_request open = opens[i];
	int status = statuses[rig_random(7)];

	if (status >= 200)
		close_open(i);
	respond(&parties[open.party], &open, status,
		status == 200 && strcmp(open.method, "INVITE") == 0);
}

void peers_act(unsigned max_calls)
{
	unsigned what = rig_random(100);

	if (n_parties == 0 || (what < 10 && n_calls < max_calls)) {
		new_call();
	} else if (what < 35 && n_opens) {
		act_open(rig_random(n_opens));
	} else if (what < 95) {
		struct party *party = &parties[rig_random(n_parties)];

		(party->is_caller ? act_caller : act_callee)(party);
	}
}

void peers_be_polite(void)
{
	if (n_opens) {
		struct open_request open = opens[0];

		close_open(0);
		respond(&parties[open.party], &open, 200,
			strcmp(open.method, "INVITE") == 0);
		return;
	}
	for (unsigned i = 0; i < n_parties; i++) {
		struct party *party = &parties[i];

		if (party->is_caller && party->final && rig_chance(30))
			ack(party);
		else if (!party->is_caller && party->got_cancel &&
			 !party->final)
			respond_invite(party, 487, false);
		else if (!party->is_caller && !party->is_acked &&
			 party->final / 100 == 2 && rig_chance(30))
			respond_invite(party, party->final, true);
	}
}

/* ---- listening ----------------------------------------------------------- */

static struct party *party_of(const char *call_id)
{
	for (unsigned i = n_parties; i-- > 0;)
		if (strcmp(parties[i].call_id, call_id) == 0)
			return &parties[i];
	return NULL;
}

static uint64_t key_of(const char *a, const char *b, uint64_t seed)
{
	return slice_hash(slice_of(a), slice_hash(slice_of(b), seed));
}

/* Once said is said: the same again, or nothing. */
static void check_repeat(uint64_t key, int status,
			 const struct rig_message *message)
{
	uint64_t hash =
		slice_hash((struct slice){message->bytes, message->len}, 3);
	struct said *said;

	for (unsigned i = 0; i < n_said; i++) {
		said = &says[i];
		if (said->key != key)
			continue;
		/* our 503s carry a jittered Retry-After */
		if (said->status != status ||
		    (said->hash != hash && status != 503))
			fail("said otherwise before (%d):\n%s", said->status,
			     message->bytes);
		return;
	}
	must(n_said < SAID_MAX);
	says[n_said++] = (struct said){key, hash, status};
}

static void hear_response(const struct rig_message *message)
{
	char buf[512], call_id[128], cseq[64], branch[96];
	struct party *party;
	int status = atoi(message->bytes + 8);

	header(message->bytes, "Call-ID", call_id, sizeof(call_id));
	header(message->bytes, "CSeq", cseq, sizeof(cseq));
	header(message->bytes, "Via", buf, sizeof(buf));
	param(buf, "branch", branch, sizeof(branch));
	party = party_of(call_id);
	if (!party)
		fail("an answer to nobody:\n%s", message->bytes);
	/* a CANCEL is found by its INVITE, which ends 5 s after its ACK */
	if (status >= 200 && !(status == 481 && strstr(cseq, "CANCEL")))
		check_repeat(key_of(branch, cseq, 1), status, message);
	if (strstr(cseq, "BYE") && status == 200)
		party->is_bye_ok = true;
	if (!party->is_caller || strcmp(cseq, "1 INVITE") != 0 ||
	    strcmp(branch, party->branch) != 0)
		return;
	party->saw_1xx |= status < 200;
	header(message->bytes, "To", buf, sizeof(buf));
	if (status > 100)
		param(buf, "tag", party->their_tag, sizeof(party->their_tag));
	header(message->bytes, "Contact", buf, sizeof(buf));
	if (buf[0])
		uri_of(buf, party->target, sizeof(party->target));
	if (status >= 200 && !party->final)
		party->final = status;
}

static void new_callee(const struct rig_message *message, const char *call_id,
		       const char *branch)
{
	struct party *party = &parties[n_parties];
	char buf[512];

	if (n_parties == PARTIES_MAX)
		return;
	memset(party, 0, sizeof(*party));
	party->addr = message->to;
	party->transport = message->transport;
	party->side = SIDE_GATEWAY;
	party->born_us = rig.worker.now_us;
	snprintf(party->call_id, sizeof(party->call_id), "%s", call_id);
	snprintf(party->branch, sizeof(party->branch), "%s", branch);
	snprintf(party->our_tag, sizeof(party->our_tag), "g%u", n_parties);
	header(message->bytes, "Via", party->via, sizeof(party->via));
	header(message->bytes, "CSeq", party->cseq_text,
	       sizeof(party->cseq_text));
	header(message->bytes, "From", buf, sizeof(buf));
	param(buf, "tag", party->their_tag, sizeof(party->their_tag));
	uri_of(buf, party->their_uri, sizeof(party->their_uri));
	header(message->bytes, "To", buf, sizeof(buf));
	uri_of(buf, party->our_uri, sizeof(party->our_uri));
	header(message->bytes, "Contact", buf, sizeof(buf));
	uri_of(buf, party->target, sizeof(party->target));
	n_parties++;
}

static void note_open(struct party *party, const char *method,
		      const char *bytes)
{
	struct open_request *open = &opens[n_opens];

	if (n_opens == OPEN_MAX)
		return;
	open->party = (unsigned)(party - parties);
	snprintf(open->method, sizeof(open->method), "%s", method);
	header(bytes, "Via", open->via, sizeof(open->via));
	header(bytes, "From", open->from, sizeof(open->from));
	header(bytes, "To", open->to, sizeof(open->to));
	header(bytes, "CSeq", open->cseq, sizeof(open->cseq));
	for (unsigned i = 0; i < n_opens; i++)
		if (strcmp(opens[i].via, open->via) == 0 &&
		    strcmp(opens[i].cseq, open->cseq) == 0)
			return; /* repeated */
	n_opens++;
}

static void hear_in_dialog(struct party *party, const char *method,
			   const struct rig_message *message)
{
	if (strcmp(method, "ACK") == 0) {
		party->is_acked |= party->final / 100 == 2;
		return;
	}
	if (strcmp(method, "BYE") == 0)
		party->got_bye = true;
	if (strcmp(method, "CANCEL") == 0)
		party->got_cancel = true;
	note_open(party, method, message->bytes);
}

static void hear_request(const struct rig_message *message)
{
	char buf[512], method[16], call_id[128], branch[96];
	struct party *party;

	snprintf(method, sizeof(method), "%.*s",
		 (int)strcspn(message->bytes, " "), message->bytes);
	header(message->bytes, "Call-ID", call_id, sizeof(call_id));
	header(message->bytes, "Via", buf, sizeof(buf));
	param(buf, "branch", branch, sizeof(branch));
	check_repeat(key_of(branch, method, 2), 0, message);
	party = party_of(call_id);
	header(message->bytes, "To", buf, sizeof(buf));
	if (strcmp(method, "INVITE") == 0 && !strstr(buf, ";tag=")) {
		if (!party)
			new_callee(message, call_id, branch);
	} else if (party) {
		hear_in_dialog(party, method, message);
	} else {
		fail("a request to nobody:\n%s", message->bytes);
	}
}

/* Later, nobody may wait for an answer any more (timer B). */
static bool is_in_time(const struct party *party)
{
	return rig.worker.now_us < party->born_us + REPEAT_US;
}

void peers_read(void)
{
	if (rig.is_committed && taken_1xx && is_in_time(taken_1xx))
		taken_1xx->was_taken_1xx = true;
	/* the ACK of a 2xx nobody wants is not stored: it may be lost, and is
	 * sent again when the 2xx comes again, as it does from real peers */
	if (rig.is_committed && !rig.has_died && taken_2xx &&
	    is_in_time(taken_2xx))
		taken_2xx->was_taken_2xx = true;
	taken_1xx = taken_2xx = NULL;
	for (unsigned i = 0; i < rig.n_sent; i++) {
		if (strncmp(rig.sent[i].bytes, "SIP/2.0 ", 8) == 0)
			hear_response(&rig.sent[i]);
		else
			hear_request(&rig.sent[i]);
	}
	rig_forget_sent();
}

/* ---- the ledger ---------------------------------------------------------- */

static void settle_caller(const struct party *party)
{
	if (party->saw_1xx && !party->final)
		fail("caller %s never got a final answer", party->call_id);
	if (party->final / 100 == 2 && !party->got_bye && !party->is_bye_ok)
		fail("caller %s was answered and not ended", party->call_id);
}

static void settle_callee(const struct party *party, bool is_polite)
{
	if (party->was_taken_1xx && !party->final && !party->got_cancel)
		fail("callee %s rings for ever", party->call_id);
	if (party->was_taken_2xx && is_polite && !party->is_acked)
		fail("callee %s got no ACK (final %d)", party->call_id,
		     party->final);
	if (party->is_acked && !party->got_bye && !party->is_bye_ok)
		fail("callee %s was acknowledged and not ended",
		     party->call_id);
}

void peers_settle(bool is_polite)
{
	for (unsigned i = 0; i < n_parties; i++) {
		if (parties[i].transport == TRANSPORT_TCP && rig.lost_streams)
			continue;
		if (parties[i].is_caller)
			settle_caller(&parties[i]);
		else
			settle_callee(&parties[i], is_polite);
	}
}
