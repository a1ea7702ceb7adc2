/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints base/events.def as the middle of mspool-events(7).  Run by `make
 * update-events`; the test events-used compares, so that the manual cannot go
 * stale.  Not installed.  The trap: a name that two rows claim is an error of
 * the compiler's here and nowhere else.
 */
#include <ctype.h>
#include <stdio.h>

enum event {
#define EVENT(name, level, help) EVENT_##name,
#include "base/events.def"
#undef EVENT
	N_EVENTS
};

static const struct event_row {
	const char *name, *level, *help;
} event_rows[N_EVENTS] = {
#define EVENT(name, level, help) [EVENT_##name] = {#name, #level, help},
#include "base/events.def"
#undef EVENT
};

int main(void)
{
	printf(".Bl -tag -width Ds\n");
	for (unsigned i = 0; i < N_EVENTS; i++) {
		printf(".It Ic %s Pq ", event_rows[i].name);
		for (const char *p = event_rows[i].level; *p; p++)
			putchar(tolower((unsigned char)*p));
		printf("\n%s.\n", event_rows[i].help);
	}
	printf(".El\n");
	return 0;
}
