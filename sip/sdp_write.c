/* SPDX-License-Identifier: Apache-2.0
 *
 * Making offers and answers (RFC 3264) for one side out of what the other side
 * said.  Called by the worker; pure.  Our offer keeps the offerer's payload
 * numbers, so a well-behaved answerer needs no renumbering at all.
 * Trap: an answerer may pick numbers of its own to receive on; the maps then
 * tell the media worker how to rewrite packets.
 */
#include <errno.h>

#include "sip/chars.h"
#include "sip/sdp.h"

static const char *const dropped_attributes[] = {
#define SDP_DROPPED(name) name,
#include "sip/sdp_dropped.def"
#undef SDP_DROPPED
};

static bool is_dropped(struct slice attribute)
{
	size_t n = sizeof(dropped_attributes) / sizeof(*dropped_attributes);
	struct slice name = slice_trim(slice_cut(&attribute, ':'));

	if (name.len == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (slice_is_nocase(name, slice_of(dropped_attributes[i])))
			return true;
	return false;
}

/* Codecs */

static bool is_companion(struct slice encoding)
{
	return slice_is_nocase(encoding, SLICE("telephone-event")) ||
	       slice_is_nocase(encoding, SLICE("CN"));
}

/* Companions go with any codec and are no codec by themselves. */
static bool is_allowed(const struct sdp_payload *payload,
		       const struct sdp_edit *edit)
{
	if (!edit->codecs || is_companion(payload->encoding))
		return true;
	for (unsigned i = 0; i < edit->codecs->n; i++)
		if (slice_is_nocase(payload->encoding,
				    slice_of(edit->codecs->items[i])))
			return true;
	return false;
}

/* "/1" and nothing say the same of an audio codec. */
static struct slice channels_of(const struct sdp_payload *payload)
{
	return slice_is(payload->parameters, SLICE("1")) ? SLICE("")
							 : payload->parameters;
}

static bool is_same_codec(const struct sdp_payload *a,
			  const struct sdp_payload *b)
{
	if (a->encoding.len == 0 || b->encoding.len == 0)
		return a->number == b->number &&
		       a->encoding.len == b->encoding.len;
	return a->clock_rate == b->clock_rate &&
	       slice_is_nocase(a->encoding, b->encoding) &&
	       slice_is_nocase(channels_of(a), channels_of(b));
}

/* What of a stream is written, with the numbers it gets. */
struct selection {
	unsigned n;
	bool has_codec; /* something else than companions */
	struct {
		uint8_t number;
		const struct sdp_payload *payload;
	} items[SDP_PAYLOADS_MAX];
};

static void select_one(struct selection *selection, uint8_t number,
		       const struct sdp_payload *payload)
{
	selection->items[selection->n].number = number;
	selection->items[selection->n++].payload = payload;
	if (!is_companion(payload->encoding))
		selection->has_codec = true;
}

static void select_offered(struct selection *selection,
			   const struct sdp_media *media,
			   const struct sdp_edit *edit)
{
	for (unsigned i = 0; i < media->n_payloads; i++)
		if (is_allowed(&media->payloads[i], edit))
			select_one(selection, media->payloads[i].number,
				   &media->payloads[i]);
}

/* Writing */

static void write_address(struct out *out, const char *prefix,
			  const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	out_text(out, prefix);
	out_text(out, addr->sa.sa_family == AF_INET6 ? "IN IP6 " : "IN IP4 ");
	out_text(out, addr_host_text(addr, text));
	out_text(out, "\r\n");
}

static void write_session(struct out *out, const struct sdp_edit *edit)
{
	out_text(out, "v=0\r\no=- ");
	out_u64(out, edit->session);
	out_char(out, ' ');
	out_u64(out, edit->version);
	write_address(out, " ", &edit->local);
	out_text(out, "s=-\r\n");
	write_address(out, "c=", &edit->local);
	out_text(out, "t=0 0\r\n");
}

static void write_media_line(struct out *out, struct slice proto, uint16_t port,
			     const struct selection *selection)
{
	out_text(out, "m=audio ");
	out_u64(out, port);
	out_char(out, ' ');
	out_slice(out, proto);
	for (unsigned i = 0; i < selection->n; i++) {
		out_char(out, ' ');
		out_u64(out, selection->items[i].number);
	}
	out_text(out, "\r\n");
}

static void write_payload(struct out *out, uint8_t number,
			  const struct sdp_payload *payload)
{
	if (payload->encoding.len > 0) {
		out_text(out, "a=rtpmap:");
		out_u64(out, number);
		out_char(out, ' ');
		out_slice(out, payload->encoding);
		out_char(out, '/');
		out_u64(out, payload->clock_rate);
		if (payload->parameters.len > 0) {
			out_char(out, '/');
			out_slice(out, payload->parameters);
		}
		out_text(out, "\r\n");
	}
	if (payload->fmtp.len > 0) {
		out_text(out, "a=fmtp:");
		out_u64(out, number);
		out_char(out, ' ');
		out_slice(out, payload->fmtp);
		out_text(out, "\r\n");
	}
}

/* The b= and a= lines of a section that are as true of our stream. */
static void write_kept_lines(struct out *out, struct slice text)
{
	while (text.ptr) {
		struct slice line = slice_cut(&text, '\n');

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len < 2)
			continue;
		if (*line.ptr == 'a' && is_dropped(sip_skip(line, 2)))
			continue;
		if (*line.ptr == 'a' || *line.ptr == 'b') {
			out_slice(out, line);
			out_text(out, "\r\n");
		}
	}
}

static void write_audio(struct out *out, const struct sdp_media *said,
			struct slice proto, const struct selection *selection,
			const struct sdp_edit *edit)
{
	write_media_line(out, proto, addr_port(&edit->local), selection);
	for (unsigned i = 0; i < selection->n; i++)
		write_payload(out, selection->items[i].number,
			      selection->items[i].payload);
	if (said->ptime > 0) {
		out_text(out, "a=ptime:");
		out_u64(out, said->ptime);
		out_text(out, "\r\n");
	}
	write_kept_lines(out, said->text);
	out_text(out, "a=");
	out_text(out, sdp_flow_text(edit->flow));
	out_text(out, "\r\n");
}

int sdp_write_offer(const struct sdp *theirs, const struct sdp_edit *edit,
		    struct out *out)
{
	struct selection selection = {.n = 0};
	const struct sdp_media *audio;
	int index = sdp_audio(theirs);

	if (index < 0)
		return -ENOENT;
	audio = &theirs->media[index];
	select_offered(&selection, audio, edit);
	if (!selection.has_codec)
		return -ENOENT;
	write_session(out, edit);
	write_audio(out, audio, audio->proto, &selection, edit);
	return 0;
}

/* Answers */

static const struct sdp_payload *find_codec(const struct sdp_media *media,
					    const struct sdp_payload *wanted)
{
	const struct sdp_payload *found = NULL;

	for (unsigned i = 0; i < media->n_payloads; i++) {
		if (!is_same_codec(&media->payloads[i], wanted))
			continue;
		if (media->payloads[i].number == wanted->number)
			return &media->payloads[i];
		if (!found)
			found = &media->payloads[i];
	}
	return found;
}

static bool has_number(const struct sdp_media *media, uint8_t number)
{
	for (unsigned i = 0; i < media->n_payloads; i++)
		if (media->payloads[i].number == number)
			return true;
	return false;
}

static bool is_selected(const struct selection *selection, uint8_t number)
{
	for (unsigned i = 0; i < selection->n; i++)
		if (selection->items[i].number == number)
			return true;
	return false;
}

/* The answerer wants `theirs` where the offer (and so our answer) says `ours`.
 * It ought to send with our number (RFC 3264 6.1); some send with their own,
 * which is unambiguous unless the offer uses it for something else. */
static void add_maps(struct sdp_maps *maps, const struct sdp_media *offered,
		     uint8_t ours, uint8_t theirs)
{
	if (ours == theirs)
		return;
	maps->to_answerer[maps->n_to_answerer++] =
		(struct payload_map){.from = ours, .to = theirs};
	if (!has_number(offered, theirs))
		maps->to_offerer[maps->n_to_offerer++] =
			(struct payload_map){.from = theirs, .to = ours};
}

static void select_common(struct selection *selection, struct sdp_maps *maps,
			  const struct sdp_media *offered,
			  const struct sdp_media *answered,
			  const struct sdp_edit *edit)
{
	for (unsigned i = 0; i < answered->n_payloads; i++) {
		const struct sdp_payload *theirs = &answered->payloads[i];
		const struct sdp_payload *ours = find_codec(offered, theirs);

		if (!ours || !is_allowed(theirs, edit) ||
		    is_selected(selection, ours->number) ||
		    maps->n_to_answerer == PAYLOADS_MAX)
			continue;
		select_one(selection, ours->number, theirs);
		add_maps(maps, offered, ours->number, theirs->number);
	}
}

/* The formats of an m= line, as they stand there. */
static struct slice formats_of(const struct sdp_media *media)
{
	struct slice text = media->text;
	struct slice line = slice_cut(&text, '\n');
	const char *end = line.ptr + line.len;
	const char *after = media->proto.ptr + media->proto.len;

	if (line.len > 0 && end[-1] == '\r')
		end--;
	return slice_trim((struct slice){after, (size_t)(end - after)});
}

/* RFC 3264 6: refused, but its place is kept. */
static void write_refused(struct out *out, const struct sdp_media *media)
{
	struct slice formats = formats_of(media);

	out_text(out, "m=");
	out_slice(out, media->type);
	out_text(out, " 0 ");
	out_slice(out, media->proto);
	out_char(out, ' ');
	out_slice(out, formats.len ? formats : SLICE("0"));
	out_text(out, "\r\n");
}

int sdp_write_answer(const struct sdp *offer, const struct sdp *answer,
		     const struct sdp_edit *edit, struct out *out,
		     struct sdp_maps *ret_maps)
{
	struct selection selection = {.n = 0};
	struct sdp_maps maps = {.n_to_offerer = 0};
	int in_offer = sdp_audio(offer), in_answer = sdp_audio(answer);
	const struct sdp_media *offered, *answered;

	if (in_offer < 0 || in_answer < 0)
		return -ENOENT;
	offered = &offer->media[in_offer];
	answered = &answer->media[in_answer];
	select_common(&selection, &maps, offered, answered, edit);
	if (!selection.has_codec)
		return -ENOENT;
	write_session(out, edit);
	for (unsigned i = 0; i < offer->n_media; i++) {
		if (i == (unsigned)in_offer)
			write_audio(out, answered, offered->proto, &selection,
				    edit);
		else
			write_refused(out, &offer->media[i]);
	}
	*ret_maps = maps;
	return 0;
}
