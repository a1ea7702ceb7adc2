/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool in a folder that the tests of mspoolctl look at.
 */
#include "tests/unit/ctl_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "shm/board.h"
#include "shm/book.h"
#include "shm/pool_table.h"
#include "shm/record.h"

static const char pool_ini[] = "[pool]\n"
			       "fqdn = pool1.example.com\n"
			       "signalling_workers = 2\n"
			       "media_workers = 1\n"
			       "[listen internal]\n"
			       "udp = 127.0.0.1:5070\n"
			       "[listen gateway]\n"
			       "udp = 127.0.0.1:5068\n"
			       "[frontend fe1]\n"
			       "address = 127.0.0.1:5060\n"
			       "transport = udp\n"
			       "[gateway gw1]\n"
			       "address = 127.0.0.1:5066\n"
			       "transport = udp\n"
			       "[gateway gw2]\n"
			       "address = 127.0.0.2:5066\n"
			       "transport = udp\n"
			       "[trunk t1]\n"
			       "gateway = gw1\n"
			       "outbound_translation_rules = intl\n"
			       "max_calls = 30\n"
			       "[trunk t2]\n"
			       "gateway = gw2\n"
			       "[translation intl]\n"
			       "pattern = ^\\+(\\d*)$\n"
			       "translation = 00$1\n"
			       "[route de]\n"
			       "match = ^\\+49\n"
			       "trunks = t1, t2\n"
			       "strategy = failover\n";

static const char sdp[] =
	"v=0\r\n"
	"o=- 1 1 IN IP4 127.0.0.1\r\n"
	"s=-\r\n"
	"c=IN IP4 127.0.0.1\r\n"
	"t=0 0\r\n"
	"k=clear:SECRET0\r\n"
	"m=audio 4000 RTP/SAVP 8 101\r\n"
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET1\r\n"
	"a=rtpmap:101 telephone-event/8000\r\n";

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	cr_assert(file, "%s", path);
	cr_assert_geq(fputs(text, file), 0);
	fclose(file);
}

static void make_config(const char *dir)
{
	struct config_report report = {0};
	struct config *config;
	char path[128], *text;

	write_file(dir, "pool.ini", pool_ini);
	snprintf(path, sizeof(path), "%s/pool.ini", dir);
	cr_assert_eq(config_load_file(path, &config, &text, &report), 0, "%s",
		     report.text);
	snprintf(path, sizeof(path), "%s/state", dir);
	cr_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
	write_file(dir, "state/config.txt", text);
	config_free(config);
	config_report_done(&report);
	free(text);
}

/* ---- tables -------------------------------------------------------------- */

static void put_slot(struct pool_table *table, struct slot_id id,
		     enum slot_state state, pid_t pid, unsigned restarts)
{
	struct slot_record slot = {
		.head = {SLOT_VERSION, RECORD_SLOT, sizeof(slot)},
		.slot = id,
		.state = (uint8_t)state,
		.served_by = id,
		.pid = pid,
		.restarts = restarts,
		.since_us = clock_boot_us(),
	};

	cr_assert_eq(pool_table_put_slot(table, &slot), 0);
}

static void make_pool(const char *dir)
{
	struct pool_record pool = {
		.head = {POOL_VERSION, RECORD_POOL, sizeof(pool)},
		.state = POOL_UP,
		.generation = 7,
		.master_pid = getpid(),
		.signalling_workers = 2,
		.media_workers = 1,
		.started_us = clock_boot_us(),
		.started_wall_us = clock_wall_us(),
		.version = "0.1.0",
		.name = "pool1.example.com",
	};
	struct pool_table *table;

	clock_boot_id(pool.boot_id);
	cr_assert_eq(pool_table_open(dir, true, &table), 0);
	cr_assert_eq(pool_table_put_pool(table, &pool), 0);
	put_slot(table, (struct slot_id){SLOT_SIGNALLING, 1}, SLOT_UP, getpid(),
		 0);
	put_slot(table, (struct slot_id){SLOT_SIGNALLING, 2}, SLOT_DEAD, 0, 3);
	put_slot(table, (struct slot_id){SLOT_SIGNALLING, 3}, SLOT_RETIRED, 0,
		 0);
	put_slot(table, (struct slot_id){SLOT_MEDIA, 1}, SLOT_UP, getpid(), 0);
	pool_table_forget(table);
}

static void put_health(struct health_table *table, const char *name,
		       const struct health_record *values)
{
	struct health_record health = *values;

	health.head = (struct record_head){HEALTH_VERSION, RECORD_HEALTH,
					   sizeof(health)};
	health.since_wall_us = clock_wall_us();
	cr_assert_eq(health_table_put(table, slice_of(name), &health), 0);
}

static void make_health(const char *dir)
{
	struct health_table *table;

	cr_assert_eq(health_table_open(dir, true, &table), 0);
	put_health(table, "gw1",
		   &(struct health_record){.state = PROBE_UP,
					   .last_response = 200,
					   .rtt_us = 3250});
	put_health(table, "gw2",
		   &(struct health_record){.state = PROBE_DOWN,
					   .last_response = 408,
					   .misses = 5,
					   .last_miss_us = clock_boot_us()});
	health_table_forget(table);
}

/* ---- calls --------------------------------------------------------------- */

static struct call_record *new_call(struct book *book, enum call_state state)
{
	struct call_record *call = record_new(RECORD_CALL, sizeof(*call), 8192);

	cr_assert(call);
	call->id = call_make(book_index(book), (uint64_t)state + 1);
	call->state = (uint8_t)state;
	call->direction = CALL_OUTBOUND;
	call->started_us = clock_boot_us() - 9 * USEC_PER_SEC;
	call->started_wall_us = clock_wall_us() - 9 * USEC_PER_SEC;
	call->leg[LEG_A].side = SIDE_INTERNAL;
	call->leg[LEG_B].side = SIDE_GATEWAY;
	return call;
}

#define SET(call, member, text)                                                \
	cr_assert_eq(record_set((void **)&(call),                              \
				offsetof(struct call_record, member),          \
				slice_of(text)),                               \
		     0)

static void name_call(struct call_record **ref, const char *to)
{
	struct call_record *call = *ref;

	SET(call, from, "+498912345");
	SET(call, to, to);
	SET(call, trunk, "t1");
	SET(call, leg[LEG_A].peer, "fe1");
	SET(call, leg[LEG_B].peer, "gw1");
	SET(call, leg[LEG_A].call_id, "abc@fe1");
	*ref = call;
}

static void add_tries(struct call_record **ref)
{
	struct call_record *call = *ref;

	SET(call, tries[0].trunk, "t2");
	SET(call, tries[0].peer, "gw2");
	SET(call, tries[1].trunk, "t1");
	SET(call, tries[1].peer, "gw1");
	call->tries[0].code = 503;
	call->tries[0].ms = 12;
	call->n_tries = 3; /* the third was not needed */
	call->this_try = 1;
	*ref = call;
}

static void answer_call(struct call_record **ref)
{
	struct call_record *call = *ref;

	SET(call, leg[LEG_A].remote_sdp, sdp);
	SET(call, leg[LEG_B].remote_sdp, sdp);
	call->answered_us = clock_boot_us() - 5 * USEC_PER_SEC;
	call->answered_wall_us = clock_wall_us() - 5 * USEC_PER_SEC;
	call->wish = (struct media_wish){.version = 1, .worker = 1, .is_on = 1};
	for (unsigned i = 0; i < N_LEGS; i++) {
		struct media_side *side = &call->wish.side[i];

		side->side = call->leg[i].side;
		side->flow = MEDIA_TAKE | MEDIA_GIVE;
		strcpy(side->codec, "PCMA");
		addr_parse(SLICE("127.0.0.1"), (uint16_t)(20000 + 2 * i),
			   &side->local);
	}
	*ref = call;
}

static void put_call(struct book *book, struct call_record *call)
{
	book_put_call(book, call);
	free(call);
}

static void make_calls(const char *dir)
{
	struct book_settings settings = {
		.run_dir = dir, .index = 1, .epoch = 1, .map_size = 1 << 22};
	struct call_record *call;
	struct book *book;

	cr_assert_eq(book_own(&settings, &book), 0);
	book_begin(book);
	call = new_call(book, CALL_TRYING);
	name_call(&call, "+4930123456");
	add_tries(&call);
	put_call(book, call);
	call = new_call(book, CALL_ANSWERED);
	name_call(&call, "+49\xff\033[2J"); /* from a hostile peer */
	answer_call(&call);
	put_call(book, call);
	call = new_call(book, CALL_ABSORBING);
	put_call(book, call);
	cr_assert_eq(book_commit(book), 0);
	book_forget(book);
}

/* ---- boards -------------------------------------------------------------- */

static void count_peer(struct board *board, struct slice name)
{
	struct board_peer *row = board_peer(board, name);

	cr_assert(row);
	row->attempts = 10;
	row->answered = 6;
	row->busy = 2;
	row->cancelled = 1;
	row->failed = 1;
}

static void make_boards(const char *dir)
{
	char key[PEER_NAME_MAX];
	struct stream_board *streams;
	struct stream_row *row;
	struct board *board;

	cr_assert_eq(
		board_own(dir, (struct slot_id){SLOT_SIGNALLING, 1}, &board),
		0);
	board_add(board, COUNTER_calls_total, 20);
	board_add(board, COUNTER_calls_answered, 12);
	board_add(board, COUNTER_calls_failed, 3);
	count_peer(board, SLICE("gw1"));
	count_peer(board, board_trunk_key(SLICE("t1"), key));
	board_event(board, LOG_LVL_NOTICE, "failover", "call=ms1-2 to=t1");
	cr_assert_eq(board_own(dir, (struct slot_id){SLOT_NONE, 0}, &board), 0);
	board_event(board, LOG_LVL_WARNING, "worker_died", "slot=ms2");
	cr_assert_eq(stream_board_own(dir, 1, &streams), 0);
	row = stream_board_claim(streams, call_make(1, CALL_ANSWERED + 1));
	row->side[LEG_A].packets_in = 250;
	row->side[LEG_A].jitter_us = 1500;
	row->side[LEG_B].packets_in = 240;
	row->side[LEG_B].lost = 10;
}

/* ---- all of it ----------------------------------------------------------- */

void ctl_fixture_make(struct ctl_fixture *fixture)
{
	strcpy(fixture->dir, "/tmp/test_ctl_show.XXXXXX");
	cr_assert(mkdtemp(fixture->dir));
	make_config(fixture->dir);
	make_pool(fixture->dir);
	make_health(fixture->dir);
	make_calls(fixture->dir);
	make_boards(fixture->dir);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void ctl_fixture_remove(struct ctl_fixture *fixture)
{
	nftw(fixture->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void ctl_fixture_run(const struct ctl_fixture *fixture, const char *line,
		     struct ctl_run *ret_run)
{
	struct ctl ctl = {0};
	size_t out_len, err_len;
	char text[512];
	char *argv[16] = {(char[]){"mspoolctl"}};
	struct slice rest;
	int argc = 1;

	*ret_run = (struct ctl_run){0};
	snprintf(text, sizeof(text), "-r %s %s", fixture->dir, line);
	for (rest = slice_of(text); rest.len && argc < 15;)
		argv[argc++] = slice_dup(slice_cut(&rest, ' '));
	ctl.out = open_memstream(&ret_run->out, &out_len);
	ctl.err = open_memstream(&ret_run->err, &err_len);
	if (ctl_parse(&ctl, argc, argv, &ret_run->code))
		ret_run->code = ctl.verb->run(&ctl);
	fclose(ctl.out);
	fclose(ctl.err);
	ret_run->json = json_loads(ret_run->out, 0, NULL);
	while (--argc)
		free(argv[argc]);
}

void ctl_run_done(struct ctl_run *run)
{
	json_decref(run->json);
	free(run->out);
	free(run->err);
}
