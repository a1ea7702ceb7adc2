/* SPDX-License-Identifier: Apache-2.0
 *
 * See logfile.h.  Called in the master at its start and at USR1.  Children
 * share our standard error and may not be allowed to open the file, so they
 * are sent a descriptor.  Trap: the name is the one that the file had at the
 * start; /proc shows the one that it has now.
 */
#include "master/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/helpers.h"
#include "master/slots.h"

#define LOG_MODE 0640

static char log_path[PATH_MAX]; /* "": standard error is no file */

void logfile_remember(void)
{
	struct stat st;
	ssize_t n;

	if (fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	n = readlink("/proc/self/fd/2", log_path, sizeof(log_path) - 1);
	log_path[n > 0 ? n : 0] = '\0';
}

void logfile_reopen(struct master *m)
{
	struct message_switch on = {.is_on = 1};
	int fd;

	if (log_path[0] != '/')
		return;
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		  LOG_MODE);
	if (fd < 0) {
		tell(m, LOG_LVL_WARNING, "log_kept", "file=%s reason=\"%s\"",
		     log_path, strerror(errno));
		return;
	}
	log_use(fd);
	slots_send_all(m, MESSAGE_LOG_FILE, &on, fd);
	helpers_send_log(m, fd);
	close(fd);
}
