/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that need no transaction: refusals before a call exists, and
 * OPTIONS.  Signalling worker.  Our tag here is a hash of what identifies the
 * request, so that a repeat is answered alike (RFC 3261 8.2.7).
 */
#include "sip/write.h"
#include "worker/intake.h"
#include "worker/message.h"

#define REPLY_MAX (SIP_HEAD_MAX + 8192) /* of it what a reply repeats */

static void stateless_tag(const struct sip_message *message, char tag[32])
{
	struct out out = out_init(tag, 32);
	uint64_t hash = slice_hash(
		message->branch,
		slice_hash(message->call_id, slice_hash(message->from, 7)));

	out_text(&out, "s");
	out_hex(&out, &hash, sizeof(hash));
	out_end(&out);
}

struct slice reply_write(const struct arrival *arrival,
			 const struct sip_message *message, int status,
			 const char *reason, const char *tag, const char *extra)
{
	static char buf[REPLY_MAX];
	struct out out = out_init(buf, sizeof(buf));

	sip_write_response_head(&out, message, status, slice_of(reason),
				slice_of(tag), &arrival->from.addr);
	out_text(&out, extra);
	message_write_server(&out);
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	return out.is_full ? SLICE_NONE : out_as_slice(&out);
}

void reply_stateless(const struct arrival *arrival,
		     const struct sip_message *message, int status,
		     const char *reason, const char *extra)
{
	struct target target = arrival->from;
	struct slice bytes;
	uint64_t effect;
	char tag[32];

	if (!message->is_request || message->method == SIP_ACK)
		return;
	stateless_tag(message, tag);
	bytes = reply_write(arrival, message, status, reason, tag, extra);
	if (bytes.len &&
	    transport_send(arrival->server, &target, bytes, &effect) < 0)
		worker_count(arrival->server->worker, COUNTER_send_errors);
}

const char *reply_retry_after(void)
{
	static char line[32];
	struct out out = out_init(line, sizeof(line));
	uint8_t jitter;

	random_bytes(&jitter, sizeof(jitter));
	out_printf(&out, "Retry-After: %u\r\n", 2u + jitter % 8u);
	return out_end(&out);
}

/* The pool's real state: with shared addressing a peer speaks to all Mediation
 * Servers at once, so one of them may drain and the pool still takes calls. */
static bool takes_no_calls(struct server *server)
{
	struct worker *worker = server->worker;
	struct slot_record slots[BOOK_MAX + MEDIA_SLOT_MAX];
	struct pool_record pool;
	char name[SLOT_NAME_MAX];
	unsigned n;

	if (worker->child.config->pool.addressing == ADDRESSING_PER_SERVER)
		return worker->is_draining || server->is_draining;
	if (pool_table_get_pool(worker->health.pool, &pool) == 0 &&
	    pool.state == POOL_DRAINING)
		return true;
	n = (unsigned)pool_table_slots(worker->health.pool, slots,
				       BOOK_MAX + MEDIA_SLOT_MAX);
	for (unsigned i = 0; i < n; i++)
		if (slots[i].slot.kind == SLOT_SIGNALLING &&
		    slots[i].state == SLOT_UP &&
		    !(pool_table_admin(
			      worker->health.pool,
			      slice_of(slot_name(slots[i].slot, name))) &
		      ADMIN_DRAINED))
			return false;
	return true;
}

void reply_options(const struct arrival *arrival,
		   const struct sip_message *message)
{
	if (takes_no_calls(arrival->server)) {
		reply_stateless(arrival, message, 503, "Service Unavailable",
				reply_retry_after());
		return;
	}
	reply_stateless(arrival, message, 200, "OK",
			"Allow: " MESSAGE_ALLOW "\r\n"
			"Accept: application/sdp\r\n");
}
