/* SPDX-License-Identifier: Apache-2.0
 *
 * See soakgen.h: one JSON object a line for each call when both its halves have
 * ended, and a last one with the sums.  tests/soak/run reads them while they
 * are written and compares the times with those of its kills.
 * Trap: a call that goes wrong after its line was written has a second line.
 */
#include <stdio.h>

#include "tests/soak/soakgen.h"

static const char *const kind_names[] = {
#define KIND(name, share, status) #name,
#include "tests/soak/kinds.def"
#undef KIND
};

static struct {
	FILE *file;
	uint64_t n_told, n_wrong, n_repeats;
	uint64_t n_kind[N_KINDS];
} books;

int books_open(const char *path)
{
	books.file = path ? fopen(path, "we") : stdout;
	return books.file ? 0 : -1;
}

static void write_line(const struct call *call)
{
	fprintf(books.file,
		"{\"call\":%llu,\"kind\":\"%s\",\"wrong\":%s%s%s,"
		"\"placed\":%llu,\"rang\":%llu,\"final\":%llu,\"ended\":%llu,"
		"\"status\":%u,\"invites\":%u,\"finals\":%u,\"byes\":[%u,%u],"
		"\"cancels\":%u,\"repeats\":%u}\n",
		(unsigned long long)call_index(call), kind_names[call->kind],
		call->wrong ? "\"" : "", call->wrong ? call->wrong : "null",
		call->wrong ? "\"" : "", (unsigned long long)call->placed_us,
		(unsigned long long)call->provisional_us,
		(unsigned long long)call->final_us,
		(unsigned long long)call->ended_us, call->status,
		call->n_invites, call->n_finals, call->n_byes[CALLER],
		call->n_byes[CALLEE], call->n_cancels, call->n_repeats);
	fflush(books.file);
}

void call_wrong(struct call *call, const char *what)
{
	if (call->wrong)
		return;
	call->wrong = what;
	if (call->is_told) {
		books.n_wrong++;
		write_line(call);
	}
}

void books_tell(struct call *call)
{
	if (call->is_told)
		return;
	call->is_told = true;
	gen.n_open--;
	books.n_told++;
	books.n_kind[call->kind]++;
	books.n_wrong += call->wrong != NULL;
	books.n_repeats += call->n_repeats;
	write_line(call);
}

void books_tell_rest(void)
{
	for (uint64_t i = 0; i < gen.next_call; i++) {
		if (gen.calls[i].is_told)
			continue;
		call_wrong(&gen.calls[i],
			   gen.calls[i].half[CALLER].state < HALF_ENDED
				   ? "the caller's half is open"
				   : "the callee's half is open");
		books_tell(&gen.calls[i]);
	}
}

bool books_are_good(void)
{
	return books.n_wrong == 0;
}

void books_total(void)
{
	fprintf(books.file,
		"{\"total\":%llu,\"wrong\":%llu,\"repeats\":%llu,"
		"\"options\":%llu,\"strangers\":%llu,\"connections_lost\":%u",
		(unsigned long long)books.n_told,
		(unsigned long long)books.n_wrong,
		(unsigned long long)books.n_repeats,
		(unsigned long long)gen.n_options,
		(unsigned long long)gen.n_strangers,
		wire_lost(gen.wire[CALLER]) + wire_lost(gen.wire[CALLEE]));
	for (unsigned i = 0; i < N_KINDS; i++)
		fprintf(books.file, ",\"%s\":%llu", kind_names[i],
			(unsigned long long)books.n_kind[i]);
	fputs("}\n", books.file);
	fflush(books.file);
}
