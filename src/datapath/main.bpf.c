// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet path, in the order in which a packet travels it. What a packet of an established
 * connection needs is inlined here; everything else is a function in a file of its own, verified
 * by itself and called only when the packet asks for it. */
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/parse.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/service.bpf.h"
#include "forward/forward.bpf.h"
#include "protocol/list.h"
#include "protocol/protocol.bpf.h"

/* Timestamps finer than this part of a second are not worth a write. */
#define REFRESH_TICKS (xlvs_constants.ticks_per_sec / 4)

/* A packet that can change nothing: an ACK on an established, proven TCP connection. */
static __always_inline bool is_quiet_tcp(const struct xlvs_packet *pkt, __u32 meta)
{
	return (pkt->tcp_flags & (XLVS_TCP_ACK | XLVS_TCP_SYN | XLVS_TCP_FIN | XLVS_TCP_RST)) ==
		       XLVS_TCP_ACK &&
	       (meta & (XLVS_META_STATE | XLVS_META_PROVEN)) ==
		       (XLVS_TCP_ESTABLISHED | XLVS_META_PROVEN);
}

static __always_inline __u32 due_deadline(const struct xlvs_packet *pkt,
					  const struct xlvs_runtime *runtime)
{
	if (pkt->tuple.protocol == IPPROTO_TCP)
		return pkt->now + runtime->timeout_ticks[XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED];
	return pkt->now + runtime->timeout_ticks[XLVS_TIMEOUT_UDP];
}

static __always_inline int step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction)
{
	switch (pkt->tuple.protocol) {
#define STEP(name, number) \
	case number:       \
		return xlvs_##name##_step(pkt, conn, direction);
		XLVS_PROTOCOLS(STEP)
#undef STEP
	default:
		return -XLVS_DROP_INTERNAL;
	}
}

/* Both records of a two-way connection show the same state. */
static __always_inline void copy_state(struct xlvs_conn *reply, const struct xlvs_conn *conn)
{
	__u32 shown = XLVS_META_STATE | XLVS_META_PROVEN;

	reply->meta = (reply->meta & ~shown) | (conn->meta & shown);
}

/* Advance a connection by a packet of its client, unless the packet changes nothing. */
static __always_inline int step_request(struct xlvs_packet *pkt, struct xlvs_conn *conn,
					__u32 index, const struct xlvs_runtime *runtime)
{
	__u32 deadline = due_deadline(pkt, runtime);
	struct xlvs_conn *reply;
	bool quiet;
	int r;

	if (pkt->tuple.protocol == IPPROTO_TCP)
		quiet = is_quiet_tcp(pkt, conn->meta);
	else
		quiet = (conn->meta & XLVS_META_STATE) == XLVS_UDP_NORMAL;
	if (quiet && deadline - conn->deadline < REFRESH_TICKS)
		return 0;
	r = step(pkt, conn, XLVS_INPUT);
	if (!r && conn->partner != XLVS_NONE) {
		reply = xlvs_conn_partner(conn, index);
		if (reply)
			copy_state(reply, conn);
	}
	return r;
}

static __always_inline int send_request(struct xdp_md *ctx, struct xlvs_packet *pkt,
					struct xlvs_dest *dest, __u32 method)
{
	__u32 index = *(volatile __u32 *)&dest->nexthop;
	struct xlvs_nexthop *nexthop;
	int gateway;

	nexthop = bpf_map_lookup_elem(&xlvs_nexthops, &index);
	if (!index || !nexthop) {
		struct xlvs_flow_ends ends = {.family = dest->family};

		__builtin_memcpy(ends.to, dest->address, sizeof(ends.to));
		gateway = xlvs_route(ctx, &ends);
		if (gateway < 0)
			return gateway;
		nexthop = xlvs_gateway_at(gateway);
		if (!nexthop)
			return -XLVS_DROP_INTERNAL;
	}
	switch (method) {
#define SEND(name, number) \
	case number:       \
		return xlvs_forward_##name(ctx, pkt, dest, nexthop);
		XLVS_FORWARD_METHODS(SEND)
#undef SEND
	default:
		return -XLVS_DROP_INTERNAL;
	}
}

/* A SYN may open a new connection on the record of one that has ended. */
static __always_inline bool is_over(const struct xlvs_packet *pkt, const struct xlvs_conn *conn)
{
	__u32 state = conn->meta & XLVS_META_STATE;

	return xlvs_conn_expired(conn, pkt->now) ||
	       (pkt->tcp_flags & XLVS_TCP_SYN &&
		(state == XLVS_TCP_TIME_WAIT || state == XLVS_TCP_CLOSE));
}

static __always_inline int request(struct xdp_md *ctx, struct xlvs_packet *pkt,
				   struct xlvs_conn *conn, __u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 dest_index = conn->dest;
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	int r;

	if (!dest || !runtime)
		return -XLVS_DROP_INTERNAL;
	if (!(dest->flags & XLVS_DEST_AVAILABLE))
		return -XLVS_DROP_DEST_REMOVED;
	r = step_request(pkt, conn, index, runtime);
	if (r)
		return r;
	xlvs_count_in(dest_index, pkt->length_bytes);
	return send_request(ctx, pkt, dest,
			    (conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT);
}

/* With the table full, a packet of a connection that has no record. */
static __always_inline int request_hashed(struct xdp_md *ctx, struct xlvs_packet *pkt,
					  __u32 dest_index)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	xlvs_count_in(dest_index, pkt->length_bytes);
	return send_request(ctx, pkt, dest, dest->method);
}

/* Advance a connection by a packet of its server. The first record is touched only when the packet
 * may change its state or its deadline is stale. */
static __always_inline int step_reply(struct xlvs_packet *pkt, struct xlvs_conn *reply, __u32 index,
				      const struct xlvs_runtime *runtime)
{
	__u32 deadline = due_deadline(pkt, runtime);
	struct xlvs_conn *conn;
	bool quiet;
	int r;

	if (pkt->tuple.protocol == IPPROTO_TCP)
		quiet = is_quiet_tcp(pkt, reply->meta);
	else
		quiet = (reply->meta & XLVS_META_STATE) == XLVS_UDP_NORMAL;
	if (quiet && deadline - reply->deadline < REFRESH_TICKS)
		return 0;
	conn = xlvs_conn_partner(reply, index);
	if (!conn || xlvs_conn_expired(conn, pkt->now))
		return XLVS_NOT_OURS;
	r = step(pkt, conn, XLVS_OUTPUT);
	copy_state(reply, conn);
	reply->deadline = deadline;
	return r;
}

/* The next hop to the client as an index in xlvs_gateways: from the reply record while no route
 * has changed since it was found. */
static __always_inline int client_gateway(struct xdp_md *ctx, struct xlvs_packet *pkt,
					  struct xlvs_conn *reply, __u32 generation,
					  const struct xlvs_virtual *virtual_address)
{
	struct xlvs_flow_ends ends = {.family = pkt->tuple.family};
	__u32 kept = (1U << XLVS_META_GENERATION_SHIFT) - 1;
	int gateway;

	generation <<= XLVS_META_GENERATION_SHIFT;
	if (reply->gateway && (reply->meta & ~kept) == generation)
		return reply->gateway - 1;
	__builtin_memcpy(ends.from, virtual_address->address, sizeof(ends.from));
	if (pkt->tuple.family == XLVS_AF_INET)
		ends.to[0] = pkt->tuple.key.v4.daddr;
	else
		__builtin_memcpy(ends.to, pkt->tuple.key.v6.daddr, sizeof(ends.to));
	gateway = xlvs_route(ctx, &ends);
	if (gateway >= 0 && gateway < XLVS_GATEWAYS_MAX) {
		reply->gateway = gateway + 1;
		reply->meta = (reply->meta & kept) | generation;
	}
	return gateway;
}

static __always_inline int reply(struct xdp_md *ctx, struct xlvs_packet *pkt,
				 struct xlvs_conn *conn, __u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_virtual virtual_address = {};
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);
	struct xlvs_nexthop *nexthop;
	struct xlvs_conn *first;
	int r;

	if (!runtime || !dest)
		return -XLVS_DROP_INTERNAL;
	r = step_reply(pkt, conn, index, runtime);
	if (r)
		return r;
	if (pkt->tuple.family == XLVS_AF_INET) {
		virtual_address.address[0] = conn->vaddr4;
		virtual_address.port = conn->vport4;
	} else {
		first = xlvs_conn_partner(conn, index);
		if (!first)
			return XLVS_NOT_OURS;
		__builtin_memcpy(virtual_address.address, first->key.v6.daddr,
				 sizeof(virtual_address.address));
		virtual_address.port = first->dport;
	}
	if (dest->flags & XLVS_DEST_AVAILABLE)
		xlvs_count_out(conn->dest, pkt->length_bytes);
	r = client_gateway(ctx, pkt, conn, runtime->generation, &virtual_address);
	if (r < 0)
		return r;
	nexthop = xlvs_gateway_at(r);
	if (!nexthop)
		return -XLVS_DROP_INTERNAL;
	return xlvs_forward_nat_reply(ctx, pkt, &virtual_address, nexthop);
}

/* The whole journey: an XDP action, XLVS_NOT_OURS or a negative reason. */
static __always_inline int travel(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn;
	__u32 index = 0;
	int r;

	if (!runtime || xlvs_parse(ctx, pkt))
		return XLVS_NOT_OURS;
	if (!(pkt->tuple.family == XLVS_AF_INET ? runtime->n_services4 : runtime->n_services6))
		return XLVS_NOT_OURS;
	pkt->now = bpf_jiffies64() >> xlvs_constants.tick_shift;
	conn = xlvs_conn_find(&pkt->tuple, &index);
	if (conn && conn->meta & XLVS_META_REPLY)
		return reply(ctx, pkt, conn, index);
	if (!conn || is_over(pkt, conn)) {
		r = xlvs_open(ctx, pkt, conn ? index : XLVS_NONE);
		if (r < 0)
			return r;
		if (r & XLVS_OPEN_HASHED)
			return request_hashed(ctx, pkt, r & ~XLVS_OPEN_HASHED);
		index = r;
		conn = xlvs_conn_at(index);
		if (!conn)
			return -XLVS_DROP_INTERNAL;
	}
	return request(ctx, pkt, conn, index);
}

int xlvs_main(struct xdp_md *ctx);

SEC("xdp")
int xlvs_main(struct xdp_md *ctx)
{
	struct xlvs_packet pkt = {};
	int r = travel(ctx, &pkt);

	if (r >= 0)
		return r;
	if (r == XLVS_NOT_OURS)
		return XDP_PASS;
	xlvs_count_reason(-r);
	return XDP_DROP;
}
