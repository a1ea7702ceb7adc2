/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of a process: libevent behind five functions, the only place that
 * includes its headers.  The epoll changelist stays off, since descriptors
 * have duplicates in the master.  Created after exec, never crosses a fork.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch;

#define LOOP_READ  1u
#define LOOP_WRITE 2u
#define LOOP_EDGE  4u

typedef void loop_fn(int fd, unsigned what, void *arg);

struct event_base;

struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);
/* Watches fd for `what`; the watch is the caller's to free, before it closes
 * fd.  NULL without memory. */
struct watch *loop_watch(struct loop *loop, int fd, unsigned what, loop_fn *fn,
			 void *arg);
struct watch *watch_free(struct watch *watch);
/* Calls fn at a signal, from the loop, not from the handler. */
struct watch *loop_watch_signal(struct loop *loop, int signal, loop_fn *fn,
				void *arg);
/* Calls fn every interval_us until freed. */
struct watch *loop_watch_every(struct loop *loop, uint64_t interval_us,
			       loop_fn *fn, void *arg);
/* One turn: waits at most wait_us, runs what is ready, returns.  0/-errno. */
int loop_turn(struct loop *loop, uint64_t wait_us);
/* libevent's, for evhttp, which only the observer uses. */
struct event_base *loop_base(struct loop *loop);

#endif
