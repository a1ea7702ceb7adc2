/* SPDX-License-Identifier: Apache-2.0
 *
 * G.711 and tones, for the simulator, test calls and checks.
 */
#ifndef RTP_AUDIO_H
#define RTP_AUDIO_H

#include <stddef.h>
#include <stdint.h>

uint8_t g711_ulaw_encode(int16_t sample);
int16_t g711_ulaw_decode(uint8_t byte);
uint8_t g711_alaw_encode(int16_t sample);
int16_t g711_alaw_decode(uint8_t byte);
/* n samples of a sine at 8 kHz; *phase carries on from call to call. */
void tone_make(int16_t *samples, size_t n, double hertz, double level_dbm0,
	       double *phase);
/* Power of `hertz` in the samples by Goertzel, dBm0. */
double tone_level(const int16_t *samples, size_t n, double hertz);

#endif
