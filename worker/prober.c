/* SPDX-License-Identifier: Apache-2.0
 *
 * See prober.h.  Signalling worker, in the one that the master named.  A
 * probe is not a call: it is kept in memory only, its findings in
 * state/health; a prober that dies is followed by another that probes at once.
 */
#include "worker/prober.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sip/transaction.h"
#include "worker/message.h"
#include "worker/tally.h"

#define DOWN_INTERVAL_US (10 * USEC_PER_SEC)

struct probe {
	struct probe *next;
	char name[PEER_NAME_MAX];
	struct timer timer;
	uint64_t number;     /* in the branch of the open request; 0 none */
	uint64_t connection; /* that it went over */
	uint64_t sent_us, repeat_us, next_us;
	unsigned repeats;
	bool is_known; /* still configured */
	char bytes[1024];
	size_t len;
	struct health_record health;
};

struct prober {
	struct probe *probes;
	uint64_t next_number;
};

static struct server *any_server(struct worker *worker)
{
	for (unsigned i = 1; i <= BOOK_MAX; i++)
		if (worker->servers[i] && worker->servers[i]->book)
			return worker->servers[i];
	return NULL;
}

static const struct config_peer *peer_of(struct worker *worker,
					 const struct probe *probe)
{
	return config_peer(worker->child.config, slice_of(probe->name));
}

static void store(struct worker *worker, struct probe *probe)
{
	probe->health.next_probe_us = probe->next_us;
	(void)health_table_put(worker->health.table, slice_of(probe->name),
			       &probe->health);
}

static void arm(struct worker *worker, struct probe *probe,
		const struct config_peer *peer)
{
	uint64_t at = probe->next_us;

	if (probe->number) {
		uint64_t lost =
			probe->sent_us + peer->health.options_timeout_us;

		at = lost < at ? lost : at;
		if (probe->repeat_us && probe->repeat_us < at)
			at = probe->repeat_us;
	}
	wheel_set(worker->wheel, &probe->timer, at);
}

/* ---- sending ------------------------------------------------------------- */

static void write_options(struct server *server, struct probe *probe,
			  const struct target *target, struct out *out)
{
	char host[ADDR_TEXT_MAX], branch[BRANCH_MAX];
	uint8_t random[16];
	const char *via = transport_row(target->transport)->via;

	random_bytes(random, sizeof(random));
	addr_text(&target->addr, host);
	out_printf(out, "OPTIONS sip:%s SIP/2.0\r\nVia: %s", host, via);
	server_write_sent_by(server, target->listener, target->transport, out);
	out_printf(out,
		   ";branch=%s;rport\r\nMax-Forwards: 70\r\n"
		   "From: <sip:mspool@",
		   probe_branch_make(server->index, probe->number, branch));
	server_write_sent_by(server, target->listener, target->transport, out);
	out_text(out, ">;tag=");
	out_hex(out, random, 8);
	out_printf(out, "\r\nTo: <sip:%s>\r\nCall-ID: ", host);
	out_hex(out, random, sizeof(random));
	out_text(out, "\r\nCSeq: 1 OPTIONS\r\nContact: <sip:");
	server_write_sent_by(server, target->listener, target->transport, out);
	out_text(out, ">\r\nAccept: application/sdp\r\n"
		      "Allow: " MESSAGE_ALLOW "\r\n");
	out_text(out, "User-Agent: mspool/" PACKAGE_VERSION "\r\n");
	sip_write_body(out, SLICE_NONE, SLICE_NONE);
}

static int send_probe(struct server *server, struct probe *probe,
		      const struct config_peer *peer)
{
	const struct config_listener *at = config_listener_for_peer(
		server->worker->child.config, peer, -1);
	struct target target = {peer->transport, at ? at->id : 0, 0,
				peer->address};
	struct out out = out_init(probe->bytes, sizeof(probe->bytes));
	uint64_t effect;
	int error;

	if (!at || addr_is_none(&peer->address) ||
	    !transport_row(peer->transport))
		return -EADDRNOTAVAIL;
	if (!probe->repeats)
		write_options(server, probe, &target, &out);
	else
		out.len = probe->len;
	probe->len = out.len;
	error = transport_send(server, &target, out_as_slice(&out), &effect);
	probe->connection = target.connection;
	probe->repeat_us =
		transport_row(peer->transport)->is_reliable
			? 0
			: server->worker->now_us +
				  (SIP_T1_US
				   << (probe->repeats < 3 ? probe->repeats
							  : 3));
	return error;
}

static uint64_t interval_us(const struct probe *probe,
			    const struct config_peer *peer)
{
	uint64_t interval = peer->health.options_interval_us;

	if (probe->health.state == PROBE_DOWN && interval > DOWN_INTERVAL_US)
		return DOWN_INTERVAL_US;
	return interval;
}

static void set_state(struct worker *worker, struct probe *probe,
		      enum probe_state state)
{
	static const char *const event_names[] = {"gateway_unknown",
						  "gateway_up", "gateway_down"};
	char text[BOARD_EVENT_TEXT];
	struct out out = out_init(text, sizeof(text));

	if (probe->health.state == state)
		return;
	probe->health.state = (uint8_t)state;
	probe->health.since_wall_us = clock_wall_us();
	out_printf(&out, "gw=%s response=%u misses=%u", probe->name,
		   probe->health.last_response, probe->health.misses);
	log_event(state == PROBE_DOWN ? LOG_LVL_WARNING : LOG_LVL_NOTICE,
		  event_names[state], "%s", out_end(&out));
	board_event(worker->board,
		    state == PROBE_DOWN ? LOG_LVL_WARNING : LOG_LVL_NOTICE,
		    event_names[state], out_end(&out));
}

static void missed(struct worker *worker, struct probe *probe,
		   const struct config_peer *peer)
{
	probe->number = 0;
	probe->health.goods = 0;
	probe->health.misses++;
	probe->health.last_response = 408;
	probe->health.last_miss_us = probe->sent_us;
	worker_count(worker, COUNTER_probes_lost);
	tally_probe_lost(worker, slice_of(probe->name));
	if (probe->health.misses >= peer->health.options_misses) {
		set_state(worker, probe, PROBE_DOWN);
		if (probe->next_us > probe->sent_us + interval_us(probe, peer))
			probe->next_us =
				probe->sent_us + interval_us(probe, peer);
	}
	store(worker, probe);
}

static void begin(struct worker *worker, struct probe *probe,
		  const struct config_peer *peer)
{
	struct server *server = any_server(worker);

	probe->next_us = worker->now_us + interval_us(probe, peer);
	if (!server || !peer->is_enabled)
		return;
	if (probe->number) /* the last one is still open: it is lost */
		missed(worker, probe, peer);
	probe->number = ++worker->prober->next_number;
	probe->sent_us = worker->now_us;
	probe->repeats = 0;
	probe->health.last_sent_us = worker->now_us;
	worker_count(worker, COUNTER_probes_sent);
	if (send_probe(server, probe, peer))
		missed(worker, probe, peer);
}

void prober_expire(struct worker *worker, struct timer *timer)
{
	struct probe *probe =
		(struct probe *)((char *)timer - offsetof(struct probe, timer));
	const struct config_peer *peer = peer_of(worker, probe);
	uint64_t now = worker->now_us;
	struct server *server = any_server(worker);

	if (!peer || !server)
		return;
	if (probe->number &&
	    now >= probe->sent_us + peer->health.options_timeout_us) {
		missed(worker, probe, peer);
	} else if (probe->number && probe->repeat_us &&
		   now >= probe->repeat_us) {
		probe->repeats++;
		(void)send_probe(server, probe, peer);
	}
	if (now >= probe->next_us)
		begin(worker, probe, peer);
	arm(worker, probe, peer);
}

/* ---- what comes back ------------------------------------------------------
 */

static void answered(struct worker *worker, struct probe *probe,
		     const struct config_peer *peer, int status)
{
	bool is_good = status != 408 && status != 503;

	probe->number = 0;
	probe->health.rtt_us = (uint32_t)(worker->now_us - probe->sent_us);
	if (!is_good) {
		missed(worker, probe, peer);
		probe->health.last_response = (uint16_t)status;
		return;
	}
	tally_probe_answer(worker, slice_of(probe->name), probe->health.rtt_us);
	probe->health.last_response = (uint16_t)status;
	probe->health.misses = 0;
	probe->health.goods++;
	probe->health.last_good_us = probe->sent_us;
	if (probe->health.goods >= peer->health.options_recover)
		set_state(worker, probe, PROBE_UP);
	store(worker, probe);
}

void prober_on_response(struct worker *worker, uint64_t number,
			const struct sip_message *message)
{
	const struct config_peer *peer;

	if (!worker->prober || message->status < 200)
		return;
	for (struct probe *p = worker->prober->probes; p; p = p->next) {
		if (p->number != number)
			continue;
		peer = peer_of(worker, p);
		if (!peer)
			return;
		answered(worker, p, peer, message->status);
		arm(worker, p, peer);
		return;
	}
}

void prober_on_connection_lost(struct worker *worker, uint64_t connection)
{
	const struct config_peer *peer;

	if (!worker->prober)
		return;
	for (struct probe *p = worker->prober->probes; p; p = p->next) {
		peer = peer_of(worker, p);
		if (!peer || !p->number || p->connection != connection)
			continue;
		missed(worker, p, peer);
		arm(worker, p, peer);
	}
}

/* ---- who is probed --------------------------------------------------------
 */

static struct probe *find(struct prober *prober, const char *name)
{
	for (struct probe *p = prober->probes; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void add(struct worker *worker, const struct config_peer *peer)
{
	struct prober *prober = worker->prober;
	struct probe *probe = calloc(1, sizeof(*probe));

	must(probe);
	slice_copy(slice_of(peer->name), probe->name, sizeof(probe->name));
	probe->timer.kind = TIMER_PROBE;
	probe->is_known = true;
	(void)health_table_get(worker->health.table, slice_of(peer->name),
			       &probe->health);
	probe->next = prober->probes;
	prober->probes = probe;
	begin(worker, probe, peer);
	arm(worker, probe, peer);
}

static void drop_unknown(struct prober *prober)
{
	struct probe **link = &prober->probes, *probe;

	while ((probe = *link)) {
		if (probe->is_known) {
			link = &probe->next;
			continue;
		}
		*link = probe->next;
		timer_cancel(&probe->timer);
		free(probe);
	}
}

void prober_reload(struct worker *worker)
{
	const struct config *config = worker->child.config;
	struct prober *prober = worker->prober;
	struct probe *probe;

	if (!prober)
		return;
	for (probe = prober->probes; probe; probe = probe->next)
		probe->is_known = false;
	for (unsigned i = 0; i < config->n_peers; i++) {
		probe = find(prober, config->peers[i].name);
		if (!probe)
			add(worker, &config->peers[i]);
		else
			probe->is_known = true;
	}
	drop_unknown(prober);
}

/* One open per environment and process: the reader becomes the writer. */
static int own_table(struct worker *worker, bool is_writer)
{
	worker->health.table = health_table_forget(worker->health.table);
	return health_table_open(worker->child.run_dir, is_writer,
				 &worker->health.table);
}

void prober_start(struct worker *worker)
{
	int error;

	if (worker->prober)
		return;
	error = own_table(worker, true);
	if (error) {
		log_event(LOG_LVL_ERROR, "prober_failed", "error=%d", -error);
		return;
	}
	worker->prober = calloc(1, sizeof(*worker->prober));
	must(worker->prober);
	random_bytes(&worker->prober->next_number, 4);
	worker->prober->next_number |= 1;
	prober_reload(worker);
}

void prober_stop(struct worker *worker)
{
	struct prober *prober = worker->prober;

	if (!prober)
		return;
	for (struct probe *p = prober->probes; p; p = p->next)
		p->is_known = false;
	drop_unknown(prober);
	worker->health.table = health_table_forget(worker->health.table);
	worker->health.table = NULL;
	(void)health_table_open(worker->child.run_dir, false,
				&worker->health.table);
	free(prober);
	worker->prober = NULL;
}
