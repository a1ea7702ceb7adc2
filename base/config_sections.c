/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sections of pool.ini are what: sorts them by kind, judges their
 * headings, and gives every object its place in the configuration's arrays
 * and its name.  First step of config_read().
 */
#include "base/config_build.h"

#include <errno.h>

#define NAME_MAX_LEN 56 /* of a section; fits what shm/ makes of it */

const size_t config_target_sizes[N_OPTION_SECTIONS] = {
	[SECTION_POOL] = sizeof(struct config_pool),
	[SECTION_LISTEN] = sizeof(struct config_listen),
	[SECTION_MEDIA] = sizeof(struct config_media),
	[SECTION_METRICS] = sizeof(struct config_metrics),
	[SECTION_FRONTEND] = sizeof(struct config_peer),
	[SECTION_GATEWAY] = sizeof(struct config_peer),
	[SECTION_TRUNK] = sizeof(struct config_trunk),
	[SECTION_ROUTE] = sizeof(struct config_route),
	[SECTION_TRANSLATION] = sizeof(struct config_translation),
	[SECTION_RESPONSE] = sizeof(struct config_response),
	[SECTION_SITE] = sizeof(struct config_site),
	[SECTION_CDR] = sizeof(struct config_cdr),
};

static void unknown_section(struct config_build *build,
			    const struct ini_section *section)
{
	const char *kinds[N_OPTION_SECTIONS + 1] = {NULL};
	char kind[64], hint[96];

	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++)
		kinds[i] = option_sections[i].kind;
	slice_copy(section->kind, kind, sizeof(kind));
	report_error(build->report, section->at, "unknown section [%s]%s",
		     section->title,
		     config_suggest(kind, kinds, hint, sizeof(hint)));
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_good_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_char(name.ptr[i]))
			return false;
	return true;
}

/* Names of processes: ms<N> and mw<N>, whether or not there are so many. */
static bool is_reserved(struct slice name)
{
	if (name.len < 3 || name.ptr[0] != 'm' ||
	    (name.ptr[1] != 's' && name.ptr[1] != 'w'))
		return false;
	for (size_t i = 2; i < name.len; i++)
		if (name.ptr[i] < '0' || name.ptr[i] > '9')
			return false;
	return true;
}

static bool check_name(struct config_build *build,
		       const struct ini_section *section)
{
	struct slice name = section->name;
	char hint[96];

	if (!name.len)
		report_error(build->report, section->at,
			     "[%s] needs a name: [%s NAME]", section->title,
			     section->title);
	else if (!is_good_name(name))
		report_error(build->report, section->name_at,
			     "the name \"%.*s\" may hold letters, digits, . _ "
			     "and - only%s",
			     SLICE_ARG(name),
			     config_hint_name(name, hint, sizeof(hint)));
	else if (name.len > NAME_MAX_LEN)
		report_error(build->report, section->name_at,
			     "the name is longer than %d characters",
			     NAME_MAX_LEN);
	else if (is_reserved(name))
		report_error(build->report, section->name_at,
			     "the name \"%.*s\" is reserved for a worker of "
			     "the pool",
			     SLICE_ARG(name));
	else
		return true;
	return false;
}

static bool check_listen_name(struct config_build *build,
			      const struct ini_section *section)
{
	static const char *const names[] = {"internal", "gateway", NULL};
	char name[64], hint[96];

	if (slice_is(section->name, SLICE("internal")) ||
	    slice_is(section->name, SLICE("gateway")))
		return true;
	slice_copy(section->name, name, sizeof(name));
	report_error(build->report, section->at,
		     "[%s] is neither [listen internal] nor [listen gateway]%s",
		     section->title,
		     config_suggest(name, names, hint, sizeof(hint)));
	return false;
}

static bool is_any_trunk(enum option_section kind,
			 const struct ini_section *section)
{
	return kind == SECTION_TRUNK && slice_is(section->name, SLICE("*"));
}

/* Is the section's name as its kind wants it?  Reported if not. */
static bool check_heading(struct config_build *build, enum option_section kind,
			  const struct ini_section *section)
{
	enum option_naming naming = option_sections[kind].naming;

	if (naming == FIXED)
		return check_listen_name(build, section);
	if (naming == NAMELESS) {
		if (section->name.len)
			report_error(build->report, section->name_at,
				     "[%s] takes no name",
				     option_sections[kind].kind);
		return !section->name.len;
	}
	if (is_any_trunk(kind, section))
		return true;
	if (!check_name(build, section))
		return false;
	if (section->again_at.line)
		report_error(build->report, section->again_at,
			     "[%s] is given twice, first in %s:%u",
			     section->title, section->at.file->name,
			     section->at.line);
	return true;
}

static int count_sections(struct config_build *build)
{
	unsigned n[N_OPTION_SECTIONS] = {0};
	enum option_section kind;

	for (const struct ini_section *section = build->ini.first; section;
	     section = section->next)
		if (!option_section_find(section->kind, &kind))
			n[kind]++;
	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++) {
		build->objects[i] = arena_array(build->arena, n[i],
						sizeof(struct config_object));
		build->names[i] = names_new(build->arena);
		if (!build->objects[i] || !build->names[i])
			return -ENOMEM;
	}
	return 0;
}

static void sort_section(struct config_build *build,
			 const struct ini_section *section)
{
	struct config_object object = {.section = section};

	if (option_section_find(section->kind, &object.kind) < 0)
		unknown_section(build, section);
	else if (!check_heading(build, object.kind, section))
		return;
	else if (is_any_trunk(object.kind, section))
		build->any_trunk = object;
	else
		build->objects[object.kind][build->n_objects[object.kind]++] =
			object;
}

/* ---- places and names ------------------------------------------------- */

int config_give_name(struct config_build *build, enum option_section kind,
		     struct slice name, unsigned index)
{
	return names_add(build->names[kind], name, index) == -ENOMEM ? -ENOMEM
								     : 0;
}

/* An array of n objects whose first members go to the sections of `kind`. */
static void *make_objects(struct config_build *build, enum option_section kind,
			  unsigned n, unsigned first)
{
	size_t size = config_target_sizes[kind];
	char *array = arena_array(build->arena, n, size);

	for (unsigned i = 0; array && i < build->n_objects[kind]; i++) {
		struct config_object *object = &build->objects[kind][i];

		object->target = array + size * (first + i);
		if (config_give_name(build, kind, object->section->name,
				     first + i) < 0)
			return NULL;
	}
	return array;
}

/* Front ends and gateways share one array, front ends first. */
static int make_peers(struct config_build *build)
{
	struct config *config = build->config;
	unsigned n_gateways = build->n_objects[SECTION_GATEWAY];

	config->n_frontends = build->n_objects[SECTION_FRONTEND];
	config->n_peers = config->n_frontends + n_gateways;
	config->peers =
		make_objects(build, SECTION_FRONTEND, config->n_peers, 0);
	if (!config->peers)
		return -ENOMEM;
	for (unsigned i = 0; i < n_gateways; i++) {
		struct config_object *object =
			&build->objects[SECTION_GATEWAY][i];
		unsigned index = config->n_frontends + i;

		object->target = &config->peers[index];
		if (config_give_name(build, SECTION_GATEWAY,
				     object->section->name, index) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int make_all(struct config_build *build)
{
	struct config *config = build->config;
	const unsigned *n = build->n_objects;

	config->n_trunks = n[SECTION_TRUNK]; /* and root trunks later */
	config->n_routes = n[SECTION_ROUTE];
	config->n_translations = n[SECTION_TRANSLATION];
	config->n_responses = n[SECTION_RESPONSE];
	config->n_sites = n[SECTION_SITE];
	if (make_peers(build) < 0)
		return -ENOMEM;
	config->trunks = make_objects(build, SECTION_TRUNK,
				      n[SECTION_TRUNK] + n[SECTION_GATEWAY], 0);
	config->routes =
		make_objects(build, SECTION_ROUTE, config->n_routes, 0);
	config->translations = make_objects(build, SECTION_TRANSLATION,
					    config->n_translations, 0);
	config->responses =
		make_objects(build, SECTION_RESPONSE, config->n_responses, 0);
	config->sites = make_objects(build, SECTION_SITE, config->n_sites, 0);
	if (!config->trunks || !config->routes || !config->translations ||
	    !config->responses || !config->sites)
		return -ENOMEM;
	if (n[SECTION_POOL])
		build->objects[SECTION_POOL][0].target = &config->pool;
	if (n[SECTION_MEDIA])
		build->objects[SECTION_MEDIA][0].target = &config->media;
	if (n[SECTION_CDR])
		build->objects[SECTION_CDR][0].target = &config->cdr;
	if (n[SECTION_METRICS])
		build->objects[SECTION_METRICS][0].target = &config->metrics;
	return 0;
}

/* Names of a kind as str_nearest() wants them. */
static int list_names(struct config_build *build, enum option_section kind)
{
	unsigned n = build->n_objects[kind];
	const char **list = arena_array(build->arena, n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		list[i] = arena_text(build->arena,
				     build->objects[kind][i].section->name);
		if (!list[i])
			return -ENOMEM;
	}
	build->name_lists[kind] = list;
	return 0;
}

int config_sort_sections(struct config_build *build)
{
	if (count_sections(build) < 0)
		return -ENOMEM;
	for (const struct ini_section *section = build->ini.first; section;
	     section = section->next)
		sort_section(build, section);
	if (make_all(build) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++)
		if (list_names(build, (enum option_section)i) < 0)
			return -ENOMEM;
	return 0;
}
