/* SPDX-License-Identifier: Apache-2.0
 *
 * See cdr_file.h.  Called by mspool-cdr between two looks at the books; may
 * wait for the disk as long as the disk likes.
 *
 * That a line appears once rests on three things: a batch is placed (which
 * file, which offset, which bytes) before it is written, its place is after
 * everything else in the file, and a file is set aside only while no batch is
 * placed.  Trap: files are known by device and inode, not by name, since an
 * operator or logrotate may rename them at any moment.
 */
#include "tools/cdr_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"

#define NAME	    "cdr"
#define SUFFIX_MAX  1000 /* files set aside within one second */
#define HEADER_MAX  2048
#define FILE_MODE   0640
#define FOLDER_MODE 0750

static const char *const endings[] = {
	[CDR_CSV] = ".csv",
	[CDR_JSON] = ".json",
};

void cdr_file_init(struct cdr_file *file)
{
	*file = (struct cdr_file){.fd = -1};
}

void cdr_file_done(struct cdr_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void cdr_file_configure(struct cdr_file *file,
			const struct cdr_file_settings *settings)
{
	char path[CDR_PATH_MAX];

	snprintf(file->folder, sizeof(file->folder), "%s", settings->directory);
	snprintf(path, sizeof(path), "%s/" NAME "%s", file->folder,
		 endings[settings->format]);
	if (strcmp(path, file->path) != 0)
		cdr_file_done(file);
	memcpy(file->path, path, sizeof(path));
	file->settings = *settings;
	file->settings.directory = file->folder;
}

/* ---- setting aside ------------------------------------------------------- */

/* In which piece of time a moment lies; pieces begin at local midnight. */
static uint64_t period_of(uint64_t rotate_us, uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / USEC_PER_SEC);
	struct tm local;

	if (!localtime_r(&seconds, &local))
		return 0;
	return (wall_us + (uint64_t)(local.tm_gmtoff + 86400) * USEC_PER_SEC) /
	       rotate_us;
}

/* The last line was written then. */
static uint64_t written_us(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * USEC_PER_SEC +
	       (uint64_t)st->st_mtim.tv_nsec / 1000;
}

static bool is_due(const struct cdr_file *file, const struct stat *st,
		   uint64_t now_wall_us)
{
	const struct cdr_file_settings *settings = &file->settings;

	if (st->st_size == 0)
		return false;
	if (file->wants_new)
		return true;
	if (settings->rotate_bytes &&
	    (uint64_t)st->st_size >= settings->rotate_bytes)
		return true;
	return settings->rotate_us &&
	       period_of(settings->rotate_us, written_us(st)) !=
		       period_of(settings->rotate_us, now_wall_us);
}

static int rename_to_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* a file system that cannot promise it */
	if (access(to, F_OK) == 0)
		return -EEXIST;
	return rename(from, to) < 0 ? -errno : 0;
}

static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* cdr-20261125T235959Z.csv: when its last line was written. */
static int set_aside(const struct cdr_file *file, const struct stat *st)
{
	const char *ending = endings[file->settings.format];
	struct tm utc;
	char when[32], path[CDR_PATH_MAX];
	int rc = -EEXIST;

	if (!gmtime_r(&st->st_mtim.tv_sec, &utc))
		return -EINVAL;
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc);
	for (unsigned i = 1; rc == -EEXIST && i <= SUFFIX_MAX; i++) {
		char again[16] = "";

		if (i > 1)
			snprintf(again, sizeof(again), "-%u", i);
		snprintf(path, sizeof(path), "%s/" NAME "-%s%s%s", file->folder,
			 when, again, ending);
		rc = rename_to_new(file->path, path);
	}
	if (!rc)
		sync_folder(file->folder);
	CRASH_POINT(cdr_set_aside);
	return rc;
}

/* ---- opening ------------------------------------------------------------- */

/* Does the file begin with our header, and end with a line feed?  A host that
 * lost its power may have cut the last line; another release may have had
 * other columns. */
static bool is_ours(const struct cdr_file *file, const struct stat *st)
{
	char wanted[HEADER_MAX], found[HEADER_MAX], last;
	struct out header = out_init(wanted, sizeof(wanted));

	if (pread(file->fd, &last, 1, st->st_size - 1) != 1 || last != '\n')
		return false;
	if (file->settings.format != CDR_CSV)
		return true;
	cdr_write_header(&header);
	return pread(file->fd, found, header.len, 0) == (ssize_t)header.len &&
	       memcmp(found, wanted, header.len) == 0;
}

static int open_path(struct cdr_file *file, struct stat *ret_st)
{
	int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);

	if (fd < 0 && errno == ENOENT) {
		(void)mkdir(file->folder, FOLDER_MODE);
		fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	}
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		close(fd);
		return -EINVAL;
	}
	file->fd = fd;
	return 0;
}

static int open_new(struct cdr_file *file, struct stat *ret_st)
{
	int rc = open_path(file, ret_st);

	if (rc)
		return rc;
	if (ret_st->st_size > 0 && !is_ours(file, ret_st)) {
		rc = set_aside(file, ret_st);
		cdr_file_done(file);
		if (!rc)
			rc = open_path(file, ret_st);
	}
	if (!rc && ret_st->st_size == 0)
		sync_folder(file->folder);
	return rc;
}

/* Is the file that is open still the one of that name? */
static bool is_current(const struct cdr_file *file, struct stat *ret_st)
{
	struct stat named;

	return file->fd >= 0 && fstat(file->fd, ret_st) == 0 &&
	       stat(file->path, &named) == 0 &&
	       named.st_ino == ret_st->st_ino && named.st_dev == ret_st->st_dev;
}

int cdr_file_open(struct cdr_file *file, uint64_t now_wall_us)
{
	struct stat st;
	int rc = 0;

	if (!is_current(file, &st)) {
		cdr_file_done(file);
		rc = open_new(file, &st);
	}
	if (!rc && is_due(file, &st, now_wall_us)) {
		rc = set_aside(file, &st);
		cdr_file_done(file);
		if (!rc)
			rc = open_new(file, &st);
	}
	if (rc)
		return rc;
	file->wants_new = false;
	file->size = (uint64_t)st.st_size;
	file->dev = st.st_dev;
	file->inode = st.st_ino;
	return 0;
}

void cdr_file_expire(struct cdr_file *file, uint64_t now_wall_us)
{
	struct stat st;

	if (!file->path[0] || stat(file->path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || !is_due(file, &st, now_wall_us))
		return;
	if (set_aside(file, &st) == 0) {
		file->wants_new = false;
		cdr_file_done(file);
	}
}

/* ---- writing ------------------------------------------------------------- */

void cdr_file_place(const struct cdr_file *file, struct cdr_page *page)
{
	struct cdr_batch *batch = &page->batch;

	batch->dev = file->dev;
	batch->inode = file->inode;
	batch->offset = file->size;
	memcpy(batch->path, file->path, sizeof(batch->path));
	cdr_batch_place(page);
}

static int write_at(int fd, const char *bytes, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* In two halves, so that a test can end us between them. */
static int write_batch(int fd, const struct cdr_batch *batch)
{
	size_t half = batch->len / 2;
	int rc = write_at(fd, batch->bytes, half, batch->offset);

	CRASH_POINT(cdr_half_written);
	if (!rc)
		rc = write_at(fd, batch->bytes + half, batch->len - half,
			      batch->offset + half);
	if (!rc && fdatasync(fd) < 0)
		rc = -errno;
	return rc;
}

/* No half line stays where somebody reads it, and no byte that a later batch
 * would not overwrite. */
static int write_or_cut(int fd, struct cdr_page *page)
{
	int rc = write_batch(fd, &page->batch);

	if (rc && ftruncate(fd, (off_t)page->batch.offset) == 0)
		cdr_batch_cancel(page);
	return rc;
}

int cdr_file_write(struct cdr_file *file, struct cdr_page *page)
{
	int rc = write_or_cut(file->fd, page);

	if (rc)
		return rc;
	CRASH_POINT(cdr_written);
	file->size = page->batch.offset + page->batch.len;
	return 0;
}

/* ---- a predecessor's batch ----------------------------------------------- */

static int open_if_same(const char *path, const struct cdr_batch *batch)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) == 0 && st.st_dev == batch->dev &&
	    st.st_ino == batch->inode &&
	    (uint64_t)st.st_size >= batch->offset &&
	    (uint64_t)st.st_size <= batch->offset + batch->len)
		return fd;
	close(fd);
	return -ENOENT;
}

/* Whatever it is called now, it is in the same folder. */
static int open_by_inode(const struct cdr_batch *batch)
{
	char folder[CDR_PATH_MAX], path[2 * CDR_PATH_MAX];
	struct dirent *entry;
	char *slash;
	int fd = -ENOENT;
	DIR *dir;

	memcpy(folder, batch->path, sizeof(folder));
	folder[sizeof(folder) - 1] = '\0';
	slash = strrchr(folder, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	dir = opendir(folder);
	while (dir && fd < 0 && (entry = readdir(dir))) {
		if (entry->d_ino != batch->inode)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = open_if_same(path, batch);
	}
	if (dir)
		closedir(dir);
	return fd;
}

int cdr_file_repeat(struct cdr_page *page)
{
	int fd = open_if_same(page->batch.path, &page->batch);
	int rc;

	if (fd < 0)
		fd = open_by_inode(&page->batch);
	if (fd < 0)
		return fd;
	rc = write_or_cut(fd, page);
	close(fd);
	return rc;
}
