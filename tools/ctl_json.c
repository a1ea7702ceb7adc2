/* SPDX-License-Identifier: Apache-2.0
 *
 * The values of mspoolctl's JSON documents.  Every verb builds its document
 * first and prints either that or tables made from it, so that both always
 * say the same.
 * Trap: jansson refuses text that is no UTF-8 by returning NULL; a peer can
 * send such text, so all of it goes through ctl_json_text.
 */
#include "tools/ctl_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tools/utf8.h"

json_t *ctl_json_text(struct slice text)
{
	static const char replacement[] = UTF8_REPLACEMENT;
	char *clean = malloc(text.len * 3 + 1);
	size_t n = 0;
	json_t *value;

	if (!clean)
		return NULL;
	for (size_t i = 0; i < text.len;) {
		const uint8_t *p = (const uint8_t *)text.ptr + i;
		size_t len = utf8_sequence_len(p, text.len - i);

		memcpy(clean + n, len ? (const char *)p : replacement,
		       len ? len : 3);
		n += len ? len : 3;
		i += len ? len : 1;
	}
	value = json_stringn_nocheck(clean, n);
	free(clean);
	return value;
}

json_t *ctl_json_text_or_null(struct slice text)
{
	return text.len ? ctl_json_text(text) : json_null();
}

json_t *ctl_json_addr(const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];

	if (addr_is_none(addr))
		return json_null();
	return json_string(addr_text(addr, text));
}

json_t *ctl_json_time(uint64_t wall_us)
{
	char text[32];

	return wall_us ? json_string(clock_wall_text(wall_us, text))
		       : json_null();
}

json_t *ctl_json_rounded(double value)
{
	if (!isfinite(value))
		return json_null();
	return json_real(round(value * 1000) / 1000);
}

json_t *ctl_json_seconds(uint64_t us)
{
	return ctl_json_rounded((double)us / USEC_PER_SEC);
}

json_t *ctl_json_ms(uint64_t us)
{
	return ctl_json_rounded((double)us / USEC_PER_MSEC);
}

json_t *ctl_json_share(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return json_null();
	return ctl_json_rounded(part >= whole ? 1 : (double)part / whole);
}

int ctl_json_print(const struct ctl *ctl, json_t *root)
{
	int failed = !root || json_dumpf(root, ctl->out,
					 JSON_INDENT(2) | JSON_ENCODE_ANY |
						 JSON_REAL_PRECISION(15));

	json_decref(root);
	if (failed)
		return ctl_fail(ctl, CTL_REFUSED,
				"the answer did not fit "
				"into memory or output");
	fputc('\n', ctl->out);
	return CTL_DONE;
}
