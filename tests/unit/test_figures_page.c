/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of figures: what is counted is found again, by readers and by a
 * successor, and no number of names makes a page grow.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "shm/figures.h"
#include "tests/unit/scratch.h"

static const struct slot_id ms1 = {SLOT_SIGNALLING, 1};
static const char *run_dir;

static void make(void)
{
	run_dir = scratch_make();
}

static void drop(void)
{
	scratch_remove();
}

TestSuite(figures_page, .init = make, .fini = drop);

static struct figures *own(void)
{
	struct figures *figures = NULL;

	cr_assert_eq(figures_own(run_dir, ms1, &figures), 0);
	return figures;
}

Test(figures_page, a_reader_sees_what_the_owner_counts)
{
	struct figures *figures = own();
	const struct figures *seen = NULL;
	struct figures_trunk *trunk = figures_trunk(figures, SLICE("t1"));

	cr_assert_eq(figures_open(run_dir, ms1, &seen), 0);
	figures_count(&trunk->calls[CALL_INBOUND].results[RESULT_busy]);
	trunk = figures_trunk(figures, SLICE("t1"));
	figures_count(&trunk->calls[CALL_INBOUND].results[RESULT_busy]);
	cr_expect_eq(seen->trunks[trunk - figures->trunks]
			     .calls[CALL_INBOUND]
			     .results[RESULT_busy],
		     2);
	cr_expect_str_eq(seen->trunks[trunk - figures->trunks].name, "t1");
	figures_close(seen);
	figures_close(figures);
}

Test(figures_page, a_successor_goes_on_with_the_figures)
{
	struct figures *figures = own();

	figures_count(&figures_peer(figures, SLICE("gw1"))->probes_good);
	figures_close(figures);
	figures = own();
	cr_expect_eq(figures_peer(figures, SLICE("gw1"))->probes_good, 1);
	figures_close(figures);
}

Test(figures_page, a_time_is_in_the_first_bucket_that_holds_it)
{
	static const struct {
		uint64_t took_us;
		unsigned bucket;
	} cases[] = {
		{0, 0}, {50000, 0}, {50001, 1}, {30000000, 12}, {30000001, 13}};
	struct histogram histogram = {0};
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = histogram.buckets[cases[i].bucket];

		figures_note(&histogram, FIGURE_setup, cases[i].took_us);
		sum += cases[i].took_us;
		cr_expect_eq(histogram.buckets[cases[i].bucket], before + 1,
			     "%llu us", (unsigned long long)cases[i].took_us);
	}
	cr_expect_eq(histogram.sum_us, sum);
}

Test(figures_page, bounds_rise_and_fit)
{
	for (unsigned i = 0; i < N_FIGURES; i++) {
		const uint64_t *bounds = figure_rows[i].bounds_us;

		cr_expect_gt(bounds[0], 0);
		for (unsigned j = 1; j < FIGURE_BUCKETS && bounds[j]; j++)
			cr_expect_gt(bounds[j], bounds[j - 1], "%s",
				     figure_rows[i].name);
	}
}

Test(figures_page, names_beyond_its_rows_share_row_0)
{
	struct figures *figures = own();
	unsigned n_own = 0;

	for (unsigned i = 0; i < 2 * FIGURE_TRUNKS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%u", i);
		n_own += figures_trunk(figures, slice_of(name)) !=
			 &figures->trunks[0];
	}
	cr_expect_eq(n_own, FIGURE_TRUNKS - 1);
	cr_expect_eq(figures_trunk(figures, SLICE_NONE), &figures->trunks[0]);
	cr_expect_neq(figures_trunk(figures, SLICE("t0")), &figures->trunks[0]);
	cr_expect_str_eq(figures->trunks[0].name, "");
	figures_close(figures);
}
