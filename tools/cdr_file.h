/* SPDX-License-Identifier: Apache-2.0
 *
 * The file that call records are written to: cdr.csv or cdr.json in its
 * folder, set aside from time to time under a name with a date.
 */
#ifndef TOOLS_CDR_FILE_H
#define TOOLS_CDR_FILE_H

#include "shm/cdr_page.h"
#include "tools/cdr_line.h"

struct cdr_file_settings {
	const char *directory;
	enum cdr_format format;
	uint64_t rotate_us;    /* of wall time, from local midnight; 0 never */
	uint64_t rotate_bytes; /* 0 never */
};

struct cdr_file {
	struct cdr_file_settings settings;
	char folder[CDR_PATH_MAX - 64];
	char path[CDR_PATH_MAX];
	int fd;	       /* -1: not open */
	uint64_t size; /* of the file; what is written next goes there */
	uint64_t dev, inode;
	bool wants_new; /* USR1 */
};

void cdr_file_init(struct cdr_file *file);
void cdr_file_done(struct cdr_file *file);
/* Takes effect with the next line; the file of the old settings stays as it
 * is. */
void cdr_file_configure(struct cdr_file *file,
			const struct cdr_file_settings *settings);
/* Sets the file aside if that is due, and opens (or makes) the one to write
 * to: 0 or -errno.  An empty file is never set aside. */
int cdr_file_open(struct cdr_file *file, uint64_t now_wall_us);
/* Sets the file aside when its time is over, though nothing is to be written;
 * what fails is tried again with the next line. */
void cdr_file_expire(struct cdr_file *file, uint64_t now_wall_us);

/* Places the batch of the page at the file's end. */
void cdr_file_place(const struct cdr_file *file, struct cdr_page *page);
/* Writes a placed batch and waits for the disk.  On failure -errno, and the
 * batch is cancelled if nothing of it is left in the file. */
int cdr_file_write(struct cdr_file *file, struct cdr_page *page);
/* What a predecessor placed: written again to the same file, which may have
 * another name by now.  -ENOENT: that file is gone. */
int cdr_file_repeat(struct cdr_page *page);

#endif
