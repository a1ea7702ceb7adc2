/* SPDX-License-Identifier: Apache-2.0
 *
 * See observer_http.h.  Whoever may connect is not trusted: few connections, a
 * short time for each, small requests, one answer a connection.
 * Trap: evhttp of libevent 2.1 neither limits connections nor tells when one
 * ends.  So we make their bufferevents and hold a reference to each: one that
 * evhttp has freed has lost its callbacks, and is ours to let go.
 */
#include "tools/observer_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define HEADERS_MAX 8192
#define BODY_MAX    1024
#define TIMEOUT_S   5
#define BACKLOG	    16

struct connection {
	struct bufferevent *bev; /* NULL free */
	uint64_t end_us;
};

struct http {
	struct event_base *base;
	struct evhttp *evhttp;
	struct evhttp_bound_socket *bound;
	const struct http_row *rows;
	void *arg;
	struct connection connections[HTTP_CONNECTIONS_MAX];
	unsigned n_connections;
	struct addr at;
};

/* ---- connections --------------------------------------------------------- */

static bool is_over(struct bufferevent *bev)
{
	bufferevent_event_cb on_event = NULL;

	bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void let_accept(struct http *http)
{
	struct evconnlistener *listener;

	if (!http->bound)
		return;
	listener = evhttp_bound_socket_get_listener(http->bound);
	if (http->n_connections < HTTP_CONNECTIONS_MAX)
		evconnlistener_enable(listener);
	else
		evconnlistener_disable(listener);
}

void http_sweep(struct http *http, uint64_t now_us)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct connection *connection = &http->connections[i];

		if (!connection->bev)
			continue;
		if (is_over(connection->bev)) {
			bufferevent_decref(connection->bev);
			connection->bev = NULL;
			http->n_connections--;
		} else if (now_us >= connection->end_us) {
			/* evhttp sees its end and frees it */
			shutdown(bufferevent_getfd(connection->bev), SHUT_RDWR);
		}
	}
	let_accept(http);
}

static struct connection *free_place(struct http *http)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (!http->connections[i].bev)
			return &http->connections[i];
	return NULL;
}

/* evhttp wants the bufferevent of a connection that it has accepted. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct http *http = arg;
	uint64_t now_us = clock_boot_us();
	struct connection *place;
	struct bufferevent *bev =
		bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	http_sweep(http, now_us);
	place = free_place(http);
	if (!bev || !place) /* it takes one of its own; the listener rests */
		return bev;
	bufferevent_incref(bev);
	*place = (struct connection){bev, now_us + HTTP_LIFE_US};
	http->n_connections++;
	let_accept(http);
	return bev;
}

/* ---- requests ------------------------------------------------------------ */

static const struct http_row *find(const struct http *http, const char *path)
{
	const struct http_row *row = http->rows;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	return row->path ? row : NULL;
}

static bool accepts_open_metrics(struct evhttp_request *request)
{
	const char *accept = evhttp_find_header(
		evhttp_request_get_input_headers(request), "Accept");

	return accept && strstr(accept, "application/openmetrics-text");
}

static void send_reply(struct evhttp_request *request,
		       const struct http_reply *reply, const char *text,
		       size_t len)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(headers, "Content-Type", reply->type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (!body || evbuffer_add(body, text, len) < 0)
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
	else
		evhttp_send_reply(request, reply->status, NULL, body);
	if (body)
		evbuffer_free(body);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct http *http = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const struct http_row *row = path ? find(http, path) : NULL;
	struct http_reply reply = {
		.status = HTTP_OK,
		.type = "text/plain; charset=utf-8",
		.wants_open_metrics = accepts_open_metrics(request),
	};
	char *text = NULL;
	size_t len = 0;

	if (!row) {
		evhttp_add_header(evhttp_request_get_output_headers(request),
				  "Connection", "close");
		evhttp_send_error(request, HTTP_NOTFOUND, NULL);
		return;
	}
	reply.body = open_memstream(&text, &len);
	if (reply.body) {
		row->answer(http->arg, &reply);
		if (fclose(reply.body) != 0)
			reply.status = HTTP_SERVUNAVAIL;
	} else {
		reply.status = HTTP_SERVUNAVAIL;
	}
	send_reply(request, &reply, text, len);
	free(text);
}

/* ---- life ---------------------------------------------------------------- */

struct http *http_new(struct loop *loop, const struct http_row *rows, void *arg)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->base = loop_base(loop);
	http->rows = rows;
	http->arg = arg;
	http->evhttp = evhttp_new(http->base);
	if (!http->evhttp)
		return http_free(http);
	evhttp_set_allowed_methods(http->evhttp,
				   EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_max_headers_size(http->evhttp, HEADERS_MAX);
	evhttp_set_max_body_size(http->evhttp, BODY_MAX);
	evhttp_set_timeout(http->evhttp, TIMEOUT_S);
	evhttp_set_bevcb(http->evhttp, on_accept, http);
	evhttp_set_gencb(http->evhttp, on_request, http);
	return http;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	if (http->evhttp)
		evhttp_free(http->evhttp);
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (http->connections[i].bev)
			bufferevent_decref(http->connections[i].bev);
	free(http);
	return NULL;
}

static int open_socket(const struct addr *at)
{
	const int on = 1;
	int rc = 0;
	int fd = socket(at->sa.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &at->sa, addr_len(at)) < 0 || listen(fd, BACKLOG) < 0)
		rc = -errno;
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static void leave(struct http *http)
{
	if (http->bound)
		evhttp_del_accept_socket(http->evhttp, http->bound);
	http->bound = NULL;
}

int http_listen(struct http *http, const struct addr *at)
{
	struct evhttp_bound_socket *bound;
	int fd;

	if (!at) {
		leave(http);
		return 0;
	}
	if (http->bound && addr_is_same(at, &http->at))
		return 0;
	fd = open_socket(at);
	if (fd < 0)
		return fd;
	bound = evhttp_accept_socket_with_handle(http->evhttp, fd);
	if (!bound) {
		close(fd);
		return -ENOMEM;
	}
	leave(http);
	http->bound = bound;
	http->at = *at;
	let_accept(http);
	return 0;
}

bool http_is_listening(const struct http *http)
{
	return http->bound != NULL;
}
