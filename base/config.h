/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration as every process of a generation sees it: pool.ini parsed
 * by one table (base/options.def) into these structs.  Immutable once loaded;
 * a reload makes a new one.  Names are unique within their kind; lists are in
 * file order.  The master parses files (config_load_file), children the sealed
 * text of the master (config_load_text), which carries file:line marks.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "base/addr.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/messages.h"
#include "base/str.h"

enum addressing {
	ADDRESSING_SHARED,
	ADDRESSING_PER_SERVER
};
enum unknown_peer {
	UNKNOWN_PEER_DROP,
	UNKNOWN_PEER_403
};
enum gateway_kind {
	GATEWAY_PSTN,
	GATEWAY_IP_PBX,
	GATEWAY_SBC,
	GATEWAY_SIMULATED
};
enum when_unhealthy {
	UNHEALTHY_EXCLUDE,
	UNHEALTHY_DEMOTE
};
enum srtp_mode {
	SRTP_NOT_SUPPORTED,
	SRTP_OPTIONAL,
	SRTP_REQUIRED
};
enum route_strategy {
	STRATEGY_ROUND_ROBIN,
	STRATEGY_FAILOVER,
	STRATEGY_WEIGHTED,
	STRATEGY_LEAST_CALLS
};
enum early_dialogs {
	EARLY_DIALOGS_ALL,
	EARLY_DIALOGS_ONE
};
enum prack_mode {
	PRACK_SUPPORTED,
	PRACK_REQUIRED,
	PRACK_OFF
};
enum call_history_header {
	CALL_HISTORY_HISTORY_INFO,
	CALL_HISTORY_DIVERSION,
	CALL_HISTORY_BOTH
};
enum dtmf_mode {
	DTMF_RFC4733,
	DTMF_INBAND,
	DTMF_INFO
};
enum redirect_mode {
	REDIRECT_FOLLOW,
	REDIRECT_FAIL
};

struct text_list {
	char **items;
	unsigned n;
};

struct config_pool {
	char *fqdn;
	unsigned signalling_workers, media_workers;
	enum addressing addressing;
	char *run_dir;
	char *user;
	unsigned max_calls, max_calls_per_second; /* 0 = no limit */
	unsigned max_book_mb; /* memory of one Mediation Server's calls */
	uint64_t graceful_timeout_us, watchdog_us;
	enum log_level log_level;
	bool is_log_json;
	struct text_list emergency_numbers;
	char *default_trunk;
	enum unknown_peer unknown_peer;
	uint64_t no_answer_timeout_us, max_call_duration_us; /* 0 = none */
};

/* One socket address of a [listen …] section or of a trunk's own port.  With
 * addressing = per-server the master adds book - 1 to the port. */
struct config_listener {
	uint16_t id; /* stable over reloads: hash of side, transport, address */
	uint8_t side;
	uint8_t transport;
	struct addr address;
	char *advertise;	   /* NULL: the address */
	struct addr media_address; /* port 0 */
	int trunk;   /* index of the trunk whose port it is, or -1 */
	char *place; /* "pool.ini:12", where it is asked for */
};

struct config_media {
	uint16_t port_min, port_max;
	unsigned dscp;
	uint64_t inactivity_timeout_us, hold_timeout_us; /* 0 = none */
	struct text_list codecs;
};

struct config_health {
	uint64_t options_interval_us, options_timeout_us;
	unsigned options_misses, options_recover;
	enum when_unhealthy unhealthy;
};

struct addr_prefix {
	struct addr net;
	unsigned bits;
};

/* A front end or a gateway: a peer. */
struct config_peer {
	char *name;
	bool is_frontend;
	char *address_text;  /* as written */
	struct addr address; /* family 0: a name, to be looked up */
	uint8_t transport;
	bool is_enabled;
	struct config_health health;
	/* front ends */
	unsigned priority, weight;
	enum srtp_mode srtp_mode;
	struct text_list pstn_usages; /* empty = all */
	/* gateways */
	enum gateway_kind kind;
	struct addr_prefix *sources;
	unsigned n_sources;
	bool is_routable;
	char *network_site;
	struct addr representative_media_ip;
	unsigned line; /* in the file, for messages */
};

/* Policy keys are named as in CONTRACT; those of later issues are parsed and
 * checked now and used when their issue comes. */
struct config_trunk {
	char *name;
	unsigned gateway; /* index into config.peers */
	bool is_root;	  /* made for a gateway without a [trunk] */
	uint16_t port;	  /* own listening port, or 0 */
	bool concentrated_topology, enable_bypass, enable_refer_support,
		enable_3pcc_refer, enable_session_timer,
		enable_fast_failover_timer, enable_rtp_latching,
		enable_signal_boost, enable_mobile_trunk_support,
		enable_pidflo_support, enable_location_restriction,
		forward_call_history, forward_pai,
		forward_anonymous_call_gateway_pai, remove_plus_from_uri,
		rtcp_active_calls, rtcp_calls_on_hold, accept_refer;
	char *network_site;
	unsigned max_early_dialogs;
	enum srtp_mode srtp_mode;
	/* indices into config.translations */
	unsigned *outbound_rules, n_outbound_rules;
	unsigned *outbound_calling_rules, n_outbound_calling_rules;
	unsigned *inbound_rules, n_inbound_rules;
	unsigned *inbound_calling_rules, n_inbound_calling_rules;
	unsigned *response_rules, n_response_rules; /* config.responses */
	struct text_list pstn_usages;
	unsigned weight, max_calls, max_calls_per_second;
	uint64_t connect_timeout_us, trying_timeout_us, failover_time_us;
	uint16_t failover_codes[32];
	unsigned n_failover_codes;
	enum early_dialogs early_dialogs;
	enum prack_mode prack;
	enum call_history_header call_history_header;
	struct text_list codecs; /* empty = as [media] */
	enum dtmf_mode dtmf;
	enum redirect_mode redirect;
};

struct config_route {
	char *name;
	char *match;		    /* PCRE */
	unsigned *trunks, n_trunks; /* indices, in order */
	enum route_strategy strategy;
	unsigned priority;
	struct text_list pstn_usages;
	bool suppress_caller_id;
	char *alternate_caller_id;
};

struct config_translation {
	char *name, *pattern, *translation;
};

struct config_response {
	char *name;
	unsigned received; /* 400–699, 0 any */
	int isup_cause;	   /* -1 any */
	unsigned translated;
};

struct config_site {
	char *name;
	struct addr_prefix *subnets;
	unsigned n_subnets;
	char *bypass_id;
	unsigned audio_bandwidth, audio_session_bandwidth; /* kbit/s */
};

/* Durations: 0 never. */
struct config_cdr {
	char *directory; /* NULL: no call records */
	bool is_json;
	uint64_t rotate_us, interim_us;
	unsigned rotate_megabytes;
	unsigned backlog; /* records of a book that wait, at most */
};

struct config_metrics {
	bool is_enabled;
	struct addr listen;
};

struct config {
	struct config_pool pool;
	struct config_listener *listeners;
	unsigned n_listeners;
	/* by enum listener_side: no [listen] section, this host's choice */
	bool is_listen_chosen[2];
	struct config_media media;
	struct config_cdr cdr;
	struct config_metrics metrics;
	struct config_peer *peers; /* front ends first, then gateways */
	unsigned n_peers, n_frontends;
	struct config_trunk *trunks;
	unsigned n_trunks;
	struct config_route *routes; /* by priority, then file order */
	unsigned n_routes;
	struct config_translation *translations;
	unsigned n_translations;
	struct config_response *responses;
	unsigned n_responses;
	struct config_site *sites;
	unsigned n_sites;
	void *arena; /* owner of every string and array above */
};

/* Everything that is wrong, "file:line:column: error: …\n" each, and warnings
 * likewise; the text is malloc'd, never NULL. */
struct config_report {
	char *text;
	unsigned n_errors, n_warnings;
};

void config_report_done(struct config_report *report);
/* base knows no regular expressions: a program that links route/ sets this to
 * route_check_pattern before it loads.  Without it patterns are taken as they
 * are (children, whose text the master has checked). */
typedef int config_check_pattern_fn(const char *pattern, char *why, size_t size,
				    size_t *ret_offset);
void config_set_pattern_check(config_check_pattern_fn *fn);
/* Reads path and pool.d beside it.  On success *ret_config and the text to be
 * sealed for the children (*ret_text, malloc'd).  -errno with the reasons in
 * report: -EINVAL for mistakes, others when the file cannot be read. */
int config_load_file(const char *path, struct config **ret_config,
		     char **ret_text, struct config_report *report);
int config_load_text(struct slice text, struct config **ret_config,
		     struct config_report *report);
struct config *config_free(struct config *config);
/* In words, a line for each difference ("~ [gateway gw1] weight 1 -> 2"),
 * malloc'd; "" when equal. */
char *config_difference(struct slice old_text, struct slice new_text);

/* NULL / -1 when there is none of that name. */
const struct config_peer *config_peer(const struct config *config,
				      struct slice name);
int config_trunk_index(const struct config *config, struct slice name);
/* CONTRACT "who is it": the peer that an address belongs to on this side, by
 * source address and port, then address alone, then sources, then the Via's
 * sent-by port, then file order.  NULL: unknown. */
const struct config_peer *config_peer_by_source(
	const struct config *config, const struct config_listener *at,
	const struct addr *source, uint16_t via_port);
const struct config_listener *config_listener(const struct config *config,
					      uint16_t id);
/* The listener from which requests to this peer leave: the trunk's own port if
 * it has one, else the first of its side and transport.  NULL: none. */
const struct config_listener *config_listener_for_peer(
	const struct config *config, const struct config_peer *peer, int trunk);
/* The trunk on which a call from this gateway arrives at this listener: the
 * trunk that owns the listener's port, else the gateway's first. */
int config_trunk_for_source(const struct config *config,
			    const struct config_listener *at,
			    const struct config_peer *gateway);

#endif
