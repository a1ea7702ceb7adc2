/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan: start line and headers of one message to slices, and the verdict.
 * Called for every message by the worker and the simulator, before anything
 * else has looked at its bytes.  A refused message is read on as far as its
 * lines can be told apart, so that the refusal can carry Via, From, To,
 * Call-ID and CSeq; what was wrong first decides the status.
 * Trap: lines that hold what may not be repeated (control characters) never
 * become headers, so nothing can copy them into an answer.
 */
#include "sip/scan.h"

#include <errno.h>

#include "sip/chars.h"
#include "sip/lines.h"
#include "sip/names.h"
#include "sip/params.h"
#include "sip/uri.h"
#include "sip/via.h"

#define MAGIC_COOKIE  "z9hG4bK"
#define CSEQ_MAX      0x7fffffffu /* RFC 3261 8.1.1.5: below 2^31 */
#define LENGTH_DIGITS 6
#define HAS(id)	      (1ull << SIP_H_##id)
#define HEADERS_OF_ANY                                                         \
	(HAS(VIA) | HAS(FROM) | HAS(TO) | HAS(CALL_ID) | HAS(CSEQ))
#define HEADERS_AS_ADDR                                                        \
	(HAS(CONTACT) | HAS(ROUTE) | HAS(RECORD_ROUTE) | HAS(PAI) |            \
	 HAS(DIVERSION) | HAS(HISTORY_INFO) | HAS(REFER_TO) |                  \
	 HAS(REFERRED_BY))
/* Two of these in a response leave it unclear what it answers; a second
 * Server or Date is no reason to lose an answer. */
#define SINGLE_IN_RESPONSE                                                     \
	(HAS(FROM) | HAS(TO) | HAS(CALL_ID) | HAS(CSEQ) |                      \
	 HAS(CONTENT_LENGTH) | HAS(CONTENT_TYPE))

struct scan {
	struct sip_message *message;
	struct sip_verdict *verdict;
	uint64_t seen; /* HAS() of the headers so far */
	unsigned n_vias;
	size_t via_bytes;
	bool is_stream;
	bool has_length;
	size_t length; /* Content-Length */
	struct slice cseq_method;
};

static void refuse(struct scan *scan, int status, const char *reason)
{
	if (scan->verdict->status == 0) {
		scan->verdict->status = status;
		scan->verdict->reason = reason;
	}
}

/* The bytes after this message cannot be found. */
static void refuse_framing(struct scan *scan, int status, const char *reason)
{
	refuse(scan, status, reason);
	scan->verdict->is_fatal = scan->is_stream;
}

/* Start line */

static bool is_other_version(struct slice version)
{
	if (!slice_starts_nocase(version, SLICE("SIP/")) || version.len == 4)
		return false;
	for (size_t i = 4; i < version.len; i++)
		if (!sip_char_is(version.ptr[i], CHAR_DIGIT) &&
		    version.ptr[i] != '.')
			return false;
	return true;
}

static void check_version(struct scan *scan, struct slice version)
{
	if (slice_is_nocase(version, SLICE("SIP/2.0")))
		return;
	if (is_other_version(version))
		refuse(scan, 505, "Version Not Supported");
	else
		refuse(scan, 400, "Bad start line");
}

static void check_uri(struct scan *scan, struct slice text)
{
	struct sip_uri uri;

	if (uri_parse(text, &uri) < 0)
		refuse(scan, 400, "Bad Request-URI");
	else if (uri.headers.len > 0)
		refuse(scan, 400, "Headers in the Request-URI");
	else
		scan->message->uri = text;
}

/* "METHOD SP URI SP SIP/2.0", with one SP each (RFC 3261 7.1). */
static void read_request_line(struct scan *scan, struct slice line)
{
	struct sip_message *message = scan->message;
	struct slice method = slice_cut(&line, ' ');
	struct slice uri = slice_cut(&line, ' ');

	message->is_request = true;
	if (!sip_is_all(method, CHAR_TOKEN)) {
		refuse(scan, 400, "Bad method");
		return;
	}
	message->method_text = method;
	message->method = sip_method_of(method);
	if (!line.ptr)
		refuse(scan, 400, "Bad start line");
	else
		check_version(scan, line);
	check_uri(scan, uri);
}

/* "SIP/2.0 SP 3DIGIT SP reason", where the reason may be empty. */
static void read_status_line(struct scan *scan, struct slice line)
{
	uint64_t status = 0;
	struct slice digits;

	check_version(scan, slice_cut(&line, ' '));
	digits = slice_cut(&line, ' ');
	if (digits.len != 3 || !line.ptr ||
	    slice_to_u64(digits, 699, &status) < 0 || status < 100)
		refuse(scan, 400, "Bad status line");
	scan->message->status = (int)status;
	scan->message->reason = line;
}

static void read_start(struct scan *scan, struct lines *lines,
		       enum lines_result result, struct slice line)
{
	if (result == LINES_BLANK)
		refuse_framing(scan, 400, "Bad start line");
	else if (result != LINES_LINE)
		refuse_framing(scan, result == LINES_LONG ? 513 : 400,
			       lines->why);
	else if (lines->was_folded)
		refuse(scan, 400, "Bad start line");
	else if (!scan->message->is_request)
		read_status_line(scan, line);
	else
		read_request_line(scan, line);
}

/* Headers */

static void on_via(struct scan *scan, struct slice value)
{
	bool is_top = scan->n_vias == 0;
	struct slice rest = value;
	struct sip_via via;

	if (is_top)
		scan->message->via = value;
	scan->via_bytes += value.len;
	if (scan->via_bytes > SIP_VIA_BYTES_MAX)
		refuse(scan, 513, "Vias too long");
	do {
		if (++scan->n_vias > SIP_VIAS_MAX) {
			refuse(scan, 400, "Too many Vias");
			return;
		}
		if (via_parse(rest, &via, &rest) < 0) {
			refuse(scan, 400, "Bad Via");
			return;
		}
		if (!is_top)
			continue;
		is_top = false;
		scan->message->via = via.text;
		scan->message->sent_by = via.host;
		scan->message->sent_by_port = via.port;
		scan->message->via_transport = via.transport;
		scan->message->has_rport = via.has_rport;
		if (via.branch.ptr)
			scan->message->branch = via.branch;
	} while (rest.ptr);
}

static void read_tag(struct scan *scan, struct slice params,
		     struct slice *ret_tag)
{
	struct slice name, value;

	while (sip_param_next(&params, &name, &value) > 0) {
		if (!slice_is_nocase(name, SLICE("tag")))
			continue;
		if (ret_tag->ptr || value.len == 0)
			refuse(scan, 400, "Bad tag");
		*ret_tag = value;
	}
}

static void read_party(struct scan *scan, struct slice value,
		       struct slice *ret_tag, const char *reason)
{
	struct name_addr name;
	struct slice rest;

	if (name_addr_parse(value, &name, &rest) < 0 || rest.ptr)
		refuse(scan, 400, reason);
	else
		read_tag(scan, name.params, ret_tag);
}

static void on_from(struct scan *scan, struct slice value)
{
	scan->message->from = value;
	read_party(scan, value, &scan->message->from_tag, "Bad From");
}

static void on_to(struct scan *scan, struct slice value)
{
	scan->message->to = value;
	read_party(scan, value, &scan->message->to_tag, "Bad To");
}

static void on_call_id(struct scan *scan, struct slice value)
{
	scan->message->call_id = value;
	if (value.len == 0 || slice_find(value, ' ') >= 0)
		refuse(scan, 400, "Bad Call-ID");
}

static void on_cseq(struct scan *scan, struct slice value)
{
	struct slice digits = slice_cut(&value, ' ');
	struct slice method = slice_trim(value);
	uint64_t number = 0;

	if (slice_to_u64(digits, CSEQ_MAX, &number) < 0 ||
	    !sip_is_all(method, CHAR_TOKEN))
		refuse(scan, 400, "Bad CSeq");
	scan->message->cseq = (uint32_t)number;
	scan->cseq_method = method;
}

static void on_max_forwards(struct scan *scan, struct slice value)
{
	uint64_t hops;

	if (slice_to_u64(value, 255, &hops) == 0)
		scan->message->max_forwards = (int)hops;
	else if (scan->message->is_request)
		refuse(scan, 400, "Bad Max-Forwards");
}

static void on_content_length(struct scan *scan, struct slice value)
{
	uint64_t length;

	if (value.len > LENGTH_DIGITS ||
	    slice_to_u64(value, UINT32_MAX, &length) < 0) {
		refuse_framing(scan, 400, "Bad Content-Length");
		return;
	}
	scan->has_length = true;
	scan->length = (size_t)length;
}

static void on_contact(struct scan *scan, struct slice value)
{
	scan->message->contact = value;
}

static void on_content_type(struct scan *scan, struct slice value)
{
	scan->message->content_type = value;
}

/* Called for the first header of each id, Vias excepted. */
typedef void on_header(struct scan *scan, struct slice value);
static on_header *const on_headers[N_SIP_HEADERS] = {
	[SIP_H_VIA] = on_via,
	[SIP_H_FROM] = on_from,
	[SIP_H_TO] = on_to,
	[SIP_H_CALL_ID] = on_call_id,
	[SIP_H_CSEQ] = on_cseq,
	[SIP_H_MAX_FORWARDS] = on_max_forwards,
	[SIP_H_CONTENT_LENGTH] = on_content_length,
	[SIP_H_CONTACT] = on_contact,
	[SIP_H_CONTENT_TYPE] = on_content_type,
};

static bool has_balanced_quotes(struct slice value)
{
	ptrdiff_t quote;

	while ((quote = slice_find(value, '"')) >= 0) {
		size_t n;

		value = sip_skip(value, (size_t)quote);
		n = sip_quoted_len(value);
		if (n == 0)
			return false;
		value = sip_skip(value, n);
	}
	return true;
}

/* A dialog has one remote target; a registrar's request may name several. */
static bool is_single(const struct scan *scan, enum sip_header_id id)
{
	const struct sip_message *message = scan->message;

	if (!message->is_request)
		return SINGLE_IN_RESPONSE >> id & 1;
	if (id == SIP_H_CONTACT)
		return message->method != SIP_REGISTER &&
		       message->method != SIP_UNKNOWN_METHOD;
	return sip_single_headers() >> id & 1;
}

static void note_header(struct scan *scan, enum sip_header_id id,
			struct slice value)
{
	uint64_t bit = 1ull << id;
	bool is_again = scan->seen & bit;

	scan->seen |= bit;
	if (is_again && is_single(scan, id)) {
		refuse(scan, 400, "Duplicate header");
		if (id == SIP_H_CONTENT_LENGTH)
			refuse_framing(scan, 400, "Duplicate header");
		return;
	}
	if ((HEADERS_AS_ADDR & bit) && !has_balanced_quotes(value))
		refuse(scan, 400, "Unbalanced quotes");
	if (on_headers[id] && (!is_again || id == SIP_H_VIA))
		on_headers[id](scan, value);
}

/* "name [blanks] : value".  The name is taken without the blanks, so that
 * "Route : x" is a Route to everybody. */
static void read_header(struct scan *scan, struct slice line)
{
	struct sip_message *message = scan->message;
	size_t n = sip_span(line, CHAR_TOKEN);
	struct slice name = sip_first(line, n);
	struct sip_header *header;

	line = sip_skip_blanks(sip_skip(line, n));
	if (n == 0 || line.len == 0 || *line.ptr != ':') {
		refuse(scan, 400, "Bad header");
		return;
	}
	header = &message->headers[message->n_headers++];
	header->id = sip_header_id_of(name);
	header->name = name;
	header->value = slice_trim(sip_skip(line, 1));
	if (header->id != SIP_H_OTHER)
		note_header(scan, header->id, header->value);
}

/* True when the blank line was found. */
static bool read_headers(struct scan *scan, struct lines *lines)
{
	enum lines_result result;
	unsigned n_lines = 0;
	struct slice line;

	while ((result = lines_next(lines, &line)) != LINES_BLANK) {
		if (result == LINES_BROKEN) {
			refuse_framing(scan, 400, lines->why);
			return false;
		}
		if (++n_lines > SIP_LINES_MAX) {
			refuse_framing(scan, 400, "Too many headers");
			return false;
		}
		/* What a bad line was is not told: perhaps the length. */
		if (result == LINES_LINE)
			read_header(scan, line);
		else
			refuse_framing(scan, result == LINES_LONG ? 513 : 400,
				       lines->why);
	}
	return true;
}

/* After the last header */

static void check_method(struct scan *scan)
{
	struct sip_message *message = scan->message;

	if (!message->is_request) {
		message->method_text = scan->cseq_method;
		message->method = sip_method_of(scan->cseq_method);
	} else if (!slice_is(message->method_text, scan->cseq_method)) {
		refuse(scan, message->method == SIP_UNKNOWN_METHOD ? 501 : 400,
		       "CSeq does not match the method");
	}
}

static void check_branch(struct scan *scan)
{
	struct sip_message *message = scan->message;
	struct slice cookie = SLICE(MAGIC_COOKIE);

	if (slice_is(message->branch, cookie))
		refuse(scan, 400, "Branch is empty");
	message->is_legacy =
		message->branch.len < cookie.len ||
		memcmp(message->branch.ptr, cookie.ptr, cookie.len) != 0;
}

static void check_length(struct scan *scan)
{
	struct slice *body = &scan->message->body;

	if (!scan->has_length) {
		if (scan->is_stream)
			refuse_framing(scan, 400, "No Content-Length");
		return;
	}
	if (scan->length + scan->message->head.len > SIP_MESSAGE_MAX)
		refuse_framing(scan, scan->is_stream ? 513 : 400,
			       "Content-Length above the limit");
	else if (scan->length > body->len)
		refuse_framing(scan, 400, "Content-Length above the body");
	else if (scan->is_stream && scan->length < body->len)
		refuse_framing(scan, 400, "Content-Length below the body");
	else
		body->len = scan->length;
}

static void finish(struct scan *scan, bool has_whole_head)
{
	struct sip_message *message = scan->message;

	if (message->head.len > SIP_HEAD_MAX)
		refuse_framing(scan, 513, "Headers too large");
	if (has_whole_head)
		check_length(scan);
	if ((scan->seen & HEADERS_OF_ANY) != HEADERS_OF_ANY)
		refuse(scan, 400, "Missing header");
	check_method(scan);
	check_branch(scan);
	scan->verdict->is_answerable =
		scan->verdict->status != 0 && message->is_request &&
		message->method != SIP_ACK && (scan->seen & HAS(VIA));
}

/* Only the fields: the header array is large and counted by n_headers. */
static void clear(struct sip_message *message)
{
	memset(message, 0, offsetof(struct sip_message, headers));
	message->max_forwards = -1;
	message->branch = SLICE("");
	message->contact = SLICE("");
	message->content_type = SLICE("");
}

static void skip_empty_lines(char **buf, size_t *len)
{
	while (*len > 0 && (**buf == '\r' || **buf == '\n')) {
		++*buf;
		--*len;
	}
}

void sip_scan(char *buf, size_t len, bool is_stream, struct sip_message *ret,
	      struct sip_verdict *ret_verdict)
{
	struct scan scan = {
		.message = ret, .verdict = ret_verdict, .is_stream = is_stream};
	enum lines_result result;
	struct lines lines;
	struct slice line = SLICE_NONE;
	bool has_whole_head = false;

	clear(ret);
	*ret_verdict = (struct sip_verdict){.status = 0};
	if (!is_stream) /* RFC 3261 7.5; on a stream sip_frame does it */
		skip_empty_lines(&buf, &len);
	ret->is_request =
		!slice_starts_nocase((struct slice){buf, len}, SLICE("SIP/"));
	if (len > SIP_MESSAGE_MAX)
		refuse_framing(&scan, 513, "Message Too Large");
	lines_init(&lines, buf, len, !is_stream);
	result = lines_next(&lines, &line);
	read_start(&scan, &lines, result, line);
	if (result != LINES_BROKEN)
		has_whole_head = read_headers(&scan, &lines);
	ret->head = (struct slice){buf, (size_t)(lines.at - buf)};
	ret->body = (struct slice){lines.at, len - ret->head.len};
	finish(&scan, has_whole_head);
}

/* Reading a scanned message */

const struct sip_header *sip_header(const struct sip_message *message,
				    enum sip_header_id id, unsigned n)
{
	for (unsigned i = 0; i < message->n_headers; i++)
		if (message->headers[i].id == id && n-- == 0)
			return &message->headers[i];
	return NULL;
}

static bool list_has(struct slice list, struct slice token)
{
	while (list.ptr) {
		struct slice item = slice_cut(&list, ',');

		item = slice_trim(slice_cut(&item, ';'));
		if (slice_is_nocase(item, token))
			return true;
	}
	return false;
}

bool sip_header_has(const struct sip_message *message, enum sip_header_id id,
		    struct slice token)
{
	for (unsigned i = 0; i < message->n_headers; i++)
		if (message->headers[i].id == id &&
		    list_has(message->headers[i].value, token))
			return true;
	return false;
}
