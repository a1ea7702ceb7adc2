/* SPDX-License-Identifier: Apache-2.0
 *
 * sip/write.c and sip/names.c: what we write is what was meant, and can be
 * read again.
 */
#include <criterion/criterion.h>

#include "sip/names.h"
#include "sip/write.h"
#include "tests/unit/sip_parts.h"

static char text[8192];
static struct out out;

#define cr_expect_out(wanted) cr_expect_str_eq(out_end(&out), wanted)

static void start(void)
{
	out = out_init(text, sizeof(text));
}

static struct addr address(const char *host, uint16_t port)
{
	struct addr addr;

	cr_assert_eq(addr_parse_host(slice_of(host), port, &addr), 0);
	return addr;
}

TestSuite(write, .init = start);

Test(write, lines_and_body_end_as_they_should)
{
	sip_write_request_line(&out, SIP_BYE, SLICE("sip:a@b"));
	sip_write_header(&out, SIP_H_PAI, SLICE("<sip:x>"));
	sip_write_body(&out, SLICE("application/sdp"), SLICE("v=0\r\n"));
	cr_expect_out("BYE sip:a@b SIP/2.0\r\n"
		      "P-Asserted-Identity: <sip:x>\r\n"
		      "Content-Type: application/sdp\r\n"
		      "Content-Length: 5\r\n\r\nv=0\r\n");
}

Test(write, no_body_has_no_type)
{
	sip_write_status_line(&out, 404, slice_of(sip_status_text(404)));
	sip_write_body(&out, SLICE("application/sdp"), SLICE(""));
	cr_expect_out("SIP/2.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

Test(write, what_does_not_fit_is_told)
{
	out = out_init(text, 10);
	sip_write_request_line(&out, SIP_BYE, SLICE("sip:a@b"));
	cr_expect(out.is_full);
}

Test(write, copied_headers_get_their_canonical_names)
{
	struct scanned *s = scan_with(
		PART_EXTRA, "k : timer\r\nX-Y: no\r\nsupported:100rel\r\n");

	sip_copy_headers(&out, &s->message, SIP_H_SUPPORTED);
	cr_expect_out("Supported: timer\r\nSupported: 100rel\r\n");
}

static void write_via(const char *via, const char *source, uint16_t port)
{
	struct addr addr = address(source, port);

	sip_write_via_values(&out, &scan_with(PART_VIA, via)->message, &addr);
}

Test(write, rport_and_received_are_those_of_the_source)
{
	write_via("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1\r\n",
		  "192.0.2.1", 1234);
	cr_expect_out("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1"
		      ";received=192.0.2.1;rport=1234");
}

Test(write, with_rport_received_is_always_told)
{
	write_via("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\n",
		  "192.0.2.1", 5060);
	cr_expect_out("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"
		      ";received=192.0.2.1;rport=5060");
}

Test(write, a_true_sent_by_stays_alone)
{
	write_via("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;x=\"a;b\"\r\n",
		  "192.0.2.1", 1234);
	cr_expect_out("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;x=\"a;b\"");
}

Test(write, a_received_that_the_peer_wrote_itself_is_replaced)
{
	write_via("Via: SIP/2.0/UDP h;received=6.6.6.6;branch=z9hG4bK1"
		  ";rport=66\r\n",
		  "2001:db8::1", 7);
	cr_expect_out("SIP/2.0/UDP h;branch=z9hG4bK1"
		      ";received=2001:db8::1;rport=7");
}

Test(write, only_the_top_via_is_touched)
{
	write_via("Via: SIP/2.0/TCP a;branch=z9hG4bK1 ,SIP/2.0/UDP b;rport\r\n"
		  "v: SIP/2.0/UDP c;rport\r\n",
		  "192.0.2.1", 7);
	cr_expect_out("SIP/2.0/TCP a;branch=z9hG4bK1;received=192.0.2.1, "
		      "SIP/2.0/UDP b;rport\r\nVia: SIP/2.0/UDP c;rport");
}

Test(write, a_response_head_can_be_read_again)
{
	struct scanned *s = scan_with(PART_EXTRA, "X-Secret: 1\r\n");
	struct addr source = address("192.0.2.1", 7);

	sip_write_response_head(&out, &s->message, 486, SLICE("Busy Here"),
				SLICE("t2"), &source);
	sip_write_body(&out, SLICE(""), SLICE(""));
	s = scan_bytes(out_as_slice(&out), true);
	cr_assert_eq(s->verdict.status, 0, "%s", s->verdict.reason);
	cr_expect_eq(s->message.status, 486);
	cr_expect(slice_is(s->message.branch, SLICE("z9hG4bK1")));
	cr_expect(slice_is(s->message.from_tag, SLICE("f1")));
	cr_expect(slice_is(s->message.to_tag, SLICE("t2")));
	cr_expect_eq(s->message.n_headers, 6);
}

Test(write, a_tag_that_is_there_is_kept)
{
	struct scanned *s = scan_with(PART_TO, "To: <sip:a@b>;tag=theirs\r\n");
	struct addr source = address("198.51.100.7", 5066);

	sip_write_response_head(&out, &s->message, 200, SLICE("OK"),
				SLICE("ours"), &source);
	sip_write_body(&out, SLICE(""), SLICE(""));
	s = scan_bytes(out_as_slice(&out), true);
	cr_expect(slice_is(s->message.to_tag, SLICE("theirs")));
}

Test(write, a_broken_request_is_answered_with_what_it_has)
{
	static const char bad[] = "INVITE sip:a@b SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n"
				  "CSeq: 8 INVITE\r\n\r\n";
	struct addr source = address("192.0.2.1", 7);

	sip_write_response_head(&out,
				&scan_bytes(slice_of(bad), false)->message, 400,
				SLICE("Bad Request"), SLICE("t"), &source);
	cr_expect_out("SIP/2.0 400 Bad Request\r\n"
		      "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n"
		      "CSeq: 8 INVITE\r\n");
}

Test(names, every_header_is_found_by_its_name_in_any_case)
{
	for (int id = 1; id < N_SIP_HEADERS; id++) {
		struct slice name = slice_of(sip_header_names[id]);
		char upper[64];

		cr_expect_eq((int)sip_header_id_of(name), id);
		slice_copy(name, upper, sizeof(upper));
		for (size_t i = 0; i < name.len; i++)
			if (upper[i] >= 'a')
				upper[i] &= ~0x20;
		cr_expect_eq((int)sip_header_id_of(slice_of(upper)), id);
	}
	cr_expect_eq(sip_header_id_of(SLICE("Vib")), SIP_H_OTHER);
	cr_expect_eq(sip_header_id_of(SLICE("C%6Fntact")), SIP_H_OTHER);
	cr_expect_eq(sip_header_id_of(SLICE("M")), SIP_H_CONTACT);
	cr_expect_eq(sip_header_id_of(SLICE("-")), SIP_H_OTHER);
	cr_expect_eq(sip_header_id_of(SLICE("")), SIP_H_OTHER);
}

Test(names, methods_are_found_with_case)
{
	for (int i = 1; i < N_SIP_METHODS; i++)
		cr_expect_eq((int)sip_method_of(slice_of(sip_method_names[i])),
			     i);
	cr_expect_eq(sip_method_of(SLICE("invite")), SIP_UNKNOWN_METHOD);
	cr_expect_eq(sip_method_of(SLICE("RE%47IST%45R")), SIP_UNKNOWN_METHOD);
}
