/* SPDX-License-Identifier: Apache-2.0
 *
 * Framing, however the bytes arrive.  Oracles: a prefix is never decided
 * otherwise than the whole, and MORE never asks for more than it takes.
 */
#include "sip/scan.h"
#include "tests/fuzz/fuzz.h"

#define PREFIXES 64

static bool is_refusal(enum sip_frame_state state)
{
	return state == SIP_FRAME_BAD || state == SIP_FRAME_BIG;
}

/* What was said of the first n bytes, against what is said of all. */
static void check_prefix(const uint8_t *data, size_t n,
			 enum sip_frame_state whole, size_t whole_len)
{
	char *buf = fuzz_copy(data, n);
	size_t len = 0;
	enum sip_frame_state state = sip_frame(buf, n, &len);

	free(buf);
	if (state == SIP_FRAME_MORE) {
		must(len > n);
		must(whole != SIP_FRAME_WHOLE || len <= whole_len);
	} else if (is_refusal(state)) {
		must(is_refusal(whole));
	} else {
		must(state == whole && len == whole_len && len <= n);
	}
}

static void check_rest(const uint8_t *data, size_t size)
{
	char *buf = fuzz_copy(data, size);
	size_t at = 0, len = 0;
	enum sip_frame_state state;

	do {
		state = sip_frame(buf + at, size - at, &len);
		if (is_refusal(state) || state == SIP_FRAME_MORE)
			break;
		must(len > 0 && len <= size - at);
		at += len;
	} while (at < size);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size / PREFIXES + 1, len = 0;
	char *buf = fuzz_copy(data, size);
	enum sip_frame_state whole = sip_frame(buf, size, &len);

	free(buf);
	for (size_t n = 0; n < size; n += step)
		check_prefix(data, n, whole, len);
	check_rest(data, size);
	return 0;
}
