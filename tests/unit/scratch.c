/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders and helper processes of unit tests (scratch.h).  Trap: a helper is
 * exec'd, never merely forked, since environments must not cross a fork.
 */
#include "tests/unit/scratch.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static char folder[SCRATCH_MAX];

const char *scratch_make(void)
{
	const char *parent = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/mspool-unit-XXXXXX",
		 parent && *parent ? parent : "/dev/shm");
	must(mkdtemp(folder) != NULL);
	return folder;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(void)
{
	if (folder[0])
		nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

const char *scratch_path(const char *rest)
{
	static char path[SCRATCH_MAX + 128];

	snprintf(path, sizeof(path), "%s/%s", folder, rest);
	return path;
}

void scratch_write(const char *rest, const char *text)
{
	FILE *file = fopen(scratch_path(rest), "w");

	must(file != NULL);
	must(fputs(text, file) >= 0);
	must(fclose(file) == 0);
}

/* The helper lies beside the test program. */
static const char *helper_path(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *name;

	must(len > 0);
	path[len] = '\0';
	name = strrchr(path, '/');
	must(name && name + 12 < path + sizeof(path));
	strcpy(name, "/shm_helper");
	return path;
}

static void helper_exec(const char *path, const char *const *words)
{
	char *argv[8] = {NULL};

	argv[0] = strdup(path);
	for (unsigned i = 0; words[i] && i < 6; i++)
		argv[i + 1] = strdup(words[i]);
	execv(path, argv);
	_exit(127);
}

struct helper helper_start(const char *const *words)
{
	struct helper helper = {0};
	const char *path = helper_path();
	int to[2], from[2];

	must(pipe(to) == 0 && pipe(from) == 0);
	helper.pid = fork();
	must(helper.pid >= 0);
	if (helper.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[0]);
		close(to[1]);
		close(from[0]);
		close(from[1]);
		helper_exec(path, words);
	}
	close(to[0]);
	close(from[1]);
	helper.to = fdopen(to[1], "w");
	helper.from = fdopen(from[0], "r");
	must(helper.to && helper.from);
	return helper;
}

long helper_ask(struct helper *helper, const char *line)
{
	char answer[256];

	if (line) {
		must(fprintf(helper->to, "%s\n", line) > 0);
		must(fflush(helper->to) == 0);
	}
	must(fgets(answer, sizeof(answer), helper->from) != NULL);
	return strtol(answer, NULL, 10);
}

int helper_wait(struct helper *helper)
{
	int status;

	fclose(helper->to);
	must(waitpid(helper->pid, &status, 0) == helper->pid);
	fclose(helper->from);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void helper_kill(struct helper *helper, int signal)
{
	kill(helper->pid, signal);
	helper_wait(helper);
}
