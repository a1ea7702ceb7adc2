/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU and memory of a process from /proc, for `mspoolctl workers`.  Workers
 * have one thread, so schedstat, which is exact to the nanosecond but knows
 * the first thread only, is the whole truth; stat has steps of 10 ms.
 */
#include "tools/ctl_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int read_numbers(int32_t pid, const char *name, uint64_t *ret_first,
			uint64_t *ret_second)
{
	char path[48];
	FILE *file;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	n = fscanf(file, "%" SCNu64 " %" SCNu64, ret_first, ret_second);
	fclose(file);
	return n == 2 ? 0 : -EPROTO;
}

int ctl_process_cpu_ns(int32_t pid, uint64_t *ret_ns)
{
	uint64_t ran, waited;
	int error = read_numbers(pid, "schedstat", &ran, &waited);

	if (!error)
		*ret_ns = ran;
	return error;
}

int ctl_process_rss(int32_t pid, uint64_t *ret_bytes)
{
	uint64_t size, resident;
	int error = read_numbers(pid, "statm", &size, &resident);

	if (!error)
		*ret_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
	return error;
}
