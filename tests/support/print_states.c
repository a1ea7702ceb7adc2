/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints doc/states.md from the state tables, so that the document cannot
 * differ from what runs: `make states` writes it, `make check` compares.
 */
#include <stdio.h>
#include <string.h>

static void begin(const char *title, const char *about, const char *head)
{
	printf("\n## %s\n%s\n\n%s\n", title, about, head);
	for (const char *c = head; *c; c++)
		if (*c == '|')
			printf("%s", c[1] ? "|---" : "|\n");
}

static void call_row(const char *state, const char *event, const char *next,
		     const char *actions)
{
	printf("| %s | %s | %s | %s |\n", state, event,
	       strcmp(state, next) == 0 ? "" : next, actions);
}

static void life_row(const char *life, const char *event, const char *next,
		     const char *actions)
{
	printf("| %s | %s | %s | ", life, event,
	       strcmp(life, next) == 0 ? "" : next);
	for (const char *c = actions; *c; c++) {
		if (strncmp(c, "ACT_", 4) == 0)
			c += 4;
		if (strncmp(c, " |", 2) == 0)
			c++;
		putchar(*c == '|' ? ',' : *c);
	}
	printf(" |\n");
}

static void tx_row(const char *role, const char *state, const char *event,
		   const char *next, const char *actions)
{
	printf("| %s | %s | %s | %s | ", role, state, event,
	       strcmp(state, next) == 0 ? "" : next);
	for (const char *c = actions; *c; c++) {
		if (strncmp(c, "TX_DO_", 6) == 0)
			c += 6;
		putchar(*c == '|' ? ',' : *c == '0' ? ' ' : *c);
	}
	printf(" |\n");
}

int main(void)
{
	printf("# States\n\nPrinted from the tables by `make states`; do not edit. "
	       "An empty \"next\" keeps the state; an event\nwithout a row means "
	       "nothing in that state.\n");
	begin("The call (worker/machine.def)",
	      "Couples the two legs: A is the caller's, B the callee's.",
	      "| state | event | next | actions, in order |");
#define CALL_ROW(state, event, next, ...)                                      \
	call_row(#state, #event, #next, #__VA_ARGS__);
#include "worker/machine.def"
#undef CALL_ROW
	begin("Transactions (sip/transaction.def)",
	      "RFC 3261 17 with RFC 6026. Time-outs and repeats stand in "
	      "sip/transaction.c.",
	      "| role | state | event | next | actions |");
#define TX_ROW(role, state, event, next, actions)                              \
	tx_row(#role, #state, #event, #next, #actions);
#include "sip/transaction.def"
#undef TX_ROW
	begin("A slot of the master (master/supervise.def)",
	      "A slot is a Mediation Server or a media worker; slots.c carries "
	      "the actions out.",
	      "| life | event | next | actions |");
#define LIFE_ROW(life, event, next, actions)                                   \
	life_row(#life, #event, #next, #actions);
#include "master/supervise.def"
#undef LIFE_ROW
	return 0;
}
