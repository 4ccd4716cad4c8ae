// SPDX-License-Identifier: GPL-2.0-or-later
/* An error quotes the packet it is about. Turned round, what is quoted names the other direction of
 * that packet's connection: the reply record when a router or the server speaks of a request, the
 * first record when a router or the client speaks of a reply. The quotation is translated as the
 * packet was, the other way round; the checksums are updated by the difference, but for the
 * transport's own inside, of which only the beginning may be there. */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/icmp.bpf.h"
#include "datapath/parse.bpf.h"
#include "datapath/route.bpf.h"
#include "forward/dr.bpf.h"
#include "forward/nat.bpf.h"
#include "forward/tun.bpf.h"

enum error_constant {
	IPV4_OFFSET = 0x1fff, /* of a fragment */
};

/* An error that was read: `pkt` is the error itself, its tuple that of the connection. */
struct error {
	struct xlvs_packet *pkt;
	__u32 ports_offset; /* of the quoted ports */
	bool ipv4;
};

static __always_inline void turn_round(struct error *error, const __be16 *ports, __u8 protocol)
{
	struct xlvs_tuple *tuple = &error->pkt->tuple;

	tuple->kind = protocol | (error->ipv4 ? XLVS_AF_INET : XLVS_AF_INET6) << 8;
	tuple->flags = 0;
	tuple->sport = ports[1];
	tuple->dport = ports[0];
	tuple->hash = error->ipv4 ? xlvs_hash_ipv4(xlvs_constants.seed, tuple->key.v4.saddr,
						   tuple->key.v4.daddr, tuple->ports, tuple->kind)
				  : xlvs_hash_ipv6(xlvs_constants.seed, tuple->key.words,
						   tuple->ports, tuple->kind);
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* Each: false for what is no error, or not about TCP, UDP or SCTP, or too short to tell. */
static __always_inline bool read_ipv4(struct xdp_md *ctx, struct error *error)
{
	const struct iphdr *inner = xlvs_icmp_quoted_ipv4(ctx, error->pkt);
	void *end = (void *)(long)ctx->data_end;
	void *ports;

	if (!inner || inner->version != 4 || inner->ihl < 5 ||
	    inner->frag_off & bpf_htons(IPV4_OFFSET) || !has_ports(inner->protocol))
		return false;
	error->ports_offset = XLVS_QUOTED4 + inner->ihl * 4U;
	ports = (void *)inner + inner->ihl * 4U;
	if (ports + XLVS_QUOTED_PORTS_BYTES > end ||
	    error->ports_offset + XLVS_QUOTED_PORTS_BYTES >
		    sizeof(struct ethhdr) + error->pkt->length_bytes)
		return false;
	error->ipv4 = true;
	error->pkt->tuple.key = (union xlvs_endpoints){.v4 = {inner->daddr, inner->saddr}};
	turn_round(error, ports, inner->protocol);
	return true;
}

static __always_inline bool read_ipv6(struct xdp_md *ctx, struct error *error)
{
	const struct ipv6hdr *inner = xlvs_icmp_quoted_ipv6(ctx, error->pkt);

	if (!inner || inner->version != 6 || !has_ports(inner->nexthdr))
		return false;
	error->ports_offset = XLVS_QUOTED6 + sizeof(*inner);
	__builtin_memcpy(error->pkt->tuple.key.v6.saddr, &inner->daddr, sizeof(inner->daddr));
	__builtin_memcpy(error->pkt->tuple.key.v6.daddr, &inner->saddr, sizeof(inner->saddr));
	turn_round(error, (const void *)(inner + 1), inner->nexthdr);
	return true;
}

/* Replace an end of the error itself, and in what it quotes the opposite one; returns what the sum
 * of the ICMP message gains. The quoted IPv4 header's own checksum balances its address. */
static __always_inline __u64 translate_ipv4(void *l3, __be16 *ports,
					    const struct xlvs_translation *to)
{
	struct iphdr *ip = l3, *inner = l3 + XLVS_QUOTED4 - sizeof(struct ethhdr);
	__u64 inner_delta = 0, delta = 0;

	if (to->ends & XLVS_SOURCE) {
		inner_delta += xlvs_nat_write_address(&inner->daddr, to->saddr, 1);
		delta += xlvs_nat_write_port(ports + 1, to->sport);
	}
	if (to->ends & XLVS_DESTINATION) {
		inner_delta += xlvs_nat_write_address(&inner->saddr, to->daddr, 1);
		delta += xlvs_nat_write_port(ports, to->dport);
	}
	inner->check = xlvs_checksum_update(inner->check, inner_delta);
	xlvs_nat_write_ipv4(ip, to);
	return delta;
}

static __always_inline __u64 translate_ipv6(void *l3, __be16 *ports,
					    const struct xlvs_translation *to)
{
	struct ipv6hdr *ip = l3, *inner = l3 + XLVS_QUOTED6 - sizeof(struct ethhdr);
	__u64 delta = 0;

	if (to->ends & XLVS_SOURCE) {
		delta += xlvs_nat_write_address(inner->daddr.in6_u.u6_addr32, to->saddr, 4);
		delta += xlvs_nat_write_port(ports + 1, to->sport);
	}
	if (to->ends & XLVS_DESTINATION) {
		delta += xlvs_nat_write_address(inner->saddr.in6_u.u6_addr32, to->daddr, 4);
		delta += xlvs_nat_write_port(ports, to->dport);
	}
	return delta + xlvs_nat_write_ipv6(ip, to);
}

/* What the ends of a record's packets become. */
static __always_inline void turn_ends(struct xlvs_rewrite *to, const struct xlvs_conn *other,
				      bool ipv4)
{
	to->ends = XLVS_SOURCE | XLVS_DESTINATION;
	to->sport = other->dport;
	to->dport = other->sport;
	if (ipv4) {
		to->saddr[0] = other->key.v4.daddr;
		to->daddr[0] = other->key.v4.saddr;
	} else {
		__builtin_memcpy(to->saddr, other->key.v6.daddr, sizeof(to->saddr));
		__builtin_memcpy(to->daddr, other->key.v6.saddr, sizeof(to->daddr));
	}
}

/* Translate an error about a packet of the other end of the record `index`. Called: the stack of
 * all this together is more than Linux 6.1 allows. */
static __noinline int translate(struct xdp_md *ctx, const struct error *error, __u32 index)
{
	void *end = (void *)(long)ctx->data_end, *frame;
	__be16 *ports = (void *)(long)ctx->data + (error->ports_offset & 0x7f);
	struct xlvs_conn *record = xlvs_conn_at(index), *other;
	struct xlvs_translation to;
	struct xlvs_rewrite ends = {};
	__u16 *check;
	__u64 delta;

	other = record ? xlvs_conn_partner(record, index) : (void *)0;
	if (!other)
		return XLVS_NOT_OURS;
	turn_ends(&ends, other, error->ipv4);
	if (!(record->meta & XLVS_META_METHOD)) /* NAT leaves the client's end */
		ends.ends = record->meta & XLVS_META_REPLY ? XLVS_SOURCE : XLVS_DESTINATION;
	to = xlvs_translation_of(&ends);
	if ((void *)(ports + 2) > end)
		return -XLVS_DROP_INTERNAL;
	if (error->ipv4) {
		if (!xlvs_frame(ctx, XLVS_QUOTED4 + sizeof(struct iphdr), &frame))
			return -XLVS_DROP_INTERNAL;
		delta = translate_ipv4(frame + sizeof(struct ethhdr), ports, &to);
	} else {
		if (!xlvs_frame(ctx, XLVS_QUOTED6 + sizeof(struct ipv6hdr), &frame))
			return -XLVS_DROP_INTERNAL;
		delta = translate_ipv6(frame + sizeof(struct ethhdr), ports, &to);
	}
	/* The checksum follows type and code. */
	check = frame + sizeof(struct ethhdr) + 2 +
		(error->ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	*check = xlvs_checksum_update(*check, delta);
	return 0;
}

/* May the error go on by this next hop? */
static __always_inline int check(struct xdp_md *ctx, const struct error *error,
				 const struct xlvs_nexthop *nexthop)
{
	void *frame;

	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		return -XLVS_DROP_INTERNAL;
	return xlvs_forward_check(error->pkt, xlvs_ttl(frame + sizeof(struct ethhdr), error->ipv4),
				  nexthop);
}

static __always_inline int send(struct xdp_md *ctx, const struct xlvs_nexthop *nexthop)
{
	void *frame;

	if (!xlvs_frame(ctx, sizeof(struct ethhdr), &frame))
		return -XLVS_DROP_INTERNAL;
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

/* About a request: to the client, in the name of the virtual address. */
static __always_inline int to_client(struct xdp_md *ctx, struct error *error, __u32 index)
{
	struct xlvs_conn *record = xlvs_conn_at(index), *first;
	struct xlvs_nexthop *nexthop;
	int r;

	if (!record)
		return -XLVS_DROP_INTERNAL;
	first = xlvs_conn_partner(record, index);
	if (!first)
		return XLVS_NOT_OURS;
	error->pkt->tuple.key = first->key;
	error->pkt->tuple.flow = first->flow;
	r = xlvs_route_client(ctx, &error->pkt->tuple);
	if (r < 0)
		return r;
	nexthop = xlvs_gateway_at(r);
	if (!nexthop)
		return -XLVS_DROP_INTERNAL;
	r = check(ctx, error, nexthop);
	if (r)
		return r;
	r = translate(ctx, error, index);
	if (r)
		return r;
	xlvs_count_out(record->dest, error->pkt->length_bytes);
	return send(ctx, nexthop);
}

/* About a reply of the director's own stack, which sent it under the destination's address only
 * with NAT. */
static __always_inline int to_host(struct xdp_md *ctx, struct error *error, __u32 index,
				   __u32 method)
{
	void *frame;
	int r;

	if (method != XLVS_FORWARD_nat)
		return XDP_PASS;
	r = translate(ctx, error, index);
	if (r)
		return r;
	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame))
		return -XLVS_DROP_INTERNAL;
	xlvs_give_back_ttl(frame + sizeof(struct ethhdr), error->ipv4);
	return XDP_PASS;
}

/* About a reply: to the destination, by the connection's method. */
static __always_inline int to_server(struct xdp_md *ctx, struct error *error,
				     const struct xlvs_conn *conn, __u32 index)
{
	__u32 method = (conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);
	struct xlvs_nexthop *nexthop;
	int r = 0;

	if (!dest)
		return method == XLVS_FORWARD_BYPASS ? XLVS_NOT_OURS : -XLVS_DROP_INTERNAL;
	nexthop = xlvs_dest_nexthop(ctx, dest, method, &r);
	if (!nexthop && r != XLVS_TO_HOST)
		return r ? r : -XLVS_DROP_INTERNAL;
	xlvs_count_in(conn->dest, error->pkt->length_bytes);
	if (!nexthop)
		return to_host(ctx, error, index, method);
	if (method == XLVS_FORWARD_dr)
		return xlvs_forward_dr(ctx, error->pkt, dest, nexthop, error->ipv4);
	if (method == XLVS_FORWARD_tun)
		return error->ipv4 ? xlvs_forward_tun(ctx, error->pkt, dest, nexthop, true)
				   : xlvs_forward_tun(ctx, error->pkt, dest, nexthop, false);
	r = check(ctx, error, nexthop);
	if (r)
		return r;
	r = translate(ctx, error, index);
	return r ? r : send(ctx, nexthop);
}

/* Not called from here: the stacks of both together are more than Linux 6.1 allows. */
static __always_inline int leave_to_cross(const struct error *error, __u32 index)
{
	error->pkt->record = index;
	error->pkt->l4_offset = error->ports_offset;
	return XLVS_ICMP_CROSS;
}

int xlvs_icmp_error(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	struct error error = {.pkt = pkt};
	struct xlvs_conn *conn;
	__u32 index;
	bool read;

	if (!pkt || (void *)(eth + 1) > (void *)(long)ctx->data_end || eth->h_dest[0] & 1)
		return XLVS_NOT_OURS;
	*pkt = (struct xlvs_packet){};
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		read = read_ipv4(ctx, &error);
	else
		read = eth->h_proto == bpf_htons(ETH_P_IPV6) && read_ipv6(ctx, &error);
	if (!read)
		return XLVS_NOT_OURS;
	pkt->l4_offset = 0; /* nobody is told of an error that is dropped */
	conn = xlvs_conn_find(&pkt->tuple, error.ipv4, &index);
	if (!conn)
		return xlvs_setting(XLVS_SETTING_schedule_icmp) ? XLVS_ICMP_UNKNOWN : XLVS_NOT_OURS;
	if (!xlvs_icmp_sum_is_right(ctx, pkt->length_bytes, error.ipv4))
		return -XLVS_DROP_ICMP_CHECKSUM;
	if ((conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT == XLVS_FORWARD_cross)
		return leave_to_cross(&error, index);
	if (conn->meta & XLVS_META_REPLY)
		return to_client(ctx, &error, index);
	return to_server(ctx, &error, conn, index);
}
