/* SPDX-License-Identifier: Apache-2.0
 *
 * base/config*.c: what a good pool.ini becomes, and how questions about it
 * are answered.  Mistakes are in test_config_mistakes.c.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"

/* CONTRACT's smallest useful file. */
#define POOL                                                                   \
	"[pool]\nfqdn = pool1.example.com\nsignalling_workers = 2\n"           \
	"media_workers = 2\n"
#define LISTEN                                                                 \
	"[listen internal]\ntcp = 192.0.2.10:5070\n"                           \
	"[listen gateway]\nudp = 192.0.2.10:5068\ntcp = 192.0.2.10:5068\n"
#define FE1	 "[frontend fe1]\naddress = 192.0.2.20:5060\ntransport = tcp\n"
#define GW1	 "[gateway gw1]\naddress = 198.51.100.7:5066\ntransport = tcp\n"
#define SMALLEST POOL LISTEN FE1 GW1

static struct config *load(const char *text)
{
	struct config_report report;
	struct config *config = NULL;
	int rc = config_load_text(slice_of(text), &config, &report);

	cr_assert_eq(rc, 0, "%s", report.text);
	cr_assert_eq(report.n_errors, 0);
	cr_expect_str_eq(report.text, "");
	config_report_done(&report);
	return config;
}

static struct addr addr(const char *text)
{
	struct addr addr;

	cr_assert_eq(addr_parse(slice_of(text), 5060, &addr), 0, "%s", text);
	return addr;
}

Test(config, call_records_are_off_until_a_folder_is_named)
{
	struct config *config = load(SMALLEST);

	cr_expect_eq(config->cdr.directory, NULL);
	config_free(config);
	config = load(SMALLEST "[cdr]\ndirectory = /var/cdr\nformat = json\n"
			       "rotate = 0\nrotate_megabytes = 64\n"
			       "interim = 15m\n");
	cr_expect_str_eq(config->cdr.directory, "/var/cdr");
	cr_expect(config->cdr.is_json);
	cr_expect_eq(config->cdr.rotate_us, 0);
	cr_expect_eq(config->cdr.rotate_megabytes, 64);
	cr_expect_eq(config->cdr.interim_us, 900 * USEC_PER_SEC);
	cr_expect_eq(config->cdr.backlog, 100000);
	config_free(config);
}

Test(config, the_smallest_file_of_the_contract_loads)
{
	struct config *config = load(SMALLEST);
	const struct config_peer *gw1 = config_peer(config, SLICE("gw1"));
	char text[ADDR_TEXT_MAX];

	cr_expect_str_eq(config->pool.fqdn, "pool1.example.com");
	cr_expect_eq(config->pool.signalling_workers, 2);
	cr_expect_eq(config->pool.media_workers, 2);
	cr_expect_eq(config->n_listeners, 3);
	cr_expect_eq(config->n_frontends, 1);
	cr_expect_eq(config->n_peers, 2);
	cr_expect_str_eq(addr_text(&gw1->address, text), "198.51.100.7:5066");
	cr_expect_eq(gw1->transport, TRANSPORT_TCP);
	cr_expect_not(gw1->is_frontend);
	cr_expect_eq(gw1->line, 13);
	config_free(config);
}

Test(config, what_is_not_written_has_the_default_of_the_contract)
{
	struct config *config = load(SMALLEST);
	const struct config_pool *pool = &config->pool;
	const struct config_peer *gw1 = config_peer(config, SLICE("gw1"));
	const struct config_trunk *trunk = &config->trunks[0];

	cr_expect_eq(pool->addressing, ADDRESSING_SHARED);
	cr_expect_str_eq(pool->run_dir, "/run/mspool");
	cr_expect_null(pool->user);
	cr_expect_eq(pool->graceful_timeout_us, 3600 * USEC_PER_SEC);
	cr_expect_eq(pool->watchdog_us, USEC_PER_SEC);
	cr_expect_eq(pool->log_level, LOG_LVL_INFO);
	cr_assert_eq(pool->emergency_numbers.n, 2);
	cr_expect_str_eq(pool->emergency_numbers.items[1], "911");
	cr_expect_eq(pool->no_answer_timeout_us, 180 * USEC_PER_SEC);
	cr_expect_eq(config->media.port_min, 16384);
	cr_expect_eq(config->media.port_max, 32767);
	cr_expect_eq(config->media.dscp, 46);
	cr_expect_eq(gw1->health.options_interval_us, 60 * USEC_PER_SEC);
	cr_expect_eq(gw1->health.options_misses, 5);
	cr_expect(gw1->is_enabled && gw1->is_routable);
	cr_expect_eq(trunk->trying_timeout_us, 1500 * USEC_PER_MSEC);
	cr_expect_eq(trunk->max_early_dialogs, 20);
	cr_assert_eq(trunk->n_failover_codes, 5);
	cr_expect_eq(trunk->failover_codes[4], 504);
	cr_expect_eq(trunk->srtp_mode, SRTP_NOT_SUPPORTED);
	cr_expect(trunk->concentrated_topology && trunk->enable_refer_support);
	config_free(config);
}

Test(config, a_gateway_without_a_trunk_has_a_root_trunk_of_its_name)
{
	struct config *config =
		load(SMALLEST "[gateway gw2]\naddress = 198.51.100.8\n"
			      "[trunk t2]\ngateway = gw2\n"
			      "[trunk *]\nweight = 7\nmax_calls = 3\n"
			      "[trunk t2b]\ngateway = gw2\nweight = 2\n");
	int root = config_trunk_index(config, SLICE("gw1"));

	cr_assert_eq(config->n_trunks, 3);
	cr_assert_eq(root, 2);
	cr_expect(config->trunks[root].is_root);
	cr_expect_eq(config->trunks[root].weight, 7);
	cr_expect_eq(config->trunks[1].weight, 2);
	cr_expect_eq(config->trunks[1].max_calls, 3);
	cr_expect_eq(config_trunk_index(config, SLICE("gw2")), -1);
	cr_expect_str_eq(config->peers[config->trunks[1].gateway].name, "gw2");
	config_free(config);
}

Test(config, names_may_be_used_before_they_are_described)
{
	struct config *config = load(
		SMALLEST "[route b]\nmatch = ^2\ntrunks = t1\n"
			 "priority = 5\n"
			 "[route a]\nmatch = ^1\ntrunks = t1\n"
			 "[trunk t1]\ngateway = gw1\n"
			 "outbound_translation_rules = two, one\n"
			 "sip_response_code_translation_rules = r\n"
			 "[translation one]\n"
			 "[translation two]\npattern = ^00\n"
			 "translation = +\n"
			 "[response r]\nreceived = 480\ntranslated = 486\n");
	const struct config_trunk *trunk = &config->trunks[0];

	cr_assert_eq(trunk->n_outbound_rules, 2);
	cr_expect_eq(trunk->outbound_rules[0], 1);
	cr_expect_str_eq(config->translations[0].pattern, "^\\+(\\d*)$");
	cr_expect_str_eq(config->translations[1].translation, "+");
	cr_expect_eq(config->responses[0].isup_cause, -1);
	cr_expect_eq(config->responses[trunk->response_rules[0]].translated,
		     486);
	cr_assert_eq(config->n_routes, 2);
	cr_expect_str_eq(config->routes[0].name, "a", "by priority");
	cr_expect_eq(config->routes[1].trunks[0], 0);
	config_free(config);
}

Test(config, listeners_keep_their_ids_when_the_file_is_turned_about)
{
	struct config *one = load(SMALLEST);
	struct config *other =
		load("[listen gateway]\ntcp = 192.0.2.10:5068\n"
		     "udp = 192.0.2.9:5068, 192.0.2.10:5068\n"
		     "[listen internal]\ntcp = 192.0.2.10:5070\n" POOL FE1 GW1);

	for (unsigned i = 0; i < one->n_listeners; i++) {
		const struct config_listener *listener = &one->listeners[i];
		const struct config_listener *same =
			config_listener(other, listener->id);

		cr_assert_not_null(same);
		cr_expect(addr_is_same(&same->address, &listener->address));
		cr_expect_eq(same->transport, listener->transport);
		cr_expect_eq(same->side, listener->side);
	}
	cr_expect_null(config_listener(one, 0));
	config_free(one);
	config_free(other);
}

/* 1,000 of 65,535 ids collide for certain; each must still be its own. */
Test(config, many_listeners_have_different_ids)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	struct config *config;

	fputs(SMALLEST, to);
	for (int i = 0; i < 1000; i++)
		fprintf(to, "[trunk t%d]\ngateway = gw1\nport = %d\n", i,
			6000 + i);
	fclose(to);
	config = load(text);
	cr_assert_eq(config->n_listeners, 1003);
	for (unsigned i = 0; i < config->n_listeners; i++)
		cr_expect_eq(config_listener(config, config->listeners[i].id),
			     &config->listeners[i]);
	config_free(config);
	free(text);
}

Test(config, a_trunk_with_a_port_has_listeners_of_its_own)
{
	struct config *config =
		load(SMALLEST "[trunk t1]\ngateway = gw1\n"
			      "[trunk t2]\ngateway = gw1\nport = 5080\n");
	const struct config_peer *gw1 = config_peer(config, SLICE("gw1"));
	const struct config_listener *shared, *own;

	shared = config_listener_for_peer(config, gw1, 0);
	own = config_listener_for_peer(config, gw1, 1);
	cr_assert(shared && own);
	cr_expect_eq(addr_port(&shared->address), 5068);
	cr_expect_eq(shared->transport, TRANSPORT_TCP);
	cr_expect_eq(shared->trunk, -1);
	cr_expect_eq(addr_port(&own->address), 5080);
	cr_expect_eq(own->trunk, 1);
	cr_expect_eq(config_trunk_for_source(config, shared, gw1), 0);
	cr_expect_eq(config_trunk_for_source(config, own, gw1), 1);
	config_free(config);
}

Test(config, requests_to_an_ipv6_peer_leave_from_an_ipv6_listener)
{
	struct config *config =
		load(POOL FE1 "[listen internal]\ntcp = 192.0.2.10:5070\n"
			      "[listen gateway]\ntcp = 192.0.2.10:5068, "
			      "[2001:db8::10]:5068\n"
			      "[gateway gw6]\naddress = [2001:db8::7]:5066\n");
	const struct config_listener *listener = config_listener_for_peer(
		config, config_peer(config, SLICE("gw6")), 0);
	char text[ADDR_TEXT_MAX];

	cr_assert_not_null(listener);
	cr_expect_str_eq(addr_text(&listener->address, text),
			 "[2001:db8::10]:5068");
	config_free(config);
}

Test(config, media_goes_to_the_listening_address_unless_said_otherwise)
{
	struct config *config = load(
		POOL FE1 GW1
		"[listen internal]\ntcp = 0.0.0.0:5070\nadvertise = 192.0.2.1\n"
		"[listen gateway]\ntcp = 192.0.2.10:5068\n"
		"media_address = 192.0.2.11\n");
	char text[ADDR_TEXT_MAX];

	cr_expect_str_eq(addr_text(&config->listeners[0].media_address, text),
			 "192.0.2.1:0");
	cr_expect_str_eq(config->listeners[0].advertise, "192.0.2.1");
	cr_expect_str_eq(addr_text(&config->listeners[1].media_address, text),
			 "192.0.2.11:0");
	config_free(config);
}

/* ---- who is it -------------------------------------------------------- */

static const char *who(const struct config *config, unsigned listener,
		       const char *source, uint16_t via_port)
{
	struct addr from = addr(source);
	const struct config_peer *peer = config_peer_by_source(
		config, &config->listeners[listener], &from, via_port);

	return peer ? peer->name : "nobody";
}

#define TWINS                                                                  \
	"[pool]\nfqdn = p\nsignalling_workers = 1\nmedia_workers = 1\n"        \
	"[listen internal]\nudp = 127.0.0.1:5070\n"                            \
	"[listen gateway]\nudp = 127.0.0.1:5068\ntcp = 127.0.0.1:5068\n"       \
	"[frontend fe1]\naddress = 127.0.0.1:6000\ntransport = udp\n"          \
	"[gateway a]\naddress = 127.0.0.1:7001\ntransport = udp\n"             \
	"[gateway b]\naddress = 127.0.0.1:7002\ntransport = tcp\n"             \
	"[gateway c]\naddress = 192.0.2.3\n"                                   \
	"sources = 198.51.100.0/24, 2001:db8::/32\n"                           \
	"[gateway d]\naddress = 192.0.2.4\nsources = 198.51.100.128/25\n"
#define AT_INTERNAL 0
#define AT_UDP	    1
#define AT_TCP	    2

Test(config, the_listener_decides_the_side)
{
	struct config *config = load(TWINS);

	cr_expect_str_eq(who(config, AT_INTERNAL, "127.0.0.1:7001", 0), "fe1");
	cr_expect_str_eq(who(config, AT_UDP, "127.0.0.1:6000", 0), "a");
	config_free(config);
}

Test(config, over_udp_address_and_port_decide_then_the_address_alone)
{
	struct config *config = load(TWINS);

	cr_expect_str_eq(who(config, AT_UDP, "127.0.0.1:7002", 7001), "b");
	cr_expect_str_eq(who(config, AT_UDP, "127.0.0.1:9", 0), "a");
	cr_expect_str_eq(who(config, AT_UDP, "192.0.2.9:5060", 0), "nobody");
	config_free(config);
}

Test(config, several_left_are_told_apart_by_via_port_then_file_order)
{
	struct config *config = load(TWINS);

	cr_expect_str_eq(who(config, AT_TCP, "127.0.0.1:7001", 7002), "b");
	cr_expect_str_eq(who(config, AT_TCP, "127.0.0.1:40000", 5060), "a");
	config_free(config);
}

Test(config, further_sources_belong_to_a_gateway_too)
{
	struct config *config = load(TWINS);

	cr_expect_str_eq(who(config, AT_TCP, "198.51.100.5:9", 0), "c");
	cr_expect_str_eq(who(config, AT_UDP, "198.51.100.200:9", 0), "c",
			 "file order, whatever the length of the prefix");
	cr_expect_str_eq(who(config, AT_UDP, "[2001:db8:1::1]:9", 0), "c");
	cr_expect_str_eq(who(config, AT_UDP, "[::ffff:198.51.100.5]:9", 0), "c",
			 "an address of IPv4 in the clothes of IPv6");
	cr_expect_str_eq(who(config, AT_UDP, "198.51.101.5:9", 0), "nobody");
	config_free(config);
}

Test(config, a_trunk_port_tells_gateways_at_one_address_apart)
{
	struct config *config = load("[pool]\nfqdn = p\n" LISTEN FE1
				     "[gateway a]\naddress = 192.0.2.3:5060\n"
				     "[gateway b]\naddress = 192.0.2.3:5062\n"
				     "[trunk tb]\ngateway = b\nport = 5090\n");
	const struct config_listener *own =
		&config->listeners[config->n_listeners - 1];
	struct addr from = addr("192.0.2.3:40000");

	cr_assert_eq(own->trunk, 0);
	cr_expect_str_eq(config_peer_by_source(config, own, &from, 5060)->name,
			 "b");
	config_free(config);
}

/* ---- files and texts -------------------------------------------------- */

static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	to = fopen(path, "w");
	cr_assert_not_null(to);
	fputs(text, to);
	fclose(to);
}

static void make_folder(void)
{
	char path[128];

	strcpy(folder, "/tmp/test_config.XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pool.d", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
}

static void remove_folder(void)
{
	static const char *const names[] = {"pool.ini",
					    "pool.d/10-a.ini",
					    "pool.d/20-b.ini",
					    "pool.d/.x.ini",
					    "pool.d/x.txt",
					    "pool.d",
					    ""};
	char path[128];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)remove(path);
	}
}

Test(config, files_of_pool_d_are_read_in_the_order_of_their_names,
     .init = make_folder, .fini = remove_folder)
{
	char path[128], expected[768];
	struct config_report report;
	struct config *config;
	char *text;

	snprintf(path, sizeof(path), "%s/pool.ini", folder);
	write_file("pool.ini", SMALLEST "[pool]\nmax_calls = 1");
	write_file("pool.d/20-b.ini", "[pool]\nmax_calls = 2\n");
	write_file("pool.d/10-a.ini", "\n[gateway gw1]\nadress = x\n");
	write_file("pool.d/.x.ini", "[nonsense]\n");
	write_file("pool.d/x.txt", "[nonsense]\n");
	cr_assert_eq(config_load_file(path, &config, &text, &report), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s/pool.d/10-a.ini:2:1: error: [gateway gw1] is given twice, "
		 "first in %s/pool.ini:13\n"
		 "%s/pool.d/10-a.ini:3:1: error: unknown key \"adress\" in "
		 "[gateway gw1]; did you mean \"address\"?\n"
		 "%s/pool.d/20-b.ini:2:1: error: \"max_calls\" is given twice "
		 "in [pool], first in %s/pool.ini:17\n",
		 folder, folder, folder, folder, folder);
	cr_expect_str_eq(report.text, expected);
	config_report_done(&report);
}

Test(config, children_read_from_the_sealed_text_what_the_master_read,
     .init = make_folder, .fini = remove_folder)
{
	char path[128];
	struct config_report report;
	struct config *config, *child;
	char *text;

	snprintf(path, sizeof(path), "%s/pool.ini", folder);
	write_file("pool.ini", LISTEN FE1 GW1);
	cr_assert_eq(config_load_file(path, &config, &text, &report), 0);
	config_report_done(&report);
	cr_expect_not_null(strstr(text, "signalling_workers = "),
			   "what the host decided is sealed too");
	child = load(text);
	cr_expect_str_eq(child->pool.fqdn, config->pool.fqdn);
	cr_expect_eq(child->pool.media_workers, config->pool.media_workers);
	cr_expect_eq(child->n_listeners, config->n_listeners);
	config_free(child);
	config_free(config);
	free(text);
}

Test(config, a_file_cannot_forge_the_name_of_another, .init = make_folder,
     .fini = remove_folder)
{
	char path[128];
	struct config_report report;
	struct config *config;
	char *text;

	snprintf(path, sizeof(path), "%s/pool.ini", folder);
	write_file("pool.ini", SMALLEST "\001/etc/other.ini\nx\n");
	cr_assert_eq(config_load_file(path, &config, &text, &report), -EINVAL);
	cr_expect_null(strstr(report.text, "/etc/other.ini:"));
	cr_expect_eq(report.n_errors, 2);
	config_report_done(&report);
}

Test(config, a_file_that_is_missing_is_told_with_its_name)
{
	struct config_report report;
	struct config *config;
	char *text;

	cr_expect_eq(
		config_load_file("/nowhere/pool.ini", &config, &text, &report),
		-ENOENT);
	cr_expect_str_eq(report.text, "/nowhere/pool.ini:1:1: error: cannot "
				      "read: No such file or directory\n");
	config_report_done(&report);
}

/* ---- differences ------------------------------------------------------ */

static void expect_difference(const char *old, const char *new,
			      const char *expected)
{
	char *text = config_difference(slice_of(old), slice_of(new));

	cr_assert_not_null(text);
	cr_expect_str_eq(text, expected);
	free(text);
}

Test(config, equal_texts_do_not_differ)
{
	expect_difference(SMALLEST, SMALLEST, "");
	expect_difference(SMALLEST,
			  "; now with a comment\n" POOL
			  "log_level = info ; the default\n" LISTEN FE1 GW1
			  "[media]\n",
			  "");
}

Test(config, a_difference_names_what_came_went_and_changed)
{
	expect_difference(SMALLEST "[gateway gw2]\naddress = 192.0.2.1\n",
			  POOL "addressing = per-server\n" LISTEN FE1 GW1
			       "options_interval = 5s\n"
			       "sources = 192.0.2.5,192.0.2.6\n"
			       "[gateway gw3]\naddress = 192.0.2.1\n"
			       "[media]\ndscp = 0\n",
			  "- [gateway gw2]\n"
			  "~ [pool] addressing shared -> per-server\n"
			  "~ [gateway gw1] sources (none) -> 192.0.2.5, "
			  "192.0.2.6\n"
			  "~ [gateway gw1] options_interval 60s -> 5s\n"
			  "+ [gateway gw3]\n"
			  "~ [media] dscp 46 -> 0\n");
}

Test(config, a_section_that_went_away_leaves_its_defaults)
{
	expect_difference(SMALLEST "[media]\ndscp = 0\n", SMALLEST,
			  "~ [media] dscp 0 -> 46\n");
}

Test(config, the_order_of_sections_is_a_difference)
{
	static const char a[] = "[route a]\nmatch = 1\ntrunks = gw1\n";
	static const char b[] = "[route b]\nmatch = 2\ntrunks = gw1\n";
	char one[1024], other[1024];

	snprintf(one, sizeof(one), "%s%s%s", SMALLEST, a, b);
	snprintf(other, sizeof(other), "%s%s%s", SMALLEST, b, a);
	expect_difference(one, other,
			  "~ the order of the [route …] sections\n");
}

Test(config, secrets_are_not_told)
{
	expect_difference(SMALLEST "[hep]\npassword = old\n",
			  SMALLEST "[hep]\npassword = new\n",
			  "~ [hep] password changed\n");
}

/* ---- size ------------------------------------------------------------- */

static char *big_text(unsigned n)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fputs(SMALLEST, to);
	for (unsigned i = 0; i < n; i++)
		fprintf(to,
			"[gateway g%u]\naddress = 10.%u.%u.%u\n"
			"[trunk t%u]\ngateway = g%u\nport = %u\n"
			"[route r%u]\nmatch = ^%u\ntrunks = t%u\n",
			i, i >> 16, i >> 8 & 255, i & 255, i, i, 10000 + i, i,
			i, i);
	fclose(to);
	return text;
}

static uint64_t load_us(unsigned n)
{
	char *text = big_text(n);
	uint64_t start = clock_boot_us();
	struct config *config = load(text);
	uint64_t took = clock_boot_us() - start;

	cr_expect_eq(config->n_trunks, n + 1);
	cr_expect_eq(config_trunk_index(config, SLICE("t0")), 0);
	config_free(config);
	free(text);
	return took;
}

/* Ten times as many may take ten times as long, and some more for bigger
 * tables; a scan of all for each would take a hundred times as long. */
Test(config, ten_thousand_trunks_load_in_linear_time)
{
	uint64_t small = load_us(1000), big = load_us(10000);

	cr_expect_lt(big, small * 40 + 100000, "%llu us, %llu us",
		     (unsigned long long)small, (unsigned long long)big);
}
