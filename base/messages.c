/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of base/messages.def as data: name, size and descriptors of every
 * message, by which base/channel.c checks what arrives.
 */
#include "base/messages.h"

const struct message_row message_rows[N_MESSAGES] = {
	[MESSAGE_NONE] = {"NONE", 0, false},
#define MESSAGE(name, from, to, payload, fds)                                  \
	[MESSAGE_##name] = {#name, sizeof(struct payload), fds},
#include "base/messages.def"
#undef MESSAGE
};
