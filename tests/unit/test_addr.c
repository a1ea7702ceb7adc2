/* SPDX-License-Identifier: Apache-2.0
 *
 * base/addr.c: what is an address, and of which kind.
 */
#include "base/addr.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct addr parsed(const char *text)
{
	struct addr addr;

	cr_assert_eq(addr_parse(slice_of(text), 5060, &addr), 0, "%s", text);
	return addr;
}

Test(addr, every_way_of_writing_one_is_printed_in_one_way)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1:5060"},
		{"192.0.2.1:5068", "192.0.2.1:5068"},
		{"2001:db8::1", "[2001:db8::1]:5060"},
		{"[2001:db8::1]", "[2001:db8::1]:5060"},
		{"[2001:DB8:0::1]:5068", "[2001:db8::1]:5068"},
		{"::", "[::]:5060"},
		{"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1"},
		{"0.0.0.0:65535", "0.0.0.0:65535"},
	};
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr addr = parsed(rows[i].text);

		cr_expect_str_eq(addr_text(&addr, buf), rows[i].printed);
	}
}

Test(addr, what_is_no_address_is_refused_and_changes_nothing)
{
	static const char *const bad[] = {
		"",
		"gw1.example.com",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:50 60",
		"192.0.2.1 ",
		"[192.0.2.1]",
		"[192.0.2.1]:5060",
		"[2001:db8::1",
		"2001:db8::1]",
		"[2001:db8::1]5060",
		"[2001:db8::1]:",
		"[]",
		"[]:5060",
		"[",
		":5060",
		"2001:db8:::1",
		"fe80::1%eth0",
		"01.2.3.4",
		"0x7f.0.0.1",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct addr addr = parsed("192.0.2.9:9"), before = addr;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(addr_parse(slice_of(bad[i]), 5060, &addr), -EINVAL,
			     "%s", bad[i]);
	cr_expect_eq(addr_parse(SLICE("192.0.2.1\0x"), 5060, &addr), -EINVAL);
	cr_expect_eq(addr_parse(SLICE_NONE, 5060, &addr), -EINVAL);
	cr_assert(memcmp(&addr, &before, sizeof(addr)) == 0);
}

Test(addr, host_and_port_may_come_apart)
{
	struct addr addr, other = parsed("[2001:db8::1]:7000");

	cr_assert_eq(addr_parse_host(SLICE("2001:db8::1"), 7000, &addr), 0);
	cr_assert(addr_is_same(&addr, &other));
	cr_assert_eq(addr_parse_host(SLICE("[2001:db8::1]"), 0, &addr), 0);
	cr_assert_eq(addr_port(&addr), 0);
	cr_assert_not(addr_is_same(&addr, &other));
	cr_assert(addr_is_same_host(&addr, &other));
	cr_assert_eq(addr_parse_host(SLICE("192.0.2.1:5"), 0, &addr), -EINVAL);
}

Test(addr, equal_addresses_are_equal_bytes_and_hash_alike)
{
	struct addr a = parsed("[2001:db8::1]:5060");
	struct addr b = parsed("2001:0db8:0:0::1");

	cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
	cr_assert_eq(addr_hash(&a), addr_hash(&b));
	addr_set_port(&b, 5061);
	cr_assert_neq(addr_hash(&a), addr_hash(&b));
}

Test(addr, addresses_of_two_families_differ)
{
	struct addr v4 = parsed("0.0.0.0"), v6 = parsed("::");

	cr_assert_not(addr_is_same_host(&v4, &v6));
}

Test(addr, none_is_nobody)
{
	struct addr none = {0}, v4 = parsed("0.0.0.0");
	char buf[ADDR_TEXT_MAX];

	cr_assert(addr_is_none(&none));
	cr_assert_not(addr_is_none(&v4));
	cr_assert_not(addr_is_wildcard(&none));
	cr_assert_not(addr_is_in(&none, &none, 0));
	cr_assert_eq(addr_port(&none), 0);
	cr_assert_str_eq(addr_text(&none, buf), "none");
}

Test(addr, kinds_are_seen_through_the_ipv4_mapping)
{
	static const struct {
		const char *text;
		bool is_wildcard, is_loopback, is_multicast;
	} rows[] = {
		{"0.0.0.0", true, false, false},
		{"::", true, false, false},
		{"::ffff:0.0.0.0", true, false, false},
		{"127.9.9.9", false, true, false},
		{"::1", false, true, false},
		{"::ffff:127.0.0.1", false, true, false},
		{"224.0.0.1", false, false, true},
		{"239.255.255.255", false, false, true},
		{"255.255.255.255", false, false, true},
		{"ff02::1", false, false, true},
		{"::ffff:224.0.0.1", false, false, true},
		{"223.255.255.255", false, false, false},
		{"240.0.0.1", false, false, false},
		{"126.255.255.255", false, false, false},
		{"128.0.0.0", false, false, false},
		{"2001:db8::1", false, false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr addr = parsed(rows[i].text);

		cr_expect_eq(addr_is_wildcard(&addr), rows[i].is_wildcard, "%s",
			     rows[i].text);
		cr_expect_eq(addr_is_loopback(&addr), rows[i].is_loopback, "%s",
			     rows[i].text);
		cr_expect_eq(addr_is_multicast_or_broadcast(&addr),
			     rows[i].is_multicast, "%s", rows[i].text);
	}
}

Test(addr, a_prefix_holds_what_shares_its_bits)
{
	static const struct {
		const char *addr, *net;
		unsigned bits;
		bool is_in;
	} rows[] = {
		{"192.0.2.77", "192.0.2.0", 24, true},
		{"192.0.3.77", "192.0.2.0", 24, false},
		{"192.0.3.77", "192.0.2.0", 23, true},
		{"192.0.2.1", "192.0.2.1", 32, true},
		{"192.0.2.2", "192.0.2.1", 32, false},
		{"192.0.2.2", "192.0.2.1", 33, false},
		{"8.8.8.8", "192.0.2.1", 0, true},
		{"::ffff:192.0.2.7", "192.0.2.0", 24, true},
		{"2001:db8::1", "2001:db8::", 32, true},
		{"2001:db9::1", "2001:db8::", 31, true},
		{"2001:dba::1", "2001:db8::", 31, false},
		{"192.0.2.1", "::", 0, false},
		{"2001:db8::1", "0.0.0.0", 0, false},
		{"2001:db8::1", "2001:db8::1", 128, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr addr = parsed(rows[i].addr);
		struct addr net = parsed(rows[i].net);

		cr_expect_eq(addr_is_in(&addr, &net, rows[i].bits),
			     rows[i].is_in, "%s in %s/%u", rows[i].addr,
			     rows[i].net, rows[i].bits);
	}
}

Test(addr, unmapping_keeps_the_port_and_leaves_plain_addresses)
{
	struct addr mapped = parsed("[::ffff:192.0.2.1]:5068");
	struct addr plain = parsed("192.0.2.1:5068"), v6 = parsed("::1");
	struct addr before = v6;

	addr_unmap(&mapped);
	cr_assert(memcmp(&mapped, &plain, sizeof(plain)) == 0);
	addr_unmap(&v6);
	cr_assert(addr_is_same(&v6, &before));
}

Test(addr, hosts_are_bracketed_in_uris_and_bare_in_sdp)
{
	struct addr v4 = parsed("192.0.2.1:9"), v6 = parsed("[2001:db8::1]:9");
	char buf[ADDR_TEXT_MAX];

	cr_assert_str_eq(addr_host_text(&v6, buf), "2001:db8::1");
	cr_assert_str_eq(addr_uri_host_text(&v6, buf), "[2001:db8::1]");
	cr_assert_str_eq(addr_uri_host_text(&v4, buf), "192.0.2.1");
	cr_assert_eq(addr_len(&v4), sizeof(struct sockaddr_in));
	cr_assert_eq(addr_len(&v6), sizeof(struct sockaddr_in6));
}
