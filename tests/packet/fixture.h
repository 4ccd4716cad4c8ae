/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A director for packet tests: the shipped programs loaded into a network namespace of the test's
 * own, their maps as memory, and frames through BPF_PROG_TEST_RUN. Packets come in by lo
 * (interface 1); clients are reached by the interface `client`, with a route and a neighbour each.
 * One director at a time; every call fails the running test when something goes wrong. */
#ifndef XLVS_TESTS_PACKET_FIXTURE_H
#define XLVS_TESTS_PACKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"
#include "abi/limits.h"
#include "abi/reason.h"
#include "abi/schedule.h"
#include "abi/service.h"
#include "forward/list.h"
#include "packet.h"
#include "scheduler/list.h"
#include "table.h"

enum director_constant {
	INGRESS = 1, /* interface packets come in by */
	TICKS_PER_SEC = 250,
	MTU_BYTES = 1500,
	VIP_PORT = 80,
	CLIENT_PORT = 40000,
	SERVER_PORT = 8080,
};

/* Addresses by family, 4 or 6. */
extern const char *const client_address[7];
extern const char *const vip_address[7];
extern const char *const director_address[7]; /* outer source of tunnels */

struct director {
	struct xlvs *skeleton;
	int program_fd;
	uint32_t n_cpus;
	uint32_t client_ifindex;
	struct table table;
	struct xlvs_service *services;
	union xlvs_chunk *chunks;
	struct xlvs_nexthop *nexthops;
	struct xlvs_nexthop *gateways;
	struct xlvs_traffic *traffic;
	uint64_t *reasons;
};

extern struct director director;

struct director_options {
	uint32_t n_conns;
	uint32_t ticks_per_sec; /* 0: TICKS_PER_SEC */
};

/* Load. 0, or -1 with a line on stderr. */
int director_open(const struct director_options *options);
void director_close(void);

/* No services, no connections, all counters zero, limits at three quarters of the table. */
void director_reset(void);

/* A service for the packets `request` is an example of; returns its slot. */
uint32_t director_add_service(const struct packet *request, uint16_t scheduler);
void director_delete_service(uint32_t slot);

struct dest_words {
	int family;
	const char *address;
	uint16_t port; /* 0: the packet's own */
	uint8_t method;
	int weight;
	uint32_t ifindex; /* of its next hop */
};

/* Add a destination with a next hop of its own and publish the service's list anew. */
uint32_t director_add_dest(uint32_t slot, const struct dest_words *words);
/* As the daemon does: out of the list, AVAILABLE cleared; what is counted stays. */
void director_delete_dest(uint32_t slot, uint32_t dest);
void director_weigh_dest(uint32_t slot, uint32_t dest, int weight);

/* Address number `n` (1..99) of a real server. */
const char *server_address(int family, int n);
/* A service with one destination, server_address(words.family, 1); returns the destination. */
uint32_t director_serve(const struct packet *request, const struct dest_words *words);

/* From client_address:CLIENT_PORT to vip_address:VIP_PORT, TTL 64; TCP is a SYN. */
struct packet request_packet(int family, uint8_t protocol);
/* The server's answer to `request`, as it arrives for NAT: from `server`:port to the client. */
struct packet reply_packet(const struct packet *request, const char *server, uint16_t port);

/* What `packet` has become on its way out by the next hop of `dest`: MACs and TTL. */
struct packet sent_to_dest(const struct packet *packet, uint32_t dest);
/* The same towards the client, by the interface `client`. */
struct packet sent_to_client(const struct packet *packet);
/* The outer header of a tunnel to `dest` around `packet`, as IPVS writes it. */
struct packet tunnel_to_dest(const struct packet *packet, uint32_t dest);

/* The live record of the packet's tuple, found without the table's own search; NULL without. */
struct xlvs_conn *director_conn(const struct packet *packet);
/* Let `ticks` go by for a connection: its deadline comes nearer. */
void director_age(struct xlvs_conn *conn, uint32_t ticks);

/* All CPUs together. */
struct xlvs_traffic director_traffic(uint32_t dest);
uint64_t director_reason(uint32_t reason);

/* Said when an expectation fails, until said otherwise. */
void director_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint32_t director_run(const struct frame *in, struct frame *ret_out);

/* Run a frame and fail the test unless it leaves by interface `ifindex` as `wanted`... */
void expect_sent(const struct frame *in, const struct frame *wanted, uint32_t ifindex);
/* ...unless it passes as it came, and nothing was counted... */
void expect_passed(const struct frame *in);
/* ...unless it is dropped for `reason`, and that alone was counted among the drops. */
void expect_dropped(const struct frame *in, uint32_t reason);

/* Build and run a packet that is to be forwarded; what it looks like is not looked at. */
void expect_forwarded(const struct packet *packet);

/* The table, the destinations' counts and the runtime counters agree with each other. */
void expect_sound_table(void);

#endif
