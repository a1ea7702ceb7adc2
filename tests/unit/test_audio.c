/* SPDX-License-Identifier: Apache-2.0
 *
 * rtp/audio.c: G.711 against its tables' corner values, tones against their
 * own measure.
 */
#include "rtp/audio.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(audio, ulaw_has_the_values_of_g711)
{
	static const struct {
		uint8_t byte;
		int16_t sample;
	} rows[] = {{0x80, 32124}, {0x00, -32124}, {0xff, 0},
		    {0xfe, 8},	   {0x7e, -8},	   {0xef, 132},
		    {0xf0, 120},   {0xe0, 372},	   {0x90, 15996}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(g711_ulaw_decode(rows[i].byte), rows[i].sample,
			     "%02x", rows[i].byte);
		cr_expect_eq(g711_ulaw_encode(rows[i].sample), rows[i].byte,
			     "%d", rows[i].sample);
	}
}

Test(audio, alaw_has_the_values_of_g711)
{
	static const struct {
		uint8_t byte;
		int16_t sample;
	} rows[] = {{0xd5, 8},	{0x55, -8},  {0xaa, 32256}, {0x2a, -32256},
		    {0xd4, 24}, {0xc5, 264}, {0xf5, 528},   {0xba, 16128}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(g711_alaw_decode(rows[i].byte), rows[i].sample,
			     "%02x", rows[i].byte);
		cr_expect_eq(g711_alaw_encode(rows[i].sample), rows[i].byte,
			     "%d", rows[i].sample);
	}
}

Test(audio, every_byte_survives_the_way_there_and_back)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		unsigned u = g711_ulaw_encode(g711_ulaw_decode((uint8_t)byte));
		unsigned a = g711_alaw_encode(g711_alaw_decode((uint8_t)byte));

		cr_expect_eq(u, byte == 0x7f ? 0xff : byte); /* -0 becomes 0 */
		cr_expect_eq(a, byte);
	}
}

Test(audio, no_sample_is_off_by_more_than_half_its_step)
{
	for (int sample = -32768; sample <= 32767; sample++) {
		int a = g711_alaw_decode(g711_alaw_encode((int16_t)sample));
		int u = g711_ulaw_decode(g711_ulaw_encode((int16_t)sample));

		cr_assert(abs(a - sample) <= abs(sample) / 32 + 8, "%d",
			  sample);
		cr_assert(abs(u - sample) <= abs(sample) / 32 + 8, "%d",
			  sample);
	}
}

Test(audio, a_tone_has_the_level_it_was_made_with)
{
	static const double levels[] = {0, -10, -20, -40};
	int16_t samples[1600];

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		double phase = 0;

		tone_make(samples, 1600, 1000, levels[i], &phase);
		cr_expect_float_eq(tone_level(samples, 1600, 1000), levels[i],
				   0.1);
		cr_expect_lt(tone_level(samples, 1600, 1500), levels[i] - 40);
	}
}

Test(audio, the_loudest_tone_does_not_wrap)
{
	int16_t samples[800];
	double phase = 0;

	tone_make(samples, 800, 440, 20, &phase);
	cr_assert_float_eq(tone_level(samples, 800, 440), 3.14, 0.1);
}

Test(audio, a_tone_made_in_pieces_is_the_tone_made_at_once)
{
	int16_t whole[480], pieces[480];
	double phase = 0;

	tone_make(whole, 480, 425, -10, &phase);
	phase = 0;
	for (unsigned i = 0; i < 3; i++)
		tone_make(pieces + i * 160, 160, 425, -10, &phase);
	for (unsigned i = 0; i < 480; i++)
		cr_assert(abs(whole[i] - pieces[i]) <= 1);
}

Test(audio, a_tone_is_heard_through_g711)
{
	int16_t samples[1600];
	double phase = 0;

	tone_make(samples, 1600, 440, -10, &phase);
	for (unsigned i = 0; i < 1600; i++)
		samples[i] = g711_alaw_decode(g711_alaw_encode(samples[i]));
	cr_assert_float_eq(tone_level(samples, 1600, 440), -10, 0.2);
}

Test(audio, silence_has_no_level)
{
	int16_t samples[160] = {0};

	cr_assert_lt(tone_level(samples, 160, 440), -90);
	cr_assert_lt(tone_level(samples, 0, 440), -90);
}
