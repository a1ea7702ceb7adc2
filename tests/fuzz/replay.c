/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over the files of the folders given as arguments, so that
 * `make check` repeats what a fuzzer has found once.  Fails when there is
 * nothing to run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_files;

/* A buffer of exactly the input's size lets a sanitizer see an overrun. */
static void run_file(const char *path)
{
	static uint8_t buf[INPUT_MAX];
	FILE *from = fopen(path, "re");
	uint8_t *data;
	size_t size;

	if (!from) {
		perror(path);
		exit(1);
	}
	size = fread(buf, 1, sizeof(buf), from);
	fclose(from);
	data = malloc(size ? size : 1);
	if (!data)
		exit(1);
	for (size_t i = 0; i < size; i++)
		data[i] = buf[i];
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_files++;
}

static void run_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort);
	char path[4096];

	if (n < 0) {
		perror(folder);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder,
			 entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_file(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_folder(argv[i]);
	printf("%u inputs\n", n_files);
	return n_files ? 0 : 1;
}
