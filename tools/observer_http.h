/* SPDX-License-Identifier: Apache-2.0
 *
 * The observer's HTTP: evhttp, which is used here and nowhere else.
 */
#ifndef TOOLS_OBSERVER_HTTP_H
#define TOOLS_OBSERVER_HTTP_H

#include <stdbool.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/loop.h"

#define HTTP_CONNECTIONS_MAX 32
#define HTTP_LIFE_US	     (10 * 1000000ull) /* of a connection, at most */

struct http_reply {
	int status;
	const char *type;
	FILE *body;
	bool wants_open_metrics; /* of the request: its Accept header */
};

/* Fills a reply that is 200, text/plain and empty. */
typedef void http_handler(void *arg, struct http_reply *reply);

struct http_row {
	const char *path;
	http_handler *answer;
};

struct http;

/* rows end with path NULL and must outlive it.  NULL without memory. */
struct http *http_new(struct loop *loop, const struct http_row *rows,
		      void *arg);
struct http *http_free(struct http *http);
/* Listens there instead of where it did; NULL: nowhere.  -errno: it goes on
 * where it was. */
int http_listen(struct http *http, const struct addr *at);
bool http_is_listening(const struct http *http);
/* Ends connections that are over their time; now and then. */
void http_sweep(struct http *http, uint64_t now_us);

#endif
