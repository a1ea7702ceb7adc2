/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cdr_file.c and tools/cdr_gather.c: batches, their places, files set
 * aside, a disk that is full, and a writer that dies at every step.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/cdr_sample.h"
#include "tests/unit/scratch.h"
#include "tools/cdr_file.h"
#include "tools/cdr_gather.h"

static char folder[SCRATCH_MAX + 8];
static struct cdr_file file;
static struct cdr_page *page;
static int lock;

static void configure(enum cdr_format format, uint64_t rotate_us)
{
	struct cdr_file_settings settings = {
		.directory = folder,
		.format = format,
		.rotate_us = rotate_us,
	};

	cdr_file_configure(&file, &settings);
}

static void make(void)
{
	scratch_make();
	snprintf(folder, sizeof(folder), "%s", scratch_path("cdr"));
	cdr_file_init(&file);
	configure(CDR_JSON, 0);
	cr_assert_eq(cdr_page_own(scratch_path(""), 0, &page, &lock), 0);
}

static void drop(void)
{
	cdr_file_done(&file);
	scratch_remove();
}

TestSuite(cdr_file, .init = make, .fini = drop);

/* The content of a file of the folder; static. */
static const char *text_of(const char *name)
{
	static char text[65536];
	char path[SCRATCH_MAX + 300];
	FILE *in;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "r");
	if (!in)
		return "(none)";
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	return text;
}

/* The name of the only file but the current one; static. */
static const char *aside(unsigned *ret_n)
{
	static char name[256];
	struct dirent *entry;
	DIR *dir = opendir(folder);

	*ret_n = 0;
	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, "cdr-", 4) == 0) {
			snprintf(name, sizeof(name), "%s", entry->d_name);
			++*ret_n;
		}
	closedir(dir);
	return name;
}

static void fill(const char *lines, uint64_t upto)
{
	memset(page->batch.upto, 0, sizeof(page->batch.upto));
	page->batch.len = (uint32_t)strlen(lines);
	memcpy(page->batch.bytes, lines, strlen(lines));
	page->batch.upto[1] = upto;
}

static void place(const char *lines, uint64_t upto)
{
	cr_assert_eq(cdr_file_open(&file, clock_wall_us()), 0);
	fill(lines, upto);
	cdr_file_place(&file, page);
}

static void write_lines(const char *lines, uint64_t upto)
{
	place(lines, upto);
	cr_assert_eq(cdr_file_write(&file, page), 0);
	cdr_batch_ack(page);
}

Test(cdr_file, the_folder_is_made_if_its_last_part_is_missing)
{
	struct stat st;

	write_lines("one\n", 1);
	cr_expect_str_eq(text_of("cdr.json"), "one\n");
	cr_assert_eq(stat(file.path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0640);
	snprintf(folder, sizeof(folder), "%s", scratch_path("no/such"));
	configure(CDR_JSON, 0);
	cr_expect_eq(cdr_file_open(&file, 1), -ENOENT);
}

Test(cdr_file, lines_follow_each_other_over_a_restart)
{
	write_lines("one\n", 1);
	write_lines("two\n", 2);
	cdr_file_done(&file);
	write_lines("three\n", 3);
	cr_expect_str_eq(text_of("cdr.json"), "one\ntwo\nthree\n");
}

/* Death after placing, after half of it, after all of it. */
Test(cdr_file, a_placed_batch_is_written_once_wherever_its_writer_died)
{
	for (unsigned written = 0; written <= 4; written++) {
		write_lines("one\n", 2 * written + 1);
		place("two\n", 2 * written + 2);
		cr_assert_eq(pwrite(file.fd, "two\n", written, 4), written);
		cdr_file_done(&file);
		cr_expect_eq(cdr_file_repeat(page), 0);
		cr_expect_eq(cdr_file_repeat(page), 0, "twice is no harm");
		cdr_batch_ack(page);
		cr_expect_str_eq(text_of("cdr.json"), "one\ntwo\n", "%u",
				 written);
		unlink(file.path);
	}
}

Test(cdr_file, a_placed_batch_finds_its_file_by_whatever_name)
{
	char path[SCRATCH_MAX + 300];

	write_lines("one\n", 1);
	place("two\n", 2);
	snprintf(path, sizeof(path), "%s/cdr.json.1", folder);
	cr_assert_eq(rename(file.path, path), 0);
	cdr_file_done(&file);
	cr_expect_eq(cdr_file_repeat(page), 0);
	cdr_batch_ack(page);
	cr_expect_str_eq(text_of("cdr.json.1"), "one\ntwo\n");
	write_lines("three\n", 3);
	cr_expect_str_eq(text_of("cdr.json"), "three\n");
}

Test(cdr_file, a_placed_batch_whose_file_is_gone_is_told)
{
	place("one\n", 1);
	unlink(file.path);
	cdr_file_done(&file);
	cr_expect_eq(cdr_file_repeat(page), -ENOENT);
}

/* RLIMIT_FSIZE stands for a disk that takes a part and no more. */
Test(cdr_file, a_full_disk_leaves_no_half_line_and_takes_all_later)
{
	struct rlimit before, full = {6, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	write_lines("one\n", 1);
	full.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &full);
	place("two\nthree\n", 3);
	cr_expect_lt(cdr_file_write(&file, page), 0);
	cr_expect_str_eq(text_of("cdr.json"), "one\n");
	cr_expect_not(cdr_batch_is_placed(page), "nothing of it is left");
	cr_expect_eq(cdr_page_acked(page, 1), 1);
	setrlimit(RLIMIT_FSIZE, &before);
	write_lines("two\nthree\n", 3);
	cr_expect_str_eq(text_of("cdr.json"), "one\ntwo\nthree\n");
}

Test(cdr_file, on_demand_the_file_is_set_aside_unless_it_is_empty)
{
	unsigned n;

	cr_assert_eq(cdr_file_open(&file, clock_wall_us()), 0);
	file.wants_new = true;
	cr_assert_eq(cdr_file_open(&file, clock_wall_us()), 0);
	aside(&n);
	cr_expect_eq(n, 0, "an empty file is not worth a name");
	write_lines("one\n", 1);
	file.wants_new = true;
	write_lines("two\n", 2);
	cr_expect_str_eq(text_of(aside(&n)), "one\n");
	cr_expect_eq(n, 1);
	cr_expect_str_eq(text_of("cdr.json"), "two\n");
	file.wants_new = true; /* within the same second */
	write_lines("three\n", 3);
	aside(&n);
	cr_expect_eq(n, 2, "no file takes the place of another");
}

Test(cdr_file, a_file_that_somebody_renamed_is_left_to_him)
{
	char path[SCRATCH_MAX + 300];

	write_lines("one\n", 1);
	snprintf(path, sizeof(path), "%s/cdr.json.1", folder);
	cr_assert_eq(rename(file.path, path), 0);
	write_lines("two\n", 2);
	cr_expect_str_eq(text_of("cdr.json.1"), "one\n");
	cr_expect_str_eq(text_of("cdr.json"), "two\n");
}

static void set_mtime(const char *path, uint64_t wall_us)
{
	struct timespec times[2] = {
		{.tv_sec = (time_t)(wall_us / USEC_PER_SEC)},
		{.tv_sec = (time_t)(wall_us / USEC_PER_SEC)}};

	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

Test(cdr_file, each_piece_of_time_has_its_file_named_after_its_last_line)
{
	const uint64_t hour = 3600 * USEC_PER_SEC;
	const uint64_t noon = 1795608000 * USEC_PER_SEC; /* 12:00:00Z */
	unsigned n;

	setenv("TZ", "UTC", 1);
	configure(CDR_JSON, hour);
	write_lines("one\n", 1);
	set_mtime(file.path, noon - 1 * USEC_PER_SEC);
	cdr_file_expire(&file, noon - 1);
	aside(&n);
	cr_expect_eq(n, 0, "the hour is not over");
	cdr_file_expire(&file, noon);
	cr_expect_str_eq(aside(&n), "cdr-20261125T115959Z.json");
	cr_expect_eq(n, 1);
	cdr_file_expire(&file, noon + hour);
	write_lines("two\n", 2);
	cr_expect_str_eq(text_of("cdr.json"), "two\n");
}

Test(cdr_file, a_day_is_a_day_of_the_host)
{
	const uint64_t day = 86400 * USEC_PER_SEC;
	const uint64_t midnight = 1795561200 * USEC_PER_SEC; /* 23:00:00Z */
	unsigned n;

	setenv("TZ", "CET-1", 1);
	configure(CDR_JSON, day);
	write_lines("one\n", 1);
	set_mtime(file.path, midnight - 1 * USEC_PER_SEC);
	cdr_file_expire(&file, midnight - 1);
	aside(&n);
	cr_expect_eq(n, 0);
	cdr_file_expire(&file, midnight);
	aside(&n);
	cr_expect_eq(n, 1);
}

Test(cdr_file, a_file_that_has_grown_enough_is_set_aside)
{
	unsigned n;

	file.settings.rotate_bytes = 8;
	write_lines("one\n", 1);
	write_lines("two\n", 2);
	aside(&n);
	cr_expect_eq(n, 0);
	write_lines("three\n", 3);
	cr_expect_str_eq(text_of(aside(&n)), "one\ntwo\n");
	cr_expect_str_eq(text_of("cdr.json"), "three\n");
}

Test(cdr_file, a_torn_last_line_or_another_releases_columns_begin_a_new_file)
{
	unsigned n;

	mkdir(folder, 0750);
	scratch_write("cdr/cdr.json", "one\ntw");
	write_lines("three\n", 1);
	cr_expect_str_eq(text_of(aside(&n)), "one\ntw");
	cr_expect_str_eq(text_of("cdr.json"), "three\n");
	configure(CDR_CSV, 0);
	scratch_write("cdr/cdr.csv", "old,columns\n1,2\n");
	cr_assert_eq(cdr_file_open(&file, clock_wall_us()), 0);
	cr_expect_eq(file.size, 0);
}

/* ---- gathering ----------------------------------------------------------- */

static void make_book(unsigned index, unsigned n)
{
	struct book_settings settings = {
		.run_dir = scratch_path(""),
		.index = index,
		.epoch = 1,
		.map_size = 4 << 20,
	};
	struct book *book;

	cr_assert_eq(book_own(&settings, &book), 0);
	for (unsigned i = 1; i <= n; i++) {
		struct cdr_record *cdr = sample_cdr(index, i);

		book_put_cdr(book, cdr);
		free(cdr);
	}
	cr_assert_eq(book_commit(book), 0);
	book_forget(book); /* read here as somebody else would */
}

static unsigned n_lines(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < page->batch.len; i++)
		n += page->batch.bytes[i] == '\n';
	return n;
}

Test(cdr_file, what_does_not_fit_into_a_batch_comes_with_the_next)
{
	struct cdr_gather gather = {.host = "h", .format = CDR_CSV};
	unsigned n, n_all = 0, n_batches = 0;
	char *run_dir = strdup(scratch_path(""));

	make_book(1, 700);
	make_book(2, 300);
	gather.run_dir = run_dir;
	cdr_gather_open(&gather);
	for (; (n = cdr_gather(&gather, page, n_batches == 0)) > 0;
	     n_batches++) {
		cr_expect_eq(n_lines(), n + (n_batches == 0));
		cr_expect_eq(page->batch.bytes[page->batch.len - 1], '\n');
		cdr_batch_place(page);
		cdr_batch_ack(page);
		n_all += n;
	}
	cr_expect_eq(n_all, 1000);
	cr_expect_gt(n_batches, 1);
	cr_expect_eq(cdr_page_acked(page, 1), 700);
	cr_expect_eq(cdr_page_acked(page, 2), 300);
	book_forget(gather.books[1]);
	book_forget(gather.books[2]);
	free(run_dir);
}
