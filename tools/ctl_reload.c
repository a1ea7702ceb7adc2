/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl reload`: what is asked of the master, in its words.  The trap:
 * whoever confirms says nothing else in the same breath, so --keep and --undo
 * stand alone.
 */
#include "tools/ctl_command.h"

#include <string.h>

#include "base/ids.h"

#define CONFIRM_MAX_S (7u * 86400)

/* "5m", "90s", "1h", "2d", or seconds; 0: none of these. */
static uint64_t duration_s(const char *text)
{
	static const struct {
		char letter;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	struct slice number = slice_of(text);
	uint64_t n, unit = 1;

	for (unsigned i = 0; number.len > 0 && i < 4; i++) {
		if (number.ptr[number.len - 1] != units[i].letter)
			continue;
		unit = units[i].seconds;
		number.len--;
		break;
	}
	if (slice_to_u64(number, CONFIRM_MAX_S, &n) < 0 ||
	    n * unit > CONFIRM_MAX_S)
		return 0;
	return n * unit;
}

static int reload_file(struct ctl *ctl)
{
	const char *confirm = ctl->options[CTL_OPTION_CONFIRM];
	bool is_dry = ctl->options[CTL_OPTION_DRY_RUN] != NULL;
	uint64_t seconds = confirm ? duration_s(confirm) : 0;
	char line[64], within[32] = "";

	if (confirm && seconds == 0)
		return ctl_fail(ctl, CTL_USAGE,
				"--confirm takes a time from 1s to 7d, such as "
				"5m, not '%s'",
				confirm);
	if (confirm)
		snprintf(within, sizeof(within), " --confirm %u",
			 (unsigned)seconds);
	snprintf(line, sizeof(line), "reload%s%s", is_dry ? " -n" : "", within);
	return ctl_ask(ctl, line, false);
}

int ctl_reload(struct ctl *ctl)
{
	bool is_file = ctl->options[CTL_OPTION_CONFIRM] ||
		       ctl->options[CTL_OPTION_DRY_RUN];
	bool is_keep = ctl->options[CTL_OPTION_KEEP] != NULL;
	bool is_undo = ctl->options[CTL_OPTION_UNDO] != NULL;

	if (is_keep + is_undo + is_file > 1)
		return ctl_fail(ctl, CTL_USAGE,
				"--keep and --undo stand alone: they settle "
				"what an earlier 'reload --confirm' began");
	if (is_keep || is_undo)
		return ctl_ask(ctl, is_keep ? "reload --keep" : "reload --undo",
			       false);
	return reload_file(ctl);
}
