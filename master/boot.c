/* SPDX-License-Identifier: Apache-2.0
 *
 * See boot.h.  Called by start.c in the master, before anything of the state
 * is opened.  On tmpfs an earlier boot leaves nothing; elsewhere its calls are
 * over, its clock was another, and its LMDB files, which are never synced, may
 * be torn by the host's end.  So they are not read but deleted.
 * The trap: a state without RUN/boot is of a release that wrote none, and of
 * this boot for all we know; it is kept.
 */
#include "master/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define ID_ROOM	     64
#define OPEN_AT_MOST 16

static int read_noted(const char *path, char ret_id[ID_ROOM])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret_id, ID_ROOM - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	ret_id[n] = '\0';
	ret_id[strcspn(ret_id, "\n")] = '\0';
	return 0;
}

/* Beside it first, so that a death leaves the old name or the new one. */
static int note(const char *path, const char *id)
{
	char fresh[PATH_MAX + 8], line[ID_ROOM + 1];
	int fd, len = snprintf(line, sizeof(line), "%s\n", id);
	ssize_t n;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	n = write(fd, line, (size_t)len);
	close(fd);
	if (n != len)
		return -EIO;
	return rename(fresh, path) < 0 ? -errno : 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_tree(const char *path)
{
	if (nftw(path, remove_one, OPEN_AT_MOST, FTW_DEPTH | FTW_PHYS) == 0 ||
	    errno == ENOENT)
		return 0;
	return -errno;
}

int boot_begin(const char *run_dir, bool *ret_is_cleared)
{
	char path[PATH_MAX], state[PATH_MAX], noted[ID_ROOM], id[37];
	int rc = clock_boot_id(id);

	*ret_is_cleared = false;
	snprintf(path, sizeof(path), "%s/boot", run_dir);
	snprintf(state, sizeof(state), "%s/state", run_dir);
	if (rc < 0)
		return rc;
	rc = read_noted(path, noted);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && strcmp(noted, id) == 0)
		return 0;
	if (rc == 0 && access(state, F_OK) == 0) {
		rc = remove_tree(state);
		if (rc < 0)
			return rc;
		*ret_is_cleared = true;
	}
	return note(path, id);
}
