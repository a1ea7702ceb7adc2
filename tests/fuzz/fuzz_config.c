/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the text of a configuration.  What loads must load again, must
 * not differ from itself, and its patterns must compile; nothing may crash,
 * leak or hang.  `make check` replays tests/fuzz/config, a fuzzer makes more.
 */
#include <stdlib.h>

#include "route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct config *config, struct slice text)
{
	struct route_rules *rules = route_rules_new(config);
	char *difference = config_difference(text, text);

	must(rules);
	must(difference && !*difference);
	for (unsigned i = 0; i < config->n_listeners; i++)
		must(config_listener(config, config->listeners[i].id) ==
		     &config->listeners[i]);
	for (unsigned i = 0; i < config->n_trunks; i++)
		must(config_listener_for_peer(
			config, &config->peers[config->trunks[i].gateway],
			(int)i));
	free(difference);
	route_rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct config_report report;
	struct config *config;
	int rc;

	config_set_pattern_check(route_check_pattern);
	rc = config_load_text(text, &config, &report);
	must((rc == 0) == (report.n_errors == 0));
	must(report.n_errors + report.n_warnings == 0 || *report.text);
	config_report_done(&report);
	if (rc < 0)
		return 0;
	use(config, text);
	config_free(config);
	return 0;
}
