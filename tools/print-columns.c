/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints the columns of call records for mspool-cdr(5): `make update-columns`,
 * and the test that compares (tests/unit/printed-columns).
 */
#include <stdio.h>

#include "tools/cdr_line.h"

/* A sentence a line, and hyphens that are to be seen as such. */
static void print_help(const char *text)
{
	for (; *text; text++) {
		if (text[0] == '.' && text[1] == ' ') {
			puts(".");
			text++;
		} else if (*text == '-') {
			fputs("\\-", stdout);
		} else {
			putchar(*text);
		}
	}
	putchar('\n');
}

int main(void)
{
	for (unsigned i = 0; cdr_column_names[i]; i++) {
		printf(".It Cm %s\n", cdr_column_names[i]);
		print_help(cdr_column_helps[i]);
	}
	return 0;
}
