/* SPDX-License-Identifier: Apache-2.0
 *
 * Sections of pool.ini into the structs of a configuration: fills each object
 * with the defaults of base/options.def and then with what is written, and
 * makes the root trunks.
 * Trap: the order in read_all() matters; names must be known before
 * whoever mentions them is read.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define OPTIONS_MAX	64 /* of a section: bits of config_object.given */
#define SUGGESTIONS_MAX 32

const char *config_suggest(const char *word, const char *const *names,
			   char *buf, size_t size)
{
	const char *best = str_nearest(word, names);

	*buf = '\0';
	if (best)
		snprintf(buf, size, "; did you mean \"%s\"?", best);
	return buf;
}

const char *config_suggest_name(struct config_build *build,
				enum option_section kind, const char *word,
				char *buf, size_t size)
{
	*buf = '\0';
	if (!build->name_lists[kind] || build->n_suggested >= SUGGESTIONS_MAX)
		return buf;
	build->n_suggested++;
	return config_suggest(word, build->name_lists[kind], buf, size);
}

static const struct ini_entry *find_entry(const struct config_object *object,
					  const char *key)
{
	const struct ini_entry *entry =
		object->section ? object->section->first : NULL;

	while (entry && !slice_is(entry->key, slice_of(key)))
		entry = entry->next;
	return entry;
}

struct report_place config_place(const struct config_object *object,
				 const char *key)
{
	const struct ini_entry *entry = find_entry(object, key);

	return entry ? entry->value_at : object->section->at;
}

bool config_is_given(const struct config_object *object, const char *key)
{
	return find_entry(object, key) != NULL;
}

bool config_is_wrong(const struct config_object *object, const char *key)
{
	unsigned n;
	const struct option *options = options_of(object->kind, &n);
	const struct option *option = option_find(object->kind, slice_of(key));

	return object->wrong & 1ull << (option - options);
}

/* ---- values ----------------------------------------------------------- */

/* "; it is a key of [pool] and [trunk …]" or nothing. */
static void tell_owners(struct slice key, char *buf, size_t size)
{
	struct out out = out_init(buf, size);

	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++) {
		const struct option_section_row *row = &option_sections[i];

		if (!option_find((enum option_section)i, key))
			continue;
		out_printf(&out, "%s[%s%s]",
			   out.len ? " and " : "; it is a key of ", row->kind,
			   row->naming == NAMELESS ? "" : " …");
	}
	out_end(&out);
}

static void unknown_key(struct config_build *build,
			const struct config_object *object,
			const struct ini_entry *entry)
{
	const char *keys[OPTIONS_MAX + 1] = {NULL};
	unsigned n;
	const struct option *options = options_of(object->kind, &n);
	char key[128], hint[192];

	slice_copy(entry->key, key, sizeof(key));
	for (unsigned i = 0; i < n; i++)
		keys[i] = options[i].key;
	config_suggest(key, keys, hint, sizeof(hint));
	if (!*hint)
		tell_owners(entry->key, hint, sizeof(hint));
	report_error(build->report, entry->key_at,
		     "unknown key \"%.*s\" in [%s]%s", SLICE_ARG(entry->key),
		     object->section->title, hint);
}

/* [tls], [metrics], …: all of their options wait for a later release. */
static bool is_section_later(enum option_section kind)
{
	unsigned n;
	const struct option *options = options_of(kind, &n);

	for (unsigned i = 0; i < n; i++)
		if (!(options[i].flags & OPTION_LATER))
			return false;
	return true;
}

/* Is it written just as the default is? */
static bool is_default(const struct option *option,
		       const struct ini_entry *entry)
{
	struct slice text = slice_of(option->by_default);

	return option_has_default(option) && entry->raw.len >= text.len &&
	       !memcmp(entry->raw.ptr, text.ptr, text.len) &&
	       (entry->raw.len == text.len || entry->raw.ptr[text.len] == ' ' ||
		entry->raw.ptr[text.len] == '\t');
}

static void warn_if_later(struct config_build *build,
			  const struct option *option,
			  const struct ini_entry *entry)
{
	if (!(option->flags & OPTION_LATER) || is_default(option, entry) ||
	    is_section_later(option->section))
		return;
	report_warning(build->report, entry->value_at,
		       "%s: is not used yet, it comes in a later release",
		       option->key);
}

static bool is_given_twice(const struct config_object *object)
{
	return option_sections[object->kind].naming == NAMED &&
	       object->section->again_at.line;
}

static int read_entry(struct config_build *build, struct config_object *object,
		      const struct ini_entry *entry,
		      const struct ini_entry **seen)
{
	unsigned n;
	const struct option *options = options_of(object->kind, &n);
	const struct option *option = option_find(object->kind, entry->key);
	struct config_value value = {build, option, entry, object->target};
	int rc;

	if (!option) {
		unknown_key(build, object, entry);
		return 0;
	}
	/* A section given twice was told of already, as a whole. */
	if (seen[option - options] && is_given_twice(object))
		return 0;
	if (seen[option - options]) {
		const struct report_place *at = &seen[option - options]->key_at;

		report_error(build->report, entry->key_at,
			     "\"%s\" is given twice in [%s], first in %s:%u",
			     option->key, object->section->title,
			     at->file->name, at->line);
		return 0;
	}
	seen[option - options] = entry;
	object->given |= 1ull << (option - options);
	rc = config_value_read(&value);
	if (rc == -EINVAL)
		object->wrong |= 1ull << (option - options);
	else
		warn_if_later(build, option, entry);
	return rc == -ENOMEM ? -ENOMEM : 0;
}

static int read_section(struct config_build *build,
			struct config_object *object)
{
	const struct ini_entry *seen[OPTIONS_MAX] = {NULL};

	for (const struct ini_entry *entry = object->section->first; entry;
	     entry = entry->next)
		if (read_entry(build, object, entry, seen) < 0)
			return -ENOMEM;
	return 0;
}

static void check_needed(struct config_build *build,
			 const struct config_object *object)
{
	unsigned n;
	const struct option *options = options_of(object->kind, &n);

	for (unsigned i = 0; i < n; i++)
		if ((options[i].flags & OPTION_NEEDED) &&
		    !(object->given & 1ull << i))
			report_error(build->report, object->section->at,
				     "[%s] has no \"%s\"",
				     object->section->title, options[i].key);
}

/* Defaults go the way of written values, through the same readers. */
static int read_defaults(struct config_build *build, enum option_section kind,
			 void *target)
{
	unsigned n;
	const struct option *options = options_of(kind, &n);

	must(n <= OPTIONS_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct slice text = slice_of(options[i].by_default);
		struct ini_entry entry = {.key = slice_of(options[i].key),
					  .raw = text,
					  .key_at = build->ini.start,
					  .value_at = build->ini.start};
		struct config_value value = {build, &options[i], &entry,
					     target};

		if (option_has_default(&options[i]) &&
		    config_value_read(&value) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* All sections of a kind; `model` holds the defaults. */
static int read_objects(struct config_build *build, enum option_section kind,
			const void *model)
{
	for (unsigned i = 0; i < build->n_objects[kind]; i++) {
		struct config_object *object = &build->objects[kind][i];

		if (model)
			memcpy(object->target, model,
			       config_target_sizes[kind]);
		if (read_section(build, object) < 0)
			return -ENOMEM;
		check_needed(build, object);
	}
	return 0;
}

static int read_kind(struct config_build *build, enum option_section kind)
{
	void *model = NULL;

	if (config_target_sizes[kind]) {
		model = arena_alloc(build->arena, config_target_sizes[kind]);
		if (!model || read_defaults(build, kind, model) < 0)
			return -ENOMEM;
	} else if (build->n_objects[kind]) {
		report_warning(build->report,
			       build->objects[kind][0].section->at,
			       "[%s] is not used yet, it comes in a later "
			       "release",
			       option_sections[kind].kind);
	}
	return read_objects(build, kind, model);
}

/* [pool], [media]: defaults also when the section is missing. */
static int read_single(struct config_build *build, enum option_section kind,
		       void *target)
{
	if (read_defaults(build, kind, target) < 0)
		return -ENOMEM;
	return read_objects(build, kind, NULL);
}

static int read_listen(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_LISTEN]; i++) {
		struct config_object *object =
			&build->objects[SECTION_LISTEN][i];
		unsigned side =
			slice_is(object->section->name, SLICE("internal"))
				? SIDE_INTERNAL
				: SIDE_GATEWAY;

		object->target = &build->listen[side];
		build->listen_objects[side] = object;
	}
	return read_objects(build, SECTION_LISTEN, NULL);
}

/* ---- peers and trunks ------------------------------------------------- */

static char *name_of(struct config_build *build,
		     const struct config_object *object)
{
	return arena_text(build->arena, object->section->name);
}

static int finish_peers(struct config_build *build, enum option_section kind)
{
	for (unsigned i = 0; i < build->n_objects[kind]; i++) {
		const struct config_object *object = &build->objects[kind][i];
		struct config_peer *peer = object->target;

		peer->name = name_of(build, object);
		peer->is_frontend = kind == SECTION_FRONTEND;
		peer->is_routable |= peer->is_frontend;
		peer->line = object->section->at.line;
		if (!peer->name)
			return -ENOMEM;
	}
	return 0;
}

static void refuse_in_any_trunk(struct config_build *build, const char *key,
				const char *why)
{
	const struct config_object *any = &build->any_trunk;

	if (config_is_given(any, key))
		report_error(build->report, config_place(any, key),
			     "[trunk *] takes no \"%s\": %s", key, why);
}

/* The model of all trunks: the table's defaults, then those of [trunk *]. */
static int read_any_trunk(struct config_build *build,
			  struct config_trunk *model)
{
	struct config_object *any = &build->any_trunk;

	*model = (struct config_trunk){.gateway = UINT_MAX};
	if (read_defaults(build, SECTION_TRUNK, model) < 0)
		return -ENOMEM;
	if (!any->section)
		return 0;
	any->target = model;
	refuse_in_any_trunk(build, "gateway",
			    "it holds the defaults of every trunk");
	refuse_in_any_trunk(build, "port", "two trunks cannot share a port");
	if (read_section(build, any) < 0)
		return -ENOMEM;
	model->gateway = UINT_MAX;
	model->port = 0;
	return 0;
}

static int make_root_trunk(struct config_build *build,
			   const struct config_trunk *model, unsigned gateway)
{
	struct config *config = build->config;
	char *name = config->peers[gateway].name;
	const struct config_object *peer =
		&build->objects[SECTION_GATEWAY][gateway - config->n_frontends];
	struct config_trunk *trunk = &config->trunks[config->n_trunks];

	if (names_find(build->names[SECTION_TRUNK], slice_of(name)) >= 0) {
		report_error(build->report, peer->section->at,
			     "[gateway %s] has no trunk, and [trunk %s], whose "
			     "name its root trunk would bear, leads elsewhere",
			     name, name);
		return 0;
	}
	*trunk = *model;
	trunk->name = name;
	trunk->gateway = gateway;
	trunk->is_root = true;
	return config_give_name(build, SECTION_TRUNK, slice_of(name),
				config->n_trunks++);
}

/* For suggestions: now that root trunks are there, too. */
static int list_trunks(struct config_build *build)
{
	const struct config *config = build->config;
	const char **list =
		arena_array(build->arena, config->n_trunks + 1, sizeof(*list));

	for (unsigned i = 0; list && i < config->n_trunks; i++)
		list[i] = config->trunks[i].name;
	build->name_lists[SECTION_TRUNK] = list;
	return list ? 0 : -ENOMEM;
}

static int make_root_trunks(struct config_build *build,
			    const struct config_trunk *model)
{
	struct config *config = build->config;
	bool *has_trunk =
		arena_array(build->arena, config->n_peers, sizeof(bool));

	if (!has_trunk)
		return -ENOMEM;
	for (unsigned i = 0; i < config->n_trunks; i++)
		if (config->trunks[i].gateway < config->n_peers)
			has_trunk[config->trunks[i].gateway] = true;
	for (unsigned i = config->n_frontends; i < config->n_peers; i++)
		if (!has_trunk[i] && make_root_trunk(build, model, i) < 0)
			return -ENOMEM;
	return list_trunks(build);
}

static int read_trunks(struct config_build *build)
{
	struct config_trunk *model = arena_alloc(build->arena, sizeof(*model));

	if (!model || read_any_trunk(build, model) < 0 ||
	    read_objects(build, SECTION_TRUNK, model) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < build->n_objects[SECTION_TRUNK]; i++) {
		const struct config_object *object =
			&build->objects[SECTION_TRUNK][i];
		struct config_trunk *trunk = object->target;

		trunk->name = name_of(build, object);
		if (!trunk->name)
			return -ENOMEM;
	}
	return make_root_trunks(build, model);
}

/* The small kinds begin with their name. */
static int give_names(struct config_build *build, enum option_section kind)
{
	for (unsigned i = 0; i < build->n_objects[kind]; i++) {
		char *name = name_of(build, &build->objects[kind][i]);

		if (!name)
			return -ENOMEM;
		memcpy(build->objects[kind][i].target, &name, sizeof(name));
	}
	return 0;
}

static int read_small_kinds(struct config_build *build)
{
	static const enum option_section kinds[] = {
		SECTION_SITE, SECTION_TRANSLATION, SECTION_RESPONSE};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (read_kind(build, kinds[i]) < 0 ||
		    give_names(build, kinds[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int read_later_kinds(struct config_build *build)
{
	static const enum option_section kinds[] = {SECTION_TLS, SECTION_HEP,
						    SECTION_CLUSTER};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (read_kind(build, kinds[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int read_all(struct config_build *build)
{
	if (read_small_kinds(build) < 0 ||
	    read_kind(build, SECTION_FRONTEND) < 0 ||
	    finish_peers(build, SECTION_FRONTEND) < 0 ||
	    read_kind(build, SECTION_GATEWAY) < 0 ||
	    finish_peers(build, SECTION_GATEWAY) < 0 ||
	    read_trunks(build) < 0 || read_kind(build, SECTION_ROUTE) < 0 ||
	    give_names(build, SECTION_ROUTE) < 0 || read_listen(build) < 0 ||
	    read_single(build, SECTION_MEDIA, &build->config->media) < 0 ||
	    read_single(build, SECTION_CDR, &build->config->cdr) < 0 ||
	    read_single(build, SECTION_METRICS, &build->config->metrics) < 0 ||
	    read_single(build, SECTION_POOL, &build->config->pool) < 0)
		return -ENOMEM;
	return read_later_kinds(build);
}

int config_read(struct config_build *build)
{
	if (config_sort_sections(build) < 0)
		return -ENOMEM;
	return read_all(build);
}
