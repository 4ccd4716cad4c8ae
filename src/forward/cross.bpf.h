/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FULLNAT to a server of the other address family: the packet gets a new header before its
 * transport header, as RFC 7915 translates one into the other, and its ends are those of the
 * connection's other record. No packet of others comes here. */
#ifndef XLVS_FORWARD_CROSS_BPF_H
#define XLVS_FORWARD_CROSS_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "forward/forward.bpf.h"

enum xlvs_cross_constant {
	XLVS_CROSS_UNFRAGMENTED_BYTES = 1260, /* longer IPv4 packets stay whole */
};

/* A packet of the record pkt->record to whom it is for, by the contract of a forwarding method. */
int xlvs_cross(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
	       struct xlvs_nexthop *nexthop);

/* What either header says. */
struct xlvs_cross_header {
	__u16 l4_bytes; /* of what follows it */
	__u8 tos;
	__u8 ttl;
	__u8 protocol;
};

/* Each: what does not depend on the headers behind it. */
static __always_inline void xlvs_cross_read_ipv4(const struct iphdr *ip,
						 struct xlvs_cross_header *ret_header)
{
	ret_header->tos = ip->tos;
	ret_header->ttl = ip->ttl;
}

static __always_inline void xlvs_cross_read_ipv6(const struct ipv6hdr *ip,
						 struct xlvs_cross_header *ret_header)
{
	ret_header->tos = bpf_ntohs(*(const __be16 *)ip) >> 4;
	ret_header->ttl = ip->hop_limit;
}

static __always_inline void xlvs_cross_write_ipv4(struct iphdr *ip,
						  const struct xlvs_cross_header *header,
						  __be32 saddr, __be32 daddr)
{
	__u32 length_bytes = sizeof(*ip) + header->l4_bytes, *words = (void *)ip;
	__u32 fragment = length_bytes > XLVS_CROSS_UNFRAGMENTED_BYTES ? XLVS_IPV4_DONT_FRAGMENT : 0;

	words[0] = 0x45 | header->tos << 8 | (__u32)bpf_htons(length_bytes) << 16;
	words[1] = (__u16)bpf_get_prandom_u32() | (__u32)bpf_htons(fragment) << 16;
	words[2] = header->ttl | header->protocol << 8;
	words[3] = saddr;
	words[4] = daddr;
	ip->check = ~xlvs_checksum_fold_few((__u64)words[0] + words[1] + words[2] + saddr + daddr);
}

static __always_inline void xlvs_cross_write_ipv6(struct ipv6hdr *ip,
						  const struct xlvs_cross_header *header,
						  const __be32 *saddr, const __be32 *daddr)
{
	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)header->tos << 20);
	ip->payload_len = bpf_htons(header->l4_bytes);
	ip->nexthdr = header->protocol;
	ip->hop_limit = header->ttl;
	__builtin_memcpy(&ip->saddr, saddr, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, daddr, sizeof(ip->daddr));
}

#endif
