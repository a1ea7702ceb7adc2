/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a configuration generation as a sealed memfd: all processes of
 * the generation read the same bytes, and nobody can change them.
 */
#ifndef MASTER_MEMFD_H
#define MASTER_MEMFD_H

#include "base/str.h"

/* The caller closes *ret_fd.  0/-errno. */
int memfd_sealed(struct slice text, int *ret_fd);
/* All of a file that such a text was written to, malloc'd with a NUL.  0,
 * -errno. */
int text_read_file(const char *path, char **ret_text);
/* The same bytes in a file, replaced atomically (for mspoolctl). */
int text_replace_file(const char *path, struct slice text, unsigned mode);

#endif
