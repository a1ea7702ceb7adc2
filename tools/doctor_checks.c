/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of `mspoolctl doctor`: each a pure function from facts to a
 * finding.  What is not known is no finding.
 */
#include "tools/doctor.h"

#include <inttypes.h>
#include <stdarg.h>

#define FILES_PER_CALL 8
#define FILES_BESIDES  128		 /* channels, pages, logs */
#define UDP_BUFFER     (4 * 1024 * 1024) /* what master/sockets.c asks for */
#define BEHIND_MAX     1000		 /* commits: seconds, under load */
#define FULL_PERCENT   80		 /* as in shm/book.c */
#define NEAR_PERCENT   60
#define ROOM_MIN       (16u << 20)
#define MB(bytes)      ((bytes) >> 20)

static void set(char *to, const char *format, va_list args)
{
	vsnprintf(to, DOCTOR_TEXT_MAX, format, args);
}

static void what(struct doctor_finding *finding, enum doctor_state state,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));
static void cure(struct doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void what(struct doctor_finding *finding, enum doctor_state state,
		 const char *format, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, format);
	set(finding->what, format, args);
	va_end(args);
}

static void cure(struct doctor_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(finding->cure, format, args);
	va_end(args);
}

static bool is_unknown(struct doctor_finding *finding, uint64_t value,
		       const char *of)
{
	if (value != DOCTOR_UNKNOWN)
		return false;
	what(finding, DOCTOR_NOT_KNOWN, "%s cannot be read", of);
	return true;
}

/* ---- the pool ------------------------------------------------------------ */

static void check_pool(const struct doctor_facts *f, struct doctor_finding *out)
{
	if (!f->is_running) {
		what(out, DOCTOR_WRONG, "%s", f->why_not);
		cure(out, "systemctl start mspool");
	} else if (!f->is_master_alive) {
		what(out, DOCTOR_WRONG, "the master is gone; calls go on");
		cure(out, "systemctl restart mspool");
	} else if (f->n_workers_down) {
		what(out, DOCTOR_WRONG, "%u worker(s) are down",
		     f->n_workers_down);
		cure(out, "mspoolctl events");
	} else {
		what(out, DOCTOR_OK, "it runs, every worker is up");
	}
}

static void check_permissions(const struct doctor_facts *f,
			      struct doctor_finding *out)
{
	if (is_unknown(out, f->state_mode, "the state's folder"))
		return;
	if ((f->state_mode & 077) == 0) {
		what(out, DOCTOR_OK, "%s/state is its user's alone",
		     f->run_dir);
		return;
	}
	what(out, DOCTOR_WRONG, "others may look into %s/state (mode %o)",
	     f->run_dir, (unsigned)f->state_mode & 07777);
	cure(out, "chmod 0700 %s/state", f->run_dir);
}

static uint64_t calls_by_ports(const struct doctor_facts *f)
{
	return (f->port_max - f->port_min + 1) / 2 / f->n_sides_of_port;
}

static void check_descriptors(const struct doctor_facts *f,
			      struct doctor_finding *out)
{
	uint64_t calls, wanted;

	if (is_unknown(out, f->files_limit, "the limit of descriptors") ||
	    is_unknown(out, f->port_min, "the configuration"))
		return;
	calls = f->max_calls ? f->max_calls : calls_by_ports(f);
	wanted = calls * FILES_PER_CALL + f->n_listening + FILES_BESIDES;
	what(out,
	     wanted <= f->files_limit ? DOCTOR_OK
	     : f->max_calls	      ? DOCTOR_WRONG
				      : DOCTOR_WARNING,
	     "%" PRIu64 " calls (%s) may take %" PRIu64 ", %" PRIu64
	     " are allowed",
	     calls, f->max_calls ? "max_calls" : "as the ports allow", wanted,
	     f->files_limit);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "systemctl edit mspool: [Service] LimitNOFILE=%" PRIu64
		     "; or ulimit -Hn %" PRIu64,
		     wanted, wanted);
}

/* ---- ports --------------------------------------------------------------- */

static void check_media_ports(const struct doctor_facts *f,
			      struct doctor_finding *out)
{
	uint64_t calls;

	if (is_unknown(out, f->port_min, "the configuration"))
		return;
	calls = calls_by_ports(f);
	what(out, f->max_calls > calls ? DOCTOR_WRONG : DOCTOR_OK,
	     "%" PRIu64 "-%" PRIu64 " are enough for %" PRIu64 " calls",
	     f->port_min, f->port_max, calls);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "pool.ini: [media] ports = a range of %" PRIu64
		     " ports, or max_calls = %" PRIu64,
		     f->max_calls * 2 * f->n_sides_of_port, calls);
}

static void check_ephemeral(const struct doctor_facts *f,
			    struct doctor_finding *out)
{
	bool is_apart;

	if (is_unknown(out, f->port_min, "the configuration") ||
	    is_unknown(out, f->ephemeral_min, "ip_local_port_range"))
		return;
	is_apart = f->port_max < f->ephemeral_min ||
		   f->port_min > f->ephemeral_max;
	what(out, is_apart || f->are_reserved ? DOCTOR_OK : DOCTOR_WARNING,
	     "[media] ports %" PRIu64 "-%" PRIu64 " %s %" PRIu64 "-%" PRIu64,
	     f->port_min, f->port_max,
	     is_apart	       ? "lie apart from"
	     : f->are_reserved ? "are reserved among"
			       : "overlap with",
	     f->ephemeral_min, f->ephemeral_max);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "sysctl -w net.ipv4.ip_local_reserved_ports=%" PRIu64
		     "-%" PRIu64,
		     f->port_min, f->port_max);
}

static void check_udp_buffers(const struct doctor_facts *f,
			      struct doctor_finding *out)
{
	if (is_unknown(out, f->rmem_max, "net.core.rmem_max"))
		return;
	what(out, f->rmem_max >= UDP_BUFFER ? DOCTOR_OK : DOCTOR_WARNING,
	     "a socket may have %" PRIu64 " KiB (net.core.rmem_max), %u are "
	     "wanted",
	     f->rmem_max >> 10, UDP_BUFFER >> 10);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "sysctl -w net.core.rmem_max=%u, then restart the "
		     "pool",
		     UDP_BUFFER);
}

static void check_udp_drops(const struct doctor_facts *f,
			    struct doctor_finding *out)
{
	if (is_unknown(out, f->drops, "/proc/net/udp"))
		return;
	what(out, f->drops ? DOCTOR_WARNING : DOCTOR_OK,
	     "%" PRIu64 " datagrams dropped at the sockets that are open",
	     f->drops);
	if (f->drops_host != DOCTOR_UNKNOWN)
		what(out, out->state,
		     "%" PRIu64 " datagrams dropped at the pool's sockets, "
		     "%" PRIu64 " on this host since its boot",
		     f->drops, f->drops_host);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "mspoolctl scale signalling N (or media N), or "
		     "sysctl -w net.core.rmem_max=%u",
		     UDP_BUFFER);
}

/* ---- the host ------------------------------------------------------------ */

static void check_addresses(const struct doctor_facts *f,
			    struct doctor_finding *out)
{
	if (is_unknown(out, f->n_missing, "the configuration"))
		return;
	if (f->n_missing == 0) {
		what(out, DOCTOR_OK, "this host has every one");
		return;
	}
	what(out, DOCTOR_WRONG, "this host has no %s", f->missing);
	cure(out,
	     "ip address add %.*s dev INTERFACE, or another address in "
	     "pool.ini",
	     (int)strcspn(f->missing, ","), f->missing);
}

static void check_clock(const struct doctor_facts *f,
			struct doctor_finding *out)
{
	if (is_unknown(out, f->is_clock_set, "the clock's state"))
		return;
	what(out, f->is_clock_set ? DOCTOR_OK : DOCTOR_WARNING,
	     f->is_clock_set ? "it is synchronised" : "nobody synchronises it");
	if (out->state != DOCTOR_OK)
		cure(out, "timedatectl set-ntp true");
}

static void check_books(const struct doctor_facts *f,
			struct doctor_finding *out)
{
	if (is_unknown(out, f->fullest_percent, "the books"))
		return;
	what(out,
	     f->fullest_percent > FULL_PERCENT	 ? DOCTOR_WRONG
	     : f->fullest_percent > NEAR_PERCENT ? DOCTOR_WARNING
						 : DOCTOR_OK,
	     "the fullest, that of ms%u, takes %" PRIu64 " %% of its %u MB",
	     f->fullest_book, f->fullest_percent, f->max_book_mb);
	if (out->state != DOCTOR_OK)
		cure(out,
		     "pool.ini: [pool] max_book_mb = %u, mspoolctl "
		     "reload, then mspoolctl upgrade",
		     f->max_book_mb * 2);
}

static void check_readers(const struct doctor_facts *f,
			  struct doctor_finding *out)
{
	if (is_unknown(out, f->reader_behind, "the table of readers"))
		return;
	if (f->reader_behind <= BEHIND_MAX) {
		what(out, DOCTOR_OK,
		     "nobody is more than %" PRIu64 " commits behind",
		     f->reader_behind);
		return;
	}
	what(out, DOCTOR_WRONG,
	     "process %d reads what was %" PRIu64 " commits ago", f->reader_pid,
	     f->reader_behind);
	cure(out, "kill -CONT %d, or kill -KILL %d", f->reader_pid,
	     f->reader_pid);
}

static void check_run_folder(const struct doctor_facts *f,
			     struct doctor_finding *out)
{
	if (is_unknown(out, f->room_free, f->run_dir))
		return;
	if (!f->is_in_memory) {
		what(out, DOCTOR_WARNING, "%s is not on tmpfs", f->run_dir);
		cure(out, "pool.ini: [pool] run_dir = /run/mspool");
		return;
	}
	what(out,
	     f->room_free < ROOM_MIN ? DOCTOR_WRONG
	     : f->room_wanted != DOCTOR_UNKNOWN && f->room_free < f->room_wanted
		     ? DOCTOR_WARNING
		     : DOCTOR_OK,
	     "%" PRIu64 " MB are free in %s", MB(f->room_free), f->run_dir);
	if (out->state == DOCTOR_OK)
		return;
	if (out->state == DOCTOR_WARNING)
		what(out, out->state,
		     "%" PRIu64 " MB are free in %s, the books may grow by "
		     "%" PRIu64 " MB",
		     MB(f->room_free), f->run_dir, MB(f->room_wanted));
	cure(out,
	     "mount -o remount,size=SIZE the tmpfs of %s, or lower "
	     "[pool] max_book_mb",
	     f->run_dir);
}

/* ---- the table ----------------------------------------------------------- */

const struct doctor_check doctor_checks[] = {
#define DOCTOR_CHECK(name, needs_pool, why)                                    \
	{#name, needs_pool, why, check_##name},
#include "tools/doctor.def"
#undef DOCTOR_CHECK
	{0}};

void doctor_judge(const struct doctor_check *check,
		  const struct doctor_facts *facts,
		  struct doctor_finding *ret_finding)
{
	*ret_finding = (struct doctor_finding){0};
	if (check->needs_pool && !facts->is_running)
		what(ret_finding, DOCTOR_NOT_KNOWN, "no pool runs");
	else
		check->judge(facts, ret_finding);
}
