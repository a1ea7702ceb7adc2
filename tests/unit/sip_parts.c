/* SPDX-License-Identifier: Apache-2.0
 *
 * See sip_parts.h.
 */
#include "tests/unit/sip_parts.h"

static const char *const good[N_PARTS] = {
	[PART_START] = "INVITE sip:+4930123@192.0.2.10:5068 SIP/2.0\r\n",
	[PART_VIA] = "Via: SIP/2.0/UDP 198.51.100.7:5066"
		     ";branch=z9hG4bK1;rport\r\n",
	[PART_FROM] = "From: \"A\" <sip:+4989@198.51.100.7>;tag=f1\r\n",
	[PART_TO] = "To: <sip:+4930123@192.0.2.10>\r\n",
	[PART_CALL_ID] = "Call-ID: c1@198.51.100.7\r\n",
	[PART_CSEQ] = "CSeq: 1 INVITE\r\n",
	[PART_MAX_FORWARDS] = "Max-Forwards: 70\r\n",
	[PART_CONTACT] = "Contact: <sip:198.51.100.7:5066>\r\n",
	[PART_LENGTH] = "Content-Length: 0\r\n",
	[PART_EXTRA] = "",
	[PART_BODY] = "",
};

void parts_init(struct parts *parts)
{
	for (int i = 0; i < N_PARTS; i++)
		parts->text[i] = slice_of(good[i]);
}

void parts_set(struct parts *parts, enum part part, struct slice text)
{
	parts->text[part] = text;
}

size_t parts_write(const struct parts *parts, char *buf, size_t size)
{
	struct out out = out_init(buf, size);

	for (int i = 0; i < N_PARTS; i++) {
		if (i == PART_BODY)
			out_text(&out, "\r\n");
		out_slice(&out, parts->text[i]);
	}
	return out.len;
}

static struct scanned scanned;

static struct scanned *scan_now(bool is_stream)
{
	sip_scan(scanned.buf, scanned.len, is_stream, &scanned.message,
		 &scanned.verdict);
	return &scanned;
}

struct scanned *scan_bytes(struct slice bytes, bool is_stream)
{
	scanned.len = bytes.len;
	memcpy(scanned.buf, bytes.ptr, bytes.len);
	return scan_now(is_stream);
}

struct scanned *scan_parts(const struct parts *parts, bool is_stream)
{
	scanned.len = parts_write(parts, scanned.buf, sizeof(scanned.buf));
	return scan_now(is_stream);
}

struct scanned *scan_with(enum part part, const char *text)
{
	struct parts parts;

	parts_init(&parts);
	parts_set(&parts, part, slice_of(text));
	return scan_parts(&parts, false);
}
