/* SPDX-License-Identifier: Apache-2.0
 *
 * The payloads of base/messages.def.  Plain data, fixed size, same build on
 * both ends of a start (a child is exec'd from the same release; across an
 * upgrade the size check refuses what changed).
 */
#ifndef BASE_MESSAGES_H
#define BASE_MESSAGES_H

#include "base/addr.h"
#include "base/ids.h"

struct message_config {
	uint32_t generation;
	uint32_t size; /* bytes in the memfd */
};

enum listener_side {
	SIDE_INTERNAL,
	SIDE_GATEWAY
};
enum transport {
	TRANSPORT_UDP,
	TRANSPORT_TCP,
	TRANSPORT_TLS,
	N_TRANSPORTS
};

struct message_listener {
	uint8_t book;
	uint8_t side;	   /* enum listener_side */
	uint8_t transport; /* enum transport */
	uint8_t pad;
	uint16_t listener; /* config_listener.id: stable across reloads */
	struct addr bound;
};

struct message_connection {
	uint64_t connection; /* book << 48 | counter, as in the stream table */
	uint16_t listener;   /* that accepted it, or whose side it serves */
	uint8_t book;
	uint8_t is_outgoing;
	struct addr local, remote;
};

struct message_rtp_socket {
	uint8_t slot; /* media slot */
	uint8_t side; /* enum listener_side: which media_address */
	uint16_t port;
};

#define MESSAGE_FDS_MAX 250 /* the kernel passes 253 at once */

/* Begins the payload of a row with FD_LIST: the sender's numbers on one end,
 * the receiver's on the other. */
struct message_fds {
	uint32_t n; /* from 1 */
	int fd[MESSAGE_FDS_MAX];
};

/* Many sockets of one media slot: thousands come to a successor. */
struct message_rtp_sockets {
	struct message_fds fds;
	struct message_rtp_socket name[MESSAGE_FDS_MAX];
};

struct message_doorbell {
	struct slot_id slot;
};

struct message_book {
	uint8_t book;
	uint32_t epoch; /* under which the receiver may write */
};

struct message_slot {
	struct slot_id slot;
};

struct message_switch {
	uint8_t is_on;
};

struct message_call {
	uint64_t call;
};

struct message_ready {
	uint32_t generation;
	struct slot_id slot;
};

struct message_offer {
	struct slot_id slot;
	uint8_t is_prober;
	uint8_t pad;
	uint32_t generation; /* of the configuration it has in force */
};

struct message_served {
	struct slot_id slot;
	uint16_t pad;
	uint32_t epoch; /* 0 for a media slot */
};

struct message_test_crash {
	char point[32]; /* row of base/crash_points.def, "" none */
	uint32_t after; /* the n-th time it is reached, from 1 */
};

union message_payload {
	struct message_fds fds; /* of rows with FD_LIST */
	struct message_config config;
	struct message_listener listener;
	struct message_connection connection;
	struct message_rtp_socket rtp_socket;
	struct message_rtp_sockets rtp_sockets;
	struct message_doorbell doorbell;
	struct message_book book;
	struct message_slot slot;
	struct message_switch toggle;
	struct message_call call;
	struct message_ready ready;
	struct message_test_crash test_crash;
	struct message_offer offer;
	struct message_served served;
};

enum message {
	MESSAGE_NONE,
#define MESSAGE(name, from, to, payload, fds) MESSAGE_##name,
#include "base/messages.def"
#undef MESSAGE
	N_MESSAGES
};

/* What descriptors belong to a message: `false`, `true` or FD_LIST in
 * base/messages.def. */
enum message_fd {
	FD_NONE = false,
	FD_ONE = true,
	FD_LIST /* named in the payload, struct message_fds */
};

/* Name, payload size and whether descriptors belong to it. */
struct message_row {
	const char *name;
	uint16_t size;
	uint8_t fds; /* enum message_fd */
};
extern const struct message_row message_rows[N_MESSAGES];

#endif
