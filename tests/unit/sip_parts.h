/* SPDX-License-Identifier: Apache-2.0
 *
 * A good INVITE in parts, of which a test replaces or omits some: what the
 * test says is then exactly what is wrong with the message.
 */
#ifndef TESTS_UNIT_SIP_PARTS_H
#define TESTS_UNIT_SIP_PARTS_H

#include "sip/scan.h"

enum part {
	PART_START,
	PART_VIA,
	PART_FROM,
	PART_TO,
	PART_CALL_ID,
	PART_CSEQ,
	PART_MAX_FORWARDS,
	PART_CONTACT,
	PART_LENGTH,
	PART_EXTRA, /* "" in the good one */
	PART_BODY,  /* "", without line end */
	N_PARTS
};

struct parts {
	struct slice text[N_PARTS]; /* lines with their CRLF; ptr NULL omits */
};

struct scanned {
	char buf[SIP_MESSAGE_MAX + 8192];
	size_t len;
	struct sip_message message;
	struct sip_verdict verdict;
};

void parts_init(struct parts *parts);
/* One part replaced by `text`, "" leaves it out. */
void parts_set(struct parts *parts, enum part part, struct slice text);
size_t parts_write(const struct parts *parts, char *buf, size_t size);

/* Scans these bytes in a buffer of their own (static, one at a time). */
struct scanned *scan_bytes(struct slice bytes, bool is_stream);
struct scanned *scan_parts(const struct parts *parts, bool is_stream);
/* The good INVITE with one part replaced. */
struct scanned *scan_with(enum part part, const char *text);

#endif
