/* SPDX-License-Identifier: Apache-2.0
 *
 * See pool_rig.h.  Used by tests/unit/test_master.c.  mspoold finds its
 * children beside itself, so it is copied next to the fakes.  The trap: a test
 * that fails leaves its processes: rig_remove kills what fake.log names.
 */
#include "tests/support/pool_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct rig {
	char folder[64];
	pid_t pid;
	unsigned port;
	const char *pool_lines;
	char line[512];
	struct {
		char file[32];
		long offset;
	} from[4];
} rig;

const char *rig_path(const char *rest)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", rig.folder, rest);
	return path;
}

void rig_replace(const char *from, const char *to)
{
	char path[sizeof(rig.folder) + 64];

	snprintf(path, sizeof(path), "%s", rig_path(from));
	cr_assert(rename(path, rig_path(to)) == 0);
}

static const char *build_path(const char *rest)
{
	static char path[1024];
	const char *build = getenv("BUILD");

	snprintf(path, sizeof(path), "%s/%s", build ? build : ".", rest);
	return path;
}

static void copy_program(const char *from, const char *to)
{
	int in = open(build_path(from), O_RDONLY | O_CLOEXEC);
	int out = open(rig_path(to), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	cr_assert(in >= 0 && out >= 0, "%s: %s", build_path(from),
		  strerror(errno));
	cr_assert(fstat(in, &st) == 0);
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

		cr_assert(n > 0);
		st.st_size -= n;
	}
	close(in);
	close(out);
}

int rig_bind(unsigned last, unsigned port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(0x7f000000u | last);
	at.sin_port = htons((uint16_t)port);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool are_free(unsigned port)
{
	for (unsigned i = 0; i < 2 * RIG_PORTS; i++) {
		int fd = rig_bind(1 + i % 2, port + i / 2);

		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

/* Below the ports for audio, of which pool.ini would be warned. */
#define PORT_MIN 10000
#define N_PORTS	 6000

/* Tests run side by side, so each begins to look somewhere else. */
static unsigned find_port(void)
{
	unsigned first = (unsigned)getpid() * RIG_PORTS % N_PORTS;

	for (unsigned i = 0; i < N_PORTS; i += RIG_PORTS) {
		unsigned port = PORT_MIN + (first + i) % N_PORTS;

		if (are_free(port))
			return port;
	}
	cr_assert_fail("no free ports");
	return 0;
}

void rig_make(void)
{
	snprintf(rig.folder, sizeof(rig.folder),
		 "/dev/shm/mspool-master.XXXXXX");
	cr_assert(mkdtemp(rig.folder));
	copy_program("master/mspoold", "mspoold");
	copy_program("tests/fake_child", "mspool-worker");
	copy_program("tests/fake_child", "mspool-media");
	cr_assert(mkdir(rig_path("run"), 0700) == 0);
	rig.port = find_port();
}

unsigned rig_port(void)
{
	return rig.port;
}

void rig_pool_lines(const char *lines)
{
	rig.pool_lines = lines;
}

void rig_config(unsigned signalling, unsigned media, const char *more)
{
	FILE *file = fopen(rig_path("pool.ini"), "we");

	cr_assert(file);
	fprintf(file,
		"[pool]\nfqdn = pool.test\nrun_dir = %s/run\n"
		"signalling_workers = %u\nmedia_workers = %u\n%s"
		"[listen internal]\nudp = 127.0.0.2:%u\ntcp = 127.0.0.2:%u\n"
		"[listen gateway]\nudp = 127.0.0.1:%u\n"
		"[frontend fe1]\naddress = 127.0.0.1:9\ntransport = udp\n"
		"[gateway gw1]\naddress = 127.0.0.1:10\ntransport = udp\n%s",
		rig.folder, signalling, media,
		rig.pool_lines ? rig.pool_lines : "", rig.port, rig.port,
		rig.port, more);
	fclose(file);
}

void rig_ask(const char *file, const char *text)
{
	char path[64];
	FILE *out;

	snprintf(path, sizeof(path), "run/%s", file);
	if (!text) {
		unlink(rig_path(path));
		return;
	}
	out = fopen(rig_path(path), "we");
	cr_assert(out);
	fputs(text, out);
	fclose(out);
}

static _Noreturn void exec_master(void)
{
	int log = open(rig_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	char config[128];

	prctl(PR_SET_PDEATHSIG, SIGTERM); /* when the test itself is killed */
	snprintf(config, sizeof(config), "%s/pool.ini", rig.folder);
	dup2(log, STDERR_FILENO);
	dup2(log, STDOUT_FILENO);
	execl(rig_path("mspoold"), "mspoold", "-f", "-c", config, NULL);
	_exit(127);
}

pid_t rig_start(void)
{
	rig.pid = fork();
	if (rig.pid == 0)
		exec_master();
	cr_assert(rig.pid > 0);
	return rig.pid;
}

static void pause_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

pid_t rig_start_up(void)
{
	rig_forget_lines("log");
	rig_start();
	cr_assert(rig_wait_line("log", "*event=pool_up*"),
		  "the pool is not up");
	return rig.pid;
}

void rig_signal(int signal)
{
	kill(rig.pid, signal);
}

int rig_wait_end(void)
{
	for (long ms = 0; ms < RIG_WAIT_MS; ms += 10) {
		int status;

		if (waitpid(rig.pid, &status, WNOHANG) == rig.pid) {
			rig.pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		pause_ms(10);
	}
	return -1;
}

/* ---- the control socket -------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval wait = {RIG_WAIT_MS / 1000, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%.80s/run/control.sock",
		 rig.folder);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

const char *rig_request(const char *line)
{
	static char answer[8192];
	size_t len = 0;
	int fd = dial();

	answer[0] = '\0';
	if (fd < 0)
		return answer;
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) >= 0 &&
	    send(fd, "\n", 1, MSG_NOSIGNAL) == 1) {
		ssize_t n;

		while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len,
				 0)) > 0)
			len += (size_t)n;
	}
	answer[len] = '\0';
	close(fd);
	return answer;
}

bool rig_is_ok(const char *line)
{
	const char *answer = rig_request(line);
	size_t len = strlen(answer);

	return len >= 3 && strcmp(answer + len - 3, "ok\n") == 0 &&
	       (len == 3 || answer[len - 4] == '\n');
}

/* ---- lines --------------------------------------------------------------- */

/* fake.log is in the run folder, log beside it. */
static FILE *open_lines(const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s",
		 strcmp(file, "fake.log") == 0 ? "run/" : "", file);
	return fopen(rig_path(path), "re");
}

static long *offset_of(const char *file)
{
	for (unsigned i = 0; i < 4; i++) {
		if (!rig.from[i].file[0])
			snprintf(rig.from[i].file, sizeof(rig.from[i].file),
				 "%s", file);
		if (strcmp(rig.from[i].file, file) == 0)
			return &rig.from[i].offset;
	}
	abort();
}

/* The last line that matches, into rig.line; how many there are. */
static unsigned look(const char *file, const char *pattern)
{
	FILE *lines = open_lines(file);
	char line[sizeof(rig.line)];
	unsigned n = 0;

	if (!lines)
		return 0;
	fseek(lines, *offset_of(file), SEEK_SET);
	while (fgets(line, sizeof(line), lines)) {
		line[strcspn(line, "\n")] = '\0';
		if (fnmatch(pattern, line, 0) != 0)
			continue;
		memcpy(rig.line, line, sizeof(line));
		n++;
	}
	fclose(lines);
	return n;
}

bool rig_wait_line(const char *file, const char *pattern)
{
	for (long ms = 0; ms < RIG_WAIT_MS; ms += 5) {
		if (look(file, pattern) > 0)
			return true;
		pause_ms(5);
	}
	return false;
}

const char *rig_line(void)
{
	return rig.line;
}

void rig_forget_lines(const char *file)
{
	FILE *lines = open_lines(file);

	if (!lines)
		return;
	fseek(lines, 0, SEEK_END);
	*offset_of(file) = ftell(lines);
	fclose(lines);
}

unsigned rig_count_lines(const char *file, const char *pattern)
{
	return look(file, pattern);
}

pid_t rig_pid(const char *slot)
{
	long before = *offset_of("fake.log");
	char pattern[32];
	pid_t pid = 0;

	*offset_of("fake.log") = 0;
	snprintf(pattern, sizeof(pattern), "%s start *", slot);
	if (look("fake.log", pattern) > 0)
		pid = (pid_t)strtol(strrchr(rig.line, ' '), NULL, 10);
	*offset_of("fake.log") = before;
	return pid;
}

/* ---- the end ------------------------------------------------------------- */

/* Only processes that this test's master started: fake.log has their pids. */
static void kill_children(void)
{
	FILE *lines = open_lines("fake.log");
	char line[256];

	while (lines && fgets(line, sizeof(line), lines)) {
		char slot[16], exe[64], path[160];
		int pid;
		ssize_t n;

		if (sscanf(line, "%15s start %d", slot, &pid) != 2)
			continue;
		snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
		n = readlink(exe, path, sizeof(path) - 1);
		if (n > 0 && strncmp(path, rig.folder, strlen(rig.folder)) == 0)
			kill(pid, SIGKILL);
	}
	if (lines)
		fclose(lines);
}

void rig_remove(void)
{
	char command[128];

	if (rig.pid > 0) {
		kill(rig.pid, SIGKILL);
		waitpid(rig.pid, NULL, 0);
	}
	kill_children();
	snprintf(command, sizeof(command), "rm -rf '%s'", rig.folder);
	cr_assert(system(command) == 0);
}
