/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl demo`: becomes the script mspool-demo, which starts a pool of its
 * own, places calls and kills a worker and a gateway under them.  A script,
 * since it only starts programs and asks mspoolctl what they do.
 */
#include "tools/ctl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* In a build tree it lies beside mspoolctl, else beside the pool's programs. */
static const char *find_script(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (slash) {
		snprintf(slash + 1, (size_t)(PATH_MAX - (slash + 1 - path)),
			 "mspool-demo");
		if (access(path, X_OK) == 0)
			return path;
	}
	return PKGLIBEXECDIR "/mspool-demo";
}

int ctl_demo(struct ctl *ctl)
{
	char path[PATH_MAX], name[] = "mspool-demo", keep[] = "--keep",
			     json[] = "--json";
	char *argv[4] = {name};
	const char *script = find_script(path);
	unsigned n = 1;

	if (ctl->options[CTL_OPTION_KEEP])
		argv[n++] = keep;
	if (ctl->is_json)
		argv[n++] = json;
	fflush(ctl->out);
	execv(script, argv);
	return ctl_fail(ctl, CTL_REFUSED, "%s cannot be run: %s", script,
			strerror(errno));
}
