/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice of the engine.  Called once at the media worker's start; the
 * others are thin calls through the kind's row.  Order of the table = order of
 * preference, as measured (tests/bench/media): io_uring costs about half of
 * epoll per packet, but many hosts and containers forbid it.
 */
#include "media/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct engine {
	const struct engine_kind *kind;
	void *state;
};

static const struct engine_kind *const engine_kinds[] = {
	&engine_uring,
	&engine_epoll,
};
#define N_KINDS (sizeof(engine_kinds) / sizeof(engine_kinds[0]))

static bool engine_is_wanted(const struct engine_kind *kind, const char *name)
{
	return !name || !*name || strcmp(kind->name, name) == 0;
}

int engine_new(const struct engine_settings *settings,
	       struct engine **ret_engine)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int error = -EINVAL;

	if (!engine)
		return -ENOMEM;
	for (size_t i = 0; i < N_KINDS; i++) {
		engine->kind = engine_kinds[i];
		if (!engine_is_wanted(engine->kind, settings->name))
			continue;
		error = engine->kind->open(settings, &engine->state);
		if (error == 0) {
			*ret_engine = engine;
			return 0;
		}
	}
	free(engine);
	return error;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	engine->kind->close(engine->state);
	free(engine);
	return NULL;
}

const char *engine_name(const struct engine *engine)
{
	return engine->kind->name;
}

int engine_add(struct engine *engine, uint32_t socket, int fd)
{
	return engine->kind->add(engine->state, socket, fd);
}

void engine_remove(struct engine *engine, uint32_t socket)
{
	engine->kind->remove(engine->state, socket);
}

int engine_watch(struct engine *engine, int fd)
{
	return engine->kind->watch(engine->state, fd);
}

void engine_unwatch(struct engine *engine, int fd)
{
	engine->kind->unwatch(engine->state, fd);
}

void engine_send(struct engine *engine, const struct engine_send *send)
{
	engine->kind->send(engine->state, send);
}

int engine_turn(struct engine *engine, const struct engine_wait *wait)
{
	return engine->kind->turn(engine->state, wait);
}
