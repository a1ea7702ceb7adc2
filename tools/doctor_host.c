/* SPDX-License-Identifier: Apache-2.0
 *
 * What `mspoolctl doctor` reads of the host: /proc, limits, addresses, clock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "tools/doctor.h"

/* ---- text ---------------------------------------------------------------- */

bool doctor_is_reserved(const char *list, uint64_t min, uint64_t max)
{
	struct slice rest = {list, strcspn(list, "\n")};

	while (min <= max && rest.len) {
		struct slice last = slice_trim(slice_cut(&rest, ','));
		struct slice first = slice_cut(&last, '-');
		uint64_t from, to;

		if (slice_to_u64(first, 65535, &from) < 0)
			return false;
		if (slice_to_u64(last, 65535, &to) < 0)
			to = from;
		if (from <= min && min <= to) /* the kernel sorts the list */
			min = to + 1;
	}
	return min > max;
}

bool doctor_read_udp(const char *line, char ret_host[33], unsigned *ret_port,
		     uint64_t *ret_drops)
{
	size_t end = strlen(line);
	unsigned port;

	while (end && strchr(" \n", line[end - 1]))
		end--;
	while (end && line[end - 1] != ' ') /* the last column is the drops */
		end--;
	if (sscanf(line, " %*d: %32[0-9A-F]:%4x", ret_host, &port) != 2 ||
	    sscanf(line + end, "%" SCNu64, ret_drops) != 1)
		return false;
	*ret_port = port;
	return true;
}

/* The word of a line at this place; empty: none. */
static struct slice word_at(struct slice line, unsigned i)
{
	struct slice word = SLICE_NONE;

	for (unsigned k = 0; k <= i; k++)
		word = slice_cut(&line, ' ');
	return word;
}

uint64_t doctor_read_snmp(const char *text, const char *prefix,
			  const char *column)
{
	struct slice rest = slice_of(text), names = SLICE_NONE;

	while (rest.len) {
		struct slice line = slice_cut(&rest, '\n');
		uint64_t value;

		if (!slice_is(word_at(line, 0), slice_of(prefix)))
			continue;
		if (!names.len) {
			names = line;
			continue;
		}
		for (unsigned i = 1; word_at(names, i).len; i++)
			if (slice_is(word_at(names, i), slice_of(column)) &&
			    slice_to_u64(word_at(line, i), UINT64_MAX,
					 &value) == 0)
				return value;
		names = SLICE_NONE;
	}
	return DOCTOR_UNKNOWN;
}

/* A small file of /proc, always with NUL; "" when it cannot be read. */
static const char *read_proc(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t n = 0;

	if (file) {
		n = fread(buf, 1, size - 1, file);
		fclose(file);
	}
	buf[n] = 0;
	return buf;
}

/* ---- ports and buffers --------------------------------------------------- */

static void gather_ports(const struct config *config,
			 struct doctor_facts *facts)
{
	char text[4096];

	facts->ephemeral_min = facts->ephemeral_max = DOCTOR_UNKNOWN;
	read_proc("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text));
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &facts->ephemeral_min,
		   &facts->ephemeral_max) != 2)
		facts->ephemeral_min = DOCTOR_UNKNOWN;
	facts->port_min = facts->port_max = DOCTOR_UNKNOWN;
	if (!config)
		return;
	facts->port_min = config->media.port_min;
	facts->port_max = config->media.port_max;
	read_proc("/proc/sys/net/ipv4/ip_local_reserved_ports", text,
		  sizeof(text));
	facts->are_reserved =
		doctor_is_reserved(text, facts->port_min, facts->port_max);
}

static void gather_buffers(struct doctor_facts *facts)
{
	char text[8192];

	facts->rmem_max = DOCTOR_UNKNOWN;
	read_proc("/proc/sys/net/core/rmem_max", text, sizeof(text));
	if (sscanf(text, "%" SCNu64, &facts->rmem_max) != 1)
		facts->rmem_max = DOCTOR_UNKNOWN;
	read_proc("/proc/net/snmp", text, sizeof(text));
	facts->drops_host = doctor_read_snmp(text, "Udp:", "RcvbufErrors");
}

/* ---- drops --------------------------------------------------------------- */

/* An address as /proc/net/udp writes it: words of four bytes, as the host
 * orders them. */
static void host_text(const struct addr *addr, char text[33])
{
	const uint32_t *words = &addr->in4.sin_addr.s_addr;
	unsigned n = 1;

	if (addr->sa.sa_family == AF_INET6) {
		words = addr->in6.sin6_addr.s6_addr32;
		n = 4;
	}
	for (unsigned i = 0; i < n; i++)
		snprintf(text + (size_t)i * 8, 9, "%08X", words[i]);
}

static bool is_ours(const struct config *config, const char *host,
		    unsigned port)
{
	for (unsigned i = 0; i < config->n_listeners; i++) {
		const struct config_listener *at = &config->listeners[i];
		char signalling[33], media[33];

		host_text(&at->address, signalling);
		host_text(addr_is_none(&at->media_address) ? &at->address
							   : &at->media_address,
			  media);
		if (at->transport == TRANSPORT_UDP &&
		    strcmp(host, signalling) == 0 &&
		    port == addr_port(&at->address))
			return true;
		if (strcmp(host, media) == 0 &&
		    port >= config->media.port_min &&
		    port <= config->media.port_max)
			return true;
	}
	return false;
}

static void gather_drops(const struct config *config,
			 struct doctor_facts *facts)
{
	static const char *const paths[] = {"/proc/net/udp", "/proc/net/udp6"};
	char line[512], host[33];
	uint64_t drops;
	unsigned port;

	facts->drops = DOCTOR_UNKNOWN;
	for (unsigned i = 0; config && i < 2; i++) {
		FILE *file = fopen(paths[i], "re");

		if (!file)
			continue;
		if (facts->drops == DOCTOR_UNKNOWN)
			facts->drops = 0;
		while (fgets(line, sizeof(line), file))
			if (doctor_read_udp(line, host, &port, &drops) &&
			    is_ours(config, host, port))
				facts->drops += drops;
		fclose(file);
	}
}

/* ---- addresses ----------------------------------------------------------- */

/* Is this one of the host's?  The kernel knows: it binds nothing else. */
static bool is_present(const struct addr *address)
{
	struct addr at = *address;
	int fd = socket(at.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_here;

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	addr_set_port(&at, 0);
	is_here =
		bind(fd, &at.sa, addr_len(&at)) == 0 || errno != EADDRNOTAVAIL;
	close(fd);
	return is_here;
}

static void see_address(struct doctor_facts *facts, const struct addr *address)
{
	char host[ADDR_TEXT_MAX];
	size_t len = strlen(facts->missing);

	if (addr_is_none(address) || is_present(address))
		return;
	addr_host_text(address, host);
	if (strstr(facts->missing, host))
		return;
	facts->n_missing++;
	snprintf(facts->missing + len, sizeof(facts->missing) - len, "%s%s",
		 len ? ", " : "", host);
}

static void gather_addresses(const struct config *config,
			     struct doctor_facts *facts)
{
	facts->n_missing = config ? 0 : DOCTOR_UNKNOWN;
	for (unsigned i = 0; config && i < config->n_listeners; i++) {
		see_address(facts, &config->listeners[i].address);
		see_address(facts, &config->listeners[i].media_address);
	}
	if (config && config->metrics.is_enabled)
		see_address(facts, &config->metrics.listen);
}

/* ---- all ----------------------------------------------------------------- */

static void gather_clock(struct doctor_facts *facts)
{
	struct timex now = {0};
	int state = adjtimex(&now);

	facts->is_clock_set = DOCTOR_UNKNOWN;
	if (state >= 0)
		facts->is_clock_set =
			state != TIME_ERROR && !(now.status & STA_UNSYNC);
}

/* What a pool that is started from here would be allowed. */
static void gather_limit(struct doctor_facts *facts)
{
	struct rlimit files;

	facts->files_limit = DOCTOR_UNKNOWN;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		facts->files_limit = files.rlim_max;
}

void doctor_gather_host(const struct config *config, struct doctor_facts *facts)
{
	gather_ports(config, facts);
	gather_buffers(facts);
	gather_drops(config, facts);
	gather_addresses(config, facts);
	gather_clock(facts);
	gather_limit(facts);
}
