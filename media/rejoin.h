/* SPDX-License-Identifier: Apache-2.0
 *
 * A media worker without a master: it relays on, and offers itself, with every
 * socket it has, to the next master as soon as there is one.
 */
#ifndef MEDIA_REJOIN_H
#define MEDIA_REJOIN_H

#include <stdbool.h>
#include <stdint.h>

struct media;

struct rejoin {
	bool is_alone;
	bool is_offering; /* sockets are being sent */
	uint32_t next_id; /* of the pair that is to be sent next */
	uint64_t next_us; /* look for a master again */
};

/* The channel ended. */
void rejoin_begin(struct media *media);
/* Once a turn. */
void rejoin_turn(struct media *media);

#endif
