/* SPDX-License-Identifier: Apache-2.0
 *
 * What the looking verbs have in common: view, document, output.
 */
#include "tools/ctl_show.h"

#include "tools/ctl_json.h"

int ctl_show_rows(const struct ctl *ctl, ctl_build *build,
		  const struct ctl_column *columns)
{
	struct ctl_view *view;
	json_t *rows;
	int code = ctl_view_open(ctl, &view);

	if (code)
		return code;
	code = ctl_view_load_calls(view);
	rows = code ? NULL : build(view);
	ctl_view_free(view);
	if (code)
		return code;
	if (ctl->is_json)
		return ctl_json_print(ctl, rows);
	code = ctl_table_print(ctl, columns, rows);
	json_decref(rows);
	return code;
}
