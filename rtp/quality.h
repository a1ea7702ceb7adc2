/* SPDX-License-Identifier: Apache-2.0
 *
 * How a stream sounds: the mean opinion score that the E-model (ITU-T G.107)
 * gives for its loss and jitter.
 */
#ifndef RTP_QUALITY_H
#define RTP_QUALITY_H

#include <stdint.h>

struct quality {
	uint64_t received, lost; /* packets */
	uint32_t jitter_us;	 /* interarrival jitter, RFC 3550 */
	const char *codec;	 /* encoding name of SDP; NULL or unknown: as
				    G.711 */
};

/* Rating factor R, 0 to 93.2. */
double quality_rating(const struct quality *quality);
/* 1.0 to 4.5 (G.107 Annex B); 0 when nothing was received. */
double quality_mos(const struct quality *quality);

#endif
