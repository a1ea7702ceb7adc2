/* SPDX-License-Identifier: Apache-2.0
 *
 * Slices (borrowed pieces of text) and `out`, a bounded writer with a sticky
 * overflow flag.  Used by every layer; no allocation, no I/O.
 * Trap: a slice is never NUL-terminated; print it with SLICE_ARG.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

#define SLICE(lit)   ((struct slice){(lit), sizeof(lit) - 1})
#define SLICE_NONE   ((struct slice){NULL, 0})
#define SLICE_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_empty(struct slice s)
{
	return s.len == 0;
}

bool slice_is(struct slice a, struct slice b);
bool slice_is_nocase(struct slice a, struct slice b);
bool slice_starts_nocase(struct slice s, struct slice prefix);
/* Without leading and trailing SP and HTAB. */
struct slice slice_trim(struct slice s);
/* Position of c in s, or -1. */
ptrdiff_t slice_find(struct slice s, char c);
/* Cuts s at the first c: returns what stands before it and leaves the rest in
 * *s; without a c, returns all of it and leaves *s empty with ptr NULL. */
struct slice slice_cut(struct slice *s, char c);
/* Digits only, no sign, at most max.  0, or -EINVAL, or -ERANGE. */
int slice_to_u64(struct slice s, uint64_t max, uint64_t *ret_value);
/* NUL-terminated copy, cut to fit; returns the length copied. */
size_t slice_copy(struct slice s, char *buf, size_t size);
/* malloc'd NUL-terminated copy, owned by the caller; NULL without memory. */
char *slice_dup(struct slice s);
uint64_t slice_hash(struct slice s, uint64_t seed);

/* The names nearest to `word` by edit distance, for "did you mean":
 * the best of `names` (NULL-terminated), or NULL if none is near. */
const char *str_nearest(const char *word, const char *const *names);

struct out {
	char *buf;
	size_t size;
	size_t len;
	bool is_full; /* sticky: something did not fit, nothing more is taken */
};

static inline struct out out_init(char *buf, size_t size)
{
	return (struct out){.buf = buf, .size = size};
}

void out_slice(struct out *out, struct slice s);
void out_text(struct out *out, const char *text);
void out_char(struct out *out, char c);
void out_u64(struct out *out, uint64_t value);
void out_hex(struct out *out, const void *bytes, size_t n_bytes);
void out_printf(struct out *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Terminates with NUL (cutting the last byte if it must) and returns buf. */
const char *out_end(struct out *out);

static inline struct slice out_as_slice(const struct out *out)
{
	return (struct slice){out->buf, out->len};
}

#endif
