/* SPDX-License-Identifier: Apache-2.0
 *
 * shm/health.c: CONTRACT's rows "probes" and "calls as evidence", a case each;
 * then the same through tables and boards.  shm/pool_table.c beside it.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "shm/health.h"
#include "tests/unit/scratch.h"

#define NOW 1000u

struct rule {
	const char *what;
	struct health_evidence evidence;
	enum peer_state state;
};

#define PROBE(s, ...) .probe = {.state = PROBE_##s, __VA_ARGS__}
#define ENABLED	      .is_enabled = true

static const struct rule rules[] = {
	{"nothing is known", {ENABLED}, PEER_UNKNOWN},
	{"a call was answered before any probe",
	 {ENABLED, .good_us = 5},
	 PEER_UP},
	{"a good probe", {ENABLED, PROBE(UP, .last_good_us = 5)}, PEER_UP},
	{"too many probes were missed",
	 {ENABLED, PROBE(DOWN, .last_sent_us = 500, .last_miss_us = 400)},
	 PEER_DOWN},
	{"an answered call, sent before the missed probe, is no help",
	 {ENABLED, PROBE(DOWN, .last_sent_us = 500, .last_miss_us = 400),
	  .good_us = 399},
	 PEER_DOWN},
	{"an answered call, sent after the missed probe, brings it back",
	 {ENABLED, PROBE(DOWN, .last_sent_us = 500, .last_miss_us = 400),
	  .good_us = 401},
	 PEER_UP},
	{"without the time of the miss that of the sending counts",
	 {ENABLED, PROBE(DOWN, .last_sent_us = 500), .good_us = 450},
	 PEER_DOWN},
	{"a call that timed out takes a probed peer down at once",
	 {ENABLED, PROBE(UP, .last_good_us = 400), .unreachable_us = 401},
	 PEER_DOWN},
	{"a good probe sent before the failing call is no help",
	 {ENABLED, PROBE(UP, .last_good_us = 400), .unreachable_us = 400},
	 PEER_DOWN},
	{"a good probe sent after it brings the peer back",
	 {ENABLED, PROBE(UP, .last_good_us = 402), .unreachable_us = 401},
	 PEER_UP},
	{"so does an answered call",
	 {ENABLED, PROBE(UP, .last_good_us = 100), .unreachable_us = 401,
	  .good_us = 402},
	 PEER_UP},
	{"a refused call to a peer that is unknown",
	 {ENABLED, .unreachable_us = 5},
	 PEER_DOWN},
	{"503 demotes",
	 {ENABLED, PROBE(UP, .last_good_us = 100), .demoted_us = 200},
	 PEER_DEMOTED},
	{"503 demotes an unknown peer",
	 {ENABLED, .demoted_us = 200},
	 PEER_DEMOTED},
	{"a good answer to an earlier request does not promote",
	 {ENABLED, .demoted_us = 200, .good_us = 200},
	 PEER_DEMOTED},
	{"a good answer to a later request does",
	 {ENABLED, PROBE(UP), .demoted_us = 200, .good_us = 201},
	 PEER_UP},
	{"so does a good probe",
	 {ENABLED, PROBE(UP, .last_good_us = 300), .demoted_us = 200},
	 PEER_UP},
	{"503 with Retry-After holds",
	 {ENABLED, PROBE(UP, .last_good_us = 100), .held_until_us = NOW + 1},
	 PEER_HELD},
	{"OPTIONS does not end a hold",
	 {ENABLED, PROBE(UP, .last_good_us = 999), .held_until_us = NOW + 1},
	 PEER_HELD},
	{"time ends a hold",
	 {ENABLED, PROBE(UP, .last_good_us = 100), .held_until_us = NOW},
	 PEER_UP},
	{"a hold and a time-out: down",
	 {ENABLED, .held_until_us = NOW + 1, .unreachable_us = 900},
	 PEER_DOWN},
	{"a hold and a demotion: held",
	 {ENABLED, .held_until_us = NOW + 1, .demoted_us = 900},
	 PEER_HELD},
	{"a demotion and missed probes: down",
	 {ENABLED, PROBE(DOWN, .last_miss_us = 800), .demoted_us = 900},
	 PEER_DOWN},
	{"disabled in the configuration",
	 {PROBE(UP, .last_good_us = 100)},
	 PEER_DISABLED},
	{"disabled by the administrator",
	 {ENABLED, PROBE(UP), .admin = ADMIN_DISABLED},
	 PEER_DISABLED},
	{"draining",
	 {ENABLED, PROBE(UP), .admin = ADMIN_DRAINED},
	 PEER_DRAINING},
	{"draining hides that it is down",
	 {ENABLED, PROBE(DOWN), .admin = ADMIN_DRAINED, .unreachable_us = 9},
	 PEER_DRAINING},
	{"disabled and draining",
	 {ENABLED, .admin = ADMIN_DRAINED | ADMIN_DISABLED},
	 PEER_DISABLED},
};

Test(health, every_rule_of_the_contract_holds)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t since;
		enum peer_state state =
			health_judge(&rules[i].evidence, NOW, &since);

		cr_expect_eq(state, rules[i].state, "%s: %s instead of %s",
			     rules[i].what, peer_state_names[state],
			     peer_state_names[rules[i].state]);
	}
}

Test(health, unknown_and_demoted_peers_may_be_called)
{
	cr_assert(peer_state_is_usable(PEER_UP));
	cr_assert(peer_state_is_usable(PEER_UNKNOWN));
	cr_assert(peer_state_is_usable(PEER_DEMOTED));
	cr_assert(!peer_state_is_usable(PEER_HELD));
	cr_assert(!peer_state_is_usable(PEER_DOWN));
	cr_assert(!peer_state_is_usable(PEER_DISABLED));
	cr_assert(!peer_state_is_usable(PEER_DRAINING));
}

Test(health, since_is_of_what_decided)
{
	struct health_evidence evidence = {
		.is_enabled = true,
		.probe = {.state = PROBE_UP, .since_wall_us = 11},
		.failure_wall_us = 22,
		.admin_wall_us = 33,
	};
	uint64_t since = 0;

	health_judge(&evidence, NOW, &since);
	cr_assert_eq(since, 11);
	evidence.demoted_us = 5;
	health_judge(&evidence, NOW, &since);
	cr_assert_eq(since, 22);
	evidence.admin = ADMIN_DRAINED;
	health_judge(&evidence, NOW, &since);
	cr_assert_eq(since, 33);
}

/* ---- through tables and boards ------------------------------------------ */

struct world {
	struct health_sources sources;
	struct board *boards[2];
};

static struct world world_make(void)
{
	const char *run_dir = scratch_make();
	struct world world = {0};

	cr_assert_eq(pool_table_open(run_dir, true, &world.sources.pool), 0);
	cr_assert_eq(health_table_open(run_dir, true, &world.sources.table), 0);
	for (uint8_t i = 0; i < 2; i++) {
		struct slot_id slot = {SLOT_SIGNALLING, i + 1};

		cr_assert_eq(board_own(run_dir, slot, &world.boards[i]), 0);
		world.sources.boards[i + 1] = world.boards[i];
	}
	return world;
}

static void world_done(struct world *world)
{
	health_table_forget(world->sources.table);
	pool_table_forget(world->sources.pool);
	for (unsigned i = 0; i < 2; i++)
		board_close(world->boards[i]);
}

static char gw1[] = "gw1";
static const struct config_peer gateway = {.name = gw1, .is_enabled = true};

static struct peer_health look(const struct world *world)
{
	struct peer_health health;

	health_of_peer(&world->sources, &gateway, NOW, &health);
	return health;
}

TestSuite(health, .fini = scratch_remove);

Test(health, what_any_worker_saw_counts_for_all)
{
	struct world world = world_make();
	struct board_peer *one = board_peer(world.boards[0], SLICE("gw1"));
	struct board_peer *two = board_peer(world.boards[1], SLICE("gw1"));

	cr_assert_eq(look(&world).state, PEER_UNKNOWN);
	atomic_store(&one->good_us, 100);
	cr_assert_eq(look(&world).state, PEER_UP);
	atomic_store(&two->unreachable_us, 200);
	cr_assert_eq(look(&world).state, PEER_DOWN);
	atomic_store(&one->good_us, 201);
	cr_assert_eq(look(&world).state, PEER_UP);
	atomic_store(&one->held_until_us, NOW + 77);
	cr_assert_eq(look(&world).state, PEER_HELD);
	cr_assert_eq(look(&world).hold_left_us, 77);
	world_done(&world);
}

Test(health, figures_are_sums_over_workers)
{
	struct world world = world_make();

	for (unsigned i = 0; i < 2; i++) {
		struct board_peer *row =
			board_peer(world.boards[i], SLICE("gw1"));

		atomic_store(&row->calls, 3 + i);
		atomic_store(&row->attempts, 10);
		atomic_store(&row->answered, 5);
		atomic_store(&row->failed, 2);
		atomic_store(&row->busy, 1);
		atomic_store(&row->cancelled, 4);
	}
	cr_assert_eq(look(&world).calls, 7);
	cr_assert_eq(look(&world).attempts, 20);
	cr_assert_eq(look(&world).answered, 10);
	cr_assert_eq(look(&world).failed, 4);
	cr_assert_eq(look(&world).busy, 2);
	cr_assert_eq(look(&world).cancelled, 8);
	world_done(&world);
}

Test(health, the_prober_and_the_administrator_are_heard)
{
	struct world world = world_make();
	struct health_record probe = {
		.state = PROBE_UP, .rtt_us = 1500, .last_good_us = 50};

	cr_assert_eq(
		health_table_put(world.sources.table, SLICE("gw1"), &probe), 0);
	cr_assert_eq(look(&world).state, PEER_UP);
	cr_assert_eq(look(&world).probe.rtt_us, 1500);
	probe.state = PROBE_DOWN;
	probe.last_miss_us = 60;
	health_table_put(world.sources.table, SLICE("gw1"), &probe);
	cr_assert_eq(look(&world).state, PEER_DOWN);
	pool_table_put_admin(world.sources.pool, SLICE("gw1"), ADMIN_DRAINED);
	cr_assert_eq(look(&world).state, PEER_DRAINING);
	cr_assert_gt(look(&world).since_wall_us, 0);
	pool_table_put_admin(world.sources.pool, SLICE("gw1"), 0);
	cr_assert_eq(look(&world).state, PEER_DOWN);
	world_done(&world);
}

Test(health, without_any_source_it_is_unknown)
{
	struct world world = {0};

	cr_assert_eq(look(&world).state, PEER_UNKNOWN);
	scratch_make();
}

/* ---- the tables --------------------------------------------------------- */

Test(health, slots_come_signalling_first_and_in_order, .fini = scratch_remove)
{
	static const struct slot_id slots[] = {{SLOT_MEDIA, 2},
					       {SLOT_SIGNALLING, 10},
					       {SLOT_MEDIA, 1},
					       {SLOT_SIGNALLING, 9}};
	static const unsigned order[] = {3, 1, 2, 0};
	struct pool_table *table = NULL;
	struct slot_record list[8], one;

	cr_assert_eq(pool_table_open(scratch_make(), true, &table), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct slot_record slot = {.slot = slots[i], .epoch = i};

		cr_assert_eq(pool_table_put_slot(table, &slot), 0);
	}
	cr_assert_eq(pool_table_slots(table, list, 8), 4);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(list[i].epoch, order[i]);
	cr_assert_eq(pool_table_slots(table, list, 2), 2);
	cr_assert_eq(pool_table_get_slot(table, slots[2], &one), 0);
	cr_assert_eq(one.epoch, 2);
	cr_assert_eq(pool_table_get_slot(table, (struct slot_id){1, 1}, &one),
		     -ENOENT);
	pool_table_forget(table);
}

Test(health, the_pools_record_and_admin_rows_come_back, .fini = scratch_remove)
{
	struct pool_table *table = NULL;
	struct pool_record pool = {.generation = 3, .name = "pool.example"};
	struct pool_record read;

	cr_assert_eq(pool_table_open(scratch_make(), true, &table), 0);
	cr_assert_eq(pool_table_get_pool(table, &read), -ENOENT);
	cr_assert_eq(pool_table_put_pool(table, &pool), 0);
	cr_assert_eq(pool_table_get_pool(table, &read), 0);
	cr_assert_eq(read.generation, 3);
	cr_assert_str_eq(read.name, "pool.example");
	cr_assert_eq(pool_table_admin(table, SLICE("gw1")), 0);
	cr_assert_eq(pool_table_put_admin(table, SLICE("gw1"), 2), 0);
	cr_assert_eq(pool_table_admin(table, SLICE("gw1")), 2);
	cr_assert_eq(pool_table_put_admin(table, SLICE_NONE, 2), -EINVAL);
	pool_table_forget(table);
}

Test(health, a_reader_becomes_the_prober, .fini = scratch_remove)
{
	struct health_table *table = NULL;
	struct health_record health = {.rtt_us = 1};
	const char *run_dir = scratch_make();

	cr_assert_eq(health_table_open(run_dir, false, &table), -ENOENT);
	cr_assert_eq(health_table_open(run_dir, true, &table), 0);
	cr_assert_eq(health_table_put(table, SLICE("gw1"), &health), 0);
	health_table_forget(table);
	cr_assert_eq(health_table_open(run_dir, false, &table), 0);
	cr_assert_eq(health_table_get(table, SLICE("gw1"), &health), 0);
	health_table_forget(table);
	cr_assert_eq(health_table_open(run_dir, true, &table), 0);
	health.rtt_us = 2;
	cr_assert_eq(health_table_put(table, SLICE("gw1"), &health), 0);
	cr_assert_eq(health_table_get(table, SLICE("gw1"), &health), 0);
	cr_assert_eq(health.rtt_us, 2);
	health_table_forget(table);
}
