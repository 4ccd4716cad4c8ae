/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tunnelling: the packet, its TTL one less, travels inside another one from the director to the
 * destination (RFC 2003, RFC 2473, RFC 4213); either may be IPv4 or IPv6. The outer header takes
 * over TTL, TOS (RFC 3168: a congestion mark stays inside) and, between IPv4 and IPv4 and with
 * pmtu_disc, the don't-fragment bit, as net/netfilter/ipvs/ip_vs_xmit.c does. What GUE and GRE put
 * in between is written by tun.bpf.c. */
#ifndef XLVS_FORWARD_TUN_BPF_H
#define XLVS_FORWARD_TUN_BPF_H

#include <linux/in.h>

#include "datapath/connection.bpf.h"
#include "forward/forward.bpf.h"

enum xlvs_tun_constant {
	XLVS_IPV4_FIRST_BYTE = 0x45,
	XLVS_GUE_BYTES = 12, /* with the UDP header before it */
	XLVS_GRE_BYTES = 4,
	XLVS_GRE_SUM_BYTES = 8, /* with a checksum */
};

/* What an outer header is made of. */
struct xlvs_tun {
	const struct xlvs_dest *dest;
	const struct xlvs_nexthop *nexthop;
	const void *inner; /* header of the packet inside */
	__u32 payload_bytes; /* behind the outer header */
	__u32 ttl; /* 0..255 */
	__u8 protocol; /* of the payload */
	bool ipv4; /* the packet inside */
};

/* Bytes of the outer header and what stands behind it. */
static __always_inline __u32 xlvs_tun_overhead(const struct xlvs_dest *dest)
{
	__u32 outer = dest->family == XLVS_AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	switch (*(volatile __u8 *)&dest->tunnel_type) {
	case XLVS_TUNNEL_GUE:
		return outer + XLVS_GUE_BYTES;
	case XLVS_TUNNEL_GRE:
		return outer + (dest->tunnel_flags ? XLVS_GRE_SUM_BYTES : XLVS_GRE_BYTES);
	default:
		return outer;
	}
}

/* Forward by GUE or GRE: the contract of a forwarding method. */
int xlvs_tun_shim(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		  struct xlvs_nexthop *nexthop);

/* TOS or traffic class of the outer header. A congestion mark is both low bits; what stays outside
 * is the higher one, that the sender knows of such marks. */
static __always_inline __u8 xlvs_tun_tos(const void *inner, bool ipv4)
{
	__u8 tos =
		ipv4 ? ((const struct iphdr *)inner)->tos : bpf_ntohl(*(const __be32 *)inner) >> 20;

	return tos ^ (tos & tos >> 1 & 1);
}

/* Of an IPv4 header, whose second word this is, the don't-fragment bit as the outer one has it. */
static __always_inline __be32 xlvs_tun_df(__be32 id_and_fragment)
{
	return id_and_fragment & *(volatile __be32 *)&xlvs_runtime_get()->tunnel_df;
}

static __always_inline void xlvs_tun_write_ipv4(struct iphdr *outer, const struct xlvs_tun *tun)
{
	const struct iphdr *inner = tun->inner;
	__u32 *words = (void *)outer;

	words[1] = tun->ipv4 ? xlvs_tun_df(((const __be32 *)inner)[1]) : 0;
	/* A packet that may be fragmented needs an id: the inner one's, or any. */
	if (!words[1])
		words[1] = tun->ipv4 ? inner->id : (__u16)bpf_get_prandom_u32();
	words[0] = XLVS_IPV4_FIRST_BYTE | xlvs_tun_tos(inner, tun->ipv4) << 8 |
		   (__u32)bpf_htons(tun->payload_bytes + sizeof(*outer)) << 16;
	words[2] = tun->ttl | tun->protocol << 8;
	words[3] = tun->nexthop->source[0];
	words[4] = tun->dest->address[0];
	outer->check = ~xlvs_checksum_fold_few((__u64)words[0] + words[1] + words[2] + words[3] +
					       words[4]);
}

static __always_inline void xlvs_tun_write_ipv6(struct ipv6hdr *outer, const struct xlvs_tun *tun)
{
	*(__be32 *)outer = bpf_htonl(6U << 28 | (__u32)xlvs_tun_tos(tun->inner, tun->ipv4) << 20);
	outer->payload_len = bpf_htons(tun->payload_bytes);
	outer->nexthdr = tun->protocol;
	outer->hop_limit = tun->ttl;
	__builtin_memcpy(&outer->saddr, tun->nexthop->source, sizeof(outer->saddr));
	__builtin_memcpy(&outer->daddr, tun->dest->address, sizeof(outer->daddr));
}

/* Make room for an outer header of `overhead` bytes, a constant, and take one off the inner TTL:
 * that TTL, with the new frame in *ret_frame, its headers readable; or a negative reason. */
static __always_inline int xlvs_tun_make_room(struct xdp_md *ctx, __u32 overhead, bool ipv4,
					      void **ret_frame)
{
	void *frame, *inner;
	__u8 ttl;

	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return xlvs_drop(XLVS_DROP_NO_HEADROOM);
	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + overhead + sizeof(struct iphdr), &frame))
		return xlvs_drop(XLVS_DROP_INTERNAL); /* the parser saw these bytes */
	inner = frame + sizeof(struct ethhdr) + overhead;
	ttl = xlvs_ttl(inner, ipv4);
	if (ttl <= 1) {
		bpf_xdp_adjust_head(ctx, overhead);
		return xlvs_drop(XLVS_DROP_TTL_EXCEEDED);
	}
	if (ipv4)
		xlvs_decrement_ttl(inner);
	else
		((struct ipv6hdr *)inner)->hop_limit--;
	*ret_frame = frame;
	return ttl - 1;
}

static __always_inline int xlvs_forward_tun(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					    bool ipv4)
{
	struct xlvs_tun tun = {
		.dest = dest,
		.nexthop = nexthop,
		.payload_bytes = pkt->length_bytes,
		.protocol = ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6,
		.ipv4 = ipv4,
	};
	void *frame;
	__be16 *type;
	int r;

	if (dest->outer == XLVS_OUTER_IPV4) {
		if (!xlvs_fits(pkt, nexthop, sizeof(struct iphdr)))
			return xlvs_drop(XLVS_DROP_TOO_BIG);
		r = xlvs_tun_make_room(ctx, sizeof(struct iphdr), ipv4, &frame);
		if (r < 0)
			return r;
		tun.ttl = r;
		tun.inner = frame + sizeof(struct ethhdr) + sizeof(struct iphdr);
		xlvs_tun_write_ipv4(frame + sizeof(struct ethhdr), &tun);
		type = frame + offsetof(struct ethhdr, h_proto);
		*type = bpf_htons(ETH_P_IP);
	} else if (dest->outer != XLVS_OUTER_IPV6) {
		return xlvs_tun_shim(ctx, pkt, dest, nexthop);
	} else {
		if (!xlvs_fits(pkt, nexthop, sizeof(struct ipv6hdr)))
			return xlvs_drop(XLVS_DROP_TOO_BIG);
		r = xlvs_tun_make_room(ctx, sizeof(struct ipv6hdr), ipv4, &frame);
		if (r < 0)
			return r;
		tun.ttl = r;
		tun.inner = frame + sizeof(struct ethhdr) + sizeof(struct ipv6hdr);
		xlvs_tun_write_ipv6(frame + sizeof(struct ethhdr), &tun);
		type = frame + offsetof(struct ethhdr, h_proto);
		*type = bpf_htons(ETH_P_IPV6);
	}
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

#endif
