/* SPDX-License-Identifier: Apache-2.0
 *
 * A master of the build tree with fake children (fake_child.c) in a folder of
 * its own, for one test: started, asked over its control socket, signalled,
 * and watched through RUN/fake.log.
 */
#ifndef TESTS_SUPPORT_POOL_RIG_H
#define TESTS_SUPPORT_POOL_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#define RIG_WAIT_MS 10000 /* for anything; a busy host takes its time */

/* Makes the folder with the programs; aborts the test when it cannot. */
void rig_make(void);
void rig_remove(void);
/* Writes pool.ini: so many workers, and further lines for its end. */
void rig_config(unsigned signalling, unsigned media, const char *more);
/* Further lines of [pool] for every rig_config from now on. */
void rig_pool_lines(const char *lines);
/* A file of fake_child.c's table; NULL text removes it. */
void rig_ask(const char *file, const char *text);
/* Starts mspoold -f; its stderr goes to "log".  Does not wait. */
pid_t rig_start(void);
/* The same, and every worker is up. */
pid_t rig_start_up(void);
void rig_signal(int signal);
/* Waits for mspoold's end: its exit code, or -1. */
int rig_wait_end(void);
/* A request on the control socket: the whole answer (static), "" when there
 * was none. */
const char *rig_request(const char *line);
/* True when the last answer was "ok" after any lines. */
bool rig_is_ok(const char *line);
/* Waits until a line of the file matches the pattern of fnmatch(3); false when
 * it does not in RIG_WAIT_MS.  The line is in rig_line(). */
bool rig_wait_line(const char *file, const char *pattern);
const char *rig_line(void);
/* Only lines written from now on count for rig_wait_line. */
void rig_forget_lines(const char *file);
unsigned rig_count_lines(const char *file, const char *pattern);
/* The pid of the slot's last start. */
pid_t rig_pid(const char *slot);
const char *rig_path(const char *rest);
/* Renames a file of the folder over another one. */
void rig_replace(const char *from, const char *to);
/* The port of [listen internal] (127.0.0.2) and [listen gateway] (127.0.0.1);
 * it and the RIG_PORTS - 1 after it were free when the rig was made. */
#define RIG_PORTS 8
unsigned rig_port(void);
/* Binds UDP at 127.0.0.last; -1 when the port is taken. */
int rig_bind(unsigned last, unsigned port);

#endif
