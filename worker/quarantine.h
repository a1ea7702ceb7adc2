/* SPDX-License-Identifier: Apache-2.0
 *
 * RUN/quarantine: what was set aside, for people to look at.  Files of the
 * owner alone (0600), at most QUARANTINE_FILES of QUARANTINE_BYTES each; the
 * oldest gives way.  Written only when somebody has died of it, so it may cost.
 */
#ifndef WORKER_QUARANTINE_H
#define WORKER_QUARANTINE_H

#include "base/str.h"
#include "worker/call.h"

#define QUARANTINE_FILES 64
#define QUARANTINE_BYTES (256 * 1024)

/* Writes or replaces a file; -errno. */
int quarantine_put(const char *run_dir, const char *name, struct slice bytes);
/* A call in words: what it was, its INVITE, the bytes of its transactions (if
 * they are loaded), and the record beside it. */
int quarantine_put_call(const char *run_dir, const struct call_record *record,
			struct slice invite, const struct tx *txs);

#endif
