/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may send to a media port (media/source.c).
 */
#include "media/source.h"

#include <criterion/criterion.h>

#define SECOND_US 1000000ull

static struct addr at(const char *text)
{
	struct addr addr = {0};

	cr_assert_eq(addr_parse(slice_of(text), 0, &addr), 0, "%s", text);
	return addr;
}

static struct source made(const char *signalled, bool is_latching)
{
	struct source source = {0};
	struct addr peer = at(signalled), local = at("192.0.2.1:20000");

	source_set(&source, &peer, is_latching, &local);
	return source;
}

static bool comes(struct source *source, const char *from, uint64_t now_us)
{
	struct addr addr = at(from);

	return source_check(source, &addr, true, now_us);
}

static bool aims_at(const struct source *source, const char *to)
{
	struct addr addr = at(to);

	return addr_is_same(&source->target, &addr);
}

Test(source, without_latching_the_host_of_sdp_alone_gets_in)
{
	static const struct {
		const char *from;
		bool is_in;
	} rows[] = {
		{"198.51.100.7:4000", true},
		{"198.51.100.7:4001", true}, /* its port may differ */
		{"198.51.100.8:4000", false},
		{"[2001:db8::7]:4000", false},
	};
	struct source source = made("198.51.100.7:4000", false);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(comes(&source, rows[i].from, SECOND_US),
			     rows[i].is_in, "%s", rows[i].from);
	cr_expect(aims_at(&source, "198.51.100.7:4000"));
}

Test(source, an_answer_never_follows_a_port_without_latching)
{
	struct source source = made("198.51.100.7:4000", false);

	cr_assert(comes(&source, "198.51.100.7:9999", SECOND_US));
	cr_expect(aims_at(&source, "198.51.100.7:4000"));
}

Test(source, nobody_gets_in_before_sdp_named_an_address)
{
	for (int is_latching = 0; is_latching < 2; is_latching++) {
		struct source source = {0};
		struct addr none = {0}, local = at("192.0.2.1:20000");

		source_set(&source, &none, is_latching, &local);
		cr_expect_not(comes(&source, "198.51.100.7:4000", SECOND_US));
		cr_expect(addr_is_none(&source.target));
	}
}

Test(source, latching_learns_where_the_peer_really_is)
{
	struct source source = made("10.0.0.5:4000", true);

	cr_assert(comes(&source, "203.0.113.9:61000", SECOND_US));
	cr_expect(aims_at(&source, "203.0.113.9:61000"));
}

Test(source, what_was_learned_is_strict_while_it_is_heard)
{
	struct source source = made("10.0.0.5:4000", true);

	cr_assert(comes(&source, "203.0.113.9:61000", SECOND_US));
	cr_expect_not(comes(&source, "203.0.113.66:61000", 2 * SECOND_US));
	cr_expect_not(comes(&source, "203.0.113.9:61002", 2 * SECOND_US));
	cr_expect(comes(&source, "203.0.113.9:61000", 3 * SECOND_US));
	cr_expect_not(comes(&source, "203.0.113.66:61000",
			    3 * SECOND_US + SOURCE_SILENCE_US - 1));
	cr_expect(aims_at(&source, "203.0.113.9:61000"));
}

Test(source, after_silence_another_address_may_be_learned)
{
	struct source source = made("10.0.0.5:4000", true);

	cr_assert(comes(&source, "203.0.113.9:61000", SECOND_US));
	cr_assert(comes(&source, "203.0.113.9:7777",
			SECOND_US + SOURCE_SILENCE_US));
	cr_expect(aims_at(&source, "203.0.113.9:7777"));
}

Test(source, the_host_of_sdp_wins_over_a_learned_stranger)
{
	struct source source = made("198.51.100.7:4000", true);

	cr_assert(comes(&source, "203.0.113.66:61000", SECOND_US));
	cr_assert(comes(&source, "198.51.100.7:4000", SECOND_US + 1));
	cr_expect(aims_at(&source, "198.51.100.7:4000"));
	cr_expect_not(comes(&source, "203.0.113.66:61000", SECOND_US + 2));
}

Test(source, what_is_no_rtp_teaches_nothing)
{
	struct source source = made("10.0.0.5:4000", true);
	struct addr from = at("203.0.113.9:61000");

	cr_expect_not(source_check(&source, &from, false, SECOND_US));
	cr_expect(aims_at(&source, "10.0.0.5:4000"));
}

Test(source, new_sdp_forgets_what_was_learned_and_the_same_sdp_does_not)
{
	struct source source = made("10.0.0.5:4000", true);
	struct addr same = at("10.0.0.5:4000"), other = at("10.0.0.5:5000");
	struct addr local = at("192.0.2.1:20000");

	cr_assert(comes(&source, "203.0.113.9:61000", SECOND_US));
	source_set(&source, &same, true, &local);
	cr_expect(aims_at(&source, "203.0.113.9:61000"));
	source_set(&source, &other, true, &local);
	cr_expect(aims_at(&source, "10.0.0.5:5000"));
}

Test(source, a_successor_goes_on_with_what_was_learned)
{
	struct source source = made("10.0.0.5:4000", true);
	struct addr learned = at("203.0.113.9:61000");

	source_restore(&source, &learned, SECOND_US);
	cr_expect(aims_at(&source, "203.0.113.9:61000"));
	cr_expect_not(comes(&source, "203.0.113.66:1", SECOND_US + 1));
}

Test(source, media_never_goes_where_it_must_not)
{
	static const struct {
		const char *to, *local;
		bool is_allowed;
	} rows[] = {
		{"198.51.100.7:4000", "192.0.2.1:20000", true},
		{"198.51.100.7", "192.0.2.1:20000", false},
		{"127.0.0.1:4000", "192.0.2.1:20000", false},
		{"127.0.0.1:4000", "127.0.0.2:20000", true},
		{"224.0.0.1:4000", "192.0.2.1:20000", false},
		{"239.1.2.3:4000", "127.0.0.1:20000", false},
		{"255.255.255.255:4000", "192.0.2.1:20000", false},
		{"0.0.0.0:4000", "192.0.2.1:20000", false},
		{"[::1]:4000", "[2001:db8::1]:20000", false},
		{"[::1]:4000", "[::1]:20000", true},
		{"[ff02::1]:4000", "[2001:db8::1]:20000", false},
		{"[::]:4000", "[2001:db8::1]:20000", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct source source = {0};
		struct addr to = at(rows[i].to), local = at(rows[i].local);

		source_set(&source, &to, false, &local);
		cr_expect_eq(!addr_is_none(&source.target), rows[i].is_allowed,
			     "%s from %s", rows[i].to, rows[i].local);
	}
}
