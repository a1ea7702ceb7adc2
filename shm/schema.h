/* SPDX-License-Identifier: Apache-2.0
 *
 * Every table of the shared state: key, value, who alone writes it.  All
 * records are plain data without pointers; text lies in an area at the record's
 * end and is named by record_text.  A record begins with a head whose version
 * its reader checks: version N reads N-1, anything else is refused and told.
 *
 *   state/msN, written by the owner of the book:
 *     call     call id (8, big endian)            call_record
 *     pending  call id (8), tx (2, BE)            tx_record
 *     invite   call id (8)                        invite_record
 *     stream   connection id (8, BE)              stream_record
 *     intake   'r' ring (8)                       uint64: taken up to there
 *              'w' ring (8)                       uint64: put up to there
 *              'p' message (8) | 'k' call (8)     deaths, worker/poison.c
 *     cdr      sequence (8, BE)                   cdr_record
 *     book     "head"                             book_head
 *   state/pool, written by the master:
 *     slot     slot_id (2)                        slot_record
 *     admin    name                               admin_record
 *     pool     "head"                             pool_record
 *   state/health, written by the prober:
 *     health   peer's name                        health_record
 *   state/cdr    one page, written by mspool-cdr: shm/cdr_page.h
 *   state/rollback  written by the master: shm/rollback.h
 *   state/board  pages, each written by its process: shm/board.h
 *   state/rings  one writer at each end: shm/ring.h
 */
#ifndef SHM_SCHEMA_H
#define SHM_SCHEMA_H

#include "base/addr.h"
#include "base/ids.h"
#include "base/media_types.h"
#include "base/messages.h"

/* Versions of records: shm/version.c says how the one before is read. */
#define CALL_VERSION   2
#define CALL_SIZE_1    920u /* bytes of its fixed part in version 1 */
#define TX_VERSION     1
#define STREAM_VERSION 1
#define SLOT_VERSION   1
#define ADMIN_VERSION  1
#define HEALTH_VERSION 1
#define BOOK_VERSION   1
#define POOL_VERSION   1
#define INVITE_VERSION 1
#define CDR_VERSION    1
#define PEER_NAME_MAX  64 /* with NUL */

struct record_head {
	uint16_t version; /* of this kind of record */
	uint16_t kind;	  /* enum record_kind */
	uint32_t size;	  /* of the whole record, text included */
};

enum record_kind {
	RECORD_CALL = 1,
	RECORD_TX,
	RECORD_STREAM,
	RECORD_SLOT,
	RECORD_ADMIN,
	RECORD_HEALTH,
	RECORD_BOOK,
	RECORD_POOL,
	RECORD_INVITE,
	RECORD_CDR
};

struct record_text {
	uint16_t at; /* offset from the record's start; 0 = empty */
	uint16_t len;
};

/* ---- state/msN ---------------------------------------------------------- */

struct book_head {
	struct record_head head;
	uint32_t epoch;	    /* raised by every owner; checked by every commit */
	char boot_id[40];   /* another boot: no call is alive */
	uint64_t next_call; /* counter, reserved in steps of 4096 */
	uint64_t served_until_us; /* last commit: how long nobody served */
};

enum call_state {
	CALL_TRYING,
	CALL_RINGING,
	CALL_EARLY,
	CALL_ANSWERED,
	CALL_ENDING,
	CALL_ABSORBING,
	N_CALL_STATES
};
enum call_direction {
	CALL_OUTBOUND,
	CALL_INBOUND
};
enum leg_side {
	LEG_A,
	LEG_B,
	N_LEGS
}; /* caller's, callee's */

enum leg_state {
	LEG_IDLE,
	LEG_CALLING,
	LEG_PROCEEDING,
	LEG_EARLY,
	LEG_ANSWERED,
	LEG_CONFIRMED,
	LEG_ENDING,
	LEG_ENDED,
	N_LEG_STATES
};
/* RFC 3264: who has an offer open on this leg. */
enum offer_state {
	OFFER_NONE,
	OFFER_BY_PEER,
	OFFER_BY_US
};
enum call_timer {
	CALL_TIMER_TRYING,
	CALL_TIMER_FAILOVER,
	CALL_TIMER_NO_ANSWER,
	CALL_TIMER_DURATION,
	CALL_TIMER_PROVISIONAL,
	CALL_TIMER_INTERIM,
	N_CALL_TIMERS
};

#define TRIES_MAX 10

/* One side of a relayed stream. */
struct media_side {
	struct addr local;	 /* RTP; RTCP on port + 1 */
	struct addr remote;	 /* RTP; family 0: not known yet */
	struct addr remote_rtcp; /* family 0: none */
	uint8_t side;		 /* enum listener_side: whose media_address */
	uint8_t flow;		 /* MEDIA_TAKE | MEDIA_GIVE */
	uint8_t is_latching;
	uint8_t n_map; /* payload types of packets from this side */
	struct payload_map map[PAYLOADS_MAX]; /* not listed: passed unchanged */
	char codec[12];			      /* for displays: "PCMA" */
	uint32_t clock_rate; /* of the codec, for jitter: 8000 */
};

/* What the media worker shall do for a call.  Level-triggered: the worker
 * reads the newest and echoes its version on its board page. */
struct media_wish {
	uint32_t version; /* raised at every change, from 1 */
	uint8_t worker;	  /* media slot index, 0 none */
	uint8_t is_on;	  /* 0: release the ports, then echo */
	uint8_t is_held;  /* hold_timeout counts instead of inactivity */
	uint8_t pad;
	uint32_t inactivity_ms; /* 0 never */
	struct media_side side[N_LEGS];
};

struct try_record {
	struct record_text trunk; /* "" for a front end */
	struct record_text peer;
	struct record_text called; /* after translation */
	struct record_text calling;
	uint16_t code;	/* answer, 0 none yet */
	uint16_t route; /* ordinal, to know where a route ends */
	uint32_t ms;	/* it took */
};

/* One of the two dialogs.  Tags and branches of ours derive from the call id
 * and secret. */
struct leg_record {
	uint8_t state; /* enum leg_state */
	uint8_t side;  /* enum listener_side */
	uint8_t transport;
	uint8_t offer;	   /* enum offer_state */
	uint16_t listener; /* config_listener.id we send from */
	uint16_t n_forks;
	uint8_t secret[LEG_SECRET_LEN];
	uint32_t local_cseq, remote_cseq, invite_cseq;
	struct addr hop;     /* where the next request of this dialog goes */
	uint64_t connection; /* it arrived on, 0 none */
	uint32_t sdp_session, sdp_version; /* of our o= line */
	uint16_t local_fork; /* our tag's fork number, shown last */
	uint16_t invite_tx;  /* pending: the INVITE open on this leg, 0 none */
	struct record_text peer;
	struct record_text call_id;
	struct record_text local_uri; /* From/To value of ours, without tag */
	struct record_text remote_uri;
	struct record_text remote_tag;
	struct record_text remote_target;
	struct record_text route_set; /* "<…>,<…>" in the order to be sent */
	struct record_text open_offer; /* SDP of the peer, not answered yet */
	struct record_text remote_sdp;
};

struct call_record {
	struct record_head head;
	uint64_t id;
	uint8_t state;	   /* enum call_state */
	uint8_t direction; /* enum call_direction */
	uint8_t n_tries, this_try;
	uint8_t is_hidden_caller, released_by; /* 'a', 'b', 'm' us; 0 */
	uint16_t next_tx;
	uint16_t code; /* final answer to the caller, 0 none */
	uint16_t q850;
	uint16_t best_code; /* of the tries so far */
	uint16_t flags;	    /* enum call_flag, worker/call.h */
	uint64_t started_wall_us, rang_wall_us, answered_wall_us, ended_wall_us;
	uint64_t started_us, answered_us; /* CLOCK_BOOTTIME */
	uint64_t try_started_us;
	uint64_t deadline_us[N_CALL_TIMERS]; /* by enum call_timer; 0 off */
	uint32_t max_forwards;
	struct media_wish wish;
	struct record_text from, to; /* numbers for display, as dialled */
	struct record_text trunk;
	struct record_text best_reason;
	struct leg_record leg[N_LEGS];
	struct try_record tries[TRIES_MAX];
	/* version 2 */
	uint32_t born_epoch; /* of the book, when the call began; 0 not known */
	uint32_t pad;
	/* text follows, up to head.size */
};

/* The caller's INVITE as it came, while a call is set up and the next try may
 * have to be made of it.  Apart from the call's record, which keeps its size
 * so: three of them fill a page. */
struct invite_record {
	struct record_head head;
	uint64_t call;
	/* head and body follow, up to head.size */
};

/* A transaction (RFC 3261 17, RFC 6026) and the bytes it repeats. */
struct tx_record {
	struct record_head head;
	uint64_t call;
	uint16_t tx;	/* number within the call, as in our branch */
	uint8_t leg;	/* enum leg_side */
	uint8_t role;	/* enum tx_role, sip/transaction.h */
	uint8_t state;	/* enum tx_state */
	uint8_t method; /* enum sip_method */
	uint8_t transport;
	uint8_t interval_step; /* T1 << step is the next wait */
	uint16_t listener;
	uint16_t partner; /* tx on the other leg that this one answers; 0 */
	uint16_t code;	  /* last status sent or received */
	uint16_t flags;
	uint32_t cseq;
	uint64_t connection;
	struct addr peer;
	uint64_t repeat_us, timeout_us; /* deadlines; 0 off */
	uint64_t effect; /* number of its last effect; see board.effect_sent */
	struct record_text branch;  /* server: of the peer's request */
	struct record_text sent_by; /* server */
	struct record_text via;	    /* server: all Via values to answer with */
	struct record_text bytes;   /* last sent */
};

/* A plain TCP connection (DESIGN 3 "exact streams"): what is committed of it.
 * An heir compares with tcp_info and sends the missing end of `tail`. */
struct stream_record {
	struct record_head head;
	uint64_t connection;
	uint64_t consumed; /* bytes of input that are done with */
	uint64_t written;  /* stream offset of the first byte of tail */
	uint16_t listener;
	uint8_t is_outgoing;
	uint8_t is_open; /* 0: to be shut down when tail is sent */
	struct addr local, remote;
	uint32_t tail_len; /* committed, perhaps not yet written: these bytes
			      follow, more than a record_text could name */
};

/* ---- call records ------------------------------------------------------- */

enum cdr_kind {
	CDR_END,    /* a call ended: one for each, exactly */
	CDR_INTERIM /* it lasts: the figures so far */
};
enum cdr_flag {
	CDR_IS_ADOPTED = 1,
	CDR_HAS_MEDIA = 2,   /* audio went through us */
	CDR_HAS_FIGURES = 8, /* … and its stream was found */
	CDR_DRAIN_FORCED = 4,
};

struct cdr_leg {
	struct record_text peer;
	struct record_text call_id;
	char codec[12];
	uint8_t has_dtmf_events; /* telephone-event was agreed */
	uint8_t pad[3];
	uint32_t jitter_us;
	/* of the stream board when the record was made */
	uint64_t packets_in, packets_out, lost;
};

struct cdr_try {
	struct record_text peer;
	uint16_t code, pad;
	uint32_t ms;
};

/* What is told of a call, put into the book in the same commit as the call's
 * end.  Sequences of a book follow each other without a gap; the record is
 * deleted when mspool-cdr has acknowledged its sequence. */
struct cdr_record {
	struct record_head head;
	uint64_t sequence;
	uint64_t call;
	uint8_t uuid[16];
	uint8_t kind;	     /* enum cdr_kind */
	uint8_t direction;   /* enum call_direction */
	uint8_t released_by; /* 'a', 'b', 'm' us; 0 nobody: never answered */
	uint8_t n_tries;
	uint16_t code; /* final answer to the caller, 0 none yet */
	uint16_t flags;
	uint32_t interim; /* number of an interim record, from 1 */
	uint32_t pad;
	uint64_t started_wall_us, rang_wall_us, answered_wall_us, ended_wall_us;
	uint64_t lasted_us, talked_us;	    /* by the clock that nobody sets */
	struct record_text calling, called; /* as received */
	struct record_text calling_out, called_out;
	struct record_text trunk;
	struct record_text reason; /* value of a Reason header */
	struct cdr_leg leg[N_LEGS];
	struct cdr_try tries[TRIES_MAX];
	/* text follows, up to head.size */
};

/* ---- state/pool --------------------------------------------------------- */

enum slot_state {
	SLOT_STARTING,
	SLOT_UP,
	SLOT_DRAINING,
	SLOT_DEAD,
	SLOT_DOWN,
	SLOT_RETIRED
};

struct slot_record {
	struct record_head head;
	struct slot_id slot;
	uint8_t state; /* enum slot_state */
	uint8_t is_prober;
	struct slot_id served_by; /* who serves this book: itself or an heir */
	uint16_t pad;
	uint32_t epoch;
	int32_t pid; /* 0 none */
	uint32_t restarts;
	uint64_t since_us; /* boottime of the last start */
};

#define ADMIN_DRAINED  1u
#define ADMIN_DISABLED 2u

struct admin_record {
	struct record_head head;
	uint32_t flags;
	uint64_t since_wall_us;
};

enum pool_state {
	POOL_STARTING,
	POOL_UP,
	POOL_DRAINING
};

struct pool_record {
	struct record_head head;
	uint8_t state;	      /* enum pool_state */
	uint8_t is_upgrading; /* processes of two releases may be alive */
	uint8_t pad[2];
	uint32_t generation;
	int32_t master_pid;
	uint32_t signalling_workers, media_workers; /* wanted */
	uint64_t started_us, started_wall_us;
	char boot_id[40];
	char version[32];
	char name[256]; /* fqdn */
};

/* ---- state/health ------------------------------------------------------- */

enum probe_state {
	PROBE_UNKNOWN,
	PROBE_UP,
	PROBE_DOWN
};

struct health_record {
	struct record_head head;
	uint8_t state; /* enum probe_state */
	uint8_t pad;
	uint16_t last_response; /* 0 none, 408 timed out */
	uint32_t misses, goods; /* in a row */
	uint32_t rtt_us;
	uint64_t since_wall_us;
	uint64_t next_probe_us, last_sent_us,
		last_good_us; /* boottime; of good: when its request was sent */
	uint64_t last_miss_us; /* when the last probe that failed was sent */
};

_Static_assert(sizeof(struct call_record) <= 3072, "a call record grew");

#endif
