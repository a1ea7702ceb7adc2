/* SPDX-License-Identifier: Apache-2.0
 *
 * From text to number and back for methods, header names and statuses: all
 * three are tables (sip/methods.def, headers.def, status.def).  The look-ups
 * stand on the hot path of every message, so header names go through a small
 * hash filled once before main().
 */
#ifndef SIP_NAMES_H
#define SIP_NAMES_H

#include "sip/scan.h"

/* Methods are compared with case (RFC 3261 7.1). */
enum sip_method sip_method_of(struct slice text);
/* Long or compact name in any case; SIP_H_OTHER when it is none of ours. */
enum sip_header_id sip_header_id_of(struct slice name);
/* One bit per header of which a message may hold only one. */
uint64_t sip_single_headers(void);

#endif
