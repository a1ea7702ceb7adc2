/* SPDX-License-Identifier: Apache-2.0
 *
 * URIs and name-addr values as slices of what stands on the wire.  Nothing is
 * decoded behind the caller's back (libosip2 does): uri_number() gives the
 * one canonical number that routing, access rules, records and logs all use.
 */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "base/addr.h"
#include "base/str.h"

enum uri_scheme {
	URI_SIP,
	URI_SIPS,
	URI_TEL,
	URI_OTHER
};

struct sip_uri {
	enum uri_scheme scheme;
	struct slice user; /* raw, may hold ;params of a number; "" none */
	struct slice password;
	struct slice host;    /* IPv6 with brackets */
	uint16_t port;	      /* 0 none */
	struct slice params;  /* after the host, from the first ';' */
	struct slice headers; /* after '?' */
};

/* 0 or -EINVAL.  URI_OTHER gives only the scheme. */
int uri_parse(struct slice text, struct sip_uri *ret_uri);
/* A URI parameter; false when absent.  Value "" for a flag; ret_value may be
 * NULL. */
bool uri_param(const struct sip_uri *uri, const char *name,
	       struct slice *ret_value);
/* The number: user without its ;parameters and visual separators ("-.()"), with
 * %XX decoded once; tel: likewise.  -EINVAL for %00, control characters, an
 * empty user or more than size - 1 bytes. */
int uri_number(const struct sip_uri *uri, char *buf, size_t size);

struct name_addr {
	struct slice display; /* as written, quotes included; "" none */
	struct slice uri;
	struct slice params; /* after the uri, from the first ';' */
};

/* The first element of a From, To, Contact, Route, PAI… value; *rest (may be
 * NULL) gets what stands after the comma.  0 or -EINVAL. */
int name_addr_parse(struct slice value, struct name_addr *ret_name,
		    struct slice *ret_rest);
bool name_addr_param(const struct name_addr *name, const char *param,
		     struct slice *ret_value);

/* Full check of a message's structured headers by libosip2, with a bump arena
 * instead of malloc: for messages that open a dialog, where the whole grammar
 * matters (RFC 4475).  0, or -EINVAL with a word in *ret_why.  Needs a scanned
 * message: the head alone goes to libosip2, without Content-Length. */
int sip_check_grammar(struct slice head, const char **ret_why);

#endif
