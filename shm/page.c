/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapped files of the state folder.  Called by board.c, steer.c and ring.c, in
 * every process.  Trap: a file that is shorter than its mapping is a SIGBUS
 * for whoever reads it, so sizes are checked before mapping and files are
 * replaced by rename, never cut.
 */
#include "shm/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	unsigned n;
	char last[64];
} refused;

static int page_path(const struct page_settings *settings, const char *suffix,
		     char path[PAGE_PATH_MAX])
{
	int n = snprintf(path, PAGE_PATH_MAX, "%s/state/%s/%s%s",
			 settings->run_dir, settings->folder, settings->name,
			 suffix);

	return n < 0 || n >= PAGE_PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_one(const char *run_dir, const char *middle, const char *last)
{
	char path[PAGE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", run_dir, middle, last);

	if (n < 0 || n >= PAGE_PATH_MAX)
		return -ENAMETOOLONG;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int page_make_folder(const char *run_dir, const char *folder)
{
	int rc = make_one(run_dir, "/state/", folder);

	if (rc != -ENOENT)
		return rc;
	rc = make_one(run_dir, "/state", "");
	return rc ? rc : make_one(run_dir, "/state/", folder);
}

static int map(int fd, size_t size, bool is_writable, void **ret_page)
{
	int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *page = mmap(NULL, size, protection, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	*ret_page = page;
	return 0;
}

static int check_size(int fd, struct page_settings *settings)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	if (settings->size == 0 && (size_t)st.st_size >= settings->head_size)
		settings->size = (size_t)st.st_size;
	return (size_t)st.st_size == settings->size ? 0 : -EPROTO;
}

static int map_if_good(int fd, struct page_settings *settings, bool is_writable,
		       void **ret_page)
{
	void *page = NULL;
	int rc = check_size(fd, settings);

	if (rc)
		return rc;
	rc = map(fd, settings->size, is_writable, &page);
	if (rc)
		return rc;
	if (!settings->is_good(page, settings)) {
		page_close(page, settings->size);
		return -EPROTO;
	}
	*ret_page = page;
	return 0;
}

int page_open(struct page_settings *settings, bool is_writable, void **ret_page)
{
	char path[PAGE_PATH_MAX];
	int fd, rc = page_path(settings, "", path);

	if (rc)
		return rc;
	fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = map_if_good(fd, settings, is_writable, ret_page);
	close(fd);
	return rc;
}

static int allocate(int fd, size_t size)
{
	int rc;

	do
		rc = posix_fallocate(fd, 0, (off_t)size);
	while (rc == EINTR);
	return -rc;
}

static int make_file(const struct page_settings *settings, const char *path,
		     void **ret_page)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = allocate(fd, settings->size);
	if (!rc)
		rc = map(fd, settings->size, true, ret_page);
	close(fd);
	return rc;
}

static int make_page(const struct page_settings *settings, void **ret_page)
{
	char path[PAGE_PATH_MAX], new_path[PAGE_PATH_MAX];
	void *page = NULL;
	int rc = page_path(settings, "", path);

	if (!rc)
		rc = page_path(settings, ".new", new_path);
	if (!rc)
		rc = make_file(settings, new_path, &page);
	if (rc)
		return rc;
	settings->fill(page, settings);
	if (rename(new_path, path) < 0) {
		rc = -errno;
		page_close(page, settings->size);
		return rc;
	}
	*ret_page = page;
	return 0;
}

int page_own(struct page_settings *settings, void **ret_page)
{
	int rc = page_make_folder(settings->run_dir, settings->folder);

	if (rc)
		return rc;
	rc = page_open(settings, true, ret_page);
	if (rc == -EPROTO) {
		refused.n++;
		snprintf(refused.last, sizeof(refused.last), "%s",
			 settings->name);
	}
	return rc == -ENOENT || rc == -EPROTO ? make_page(settings, ret_page)
					      : rc;
}

unsigned page_refused(char ret_name[64])
{
	unsigned n = refused.n;

	memcpy(ret_name, refused.last, sizeof(refused.last));
	refused.n = 0;
	return n;
}

void page_close(const void *page, size_t size)
{
	union {
		const void *in;
		void *out;
	} address = {.in = page};

	if (page)
		munmap(address.out, size);
}
