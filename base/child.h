/* SPDX-License-Identifier: Apache-2.0
 *
 * What a child inherits and how it starts: argv[1] is the slot's name, argv[2]
 * the run folder, descriptor 3 the channel to the master.  Everything else
 * (configuration, sockets, doorbells) comes over the channel.  The master
 * sends SERVE when all is there.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/channel.h"
#include "base/config.h"
#include "base/confine.h"
#include "base/loop.h"

#define CHILD_CHANNEL_FD 3
/* In the run folder: where children of a master that died find the next. */
#define CHILD_ADOPT_SOCKET "adopt.sock"

struct child {
	struct slot_id slot;
	char name[SLOT_NAME_MAX];
	const char *run_dir;
	struct channel *channel;
	struct loop *loop;
	struct config *config; /* in force; replaced by child_take_config */
	uint32_t generation;
};

/* Checks argv and descriptor 3, closes what else was inherited above it, makes
 * loop and channel, sets PR_SET_DUMPABLE 0 and ignores SIGPIPE and SIGHUP.
 * Exits with a word on stderr when started by hand.  PR_SET_PDEATHSIG stays
 * unset on purpose: children outlive the master. */
void child_start(struct child *child, int argc, char **argv);
/* After the channel's end: a channel to the next master, if there is one yet.
 * The old one is freed; whoever watched its descriptor must have stopped.  0
 * or -errno: nothing changed. */
int child_rejoin(struct child *child);
/* When all is open that is needed once only: confine() (base/confine.h), and a
 * word in the log where that is not possible. */
void child_confine(const struct child *child, enum confine_kind kind);
/* Parses the memfd of a CONFIG message and closes it, come what may; on
 * success replaces child->config and generation and returns the old
 * configuration in *ret_old (the caller frees it when nothing refers to it any
 * more).  -errno: nothing changed. */
int child_take_config(struct child *child, const struct message_config *head,
		      int fd, struct config **ret_old);

#endif
