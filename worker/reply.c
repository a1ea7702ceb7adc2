/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that need no transaction: refusals before a call exists, and
 * OPTIONS.  Signalling worker.  Our tag here is a hash of what identifies the
 * request, so that a repeat is answered alike (RFC 3261 8.2.7).
 */
#include "sip/write.h"
#include "worker/intake.h"
#include "worker/message.h"

#define REPLY_MAX 16384

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

void reply_stateless(const struct arrival *arrival,
		     const struct sip_message *message, int status,
		     const char *reason, const char *extra)
{
	static char buf[REPLY_MAX];
	struct out out = out_init(buf, sizeof(buf));
	struct target target = arrival->from;
	uint64_t effect;
	char tag[32];

	if (!message->is_request || message->method == SIP_ACK)
		return;
	stateless_tag(message, tag);
	sip_write_response_head(&out, message, status, slice_of(reason),
				slice_of(tag), &arrival->from.addr);
	out_text(&out, extra);
	message_write_server(&out);
	sip_write_body(&out, SLICE_NONE, SLICE_NONE);
	if (out.is_full)
		return;
	if (transport_send(arrival->server, &target, out_as_slice(&out),
			   &effect) < 0)
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

void reply_options(const struct arrival *arrival,
		   const struct sip_message *message)
{
	struct server *server = arrival->server;

	if (server->is_draining || server->worker->is_draining) {
		reply_stateless(arrival, message, 503, "Service Unavailable",
				reply_retry_after());
		return;
	}
	reply_stateless(arrival, message, 200, "OK",
			"Allow: " MESSAGE_ALLOW "\r\n"
			"Accept: application/sdp\r\n");
}
