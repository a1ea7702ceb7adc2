/* SPDX-License-Identifier: Apache-2.0
 *
 * systemd's readiness protocol (sd_notify(3)) without libsystemd: a datagram
 * to $NOTIFY_SOCKET.  All calls are harmless without one.
 */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of
 * the environment, so that no child answers for us. */
void notify_open(void);
/* Puts the words back, for the program that replaces this one. */
void notify_leave(void);
bool notify_is_open(void);
/* Lines of assignments, with a descriptor (-1 none).  0, -EAGAIN: no room
 * now, or another -errno. */
int notify_text(const char *text, int fd);
void notify_ready(void);
/* RELOADING with MONOTONIC_USEC, as Type=notify-reload wants it. */
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* How often WATCHDOG=1 is due (half of the time granted); 0 never. */
uint64_t notify_watchdog_us(void);
void notify_watchdog(void);

#endif
