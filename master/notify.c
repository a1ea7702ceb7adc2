/* SPDX-License-Identifier: Apache-2.0
 *
 * See notify.h.  Called in the master only.  The trap: the socket's name may
 * begin with '@' (abstract), and a full socket must never block us.
 */
#include "master/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int notify_fd = -1;
static uint64_t watchdog_us;
static char *socket_name; /* as it stood in the environment */

static int open_socket(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd;

	if (len == 0 || len >= sizeof(to.sun_path) ||
	    (name[0] != '/' && name[0] != '@'))
		return -1;
	memcpy(to.sun_path, name, len);
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) <
		    0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (name) {
		notify_fd = open_socket(name);
		socket_name = strdup(name);
	}
	if (usec && (!pid || strtol(pid, NULL, 10) == getpid()))
		watchdog_us = strtoull(usec, NULL, 10) / 2;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_leave(void)
{
	char usec[32];

	if (socket_name)
		setenv("NOTIFY_SOCKET", socket_name, 1);
	if (!watchdog_us)
		return;
	snprintf(usec, sizeof(usec), "%llu",
		 (unsigned long long)watchdog_us * 2);
	setenv("WATCHDOG_USEC", usec, 1);
}

bool notify_is_open(void)
{
	return notify_fd >= 0;
}

int notify_text(const char *text, int fd)
{
	struct iovec bytes = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr head = {.msg_iov = &bytes, .msg_iovlen = 1};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = {{0}};

	if (fd >= 0) {
		head.msg_control = control.bytes;
		head.msg_controllen = sizeof(control.bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	if (notify_fd < 0)
		return -ENOTCONN;
	if (sendmsg(notify_fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == ENOBUFS || errno == ETOOMANYREFS ? -EAGAIN : -errno;
}

static void notify_send(const char *text)
{
	(void)notify_text(text, -1);
}

void notify_ready(void)
{
	notify_send("READY=1");
}

void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_send(text);
}

void notify_stopping(void)
{
	notify_send("STOPPING=1");
}

void notify_status(const char *format, ...)
{
	char text[256] = "STATUS=";
	va_list args;

	va_start(args, format);
	vsnprintf(text + 7, sizeof(text) - 7, format, args);
	va_end(args);
	notify_send(text);
}

uint64_t notify_watchdog_us(void)
{
	return notify_fd >= 0 ? watchdog_us : 0;
}

void notify_watchdog(void)
{
	notify_send("WATCHDOG=1");
}
