/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/record.c: growing, packing and checking records.  Run with sanitizers,
 * every record_set moves the block.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "shm/record.h"

#define FROM   offsetof(struct call_record, from)
#define TO     offsetof(struct call_record, to)
#define TRUNK  offsetof(struct call_record, trunk)
#define REASON offsetof(struct call_record, best_reason)

static void *new_call(void)
{
	void *record = record_new(RECORD_CALL, sizeof(struct call_record), 64);

	cr_assert_not_null(record);
	return record;
}

static struct slice text_of(const void *record, size_t ref)
{
	struct record_text text;

	memcpy(&text, (const char *)record + ref, sizeof(text));
	return record_slice(record, text);
}

static int check(const void *record)
{
	const struct record_head *head = record;

	return record_check((struct slice){record, head->size}, RECORD_CALL,
			    sizeof(struct call_record), call_record_texts,
			    n_call_record_texts);
}

Test(record, a_new_record_is_zeroed_and_good)
{
	struct call_record *call = new_call();

	cr_assert_eq(call->head.size, sizeof(*call));
	cr_assert_eq(call->id, 0);
	cr_assert(slice_is_empty(text_of(call, FROM)));
	cr_assert_eq(check(call), 0);
	free(call);
}

Test(record, texts_of_every_member_survive_growing)
{
	void *record = new_call();
	char text[40];

	for (unsigned i = 0; i < n_call_record_texts; i++) {
		int len = snprintf(text, sizeof(text), "text number %u", i);
		struct slice s = {text, (size_t)len};

		cr_assert_eq(record_set(&record, call_record_texts[i], s), 0);
	}
	for (unsigned i = 0; i < n_call_record_texts; i++) {
		snprintf(text, sizeof(text), "text number %u", i);
		cr_assert(slice_is(text_of(record, call_record_texts[i]),
				   slice_of(text)));
	}
	cr_assert_eq(check(record), 0);
	free(record);
}

Test(record, no_two_members_share_a_place)
{
	for (unsigned i = 0; i < n_call_record_texts; i++)
		for (unsigned k = 0; k < i; k++)
			cr_assert_neq(call_record_texts[i],
				      call_record_texts[k]);
}

Test(record, setting_the_same_text_again_wastes_nothing)
{
	void *record = new_call();
	uint32_t size;

	record_set(&record, FROM, SLICE("+15551234"));
	size = ((struct record_head *)record)->size;
	cr_assert_eq(record_set(&record, FROM, SLICE("+15551234")), 0);
	cr_assert_eq(((struct record_head *)record)->size, size);
	free(record);
}

Test(record, a_text_can_be_copied_from_the_record_itself)
{
	void *record = new_call();
	char filler[300];

	memset(filler, 'f', sizeof(filler));
	record_set(&record, FROM, SLICE("+4930123456"));
	for (unsigned i = 0; i < 20; i++) { /* moves for sure */
		record_set(&record, REASON, (struct slice){filler, 280 + i});
		cr_assert_eq(record_set(&record, TO, text_of(record, FROM)), 0);
		cr_assert(slice_is(text_of(record, TO), SLICE("+4930123456")));
		record_set(&record, TO, SLICE("other"));
	}
	free(record);
}

Test(record, an_empty_text_takes_the_old_one_away)
{
	void *record = new_call();

	record_set(&record, FROM, SLICE("x"));
	cr_assert_eq(record_set(&record, FROM, SLICE_NONE), 0);
	cr_assert(slice_is_empty(text_of(record, FROM)));
	cr_assert_eq(check(record), 0);
	free(record);
}

Test(record, above_64_kB_nothing_changes)
{
	static char big[65536];
	void *record = new_call();
	uint32_t size;

	record_set(&record, FROM, SLICE("kept"));
	size = ((struct record_head *)record)->size;
	cr_assert_eq(
		record_set(&record, REASON, (struct slice){big, 65536 - size}),
		-E2BIG);
	cr_assert_eq(((struct record_head *)record)->size, size);
	cr_assert(slice_is(text_of(record, FROM), SLICE("kept")));
	cr_assert_eq(
		record_set(&record, REASON, (struct slice){big, 65535 - size}),
		0);
	cr_assert_eq(check(record), 0);
	free(record);
}

Test(record, packing_drops_waste_and_keeps_texts)
{
	void *record = new_call();
	const char *want[] = {"caller", "", "trunk-a", "Q.850;cause=1"};
	const size_t refs[] = {FROM, TO, TRUNK, REASON};
	size_t sum = sizeof(struct call_record);

	for (unsigned round = 0; round < 5; round++)
		for (unsigned i = 4; i-- > 0;) {
			record_set(&record, refs[i], SLICE("a longer waste"));
			record_set(&record, refs[i], slice_of(want[i]));
		}
	record_pack(&record, sizeof(struct call_record), call_record_texts,
		    n_call_record_texts);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(
			slice_is(text_of(record, refs[i]), slice_of(want[i])));
		sum += strlen(want[i]);
	}
	cr_assert_eq(((struct record_head *)record)->size, sum);
	cr_assert_eq(check(record), 0);
	free(record);
}

Test(record, packing_keeps_texts_that_share_bytes)
{
	void *record = new_call();
	struct call_record *call;

	record_set(&record, TO, SLICE("waste"));
	record_set(&record, TO, SLICE_NONE);
	record_set(&record, FROM, SLICE("abcdefgh"));
	call = record;
	call->to = call->from; /* the same bytes … */
	call->trunk = (struct record_text){call->from.at + 2, 4}; /* … inside */
	call->best_reason = call->from;
	call->best_reason.len = 3;
	record_pack(&record, sizeof(*call), call_record_texts,
		    n_call_record_texts);
	cr_assert(slice_is(text_of(record, FROM), SLICE("abcdefgh")));
	cr_assert(slice_is(text_of(record, TO), SLICE("abcdefgh")));
	cr_assert(slice_is(text_of(record, TRUNK), SLICE("cdef")));
	cr_assert(slice_is(text_of(record, REASON), SLICE("abc")));
	cr_assert_eq(((struct record_head *)record)->size,
		     sizeof(struct call_record) + 8);
	free(record);
}

/* A model in plain strings beside the record, changed at random. */
Test(record, random_setting_and_packing_equals_a_model)
{
	static char model[8][200];
	void *record = new_call();

	srand(1);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % 8;
		size_t len = (size_t)rand() % 150;

		memset(model[i], 'a' + rand() % 26, len);
		model[i][len] = '\0';
		if (record_set(&record, call_record_texts[i],
			       slice_of(model[i])) == -E2BIG ||
		    rand() % 40 == 0) {
			record_pack(&record, sizeof(struct call_record),
				    call_record_texts, n_call_record_texts);
			cr_assert_eq(record_set(&record, call_record_texts[i],
						slice_of(model[i])),
				     0);
		}
		for (unsigned k = 0; k < 8; k++)
			cr_assert(
				slice_is(text_of(record, call_record_texts[k]),
					 slice_of(model[k])));
	}
	cr_assert_eq(check(record), 0);
	free(record);
}

struct spoil {
	const char *what;
	size_t at;
	unsigned char byte;
};

Test(record, what_is_not_whole_is_refused)
{
	static const struct spoil spoils[] = {
		{"version", offsetof(struct record_head, version), 9},
		{"kind", offsetof(struct record_head, kind), RECORD_TX},
		{"size", offsetof(struct record_head, size), 1},
		{"text behind the end", FROM + 1, 0xff},
		{"text in the head", FROM, 4},
		{"text too long", FROM + 3, 0xff},
	};
	void *record = new_call();
	struct record_head *head;

	record_set(&record, FROM, SLICE("+15551234"));
	head = record;
	for (unsigned i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		char *copy = malloc(head->size);

		memcpy(copy, record, head->size);
		copy[spoils[i].at] = (char)spoils[i].byte;
		if (spoils[i].at == FROM)
			copy[FROM + 1] = 0;
		cr_assert_eq(
			record_check((struct slice){copy, head->size},
				     RECORD_CALL, sizeof(struct call_record),
				     call_record_texts, n_call_record_texts),
			-EPROTO, "%s", spoils[i].what);
		free(copy);
	}
	free(record);
}

Test(record, every_shorter_record_is_refused)
{
	void *record = new_call();
	struct record_head *head;

	record_set(&record, FROM, SLICE("+15551234"));
	head = record;
	for (uint32_t len = 0; len < head->size; len++) {
		char *copy = malloc(len + 1); /* exact, for the sanitizer */

		memcpy(copy, record, len);
		cr_assert_eq(
			record_check((struct slice){copy, len}, RECORD_CALL,
				     sizeof(struct call_record),
				     call_record_texts, n_call_record_texts),
			-EPROTO);
		free(copy);
	}
	free(record);
}
