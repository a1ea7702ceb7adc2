/* SPDX-License-Identifier: Apache-2.0
 *
 * See quarantine.h.  Signalling worker, at adoption.  The trap: what is written
 * here has killed two processes, so nothing of it is parsed: bytes are copied
 * within the bounds that the store's check has confirmed.
 */
#include "worker/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 512

/* How many files there are, and the oldest of them. */
static unsigned look(int dir_fd, char oldest[256])
{
	struct timespec least = {INT64_MAX, 0};
	int copy = dup(dir_fd);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;
	unsigned n = 0;

	if (!dir)
		return 0;
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' ||
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		n++;
		if (st.st_mtim.tv_sec > least.tv_sec ||
		    (st.st_mtim.tv_sec == least.tv_sec &&
		     st.st_mtim.tv_nsec >= least.tv_nsec))
			continue;
		least = st.st_mtim;
		snprintf(oldest, 256, "%s", entry->d_name);
	}
	closedir(dir);
	return n;
}

static void make_room(int dir_fd)
{
	char oldest[256] = "";

	while (look(dir_fd, oldest) >= QUARANTINE_FILES)
		if (unlinkat(dir_fd, oldest, 0) < 0)
			return;
}

static int write_file(int dir_fd, const char *name, struct slice bytes)
{
	int fd = openat(dir_fd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (bytes.len > QUARANTINE_BYTES)
		bytes.len = QUARANTINE_BYTES;
	n = write(fd, bytes.ptr, bytes.len);
	close(fd);
	return n == (ssize_t)bytes.len ? 0 : -ENOSPC;
}

int quarantine_put(const char *run_dir, const char *name, struct slice bytes)
{
	char path[PATH_ROOM];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/quarantine", run_dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	make_room(fd);
	rc = write_file(fd, name, bytes);
	close(fd);
	return rc;
}

static void write_bytes(struct out *out, const char *name, struct slice bytes)
{
	if (!bytes.len)
		return;
	out_printf(out, "---- %s\n", name);
	out_slice(out, bytes);
	out_text(out, "\n");
}

static void write_text(struct out *out, const char *name, const void *record,
		       struct record_text text)
{
	write_bytes(out, name, record_slice(record, text));
}

static void write_tx(struct out *out, const struct tx_record *tx)
{
	out_printf(out, "---- transaction %u leg=%u role=%u state=%u code=%u\n",
		   tx->tx, tx->leg, tx->role, tx->state, tx->code);
	write_text(out, "branch", tx, tx->branch);
	write_text(out, "bytes", tx, tx->bytes);
}

static void write_call(struct out *out, const struct call_record *call)
{
	char id[CALL_ID_TEXT_MAX];

	out_printf(out, "call=%s state=%u direction=%u code=%u flags=%x\n",
		   call_id_text(call->id, id), call->state, call->direction,
		   call->code, call->flags);
	write_text(out, "from", call, call->from);
	write_text(out, "to", call, call->to);
	write_text(out, "trunk", call, call->trunk);
	for (unsigned i = 0; i < N_LEGS; i++) {
		const struct leg_record *leg = &call->leg[i];

		out_printf(out, "---- leg %c state=%u\n", 'a' + (int)i,
			   leg->state);
		write_text(out, "peer", call, leg->peer);
		write_text(out, "call-id", call, leg->call_id);
		write_text(out, "local", call, leg->local_uri);
		write_text(out, "remote", call, leg->remote_uri);
		write_text(out, "remote sdp", call, leg->remote_sdp);
	}
}

int quarantine_put_call(const char *run_dir, const struct call_record *record,
			struct slice invite, const struct tx *txs)
{
	char *buf = malloc(QUARANTINE_BYTES);
	char id[CALL_ID_TEXT_MAX], name[CALL_ID_TEXT_MAX + 16];
	struct out out;
	int rc;

	if (!buf)
		return -ENOMEM;
	out = out_init(buf, QUARANTINE_BYTES);
	write_call(&out, record);
	write_bytes(&out, "invite", invite);
	for (const struct tx *tx = txs; tx; tx = tx->next)
		write_tx(&out, tx->record);
	snprintf(name, sizeof(name), "call-%s.txt",
		 call_id_text(record->id, id));
	rc = quarantine_put(run_dir, name, out_as_slice(&out));
	free(buf);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "call-%s.record", id);
	return quarantine_put(
		run_dir, name,
		(struct slice){(const char *)record, record->head.size});
}
