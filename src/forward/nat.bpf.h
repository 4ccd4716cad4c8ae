/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network address translation: a request's destination becomes the real server's address and
 * port, a reply's source becomes the virtual ones again; TTL one less each way, checksums updated
 * by the difference (RFC 1624). What stands where every TCP packet has it is written here, the
 * rest (UDP, IPv4 options) in nat.bpf.c, SCTP in nat_sctp.bpf.c. */
#ifndef XLVS_FORWARD_NAT_BPF_H
#define XLVS_FORWARD_NAT_BPF_H

#include <linux/in.h>
#include <linux/tcp.h>

#include "forward/forward.bpf.h"

/* Address and port to write, and which end they replace. */
struct xlvs_rewrite {
	__be32 address[4];
	__be16 port;
	__u16 is_source;
};

/* The same while it is passed on inside the fast path, where it stays in registers. */
struct xlvs_nat_end {
	const __be32 *address;
	__be16 port;
	bool is_source;
};

/* The same for any packet; without a next hop it goes to the director's own stack. */
int xlvs_nat_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		     struct xlvs_nexthop *nexthop);
int xlvs_nat_sctp(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		  struct xlvs_nexthop *nexthop);

/* Each: the header rewritten, its TTL one less; returns what the transport checksum's sum gains. */
static __always_inline __u64 xlvs_nat_write_ipv4(struct iphdr *ip, const __be32 *to, bool is_source)
{
	__be32 *address = is_source ? &ip->saddr : &ip->daddr;
	__u64 delta = (__u64)(__u32) ~*address + *to;

	*address = *to;
	ip->ttl--;
	ip->check = xlvs_checksum_update(ip->check, delta + (__u16)~bpf_htons(0x0100));
	return delta;
}

static __always_inline __u64 xlvs_nat_write_ipv6(struct ipv6hdr *ip, const __be32 *to,
						 bool is_source)
{
	__be32 *address = is_source ? ip->saddr.in6_u.u6_addr32 : ip->daddr.in6_u.u6_addr32;
	__u64 delta = 0;

	for (int i = 0; i < 4; i++) {
		delta += (__u64)(__u32)~address[i] + to[i];
		address[i] = to[i];
	}
	ip->hop_limit--;
	return delta;
}

static __always_inline __u64 xlvs_nat_write_port(__be16 *port, __be16 to)
{
	__u64 delta = (__u64)(__u16) ~*port + to;

	*port = to;
	return delta;
}

/* The end of it, for a packet that goes on by `nexthop` or, without one, goes no further. */
static __always_inline int xlvs_nat_depart(struct xdp_md *ctx, void *frame,
					   struct xlvs_nexthop *nexthop, bool ipv4)
{
	if (!nexthop) {
		xlvs_give_back_ttl(frame + sizeof(struct ethhdr), ipv4);
		return XDP_PASS;
	}
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

static __always_inline int xlvs_nat_forward(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    const struct xlvs_nat_end *end,
					    struct xlvs_nexthop *nexthop, bool ipv4)
{
	const __u32 l4_offset =
		sizeof(struct ethhdr) + (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	struct xlvs_rewrite to = {.port = end->port, .is_source = end->is_source};
	void *frame, *l3;
	struct tcphdr *tcp;
	__u64 delta;
	int r;

	if (pkt->tuple.protocol != IPPROTO_TCP || pkt->l4_offset != l4_offset) {
		__builtin_memcpy(to.address, end->address, ipv4 ? 4 : 16);
		return xlvs_nat_unusual(ctx, pkt, &to, nexthop);
	}
	if (!xlvs_frame(ctx, l4_offset + sizeof(*tcp), &frame))
		return xlvs_drop(XLVS_DROP_INTERNAL);
	l3 = frame + sizeof(struct ethhdr);
	tcp = frame + l4_offset;
	r = xlvs_forward_check(pkt, xlvs_ttl(l3, ipv4), nexthop);
	if (r)
		return r;
	if (ipv4)
		delta = xlvs_nat_write_ipv4(l3, end->address, end->is_source);
	else
		delta = xlvs_nat_write_ipv6(l3, end->address, end->is_source);
	delta += xlvs_nat_write_port(end->is_source ? &tcp->source : &tcp->dest, end->port);
	tcp->check = xlvs_checksum_update(tcp->check, delta);
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

static __always_inline int xlvs_forward_nat(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					    bool ipv4)
{
	struct xlvs_nat_end end = {
		.address = dest->address,
		.port = dest->port && !(pkt->meta & XLVS_META_KEEP_PORT) ? dest->port
									 : pkt->tuple.dport,
		.is_source = false,
	};

	return xlvs_nat_forward(ctx, pkt, &end, nexthop, ipv4);
}

#endif
