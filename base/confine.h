/* SPDX-License-Identifier: Apache-2.0
 *
 * What a process may ask of the kernel: no capability, no new privileges, and
 * the system calls of base/confine.def.  Called once in each child, when what
 * it needs only at its start is done, and in the master.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#if !defined(SANITIZED) &&                                                     \
	(defined(__x86_64__) ||                                                \
	 (defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__))
#define CONFINE_FILTERS /* this build can */
#endif

/* Kinds of programs, as bits: base/confine.def has a column of them. */
enum confine_kind {
	CONFINE_WORKER = 1,
	CONFINE_MEDIA = 2,
	CONFINE_CDR = 4,
	CONFINE_MASTER = 8,
	CONFINE_OBSERVER = 16
};

/* For the rest of the process' life, and of all that it starts.  0, -ENOTSUP on
 * a processor whose calls the table does not name and in sanitizer builds
 * (which trace themselves), or what the kernel says; capabilities and
 * privileges are gone in any case. */
int confine(enum confine_kind kind);

#ifdef CRASH_POINTS
/* Test builds: if $MSPOOL_PROBE is "NAME ACT", the first process of that name
 * tries what is forbidden, and tells in run_dir/probed-NAME-ACT how it went. */
void confine_probe(const char *name, const char *run_dir);
#endif

#endif
