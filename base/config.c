/* SPDX-License-Identifier: Apache-2.0
 *
 * From the text of pool.ini to a configuration: the order of the steps, and
 * what the host decides (names, cores).  In the master through
 * config_load_file, in children and tools through config_load_text.
 * Trap: what depends on the host is written into the sealed text by the
 * master, so that its children do not ask the host again.
 */
#include "base/config_build.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static unsigned count_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

static unsigned at_most(unsigned number, unsigned most)
{
	return number < most ? number : most;
}

static char *host_name(struct arena *arena)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0 || !*name)
		snprintf(name, sizeof(name), "localhost");
	name[sizeof(name) - 1] = '\0';
	return arena_text(arena, slice_of(name));
}

static bool is_pool_given(const struct config_build *build, const char *key)
{
	return build->n_objects[SECTION_POOL] &&
	       config_is_given(&build->objects[SECTION_POOL][0], key);
}

/* Defaults that the table can only describe. */
static int fill_from_host(struct config_build *build)
{
	struct config_pool *pool = &build->config->pool;
	struct config_memory *memory = build->config->arena;
	unsigned n_cores = count_cores();

	memory->is_fqdn_given = is_pool_given(build, "fqdn");
	memory->is_signalling_given =
		is_pool_given(build, "signalling_workers");
	memory->is_media_given = is_pool_given(build, "media_workers");
	if (!memory->is_signalling_given)
		pool->signalling_workers = at_most(n_cores, BOOK_MAX);
	if (!memory->is_media_given)
		pool->media_workers =
			at_most(n_cores > 1 ? n_cores / 2 : 1, MEDIA_SLOT_MAX);
	if (!pool->fqdn)
		pool->fqdn = host_name(build->arena);
	return pool->fqdn ? 0 : -ENOMEM;
}

static int load(struct config_build *build, struct slice text)
{
	struct config_memory *memory;

	build->config = arena_alloc(build->arena, sizeof(*build->config));
	memory = arena_alloc(build->arena, sizeof(*memory));
	if (!build->config || !memory)
		return -ENOMEM;
	memory->arena = build->arena;
	build->config->arena = memory;
	if (ini_read(text, build->arena, build->report, &build->ini) < 0 ||
	    config_read(build) < 0 || fill_from_host(build) < 0 ||
	    config_check(build) < 0 || config_choose_listeners(build) < 0 ||
	    config_make_listeners(build) < 0)
		return -ENOMEM;
	if (report_has_errors(build->report))
		return -EINVAL;
	return config_make_indexes(build);
}

int config_load_text(struct slice text, struct config **ret_config,
		     struct config_report *report)
{
	struct config_build build = {.arena = arena_new(),
				     .report = report_new()};
	int rc = build.arena && build.report ? load(&build, text) : -ENOMEM;

	if (rc == -ENOMEM)
		report_only(report, "error: no memory for the configuration\n");
	else
		report_finish(build.report, report);
	report_free(build.report);
	if (rc < 0)
		arena_free(build.arena);
	else
		*ret_config = build.config;
	return rc;
}

struct config *config_free(struct config *config)
{
	if (config) {
		const struct config_memory *memory = config->arena;

		arena_free(memory->arena);
	}
	return NULL;
}
