/* SPDX-License-Identifier: Apache-2.0
 *
 * See confine.h.  The table becomes a program for the kernel (seccomp(2)): one
 * comparison and one verdict a row.  The kernel remembers what it says whatever
 * the arguments are, so most calls cost nothing (Linux 5.11).
 *
 * Traps: a filter is for ever, and passes to all that is started.  A row with a
 * condition ends in a verdict on every path, since the loaded word is no longer
 * the number.  Arguments are looked at by their lower half: all that conditions
 * are about are ints, or flags below 2^31.
 */
#include "base/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sockios.h>

#if defined(__x86_64__)
#define ARCHITECTURE  AUDIT_ARCH_X86_64
#define FOREIGN_CALLS 0x40000000u /* of x32, which shares the architecture */
#elif defined(__aarch64__)
#define ARCHITECTURE  AUDIT_ARCH_AARCH64
#define FOREIGN_CALLS 0xffffffffu
#endif

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	(void)syscall(SYS_capset, &head, none);
}

#ifdef CONFINE_FILTERS

enum condition {
	ANY,
	FAMILIES,	 /* socket: AF_UNIX, AF_INET, AF_INET6 */
	NO_SIGNAL,	 /* kill: is that process there? */
	NOT_EXECUTABLE,	 /* mmap, mprotect: without PROT_EXEC */
	ONESELF,	 /* kill, tgkill: this process */
	ONESELF_BY_ZERO, /* prlimit64 */
	QUEUE_SIZES	 /* ioctl: what lies in a socket; is it a terminal? */
};

static const struct call_row {
	uint32_t number;
	unsigned who;
	enum condition condition;
	bool is_fatal;
} rows[] = {
#define CALL(name, who, condition) {SYS_##name, who, condition, false},
#define FATAL(name, who)	   {SYS_##name, who, ANY, true},
#include "base/confine.def"
};

#define N_ROWS	    (sizeof(rows) / sizeof(rows[0]))
#define PROGRAM_MAX (N_ROWS * 2 + 64)

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short n;
};

static void put(struct program *program, struct sock_filter instruction)
{
	program->code[program->n++] = instruction;
}

static void put_load(struct program *program, unsigned offset)
{
	put(program,
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void put_verdict(struct program *program, uint32_t verdict)
{
	put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* The verdict, if the loaded word is (test BPF_JEQ), is not less than
 * (BPF_JGE) or has a bit of (BPF_JSET) value. */
static void put_if(struct program *program, unsigned test, uint32_t value,
		   uint32_t verdict)
{
	put(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1));
	put_verdict(program, verdict);
}

static void put_argument(struct program *program, unsigned i)
{
	put_load(program, (unsigned)(offsetof(struct seccomp_data, args) +
				     i * sizeof(uint64_t)));
}

/* What is allowed is said row by row; the rest of this call is refused. */
static void put_condition(struct program *program, enum condition condition)
{
	static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6};
	static const uint32_t requests[] = {FIONREAD, SIOCOUTQ, TCGETS};

	switch (condition) {
	case ANY:
		put_verdict(program, SECCOMP_RET_ALLOW);
		return;
	case FAMILIES:
		put_argument(program, 0);
		for (unsigned i = 0; i < 3; i++)
			put_if(program, BPF_JEQ, families[i],
			       SECCOMP_RET_ALLOW);
		put_verdict(program, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
		return;
	case NOT_EXECUTABLE:
		put_argument(program, 2);
		put_if(program, BPF_JSET, PROT_EXEC, SECCOMP_RET_ERRNO | EPERM);
		put_verdict(program, SECCOMP_RET_ALLOW);
		return;
	case NO_SIGNAL:
		put_argument(program, 1);
		put_if(program, BPF_JEQ, 0, SECCOMP_RET_ALLOW);
		break;
	case ONESELF:
	case ONESELF_BY_ZERO:
		put_argument(program, 0);
		put_if(program, BPF_JEQ,
		       condition == ONESELF ? (uint32_t)getpid() : 0,
		       SECCOMP_RET_ALLOW);
		break;
	case QUEUE_SIZES:
		put_argument(program, 1);
		for (unsigned i = 0; i < 3; i++)
			put_if(program, BPF_JEQ, requests[i],
			       SECCOMP_RET_ALLOW);
		break;
	}
	put_verdict(program, SECCOMP_RET_ERRNO | EPERM);
}

static void put_row(struct program *program, const struct call_row *row)
{
	struct program then = {.n = 0};

	if (row->is_fatal)
		put_verdict(&then, SECCOMP_RET_KILL_PROCESS);
	else
		put_condition(&then, row->condition);
	put(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, row->number,
					 0, (uint8_t)then.n));
	for (unsigned i = 0; i < then.n; i++)
		put(program, then.code[i]);
}

static void write_program(struct program *program, enum confine_kind kind)
{
	bool is_master = kind == CONFINE_MASTER;

	put_load(program, offsetof(struct seccomp_data, arch));
	put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						  ARCHITECTURE, 1, 0));
	put_verdict(program, SECCOMP_RET_KILL_PROCESS);
	put_load(program, offsetof(struct seccomp_data, nr));
	put_if(program, BPF_JGE, FOREIGN_CALLS, SECCOMP_RET_KILL_PROCESS);
	for (unsigned i = 0; i < N_ROWS; i++) {
		if (rows[i].who & kind)
			put_row(program, &rows[i]);
	}
	put_verdict(program,
		    is_master ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ENOSYS);
}

/* SPEC_ALLOW: older kernels slow a filtered process down against what untrusted
 * code in it could measure; there is none in it, or it is too late. */
static int install(const struct program *program)
{
	struct sock_fprog order = {
		.len = program->n,
		.filter = (struct sock_filter *)(uintptr_t)program->code,
	};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_SPEC_ALLOW, &order) < 0)
		return -errno;
	return 0;
}

static int filter_calls(enum confine_kind kind)
{
	static struct program program;

	program.n = 0;
	write_program(&program, kind);
	return install(&program);
}

#else

static int filter_calls(enum confine_kind kind)
{
	(void)kind;
	return -ENOTSUP;
}

#endif

int confine(enum confine_kind kind)
{
	if (kind != CONFINE_MASTER) /* it may have to bind a port below 1024 */
		drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return filter_calls(kind);
}
