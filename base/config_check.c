/* SPDX-License-Identifier: Apache-2.0
 *
 * What several values of a configuration must agree on; every check is one
 * function, run after all values were read, whether or not some were wrong.
 */
#include "base/config_build.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/clock.h"

#define TLS_LATER "TLS comes in a later release"

/* The i-th object of a kind and what it fills. */
static const struct config_object *object_at(const struct config_build *build,
					     enum option_section kind,
					     unsigned i)
{
	return &build->objects[kind][i];
}

static bool has_mistake_in(const struct config_peer *peer)
{
	return !peer->address_text;
}

static void check_frontend_transport(struct config_build *build,
				     const struct config_object *object)
{
	const struct config_peer *peer = object->target;

	if (peer->transport != TRANSPORT_TLS ||
	    config_is_wrong(object, "transport"))
		return;
	if (config_is_given(object, "transport"))
		report_error(build->report, config_place(object, "transport"),
			     "transport: " TLS_LATER
			     "; write transport = tcp (or udp)");
	else
		report_error(build->report, object->section->at,
			     "[%s] has no \"transport\", whose default is tls, "
			     "and " TLS_LATER "; write transport = tcp (or "
			     "udp)",
			     object->section->title);
}

static void check_gateway_transport(struct config_build *build,
				    const struct config_object *object)
{
	const struct config_peer *peer = object->target;

	if (peer->transport == TRANSPORT_TLS)
		report_error(build->report, config_place(object, "transport"),
			     "transport: " TLS_LATER
			     "; write transport = tcp (or udp)");
}

static void parse_peer_address(struct config_peer *peer)
{
	uint16_t port = peer->transport == TRANSPORT_TLS ? 5061 : 5060;

	if (peer->address_text)
		(void)addr_parse(slice_of(peer->address_text), port,
				 &peer->address); /* or a name: family 0 */
}

static void check_health(struct config_build *build,
			 const struct config_object *object)
{
	struct config_peer *peer = object->target;
	struct config_health *health = &peer->health;

	if (health->options_timeout_us <= health->options_interval_us)
		return;
	report_warning(
		build->report,
		config_place(object, config_is_given(object, "options_timeout")
					     ? "options_timeout"
					     : "options_interval"),
		"options_timeout is longer than options_interval, which "
		"is used instead");
	health->options_timeout_us = health->options_interval_us;
}

/* Only what somebody wrote: the default asks for nothing. */
static void warn_of_clear_keys(struct config_build *build,
			       const struct config_object *object)
{
	const struct config_peer *peer = object->target;

	if (config_is_given(object, "srtp_mode") &&
	    peer->srtp_mode != SRTP_NOT_SUPPORTED &&
	    peer->transport != TRANSPORT_TLS)
		report_warning(
			build->report, config_place(object, "srtp_mode"),
			"srtp_mode: over %s the keys of the audio travel "
			"in clear",
			peer->transport == TRANSPORT_UDP ? "udp" : "tcp");
}

static void check_peers(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_FRONTEND]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_FRONTEND, i);

		check_frontend_transport(build, object);
		warn_of_clear_keys(build, object);
		check_health(build, object);
		parse_peer_address(object->target);
	}
	for (unsigned i = 0; i < build->n_objects[SECTION_GATEWAY]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_GATEWAY, i);

		check_gateway_transport(build, object);
		check_health(build, object);
		parse_peer_address(object->target);
	}
}

/* Both may be drained and shown by name alone. */
static void check_peer_names(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_GATEWAY]; i++) {
		const struct ini_section *gateway =
			object_at(build, SECTION_GATEWAY, i)->section;
		long other = names_find(build->names[SECTION_FRONTEND],
					gateway->name);

		if (other < 0)
			continue;
		report_error(build->report, gateway->name_at,
			     "\"%.*s\" is the name of a front end already "
			     "(line %u)",
			     SLICE_ARG(gateway->name),
			     build->config->peers[other].line);
	}
}

static const char *peer_key(const struct config_peer *peer, char *buf,
			    size_t size)
{
	char text[ADDR_TEXT_MAX];

	snprintf(buf, size, "%d %d %s", peer->is_frontend, peer->transport,
		 addr_is_none(&peer->address)
			 ? peer->address_text
			 : addr_text(&peer->address, text));
	return buf;
}

/* Two peers at one address are possible (each with a trunk port of its own),
 * but rarely meant. */
static int warn_of_twins(struct config_build *build)
{
	struct config *config = build->config;
	struct names *seen = names_new(build->arena);

	for (unsigned i = 0; seen && i < config->n_peers; i++) {
		const struct config_peer *peer = &config->peers[i];
		char buf[320], *key;
		long twin;

		if (has_mistake_in(peer))
			continue;
		key = arena_text(build->arena,
				 slice_of(peer_key(peer, buf, sizeof(buf))));
		if (!key)
			return -ENOMEM;
		twin = names_find(seen, slice_of(key));
		if (twin < 0 && names_add(seen, slice_of(key), i) < 0)
			return -ENOMEM;
		if (twin < 0)
			continue;
		report_warning(
			build->report,
			config_place(
				peer->is_frontend
					? object_at(build, SECTION_FRONTEND, i)
					: object_at(build, SECTION_GATEWAY,
						    i - config->n_frontends),
				"address"),
			"address: \"%s\" has the same; calls from there may "
			"count as its calls",
			config->peers[twin].name);
	}
	return seen ? 0 : -ENOMEM;
}

/* Nothing looks names up yet, and nobody shall wonder why a peer is silent. */
static void warn_of_names(struct config_build *build, enum option_section kind)
{
	for (unsigned i = 0; i < build->n_objects[kind]; i++) {
		const struct config_object *object = object_at(build, kind, i);
		const struct config_peer *peer = object->target;

		if (!has_mistake_in(peer) && addr_is_none(&peer->address))
			report_warning(
				build->report, config_place(object, "address"),
				"address: \"%s\" is a name, and names are "
				"looked up in a later release; until "
				"then [%s] gets no calls",
				peer->address_text, object->section->title);
	}
}

static const struct config_object *trunk_object(
	const struct config_build *build, unsigned i)
{
	if (i < build->n_objects[SECTION_TRUNK])
		return object_at(build, SECTION_TRUNK, i);
	return NULL; /* a root trunk */
}

static void check_trunk_srtp(struct config_build *build, unsigned i,
			     bool *is_told)
{
	struct config_trunk *trunk = &build->config->trunks[i];
	const struct config_object *object = trunk_object(build, i);
	const struct config_object *any = &build->any_trunk;
	bool is_own = object && config_is_given(object, "srtp_mode");
	const struct config_peer *gateway;

	if (trunk->gateway >= build->config->n_peers)
		return;
	gateway = &build->config->peers[trunk->gateway];
	if (gateway->transport == TRANSPORT_TLS) {
		if (!is_own && !config_is_given(any, "srtp_mode"))
			trunk->srtp_mode = SRTP_REQUIRED;
		return;
	}
	if (trunk->srtp_mode == SRTP_NOT_SUPPORTED || (!is_own && *is_told))
		return;
	report_error(build->report,
		     config_place(is_own ? object : any, "srtp_mode"),
		     "srtp_mode: [gateway %s] is reached over %s, where only "
		     "not_supported is possible",
		     gateway->name,
		     gateway->transport == TRANSPORT_UDP ? "udp" : "tcp");
	*is_told |= !is_own;
}

static void check_trunk(struct config_build *build,
			const struct config_object *object)
{
	const struct config_trunk *trunk = object->target;

	if (trunk->forward_anonymous_call_gateway_pai && !trunk->forward_pai)
		report_warning(
			build->report,
			config_place(object,
				     "forward_anonymous_call_gateway_pai"),
			"forward_anonymous_call_gateway_pai has no effect "
			"without forward_pai = yes");
	if (trunk->enable_location_restriction && !trunk->network_site)
		report_warning(
			build->report,
			config_place(object, "enable_location_restriction"),
			"enable_location_restriction needs network_site");
}

static void check_trunks(struct config_build *build)
{
	bool is_told = false;

	for (unsigned i = 0; i < build->config->n_trunks; i++)
		check_trunk_srtp(build, i, &is_told);
	for (unsigned i = 0; i < build->n_objects[SECTION_TRUNK]; i++)
		check_trunk(build, object_at(build, SECTION_TRUNK, i));
}

static void check_routes(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_ROUTE]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_ROUTE, i);
		const struct config_route *route = object->target;

		if (route->alternate_caller_id && !route->suppress_caller_id)
			report_warning(
				build->report,
				config_place(object, "alternate_caller_id"),
				"alternate_caller_id has no effect "
				"without suppress_caller_id = yes");
	}
}

static void check_responses(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_RESPONSE]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_RESPONSE, i);
		const struct config_response *response = object->target;

		if (response->received && response->received < 400)
			report_error(build->report,
				     config_place(object, "received"),
				     "received: \"%u\" is not a final answer: "
				     "400 to 699, or 0 for any",
				     response->received);
	}
}

/* Usages that some route carries. */
static struct names *route_usages(struct config_build *build)
{
	struct names *usages = names_new(build->arena);

	for (unsigned i = 0; usages && i < build->config->n_routes; i++) {
		const struct text_list *list =
			&build->config->routes[i].pstn_usages;

		for (unsigned j = 0; j < list->n; j++)
			if (names_add(usages, slice_of(list->items[j]), i) ==
			    -ENOMEM)
				return NULL;
	}
	return usages;
}

static void warn_of_usages(struct config_build *build,
			   const struct names *usages,
			   const struct config_object *object,
			   const struct text_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		if (names_find(usages, slice_of(list->items[i])) < 0)
			report_warning(build->report,
				       config_place(object, "pstn_usages"),
				       "pstn_usages: no route has the usage "
				       "\"%s\"",
				       list->items[i]);
}

static int check_usages(struct config_build *build)
{
	struct names *usages = route_usages(build);

	if (!usages)
		return -ENOMEM;
	for (unsigned i = 0; i < build->n_objects[SECTION_FRONTEND]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_FRONTEND, i);
		const struct config_peer *peer = object->target;

		warn_of_usages(build, usages, object, &peer->pstn_usages);
	}
	for (unsigned i = 0; i < build->n_objects[SECTION_TRUNK]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_TRUNK, i);
		const struct config_trunk *trunk = object->target;

		if (config_is_given(object, "pstn_usages"))
			warn_of_usages(build, usages, object,
				       &trunk->pstn_usages);
	}
	return 0;
}

/* 0 is never; what is shorter than a second makes nothing but work. */
static void check_cdr(struct config_build *build)
{
	const struct config_cdr *cdr = &build->config->cdr;
	const struct {
		const char *key;
		uint64_t us;
	} times[] = {{"rotate", cdr->rotate_us}, {"interim", cdr->interim_us}};

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i].us && times[i].us < USEC_PER_SEC)
			report_error(
				build->report,
				config_place(&build->objects[SECTION_CDR][0],
					     times[i].key),
				"%s: is less than 1s; 0 is never",
				times[i].key);
}

/* Perl's and sed's way; it would be dialled as it stands. */
static void warn_of_backslashes(struct config_build *build)
{
	for (unsigned i = 0; i < build->n_objects[SECTION_TRANSLATION]; i++) {
		const struct config_object *object =
			object_at(build, SECTION_TRANSLATION, i);
		const struct config_translation *rule = object->target;
		const char *at = rule->translation
					 ? strchr(rule->translation, '\\')
					 : NULL;

		if (at && at[1] >= '0' && at[1] <= '9')
			report_warning(build->report,
				       config_place(object, "translation"),
				       "translation: \"\\%c\" stands for "
				       "itself; a group of the pattern is "
				       "written \"$%c\"",
				       at[1], at[1]);
	}
}

static void warn_of_emptiness(struct config_build *build)
{
	if (!build->n_objects[SECTION_FRONTEND])
		report_warning(build->report, build->ini.start,
			       "there is no [frontend NAME]: calls from "
			       "gateways have nowhere to go");
	if (!build->n_objects[SECTION_GATEWAY])
		report_warning(build->report, build->ini.start,
			       "there is no [gateway NAME]: calls from front "
			       "ends have nowhere to go");
}

int config_check(struct config_build *build)
{
	check_peers(build);
	check_peer_names(build);
	warn_of_names(build, SECTION_FRONTEND);
	warn_of_names(build, SECTION_GATEWAY);
	check_trunks(build);
	check_routes(build);
	check_responses(build);
	check_cdr(build);
	warn_of_backslashes(build);
	warn_of_emptiness(build);
	if (warn_of_twins(build) < 0)
		return -ENOMEM;
	return check_usages(build);
}
