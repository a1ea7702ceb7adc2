/* SPDX-License-Identifier: Apache-2.0
 *
 * See rollback.h.  Called by the master and by mspoolctl.  The trap: the file
 * is replaced by rename, so a reader sees one whole line or another, and none
 * when the roll-back is settled.
 */
#include "shm/rollback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {
	[ROLLBACK_PENDING] = "pending",
	[ROLLBACK_DONE] = "done",
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

size_t rollback_print(const struct rollback *rollback,
		      char line[ROLLBACK_LINE_MAX])
{
	int len = snprintf(line, ROLLBACK_LINE_MAX,
			   "rollback %s %" PRIu32 " %" PRIu64 " %" PRIu64 "\n",
			   words[rollback->state], rollback->generation,
			   rollback->at_us, rollback->at_wall_us);

	return (size_t)len;
}

static enum rollback_state state_of(struct slice word)
{
	for (unsigned i = ROLLBACK_PENDING; i < N_WORDS; i++) {
		if (slice_is(word, slice_of(words[i])))
			return (enum rollback_state)i;
	}
	return ROLLBACK_NONE;
}

int rollback_parse(struct slice file, struct rollback *ret_rollback,
		   struct slice *ret_text)
{
	struct slice line = slice_cut(&file, '\n');
	bool is_ours = slice_is(slice_cut(&line, ' '), SLICE("rollback"));
	struct rollback found = {.state = state_of(slice_cut(&line, ' '))};
	uint64_t generation;

	if (!is_ours || found.state == ROLLBACK_NONE ||
	    slice_to_u64(slice_cut(&line, ' '), UINT32_MAX, &generation) < 0 ||
	    slice_to_u64(slice_cut(&line, ' '), UINT64_MAX, &found.at_us) < 0 ||
	    slice_to_u64(line, UINT64_MAX, &found.at_wall_us) < 0)
		return -EPROTO;
	found.generation = (uint32_t)generation;
	*ret_rollback = found;
	*ret_text = file;
	return 0;
}

int rollback_path(const char *run_dir, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/state/rollback", run_dir);

	return (size_t)len < size ? 0 : -ENAMETOOLONG;
}

struct rollback rollback_read(const char *run_dir)
{
	struct rollback found = {.state = ROLLBACK_NONE};
	char path[512], text[ROLLBACK_LINE_MAX];
	struct slice rest;
	ssize_t n;
	int fd;

	if (rollback_path(run_dir, path, sizeof(path)) < 0)
		return found;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return found;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n > 0)
		rollback_parse((struct slice){text, (size_t)n}, &found, &rest);
	return found;
}
