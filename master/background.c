/* SPDX-License-Identifier: Apache-2.0
 *
 * See background.h.  Called by start.c, before anything is opened: neither a
 * loop nor a store may cross the fork.  The trap: mistakes of the start belong
 * on the terminal, what comes later does not, so stderr is changed late.
 */
#include "master/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

static _Noreturn void wait_for_child(int fd)
{
	unsigned char code = EXIT_FAILURE;
	ssize_t n;

	do
		n = read(fd, &code, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? code : EXIT_FAILURE);
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
}

int background_begin(int *ret_ready_fd)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	pid = fork();
	if (pid < 0)
		return EXIT_FAILURE;
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(ends[0]);
	}
	close(ends[0]);
	leave_terminal();
	*ret_ready_fd = ends[1];
	return 0;
}

void background_end(int *fd, int exit_code)
{
	unsigned char code = (unsigned char)exit_code;

	(void)!write(*fd, &code, 1);
	close(*fd);
	*fd = -1;
}

/* base/log.h prefixes a line with its priority, as the system log wants it,
 * when stderr is the socket that JOURNAL_STREAM names. */
static void name_stream(int fd)
{
	struct stat st;
	char name[64];

	if (fstat(fd, &st) < 0)
		return;
	snprintf(name, sizeof(name), "%lu:%lu", (unsigned long)st.st_dev,
		 (unsigned long)st.st_ino);
	setenv("JOURNAL_STREAM", name, 1);
}

/* A file goes on taking the log.  Whoever reads a pipe waits for its end, and a
 * terminal is somebody's who does other things now. */
static void let_go_of_stderr(void)
{
	struct stat st;
	int null;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		return;
	fputs("mspoold: no system log at /dev/log, so that this start keeps "
	      "none; 2>FILE keeps one\n",
	      stderr);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	log_use(null);
	close(null);
}

void background_log(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		name_stream(fd);
		log_use(fd);
	} else {
		let_go_of_stderr();
	}
	close(fd);
}
