/* SPDX-License-Identifier: Apache-2.0
 *
 * What fuzz targets share.  A target is one LLVMFuzzerTestOneInput(); libFuzzer
 * drives it in `make fuzz`, tests/fuzz/replay.c over its corpus in
 * `make check`.  Oracles are must(): they abort in every build.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input in a block of exactly its size, so that ASan sees every byte read
 * behind it; to be freed by the caller. */
static inline char *fuzz_copy(const uint8_t *data, size_t size)
{
	char *copy = calloc(size ? size : 1, 1);

	must(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

#endif
