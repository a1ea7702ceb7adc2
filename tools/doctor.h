/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl doctor`: facts about the host and the pool are gathered first, in
 * tools/doctor_facts.c and doctor_host.c, then each check of doctor.def judges
 * them in tools/doctor_checks.c, which asks nobody anything.
 */
#ifndef TOOLS_DOCTOR_H
#define TOOLS_DOCTOR_H

#include "base/config.h"
#include "tools/ctl_view.h"

#define DOCTOR_TEXT_MAX 200

/* A number that could not be read is DOCTOR_UNKNOWN. */
#define DOCTOR_UNKNOWN UINT64_MAX

struct doctor_facts {
	bool is_running;
	char why_not[DOCTOR_TEXT_MAX]; /* as it would be told */
	bool is_master_alive, has_config;
	unsigned n_workers_down;
	char run_dir[DOCTOR_TEXT_MAX];
	/* permissions */
	uint64_t state_mode; /* of run_dir/state */
	/* descriptors of the master, or what one would be allowed */
	uint64_t files_limit, files_used;
	uint64_t n_listening; /* sockets over all Mediation Servers */
	uint64_t max_calls;   /* 0: no limit */
	/* ports */
	uint64_t port_min, port_max, ephemeral_min, ephemeral_max;
	uint64_t n_sides_of_port;   /* 2: both sides on one address */
	bool are_reserved;	    /* net.ipv4.ip_local_reserved_ports */
	uint64_t rmem_max;	    /* bytes */
	uint64_t drops, drops_host; /* of our sockets; RcvbufErrors */
	uint64_t n_missing;	    /* addresses */
	char missing[DOCTOR_TEXT_MAX];
	uint64_t is_clock_set; /* 1 or 0 */
	/* the fullest book */
	unsigned fullest_book, max_book_mb;
	uint64_t fullest_percent; /* of what it may take */
	/* the reader that is furthest behind */
	uint64_t reader_behind; /* commits */
	int32_t reader_pid;
	/* file system of the run folder */
	uint64_t room_free, room_wanted; /* bytes; what books may still take */
	bool is_in_memory;
};

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARNING, /* works, and may hurt */
	DOCTOR_WRONG,
	DOCTOR_NOT_KNOWN
};

struct doctor_finding {
	enum doctor_state state;
	char what[DOCTOR_TEXT_MAX];
	char cure[DOCTOR_TEXT_MAX]; /* a command; "" when ok */
};

struct doctor_check {
	const char *name;
	bool needs_pool;
	const char *why;
	void (*judge)(const struct doctor_facts *facts,
		      struct doctor_finding *finding);
};

extern const struct doctor_check doctor_checks[]; /* ends with name NULL */

/* *ret_finding: the judgement, or DOCTOR_NOT_KNOWN where the check needs a pool
 * and none runs. */
void doctor_judge(const struct doctor_check *check,
		  const struct doctor_facts *facts,
		  struct doctor_finding *ret_finding);

/* view NULL: no pool runs; config NULL: none could be read.  The caller has
 * filled in is_running, why_not and run_dir. */
void doctor_gather(const struct ctl_view *view, const struct config *config,
		   struct doctor_facts *facts);
/* The part of it that does not depend on a pool. */
void doctor_gather_host(const struct config *config,
			struct doctor_facts *facts);

/* For the tests: is every port of min..max in a list like "1,8000-9000"? */
bool doctor_is_reserved(const char *list, uint64_t min, uint64_t max);
/* A line of /proc/net/udp or udp6: local address in hexadecimal, port, drops.
 * False: no such line. */
bool doctor_read_udp(const char *line, char ret_host[33], unsigned *ret_port,
		     uint64_t *ret_drops);
/* The value of a column of /proc/net/snmp, whose lines come in pairs of names
 * and values; DOCTOR_UNKNOWN. */
uint64_t doctor_read_snmp(const char *text, const char *prefix,
			  const char *column);

#endif
