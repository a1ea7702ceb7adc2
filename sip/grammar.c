/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole grammar of a message's headers, judged by libosip2.  Called by the
 * worker for requests that open a dialog; the only file that knows libosip2.
 * libosip2 costs the square of what it is fed, leaks on some inputs, decodes
 * escapes into C strings and writes its errors to stdout; so it gets only
 * what the scan has bounded, a cleaned copy, memory that is forgotten as a
 * whole afterwards, and no voice.
 * Trap: the allocators are libosip2's globals and the arena is ours alone:
 * nobody else in the process may use libosip2, and no two threads this.
 */
#include <errno.h>
#include <osipparser2/osip_parser.h>
#include <stdalign.h>

#include "sip/chars.h"
#include "sip/names.h"
#include "sip/uri.h"

/* Heads are at most SIP_HEAD_MAX; libosip2 takes some 50 times that.  Pages
 * that were never touched cost nothing. */
#define ARENA_SIZE  (4u << 20)
#define BLOCK_ALIGN 16u

struct arena {
	size_t used;
	alignas(BLOCK_ALIGN) char bytes[ARENA_SIZE];
};

/* Each block is preceded by its size, for realloc. */
static struct arena arena;

static void *arena_alloc(size_t size)
{
	size_t need = size + BLOCK_ALIGN;
	char *block;

	need = (need + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);
	if (size > ARENA_SIZE || need > ARENA_SIZE - arena.used)
		return NULL;
	block = arena.bytes + arena.used;
	memcpy(block, &size, sizeof(size));
	arena.used += need;
	return block + BLOCK_ALIGN;
}

static void *arena_realloc(void *old, size_t size)
{
	void *grown = arena_alloc(size);
	size_t old_size;

	if (!grown || !old)
		return grown;
	memcpy(&old_size, (char *)old - BLOCK_ALIGN, sizeof(old_size));
	return memcpy(grown, old, old_size < size ? old_size : size);
}

static void arena_free(void *block)
{
	(void)block;
}

static void be_silent(const char *file, int line, osip_trace_level_t level,
		      const char *format, va_list args)
{
	(void)file, (void)line, (void)level, (void)format, (void)args;
}

static void osip_init_once(void)
{
	static bool is_done;

	if (is_done)
		return;
	is_done = true;
	parser_init(); /* before our allocators: what it keeps must last */
	osip_trace_initialize_func(END_TRACE_LEVEL, be_silent);
	for (int level = TRACE_LEVEL0; level < END_TRACE_LEVEL; level++)
		osip_trace_disable_level((osip_trace_level_t)level);
	osip_set_allocators(arena_alloc, arena_realloc, arena_free);
}

/* Quoted control characters are legal; to libosip2 a NUL is the end. */
static void write_clean(struct out *out, struct slice text)
{
	char *copy = out->buf + out->len;

	out_slice(out, text);
	for (size_t i = 0; i < text.len && !out->is_full; i++)
		if ((unsigned char)copy[i] < 0x20)
			copy[i] = ' ';
	out_text(out, "\r\n");
}

/* libosip2 takes letters only for a scheme (not "soap.beep"): the scan has
 * judged the Request-URI, so one it would not understand is replaced. */
static void write_start(struct out *out, struct slice line)
{
	struct slice rest = line, method = slice_cut(&rest, ' ');
	struct slice text = slice_cut(&rest, ' ');
	struct sip_uri uri;

	if (slice_starts_nocase(line, SLICE("SIP/")) ||
	    uri_parse(text, &uri) < 0 || uri.scheme != URI_OTHER) {
		write_clean(out, line);
		return;
	}
	out_slice(out, method);
	out_text(out, " sip:replaced.invalid ");
	write_clean(out, rest);
}

static enum sip_header_id id_of_line(struct slice line)
{
	return sip_header_id_of(sip_first(line, sip_span(line, CHAR_TOKEN)));
}

/* libosip2 takes anything for a URI; where the dialog would send its requests
 * must be an address. */
static bool is_address_list(struct slice value)
{
	struct name_addr name;

	value = slice_trim(value);
	if (slice_is(value, SLICE("*"))) /* RFC 3261 10.2.2 */
		return true;
	while (value.ptr)
		if (name_addr_parse(value, &name, &value) < 0)
			return false;
	return true;
}

static bool is_good_line(struct slice line, enum sip_header_id id)
{
	if (id != SIP_H_CONTACT && id != SIP_H_ROUTE &&
	    id != SIP_H_RECORD_ROUTE)
		return true;
	slice_cut(&line, ':');
	return is_address_list(line);
}

static struct slice line_next(struct slice *head)
{
	struct slice line = slice_cut(head, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* What libosip2 gets: the head without Content-Length, so that it does not
 * look for a body.  False when a line is already known to be bad. */
static bool write_copy(struct out *out, struct slice head)
{
	struct slice line;

	write_start(out, line_next(&head));
	while ((line = line_next(&head)).len > 0) {
		enum sip_header_id id = id_of_line(line);

		if (!is_good_line(line, id))
			return false;
		if (id != SIP_H_CONTENT_LENGTH)
			write_clean(out, line);
	}
	out_text(out, "\r\n");
	return !out->is_full;
}

static bool is_good_to_osip(struct slice copy)
{
	osip_message_t *message = NULL;

	return osip_message_init(&message) == OSIP_SUCCESS &&
	       osip_message_parse(message, copy.ptr, copy.len) == OSIP_SUCCESS;
}

int sip_check_grammar(struct slice head, const char **ret_why)
{
	/* A line end may grow from LF to CRLF, and the Request-URI. */
	size_t size = head.len + SIP_LINES_MAX + 64;
	struct out copy;
	bool is_good;

	*ret_why = "Headers too large";
	if (head.len > SIP_HEAD_MAX)
		return -EINVAL;
	osip_init_once();
	arena.used = 0;
	copy = out_init(arena_alloc(size), size);
	is_good =
		write_copy(&copy, head) && is_good_to_osip(out_as_slice(&copy));
	*ret_why = is_good ? "Good grammar" : "Bad grammar";
	return is_good ? 0 : -EINVAL;
}
