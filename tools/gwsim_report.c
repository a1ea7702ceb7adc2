/* SPDX-License-Identifier: Apache-2.0
 *
 * What the simulator says of its calls: a line for each that was not good, a
 * summary for people or one JSON document.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/gwsim.h"

void report_call(const struct sim_call *call)
{
	const struct sim_options *options = &call->sim->options;

	if (call->is_good || options->is_quiet)
		return;
	fprintf(stderr, "%s: call %s is not good: %s\n", options->name,
		call->call_id, call->why);
}

static int compare_times(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* Milliseconds below which `percent` of the times lie; times get sorted. */
static double percentile_ms(uint32_t *times, uint64_t n, double percent)
{
	uint64_t i = (uint64_t)((double)n * percent / 100);

	if (n == 0)
		return 0;
	qsort(times, n, sizeof(*times), compare_times);
	return times[i < n ? i : n - 1] / 1000.0;
}

static json_t *times_json(uint32_t *times, uint64_t n)
{
	if (n == 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "p50", percentile_ms(times, n, 50),
			 "p99", percentile_ms(times, n, 99), "max",
			 percentile_ms(times, n, 100));
}

static json_t *codes_json(const struct sim_figures *figures)
{
	json_t *codes = json_object();
	char text[8];

	for (unsigned code = 0; code < 700; code++) {
		if (!figures->statuses[code])
			continue;
		snprintf(text, sizeof(text), "%u", code);
		json_object_set_new(
			codes, text,
			json_integer((json_int_t)figures->statuses[code]));
	}
	return codes;
}

static json_t *media_json(const struct sim_figures *figures)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:f}", "sent",
			 (json_int_t)figures->rtp_sent, "received",
			 (json_int_t)figures->rtp_received, "lost",
			 (json_int_t)figures->rtp_lost, "heard",
			 (json_int_t)figures->rtp_heard, "jitter_max_ms",
			 figures->jitter_max_us / 1000.0);
}

static void report_json(const struct sim *sim)
{
	const struct sim_figures *figures = &sim->figures;
	json_t *root = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I}",
		"name", sim->options.name, "placed",
		(json_int_t)figures->n_placed, "taken",
		(json_int_t)figures->n_taken, "answered",
		(json_int_t)figures->n_answered, "good",
		(json_int_t)figures->n_good, "failed",
		(json_int_t)figures->n_failed, "codes", codes_json(figures),
		"ring_ms", times_json(figures->ring_us, figures->n_ring),
		"answer_ms", times_json(figures->answer_us, figures->n_answer),
		"rtp", media_json(figures), "retransmitted",
		(json_int_t)figures->repeats_sent);

	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

void report_summary(const struct sim *sim)
{
	const struct sim_figures *f = &sim->figures;

	if (sim->options.is_json) {
		report_json(sim);
		return;
	}
	if (sim->options.is_quiet)
		return;
	printf("%s: %llu calls placed, %llu taken, %llu answered, %llu good, "
	       "%llu failed\n",
	       sim->options.name, (unsigned long long)f->n_placed,
	       (unsigned long long)f->n_taken,
	       (unsigned long long)f->n_answered, (unsigned long long)f->n_good,
	       (unsigned long long)f->n_failed);
	if (f->n_ring > 0)
		printf("%s: ringing after %.1f ms (median), %.1f ms (p99)\n",
		       sim->options.name,
		       percentile_ms(f->ring_us, f->n_ring, 50),
		       percentile_ms(f->ring_us, f->n_ring, 99));
	printf("%s: RTP %llu sent, %llu received, %llu lost, %llu with the "
	       "tone, jitter at most %.1f ms\n",
	       sim->options.name, (unsigned long long)f->rtp_sent,
	       (unsigned long long)f->rtp_received,
	       (unsigned long long)f->rtp_lost,
	       (unsigned long long)f->rtp_heard, f->jitter_max_us / 1000.0);
}

bool report_is_good(const struct sim *sim)
{
	return !sim->options.target ||
	       sim->figures.n_good == sim->options.n_calls;
}
