/* SPDX-License-Identifier: Apache-2.0
 *
 * The E-model of ITU-T G.107, reduced to what a relay can know: loss and
 * jitter of one direction and the codec.  Everything else keeps the default of
 * the recommendation, which gives R = 93.2 for a perfect line.  Called by
 * mspoolctl, and by whoever reports on a stream.
 * Trap: the delay of the rest of the way is unknown, so the score is that of
 * our part of it; it is never worse than what the listener hears.
 */
#include "rtp/quality.h"

#include <stddef.h>
#include <strings.h>

#define RATING_DEFAULT 93.2
#define PACKET_MS      20.0 /* one packet waits to be filled */

/* Equipment impairment and robustness to random loss, ITU-T G.113 Appendix I;
 * G.711 with concealment of loss, as every gateway has it. */
static const struct codec_figures {
	const char *codec;
	double impairment, robustness;
} codecs[] = {
	{"PCMU", 0, 25.1},  {"PCMA", 0, 25.1},	  {"G729", 11, 19.0},
	{"G723", 15, 16.1}, {"GSM-EFR", 5, 10.0},
};

static const struct codec_figures *codec_figures(const char *codec)
{
	for (unsigned i = 0; codec && i < sizeof(codecs) / sizeof(codecs[0]);
	     i++)
		if (strcasecmp(codecs[i].codec, codec) == 0)
			return &codecs[i];
	return &codecs[0];
}

/* Id: what delay takes away.  The straight lines of Cole and Rosenbluth for
 * G.107 7.4; a receiver's buffer holds about twice the jitter. */
static double delay_impairment(const struct quality *quality)
{
	double delay_ms = PACKET_MS + 2.0 * quality->jitter_us / 1000.0;
	double late_ms = delay_ms - 177.3;

	return 0.024 * delay_ms + (late_ms > 0 ? 0.11 * late_ms : 0);
}

/* Ie,eff: what codec and loss take away (G.107 7.5, random loss). */
static double loss_impairment(const struct quality *quality)
{
	const struct codec_figures *codec = codec_figures(quality->codec);
	double expected = (double)(quality->received + quality->lost);
	double loss = expected > 0 ? 100.0 * quality->lost / expected : 0;

	return codec->impairment +
	       (95 - codec->impairment) * loss / (loss + codec->robustness);
}

double quality_rating(const struct quality *quality)
{
	double rating = RATING_DEFAULT - delay_impairment(quality) -
			loss_impairment(quality);

	return rating < 0 ? 0 : rating;
}

double quality_mos(const struct quality *quality)
{
	double rating = quality_rating(quality);
	double mos = 1 + 0.035 * rating +
		     rating * (rating - 60) * (100 - rating) * 7e-6;

	if (quality->received == 0)
		return 0;
	return mos < 1 ? 1 : mos;
}
