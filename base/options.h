/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that can stand in pool.ini: base/options.def as a table.  The
 * parser, the defaults, the manual page, the check of the installed pool.ini
 * and the words of `mspoolctl reload` all come from it.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

enum option_naming {
	NAMELESS, /* [pool] */
	FIXED,	  /* [listen internal], [listen gateway] */
	NAMED	  /* [gateway NAME]; file order counts */
};

enum option_section {
#define SECTION(id, kind, naming, help) SECTION_##id,
#define OPTION(section, key, type, def, min, max, words, place, flags, help)
#include "base/options.def"
#undef SECTION
#undef OPTION
	N_OPTION_SECTIONS
};

/* How the text of a value is read; config_value.c has one function each. */
enum option_type {
	OPTION_TEXT,
	OPTION_HOST, /* a host's name or address, no port */
	OPTION_PATH, /* from / on */
	OPTION_UNSIGNED,
	OPTION_SIGNED,
	OPTION_YES_NO,
	OPTION_DURATION,  /* 500ms 10s 2m 1h 30d; range in milliseconds */
	OPTION_DURATIONS, /* 20ms-200ms */
	OPTION_WORD,	  /* one of words; stored as its index */
	OPTION_WORDS,	  /* list of words */
	OPTION_TEXTS,	  /* list */
	OPTION_NUMBER,	  /* a telephone number */
	OPTION_NUMBERS,	  /* list */
	OPTION_CODES,	  /* list of SIP status codes */
	OPTION_PORTS,	  /* 16384-32767 */
	OPTION_LISTEN,	  /* list of address:port */
	OPTION_ADDRESS,	  /* an IP address without a port */
	OPTION_ADDRESS_PORT,
	OPTION_PEER,	 /* host[:port]: address, name */
	OPTION_PREFIXES, /* list of address[/bits] */
	OPTION_PATTERN,	 /* a regular expression (PCRE) */
	OPTION_GATEWAY,	 /* names of other sections */
	OPTION_TRUNK,
	OPTION_TRUNKS,
	OPTION_TRANSLATIONS,
	OPTION_RESPONSES,
	OPTION_SITE,
	N_OPTION_TYPES
};

#define OPTION_LATER   1u /* read and checked, used by a later release */
#define OPTION_SECRET  2u /* never shown */
#define OPTION_NEEDED  4u /* has no default */
#define OPTION_RESTART 8u /* reload refuses a change: master/reload.c */

/* Where the value goes in its section's struct. */
struct option_place {
	uint16_t offset;
	uint16_t size;	 /* of the member; 0: nowhere (a later release) */
	uint16_t second; /* offset of a list's count, of a range's end */
};

struct option {
	enum option_section section;
	const char *key;
	enum option_type type;
	/* As it would be written; "(…)" says in words what happens without. */
	const char *by_default;
	int64_t min, max;
	const char *words; /* "a|b|c" */
	struct option_place place;
	unsigned flags;
	const char *help;
};

struct option_section_row {
	const char *kind;
	enum option_naming naming;
	const char *help;
};

extern const struct option_section_row option_sections[N_OPTION_SECTIONS];

/* The rows of a section, one after the other. */
const struct option *options_of(enum option_section section, unsigned *ret_n);
/* NULL: there is no such key there. */
const struct option *option_find(enum option_section section, struct slice key);
/* -EINVAL: no such kind. */
int option_section_find(struct slice kind, enum option_section *ret_section);
/* False for "(…)" and needed options. */
bool option_has_default(const struct option *option);
/* Position of text in words, or -1. */
int option_word_index(const char *words, struct slice text);
/* "a, b or c" */
const char *option_words_text(const char *words, char *buf, size_t size);
/* What may be written as its value, in words ("a duration from 1s to 1h"). */
const char *option_value_text(const struct option *option, char *buf,
			      size_t size);
/* Milliseconds in pool.ini's way of writing: "500ms", "1h". */
const char *option_duration_text(uint64_t ms, char *buf, size_t size);

#endif
