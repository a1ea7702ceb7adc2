/* SPDX-License-Identifier: Apache-2.0
 *
 * mspoolctl doctor: every check finds what is wrong and is content with what is
 * right; what cannot be known is no fault; and what is read of /proc.
 */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ctl_fixture.h"
#include "tools/doctor.h"

/* A host and a pool without fault. */
static struct doctor_facts healthy(void)
{
	return (struct doctor_facts){
		.is_running = true,
		.is_master_alive = true,
		.has_config = true,
		.run_dir = "/run/mspool",
		.state_mode = 0700,
		.files_limit = 524288,
		.files_used = 1000,
		.n_listening = 8,
		.port_min = 16384,
		.port_max = 32767,
		.ephemeral_min = 32768,
		.ephemeral_max = 60999,
		.n_sides_of_port = 1,
		.rmem_max = 4 << 20,
		.is_clock_set = 1,
		.fullest_book = 1,
		.max_book_mb = 512,
		.fullest_percent = 10,
		.room_free = 2000ull << 20,
		.room_wanted = 1000ull << 20,
		.is_in_memory = true,
	};
}

static const struct doctor_check *check_of(const char *name)
{
	for (const struct doctor_check *check = doctor_checks; check->name;
	     check++)
		if (strcmp(check->name, name) == 0)
			return check;
	cr_expect(false, "there is no check %s", name);
	abort();
}

static void expect(const char *name, const struct doctor_facts *facts,
		   enum doctor_state state, const char *cure)
{
	struct doctor_finding finding;

	doctor_judge(check_of(name), facts, &finding);
	cr_expect_eq(finding.state, state, "%s: %d: %s", name, finding.state,
		     finding.what);
	cr_expect(*finding.what, "%s says nothing", name);
	cr_expect(strstr(finding.cure, cure), "%s: cure '%s', not '%s'", name,
		  finding.cure, cure);
	if (state == DOCTOR_OK || state == DOCTOR_NOT_KNOWN)
		cr_expect_str_empty(finding.cure, "%s cures health", name);
}

Test(doctor, a_healthy_host_passes_every_check)
{
	struct doctor_facts facts = healthy();

	for (const struct doctor_check *check = doctor_checks; check->name;
	     check++) {
		expect(check->name, &facts, DOCTOR_OK, "");
		cr_expect(*check->why);
	}
}

#define FACT(member) offsetof(struct doctor_facts, member), #member

/* One number that is not as it should be, and what is said then. */
static const struct wrong_row {
	const char *check;
	size_t offset;
	const char *member;
	uint64_t value;
	enum doctor_state state;
	const char *cure;
} wrong_rows[] = {
	{"permissions", FACT(state_mode), 0750, DOCTOR_WRONG,
	 "chmod 0700 /run/mspool/state"},
	{"permissions", FACT(state_mode), 0704, DOCTOR_WRONG, "chmod"},
	{"descriptors", FACT(files_limit), 1024, DOCTOR_WARNING,
	 "LimitNOFILE=65672"},
	{"ephemeral", FACT(ephemeral_min), 32000, DOCTOR_WARNING,
	 "ip_local_reserved_ports=16384-32767"},
	{"udp_buffers", FACT(rmem_max), 212992, DOCTOR_WARNING,
	 "net.core.rmem_max=4194304"},
	{"udp_drops", FACT(drops), 1, DOCTOR_WARNING, "scale"},
	{"clock", FACT(is_clock_set), 0, DOCTOR_WARNING, "set-ntp"},
	{"books", FACT(fullest_percent), 61, DOCTOR_WARNING,
	 "max_book_mb = 1024"},
	{"books", FACT(fullest_percent), 81, DOCTOR_WRONG, "max_book_mb"},
	{"readers", FACT(reader_behind), 1001, DOCTOR_WRONG, "kill -CONT 0"},
	{"run_folder", FACT(room_free), 999ull << 20, DOCTOR_WARNING,
	 "remount"},
	{"run_folder", FACT(room_free), 15ull << 20, DOCTOR_WRONG, "remount"},
};

Test(doctor, each_fact_that_is_wrong_is_found_and_has_a_cure)
{
	for (unsigned i = 0; i < sizeof(wrong_rows) / sizeof(wrong_rows[0]);
	     i++) {
		const struct wrong_row *row = &wrong_rows[i];
		struct doctor_facts facts = healthy();

		memcpy((char *)&facts + row->offset, &row->value,
		       sizeof(row->value));
		expect(row->check, &facts, row->state, row->cure);
	}
}

Test(doctor, what_cannot_be_read_is_no_fault)
{
	static const size_t offsets[] = {
		offsetof(struct doctor_facts, state_mode),
		offsetof(struct doctor_facts, files_limit),
		offsetof(struct doctor_facts, port_min),
		offsetof(struct doctor_facts, ephemeral_min),
		offsetof(struct doctor_facts, rmem_max),
		offsetof(struct doctor_facts, drops),
		offsetof(struct doctor_facts, n_missing),
		offsetof(struct doctor_facts, is_clock_set),
		offsetof(struct doctor_facts, fullest_percent),
		offsetof(struct doctor_facts, reader_behind),
		offsetof(struct doctor_facts, room_free),
	};
	static const uint64_t unknown = DOCTOR_UNKNOWN;

	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct doctor_facts facts = healthy();
		unsigned n_unknown = 0;

		memcpy((char *)&facts + offsets[i], &unknown, sizeof(unknown));
		for (const struct doctor_check *check = doctor_checks;
		     check->name; check++) {
			struct doctor_finding finding;

			doctor_judge(check, &facts, &finding);
			n_unknown += finding.state == DOCTOR_NOT_KNOWN;
			cr_expect(finding.state == DOCTOR_OK ||
					  finding.state == DOCTOR_NOT_KNOWN,
				  "%s: %s", check->name, finding.what);
		}
		cr_expect_geq(n_unknown, 1u, "number %u", i);
	}
}

Test(doctor, a_pool_that_is_not_whole_is_wrong)
{
	struct doctor_facts facts = healthy();

	facts.n_workers_down = 1;
	expect("pool", &facts, DOCTOR_WRONG, "mspoolctl events");
	facts.is_master_alive = false;
	expect("pool", &facts, DOCTOR_WRONG, "systemctl restart mspool");
	facts.is_running = false;
	strcpy(facts.why_not, "no pool is running in /run/mspool");
	expect("pool", &facts, DOCTOR_WRONG, "systemctl start mspool");
	expect("books", &facts, DOCTOR_NOT_KNOWN, "");
	expect("ephemeral", &facts, DOCTOR_OK, "");
}

Test(doctor, max_calls_must_fit_ports_and_descriptors)
{
	struct doctor_facts facts = healthy();

	facts.max_calls = 8192;
	expect("media_ports", &facts, DOCTOR_OK, "");
	expect("descriptors", &facts, DOCTOR_OK, "");
	facts.max_calls = 8193;
	expect("media_ports", &facts, DOCTOR_WRONG, "16386 ports");
	facts.n_sides_of_port = 2; /* half as many */
	expect("media_ports", &facts, DOCTOR_WRONG, "max_calls = 4096");
	facts.files_limit = 65536;
	expect("descriptors", &facts, DOCTOR_WRONG, "LimitNOFILE=65680");
}

Test(doctor, ports_that_are_reserved_may_overlap)
{
	struct doctor_facts facts = healthy();

	facts.ephemeral_min = 1024;
	facts.are_reserved = true;
	expect("ephemeral", &facts, DOCTOR_OK, "");
}

Test(doctor, an_address_that_is_missing_is_named)
{
	struct doctor_facts facts = healthy();

	facts.n_missing = 2;
	strcpy(facts.missing, "192.0.2.1, 192.0.2.2");
	expect("addresses", &facts, DOCTOR_WRONG,
	       "ip address add 192.0.2.1 dev");
}

Test(doctor, a_run_folder_on_disk_is_warned_of)
{
	struct doctor_facts facts = healthy();

	facts.is_in_memory = false;
	expect("run_folder", &facts, DOCTOR_WARNING, "run_dir");
}

Test(doctor, reserved_ports_are_read_as_the_kernel_writes_them)
{
	cr_expect(doctor_is_reserved("16384-32767\n", 16384, 32767));
	cr_expect(doctor_is_reserved("80,16000-20000,20001-40000\n", 16384,
				     32767));
	cr_expect_not(doctor_is_reserved("16384-32766\n", 16384, 32767));
	cr_expect_not(doctor_is_reserved("16385-40000\n", 16384, 32767));
	cr_expect_not(doctor_is_reserved("\n", 16384, 32767));
	cr_expect_not(doctor_is_reserved("", 16384, 32767));
	cr_expect(doctor_is_reserved("7,8\n", 7, 8));
	cr_expect_not(doctor_is_reserved("x-y,,-", 7, 8));
}

Test(doctor, a_line_of_proc_net_udp_gives_address_port_and_drops)
{
	char host[33];
	unsigned port;
	uint64_t drops;

	cr_assert(doctor_read_udp(
		"  617: 0100007F:13CE 00000000:0000 07 00000000:00000000 "
		"00:00000000 00000000     0        0 18123 2 "
		"0000000000000000 42        \n",
		host, &port, &drops));
	cr_expect_str_eq(host, "0100007F");
	cr_expect_eq(port, 5070);
	cr_expect_eq(drops, 42);
	cr_expect_not(doctor_read_udp("  sl  local_address rem_address   st "
				      "inode ref pointer drops\n",
				      host, &port, &drops));
	cr_expect_not(doctor_read_udp("", host, &port, &drops));
	cr_expect_not(doctor_read_udp("   \n", host, &port, &drops));
}

Test(doctor, a_column_of_proc_net_snmp_is_found_by_its_name)
{
	static const char text[] = "Ip: Forwarding\nIp: 1\n"
				   "Udp: InDatagrams NoPorts RcvbufErrors\n"
				   "Udp: 10 2 77\n"
				   "UdpLite: RcvbufErrors\nUdpLite: 5\n";

	cr_expect_eq(doctor_read_snmp(text, "Udp:", "RcvbufErrors"), 77);
	cr_expect_eq(doctor_read_snmp(text, "Udp:", "Elsewhere"),
		     DOCTOR_UNKNOWN);
	cr_expect_eq(doctor_read_snmp("", "Udp:", "RcvbufErrors"),
		     DOCTOR_UNKNOWN);
}

Test(doctor, the_verb_tells_of_a_dead_worker_and_answers_six)
{
	struct ctl_fixture fixture;
	struct ctl_run run;
	const json_t *row;
	unsigned n = 0;
	size_t i;

	ctl_fixture_make(&fixture);
	ctl_fixture_run(&fixture, "doctor --json", &run);
	cr_expect_eq(run.code, CTL_ANSWER_IS_NO);
	cr_assert(run.json, "%s", run.out);
	cr_expect(json_is_false(json_object_get(run.json, "healthy")));
	json_array_foreach(json_object_get(run.json, "checks"), i, row) n +=
		json_is_string(json_object_get(row, "check")) &&
		json_is_string(json_object_get(row, "state")) &&
		json_is_string(json_object_get(row, "what")) &&
		json_is_string(json_object_get(row, "why"));
	cr_expect_eq(n, 12);
	ctl_run_done(&run);
	ctl_fixture_run(&fixture, "doctor", &run);
	cr_expect_eq(run.code, CTL_ANSWER_IS_NO);
	cr_expect(strstr(run.out, "1 worker(s) are down"), "%s", run.out);
	cr_expect(strstr(run.out, "cure: mspoolctl events"), "%s", run.out);
	ctl_run_done(&run);
	ctl_fixture_remove(&fixture);
}
