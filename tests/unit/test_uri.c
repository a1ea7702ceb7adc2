/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/uri.c, sip/name_addr.c and sip/params.c.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/uri.h"

#define cr_expect_slice(s, text)                                               \
	cr_expect(slice_is(s, slice_of(text)), "'%.*s' is not '%s'",           \
		  SLICE_ARG(s), text)

static struct sip_uri parse(const char *text)
{
	struct sip_uri uri;

	memset(&uri, 0, sizeof(uri));
	cr_expect_eq(uri_parse(slice_of(text), &uri), 0, "%s", text);
	return uri;
}

Test(uri, all_parts_are_slices_of_the_text)
{
	struct sip_uri uri = parse(
		"sips:+49;x=1:secret@gw.example.com:5061;transport=tcp;lr?a=b");

	cr_expect_eq(uri.scheme, URI_SIPS);
	cr_expect_slice(uri.user, "+49;x=1");
	cr_expect_slice(uri.password, "secret");
	cr_expect_slice(uri.host, "gw.example.com");
	cr_expect_eq(uri.port, 5061);
	cr_expect_slice(uri.params, ";transport=tcp;lr");
	cr_expect_slice(uri.headers, "a=b");
}

Test(uri, an_ipv6_host_keeps_its_brackets)
{
	struct sip_uri uri = parse("SIP:[2001:db8::10]:5070");

	cr_expect_eq(uri.scheme, URI_SIP);
	cr_expect_slice(uri.host, "[2001:db8::10]");
	cr_expect_eq(uri.port, 5070);
	uri = parse("sip:[2001:db8::10:5070]");
	cr_expect_eq(uri.port, 0, "the port inside belongs to the address");
}

Test(uri, odd_but_legal_users_are_taken)
{
	struct sip_uri uri = parse("sip:1_unusual.URI~(to-be!sure)&isn't+it$/"
				   "crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too."
				   "(doesn't-it)@example.com");

	cr_expect_slice(uri.host, "example.com");
	cr_expect_slice(parse("sip:user;par=u%40x@example.com").user,
			"user;par=u%40x");
	cr_expect_slice(parse("sip:sips%3Auser%40example.com@example.net").user,
			"sips%3Auser%40example.com");
}

Test(uri, other_schemes_are_told_and_left_alone)
{
	cr_expect_eq(parse("tel:+49-30;phone-context=x").scheme, URI_TEL);
	cr_expect_eq(parse("soap.beep://192.0.2.103:3002").scheme, URI_OTHER);
	cr_expect_eq(parse("sipx:a@b").scheme, URI_OTHER);
}

Test(uri, what_is_no_uri_is_refused)
{
	static const char *const bad[] = {
		"",
		"sip",
		"sip:",
		"sip:@h",
		"sip:a@",
		"sip:a@b@c",
		":a@b",
		"1sip:a@b",
		"sip:a b@c",
		"sip:a@b:",
		"sip:a@b:0",
		"sip:a@b:65536",
		"sip:a@b:5x",
		"sip:::1",
		"sip:[::1",
		"sip:[::g]",
		"sip:[]",
		"sip:a@[1.2]",
		"<sip:a@b>",
		"sip:a\"@b",
		"sip:a@b c",
		"sip:a@b\r",
		"sip:a@b/x",
		"tel:",
		"sip:a@b\x7f",
		"tel:;x=1",
		"sip:a@b\xc3",
		"sip:[::1]x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct sip_uri uri = {.port = 7};

		cr_expect_eq(uri_parse(slice_of(bad[i]), &uri), -EINVAL, "%s",
			     bad[i]);
		cr_expect_eq(uri.port, 7, "untouched on failure");
	}
}

Test(uri, parameters_are_found_in_any_case)
{
	struct sip_uri uri = parse("sip:a@b;Transport=TLS;lr");
	struct slice value;

	cr_expect(uri_param(&uri, "transport", &value));
	cr_expect_slice(value, "TLS");
	cr_expect(uri_param(&uri, "LR", &value));
	cr_expect_eq(value.len, 0);
	cr_expect_not(uri_param(&uri, "l", &value));
}

static const struct {
	const char *uri;
	const char *number; /* NULL: -EINVAL */
} numbers[] = {
	{"sip:+4930123@h", "+4930123"},
	{"sip:+49-30.(1)23@h", "+4930123"},
	{"sip:+4930123;phone-context=x@h", "+4930123"},
	{"sip:%2B49%330123@h", "+4930123"},
	{"sip:1%2D2@h", "12"},
	{"tel:+49-(30)-123;ext=5", "+4930123"},
	{"sip:*31%23900@h", "*31#900"},
	{"sip:900%2500@h", "900%00"}, /* decoded once */
	{"sip:j.doe@h", "j.doe"},     /* no number: nothing is dropped */
	{"sip:900-a@h", "900-a"},
	{"sip:900%00123@h", NULL},
	{"sip:900%0d%0aRoute:@h", NULL},
	{"sip:900%7f@h", NULL},
	{"sip:900%zz@h", NULL},
	{"sip:900%-1@h", NULL},
	{"sip:900%4@h", NULL},
	{"sip:900%@h", NULL},
	{"sip:h", NULL},
	{"sip:;x=1@h", NULL},
	{"sip:--@h", NULL},
	{"sip:123456789012345678901234567890123@h", NULL},
};

Test(uri, there_is_one_spelling_of_a_number)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct sip_uri uri = parse(numbers[i].uri);
		char number[33] = "untouched";
		int result = uri_number(&uri, number, sizeof(number));

		if (!numbers[i].number) {
			cr_expect_eq(result, -EINVAL, "%s", numbers[i].uri);
			continue;
		}
		cr_expect_eq(result, 0, "%s", numbers[i].uri);
		cr_expect_str_eq(number, numbers[i].number);
	}
}

static struct name_addr parse_name(const char *text, struct slice *ret_rest)
{
	struct name_addr name;

	memset(&name, 0, sizeof(name));
	cr_expect_eq(name_addr_parse(slice_of(text), &name, ret_rest), 0, "%s",
		     text);
	return name;
}

Test(name_addr, display_uri_and_parameters_are_told_apart)
{
	struct slice rest, value;
	struct name_addr name = parse_name(
		" \"a \\\" ,;<\"  <sip:a@b;lr> ; tag = x ;q , <sip:c>", &rest);

	cr_expect_slice(name.display, "\"a \\\" ,;<\"");
	cr_expect_slice(name.uri, "sip:a@b;lr");
	cr_expect_slice(name.params, "; tag = x ;q");
	cr_expect(name_addr_param(&name, "TAG", &value));
	cr_expect_slice(value, "x");
	cr_expect(name_addr_param(&name, "q", &value));
	cr_expect_eq(value.len, 0);
	cr_expect_not(name_addr_param(&name, "lr", &value), "it is the URI's");
	cr_expect_slice(parse_name(rest.ptr, &rest).uri, "sip:c");
	cr_expect_null(rest.ptr);
}

Test(name_addr, without_brackets_parameters_belong_to_the_header)
{
	struct name_addr name = parse_name("sip:a@b;tag=1", NULL);

	cr_expect_slice(name.uri, "sip:a@b");
	cr_expect_slice(name.params, ";tag=1");
	cr_expect_eq(name.display.len, 0);
}

Test(name_addr, unquoted_words_are_a_display_name)
{
	cr_expect_slice(parse_name("John & Co <sip:a@b>", NULL).display,
			"John & Co");
	cr_expect_slice(parse_name("+49301<sip:a@b>", NULL).display, "+49301");
	cr_expect_slice(parse_name("J\xc3\xb6rg <sip:a@b>", NULL).display,
			"J\xc3\xb6rg");
}

Test(name_addr, what_is_no_address_is_refused)
{
	static const char *const bad[] = {
		"",
		"<>",
		"*",
		"\"a\"",
		"\"a <sip:a@b>",
		"a, b <sip:a@b>",
		"sip:x@y <sip:a@b>",
		"< sip:a@b>",
		"<sip:a@b >",
		"<sip:a@b",
		"<sip:a@b>x",
		"<sip:a@b>;",
		"<sip:a@b>;;a",
		"<sip:a@b>;a=\"x",
		"<sip:a@b>;a=(x)",
		"<sip:a@b> ;=1",
		"<a@b>",
		"\"a\"sip:a@b",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct name_addr name;

		cr_expect_eq(name_addr_parse(slice_of(bad[i]), &name, NULL),
			     -EINVAL, "%s", bad[i]);
	}
}
