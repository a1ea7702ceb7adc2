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
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

struct loop {
	struct event_base *base;
	struct event *alarm; /* bounds a turn's waiting */
	int alarm_fd;
	uint64_t alarm_us; /* when it rings; 0: not set */
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
static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t n_rung;

	(void)what;
	if (read(fd, &n_rung, sizeof(n_rung)) == sizeof(n_rung))
		loop->alarm_us = 0;
}

static bool alarm_open(struct loop *loop)
{
	loop->alarm_fd =
		timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->alarm_fd < 0)
		return false;
	loop->alarm = event_new(loop->base, loop->alarm_fd,
				EV_READ | EV_PERSIST, on_alarm, loop);
	return loop->alarm && event_add(loop->alarm, NULL) == 0;
}

/* One that rings earlier is left as it is: it ends a turn too soon, which does
 * no harm, and setting a clock for every turn would cost as much as a turn. */
static int alarm_set(struct loop *loop, uint64_t wait_us)
{
	uint64_t now_us = clock_boot_us(), at_us = now_us + wait_us;
	struct itimerspec at = {
		.it_value = {(time_t)(at_us / USEC_PER_SEC),
			     (long)(at_us % USEC_PER_SEC) * 1000}};

	if (loop->alarm_us && loop->alarm_us <= at_us)
		return 0;
	if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		return -errno;
	loop->alarm_us = at_us;
	return 0;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	event_set_log_callback(keep_quiet);
	event_set_fatal_callback(die_of_libevent);
	loop->alarm_fd = -1;
	loop->base = base_new();
	return loop->base && alarm_open(loop) ? loop : loop_free(loop);
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	if (loop->alarm)
		event_free(loop->alarm);
	if (loop->alarm_fd >= 0)
		close(loop->alarm_fd);
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
	int error;

	if (wait_us == 0)
		return turn(loop, EVLOOP_NONBLOCK);
	error = alarm_set(loop, wait_us);
	return error ? error : turn(loop, 0);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}
