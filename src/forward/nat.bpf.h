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

enum xlvs_end {
	XLVS_SOURCE = 1,
	XLVS_DESTINATION = 2,
};

/* Addresses and ports to write, and which ends they replace. */
struct xlvs_rewrite {
	__be32 saddr[4];
	__be32 daddr[4];
	__be16 sport;
	__be16 dport;
	__u32 ends; /* enum xlvs_end */
};

/* The same while it is passed on inside the fast path, where it stays in registers. */
struct xlvs_translation {
	const __be32 *saddr;
	const __be32 *daddr;
	__be16 sport;
	__be16 dport;
	__u32 ends;
};

/* The same for any packet; without a next hop it goes to the director's own stack. */
int xlvs_nat_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		     struct xlvs_nexthop *nexthop);
int xlvs_nat_sctp(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		  struct xlvs_nexthop *nexthop);

static __always_inline int xlvs_nat_any(struct xdp_md *ctx, struct xlvs_packet *pkt,
					struct xlvs_rewrite *to, struct xlvs_nexthop *nexthop)
{
	/* A later fragment has no SCTP header. */
	if (pkt->tuple.protocol == IPPROTO_SCTP && pkt->l4_offset)
		return xlvs_nat_sctp(ctx, pkt, to, nexthop);
	return xlvs_nat_unusual(ctx, pkt, to, nexthop);
}

static __always_inline struct xlvs_translation xlvs_translation_of(const struct xlvs_rewrite *to)
{
	return (struct xlvs_translation){
		.saddr = to->saddr,
		.daddr = to->daddr,
		.sport = to->sport,
		.dport = to->dport,
		.ends = to->ends,
	};
}

/* Write an address of 1 or 4 words; returns what the sum of what it is part of gains. */
static __always_inline __u64 xlvs_nat_write_address(__be32 *address, const __be32 *to, int n_words)
{
	__u64 delta = 0;

	for (int i = 0; i < n_words; i++) {
		delta += (__u64)(__u32)~address[i] + to[i];
		address[i] = to[i];
	}
	return delta;
}

/* Each: the header rewritten, its TTL one less; returns what the transport checksum's sum gains. */
static __always_inline __u64 xlvs_nat_write_ipv4(struct iphdr *ip,
						 const struct xlvs_translation *to)
{
	__u64 delta = 0;

	if (to->ends & XLVS_SOURCE)
		delta += xlvs_nat_write_address(&ip->saddr, to->saddr, 1);
	if (to->ends & XLVS_DESTINATION)
		delta += xlvs_nat_write_address(&ip->daddr, to->daddr, 1);
	ip->ttl--;
	ip->check = xlvs_checksum_update(ip->check, delta + (__u16)~bpf_htons(0x0100));
	return delta;
}

static __always_inline __u64 xlvs_nat_write_ipv6(struct ipv6hdr *ip,
						 const struct xlvs_translation *to)
{
	__u64 delta = 0;

	if (to->ends & XLVS_SOURCE)
		delta += xlvs_nat_write_address(ip->saddr.in6_u.u6_addr32, to->saddr, 4);
	if (to->ends & XLVS_DESTINATION)
		delta += xlvs_nat_write_address(ip->daddr.in6_u.u6_addr32, to->daddr, 4);
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

/* The source port and the destination port behind it. */
static __always_inline __u64 xlvs_nat_write_ports(__be16 *ports, const struct xlvs_translation *to)
{
	__u64 delta = 0;

	if (to->ends & XLVS_SOURCE)
		delta += xlvs_nat_write_port(ports, to->sport);
	if (to->ends & XLVS_DESTINATION)
		delta += xlvs_nat_write_port(ports + 1, to->dport);
	return delta;
}

static __always_inline int xlvs_nat_call_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt,
						 const struct xlvs_translation *end,
						 struct xlvs_nexthop *nexthop, bool ipv4)
{
	struct xlvs_rewrite to = {.sport = end->sport, .dport = end->dport, .ends = end->ends};

	if (to.ends & XLVS_SOURCE)
		__builtin_memcpy(to.saddr, end->saddr, ipv4 ? 4 : 16);
	if (to.ends & XLVS_DESTINATION)
		__builtin_memcpy(to.daddr, end->daddr, ipv4 ? 4 : 16);
	return xlvs_nat_any(ctx, pkt, &to, nexthop);
}

static __always_inline int xlvs_translate(struct xdp_md *ctx, struct xlvs_packet *pkt,
					  const struct xlvs_translation *to,
					  struct xlvs_nexthop *nexthop, bool ipv4)
{
	const __u32 l4_offset =
		sizeof(struct ethhdr) + (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	void *frame, *l3;
	struct tcphdr *tcp;
	__u64 delta;
	int r;

	if (pkt->tuple.protocol != IPPROTO_TCP || pkt->l4_offset != l4_offset)
		return xlvs_nat_call_unusual(ctx, pkt, to, nexthop, ipv4);
	if (!xlvs_frame(ctx, l4_offset + sizeof(*tcp), &frame))
		return xlvs_drop(XLVS_DROP_INTERNAL);
	l3 = frame + sizeof(struct ethhdr);
	tcp = frame + l4_offset;
	r = xlvs_forward_check(pkt, xlvs_ttl(l3, ipv4), nexthop);
	if (r)
		return r;
	if (ipv4)
		delta = xlvs_nat_write_ipv4(l3, to);
	else
		delta = xlvs_nat_write_ipv6(l3, to);
	delta += xlvs_nat_write_ports(&tcp->source, to);
	tcp->check = xlvs_checksum_update(tcp->check, delta);
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

static __always_inline int xlvs_forward_nat(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					    bool ipv4)
{
	struct xlvs_translation to = {
		.ends = XLVS_DESTINATION,
		.daddr = dest->address,
		.dport = dest->port && !(pkt->meta & XLVS_META_KEEP_PORT) ? dest->port
									  : pkt->tuple.dport,
	};

	return xlvs_translate(ctx, pkt, &to, nexthop, ipv4);
}

#endif
