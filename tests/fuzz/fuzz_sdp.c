/* SPDX-License-Identifier: Apache-2.0
 *
 * SDP.  Oracles: an offer made of what we accept is accepted, with the same
 * codecs and our address alone; answering it with itself gives as many m=
 * lines, renumbers nothing, and no key of theirs gets through.
 */
#include <errno.h>

#include "sip/sdp.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (1u << 18)

static struct sdp theirs, offer, answer;
static char offer_text[TEXT_MAX], answer_text[TEXT_MAX];

static struct sdp_edit edit(void)
{
	struct sdp_edit edit = {.session = 1, .version = 2};

	must(addr_parse(SLICE("192.0.2.1:20000"), 0, &edit.local) == 0);
	return edit;
}

/* Our lines may take the count above the cap; nothing else may be wrong. */
static bool read_again(const struct out *out, struct sdp *ret_sdp)
{
	const char *why;
	int result = sdp_parse(out_as_slice(out), ret_sdp, &why);

	must(result == 0 || result == -E2BIG);
	return result == 0;
}

static bool is_same_payload(const struct sdp_payload *a,
			    const struct sdp_payload *b)
{
	return a->number == b->number && a->clock_rate == b->clock_rate &&
	       slice_is(a->encoding, b->encoding) &&
	       slice_is(a->parameters, b->parameters) &&
	       slice_is(a->fmtp, b->fmtp);
}

static void check_offer(const struct sdp_media *said)
{
	const struct sdp_media *ours = &offer.media[0];
	const struct sdp_edit expected = edit();

	must(offer.n_media == 1 && sdp_audio(&offer) == 0);
	must(addr_is_same(&ours->address, &expected.local));
	must(addr_port(&ours->rtcp) == 20001 && !ours->has_crypto);
	must(ours->n_payloads == said->n_payloads);
	must(ours->ptime == said->ptime);
	for (unsigned i = 0; i < said->n_payloads; i++)
		must(is_same_payload(&ours->payloads[i], &said->payloads[i]));
}

static void check_answer(void)
{
	struct out out = out_init(answer_text, sizeof(answer_text));
	struct sdp_edit ours = edit();
	struct sdp_maps maps;

	if (sdp_write_answer(&theirs, &offer, &ours, &out, &maps) < 0)
		return;
	must(!out.is_full);
	must(maps.n_to_offerer <= PAYLOADS_MAX &&
	     maps.n_to_answerer <= PAYLOADS_MAX);
	if (!read_again(&out, &answer))
		return;
	must(answer.n_media == theirs.n_media);
	must(sdp_audio(&answer) == sdp_audio(&theirs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct out out = out_init(offer_text, sizeof(offer_text));
	struct sdp_edit ours = edit();
	char *body = fuzz_copy(data, size);
	const char *why = NULL;
	int result;

	result = sdp_parse((struct slice){body, size}, &theirs, &why);
	must(why != NULL);
	if (size <= TEXT_MAX / 4 && result == 0 &&
	    sdp_write_offer(&theirs, &ours, &out) == 0) {
		must(!out.is_full);
		sdp_check_target(&theirs.media[sdp_audio(&theirs)],
				 &ours.local);
		if (read_again(&out, &offer)) {
			check_offer(&theirs.media[sdp_audio(&theirs)]);
			check_answer();
		}
	}
	free(body);
	return 0;
}
