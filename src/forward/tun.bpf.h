/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tunnelling: the packet, its TTL one less, travels inside another one from the director to the
 * destination (RFC 2003, RFC 2473, RFC 4213); either may be IPv4 or IPv6. The outer header takes
 * over TTL, TOS (RFC 3168: a congestion mark stays inside) and, between IPv4 and IPv4, the
 * don't-fragment bit, as net/netfilter/ipvs/ip_vs_xmit.c does. */
#ifndef XLVS_FORWARD_TUN_BPF_H
#define XLVS_FORWARD_TUN_BPF_H

#include <linux/in.h>

#include "forward/forward.bpf.h"

enum xlvs_tun_constant {
	XLVS_ECN_MASK = 3,
	XLVS_ECN_CE = 3,
	XLVS_ECN_ECT0 = 2,
};

static __always_inline __u8 xlvs_tun_outer_tos(__u8 tos)
{
	return (tos & XLVS_ECN_MASK) == XLVS_ECN_CE ? (tos & ~XLVS_ECN_MASK) | XLVS_ECN_ECT0 : tos;
}

/* Traffic class: the eight bits after the version's four. */
static __always_inline __u8 xlvs_tun_inner_tos(const void *inner, bool ipv4)
{
	if (ipv4)
		return ((const struct iphdr *)inner)->tos;
	return bpf_ntohl(*(const __be32 *)inner) >> 20;
}

static __always_inline __u16 xlvs_tun_header_checksum(const struct iphdr *ip)
{
	const __u32 *words = (const __u32 *)ip;
	__u64 sum = 0;

	for (__u32 i = 0; i < sizeof(*ip) / sizeof(*words); i++)
		sum += words[i];
	return ~xlvs_checksum_fold(sum);
}

static __always_inline void xlvs_tun_write_outer_ipv4(struct iphdr *outer,
						      const struct xlvs_packet *pkt,
						      const struct xlvs_dest *dest,
						      const struct xlvs_nexthop *nexthop, bool ipv4)
{
	const struct iphdr *inner = (const void *)(outer + 1);

	outer->version = 4;
	outer->ihl = sizeof(*outer) / 4;
	outer->tos = xlvs_tun_outer_tos(xlvs_tun_inner_tos(inner, ipv4));
	outer->tot_len = bpf_htons(pkt->length_bytes + sizeof(*outer));
	/* A packet that may be fragmented needs an id: the inner one's, or any. */
	outer->frag_off = ipv4 ? inner->frag_off & bpf_htons(0x4000) : 0;
	outer->id = outer->frag_off ? 0 : (ipv4 ? inner->id : (__u16)bpf_get_prandom_u32());
	outer->ttl = xlvs_ttl(inner, ipv4);
	outer->protocol = ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	outer->check = 0;
	outer->saddr = nexthop->source[0];
	outer->daddr = dest->address[0];
	outer->check = xlvs_tun_header_checksum(outer);
}

static __always_inline void xlvs_tun_write_outer_ipv6(struct ipv6hdr *outer,
						      const struct xlvs_packet *pkt,
						      const struct xlvs_dest *dest,
						      const struct xlvs_nexthop *nexthop, bool ipv4)
{
	const void *inner = outer + 1;

	*(__be32 *)outer = bpf_htonl(
		6U << 28 | (__u32)xlvs_tun_outer_tos(xlvs_tun_inner_tos(inner, ipv4)) << 20);
	outer->payload_len = bpf_htons(pkt->length_bytes);
	outer->nexthdr = ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	outer->hop_limit = xlvs_ttl(inner, ipv4);
	__builtin_memcpy(&outer->saddr, nexthop->source, sizeof(outer->saddr));
	__builtin_memcpy(&outer->daddr, dest->address, sizeof(outer->daddr));
}

static __always_inline int xlvs_forward_tun(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					    bool ipv4)
{
	struct ethhdr *eth;
	__u32 overhead;
	void *inner;
	int r;

	overhead = dest->family == XLVS_AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	inner = xlvs_header(ctx, sizeof(*eth), sizeof(struct iphdr));
	if (!inner)
		return -XLVS_DROP_INTERNAL;
	r = xlvs_forward_check(pkt, xlvs_ttl(inner, ipv4), nexthop, overhead);
	if (r)
		return r;
	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return -XLVS_DROP_NO_HEADROOM;
	inner = xlvs_header(ctx, sizeof(*eth) + overhead, sizeof(struct iphdr));
	eth = xlvs_header(ctx, 0, sizeof(*eth) + 2 * sizeof(struct iphdr));
	if (!eth || !inner)
		return -XLVS_DROP_INTERNAL; /* the parser saw these bytes */
	if (ipv4)
		xlvs_decrement_ttl(inner);
	else
		((struct ipv6hdr *)inner)->hop_limit--;
	if (dest->family == XLVS_AF_INET) {
		eth->h_proto = bpf_htons(ETH_P_IP);
		xlvs_tun_write_outer_ipv4((void *)(eth + 1), pkt, dest, nexthop, ipv4);
	} else {
		eth = xlvs_header(ctx, 0,
				  sizeof(*eth) + sizeof(struct ipv6hdr) + sizeof(struct iphdr));
		if (!eth)
			return -XLVS_DROP_INTERNAL;
		eth->h_proto = bpf_htons(ETH_P_IPV6);
		xlvs_tun_write_outer_ipv6((void *)(eth + 1), pkt, dest, nexthop, ipv4);
	}
	xlvs_write_macs(eth, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

#endif
