/* SPDX-License-Identifier: Apache-2.0
 *
 * See ng.h.  Called by rtpgen before it starts its clock.
 */
#include "tests/bench/ng.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NG_MAX 4096

static int ng_sdp(const struct addr *at, char *buf, size_t size)
{
	char host[ADDR_TEXT_MAX];

	addr_host_text(at, host);
	return snprintf(buf, size,
			"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\n"
			"t=0 0\r\nm=audio %u RTP/AVP 0\r\n",
			host, host, addr_port(at));
}

/* Bencode: a string is its length, a colon and its bytes. */
static void ng_string(struct out *out, const char *text)
{
	out_u64(out, strlen(text));
	out_char(out, ':');
	out_text(out, text);
}

static void ng_pair(struct out *out, const char *key, const char *value)
{
	ng_string(out, key);
	ng_string(out, value);
}

static void ng_request(struct out *out, const struct ng_call *call,
		       bool is_answer)
{
	char sdp[512], id[32];

	snprintf(id, sizeof(id), "bench-%u", call->number);
	ng_sdp(is_answer ? &call->callee : &call->caller, sdp, sizeof(sdp));
	out_printf(out, "%c%u d", is_answer ? 'a' : 'o', call->number);
	ng_pair(out, "command", is_answer ? "answer" : "offer");
	ng_pair(out, "call-id", id);
	ng_pair(out, "from-tag", "caller");
	if (is_answer)
		ng_pair(out, "to-tag", "callee");
	ng_pair(out, "ICE", "remove");
	ng_pair(out, "sdp", sdp);
	out_char(out, 'e');
}

static int ng_exchange(int fd, const struct out *request, char *reply)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (send(fd, request->buf, request->len, 0) < 0)
		return -errno;
	if (poll(&wait, 1, 2000) <= 0)
		return -ETIMEDOUT;
	n = recv(fd, reply, NG_MAX - 1, 0);
	if (n < 0)
		return -errno;
	reply[n] = '\0';
	return 0;
}

static int ng_act(int fd, const struct ng_call *call, bool is_answer,
		  struct addr *ret_local)
{
	char request_buf[NG_MAX], reply[NG_MAX];
	struct out request = out_init(request_buf, sizeof(request_buf));
	const char *media;
	int error;

	ng_request(&request, call, is_answer);
	error = ng_exchange(fd, &request, reply);
	if (error)
		return error;
	media = strstr(reply, "m=audio ");
	if (!media)
		return -EPROTO;
	*ret_local = call->caller;
	addr_set_port(ret_local,
		      (uint16_t)strtoul(media + strlen("m=audio "), NULL, 10));
	return 0;
}

int ng_set_up(int fd, struct ng_call *call)
{
	/* The SDP that comes back is for the other party. */
	int error = ng_act(fd, call, false, &call->to_callee_side);

	return error ? error : ng_act(fd, call, true, &call->to_caller_side);
}
