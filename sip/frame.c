/* SPDX-License-Identifier: Apache-2.0
 *
 * Framing of a byte stream (RFC 3261 18.3, RFC 5626 4.4.1): where the first
 * message of it ends.  Called by whoever owns a connection, on bytes it may
 * only have peeked at, so nothing is changed here.
 * Trap: sip_scan reads Content-Length again; both must find the same header,
 * or one peer could hide a message in another's body.  What this finds
 * unclear is BAD here; what slips through, sip_scan refuses as fatal.
 */
#include <errno.h>

#include "sip/chars.h"
#include "sip/names.h"

struct frame {
	const char *buf;
	size_t len;
	size_t at; /* start of the line looked at */
	bool has_length;
	size_t length;
};

static enum sip_frame_state frame_end(size_t n, enum sip_frame_state state,
				      size_t *ret_len)
{
	*ret_len = n;
	return state;
}

/* CRLFs between messages.  A lone CRLF with nothing behind it may be half a
 * ping, so it waits for the other half. */
static enum sip_frame_state frame_crlf(const char *buf, size_t len,
				       size_t *ret_len)
{
	static const char ping[] = "\r\n\r\n";
	size_t n = len < 4 ? len : 4;

	if (memcmp(buf, ping, n) == 0)
		return n == 4 ? frame_end(4, SIP_FRAME_PING, ret_len)
			      : frame_end(4, SIP_FRAME_MORE, ret_len);
	if (buf[0] == '\r' && buf[1] == '\n')
		return frame_end(2, SIP_FRAME_SKIP, ret_len);
	return frame_end(len, SIP_FRAME_BAD, ret_len);
}

/* The end of the line at `at` with its CRLF: 1, 0 when it is not there yet,
 * -EINVAL for a bare LF. */
static int line_next(struct frame *frame, struct slice *ret_line)
{
	const char *start = frame->buf + frame->at;
	const char *lf = memchr(start, '\n', frame->len - frame->at);

	if (!lf)
		return 0;
	if (lf == start || lf[-1] != '\r')
		return -EINVAL;
	*ret_line = (struct slice){start, (size_t)(lf - 1 - start)};
	frame->at += ret_line->len + 2;
	return 1;
}

static bool is_content_length(struct slice line)
{
	size_t n = sip_span(line, CHAR_TOKEN);

	if (sip_header_id_of(sip_first(line, n)) != SIP_H_CONTENT_LENGTH)
		return false;
	line = sip_skip_blanks(sip_skip(line, n));
	return line.len > 0 && *line.ptr == ':';
}

/* The value may be folded: the fold lines are taken, too.  0 needs more. */
static int length_next(struct frame *frame, struct slice line)
{
	struct slice value = sip_skip(line, (size_t)slice_find(line, ':') + 1);
	uint64_t length;
	int result;

	value = slice_trim(value);
	while (frame->at < frame->len && sip_is_blank(frame->buf[frame->at])) {
		result = line_next(frame, &line);
		if (result <= 0)
			return result;
		line = slice_trim(line);
		if (line.len > 0 && value.len > 0)
			return -EINVAL;
		if (line.len > 0)
			value = line;
	}
	if (frame->at == frame->len)
		return 0;
	if (frame->has_length || value.len > 6 ||
	    slice_to_u64(value, 999999, &length) < 0)
		return -EINVAL;
	frame->has_length = true;
	frame->length = (size_t)length;
	return 1;
}

/* 1 when the blank line is behind us, 0 when more is needed, -EINVAL. */
static int head_next(struct frame *frame)
{
	struct slice line;
	int result;

	for (;;) {
		result = line_next(frame, &line);
		if (result <= 0)
			return result;
		if (line.len == 0)
			return frame->has_length ? 1 : -EINVAL;
		if (is_content_length(line)) {
			result = length_next(frame, line);
			if (result <= 0)
				return result;
		}
	}
}

enum sip_frame_state sip_frame(const char *buf, size_t len, size_t *ret_len)
{
	struct frame frame = {.buf = buf, .len = len};
	int result;

	if (len == 0)
		return frame_end(1, SIP_FRAME_MORE, ret_len);
	if (*buf == '\r' || *buf == '\n')
		return frame_crlf(buf, len, ret_len);
	result = head_next(&frame);
	if (frame.at > SIP_HEAD_MAX || (result == 0 && len > SIP_HEAD_MAX))
		return frame_end(len, SIP_FRAME_BIG, ret_len);
	if (result < 0)
		return frame_end(len, SIP_FRAME_BAD, ret_len);
	if (result == 0)
		return frame_end(len + 1, SIP_FRAME_MORE, ret_len);
	if (frame.at + frame.length > SIP_MESSAGE_MAX)
		return frame_end(frame.at, SIP_FRAME_BIG, ret_len);
	if (frame.at + frame.length > len)
		return frame_end(frame.at + frame.length, SIP_FRAME_MORE,
				 ret_len);
	return frame_end(frame.at + frame.length, SIP_FRAME_WHOLE, ret_len);
}
