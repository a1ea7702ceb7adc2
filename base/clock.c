/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clocks of every process.  CLOCK_BOOTTIME, not CLOCK_MONOTONIC: it
 * counts on through suspend, and calls do not outlive one.
 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now); /* cannot fail for these two */
	return (uint64_t)now.tv_sec * USEC_PER_SEC +
	       (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_boot_us(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int clock_boot_id(char ret_id[37])
{
	char id[37];
	ssize_t n;
	int fd, error = 0;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, id, 36);
	if (n < 0)
		error = -errno;
	close(fd);
	if (error < 0 || n != 36)
		return error < 0 ? error : -EIO;
	for (int i = 0; i < 36; i++)
		ret_id[i] = id[i];
	ret_id[36] = '\0';
	return 0;
}

const char *clock_wall_text(uint64_t wall_us, char *buf)
{
	time_t seconds = (time_t)(wall_us / USEC_PER_SEC);
	struct tm tm;
	char date[24];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, 32, "%s.%03uZ", date,
		 (unsigned)(wall_us % USEC_PER_SEC / USEC_PER_MSEC));
	return buf;
}
