/* SPDX-License-Identifier: Apache-2.0
 *
 * libevent behind the five functions of loop.h, for every process.
 * Trap: libevent would learn from the environment to use the epoll changelist,
 * which takes a closed descriptor for gone; ours live on as duplicates in the
 * master.  Hence EVENT_BASE_FLAG_IGNORE_ENV.
 */
#include "base/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

struct loop {
	struct event_base *base;
	struct event *turn_end; /* bounds a turn's waiting */
};

struct watch {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

/* Libraries do not log: what goes wrong comes back as an error. */
static void keep_quiet(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static void die_of_libevent(int code)
{
	(void)code;
	must_fail(__FILE__, __LINE__, "libevent gave up");
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
					      EVENT_BASE_FLAG_IGNORE_ENV);
	event_config_require_features(config, EV_FEATURE_ET);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Waking up is all that it is for. */
static void end_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	event_set_log_callback(keep_quiet);
	event_set_fatal_callback(die_of_libevent);
	loop->base = base_new();
	if (loop->base)
		loop->turn_end = evtimer_new(loop->base, end_turn, NULL);
	return loop->turn_end ? loop : loop_free(loop);
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->turn_end)
		event_free(loop->turn_end);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
	return NULL;
}

/* LOOP_EDGE is how it was asked for, never what happened. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	watch->fn(fd,
		  (what & EV_READ ? LOOP_READ : 0) |
			  (what & EV_WRITE ? LOOP_WRITE : 0),
		  watch->arg);
}

static struct watch *watch_new(struct loop *loop, int fd, short events,
			       loop_fn *fn, void *arg)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fn = fn;
	watch->arg = arg;
	watch->event =
		event_new(loop->base, fd, events | EV_PERSIST, on_event, watch);
	return watch->event ? watch : watch_free(watch);
}

static struct watch *watch_add(struct watch *watch, const struct timeval *every)
{
	if (watch && event_add(watch->event, every) < 0)
		return watch_free(watch);
	return watch;
}

struct watch *watch_free(struct watch *watch)
{
	if (!watch)
		return NULL;
	if (watch->event)
		event_free(watch->event);
	free(watch);
	return NULL;
}

struct watch *loop_watch(struct loop *loop, int fd, unsigned what, loop_fn *fn,
			 void *arg)
{
	short events = (short)((what & LOOP_READ ? EV_READ : 0) |
			       (what & LOOP_WRITE ? EV_WRITE : 0) |
			       (what & LOOP_EDGE ? EV_ET : 0));

	return watch_add(watch_new(loop, fd, events, fn, arg), NULL);
}

struct watch *loop_watch_signal(struct loop *loop, int signal, loop_fn *fn,
				void *arg)
{
	return watch_add(watch_new(loop, signal, EV_SIGNAL, fn, arg), NULL);
}

static struct timeval timeval_of(uint64_t us)
{
	return (struct timeval){(time_t)(us / USEC_PER_SEC),
				(suseconds_t)(us % USEC_PER_SEC)};
}

struct watch *loop_watch_every(struct loop *loop, uint64_t interval_us,
			       loop_fn *fn, void *arg)
{
	struct timeval every = timeval_of(interval_us);

	return watch_add(watch_new(loop, -1, 0, fn, arg), &every);
}

/* Without EVLOOP_ONCE a non-blocking loop goes on for as long as anything is
 * ready: unread input would hold the turn for ever. */
static int turn(struct loop *loop, int flags)
{
	return event_base_loop(loop->base, EVLOOP_ONCE | flags) < 0 ? -EIO : 0;
}

int loop_turn(struct loop *loop, uint64_t wait_us)
{
	struct timeval wait = timeval_of(wait_us);
	int error;

	if (wait_us == 0)
		return turn(loop, EVLOOP_NONBLOCK);
	if (event_add(loop->turn_end, &wait) < 0)
		return -ENOMEM;
	error = turn(loop, 0);
	event_del(loop->turn_end);
	return error;
}
