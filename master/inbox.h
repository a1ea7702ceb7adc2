/* SPDX-License-Identifier: Apache-2.0
 *
 * What the master hears from its children.
 */
#ifndef MASTER_INBOX_H
#define MASTER_INBOX_H

#include "base/channel.h"

/* arg of the handlers: the struct slot whose process sent the message. */
extern const struct inbox_row master_inbox[];

#endif
