// SPDX-License-Identifier: GPL-2.0-or-later
/* Which port a FULLNAT connection leaves from. The reply record that the connection needs anyhow,
 * keyed by server, local address and local port, is what says that a port is in use: candidates are
 * drawn at random from all ports of all local addresses until the record of one can be claimed. So
 * there is nothing that could disagree with the table, no lock, and a draw costs one search of it,
 * nearly always of one cache line; with nine of ten ports in use ten draws are expected.
 *
 * When free ports are hard to find, connections that hold theirs for nothing give way: half-open
 * ones, and those that both sides have closed longer ago than the server remembers.
 * See doc/decisions/local-ports.md. */
#include "datapath/port.bpf.h"

#include <bpf/bpf_endian.h>

#include "datapath/counters.bpf.h"
#include "datapath/reply.bpf.h"
#include "scheduler/scheduler.bpf.h"

enum port_constant {
	TRIES = 128,
	FREE_TRIES = 16, /* at first free ports alone are taken */
};

/* Steps of Knuth's generator of random numbers; the high half is good. */
#define RANDOM_MULTIPLIER 6364136223846793005ULL
#define RANDOM_INCREMENT  1442695040888963407ULL

/* What is drawn from. */
struct xlvs_port_pool {
	__u64 random;
	__u32 locals; /* first chunk of local addresses; 0: the tuple has the only one */
	__u32 first_address; /* of those of the server's family */
	__u32 n_addresses;
	__u32 n_ports; /* of each */
	__u32 gap_first; /* ports that are left out */
	__u32 gap_ports;
	__u32 holder; /* the record of the last port drawn, if it was in use */
};

static __always_inline void set_address(struct xlvs_tuple *reply, const __be32 *address)
{
	if (reply->family == XLVS_AF_INET)
		reply->key.v4.daddr = address[0];
	else
		__builtin_memcpy(reply->key.v6.daddr, address, sizeof(reply->key.v6.daddr));
}

/* The director's own address towards the server, and the ports that the kernel leaves free. */
static __always_inline bool use_own_address(struct xlvs_port_pool *pool, struct xlvs_tuple *reply,
					    const struct xlvs_dest *dest)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 index = *(volatile __u32 *)&dest->nexthop;
	struct xlvs_nexthop *nexthop = bpf_map_lookup_elem(&xlvs_nexthops, &index);

	if (!index || !nexthop || !runtime)
		return false;
	set_address(reply, nexthop->source);
	pool->locals = 0;
	pool->n_addresses = 1;
	pool->n_ports = XLVS_LOCAL_PORT_LAST + 1 - XLVS_LOCAL_PORT_FIRST;
	pool->gap_first = runtime->own_ports_first;
	pool->gap_ports = runtime->own_ports_last + 1 - runtime->own_ports_first;
	if (pool->gap_first < XLVS_LOCAL_PORT_FIRST || pool->gap_ports >= pool->n_ports)
		pool->gap_ports = 0;
	pool->n_ports -= pool->gap_ports;
	return true;
}

/* The service's local addresses of the server's family; without any the director's own. */
static __always_inline bool open_pool(struct xlvs_port_pool *pool, struct xlvs_tuple *reply,
				      const struct xlvs_dest *dest,
				      const struct xlvs_service *service)
{
	union xlvs_chunk *head;

	pool->locals = *(volatile __u32 *)&service->locals;
	if (!pool->locals)
		return use_own_address(pool, reply, dest);
	head = xlvs_chunk_at(pool->locals);
	if (!head)
		return false;
	pool->n_addresses = head->locals.n_ipv4;
	if (reply->family != XLVS_AF_INET) {
		pool->first_address = head->locals.n_ipv4;
		pool->n_addresses = head->locals.n_addresses - head->locals.n_ipv4;
	}
	if (!pool->n_addresses)
		return use_own_address(pool, reply, dest);
	pool->n_ports = XLVS_LOCAL_PORT_LAST + 1 - XLVS_LOCAL_PORT_FIRST;
	pool->gap_ports = 0;
	return true;
}

/* Make the reply tuple that of a number drawn; its hash, too. */
static __always_inline bool draw(const struct xlvs_port_pool *pool, struct xlvs_tuple *reply)
{
	__u32 number = (pool->random >> 32) * pool->n_addresses * pool->n_ports >> 32;
	__u32 n_ports = pool->n_ports | !pool->n_ports;
	__u32 port = XLVS_LOCAL_PORT_FIRST + number % n_ports;
	__u32 nth = pool->first_address + number / n_ports;

	if (pool->locals) {
		union xlvs_chunk *chunk =
			xlvs_chunk_at(pool->locals + 1 + nth / XLVS_LOCALS_PER_CHUNK);

		if (!chunk)
			return false;
		set_address(reply, chunk->locals_at[nth % XLVS_LOCALS_PER_CHUNK]);
	}
	if (pool->gap_ports && port >= pool->gap_first)
		port += pool->gap_ports;
	reply->dport = bpf_htons(port);
	xlvs_reply_hash(reply);
	return true;
}

/* Draw a port: 1 when its record may be claimed, 0 when pool->holder is there, or a negative
 * reason. */
int xlvs_port_draw(struct xlvs_port_pool *pool, struct xlvs_tuple *reply);

int xlvs_port_draw(struct xlvs_port_pool *pool, struct xlvs_tuple *reply)
{
	if (!pool || !reply)
		return -XLVS_DROP_INTERNAL;
	pool->random = pool->random * RANDOM_MULTIPLIER + RANDOM_INCREMENT;
	if (!draw(pool, reply))
		return -XLVS_DROP_INTERNAL;
	return !xlvs_conn_find(reply, reply->family == XLVS_AF_INET, &pool->holder);
}

int xlvs_port_claim(struct xlvs_packet *pkt, __u32 dest_index, __u32 slot)
{
	struct xlvs_service *service = bpf_map_lookup_elem(&xlvs_services, &slot);
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	struct xlvs_port_pool pool = {};
	struct xlvs_tuple reply = {};
	int r;

	if (!pkt || !service || !dest)
		return -XLVS_DROP_INTERNAL;
	xlvs_reply_source(pkt, dest, &reply);
	if (!open_pool(&pool, &reply, dest, service))
		return -XLVS_DROP_NO_ROUTE;
	pool.random = pkt->tuple.hash ^ pkt->now;
	for (__u32 i = 0; i < TRIES; i++) {
		r = xlvs_port_draw(&pool, &reply);
		if (!r && (i < FREE_TRIES || !xlvs_port_vacate(pool.holder)))
			continue;
		if (r >= 0)
			r = xlvs_conn_claim(&reply);
		if (r == -XLVS_DROP_INSERT_RACE)
			continue;
		if (i >= FREE_TRIES)
			xlvs_count_reason(XLVS_EVENT_PORTS_SCARCE);
		return r;
	}
	return -XLVS_DROP_PORTS_EXHAUSTED;
}
