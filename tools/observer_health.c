/* SPDX-License-Identifier: Apache-2.0
 *
 * See observer_health.h.  Observer.
 *
 *   /live    would a restart of the service help?  503 when the master is gone
 *   /ready   should new calls be sent here?        503 while none is taken
 *   /health  the same as JSON, with what is not right; 503 only when not ready
 */
#include "tools/observer_health.h"

#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/metrics_snapshot.h"

#define UNAVAILABLE 503

static void say(struct http_reply *reply, const char *why)
{
	if (why)
		reply->status = UNAVAILABLE;
	fprintf(reply->body, "%s\n", why ? why : "ok");
}

void health_live(struct ctl *ctl, struct http_reply *reply)
{
	struct snapshot snapshot;
	bool is_alive = snapshot_open(ctl, &snapshot) == 0 &&
			snapshot.view->is_master_alive;

	snapshot_done(&snapshot);
	say(reply, is_alive ? NULL : "the master is gone");
}

void health_ready(struct ctl *ctl, struct http_reply *reply)
{
	struct snapshot snapshot;
	const char *why = "the shared state cannot be read";

	if (snapshot_open(ctl, &snapshot) == 0)
		why = snapshot_not_ready(&snapshot);
	snapshot_done(&snapshot);
	say(reply, why);
}

static json_t *up_of(const struct snapshot *snapshot, enum slot_kind kind)
{
	unsigned up, of;

	snapshot_workers(snapshot, kind, &up, &of);
	return json_pack("{s:i, s:i}", "up", (int)up, "of", (int)of);
}

/* The words of draft-inadarei-api-health-check. */
static const char *word_of(const char *why, const json_t *attention)
{
	if (why)
		return "fail";
	return json_array_size(attention) ? "warn" : "pass";
}

static json_t *document(const struct snapshot *snapshot, const char *why)
{
	json_t *attention = ctl_attention_json(snapshot->view);

	return json_pack("{s:s, s:s, s:s?, s:b, s:o, s:o, s:o}", "status",
			 word_of(why, attention), "version", PACKAGE_VERSION,
			 "reason", why, "live", snapshot->view->is_master_alive,
			 "signalling", up_of(snapshot, SLOT_SIGNALLING),
			 "media", up_of(snapshot, SLOT_MEDIA), "attention",
			 attention);
}

void health_all(struct ctl *ctl, struct http_reply *reply)
{
	struct snapshot snapshot;
	json_t *root = NULL;

	if (snapshot_open(ctl, &snapshot) == 0) {
		const char *why = snapshot_not_ready(&snapshot);

		root = document(&snapshot, why);
		reply->status = why ? UNAVAILABLE : reply->status;
	}
	snapshot_done(&snapshot);
	if (!root) {
		say(reply, "the shared state cannot be read");
		return;
	}
	reply->type = "application/health+json";
	json_dumpf(root, reply->body, JSON_INDENT(2));
	fputc('\n', reply->body);
	json_decref(root);
}
