/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl calls`: a row for each call record.  A field of the row is a
 * function of the record; the table call_fields names them in the order of the
 * document.
 */
#include "sip/sdp.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"

struct row {
	const struct ctl_view *view;
	const struct call_record *call;
};

typedef json_t *field_fn(const struct row *row);

static json_t *text_json(const struct row *row, struct record_text text)
{
	return ctl_json_text_or_null(record_slice(row->call, text));
}

/* The leg of this side; the callee's when both are (trunk to trunk), since it
 * is the one that was routed to.  -1: none. */
static int leg_of_side(const struct call_record *call, enum listener_side side)
{
	if (call->leg[LEG_B].side == side && call->leg[LEG_B].peer.len)
		return LEG_B;
	return call->leg[LEG_A].side == side ? LEG_A : -1;
}

/* ---- state --------------------------------------------------------------- */

static bool sdp_is_held(struct slice body)
{
	struct sdp *sdp = calloc(1, sizeof(*sdp));
	const char *why;
	bool is_held = false;
	int audio;

	if (sdp && body.len && sdp_parse(body, sdp, &why) == 0) {
		audio = sdp_audio(sdp);
		is_held =
			audio >= 0 && (sdp->media[audio].is_hold_address ||
				       sdp->media[audio].flow != SDP_SENDRECV);
	}
	free(sdp);
	return is_held;
}

/* Held: answered, and audio does not flow both ways.  Without a media worker
 * the peers' own words are all there is. */
static bool is_held(const struct call_record *call)
{
	const struct media_wish *wish = &call->wish;

	if (!wish->is_on)
		return sdp_is_held(record_slice(call,
						call->leg[LEG_A].remote_sdp)) ||
		       sdp_is_held(
			       record_slice(call, call->leg[LEG_B].remote_sdp));
	return wish->is_held ||
	       (wish->side[LEG_A].flow & wish->side[LEG_B].flow) !=
		       (MEDIA_TAKE | MEDIA_GIVE);
}

static json_t *field_state(const struct row *row)
{
	static const char *const words[N_CALL_STATES] = {
		[CALL_TRYING] = "trying", [CALL_RINGING] = "ringing",
		[CALL_EARLY] = "early",	  [CALL_ANSWERED] = "answered",
		[CALL_ENDING] = "ending", [CALL_ABSORBING] = "ending",
	};
	unsigned state = row->call->state;

	if (state >= N_CALL_STATES)
		return json_null();
	if (state == CALL_ANSWERED && is_held(row->call))
		return json_string("held");
	return json_string(words[state]);
}

/* ---- who ----------------------------------------------------------------- */

static json_t *field_id(const struct row *row)
{
	char text[CALL_ID_TEXT_MAX];

	return json_string(call_id_text(row->call->id, text));
}

static json_t *field_direction(const struct row *row)
{
	return json_string(row->call->direction == CALL_INBOUND ? "inbound"
								: "outbound");
}

static json_t *field_from(const struct row *row)
{
	return text_json(row, row->call->from);
}

static json_t *field_to(const struct row *row)
{
	return text_json(row, row->call->to);
}

static json_t *peer_of_side(const struct row *row, enum listener_side side)
{
	int leg = leg_of_side(row->call, side);

	return leg < 0 ? json_null() : text_json(row, row->call->leg[leg].peer);
}

static json_t *field_frontend(const struct row *row)
{
	return peer_of_side(row, SIDE_INTERNAL);
}

static json_t *field_gateway(const struct row *row)
{
	return peer_of_side(row, SIDE_GATEWAY);
}

static json_t *field_trunk(const struct row *row)
{
	return text_json(row, row->call->trunk);
}

static json_t *field_server(const struct row *row)
{
	struct slot_id slot = {SLOT_SIGNALLING,
			       (uint8_t)call_book(row->call->id)};
	char name[SLOT_NAME_MAX];

	return json_string(slot_name(slot, name));
}

static json_t *field_media(const struct row *row)
{
	struct slot_id slot = {SLOT_MEDIA, row->call->wish.worker};
	char name[SLOT_NAME_MAX];

	return slot.index ? json_string(slot_name(slot, name)) : json_null();
}

/* ---- when ---------------------------------------------------------------- */

static json_t *field_started(const struct row *row)
{
	return ctl_json_time(row->call->started_wall_us);
}

static json_t *field_answered(const struct row *row)
{
	return ctl_json_time(row->call->answered_wall_us);
}

/* Seconds of conversation: 0 before the answer, stands still after the end. */
static json_t *field_duration(const struct row *row)
{
	const struct call_record *call = row->call;
	uint64_t answered_us = call->answered_us, now_us = row->view->now_us;

	if (!answered_us)
		return json_real(0);
	if (call->ended_wall_us > call->answered_wall_us)
		return ctl_json_seconds(call->ended_wall_us -
					call->answered_wall_us);
	return ctl_json_seconds(now_us > answered_us ? now_us - answered_us
						     : 0);
}

/* ---- media --------------------------------------------------------------- */

static json_t *codec_of_side(const struct row *row, enum listener_side side)
{
	int leg = leg_of_side(row->call, side);
	const char *codec;

	if (leg < 0)
		return json_null();
	codec = row->call->wish.side[leg].codec;
	return ctl_json_text_or_null((struct slice){
		codec,
		strnlen(codec, sizeof(row->call->wish.side[leg].codec))});
}

static json_t *field_codec_internal(const struct row *row)
{
	return codec_of_side(row, SIDE_INTERNAL);
}

static json_t *field_codec_gateway(const struct row *row)
{
	return codec_of_side(row, SIDE_GATEWAY);
}

/* By the profile that the peer named; null before it said anything. */
static json_t *srtp_of_side(const struct row *row, enum listener_side side)
{
	int leg = leg_of_side(row->call, side);
	struct slice sdp = SLICE_NONE;

	if (leg >= 0)
		sdp = record_slice(row->call, row->call->leg[leg].remote_sdp);
	if (!sdp.len)
		return json_null();
	return json_boolean(memmem(sdp.ptr, sdp.len, "RTP/SAVP", 8) != NULL);
}

static json_t *field_srtp_internal(const struct row *row)
{
	return srtp_of_side(row, SIDE_INTERNAL);
}

static json_t *field_srtp_gateway(const struct row *row)
{
	return srtp_of_side(row, SIDE_GATEWAY);
}

/* Do the peers send to each other without us? */
static json_t *field_bypass(const struct row *row)
{
	const struct call_record *call = row->call;

	return json_boolean(call->wish.worker == 0 &&
			    call->leg[LEG_A].remote_sdp.len &&
			    call->leg[LEG_B].remote_sdp.len);
}

static json_t *try_json(const struct row *row, const struct try_record *try)
{
	return json_pack("{s:o, s:o, s:i, s:o, s:o, s:o}", "trunk",
			 text_json(row, try->trunk), "code",
			 try->code ? json_integer(try->code) : json_null(),
			 "ms", (int)try->ms, "peer", text_json(row, try->peer),
			 "called", text_json(row, try->called), "calling",
			 text_json(row, try->calling));
}

/* Those made so far: the record plans all of them ahead. */
static json_t *field_tries(const struct row *row)
{
	const struct call_record *call = row->call;
	json_t *tries = json_array();

	for (unsigned i = 0;
	     i < call->n_tries && i < TRIES_MAX && i <= call->this_try; i++)
		json_array_append_new(tries, try_json(row, &call->tries[i]));
	return tries;
}

static const struct {
	const char *name;
	field_fn *make;
} call_fields[] = {
	{"id", field_id},
	{"direction", field_direction},
	{"state", field_state},
	{"from", field_from},
	{"to", field_to},
	{"frontend", field_frontend},
	{"gateway", field_gateway},
	{"trunk", field_trunk},
	{"server", field_server},
	{"media", field_media},
	{"started", field_started},
	{"answered", field_answered},
	{"duration", field_duration},
	{"codec_internal", field_codec_internal},
	{"codec_gateway", field_codec_gateway},
	{"srtp_internal", field_srtp_internal},
	{"srtp_gateway", field_srtp_gateway},
	{"bypass", field_bypass},
	{"tries", field_tries},
};

json_t *ctl_call_json(const struct ctl_view *view,
		      const struct call_record *call)
{
	struct row row = {view, call};
	json_t *object = json_object();

	for (unsigned i = 0; i < sizeof(call_fields) / sizeof(call_fields[0]);
	     i++)
		json_object_set_new(object, call_fields[i].name,
				    call_fields[i].make(&row));
	return object;
}

json_t *ctl_calls_json(const struct ctl_view *view)
{
	bool is_all = view->ctl->options[CTL_OPTION_ALL] != NULL;
	json_t *rows = json_array();

	for (unsigned i = 0; i < view->n_calls; i++)
		if (is_all || ctl_call_is_active(view->calls[i]))
			json_array_append_new(
				rows, ctl_call_json(view, view->calls[i]));
	return rows;
}

int ctl_calls(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{"CALL", "id", CELL_TEXT},
		{"STATE", "state", CELL_STATE},
		{"DIRECTION", "direction", CELL_TEXT},
		{"FROM", "from", CELL_TEXT},
		{"TO", "to", CELL_TEXT},
		{"FRONTEND", "frontend", CELL_TEXT},
		{"GATEWAY", "gateway", CELL_TEXT},
		{"TRUNK", "trunk", CELL_TEXT},
		{"STARTED", "started", CELL_TIME},
		{"TALK", "duration", CELL_DURATION},
		{"CODEC", "codec_gateway", CELL_TEXT},
		{"SERVER", "server", CELL_TEXT},
		{"MEDIA", "media", CELL_TEXT},
		{0}};

	return ctl_show_rows(ctl, ctl_calls_json, columns);
}
