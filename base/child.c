/* SPDX-License-Identifier: Apache-2.0
 *
 * How a child begins, before its own main: mspool-worker, mspool-media and the
 * helpers of master/helpers.c.
 * Trap: descriptors above 3 are closed here, so nothing may be opened before
 * child_start, and nothing that the master forgot to mark lives on in us.
 */
#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/log.h"

#define EXIT_USAGE 2
#define CONFIG_MAX (64u << 20) /* of text; more is no configuration */

_Noreturn static void refuse(const char *program, const char *why)
{
	fprintf(stderr, "%s: %s; it is started by mspoold only\n", program,
		why);
	exit(EXIT_USAGE);
}

static bool is_channel(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

static void check_inheritance(struct child *child, int argc, char **argv)
{
	const char *program = argc > 0 ? argv[0] : "mspool child";

	if (argc != 3)
		refuse(program, "wants SLOT and RUN-FOLDER");
	if (slot_parse(slice_of(argv[1]), &child->slot) < 0)
		refuse(program, "the slot must be ms<N>, mw<N> or a helper's");
	if (!is_channel(CHILD_CHANNEL_FD))
		refuse(program, "descriptor 3 is no channel");
	slot_name(child->slot, child->name);
	child->run_dir = argv[2];
}

/* A child of a terminal's session must not die of the terminal, and a peer's
 * closed connection is an error code, not a signal. */
static void harden(void)
{
	close_range(CHILD_CHANNEL_FD + 1, ~0u, 0);
	prctl(PR_SET_DUMPABLE, 0); /* SRTP keys are in our memory */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

void child_start(struct child *child, int argc, char **argv)
{
	memset(child, 0, sizeof(*child));
	check_inheritance(child, argc, argv);
	harden();
#ifdef CRASH_POINTS
	crash_start(child->name, child->run_dir);
#endif
	child->channel = channel_new(CHILD_CHANNEL_FD);
	child->loop = loop_new();
	if (!child->channel || !child->loop) {
		fprintf(stderr, "%s: no memory for a loop\n", child->name);
		exit(EXIT_FAILURE);
	}
}

static int connect_to(const char *run_dir)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, n = snprintf(to.sun_path, sizeof(to.sun_path),
			     "%s/" CHILD_ADOPT_SOCKET, run_dir);

	if (n < 0 || (size_t)n >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		n = -errno;
		close(fd);
		return n;
	}
	return fd;
}

int child_rejoin(struct child *child)
{
	int fd = connect_to(child->run_dir);
	struct channel *channel = fd < 0 ? NULL : channel_new(fd);

	if (fd < 0)
		return fd;
	if (!channel) {
		close(fd);
		return -ENOMEM;
	}
	channel_free(child->channel);
	child->channel = channel;
	return 0;
}

void child_confine(const struct child *child, enum confine_kind kind)
{
	int rc = confine(kind);

	if (rc < 0 && rc != -ENOTSUP)
		log_event(LOG_LVL_WARNING, "not_confined",
			  "slot=%s reason=\"%s\"", child->name, strerror(-rc));
#ifdef CRASH_POINTS
	confine_probe(child->name, child->run_dir);
#endif
}

/* The size is checked against the file: reading a map beyond it would be
 * SIGBUS. */
static int map_text(int fd, uint32_t size, void **ret_text)
{
	struct stat status;
	void *text;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (size == 0 || size > CONFIG_MAX || status.st_size < (off_t)size)
		return -EPROTO;
	text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return -errno;
	*ret_text = text;
	return 0;
}

static int load_from(int fd, uint32_t size, struct config **ret_config)
{
	struct config_report report = {0};
	void *text = NULL;
	int error = map_text(fd, size, &text);

	if (error < 0)
		return error;
	error = config_load_text((struct slice){text, size}, ret_config,
				 &report);
	config_report_done(&report);
	munmap(text, size);
	return error;
}

int child_take_config(struct child *child, const struct message_config *head,
		      int fd, struct config **ret_old)
{
	struct config *config;
	int error = load_from(fd, head->size, &config);

	close(fd);
	if (error < 0)
		return error;
	*ret_old = child->config;
	child->config = config;
	child->generation = head->generation;
	return 0;
}
