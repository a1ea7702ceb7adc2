/* SPDX-License-Identifier: Apache-2.0
 *
 * When a stream counts as dead: nobody is heard any more.  Pure.
 */
#ifndef MEDIA_INACTIVITY_H
#define MEDIA_INACTIVITY_H

#include "media/stream.h"

/* True if a side that should send (we take from it) has been silent, RTP and
 * RTCP, for longer than the wish allows; on hold, if both sides have been. */
bool inactivity_is_over(const struct stream *stream, uint64_t now_us);

#endif
