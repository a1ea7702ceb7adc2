/* SPDX-License-Identifier: Apache-2.0
 *
 * G.711 and tones, for the simulator, test calls and checks.  Pure.  Whoever
 * links tones links libm.
 * Trap: levels are dBm0 of G.711, whose loudest sine is +3.14, not 0.
 */
#include "rtp/audio.h"

#include <math.h>

#define SAMPLE_RATE    8000.0
#define FULL_SCALE     32767.0
#define FULL_DBM0      3.14 /* G.711, table 5/6: a full-scale sine, A-law */
#define SILENCE_DBM0   (-99.0)
#define ULAW_BIAS      0x84
#define ULAW_LOUDEST   32635 /* + bias still fits 15 bits */
#define ALAW_EVEN_BITS 0x55  /* inverted on the line */

/* The segment of a magnitude: how far its highest bit stands above bit 7. */
static unsigned segment_of(unsigned magnitude)
{
	return magnitude < 0x100 ? 0 : 24u - (unsigned)__builtin_clz(magnitude);
}

uint8_t g711_ulaw_encode(int16_t sample)
{
	int magnitude = sample < 0 ? -sample : sample;
	unsigned biased, segment, sign = sample < 0 ? 0x80 : 0;

	if (magnitude > ULAW_LOUDEST)
		magnitude = ULAW_LOUDEST;
	biased = (unsigned)magnitude + ULAW_BIAS;
	segment = segment_of(biased);
	return (uint8_t) ~(sign | segment << 4 |
			   (biased >> (segment + 3) & 15));
}

int16_t g711_ulaw_decode(uint8_t byte)
{
	unsigned code = (uint8_t)~byte, segment = code >> 4 & 7;
	int magnitude = (int)(((code & 15) << 3) + ULAW_BIAS) << segment;

	magnitude -= ULAW_BIAS;
	return (int16_t)(code & 0x80 ? -magnitude : magnitude);
}

uint8_t g711_alaw_encode(int16_t sample)
{
	unsigned magnitude = (unsigned)(sample < 0 ? -(sample + 1) : sample);
	unsigned segment = segment_of(magnitude);
	unsigned sign = sample < 0 ? 0 : 0x80;
	unsigned step =
		segment > 0 ? magnitude >> (segment + 3) : magnitude >> 4;

	return (uint8_t)((sign | segment << 4 | (step & 15)) ^ ALAW_EVEN_BITS);
}

int16_t g711_alaw_decode(uint8_t byte)
{
	unsigned code = byte ^ ALAW_EVEN_BITS, segment = code >> 4 & 7;
	int magnitude = (int)((code & 15) << 4) + 8;

	if (segment > 0)
		magnitude = (magnitude + 0x100) << (segment - 1);
	return (int16_t)(code & 0x80 ? magnitude : -magnitude);
}

void tone_make(int16_t *samples, size_t n, double hertz, double level_dbm0,
	       double *phase)
{
	double step = 2 * M_PI * hertz / SAMPLE_RATE;
	double amplitude =
		FULL_SCALE *
		pow(10, (fmin(level_dbm0, FULL_DBM0) - FULL_DBM0) / 20);

	for (size_t i = 0; i < n; i++) {
		samples[i] = (int16_t)lrint(amplitude * sin(*phase));
		*phase += step;
	}
	*phase = fmod(*phase, 2 * M_PI);
}

/* Goertzel: one bin of the Fourier transform, at any frequency. */
double tone_level(const int16_t *samples, size_t n, double hertz)
{
	double coefficient = 2 * cos(2 * M_PI * hertz / SAMPLE_RATE);
	double last = 0, before = 0, power, amplitude;

	for (size_t i = 0; i < n; i++) {
		double now = samples[i] + coefficient * last - before;

		before = last;
		last = now;
	}
	power = last * last + before * before - coefficient * last * before;
	amplitude = n > 0 ? 2 * sqrt(fmax(power, 0)) / (double)n : 0;
	if (amplitude < 0.5) /* less than half a step is no tone */
		return SILENCE_DBM0;
	return 20 * log10(amplitude / FULL_SCALE) + FULL_DBM0;
}
