/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan as a datagram and as a stream.  Oracles: slices lie in the buffer
 * and hold no line ends; what we write of a good message is read again as the
 * same message; a response to any answerable request has clean lines; what
 * cannot be framed is refused for good.
 */
#include "sip/uri.h"
#include "sip/write.h"
#include "tests/fuzz/fuzz.h"

static struct sip_message first, second;
static char written[4 * SIP_MESSAGE_MAX];

static void check_slice(struct slice s, const char *buf, size_t len)
{
	if (s.len == 0)
		return;
	must(s.ptr >= buf && s.ptr + s.len <= buf + len);
	must(slice_find(s, '\n') < 0 && slice_find(s, '\r') < 0);
}

static void check_slices(const struct sip_message *m, const char *buf,
			 size_t len)
{
	const struct slice all[] = {
		m->method_text,	 m->uri,	   m->reason,  m->via,
		m->branch,	 m->sent_by,	   m->from,    m->to,
		m->from_tag,	 m->to_tag,	   m->call_id, m->contact,
		m->content_type, m->via_transport,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		check_slice(all[i], buf, len);
	must(m->n_headers <= SIP_LINES_MAX);
	for (unsigned i = 0; i < m->n_headers; i++) {
		check_slice(m->headers[i].name, buf, len);
		check_slice(m->headers[i].value, buf, len);
		must(m->headers[i].name.len > 0);
	}
	must(m->head.len + m->body.len <= len);
}

static void write_again(const struct sip_message *m, struct out *out)
{
	if (m->is_request) {
		out_slice(out, m->method_text);
		out_char(out, ' ');
		out_slice(out, m->uri);
		out_text(out, " SIP/2.0\r\n");
	} else {
		sip_write_status_line(out, m->status, m->reason);
	}
	for (unsigned i = 0; i < m->n_headers; i++) {
		const struct sip_header *h = &m->headers[i];

		if (h->id == SIP_H_CONTENT_LENGTH)
			continue;
		if (h->id != SIP_H_OTHER) {
			sip_write_header(out, h->id, h->value);
			continue;
		}
		out_slice(out, h->name);
		out_text(out, ": ");
		out_slice(out, h->value);
		out_text(out, "\r\n");
	}
	sip_write_body(out, SLICE(""), m->body);
}

static void must_be_same(const struct sip_message *a,
			 const struct sip_message *b)
{
	must(a->is_request == b->is_request && a->method == b->method &&
	     a->status == b->status && a->cseq == b->cseq &&
	     a->max_forwards == b->max_forwards &&
	     a->has_rport == b->has_rport && a->is_legacy == b->is_legacy &&
	     a->sent_by_port == b->sent_by_port);
	must(slice_is(a->uri, b->uri) && slice_is(a->via, b->via) &&
	     slice_is(a->branch, b->branch) && slice_is(a->from, b->from) &&
	     slice_is(a->to, b->to) && slice_is(a->from_tag, b->from_tag) &&
	     slice_is(a->to_tag, b->to_tag) &&
	     slice_is(a->call_id, b->call_id) &&
	     slice_is(a->contact, b->contact) && slice_is(a->body, b->body));
}

/* Longer names and a Content-Length of ours may go above a cap. */
static bool may_go_above(const struct sip_message *m)
{
	return m->n_headers == SIP_LINES_MAX ||
	       m->head.len + m->body.len > SIP_HEAD_MAX - 8192 ||
	       m->head.len > SIP_LINE_MAX - 64;
}

static void check_round_trip(const struct sip_message *m)
{
	struct out out = out_init(written, sizeof(written));
	struct sip_verdict verdict;
	size_t len = 0;

	if (may_go_above(m))
		return;
	write_again(m, &out);
	must(!out.is_full);
	must(sip_frame(out.buf, out.len, &len) == SIP_FRAME_WHOLE);
	must(len == out.len);
	sip_scan(out.buf, out.len, true, &second, &verdict);
	must(verdict.status == 0);
	must_be_same(m, &second);
}

static void check_response(const struct sip_message *m, bool is_good)
{
	struct out out = out_init(written, sizeof(written));
	struct sip_verdict verdict;
	struct addr source;

	if (may_go_above(m))
		return;
	must(addr_parse(SLICE("192.0.2.1:5060"), 0, &source) == 0);
	sip_write_response_head(&out, m, 400, SLICE("Bad Request"), SLICE("t"),
				&source);
	sip_write_body(&out, SLICE(""), SLICE(""));
	must(!out.is_full);
	sip_scan(out.buf, out.len, true, &second, &verdict);
	must(!verdict.is_fatal);
	must(second.status == 400);
	if (!is_good)
		return;
	must(verdict.status == 0);
	must(slice_is(m->branch, second.branch));
	must(slice_is(m->call_id, second.call_id));
	must(slice_is(m->from_tag, second.from_tag));
	must(m->cseq == second.cseq && m->method == second.method);
	must(second.to_tag.ptr != NULL);
}

static void scan_once(const uint8_t *data, size_t size, bool is_stream)
{
	char *buf = fuzz_copy(data, size);
	struct sip_verdict verdict;
	const char *why;

	sip_scan(buf, size, is_stream, &first, &verdict);
	check_slices(&first, buf, size);
	must((verdict.status == 0) == (verdict.reason == NULL));
	must(!verdict.is_answerable || (verdict.status && first.is_request));
	if (verdict.status == 0) {
		check_round_trip(&first);
		sip_check_grammar(first.head, &why);
	}
	if (first.is_request && (verdict.status == 0 || verdict.is_answerable))
		check_response(&first, verdict.status == 0);
	free(buf);
}

/* A peer must not get more out of a stream than out of the scan. */
static void check_framing(const uint8_t *data, size_t size)
{
	char *buf = fuzz_copy(data, size);
	struct sip_verdict verdict;
	size_t len = 0;
	enum sip_frame_state state = sip_frame(buf, size, &len);

	if (state == SIP_FRAME_WHOLE) {
		must(len <= size && len <= SIP_MESSAGE_MAX);
		sip_scan(buf, len, true, &first, &verdict);
		must(verdict.status != 0 ||
		     first.head.len + first.body.len == len);
	} else if (state == SIP_FRAME_BAD) {
		sip_scan(buf, size, true, &first, &verdict);
		must(verdict.status != 0 && verdict.is_fatal);
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIP_MESSAGE_MAX)
		return 0;
	scan_once(data, size, false);
	scan_once(data, size, true);
	check_framing(data, size);
	return 0;
}
