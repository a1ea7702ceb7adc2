/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON documents of mspoolctl's looking verbs, made of a view.  The caller
 * owns what is returned.
 */
#ifndef TOOLS_CTL_SHOW_H
#define TOOLS_CTL_SHOW_H

#include <jansson.h>

#include "tools/ctl_table.h"
#include "tools/ctl_view.h"

typedef json_t *ctl_build(const struct ctl_view *view);
/* Opens a view with its calls and prints what build makes of it: the document,
 * or its rows as a table. */
int ctl_show_rows(const struct ctl *ctl, ctl_build *build,
		  const struct ctl_column *columns);

/* All of these need ctl_view_load_calls first. */
ctl_build ctl_status_json, ctl_workers_json, ctl_gateways_json,
	ctl_frontends_json, ctl_trunks_json, ctl_calls_json;
/* One row of calls, and the same with legs and streams. */
json_t *ctl_call_json(const struct ctl_view *view,
		      const struct call_record *call);
json_t *ctl_call_details_json(const struct ctl_view *view,
			      const struct call_record *call);
/* Lines that tell what is not right and the next step. */
json_t *ctl_attention_json(const struct ctl_view *view);

/* One event of `events -f` as a line, or as JSON; the event is ours. */
void ctl_event_print(const struct ctl *ctl, json_t *event);

/* CONTRACT's word for a worker's state; NULL: retired, not to be shown. */
const char *ctl_slot_state(const struct ctl_view *view,
			   const struct slot_record *slot);
/* A session description with its keys masked. */
json_t *ctl_masked_sdp(struct slice sdp);

#endif
