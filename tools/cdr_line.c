/* SPDX-License-Identifier: Apache-2.0
 *
 * See cdr_line.h.  Called by mspool-cdr.  A column is a row of
 * tools/cdr_columns.def and a function column_NAME here, which makes a value
 * of the record; both formats are made of the same values.
 * Trap: texts come from peers.  A line must stay one line, and valid UTF-8.
 */
#include "tools/cdr_line.h"

#include "base/clock.h"
#include "rtp/quality.h"
#include "shm/record.h"
#include "sip/write.h"
#include "tools/utf8.h"

enum value_kind {
	VALUE_NONE,
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_DECIMAL, /* thousandths */
	VALUE_YES_NO,
	VALUE_LIST /* of blank-separated texts */
};

#define VALUE_TEXT_MAX 1536 /* every try of a call */

struct value {
	enum value_kind kind;
	struct slice text;
	uint64_t number;
	char buf[VALUE_TEXT_MAX];
};

struct line {
	const struct cdr_record *cdr;
	const char *host;
};

typedef void column_fn(const struct line *line, struct value *ret);

/* ---- values -------------------------------------------------------------- */

static void set_text(struct value *ret, struct slice text)
{
	ret->kind = text.len ? VALUE_TEXT : VALUE_NONE;
	ret->text = text;
}

static void set_word(struct value *ret, const char *word)
{
	set_text(ret, slice_of(word));
}

static void set_number(struct value *ret, uint64_t number)
{
	ret->kind = VALUE_NUMBER;
	ret->number = number;
}

static void set_decimal(struct value *ret, uint64_t thousandths)
{
	ret->kind = VALUE_DECIMAL;
	ret->number = thousandths;
}

static void set_yes_no(struct value *ret, bool is_so)
{
	ret->kind = VALUE_YES_NO;
	ret->number = is_so;
}

static void set_time(struct value *ret, uint64_t wall_us)
{
	if (wall_us)
		set_word(ret, clock_wall_text(wall_us, ret->buf));
}

static void set_record_text(const struct line *line, struct record_text text,
			    struct value *ret)
{
	set_text(ret, record_slice(line->cdr, text));
}

static bool is_end(const struct line *line)
{
	return line->cdr->kind == CDR_END;
}

static bool has_figures(const struct line *line)
{
	return line->cdr->flags & CDR_HAS_FIGURES;
}

/* ---- what record this is ------------------------------------------------- */

static void column_cdr_version(const struct line *line, struct value *ret)
{
	(void)line;
	set_number(ret, CDR_COLUMNS_VERSION);
}

static void column_record(const struct line *line, struct value *ret)
{
	set_word(ret, is_end(line) ? "end" : "interim");
}

static void column_interim(const struct line *line, struct value *ret)
{
	if (!is_end(line))
		set_number(ret, line->cdr->interim);
}

static void column_sequence(const struct line *line, struct value *ret)
{
	set_number(ret, line->cdr->sequence);
}

static void column_call_uuid(const struct line *line, struct value *ret)
{
	static const uint8_t parts[] = {4, 2, 2, 2, 6};
	struct out out = out_init(ret->buf, sizeof(ret->buf));
	const uint8_t *at = line->cdr->uuid;

	for (unsigned i = 0; i < sizeof(parts); i++) {
		if (i)
			out_char(&out, '-');
		out_hex(&out, at, parts[i]);
		at += parts[i];
	}
	set_text(ret, out_as_slice(&out));
}

static void column_call(const struct line *line, struct value *ret)
{
	set_word(ret, call_id_text(line->cdr->call, ret->buf));
}

static void column_host(const struct line *line, struct value *ret)
{
	set_word(ret, line->host);
}

static void column_worker(const struct line *line, struct value *ret)
{
	struct slot_id slot = {SLOT_SIGNALLING,
			       (uint8_t)call_book(line->cdr->call)};

	set_word(ret, slot_name(slot, ret->buf));
}

/* ---- who ----------------------------------------------------------------- */

static void column_direction(const struct line *line, struct value *ret)
{
	set_word(ret, line->cdr->direction == CALL_OUTBOUND ? "outbound"
							    : "inbound");
}

static void column_a_call_id(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->leg[LEG_A].call_id, ret);
}

static void column_b_call_id(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->leg[LEG_B].call_id, ret);
}

static void column_calling(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->calling, ret);
}

static void column_called(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->called, ret);
}

#define column_calling_orig column_calling
#define column_called_orig  column_called

static void column_calling_out(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->calling_out, ret);
}

static void column_called_out(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->called_out, ret);
}

static void column_src_peer(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->leg[LEG_A].peer, ret);
}

static void column_dst_peer(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->leg[LEG_B].peer, ret);
}

static void column_trunk(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->trunk, ret);
}

static void column_gateway(const struct line *line, struct value *ret)
{
	unsigned leg = line->cdr->direction == CALL_OUTBOUND ? LEG_B : LEG_A;

	set_record_text(line, line->cdr->leg[leg].peer, ret);
}

static void column_attempts(const struct line *line, struct value *ret)
{
	struct out out = out_init(ret->buf, sizeof(ret->buf));

	for (unsigned i = 0; i < line->cdr->n_tries; i++) {
		const struct cdr_try *try = &line->cdr->tries[i];

		if (i)
			out_char(&out, ' ');
		out_slice(&out, record_slice(line->cdr, try->peer));
		out_printf(&out, ":%u:%u", try->code, try->ms);
	}
	set_text(ret, out_as_slice(&out));
	ret->kind = VALUE_LIST;
}

/* ---- when ---------------------------------------------------------------- */

static void column_invite_time(const struct line *line, struct value *ret)
{
	set_time(ret, line->cdr->started_wall_us);
}

static void column_first_18x_time(const struct line *line, struct value *ret)
{
	set_time(ret, line->cdr->rang_wall_us);
}

static void column_answer_time(const struct line *line, struct value *ret)
{
	set_time(ret, line->cdr->answered_wall_us);
}

static void column_end_time(const struct line *line, struct value *ret)
{
	set_time(ret, line->cdr->ended_wall_us);
}

/* Somebody may have set the clock back meanwhile. */
static void column_pdd_ms(const struct line *line, struct value *ret)
{
	const struct cdr_record *cdr = line->cdr;

	if (cdr->rang_wall_us >= cdr->started_wall_us)
		set_number(ret, (cdr->rang_wall_us - cdr->started_wall_us) /
					USEC_PER_MSEC);
}

static void column_setup_ms(const struct line *line, struct value *ret)
{
	const struct cdr_record *cdr = line->cdr;

	if (cdr->answered_wall_us && cdr->lasted_us >= cdr->talked_us)
		set_number(ret,
			   (cdr->lasted_us - cdr->talked_us) / USEC_PER_MSEC);
}

static void column_duration_ms(const struct line *line, struct value *ret)
{
	set_number(ret, line->cdr->lasted_us / USEC_PER_MSEC);
}

static void column_billsec(const struct line *line, struct value *ret)
{
	set_number(ret,
		   (line->cdr->talked_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* ---- how it ended -------------------------------------------------------- */

static void column_result(const struct line *line, struct value *ret)
{
	const struct cdr_record *cdr = line->cdr;

	if (!is_end(line))
		return;
	set_word(ret, cdr->answered_wall_us		     ? "answered"
		      : cdr->code == 487		     ? "cancelled"
		      : cdr->code == 486 || cdr->code == 600 ? "busy"
							     : "failed");
}

static void column_sip_code(const struct line *line, struct value *ret)
{
	if (line->cdr->code)
		set_number(ret, line->cdr->code);
}

static void column_reason_text(const struct line *line, struct value *ret)
{
	if (line->cdr->code)
		set_word(ret, sip_status_text(line->cdr->code));
}

/* RFC 3326: "Q.850;cause=16;text=…", perhaps one of several. */
static void column_q850_cause(const struct line *line, struct value *ret)
{
	struct slice rest = record_slice(line->cdr, line->cdr->reason);
	uint64_t cause;

	while (rest.len) {
		struct slice one = slice_trim(slice_cut(&rest, ','));

		if (!slice_is_nocase(slice_trim(slice_cut(&one, ';')),
				     SLICE("q.850")))
			continue;
		while (one.len) {
			struct slice parameter =
				slice_trim(slice_cut(&one, ';'));
			struct slice name =
				slice_trim(slice_cut(&parameter, '='));

			if (slice_is_nocase(name, SLICE("cause")) &&
			    slice_to_u64(slice_trim(parameter), 127, &cause) ==
				    0)
				set_number(ret, cause);
		}
	}
}

static void column_released_by(const struct line *line, struct value *ret)
{
	switch (line->cdr->released_by) {
	case 'a':
		set_word(ret, "a");
		break;
	case 'b':
		set_word(ret, "b");
		break;
	case 'm':
		set_word(ret, "local");
		break;
	}
}

static void column_release_reason(const struct line *line, struct value *ret)
{
	set_record_text(line, line->cdr->reason, ret);
}

/* ---- audio --------------------------------------------------------------- */

static void set_codec(const struct line *line, unsigned leg, struct value *ret)
{
	const struct cdr_leg *side = &line->cdr->leg[leg];

	set_text(ret,
		 (struct slice){side->codec,
				strnlen(side->codec, sizeof(side->codec))});
}

static void column_codec_a(const struct line *line, struct value *ret)
{
	set_codec(line, LEG_A, ret);
}

static void column_codec_b(const struct line *line, struct value *ret)
{
	set_codec(line, LEG_B, ret);
}

/* Nothing of this kind is known yet. */
static void column_nothing(const struct line *line, struct value *ret)
{
	(void)line;
	(void)ret;
}

#define column_pai	 column_nothing
#define column_diversion column_nothing
#define column_srtp_a	 column_nothing
#define column_srtp_b	 column_nothing
#define column_rtt_ms	 column_nothing
#define column_refer_of	 column_nothing

/* This release does nothing of the kind. */
static void column_never(const struct line *line, struct value *ret)
{
	(void)line;
	set_yes_no(ret, false);
}

#define column_transcoded column_never
#define column_test	  column_never

static void column_dtmf_mode(const struct line *line, struct value *ret)
{
	if (line->cdr->leg[LEG_A].has_dtmf_events &&
	    line->cdr->leg[LEG_B].has_dtmf_events)
		set_word(ret, "rfc4733");
}

static void column_media_bypass(const struct line *line, struct value *ret)
{
	set_yes_no(ret, line->cdr->answered_wall_us &&
				!(line->cdr->flags & CDR_HAS_MEDIA));
}

static void column_one_way(const struct line *line, struct value *ret)
{
	const struct cdr_record *cdr = line->cdr;

	if (has_figures(line) && cdr->answered_wall_us)
		set_yes_no(ret, !cdr->leg[LEG_A].packets_in !=
					!cdr->leg[LEG_B].packets_in);
}

static void set_mos(const struct line *line, unsigned leg, struct value *ret)
{
	const struct cdr_leg *side = &line->cdr->leg[leg];
	char codec[sizeof(side->codec) + 1] = "";
	struct quality quality = {
		.received = side->packets_in,
		.lost = side->lost,
		.jitter_us = side->jitter_us,
		.codec = codec,
	};

	memcpy(codec, side->codec, sizeof(side->codec));
	if (has_figures(line) && side->packets_in)
		set_decimal(ret,
			    (uint64_t)(quality_mos(&quality) * 1000 + 0.5));
}

/* The five columns of a side. */
#define SIDE_COLUMNS(letter, LEG)                                              \
	static void column_rx_packets_##letter(const struct line *line,        \
					       struct value *ret)              \
	{                                                                      \
		if (has_figures(line))                                         \
			set_number(ret, line->cdr->leg[LEG].packets_in);       \
	}                                                                      \
	static void column_tx_packets_##letter(const struct line *line,        \
					       struct value *ret)              \
	{                                                                      \
		if (has_figures(line))                                         \
			set_number(ret, line->cdr->leg[LEG].packets_out);      \
	}                                                                      \
	static void column_lost_##letter(const struct line *line,              \
					 struct value *ret)                    \
	{                                                                      \
		if (has_figures(line))                                         \
			set_number(ret, line->cdr->leg[LEG].lost);             \
	}                                                                      \
	static void column_jitter_ms_##letter(const struct line *line,         \
					      struct value *ret)               \
	{                                                                      \
		if (has_figures(line))                                         \
			set_decimal(ret, line->cdr->leg[LEG].jitter_us);       \
	}                                                                      \
	static void column_mos_##letter##_rx(const struct line *line,          \
					     struct value *ret)                \
	{                                                                      \
		set_mos(line, LEG, ret);                                       \
	}

SIDE_COLUMNS(a, LEG_A)
SIDE_COLUMNS(b, LEG_B)

static void column_adopted(const struct line *line, struct value *ret)
{
	set_yes_no(ret, line->cdr->flags & CDR_IS_ADOPTED);
}

static void column_drain_forced(const struct line *line, struct value *ret)
{
	set_yes_no(ret, line->cdr->flags & CDR_DRAIN_FORCED);
}

/* ---- the table ----------------------------------------------------------- */

static const struct {
	const char *name;
	column_fn *fill;
} columns[] = {
#define COLUMN(name, help) {#name, column_##name},
#include "tools/cdr_columns.def"
#undef COLUMN
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

const char *const cdr_column_names[] = {
#define COLUMN(name, help) #name,
#include "tools/cdr_columns.def"
#undef COLUMN
	NULL,
};

const char *const cdr_column_helps[] = {
#define COLUMN(name, help) help,
#include "tools/cdr_columns.def"
#undef COLUMN
	NULL,
};

/* ---- JSON (RFC 8259) ----------------------------------------------------- */

static void write_json_char(struct out *out, uint8_t c)
{
	if (c == '"' || c == '\\')
		out_char(out, '\\');
	if (c >= 0x20 && c != 0x7f)
		out_char(out, (char)c);
	else
		out_printf(out, "\\u%04x", c);
}

static void write_json_text(struct out *out, struct slice text)
{
	out_char(out, '"');
	for (size_t i = 0; i < text.len;) {
		const uint8_t *p = (const uint8_t *)text.ptr + i;
		size_t len = utf8_sequence_len(p, text.len - i);

		if (len == 1 && *p) /* NUL is more than many a reader bears */
			write_json_char(out, *p);
		else if (len > 1)
			out_slice(out, (struct slice){text.ptr + i, len});
		else
			out_text(out, UTF8_REPLACEMENT);
		i += len ? len : 1;
	}
	out_char(out, '"');
}

static void write_json_list(struct out *out, struct slice list)
{
	bool is_first = true;

	out_char(out, '[');
	while (list.len) {
		struct slice one = slice_cut(&list, ' ');

		if (!is_first)
			out_char(out, ',');
		write_json_text(out, one);
		is_first = false;
	}
	out_char(out, ']');
}

static void write_decimal(struct out *out, uint64_t thousandths)
{
	out_printf(out, "%llu.%03u", (unsigned long long)thousandths / 1000,
		   (unsigned)(thousandths % 1000));
}

static void write_json_value(struct out *out, const struct value *value)
{
	switch (value->kind) {
	case VALUE_NONE:
		out_text(out, "null");
		break;
	case VALUE_TEXT:
		write_json_text(out, value->text);
		break;
	case VALUE_LIST:
		write_json_list(out, value->text);
		break;
	case VALUE_NUMBER:
		out_u64(out, value->number);
		break;
	case VALUE_DECIMAL:
		write_decimal(out, value->number);
		break;
	case VALUE_YES_NO:
		out_text(out, value->number ? "true" : "false");
		break;
	}
}

/* ---- CSV (RFC 4180, but with a line feed alone) -------------------------- */

static bool wants_quotes(struct slice text)
{
	return memchr(text.ptr, ',', text.len) ||
	       memchr(text.ptr, '"', text.len) ||
	       memchr(text.ptr, ' ', text.len);
}

static void write_csv_text(struct out *out, struct slice text)
{
	bool is_quoted = text.len && wants_quotes(text);

	if (is_quoted)
		out_char(out, '"');
	for (size_t i = 0; i < text.len;) {
		const uint8_t *p = (const uint8_t *)text.ptr + i;
		size_t len = utf8_sequence_len(p, text.len - i);

		if (!len || *p < 0x20 || *p == 0x7f)
			out_text(out, UTF8_REPLACEMENT);
		else
			out_slice(out, (struct slice){text.ptr + i, len});
		if (*p == '"')
			out_char(out, '"');
		i += len ? len : 1;
	}
	if (is_quoted)
		out_char(out, '"');
}

static void write_csv_value(struct out *out, const struct value *value)
{
	switch (value->kind) {
	case VALUE_NONE:
		break;
	case VALUE_TEXT:
	case VALUE_LIST:
		write_csv_text(out, value->text);
		break;
	default:
		write_json_value(out, value);
		break;
	}
}

/* ---- lines --------------------------------------------------------------- */

void cdr_write_header(struct out *out)
{
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		if (i)
			out_char(out, ',');
		out_text(out, columns[i].name);
	}
	out_char(out, '\n');
}

void cdr_write_line(const struct cdr_record *cdr, enum cdr_format format,
		    const char *host, struct out *out)
{
	struct line line = {.cdr = cdr, .host = host};

	if (format == CDR_JSON)
		out_char(out, '{');
	for (unsigned i = 0; i < N_COLUMNS; i++) {
		struct value value;

		value.kind = VALUE_NONE;
		columns[i].fill(&line, &value);
		if (i)
			out_char(out, ',');
		if (format == CDR_CSV) {
			write_csv_value(out, &value);
			continue;
		}
		write_json_text(out, slice_of(columns[i].name));
		out_char(out, ':');
		write_json_value(out, &value);
	}
	out_text(out, format == CDR_JSON ? "}\n" : "\n");
}
