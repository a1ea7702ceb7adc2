/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading SDP (RFC 8866) and judging where a stream may be sent.  Called by
 * the worker and the simulator on bodies as they came.  Order of lines inside
 * a section, empty values, unknown letters and a missing last line end are
 * forgiven; numbers out of range, control characters and two addresses for
 * one stream are not.
 */
#include "sip/sdp.h"

#include <errno.h>

#include "sip/chars.h"

#define PTIME_MAX_MS 1000
#define CRYPTO_MAX   16
#define RTP_PORT_LOW 1024
#define PAYLOAD_LAST 127

struct section {
	struct addr address;
	bool has_address;
	bool is_hold;
	enum sdp_flow flow;
	unsigned ptime;
	unsigned n_crypto;
	uint16_t rtcp_port; /* 0: not said */
	struct addr rtcp;   /* none: as the address */
};

struct parser {
	struct sdp *sdp;
	const char *why;
	struct section session;
	struct section section;	 /* of the media being read */
	struct sdp_media *media; /* NULL before the first m= */
	unsigned n_lines;
};

static int fail(struct parser *parser, int error, const char *why)
{
	parser->why = why;
	return error;
}

static struct section *section_of(struct parser *parser)
{
	return parser->media ? &parser->section : &parser->session;
}

/* The next word; several blanks count as one. */
static struct slice word_next(struct slice *rest)
{
	struct slice s = sip_skip_blanks(*rest), word;
	size_t n = 0;

	while (n < s.len && !sip_is_blank(s.ptr[n]))
		n++;
	word = sip_first(s, n);
	*rest = sip_skip(s, n);
	return word;
}

/* Payloads */

static const struct sdp_payload static_payloads[] = {
#define SDP_PAYLOAD(pt, name, rate)                                            \
	{.number = pt,                                                         \
	 .encoding = {name, sizeof(name) - 1},                                 \
	 .clock_rate = rate},
#include "sip/payloads.def"
#undef SDP_PAYLOAD
};

static struct sdp_payload *payload_of(struct sdp_media *media, uint64_t number)
{
	for (unsigned i = 0; i < media->n_payloads; i++)
		if (media->payloads[i].number == number)
			return &media->payloads[i];
	return NULL;
}

static void payload_init(struct sdp_payload *payload, uint8_t number)
{
	size_t n = sizeof(static_payloads) / sizeof(*static_payloads);

	*payload = (struct sdp_payload){.number = number};
	for (size_t i = 0; i < n; i++)
		if (static_payloads[i].number == number)
			*payload = static_payloads[i];
}

static int read_formats(struct parser *parser, struct slice rest)
{
	struct sdp_media *media = parser->media;
	struct slice word;
	uint64_t number;

	while ((word = word_next(&rest)).len > 0) {
		if (slice_to_u64(word, PAYLOAD_LAST, &number) < 0)
			return fail(parser, -EINVAL, "Bad payload type");
		if (payload_of(media, number))
			continue;
		if (media->n_payloads == SDP_PAYLOADS_MAX)
			return fail(parser, -E2BIG, "Too many payload types");
		payload_init(&media->payloads[media->n_payloads++],
			     (uint8_t)number);
	}
	if (media->n_payloads == 0)
		return fail(parser, -EINVAL, "No payload types");
	return 0;
}

/* Attributes */

/* "<number> <rest>" of rtpmap and fmtp; NULL for a payload not offered. */
static struct sdp_payload *payload_next(struct parser *parser,
					struct slice *value)
{
	struct slice word = word_next(value);
	uint64_t number;

	if (!parser->media || slice_to_u64(word, PAYLOAD_LAST, &number) < 0)
		return NULL;
	*value = slice_trim(*value);
	return payload_of(parser->media, number);
}

static int on_rtpmap(struct parser *parser, struct slice value)
{
	struct sdp_payload *payload = payload_next(parser, &value);
	uint64_t rate;
	struct slice encoding;

	if (!payload)
		return 0;
	encoding = slice_cut(&value, '/');
	if (encoding.len == 0 ||
	    slice_to_u64(slice_cut(&value, '/'), UINT32_MAX, &rate) < 0)
		return fail(parser, -EINVAL, "Bad rtpmap");
	payload->encoding = encoding;
	payload->clock_rate = (uint32_t)rate;
	payload->parameters = value;
	return 0;
}

static int on_fmtp(struct parser *parser, struct slice value)
{
	struct sdp_payload *payload = payload_next(parser, &value);

	if (payload)
		payload->fmtp = value;
	return 0;
}

static int on_ptime(struct parser *parser, struct slice value)
{
	uint64_t ptime;

	if (slice_to_u64(slice_trim(value), PTIME_MAX_MS, &ptime) < 0 ||
	    ptime == 0)
		return fail(parser, -EINVAL, "Bad ptime");
	section_of(parser)->ptime = (unsigned)ptime;
	return 0;
}

/* RFC 3605: port, and perhaps "IN IP4 address". */
static int on_rtcp(struct parser *parser, struct slice value)
{
	struct section *section = section_of(parser);
	uint64_t port;
	struct slice host;

	if (slice_to_u64(word_next(&value), 65535, &port) < 0)
		return fail(parser, -EINVAL, "Bad rtcp port");
	section->rtcp_port = (uint16_t)port;
	word_next(&value);
	word_next(&value);
	host = word_next(&value);
	if (host.len > 0 &&
	    addr_parse_host(host, (uint16_t)port, &section->rtcp) < 0)
		return fail(parser, -EINVAL, "Bad rtcp address");
	return 0;
}

static int on_crypto(struct parser *parser, struct slice value)
{
	(void)value;
	if (++section_of(parser)->n_crypto > CRYPTO_MAX)
		return fail(parser, -E2BIG, "Too many crypto lines");
	return 0;
}

static const struct {
	struct slice name;
	int (*on)(struct parser *parser, struct slice value);
} attributes[] = {
	{{"rtpmap", 6}, on_rtpmap}, {{"fmtp", 4}, on_fmtp},
	{{"ptime", 5}, on_ptime},   {{"rtcp", 4}, on_rtcp},
	{{"crypto", 6}, on_crypto},
};

static const char *const flow_names[] = {
	[SDP_SENDRECV] = "sendrecv",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_INACTIVE] = "inactive",
};

static int on_attribute(struct parser *parser, struct slice value)
{
	struct slice name = slice_trim(slice_cut(&value, ':'));

	for (unsigned i = 0; i <= SDP_INACTIVE; i++)
		if (slice_is(name, slice_of(flow_names[i])))
			section_of(parser)->flow = (enum sdp_flow)i;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (slice_is(name, attributes[i].name))
			return attributes[i].on(parser, value);
	return 0;
}

/* Lines */

/* "IN IP4 192.0.2.1[/ttl]".  A name instead of an address is legal and leaves
 * the stream without an address: we look nothing up for a peer. */
static int on_connection(struct parser *parser, struct slice value)
{
	struct section *section = section_of(parser);
	struct slice host;

	if (section->has_address)
		return fail(parser, -EINVAL, "Two c= lines");
	section->has_address = true;
	if (!slice_is_nocase(word_next(&value), SLICE("IN")))
		return fail(parser, -EINVAL, "Bad c= line");
	word_next(&value);
	host = word_next(&value);
	host = slice_cut(&host, '/');
	if (host.len == 0)
		return fail(parser, -EINVAL, "Bad c= line");
	if (addr_parse_host(host, 0, &section->address) == 0)
		section->is_hold = addr_is_wildcard(&section->address);
	return 0;
}

static int on_origin(struct parser *parser, struct slice value)
{
	if (parser->media || parser->sdp->origin.ptr)
		return fail(parser, -EINVAL, "Misplaced o= line");
	parser->sdp->origin = value;
	return 0;
}

static void close_media(struct parser *parser)
{
	const struct section *own = &parser->section, *from;
	struct sdp_media *media = parser->media;

	if (!media)
		return;
	from = own->has_address ? own : &parser->session;
	media->address = from->address;
	media->is_hold_address = from->is_hold;
	media->flow = own->flow;
	media->ptime = own->ptime;
	media->has_crypto = own->n_crypto > 0;
	if (addr_is_none(&media->address))
		return;
	addr_set_port(&media->address, media->port);
	if (media->port == 0)
		return;
	media->rtcp = addr_is_none(&own->rtcp) ? media->address : own->rtcp;
	if (own->rtcp_port || media->port < 65535)
		addr_set_port(&media->rtcp, own->rtcp_port ? own->rtcp_port
							   : media->port + 1);
	else
		memset(&media->rtcp, 0, sizeof(media->rtcp));
}

static void open_media(struct parser *parser)
{
	struct sdp_media *media = &parser->sdp->media[parser->sdp->n_media++];

	memset(media, 0, offsetof(struct sdp_media, payloads));
	media->text = SLICE_NONE;
	parser->media = media;
	parser->section = (struct section){.flow = parser->session.flow,
					   .ptime = parser->session.ptime};
}

static bool is_rtp(struct slice proto)
{
	return slice_starts_nocase(proto, SLICE("RTP/"));
}

/* "audio 49170[/2] RTP/AVP 0 8 96" */
static int on_media(struct parser *parser, struct slice value)
{
	struct slice port_text;
	uint64_t port;

	close_media(parser);
	if (parser->sdp->n_media == SDP_MEDIA_MAX)
		return fail(parser, -E2BIG, "Too many media");
	open_media(parser);
	parser->media->type = word_next(&value);
	port_text = word_next(&value);
	parser->media->proto = word_next(&value);
	if (slice_to_u64(slice_cut(&port_text, '/'), 65535, &port) < 0 ||
	    parser->media->proto.len == 0)
		return fail(parser, -EINVAL, "Bad m= line");
	parser->media->port = (uint16_t)port;
	if (!is_rtp(parser->media->proto))
		return 0;
	return read_formats(parser, value);
}

static int on_version(struct parser *parser, struct slice value)
{
	if (parser->n_lines != 1 || !slice_is(slice_trim(value), SLICE("0")))
		return fail(parser, -EINVAL, "Bad v= line");
	return 0;
}

static int on_line(struct parser *parser, struct slice line)
{
	struct slice value;

	if (line.len < 2 || line.ptr[1] != '=' ||
	    !sip_char_is(*line.ptr, CHAR_ALPHA))
		return fail(parser, -EINVAL, "Not a line of SDP");
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.ptr[i] < 0x20 && line.ptr[i] != '\t')
			return fail(parser, -EINVAL, "Control character");
	value = sip_skip(line, 2);
	if (parser->n_lines == 1 && *line.ptr != 'v')
		return fail(parser, -EINVAL, "No v= line");
	switch (*line.ptr) {
	case 'v':
		return on_version(parser, value);
	case 'o':
		return on_origin(parser, value);
	case 'c':
		return on_connection(parser, value);
	case 'm':
		return on_media(parser, value);
	case 'a':
		return on_attribute(parser, value);
	default:
		return 0;
	}
}

/* The text of the section being read now ends at `end`. */
static void extend_section(struct parser *parser, const char *line,
			   const char *end)
{
	struct slice *text = parser->media ? &parser->media->text
					   : &parser->sdp->session_lines;

	if (!text->ptr)
		text->ptr = line;
	text->len = (size_t)(end - text->ptr);
}

/* Blank lines after the last line are nobody's fault. */
static struct slice without_tail(struct slice body)
{
	while (body.len > 0 && (body.ptr[body.len - 1] == '\n' ||
				body.ptr[body.len - 1] == '\r'))
		body.len--;
	return body;
}

static int read_lines(struct parser *parser, struct slice rest)
{
	rest = without_tail(rest);
	while (rest.len > 0) {
		struct slice line = slice_cut(&rest, '\n');
		const char *end = line.ptr + line.len;
		int result;

		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (++parser->n_lines > SDP_LINES_MAX)
			return fail(parser, -E2BIG, "Too many lines");
		result = on_line(parser, line);
		if (result < 0)
			return result;
		extend_section(parser, line.ptr, end);
	}
	return 0;
}

int sdp_parse(struct slice body, struct sdp *ret_sdp, const char **ret_why)
{
	struct parser parser = {.sdp = ret_sdp, .why = "Empty SDP"};
	int result;

	ret_sdp->origin = ret_sdp->session_lines = SLICE_NONE;
	ret_sdp->n_media = 0;
	result = read_lines(&parser, body);
	close_media(&parser);
	if (result == 0 && !ret_sdp->origin.ptr)
		result = parser.n_lines ? fail(&parser, -EINVAL, "No o= line")
					: -EINVAL;
	*ret_why = result == 0 ? "Good SDP" : parser.why;
	return result;
}

/* Judging */

static bool is_plain_rtp(struct slice proto)
{
	return slice_is_nocase(proto, SLICE("RTP/AVP")) ||
	       slice_is_nocase(proto, SLICE("RTP/AVPF"));
}

int sdp_audio(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (sdp->media[i].port > 0 &&
		    slice_is_nocase(sdp->media[i].type, SLICE("audio")) &&
		    is_plain_rtp(sdp->media[i].proto))
			return (int)i;
	return -1;
}

static bool is_allowed_host(const struct addr *theirs, const struct addr *ours)
{
	if (addr_is_multicast_or_broadcast(theirs) || addr_is_wildcard(theirs))
		return false;
	return !addr_is_loopback(theirs) || addr_is_loopback(ours);
}

int sdp_check_target(const struct sdp_media *media, const struct addr *ours)
{
	const struct addr *theirs = &media->address;

	if (media->is_hold_address) /* nothing is sent there */
		return 0;
	if (addr_is_none(theirs) || !is_allowed_host(theirs, ours))
		return -EINVAL;
	if (!addr_is_none(ours) && theirs->sa.sa_family != ours->sa.sa_family)
		return -EINVAL;
	if (media->flow == SDP_INACTIVE)
		return 0;
	if (media->port < RTP_PORT_LOW || addr_is_same(theirs, ours))
		return -EINVAL;
	if (!addr_is_none(&media->rtcp) &&
	    (!is_allowed_host(&media->rtcp, ours) ||
	     addr_port(&media->rtcp) < RTP_PORT_LOW))
		return -EINVAL;
	return 0;
}

enum sdp_flow sdp_flow_reversed(enum sdp_flow flow)
{
	if (flow == SDP_SENDONLY)
		return SDP_RECVONLY;
	if (flow == SDP_RECVONLY)
		return SDP_SENDONLY;
	return flow;
}

const char *sdp_flow_text(enum sdp_flow flow)
{
	return flow_names[flow];
}
