/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as what peers hand back to us: a tag, a branch, a call id, a slot's
 * name, an address.  What is taken for ours must come out of our own writing.
 */
#include "base/addr.h"
#include "base/ids.h"
#include "tests/fuzz/fuzz.h"

static void try_tag(struct slice text)
{
	uint8_t secret[LEG_SECRET_LEN];
	struct token token;
	char buf[TAG_MAX];
	unsigned fork;

	if (tag_parse(text, &token, secret, &fork) == 0)
		must(slice_is_nocase(
			text, slice_of(tag_make(&token, secret, fork, buf))));
}

static void try_branch(struct slice text)
{
	uint8_t secret[LEG_SECRET_LEN];
	struct token token;
	char buf[BRANCH_MAX];
	unsigned tx, book;
	uint64_t number;

	if (branch_parse(text, &token, &tx, secret) == 0)
		must(slice_is_nocase(
			text, slice_of(branch_make(&token, tx, secret, buf))));
	if (probe_branch_parse(text, &book, &number) == 0)
		must(slice_starts_nocase(
			slice_of(probe_branch_make(book, number, buf)),
			(struct slice){text.ptr, 28}));
}

static void try_names(struct slice text)
{
	char buf[CALL_ID_TEXT_MAX];
	struct slot_id slot;
	uint64_t call;

	if (call_id_parse(text, &call) == 0)
		must(slice_is(text, slice_of(call_id_text(call, buf))));
	if (slot_parse(text, &slot) == 0)
		must(slice_is(text, slice_of(slot_name(slot, buf))));
}

static void try_addr(struct slice text)
{
	struct addr addr, again;
	char buf[ADDR_TEXT_MAX];

	if (addr_parse(text, 5060, &addr) < 0)
		return;
	must(addr_parse(slice_of(addr_text(&addr, buf)), 1, &again) == 0);
	must(memcmp(&addr, &again, sizeof(addr)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};

	try_tag(text);
	try_branch(text);
	try_names(text);
	try_addr(text);
	log_quote(text.ptr, (int)size);
	return 0;
}
