// SPDX-License-Identifier: GPL-2.0-or-later
#include "connection_director.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "forward/list.h"
#include "host_kernel.h"
#include "host_maps.h"
#include "scheduler/list.h"
#include "table.h"

enum {
	INGRESS = 1,
	VIP_PORT = 80,
	SERVER_PORT = 8080,
	CHUNKS_PER_LIST = 2,
	FRAME_AT = HOST_HEADROOM + 2, /* layer 3 on a multiple of 16 */
	MAC_MARK = 0x5e, /* of a destination's MAC address: mark, then number */
};

int xlvs_main(struct xdp_md *ctx);
int xlvs_start(struct __sk_buff *skb);

struct native_cpu {
	uint32_t number;
	uint8_t *memory;
};

static const char *const vips[NATIVE_SERVICES] = {
	"203.0.113.1",	 "2001:db8:2::1", "203.0.113.2",
	"2001:db8:2::2", "203.0.113.3",	  "2001:db8:2::3",
};

static const uint8_t methods[NATIVE_SERVICES] = {
	XLVS_FORWARD_nat, XLVS_FORWARD_nat, XLVS_FORWARD_dr,
	XLVS_FORWARD_dr,  XLVS_FORWARD_tun, XLVS_FORWARD_tun,
};

static int family_of(uint32_t service)
{
	return service % 2 ? 6 : 4;
}

static uint32_t dest_index(uint32_t service, uint32_t dest)
{
	return 1 + service * NATIVE_DESTS + dest;
}

static void server_address(uint32_t service, uint32_t dest, char text[40])
{
	snprintf(text, 40, family_of(service) == 4 ? "192.0.2.%u" : "2001:db8:3::%u",
		 100 + dest_index(service, dest));
}

static void parse(uint32_t service, const char *text, __be32 *ret_address)
{
	memset(ret_address, 0, 16);
	inet_pton(family_of(service) == 4 ? AF_INET : AF_INET6, text, ret_address);
}

static void add_dest(uint32_t service, uint32_t dest, struct xlvs_cell *ret_cell)
{
	uint32_t index = dest_index(service, dest);
	uint8_t method = methods[service];
	char address[40];

	server_address(service, dest, address);
	host_dests[index] = (struct xlvs_dest){
		.port = method == XLVS_FORWARD_nat ? htons(SERVER_PORT) : 0,
		.family = family_of(service) == 4 ? AF_INET : AF_INET6,
		.method = method,
		.flags = XLVS_DEST_USED | XLVS_DEST_AVAILABLE,
		.service = service,
		.weight = 1,
		.nexthop = index,
		.outer = (__u8)family_of(service),
	};
	parse(service, address, host_dests[index].address);
	host_nexthops[index] = (struct xlvs_nexthop){
		.state = XLVS_NEXTHOP_READY,
		.ifindex = index % 2 ? INGRESS : 100,
		.dmac = {2, 0, 0, 0, MAC_MARK, (uint8_t)index},
		.mtu_bytes = HOST_MTU_BYTES,
	};
	*ret_cell = (struct xlvs_cell){.dest = index, .weight = 1};
}

static void add_service(uint32_t service)
{
	union xlvs_chunk *run = &host_chunks[service * CHUNKS_PER_LIST];
	struct xlvs_service entry = {
		.state = XLVS_SLOT_LIVE,
		.port = htons(VIP_PORT),
		.protocol = PACKET_TCP,
		.family = family_of(service) == 4 ? AF_INET : AF_INET6,
		.list = service * CHUNKS_PER_LIST,
		.id = service,
	};

	parse(service, vips[service], entry.address);
	host_services[xlvs_hash_service(xlvs_constants.seed, entry.address, entry.port,
					entry.protocol | (uint32_t)entry.family << 8,
					XLVS_SERVICE_SLOTS)] = entry;
	run[0].head = (struct xlvs_list_head){
		.magic = XLVS_LIST_MAGIC,
		.n_chunks = CHUNKS_PER_LIST,
		.service = service,
		.n_dests = NATIVE_DESTS,
		.scheduler = XLVS_SCHEDULER_rr,
		.cursor = XLVS_NONE,
	};
	for (uint32_t i = 0; i < NATIVE_DESTS; i++)
		add_dest(service, i, &run[1].cells[i]);
}

bool native_open(uint32_t n_groups)
{
	const struct xlvs_constants constants = {
		.seed = {0x9d2c5680a3f1b747, 0xc6bc279692b5c323, 0x2545f4914f6cdd1d,
			 0x5851f42d4c957f2d, 0x14057b7ef767814f, 0xda942042e4dd58b5},
		.conn_groups = n_groups,
		.ticks_per_sec = NATIVE_TICKS_PER_SEC,
	};

	host_n_conns = n_groups * XLVS_CONN_GROUP;
	host_conns = aligned_alloc(64, host_n_conns * sizeof(struct xlvs_conn));
	if (!host_conns)
		return false;
	memset(host_conns, 0, host_n_conns * sizeof(struct xlvs_conn));
	memset(host_services, 0, sizeof(host_services));
	memset(host_reasons, 0, sizeof(host_reasons));
	host_set_constants(&constants);
	xlvs_runtime = (struct xlvs_runtime){
		.generation = 1,
		.conn_limit = host_n_conns / 4 * 3,
		.unproven_limit = host_n_conns / 8 * 3,
		.sweep_records = host_n_conns,
	};
	for (int i = 0; i < XLVS_TIMEOUTS; i++)
		xlvs_runtime.timeout_ticks[i] = NATIVE_TIMEOUT_TICKS;
	xlvs_runtime.timeout_ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED] = 1U << 30;
	for (uint32_t i = 0; i < NATIVE_SERVICES; i++) {
		add_service(i);
		++*(family_of(i) == 4 ? &xlvs_runtime.n_services4 : &xlvs_runtime.n_services6);
	}
	xlvs_start(NULL);
	return true;
}

void native_close(void)
{
	free(host_conns);
	host_conns = NULL;
	host_n_conns = 0;
}

void native_make_client(uint32_t n, struct native_client *ret_client)
{
	uint32_t service = n % NATIVE_SERVICES;
	char client[40], server[40];
	struct packet packet = {
		.family = family_of(service),
		.protocol = PACKET_TCP,
		.ttl = 64,
		.from = client,
		.to = vips[service],
		.sport = (uint16_t)(1024 + n),
		.dport = VIP_PORT,
	};

	snprintf(client, sizeof(client), packet.family == 4 ? "198.51.100.%u" : "2001:db8:1::%u",
		 1 + n / NATIVE_SERVICES % 200);
	ret_client->service = service;
	ret_client->is_two_way = methods[service] == XLVS_FORWARD_nat;
	packet_build(&packet, &ret_client->request);
	packet.from = server;
	packet.to = client;
	packet.dport = packet.sport;
	packet.sport = SERVER_PORT;
	for (uint32_t i = 0; i < NATIVE_DESTS; i++) {
		server_address(service, i, server);
		packet_build(&packet, &ret_client->replies[i]);
	}
}

struct native_cpu *native_cpu(uint32_t number)
{
	static struct native_cpu cpus[HOST_CPUS];
	struct native_cpu *cpu = &cpus[number];

	cpu->number = number;
	if (!cpu->memory)
		cpu->memory = host_low_memory(FRAME_AT + FRAME_MAX);
	return cpu->memory ? cpu : NULL;
}

static size_t l4_at(const struct native_client *client)
{
	return ETHERNET_BYTES + (family_of(client->service) == 4 ? 20 : 40);
}

/* Run a frame: the action, and where the frame is afterwards. */
static enum native_verdict run(struct native_cpu *cpu, const struct native_client *client,
			       const struct frame *frame, uint8_t flags, uint8_t **ret_frame)
{
	uint8_t *data = cpu->memory + FRAME_AT;
	struct xdp_md xdp = host_xdp(data, frame->bytes, INGRESS);
	int action;

	memcpy(data, frame->data, frame->bytes);
	data[l4_at(client) + 13] = flags;
	host_cpu = cpu->number;
	action = xlvs_main(&xdp);
	*ret_frame = (uint8_t *)(uintptr_t)xdp.data;
	if (action == XDP_PASS || action == XDP_DROP)
		return action == XDP_PASS ? NATIVE_PASSED : NATIVE_DROPPED;
	return action == XDP_TX || action == XDP_REDIRECT ? NATIVE_FORWARDED : NATIVE_WRONG;
}

/* Whether the frame, addressed to a destination's MAC address, has that one's headers. */
static bool is_for(const struct native_client *client, const uint8_t *frame, uint32_t dest)
{
	const struct frame *reply = &client->replies[dest];
	const struct frame *request = &client->request;
	size_t l4 = l4_at(client), address = family_of(client->service) == 4 ? 4 : 16;
	size_t source = l4 - 2 * address;

	if (memcmp(frame + source, request->data + source, address) != 0 &&
	    methods[client->service] != XLVS_FORWARD_tun)
		return false;
	switch (methods[client->service]) {
	case XLVS_FORWARD_nat: /* what the reply comes from */
		return !memcmp(frame + source + address, reply->data + source, address) &&
		       !memcmp(frame + l4 + 2, reply->data + l4, 2);
	case XLVS_FORWARD_tun:
		return !memcmp(frame + source + address, reply->data + source, address) &&
		       !memcmp(frame + l4 + source - ETHERNET_BYTES, request->data + source,
			       2 * address + 4);
	default:
		return !memcmp(frame + source + address, request->data + source + address,
			       address + 4);
	}
}

enum native_verdict native_request(struct native_cpu *cpu, const struct native_client *client,
				   uint8_t flags, uint32_t *ret_dest)
{
	enum native_verdict verdict;
	uint8_t *frame;

	verdict = run(cpu, client, &client->request, flags, &frame);
	if (verdict != NATIVE_FORWARDED)
		return verdict;
	*ret_dest = (uint32_t)frame[5] - dest_index(client->service, 0);
	if (frame[4] != MAC_MARK || *ret_dest >= NATIVE_DESTS || !is_for(client, frame, *ret_dest))
		return NATIVE_WRONG;
	return NATIVE_FORWARDED;
}

enum native_verdict native_reply(struct native_cpu *cpu, const struct native_client *client,
				 uint8_t flags, uint32_t dest)
{
	size_t l4 = l4_at(client), address = family_of(client->service) == 4 ? 4 : 16;
	const uint8_t *request = client->request.data;
	enum native_verdict verdict;
	uint8_t *frame;

	verdict = run(cpu, client, &client->replies[dest], flags, &frame);
	if (verdict != NATIVE_FORWARDED)
		return verdict;
	/* Back from where the request went to, address and port. */
	if (memcmp(frame + l4 - 2 * address, request + l4 - address, address) != 0 ||
	    memcmp(frame + l4, request + l4 + 2, 2) != 0 || host_redirected != HOST_ROUTE_IFINDEX)
		return NATIVE_WRONG;
	return NATIVE_FORWARDED;
}

bool native_is_proven(const struct native_client *client)
{
	const uint8_t *l4 = client->request.data + l4_at(client);
	bool ipv4 = family_of(client->service) == 4;
	struct xlvs_tuple tuple = {
		.protocol = PACKET_TCP,
		.family = ipv4 ? AF_INET : AF_INET6,
	};
	struct xlvs_conn *conn;
	uint32_t index;

	memcpy(&tuple.ports, l4, sizeof(tuple.ports));
	memcpy(&tuple.key, ipv4 ? l4 - 8 : l4 - 32, ipv4 ? 8 : 32);
	if (ipv4)
		tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, tuple.key.v4.saddr,
					    tuple.key.v4.daddr, tuple.ports, tuple.kind);
	else
		tuple.hash = xlvs_hash_ipv6(xlvs_constants.seed, tuple.key.words, tuple.ports,
					    tuple.kind);
	conn = xlvs_conn_find(&tuple, ipv4, &index);
	return conn && conn->meta & XLVS_META_PROVEN;
}

void native_tick(uint32_t cpu)
{
	host_cpu = cpu;
	__atomic_fetch_add(&host_jiffies, 1, __ATOMIC_RELAXED);
	host_fire_timer();
}

static bool audit(struct table_census *ret_census)
{
	const struct table table = {host_conns,	   host_n_conns,
				    host_dests,	   dest_index(NATIVE_SERVICES, 0),
				    &xlvs_runtime, NULL};

	return !table_audit(&table, ret_census);
}

bool native_is_sound(void)
{
	struct table_census census;

	return audit(&census);
}

bool native_drains(void)
{
	struct table_census census;

	__atomic_fetch_add(&host_jiffies, 1U << 30, __ATOMIC_RELAXED);
	for (int i = 0; i < 4 * NATIVE_GRACE_TICKS; i++)
		native_tick(0);
	for (uint32_t i = 0; i < host_n_conns; i++) {
		if (!host_conns[i].word)
			continue;
		fprintf(stderr, "record %u is not as new: %#llx\n", i,
			(unsigned long long)host_conns[i].word);
		return false;
	}
	return audit(&census) && !xlvs_runtime.records;
}
