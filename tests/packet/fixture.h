/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A director for packet tests: the shipped programs loaded into a network namespace of the test's
 * own, their maps as memory, and frames through BPF_PROG_TEST_RUN. Packets come in by lo
 * (interface 1). The namespace has routes to clients by the interface `client` and to real servers
 * by `server`, and one neighbour on each: client_address and server_address(family, 1).
 * One director at a time; every call fails the running test when something goes wrong. */
#ifndef XLVS_TESTS_PACKET_FIXTURE_H
#define XLVS_TESTS_PACKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../lib/packet.h"
#include "../lib/table.h"
#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"
#include "abi/limits.h"
#include "abi/reason.h"
#include "abi/schedule.h"
#include "abi/service.h"
#include "forward/list.h"
#include "scheduler/list.h"

enum director_constant {
	INGRESS = 1, /* interface packets come in by */
	TICKS_PER_SEC = 250,
	MTU_BYTES = 1500,
	VIP_PORT = 80,
	CLIENT_PORT = 40000,
	SERVER_PORT = 8080,
	GUE_PORT = 6080,
	DIRECTOR_DESTS_MAX = 256,
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
	uint32_t server_ifindex;
	struct xlvs_constants constants;
	struct timespec opened_at;
	uint32_t opened_at_tick; /* the packet path's time then */
	uint32_t ran_at_tick; /* at the latest when the last frame was run */
	struct table table;
	volatile uint32_t *lookups; /* enum xlvs_lookup, that the programs heed */
	struct xlvs_service *services;
	union xlvs_chunk *chunks;
	struct xlvs_nexthop *nexthops;
	struct xlvs_nexthop *gateways;
	struct xlvs_traffic *traffic;
	uint64_t *reasons;
	void *icmp_rates;
};

extern struct director director;

struct director_options {
	uint32_t n_conns;
	uint32_t ticks_per_sec; /* 0: TICKS_PER_SEC */
};

/* Load. 0, or -1 with a line on stderr. */
int director_open(const struct director_options *options);
void director_close(void);

/* The set-up of a group of tests that care little for the table's size, and its end. */
int director_set_up(void **state);
int director_tear_down(void **state);

/* Change the network: lines as for ip -batch. 0, or -1. */
int director_ip(const char *commands);

/* Start the expiry's timer, as each daemon does. */
void director_start_expiry(void);

/* Nobody was told anything lately. */
void director_forget_icmp(void);

/* No services, no connections, all counters zero, limits at three quarters of the table. */
void director_reset(void);

/* Make a service persistent; `netmask` as in struct xlvs_service, 0: each client by itself. */
void director_persist(uint32_t slot, uint32_t timeout_sec, uint32_t netmask);
/* The live template of the packet's client for a service's address and `port`, valid ones before
 * others; NULL without. */
struct xlvs_conn *director_template(const struct packet *request, uint16_t port);

/* A service for the packets `request` is an example of; returns its slot. */
uint32_t director_add_service(const struct packet *request, uint16_t scheduler);
void director_delete_service(uint32_t slot);
/* The slot of the packet's service. */
uint32_t director_slot(const struct packet *request);

struct dest_words {
	int family;
	const char *address;
	uint16_t port; /* 0: the packet's own */
	uint8_t method;
	int weight;
	uint32_t ifindex; /* of its next hop */
	uint8_t tunnel_type;
	uint16_t tunnel_flags;
};

/* Add a destination with a next hop of its own and publish the service's list anew. */
uint32_t director_add_dest(uint32_t slot, const struct dest_words *words);
/* As the daemon does: out of the list, AVAILABLE cleared; what is counted stays. */
void director_delete_dest(uint32_t slot, uint32_t dest);
void director_weigh_dest(uint32_t slot, uint32_t dest, int weight);

/* Publish the local addresses of a service; none: the director's own. */
void director_set_locals(uint32_t slot, int family, const char *const *addresses, uint32_t n);

/* Address number `n` (1..99) of a real server. */
const char *server_address(int family, int n);
/* A service with one destination, server_address(words.family, 1); returns the destination. */
uint32_t director_serve(const struct packet *request, const struct dest_words *words);

/* From client_address:CLIENT_PORT to vip_address:VIP_PORT, TTL 64; TCP is a SYN. */
struct packet request_packet(int family, uint8_t protocol);
/* The server's answer to `request`, as it arrives for NAT: from `server`:port to the client. */
struct packet reply_packet(const struct packet *request, const char *server, uint16_t port);

/* A request of an open FULLNAT connection as its server gets it, but for MACs and TTL: from the
 * local address and port that the connection's reply record names. */
struct packet served_packet(const struct packet *request);

/* What `packet` has become on its way out by the next hop of `dest`: MACs and TTL. */
struct packet sent_to_dest(const struct packet *packet, uint32_t dest);
/* The same towards the client, by the interface `client`. */
struct packet sent_to_client(const struct packet *packet);
/* The outer header of a tunnel to `dest` around `packet`, as IPVS writes it; the source port of GUE
 * is the director's to choose. */
struct packet tunnel_to_dest(const struct packet *packet, uint32_t dest);

/* The live record of the packet's tuple, found without the table's own search; NULL without. */
struct xlvs_conn *director_conn(const struct packet *packet);
/* The packet path's time, to a tick or two. */
uint32_t director_now(void);
/* Let `ticks` go by for a record: what it notes of time is that much longer ago. */
void director_age(struct xlvs_conn *conn, uint32_t ticks);

/* All CPUs together. */
struct xlvs_traffic director_traffic(uint32_t dest);
uint64_t director_reason(uint32_t reason);

/* Said when an expectation fails, until said otherwise. */
void director_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *director_said(void);

uint32_t director_run(const struct frame *in, struct frame *ret_out);

void expect_leaving(uint32_t action, uint32_t ifindex);
void expect_frame(const struct frame *got, const struct frame *wanted);

/* Run a frame and fail the test unless it leaves by interface `ifindex` as `wanted`... */
void expect_sent(const struct frame *in, const struct frame *wanted, uint32_t ifindex);
/* ...unless it passes as it came, and nothing was counted... */
void expect_passed(const struct frame *in);
/* ...unless it is dropped for `reason`, and that alone was counted among the drops. */
void expect_dropped(const struct frame *in, uint32_t reason);

/* ...unless its sender, the client, is told by the virtual address of `error`, and `reason` alone
 * was counted among the drops... */
void expect_client_told(const struct packet *packet, uint32_t reason,
			const struct packet_error *error);
/* The same where no destination is available, however often it was told already. */
void expect_no_dest(const struct packet *packet);
/* ...unless its sender, the destination, is told by the director. */
void expect_server_told(const struct packet *packet, uint32_t dest, uint32_t reason,
			const struct packet_error *error);

/* Build and run a packet that is to be forwarded; what it looks like is not looked at. */
void expect_forwarded(const struct packet *packet);

/* The last frame has set the connection's deadline `seconds` into the future. */
void expect_timeout(const struct xlvs_conn *conn, uint32_t seconds);

/* The table, the destinations' counts and the runtime counters agree with each other. */
void expect_sound_table(void);

#endif
