/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.ini and pool.d/?*.ini beside it, put together into the text that the
 * master seals for its children: each file behind a mark with its name, so
 * that mistakes are told alike everywhere, and last what the host decided.
 * Called in the master, and by mspoolctl to check before a reload.
 */
#include "base/config_build.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

/* Of all files: what is longer is no pool.ini. */
#define TEXT_MAX (256u << 20)

/* A file mark within a file would make lines lie; as another control
 * character it is refused where it stands. */
static void disarm(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == INI_FILE_MARK)
			text[i] = '\002';
}

static void write_mark(FILE *to, const char *name)
{
	fputc(INI_FILE_MARK, to);
	for (; *name; name++)
		fputc((unsigned char)*name < 0x20 ? '?' : *name, to);
	fputc('\n', to);
}

static int copy_bytes(FILE *to, FILE *from)
{
	char buf[1 << 16], last = '\n';
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), from)) > 0) {
		disarm(buf, n);
		last = buf[n - 1];
		if (fwrite(buf, 1, n, to) < n)
			return -ENOMEM;
		if (ftell(to) > (long)TEXT_MAX)
			return -EFBIG;
	}
	if (ferror(from))
		return errno ? -errno : -EIO;
	if (last != '\n')
		fputc('\n', to);
	return 0;
}

static int append_file(FILE *to, const char *path)
{
	FILE *from = fopen(path, "re");
	int rc;

	if (!from)
		return -errno;
	write_mark(to, path);
	rc = copy_bytes(to, from);
	fclose(from);
	return rc;
}

static int is_ini(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && entry->d_name[0] != '.' &&
	       !strcmp(entry->d_name + len - 4, ".ini");
}

/* Byte order, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int append_entries(FILE *to, const char *folder, struct dirent **entries,
			  int n, struct config_report *report)
{
	int rc = 0;

	for (int i = 0; i < n && !rc; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			return -ENOMEM;
		rc = append_file(to, path);
		if (rc < 0)
			report_only(report, "%s:1:1: error: cannot read: %s\n",
				    path, strerror(-rc));
		free(path);
	}
	return rc;
}

static int append_folder(FILE *to, const char *folder,
			 struct config_report *report)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_ini, by_name);
	int rc;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0) {
		rc = -errno;
		report_only(report, "%s:1:1: error: cannot read: %s\n", folder,
			    strerror(-rc));
		return rc;
	}
	rc = append_entries(to, folder, entries, n, report);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return rc;
}

static int append_pool_d(FILE *to, const char *path,
			 struct config_report *report)
{
	char *copy = strdup(path), *folder = NULL;
	int rc = -ENOMEM;

	if (copy && asprintf(&folder, "%s/pool.d", dirname(copy)) < 0)
		folder = NULL;
	if (folder)
		rc = append_folder(to, folder, report);
	free(folder);
	free(copy);
	return rc;
}

static int append_files(FILE *to, const char *path,
			struct config_report *report)
{
	int rc = append_file(to, path);

	if (rc < 0) {
		report_only(report, "%s:1:1: error: cannot read: %s\n", path,
			    strerror(-rc));
		return rc;
	}
	rc = append_pool_d(to, path, report);
	if (rc == -ENOMEM)
		report_only(report, "error: no memory for the configuration\n");
	return rc;
}

/* Reads all files into one text; report is set on failure only. */
static int read_files(const char *path, char **ret_text, size_t *ret_size,
		      struct config_report *report)
{
	FILE *to = open_memstream(ret_text, ret_size);
	int rc;

	if (!to) {
		report_only(report, "error: no memory for the configuration\n");
		return -ENOMEM;
	}
	rc = append_files(to, path, report);
	if (fclose(to) != 0 && !rc) {
		report_only(report, "error: no memory for the configuration\n");
		rc = -ENOMEM;
	}
	if (rc < 0) {
		free(*ret_text);
		*ret_text = NULL;
	}
	return rc;
}

/* The listeners of a side for which none were written. */
static void write_listen(FILE *to, const struct config *config, unsigned side)
{
	static const char *const names[] = {"udp", "tcp"};

	fprintf(to, "[listen %s]\n",
		side == SIDE_INTERNAL ? "internal" : "gateway");
	for (unsigned t = TRANSPORT_UDP; t <= TRANSPORT_TCP; t++) {
		const char *between = "";

		fprintf(to, "%s = ", names[t]);
		for (unsigned i = 0; i < config->n_listeners; i++) {
			const struct config_listener *listener =
				&config->listeners[i];
			char text[ADDR_TEXT_MAX];

			if (listener->side != side ||
			    listener->transport != t || listener->trunk >= 0)
				continue;
			addr_text(&listener->address, text);
			fprintf(to, "%s%s", between, text);
			between = ", ";
		}
		fputc('\n', to);
	}
}

/* Values that this host stands in for; children take them from the text. */
static int append_host(const struct config *config, char **text, size_t size)
{
	const struct config_memory *memory = config->arena;
	const struct config_pool *pool = &config->pool;
	char *whole;
	size_t whole_size;
	FILE *to = open_memstream(&whole, &whole_size);

	if (!to)
		return -ENOMEM;
	fwrite(*text, 1, size, to);
	write_mark(to, "(this host)");
	fputs("[pool]\n", to);
	if (!memory->is_fqdn_given)
		fprintf(to, "fqdn = %s\n", pool->fqdn);
	if (!memory->is_signalling_given)
		fprintf(to, "signalling_workers = %u\n",
			pool->signalling_workers);
	if (!memory->is_media_given)
		fprintf(to, "media_workers = %u\n", pool->media_workers);
	for (unsigned side = 0; side < 2; side++)
		if (config->is_listen_chosen[side])
			write_listen(to, config, side);
	if (fclose(to) != 0) {
		free(whole);
		return -ENOMEM;
	}
	free(*text);
	*text = whole;
	return 0;
}

int config_load_file(const char *path, struct config **ret_config,
		     char **ret_text, struct config_report *report)
{
	struct config *config;
	char *text = NULL;
	size_t size = 0;
	int rc = read_files(path, &text, &size, report);

	if (rc < 0)
		return rc;
	rc = config_load_text((struct slice){text, size}, &config, report);
	if (rc == 0 && append_host(config, &text, size) < 0) {
		config_free(config);
		rc = -ENOMEM;
	}
	if (rc < 0) {
		free(text);
		return rc;
	}
	*ret_config = config;
	*ret_text = text;
	return 0;
}
