/* SPDX-License-Identifier: Apache-2.0
 *
 * mspool-gwsim, the simulated gateway and front end: what its files share.
 *
 *   gwsim_wire     sockets, connections, framing     → sim_take_message
 *   gwsim_take     what is done with a message, by method
 *   gwsim_call     a call's life: its script, its timers, its end
 *   gwsim_place    placing calls: requests, their answers
 *   gwsim_write    the messages it sends
 *   gwsim_media    RTP of a call: echo, tone, loss, figures
 *   gwsim_report   the summary
 *
 * One process, one loop, no worker of the pool involved: the simulator speaks
 * to the pool as any peer would.
 */
#ifndef TOOLS_GWSIM_H
#define TOOLS_GWSIM_H

#include <uthash.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/wheel.h"
#include "rtp/packet.h"
#include "sip/scan.h"

#define SIM_LISTENS_MAX 16
#define SIM_WATCHES_MAX (SIM_LISTENS_MAX + 4) /* one way out, two signals */
#define SIM_TEXT_MAX	1024		      /* a header value we keep */
#define SIM_OUT_MAX	4096		      /* a message we send */
#define SIM_T1_US	(500 * USEC_PER_MSEC)
#define SIM_T2_US	(4 * USEC_PER_SEC)
#define SIM_T4_US	(5 * USEC_PER_SEC)
#define SIM_GIVE_UP_US	(64 * SIM_T1_US)

enum sim_transport {
	SIM_UDP,
	SIM_TCP
};

struct sim_listen {
	enum sim_transport transport;
	struct addr address;
};

struct sim_options {
	struct sim_listen listens[SIM_LISTENS_MAX];
	unsigned n_listens;
	const char *name, *target, *from, *media_ports;
	enum sim_transport transport;
	uint64_t ring_ms, answer_ms, hangup_after_ms, reject;
	uint64_t n_calls, duration_ms, patience_ms;
	double tone_hz, hear_hz, loss_percent, max_loss_percent, rate;
	bool is_silent, has_early_media, is_echo, is_json, is_quiet;
	bool is_without_media;
};

/* Where a message came from and its answer goes. */
struct way {
	enum sim_transport transport;
	struct addr peer, local;
	struct addr listens_at; /* over TCP, when the connection is lost; 0: at
				   `peer` */
	int udp_fd;		/* -1 over TCP */
	uint64_t stream;	/* number of a connection, 0 none */
};

struct sim_stream;

/* RTP of one call. */
struct sim_media {
	int fd; /* -1 none */
	struct watch *watch;
	struct addr local, remote;
	uint8_t payload_type, event_type; /* event_type: 0 not offered */
	bool is_alaw, is_agreed, may_send, is_on;
	const char *flow; /* what our SDP says */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	double phase;
	uint64_t next_us;     /* of a tone's packets */
	uint64_t sent, heard; /* heard: packets with the tone in them */
	struct rtp_figures figures;
};

enum sim_call_state {
	SIM_CALLING, /* INVITE sent or got */
	SIM_RINGING,
	SIM_ANSWERED, /* 200 sent, no ACK yet */
	SIM_TALKING,
	SIM_ENDING, /* BYE or CANCEL sent */
	SIM_ENDED   /* absorbs what comes late */
};
enum sim_timer {
	SIM_STEP,   /* the script's next step */
	SIM_REPEAT, /* sends `sent` again */
	SIM_LIMIT,  /* the transaction's end, or the call's memory */
	N_SIM_TIMERS
};

struct sim_call {
	UT_hash_handle hh;
	struct sim *sim;
	struct sim_call *next, **link; /* of those with media, sim.talkers */
	char call_id[SIM_TEXT_MAX / 4];
	bool is_placed; /* by us */
	bool is_good;
	enum sim_call_state state;
	struct way way;
	char local[SIM_TEXT_MAX], remote[SIM_TEXT_MAX]; /* From/To, tagged */
	char target[SIM_TEXT_MAX / 4]; /* Request-URI of requests */
	char routes[SIM_TEXT_MAX];
	char tag[24], branch[40];
	char why[96]; /* it is not good; "" not known yet */
	uint32_t cseq, peer_cseq, invite_cseq;
	enum sip_method sending; /* request that `sent` holds, or the INVITE
				    whose 200 it is */
	int status;		 /* the final one */
	/* timers and the message that is repeated */
	struct timer timers[N_SIM_TIMERS];
	uint64_t repeat_us; /* the next wait */
	char sent[SIM_OUT_MAX];
	size_t sent_len;
	/* a caller's INVITE as taken, to answer it later */
	char *invite;
	struct sip_message *invite_message;
	uint64_t began_us, rang_us, answered_us;
	struct sim_media media;
};

struct sim_figures {
	uint64_t n_placed, n_taken, n_answered, n_good, n_failed;
	uint64_t rtp_sent, rtp_received, rtp_lost, rtp_heard;
	uint32_t jitter_max_us;
	uint64_t repeats_sent, malformed;
	uint64_t statuses[700];	       /* final answers, by code */
	uint32_t *ring_us, *answer_us; /* set-up times of calls placed */
	uint64_t n_ring, n_answer;
};

struct sim {
	struct sim_options options;
	struct loop *loop;
	struct wheel *wheel;
	struct sim_call *calls;	  /* by Call-ID */
	struct sim_call *talkers; /* their media runs */
	struct sim_stream *streams;
	uint64_t next_stream;
	int udp_fds[SIM_LISTENS_MAX], tcp_fds[SIM_LISTENS_MAX];
	unsigned n_udp, n_tcp;
	struct watch *watches[SIM_WATCHES_MAX]; /* of sockets and signals */
	unsigned n_watches;
	struct way target_way; /* of calls placed */
	uint64_t next_call_us;
	uint16_t port_min, port_max, next_port;
	uint64_t random; /* state of a small generator, for --loss */
	bool is_stopping;
	struct sim_figures figures;
};

/* ---- gwsim_options ------------------------------------------------------- */
/* 0, or the exit code with a word on stderr (or stdout, for -h). */
int sim_options_read(struct sim_options *options, int argc, char **argv,
		     bool *ret_is_done);

/* ---- gwsim_wire ---------------------------------------------------------- */
int wire_open(struct sim *sim);
void wire_close(struct sim *sim);
/* Frees connections that ended; between two turns of the loop only. */
void wire_sweep(struct sim *sim);
/* The way to the address that calls are placed to: a UDP socket or a
 * connection, opened if need be.  0 or -errno. */
int wire_way_to(struct sim *sim, enum sim_transport transport,
		const struct addr *peer, struct way *ret_way);
/* A connection that is gone is opened again.  What cannot be sent is lost, as
 * on any wire. */
void wire_send(struct sim *sim, struct way *way, struct slice bytes);

/* ---- gwsim_take ---------------------------------------------------------- */
void sim_take_message(struct sim *sim, const struct way *way, char *bytes,
		      size_t len);

/* ---- gwsim_call ---------------------------------------------------------- */
struct sim_call *call_new(struct sim *sim, struct slice call_id,
			  const struct way *way, bool is_placed);
struct sim_call *call_free(struct sim_call *call);
struct sim_call *call_find(struct sim *sim, struct slice call_id);
void call_set_timer(struct sim_call *call, enum sim_timer timer,
		    uint64_t in_us);
void call_stop_timer(struct sim_call *call, enum sim_timer timer);
/* Sends call->sent and, where the transport or is_always wants it, again. */
void call_send(struct sim_call *call, bool is_repeated, bool is_always);
void call_stop_repeating(struct sim_call *call);
/* Over, for this reason ("" good so far); counted once. */
void call_end(struct sim_call *call, const char *why);
/* Ends what is under way: BYE or CANCEL. */
void call_hang_up(struct sim_call *call);
/* A callee's script from here on. */
void call_begin_script(struct sim_call *call);
/* Runs a timer that expired. */
void call_on_timer(struct sim_call *call, enum sim_timer timer);
void calls_expire(struct sim *sim);

/* ---- gwsim_place --------------------------------------------------------- */
int place_prepare(struct sim *sim);
/* Places what is due; microseconds until the next one, UINT64_MAX: none. */
uint64_t place_due(struct sim *sim);
void place_on_response(struct sim_call *call, const struct sip_message *m);
void place_bye(struct sim_call *call);
void place_cancel(struct sim_call *call);

/* ---- gwsim_write --------------------------------------------------------- */
/* Into call->sent. */
void write_request(struct sim_call *call, enum sip_method method);
/* An ACK of a final response to our INVITE, sent at once. */
void write_ack(struct sim_call *call, const struct sip_message *response);
/* An answer to `request`: into buf, returns its slice. */
struct slice write_response(struct sim_call *call,
			    const struct sip_message *request, int status,
			    bool has_sdp, char *buf, size_t size);
/* The same to what belongs to no call; tag "" none. */
struct slice write_stray_response(struct sim *sim,
				  const struct sip_message *request,
				  const struct way *way, int status, char *buf,
				  size_t size);

/* ---- gwsim_media --------------------------------------------------------- */
int media_open(struct sim_call *call);
void media_close(struct sim_call *call);
/* Takes the other side's SDP.  0, or -EINVAL (488). */
int media_take_sdp(struct sim_call *call, struct slice body);
void media_write_sdp(struct sim_call *call, struct out *out);
void media_begin(struct sim_call *call);
/* Sends tones that are due; microseconds until the next. */
uint64_t media_tick(struct sim *sim, uint64_t now_us);
/* Adds the call's figures to the sum and judges them: "" good. */
void media_judge(struct sim_call *call, char *ret_why, size_t size);

/* ---- gwsim_report -------------------------------------------------------- */
void report_call(const struct sim_call *call);
void report_summary(const struct sim *sim);
bool report_is_good(const struct sim *sim);

/* The watch is freed at the end; NULL is -ENOMEM. */
int sim_keep_watch(struct sim *sim, struct watch *watch);

/* xorshift64*: good enough for losses, tags are random_bytes'. */
uint64_t sim_random(struct sim *sim);

#endif
