/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON values by the contract's rules: times are RFC 3339, durations seconds
 * as numbers, what is not known is null, text is valid UTF-8 whatever a peer
 * sent.
 */
#ifndef TOOLS_CTL_JSON_H
#define TOOLS_CTL_JSON_H

#include <jansson.h>

#include "base/addr.h"
#include "base/str.h"
#include "tools/ctl.h"

/* Bytes that are no UTF-8 become U+FFFD.  Never NULL but without memory. */
json_t *ctl_json_text(struct slice text);
/* null when empty. */
json_t *ctl_json_text_or_null(struct slice text);
json_t *ctl_json_addr(const struct addr *addr);
/* null when 0. */
json_t *ctl_json_time(uint64_t wall_us);
json_t *ctl_json_seconds(uint64_t us);
json_t *ctl_json_ms(uint64_t us);
/* Rounded to three decimals; null when part is of nothing. */
json_t *ctl_json_share(uint64_t part, uint64_t whole);
json_t *ctl_json_rounded(double value);
/* Prints the document and a line feed; frees it. */
int ctl_json_print(const struct ctl *ctl, json_t *root);

#endif
