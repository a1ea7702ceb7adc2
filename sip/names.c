/* SPDX-License-Identifier: Apache-2.0
 *
 * Methods, header names and statuses, made from their .def tables.  Used by
 * everything in sip/, in every process that speaks SIP; no state but a hash
 * that a constructor fills before main() and nobody changes afterwards.
 */
#include "sip/names.h"

#include "sip/write.h"

const char *const sip_method_names[N_SIP_METHODS] = {
	"UNKNOWN",
#define SIP_METHOD(name) #name,
#include "sip/methods.def"
#undef SIP_METHOD
};

const char *const sip_header_names[N_SIP_HEADERS] = {
	"",
#define SIP_HEADER(id, name, compact, is_single) name,
#include "sip/headers.def"
#undef SIP_HEADER
};

_Static_assert(N_SIP_HEADERS <= 64, "a set of headers is one 64-bit word");

static const uint8_t method_lens[N_SIP_METHODS] = {
	0,
#define SIP_METHOD(name) sizeof(#name) - 1,
#include "sip/methods.def"
#undef SIP_METHOD
};

static const uint8_t header_lens[N_SIP_HEADERS] = {
	0,
#define SIP_HEADER(id, name, compact, is_single) sizeof(name) - 1,
#include "sip/headers.def"
#undef SIP_HEADER
};

static const char compact_names[N_SIP_HEADERS] = {
	0,
#define SIP_HEADER(id, name, compact, is_single) compact,
#include "sip/headers.def"
#undef SIP_HEADER
};

static const struct {
	int status;
	const char *text;
} statuses[] = {
#define SIP_STATUS(code, reason) {code, reason},
#include "sip/status.def"
#undef SIP_STATUS
};

#define N_BUCKETS 256u

static uint8_t buckets[N_BUCKETS]; /* header ids; 0 is free */
static uint8_t compact_ids[32];	   /* by the low five bits of the letter */

/* Length, first, middle and last letter, case folded: enough to keep chains
 * at one or two entries for the names we know. */
static unsigned name_hash(const char *name, size_t len)
{
	unsigned first = name[0] | 0x20, last = name[len - 1] | 0x20;
	unsigned middle = name[len / 2] | 0x20;

	return (unsigned)(len * 7 + first * 31 + middle * 5 + last) % N_BUCKETS;
}

__attribute__((constructor)) static void fill_buckets(void)
{
	for (uint8_t id = 1; id < N_SIP_HEADERS; id++) {
		unsigned at = name_hash(sip_header_names[id], header_lens[id]);

		while (buckets[at])
			at = (at + 1) % N_BUCKETS;
		buckets[at] = id;
		if (compact_names[id])
			compact_ids[compact_names[id] & 31] = id;
	}
}

enum sip_method sip_method_of(struct slice text)
{
	for (unsigned i = 1; i < N_SIP_METHODS; i++)
		if (method_lens[i] == text.len &&
		    memcmp(sip_method_names[i], text.ptr, text.len) == 0)
			return (enum sip_method)i;
	return SIP_UNKNOWN_METHOD;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Same letters in any case; `known` holds only letters and '-', and '-' with
 * the case bit forced stays '-'. */
static bool is_name(const char *known, struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((known[i] | 0x20) != (name.ptr[i] | 0x20))
			return false;
	return true;
}

enum sip_header_id sip_header_id_of(struct slice name)
{
	unsigned at, id;

	if (name.len == 1)
		return is_letter(*name.ptr) ? compact_ids[*name.ptr & 31]
					    : SIP_H_OTHER;
	if (name.len == 0)
		return SIP_H_OTHER;
	at = name_hash(name.ptr, name.len);
	for (; (id = buckets[at]) != 0; at = (at + 1) % N_BUCKETS)
		if (header_lens[id] == name.len &&
		    is_name(sip_header_names[id], name))
			return (enum sip_header_id)id;
	return SIP_H_OTHER;
}

uint64_t sip_single_headers(void)
{
	return 0
#define SIP_HEADER(id, name, compact, is_single)                               \
	| ((uint64_t)(is_single) << SIP_H_##id)
#include "sip/headers.def"
#undef SIP_HEADER
		;
}

const char *sip_status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "Unknown";
}
