/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own SDP parser and writer (RFC 8866, offer/answer RFC 3264): linear,
 * tolerant of what the world sends, keeps unknown lines, never decides by
 * libosip2.  Slices point into the body.
 */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/addr.h"
#include "base/media_types.h"
#include "base/str.h"

#define SDP_MEDIA_MAX	 16
#define SDP_PAYLOADS_MAX 32
#define SDP_LINES_MAX	 512

enum sdp_flow {
	SDP_SENDRECV,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE
};

struct sdp_payload {
	uint8_t number;
	struct slice encoding; /* "PCMU" (from rtpmap, or static), "" unknown */
	uint32_t clock_rate;
	struct slice parameters; /* of rtpmap, "" none */
	struct slice fmtp;
};

struct sdp_media {
	struct slice type;  /* "audio" */
	struct slice proto; /* "RTP/AVP" */
	uint16_t port;
	struct addr address;  /* c= of the media or session; port set */
	struct addr rtcp;     /* a=rtcp, else port + 1; none if port is 0 */
	bool is_hold_address; /* c=0.0.0.0 or :: */
	enum sdp_flow flow;
	unsigned n_payloads;
	struct sdp_payload payloads[SDP_PAYLOADS_MAX];
	unsigned ptime;
	struct slice text; /* all lines of this m= section, m= included */
	bool has_crypto;
};

struct sdp {
	struct slice origin; /* value of o= */
	struct slice session_lines;
	unsigned n_media;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/* 0; -EINVAL what is no SDP; -E2BIG above a limit.  *ret_why always says.
 * *ret_sdp is large and only filled as far as it is used; after a failure
 * there is nothing in it to be read. */
int sdp_parse(struct slice body, struct sdp *ret_sdp, const char **ret_why);
/* The first audio stream over RTP/AVP(F) with a port, or -1. */
int sdp_audio(const struct sdp *sdp);
/* -EINVAL when the address must not be sent to: loopback (unless ours is),
 * multicast, broadcast, port below 1024 or 0 while active. */
int sdp_check_target(const struct sdp_media *media, const struct addr *ours);

struct text_list_view {
	const char *const *items;
	unsigned n;
};

/* What we say to one side about the other's stream. */
struct sdp_edit {
	uint64_t session, version; /* of our o= line */
	struct addr local;	   /* our RTP address and port on that side */
	enum sdp_flow flow;
	const struct text_list_view *codecs; /* allowed encodings, NULL all */
};

/* An offer for the callee's side made of the caller's: one m=audio with our
 * address, allowed codecs (and telephone-event, CN), its fmtp, ptime and
 * unknown a= lines kept; crypto, candidates, rtcp and other addresses
 * dropped.  -ENOENT: no codec left (488). */
int sdp_write_offer(const struct sdp *theirs, const struct sdp_edit *edit,
		    struct out *out);
/* The answer for the side that offered `offer`, made of the other side's
 * answer: as many m= lines as the offer, all but the audio refused with port
 * 0; payload numbers are those of the offer wherever the codec is the same,
 * and the maps say how packets are to be renumbered: to_offerer for packets
 * from the answerer, to_answerer for the other way.  -ENOENT: nothing common.
 */
struct sdp_maps {
	unsigned n_to_offerer, n_to_answerer;
	struct payload_map to_offerer[PAYLOADS_MAX];
	struct payload_map to_answerer[PAYLOADS_MAX];
};
int sdp_write_answer(const struct sdp *offer, const struct sdp *answer,
		     const struct sdp_edit *edit, struct out *out,
		     struct sdp_maps *ret_maps);
enum sdp_flow sdp_flow_reversed(enum sdp_flow flow);
/* What the offer's sender may get back at most, given the answer (3264 6.1). */
const char *sdp_flow_text(enum sdp_flow flow);

#endif
