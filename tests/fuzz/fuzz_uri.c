/* SPDX-License-Identifier: Apache-2.0
 *
 * URIs, name-addrs and numbers.  Oracles: a URI put together from its parts is
 * the same URI; a number written as a URI is the same number; lists of
 * addresses come to an end.
 */
#include "sip/uri.h"
#include "tests/fuzz/fuzz.h"

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '+';
}

static void write_uri(struct out *out, const struct sip_uri *uri)
{
	out_text(out, uri->scheme == URI_SIPS ? "sips:" : "sip:");
	if (uri->user.len > 0) {
		out_slice(out, uri->user);
		if (uri->password.ptr) {
			out_char(out, ':');
			out_slice(out, uri->password);
		}
		out_char(out, '@');
	}
	out_slice(out, uri->host);
	if (uri->port) {
		out_char(out, ':');
		out_u64(out, uri->port);
	}
	out_slice(out, uri->params);
	if (uri->headers.ptr) {
		out_char(out, '?');
		out_slice(out, uri->headers);
	}
}

static void check_uri(const struct sip_uri *uri)
{
	char *text = malloc(70000);
	struct out out = out_init(text, 70000);
	struct sip_uri again;

	write_uri(&out, uri);
	must(!out.is_full);
	must(uri_parse(out_as_slice(&out), &again) == 0);
	must(again.scheme == uri->scheme && again.port == uri->port);
	must(slice_is(again.user, uri->user) &&
	     slice_is(again.password, uri->password) &&
	     slice_is(again.host, uri->host) &&
	     slice_is(again.params, uri->params) &&
	     slice_is(again.headers, uri->headers));
	free(text);
}

static void check_number(const struct sip_uri *uri)
{
	char number[64], again[64], text[256];
	struct out out = out_init(text, sizeof(text));
	struct sip_uri made;

	if (uri_number(uri, number, sizeof(number)) < 0)
		return;
	out_text(&out, "sip:");
	for (const char *p = number; *p; p++) {
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
		if (is_plain(*p))
			out_char(&out, *p);
		else
			out_printf(&out, "%%%02x", (unsigned char)*p);
	}
	out_text(&out, "@h");
	must(uri_parse(out_as_slice(&out), &made) == 0);
	must(uri_number(&made, again, sizeof(again)) == 0);
	must(strcmp(number, again) == 0);
}

static void check_list(struct slice text)
{
	struct slice rest = text, value;
	struct name_addr name;

	while (rest.ptr) {
		const char *before = rest.ptr;
		struct sip_uri uri;

		if (name_addr_parse(rest, &name, &rest) < 0)
			return;
		must(!rest.ptr || rest.ptr > before);
		must(uri_parse(name.uri, &uri) == 0);
		name_addr_param(&name, "tag", &value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size);
	struct slice text = {copy, size};
	struct sip_uri uri;
	struct slice value;

	if (size < 60000 && uri_parse(text, &uri) == 0) {
		if (uri.scheme == URI_SIP || uri.scheme == URI_SIPS)
			check_uri(&uri);
		if (uri.scheme != URI_OTHER)
			check_number(&uri);
		uri_param(&uri, "transport", &value);
	}
	check_list(text);
	free(copy);
	return 0;
}
