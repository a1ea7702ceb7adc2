/* SPDX-License-Identifier: Apache-2.0
 *
 * The pre-scan: the first and linear pass over every byte from the network
 * (DESIGN 4).  It checks start line, structure caps, Content-Length, mandatory
 * and single headers, CSeq, numbers and control characters, and yields slices
 * into the caller's buffer: enough to refuse, steer, answer overload and do
 * most of the B2BUA's work without libosip2.
 * Trap: the buffer is changed in place (folds and HTAB become SP), so it must
 * be private, and slices live as long as it does.
 */
#ifndef SIP_SCAN_H
#define SIP_SCAN_H

#include "base/str.h"

enum sip_method {
	SIP_UNKNOWN_METHOD, /* a token, but none of ours: 501/405 */
#define SIP_METHOD(name) SIP_##name,
#include "sip/methods.def"
#undef SIP_METHOD
	N_SIP_METHODS
};
extern const char *const sip_method_names[N_SIP_METHODS];

/* Headers we know, by number; names compact and long, single or not, in
 * sip/headers.def: SIP_HEADER(id, "Name", 'c' or 0, is_single). */
enum sip_header_id {
	SIP_H_OTHER,
#define SIP_HEADER(id, name, compact, is_single) SIP_H_##id,
#include "sip/headers.def"
#undef SIP_HEADER
	N_SIP_HEADERS
};
extern const char *const sip_header_names[N_SIP_HEADERS];

#define SIP_MESSAGE_MAX	   65535 /* a datagram, or a message on a stream */
#define SIP_DATAGRAM_MAX   65507 /* one that is sent over IPv4 */
#define SIP_HEAD_MAX	   32768
#define SIP_LINES_MAX	   128
#define SIP_LINE_MAX	   4096
#define SIP_VIAS_MAX	   64
#define SIP_VIA_BYTES_MAX  16384 /* of all Vias, which answers repeat */
#define SIP_COMMAS_MAX	   64	 /* in a line, outside quotes */
#define SIP_SEMICOLONS_MAX 32	 /* in a line, outside quotes */

struct sip_header {
	enum sip_header_id id;
	struct slice name; /* as written */
	struct slice value;
};

struct sip_message {
	bool is_request;
	bool is_legacy;		/* no magic cookie in the branch (RFC 2543) */
	enum sip_method method; /* of the request, or of the CSeq */
	struct slice method_text;
	struct slice uri; /* Request-URI as written */
	int status;
	struct slice reason;
	struct slice head; /* start line up to and with the blank line */
	struct slice body; /* cut to Content-Length */
	/* the top Via */
	struct slice via;    /* first value only */
	struct slice branch; /* "" without */
	struct slice sent_by;
	uint16_t sent_by_port; /* 0 none */
	struct slice via_transport;
	bool has_rport;
	struct slice from, to;	       /* whole values */
	struct slice from_tag, to_tag; /* ptr NULL: none */
	struct slice call_id;
	uint32_t cseq;
	int max_forwards;     /* -1 absent */
	struct slice contact; /* first header's value, "" none */
	struct slice content_type;
	unsigned n_headers;
	struct sip_header headers[SIP_LINES_MAX];
};

/* What became of a message that is not good. */
struct sip_verdict {
	int status;	    /* 0 good; 400, 413, 416, 501, 505, 513 */
	const char *reason; /* for the wire and the log: "Bad Content-Length" */
	bool is_answerable; /* a request with a Via: answer; else drop */
	bool is_fatal;	    /* on a stream: close after the answer */
};

/* One whole message of len bytes: a datagram, or what sip_frame found.  On a
 * refusal *ret is filled as far as it was read, so that the answer can copy
 * Via, From, To, Call-ID and CSeq when is_answerable.  is_stream: Content-
 * Length is mandatory and exact. */
void sip_scan(char *buf, size_t len, bool is_stream, struct sip_message *ret,
	      struct sip_verdict *ret_verdict);

/* Framing of a stream: looks at the first len bytes of it.  A lone CRLF may be
 * half a ping and is MORE: a time-out for unfinished messages must not count
 * what begins with CR, or a peer whose keep-alive is one CRLF gets closed.
 * After BAD and BIG, *ret_len bytes may be given to sip_scan as a stream: it
 * refuses what is BAD, and finds what an answer needs. */
enum sip_frame_state {
	SIP_FRAME_MORE,	 /* incomplete; at least *ret_len bytes are needed */
	SIP_FRAME_WHOLE, /* the first *ret_len bytes are one message */
	SIP_FRAME_PING,	 /* CRLFCRLF: answer CRLF, skip *ret_len bytes */
	SIP_FRAME_SKIP,	 /* single CRLFs between messages: skip *ret_len */
	SIP_FRAME_BAD, /* no framing possible: answer if the head allows, close
			*/
	SIP_FRAME_BIG, /* above a limit: 513 and close */
};
enum sip_frame_state sip_frame(const char *buf, size_t len, size_t *ret_len);

/* The n-th header of this id (from 0): NULL when there is none. */
const struct sip_header *sip_header(const struct sip_message *message,
				    enum sip_header_id id, unsigned n);
/* Is `token` in one of the comma lists of this header (Supported, Require)? */
bool sip_header_has(const struct sip_message *message, enum sip_header_id id,
		    struct slice token);

#endif
