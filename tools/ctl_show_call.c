/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl show call ID`: the row of `calls` and beside it both legs'
 * dialogs, their session descriptions and what the media worker counted.
 * Trap: session descriptions may hold SRTP keys, which are never shown.
 */
#include <stdlib.h>

#include "rtp/quality.h"
#include "sip/uri.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

#define MASK "***"

/* ---- session descriptions ------------------------------------------------ */

/* Where in an SDP line a key begins, 0 when it holds none: `k=` (RFC 8866
 * 5.12) and the inline keys of `a=crypto:` (RFC 4568) are masked from the
 * keyword on, so that nothing behind it can slip through. */
static size_t key_offset(struct slice line)
{
	static const char *const prefixes[] = {
		"k=", "a=crypto:", "a=key-mgmt:", "a=ice-pwd:"};

	for (unsigned i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (slice_starts_nocase(line, slice_of(prefixes[i])))
			return strlen(prefixes[i]);
	return 0;
}

/* "1 AES_CM_128_HMAC_SHA1_80" of a crypto line may be seen: tag and suite. */
static size_t crypto_shown(struct slice line, size_t offset)
{
	unsigned blanks = 0;

	if (!slice_starts_nocase(line, SLICE("a=crypto:")))
		return offset;
	for (size_t i = offset; i < line.len; i++)
		if (line.ptr[i] == ' ' && ++blanks == 2)
			return i + 1;
	return offset;
}

json_t *ctl_masked_sdp(struct slice sdp)
{
	/* the shortest line, "k=" and a line feed, grows most: from 3 to 7 */
	size_t room = sdp.len * 3 + sizeof(MASK "\r\n");
	char *text = malloc(room);
	struct out out = out_init(text, room);
	json_t *value;

	if (!sdp.len || !text) {
		free(text);
		return json_null();
	}
	while (sdp.len) {
		struct slice line = slice_cut(&sdp, '\n');
		size_t shown = key_offset(line);

		if (shown) {
			shown = crypto_shown(line, shown);
			out_slice(&out, (struct slice){line.ptr, shown});
			out_text(&out, MASK "\r");
		} else {
			out_slice(&out, line);
		}
		out_char(&out, '\n');
	}
	value = ctl_json_text(out_as_slice(&out));
	free(text);
	return value;
}

/* ---- legs ---------------------------------------------------------------- */

static const char *const side_words[] = {
	[SIDE_INTERNAL] = "internal",
	[SIDE_GATEWAY] = "gateway",
};

static const char *const leg_state_words[N_LEG_STATES] = {
	[LEG_IDLE] = "idle",
	[LEG_CALLING] = "calling",
	[LEG_PROCEEDING] = "proceeding",
	[LEG_EARLY] = "early",
	[LEG_ANSWERED] = "answered",
	[LEG_CONFIRMED] = "confirmed",
	[LEG_ENDING] = "ending",
	[LEG_ENDED] = "ended",
};

static const char *word(const char *const *words, unsigned n, unsigned index)
{
	return index < n ? words[index] : "unknown";
}

static const char *side_word(const struct leg_record *leg)
{
	return word(side_words, 2, leg->side);
}

static json_t *local_tag_json(const struct call_record *call, unsigned index)
{
	const struct leg_record *leg = &call->leg[index];
	struct token token = {call->id, index == LEG_A ? 'a' : 'b'};
	char tag[TAG_MAX];

	if (leg->state == LEG_IDLE)
		return json_null();
	return json_string(tag_make(&token, leg->secret, leg->local_fork, tag));
}

static json_t *leg_text(const struct call_record *call, struct record_text text)
{
	return ctl_json_text_or_null(record_slice(call, text));
}

/* The callee's tag stands with its URI alone. */
static json_t *remote_tag_json(const struct call_record *call,
			       const struct leg_record *leg)
{
	struct slice tag = record_slice(call, leg->remote_tag);
	struct name_addr name;

	if (!tag.len &&
	    name_addr_parse(record_slice(call, leg->remote_uri), &name, NULL) ==
		    0 &&
	    !name_addr_param(&name, "tag", &tag))
		tag = SLICE_NONE;
	return ctl_json_text_or_null(tag);
}

static json_t *leg_json(const struct call_record *call, unsigned index)
{
	static const char *const transports[] = {"udp", "tcp", "tls"};
	static const char *const offers[] = {"none", "peer", "us"};
	const struct leg_record *leg = &call->leg[index];

	return json_pack(
		"{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:I, s:I, s:s, s:i, s:o, s:o}",
		"leg", index == LEG_A ? "a" : "b", "side", side_word(leg),
		"state", word(leg_state_words, N_LEG_STATES, leg->state),
		"peer", leg_text(call, leg->peer), "transport",
		word(transports, 3, leg->transport), "address",
		ctl_json_addr(&leg->hop), "call_id",
		leg_text(call, leg->call_id), "local_tag",
		local_tag_json(call, index), "remote_tag",
		remote_tag_json(call, leg), "local_uri",
		leg_text(call, leg->local_uri), "remote_uri",
		leg_text(call, leg->remote_uri), "remote_target",
		leg_text(call, leg->remote_target), "route_set",
		leg_text(call, leg->route_set), "local_cseq",
		(json_int_t)leg->local_cseq, "remote_cseq",
		(json_int_t)leg->remote_cseq, "offer",
		word(offers, 3, leg->offer), "forks", (int)leg->n_forks, "sdp",
		ctl_masked_sdp(record_slice(call, leg->remote_sdp)),
		"open_offer",
		ctl_masked_sdp(record_slice(call, leg->open_offer)));
}

/* ---- streams ------------------------------------------------------------- */

static json_t *count_json(const _Atomic uint64_t *count)
{
	return json_integer(
		(json_int_t)atomic_load_explicit(count, memory_order_relaxed));
}

static json_t *mos_json(const struct stream_side_row *row, const char *codec)
{
	struct quality quality = {
		.received = atomic_load(&row->packets_in),
		.lost = atomic_load(&row->lost),
		.jitter_us = atomic_load(&row->jitter_us),
		.codec = codec,
	};

	if (!quality.received)
		return json_null();
	return ctl_json_rounded(quality_mos(&quality));
}

/* How digits travel on this side: null when they do not by themselves. */
static json_t *dtmf_json(const struct call_record *call,
			 const struct leg_record *leg)
{
	struct slice sdp = record_slice(call, leg->remote_sdp);
	static const char name[] = "telephone-event";

	if (sdp.len && memmem(sdp.ptr, sdp.len, name, sizeof(name) - 1))
		return json_string("rfc4733");
	return json_null();
}

static json_t *last_packet_json(const struct ctl_view *view,
				const struct stream_side_row *row)
{
	uint64_t last_us = atomic_load(&row->last_packet_us);

	if (!last_us)
		return json_null();
	return ctl_json_seconds(view->now_us > last_us ? view->now_us - last_us
						       : 0);
}

static json_t *stream_json(const struct ctl_view *view,
			   const struct call_record *call, unsigned index,
			   const struct stream_side_row *row)
{
	const struct media_side *side = &call->wish.side[index];
	const struct leg_record *leg = &call->leg[index];
	const char *codec = side->codec;

	return json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o}",
		"side", side_word(leg), "leg", index == LEG_A ? "a" : "b",
		"local", ctl_json_addr(&side->local), "remote",
		ctl_json_addr(&side->remote), "learned",
		ctl_json_addr(&row->learned), "codec",
		ctl_json_text_or_null((struct slice){
			codec, strnlen(codec, sizeof(side->codec))}),
		"packets_in", count_json(&row->packets_in), "packets_out",
		count_json(&row->packets_out), "bytes_in",
		count_json(&row->bytes_in), "lost", count_json(&row->lost),
		"refused", count_json(&row->refused), "jitter_ms",
		ctl_json_ms(atomic_load(&row->jitter_us)), "mos",
		mos_json(row, codec), "dtmf", dtmf_json(call, leg),
		"last_packet_ago", last_packet_json(view, row), "ssrc",
		json_integer(atomic_load(&row->ssrc)));
}

/* Both sides of the call's row on its media worker's page; without a row yet,
 * no stream. */
static json_t *streams_json(const struct ctl_view *view,
			    const struct call_record *call)
{
	unsigned worker = call->wish.worker;
	const struct stream_row *row = NULL;
	json_t *streams = json_array();

	if (worker && worker <= MEDIA_SLOT_MAX && view->streams[worker])
		row = stream_board_find(view->streams[worker], call->id);
	for (unsigned i = 0; row && i < N_LEGS; i++)
		json_array_append_new(
			streams, stream_json(view, call, i, &row->side[i]));
	return streams;
}

/* Every owner of a book raises its epoch; null for calls of a release that did
 * not note it. */
static json_t *adoptions_json(const struct ctl_view *view,
			      const struct call_record *call)
{
	for (unsigned i = 0; i < view->n_slots && call->born_epoch; i++)
		if (view->slots[i].slot.kind == SLOT_SIGNALLING &&
		    view->slots[i].slot.index == call_book(call->id))
			return json_integer((json_int_t)view->slots[i].epoch -
					    call->born_epoch);
	return json_null();
}

json_t *ctl_call_details_json(const struct ctl_view *view,
			      const struct call_record *call)
{
	json_t *object = ctl_call_json(view, call);
	json_t *legs = json_array();

	for (unsigned i = 0; i < N_LEGS; i++)
		json_array_append_new(legs, leg_json(call, i));
	json_object_set_new(object, "code",
			    call->code ? json_integer(call->code)
				       : json_null());
	json_object_set_new(object, "adoptions", adoptions_json(view, call));
	json_object_set_new(object, "legs", legs);
	json_object_set_new(object, "streams", streams_json(view, call));
	return object;
}

/* ---- for people ---------------------------------------------------------- */

static const struct ctl_column call_columns[] = {
	{"State", "state", CELL_STATE},
	{"Direction", "direction", CELL_TEXT},
	{"From", "from", CELL_TEXT},
	{"To", "to", CELL_TEXT},
	{"Front end", "frontend", CELL_TEXT},
	{"Gateway", "gateway", CELL_TEXT},
	{"Trunk", "trunk", CELL_TEXT},
	{"Server", "server", CELL_TEXT},
	{"Media", "media", CELL_TEXT},
	{"Started", "started", CELL_TIME},
	{"Answered", "answered", CELL_TIME},
	{"Talk", "duration", CELL_DURATION},
	{"Bypass", "bypass", CELL_TEXT},
	{0}};

static const struct ctl_column try_columns[] = {
	{"TRUNK", "trunk", CELL_TEXT},
	{"PEER", "peer", CELL_TEXT},
	{"CODE", "code", CELL_NUMBER},
	{"MS", "ms", CELL_NUMBER},
	{"CALLED", "called", CELL_TEXT},
	{"CALLING", "calling", CELL_TEXT},
	{0}};

static const struct ctl_column leg_columns[] = {
	{"Leg", "leg", CELL_TEXT},
	{"Side", "side", CELL_TEXT},
	{"State", "state", CELL_STATE},
	{"Peer", "peer", CELL_TEXT},
	{"Address", "address", CELL_TEXT},
	{"Transport", "transport", CELL_TEXT},
	{"Call-ID", "call_id", CELL_TEXT},
	{"Local URI", "local_uri", CELL_TEXT},
	{"Local tag", "local_tag", CELL_TEXT},
	{"Remote URI", "remote_uri", CELL_TEXT},
	{"Remote tag", "remote_tag", CELL_TEXT},
	{"Remote target", "remote_target", CELL_TEXT},
	{"Route set", "route_set", CELL_TEXT},
	{"CSeq sent", "local_cseq", CELL_NUMBER},
	{"CSeq received", "remote_cseq", CELL_NUMBER},
	{0}};

static const struct ctl_column stream_columns[] = {
	{"SIDE", "side", CELL_TEXT},
	{"LOCAL", "local", CELL_TEXT},
	{"REMOTE", "remote", CELL_TEXT},
	{"CODEC", "codec", CELL_TEXT},
	{"IN", "packets_in", CELL_NUMBER},
	{"OUT", "packets_out", CELL_NUMBER},
	{"LOST", "lost", CELL_NUMBER},
	{"REFUSED", "refused", CELL_NUMBER},
	{"JITTER/MS", "jitter_ms", CELL_NUMBER},
	{"MOS", "mos", CELL_NUMBER},
	{"DTMF", "dtmf", CELL_TEXT},
	{0}};

/* Line by line through the cell printer, which disarms control characters. */
static void print_sdp(const struct ctl *ctl, const char *title,
		      const json_t *sdp)
{
	struct slice rest = slice_of(json_string_value(sdp));

	if (!rest.len)
		return;
	fprintf(ctl->out, "  %s\n", title);
	while (rest.len) {
		struct slice line = slice_cut(&rest, '\n');
		char text[CELL_MAX];
		json_t *value;

		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		value = ctl_json_text(line);
		fprintf(ctl->out, "    %s\n",
			ctl_cell_text(value, CELL_TEXT, text));
		json_decref(value);
	}
}

static void print_call(const struct ctl *ctl, const json_t *call)
{
	const json_t *leg;
	size_t i;

	fprintf(ctl->out, "Call %s\n",
		json_string_value(json_object_get(call, "id")));
	ctl_table_print_fields(ctl, call_columns, call);
	fputs("\nTries\n", ctl->out);
	ctl_table_print(ctl, try_columns, json_object_get(call, "tries"));
	json_array_foreach(json_object_get(call, "legs"), i, leg)
	{
		fputc('\n', ctl->out);
		ctl_table_print_fields(ctl, leg_columns, leg);
		print_sdp(ctl, "SDP of the peer", json_object_get(leg, "sdp"));
		print_sdp(ctl, "Offer of the peer, not answered yet",
			  json_object_get(leg, "open_offer"));
	}
	fputs("\nStreams\n", ctl->out);
	ctl_table_print(ctl, stream_columns, json_object_get(call, "streams"));
}

static int show(const struct ctl *ctl, struct ctl_view *view, uint64_t id)
{
	struct call_record *call;
	json_t *details;
	int code = ctl_view_get_call(view, id, &call);

	if (code)
		return code;
	details = ctl_call_details_json(view, call);
	free(call);
	if (ctl->is_json)
		return ctl_json_print(ctl, details);
	print_call(ctl, details);
	json_decref(details);
	return CTL_DONE;
}

int ctl_show_call(struct ctl *ctl)
{
	struct ctl_view *view;
	uint64_t id;
	int code;

	if (call_id_parse(slice_of(ctl->args[0]), &id) < 0)
		return ctl_fail(ctl, CTL_NO_OBJECT,
				"%s is no call id (they look like ms1-42)",
				ctl->args[0]);
	code = ctl_view_open(ctl, &view);
	if (code)
		return code;
	code = show(ctl, view, id);
	ctl_view_free(view);
	return code;
}
