/* SPDX-License-Identifier: Apache-2.0
 *
 * /live, /ready and /health.
 */
#ifndef TOOLS_OBSERVER_HEALTH_H
#define TOOLS_OBSERVER_HEALTH_H

#include "tools/ctl.h"
#include "tools/observer_http.h"

/* ctl says which pool.  200 or 503; the body says why. */
void health_live(struct ctl *ctl, struct http_reply *reply);
void health_ready(struct ctl *ctl, struct http_reply *reply);
void health_all(struct ctl *ctl, struct http_reply *reply);

#endif
