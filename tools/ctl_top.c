/* SPDX-License-Identifier: Apache-2.0
 *
 * `mspoolctl top`: a screen that is drawn anew every second.  Plain sequences
 * that every terminal of today knows, no library.
 * Trap: whatever ends us, the terminal must be as it was before; so signals
 * only set a flag.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/ctl_json.h"
#include "tools/ctl_show.h"
#include "tools/top.h"

#define EVERY_US USEC_PER_SEC

/* Another screen, no cursor, no wrapping; and back. */
#define SCREEN_ON  "\033[?1049h\033[?25l\033[?7l\033[2J"
#define SCREEN_OFF "\033[?7h\033[?25h\033[?1049l"

static ctl_build *const builders[N_TOP_LISTS] = {
	[TOP_GATEWAYS] = ctl_gateways_json,
	[TOP_WORKERS] = ctl_workers_json,
	[TOP_TRUNKS] = ctl_trunks_json,
	[TOP_CALLS] = ctl_calls_json,
};

struct live {
	const struct ctl *ctl;
	struct top top;
	json_t *status, *rows; /* seen last */
	char trouble[160];
	uint64_t seen_us;
	int code; /* of the last look */
	struct termios before;
};

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
	if (number != SIGWINCH) /* that only wakes poll */
		is_ended = 1;
}

/* ---- looking ------------------------------------------------------------- */

static int look_at(struct live *live, const struct ctl *ctl)
{
	struct ctl_view *view = NULL;
	uint64_t now_us = clock_boot_us();
	json_t *status;
	int code = ctl_view_open(ctl, &view);

	if (!code)
		code = ctl_view_load_calls(view);
	if (!code) {
		status = ctl_status_json(view);
		live->top.calls_per_second = top_rate(
			live->status, status,
			(double)(now_us - live->seen_us) / USEC_PER_SEC);
		json_decref(live->status);
		json_decref(live->rows);
		live->status = status;
		live->rows = builders[live->top.list](view);
		live->seen_us = now_us;
	}
	ctl_view_free(view);
	return code;
}

/* A pool that is gone is told in the head; it may come back. */
static void look(struct live *live)
{
	static const char before[] = "mspoolctl: ";
	struct ctl quiet = *live->ctl;
	char *text = NULL, *said;
	size_t len;

	quiet.err = open_memstream(&text, &len);
	if (!quiet.err)
		return;
	live->code = look_at(live, &quiet);
	fclose(quiet.err);
	said = text;
	if (strncmp(said, before, strlen(before)) == 0)
		said += strlen(before);
	snprintf(live->trouble, sizeof(live->trouble), "%.*s",
		 (int)strcspn(said, "\n"), said);
	live->top.trouble = live->code ? live->trouble : NULL;
	free(text);
}

/* ---- the terminal -------------------------------------------------------- */

static bool terminal_take(struct live *live)
{
	struct sigaction action = {.sa_handler = on_signal};
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				      SIGWINCH};
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &live->before) < 0)
		return false;
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	raw = live->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* the screen would stay as it is */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs(SCREEN_ON, live->ctl->out);
	return true;
}

static void terminal_give_back(struct live *live)
{
	fputs(SCREEN_OFF, live->ctl->out);
	fflush(live->ctl->out);
	tcsetattr(STDIN_FILENO, TCSANOW, &live->before);
}

static struct top_size terminal_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return (struct top_size){24, 80};
	return (struct top_size){size.ws_row, size.ws_col};
}

/* Over what is there, each line to its end, so that nothing flickers. */
static void draw(struct live *live)
{
	struct ctl memory = *live->ctl;
	char *text = NULL, *line, *rest;
	size_t len;

	memory.out = open_memstream(&text, &len);
	if (!memory.out)
		return;
	top_draw(&live->top, &memory, terminal_size(), live->status,
		 live->rows);
	fclose(memory.out);
	fputs("\033[H", live->ctl->out);
	for (rest = text; (line = strsep(&rest, "\n"));)
		fprintf(live->ctl->out, "%s\033[K%s", line, rest ? "\r\n" : "");
	fputs("\033[J", live->ctl->out);
	fflush(live->ctl->out);
	free(text);
}

/* ---- the loop ------------------------------------------------------------ */

/* Arrow keys come as three bytes. */
static bool take_keys(struct live *live, const char *keys, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		int key = (unsigned char)keys[i];

		if (i + 2 < n && key == 27 && keys[i + 1] == '[') {
			key = keys[i + 2] == 'A'   ? TOP_UP
			      : keys[i + 2] == 'B' ? TOP_DOWN
						   : 0;
			i += 2;
		}
		if (!top_key(&live->top, key))
			return false;
	}
	return true;
}

/* Waits for keys, a new size or the next look; false: to end. */
static bool wait_for_keys(struct live *live, uint64_t until_us)
{
	struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t now_us = clock_boot_us();
	int wait_ms = until_us > now_us
			      ? (int)((until_us - now_us) / USEC_PER_MSEC) + 1
			      : 0;
	enum top_list list = live->top.list;
	char keys[64];
	ssize_t n;

	if (poll(&poll_fd, 1, wait_ms) <= 0)
		return !is_ended;
	n = read(STDIN_FILENO, keys, sizeof(keys));
	if (n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN)))
		return false; /* the terminal is gone */
	if (!take_keys(live, keys, n))
		return false;
	if (live->top.list != list) { /* at once, paused or not */
		json_decref(live->rows);
		live->rows = NULL;
		look(live);
	}
	return !is_ended;
}

static void run(struct live *live)
{
	uint64_t next_us = clock_boot_us() + EVERY_US;

	do {
		draw(live);
		if (clock_boot_us() < next_us)
			continue;
		if (!live->top.is_paused)
			look(live);
		next_us = clock_boot_us() + EVERY_US;
		draw(live);
	} while (wait_for_keys(live, next_us));
}

/* ---- the verb ------------------------------------------------------------ */

/* For machines: what the first screen shows, once. */
static int print_json(struct live *live)
{
	struct ctl_view *view;
	json_t *root;
	int code = ctl_view_open(live->ctl, &view);

	if (code)
		return code;
	code = ctl_view_load_calls(view);
	root = code ? NULL
		    : json_pack("{s:o, s:o, s:o, s:o}", "status",
				ctl_status_json(view), "workers",
				ctl_workers_json(view), "gateways",
				ctl_gateways_json(view), "trunks",
				ctl_trunks_json(view));
	ctl_view_free(view);
	return code ? code : ctl_json_print(live->ctl, root);
}

int ctl_top(struct ctl *ctl)
{
	struct live live = {.ctl = ctl, .top.calls_per_second = -1};
	const char *term = getenv("TERM");
	int code;

	if (ctl->is_json)
		return print_json(&live);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term ||
	    !*term || strcmp(term, "dumb") == 0)
		return ctl_fail(ctl, CTL_REFUSED,
				"top wants a terminal: 'mspoolctl status' and "
				"--json do without");
	look(&live);
	code = live.code;
	if (code)
		ctl_fail(ctl, (enum ctl_exit)code, "%s", live.trouble);
	else if (!terminal_take(&live))
		code = ctl_fail(ctl, CTL_REFUSED, "the terminal: %s",
				strerror(errno));
	else {
		run(&live);
		terminal_give_back(&live);
	}
	json_decref(live.status);
	json_decref(live.rows);
	return code;
}
