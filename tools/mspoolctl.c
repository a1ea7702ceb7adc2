/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoolctl, the administrator's command: what there is to see is read from
 * the shared state itself, so that it works while a worker or the master
 * hangs; what is to be done is asked of the master.  The verbs are the rows of
 * tools/ctl_verbs.def.
 */
#include "tools/ctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "route/route.h"
#include "tools/ctl_remote.h"

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term &&
	       strcmp(term, "dumb") != 0;
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {
		.out = stdout,
		.err = stderr,
		.has_colour = wants_colour(),
		.width = terminal_width(),
	};
	int code;

	config_set_pattern_check(route_check_pattern);
	if (ctl_parse(&ctl, argc, argv, &code))
		code = ctl_remote_is_needed(&ctl) ? ctl_remote_run(&ctl)
						  : ctl.verb->run(&ctl);
	if (fflush(stdout) != 0 || ferror(stdout))
		return ctl_fail(&ctl, CTL_REFUSED,
				"output could not be "
				"written");
	return code;
}
