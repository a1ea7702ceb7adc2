/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files that make a configuration out of pool.ini share; nobody else
 * includes it (base/config.h is the interface).
 *
 *   config_files.c    files, pool.d, the sealed text
 *   config.c          the order of the steps, config_free
 *   config_sections.c which sections there are, their places and names
 *   config_read.c     sections -> structs, by base/options.def
 *   config_value.c    the text of one value -> a member
 *   config_list.c     the same for lists and for names of other sections
 *   config_hint.c     what was probably meant by a wrong value or name
 *   config_check.c    what several values must agree on
 *   config_default.c  listeners of a side for which none are written
 *   config_listen.c   listeners, their ids and overlaps
 *   config_find.c     look-ups in the finished configuration
 */
#ifndef BASE_CONFIG_BUILD_H
#define BASE_CONFIG_BUILD_H

#include "base/config.h"
#include "base/ini.h"
#include "base/names.h"
#include "base/options.h"

/* [listen internal] and [listen gateway] as written. */
struct config_listen {
	struct addr *addresses[N_TRANSPORTS];
	unsigned n_addresses[N_TRANSPORTS];
	char *advertise;
	struct addr media_address;
};

/* A section of the text and the struct that it fills. */
struct config_object {
	enum option_section kind;
	const struct ini_section *section;
	void *target; /* NULL: a section of a later release */
	/* bit n: the n-th option of its kind is written, is written wrongly */
	uint64_t given, wrong;
};

struct config_build {
	struct config *config;
	struct arena *arena;
	struct report *report;
	struct ini ini;
	/* Objects of each kind in file order, and name -> number. */
	struct config_object *objects[N_OPTION_SECTIONS];
	unsigned n_objects[N_OPTION_SECTIONS];
	struct names *names[N_OPTION_SECTIONS];
	const char **name_lists[N_OPTION_SECTIONS]; /* for suggestions */
	unsigned n_suggested;
	struct config_listen listen[2]; /* by enum listener_side */
	const struct config_object *listen_objects[2];
	struct config_object any_trunk; /* [trunk *]; section NULL: none */
};

/* Indexes that make look-ups cheap; config.arena points to it. */
struct config_memory {
	struct arena *arena;
	struct names *peers, *trunks;
	unsigned *first_trunk;	   /* peer -> its first trunk */
	unsigned *trunk_listener;  /* trunk -> its first own listener, or ~0 */
	unsigned n_shared;	   /* listeners of the [listen] sections */
	unsigned *listeners_by_id; /* sorted */
	struct config_sources *sources[2]; /* by enum listener_side */
	/* what of the host's choices stands in the text */
	bool is_fqdn_given, is_signalling_given, is_media_given;
};

/* 0 or -ENOMEM; mistakes go to the report. */
int config_sort_sections(struct config_build *build);
int config_read(struct config_build *build);
int config_check(struct config_build *build);
/* A side without a [listen] section gets addresses of this host. */
int config_choose_listeners(struct config_build *build);
int config_make_listeners(struct config_build *build);
int config_make_indexes(struct config_build *build);

/* Size of the struct that a section of this kind fills, 0: of none. */
extern const size_t config_target_sizes[N_OPTION_SECTIONS];
/* 0 or -ENOMEM; the first of a name keeps it. */
int config_give_name(struct config_build *build, enum option_section kind,
		     struct slice name, unsigned index);

/* One value on its way into its struct. */
struct config_value {
	struct config_build *build;
	const struct option *option;
	const struct ini_entry *entry;
	char *target; /* NULL: only check */
};

/* 0, -EINVAL when it was reported, -ENOMEM; on failure the member stays. */
int config_value_read(const struct config_value *value);
void config_value_store(const struct config_value *value, uint64_t number);
void config_value_store_text(const struct config_value *value, char *text);
/* An array of `size` and its count. */
void config_value_store_list(const struct config_value *value, void *items,
			     unsigned n);
/* "KEY: …" at a place of the value; returns -EINVAL. */
int config_value_wrong(const struct config_value *value, struct report_place at,
		       const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The readers of config_list.c, rows of config_value.c's table. */
typedef int config_value_reader(const struct config_value *value);
config_value_reader config_read_words, config_read_texts, config_read_numbers,
	config_read_codes, config_read_listen, config_read_prefixes,
	config_read_gateway, config_read_trunk, config_read_trunks,
	config_read_translations, config_read_responses, config_read_site;
/* A telephone number: digits, visual separators excluded, + * #. */
bool config_is_number(const char *text);

/* "; did you mean \"x\"?" or "", in buf. */
const char *config_suggest(const char *word, const char *const *names,
			   char *buf, size_t size);
/* The same among the names of a kind of section; gives up after some dozen,
 * since a wrong file may hold thousands. */
const char *config_suggest_name(struct config_build *build,
				enum option_section kind, const char *word,
				char *buf, size_t size);
/* Advice behind a refusal, "; did you mean …?" or nothing, in buf; returns buf.
 * Of any value as it is written; the others by what was expected there. */
const char *config_hint_value(const char *text, char *buf, size_t size);
const char *config_hint_duration(const char *text, char *buf, size_t size);
const char *config_hint_peer(const char *text, char *buf, size_t size);
const char *config_hint_listen(const char *text, char *buf, size_t size);
const char *config_hint_name(struct slice name, char *buf, size_t size);
const char *config_hint_list(const char *text, char *buf, size_t size);
/* An IPv6 address whose last group looks like a port. */
const char *config_hint_ipv6_port(const char *text, char *buf, size_t size);
/* offset: where the pattern's mistake is. */
const char *config_hint_pattern(const char *text, size_t offset, char *buf,
				size_t size);

/* Where the value of `key` stands, else where the section begins. */
struct report_place config_place(const struct config_object *object,
				 const char *key);
bool config_is_given(const struct config_object *object, const char *key);
/* Written, but with a mistake that was told; the default stands. */
bool config_is_wrong(const struct config_object *object, const char *key);

#endif
