/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that a peer sent may be anything; what we print is UTF-8 (RFC 3629).
 */
#ifndef TOOLS_UTF8_H
#define TOOLS_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Length of the UTF-8 sequence at p (left bytes, at least 1), 0 if it is none:
 * overlong forms, surrogates and what is above U+10FFFF are none. */
size_t utf8_sequence_len(const uint8_t *p, size_t left);

#endif
