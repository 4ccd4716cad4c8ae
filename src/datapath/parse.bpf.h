/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to struct xlvs_packet. Only whole, unfragmented TCP, UDP and SCTP packets to one host are
 * taken; everything else belongs to the host's stack (XLVS_NOT_OURS).
 *
 * What nearly every packet looks like is parsed here, inlined into the fast path, with offsets that
 * are constants. What is neither TCP nor UDP, has IPv4 options, or is so short that it ends within
 * the bytes looked at here, goes to parse.bpf.c. */
#ifndef XLVS_DATAPATH_PARSE_BPF_H
#define XLVS_DATAPATH_PARSE_BPF_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>

#include "abi/hash.h"
#include "datapath/packet.bpf.h"

enum xlvs_parse_constant {
	XLVS_IP_FRAGMENT = 0x3fff, /* more fragments, or an offset */
	XLVS_IPV4_NO_OPTIONS = 0x45, /* version and header length */
	XLVS_IPV6_VERSION = 0x60,
	XLVS_TCP_FLAGS_BYTE = 13,
	XLVS_PARSE_BYTES = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr),
};

/* The unusual packets: the same, for any header length, any size and any kind of frame. */
int xlvs_parse_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* Is there room for the transport header in a layer 3 packet of `length` bytes, and which flags
 * does it have? `l4_bytes` is what comes before it. 20 bytes at l4 are readable. */
static __always_inline int xlvs_parse_l4(const void *l4, __u32 l4_bytes, __u32 protocol,
					 struct xlvs_packet *pkt)
{
	pkt->tuple.flow = *(const __u32 *)l4 | (__u64)pkt->tuple.kind << 32;
	if (protocol == IPPROTO_TCP) {
		pkt->tcp_flags = ((const __u8 *)l4)[XLVS_TCP_FLAGS_BYTE];
		return pkt->length_bytes < l4_bytes + sizeof(struct tcphdr) ? XLVS_NOT_OURS : 0;
	}
	pkt->tcp_flags = 0;
	if (protocol != IPPROTO_UDP)
		return XLVS_NOT_OURS;
	return pkt->length_bytes < l4_bytes + sizeof(struct udphdr) ? XLVS_NOT_OURS : 0;
}

/* XLVS_PARSE_BYTES of the frame are readable. */
static __always_inline int xlvs_parse_ipv4(struct xdp_md *ctx, const void *frame,
					   struct xlvs_packet *pkt)
{
	const void *end = (void *)(long)ctx->data_end;
	const struct iphdr *ip = frame + sizeof(struct ethhdr);
	const void *addresses = &ip->saddr;

	if (*(const __u8 *)ip != XLVS_IPV4_NO_OPTIONS)
		return xlvs_parse_unusual(ctx, pkt);
	if (ip->frag_off & bpf_htons(XLVS_IP_FRAGMENT))
		return XLVS_NOT_OURS;
	pkt->length_bytes = bpf_ntohs(ip->tot_len);
	if (pkt->length_bytes > end - (const void *)ip)
		return XLVS_NOT_OURS;
	pkt->tuple.kind = ip->protocol | XLVS_AF_INET << 8;
	pkt->tuple.key.words[0] = *(const __u64 *)addresses;
	pkt->tuple.key.words[1] = 0;
	pkt->tuple.key.words[2] = 0;
	pkt->tuple.key.words[3] = 0;
	pkt->l4_offset = sizeof(struct ethhdr) + sizeof(*ip);
	if (xlvs_parse_l4(ip + 1, sizeof(*ip), ip->protocol, pkt))
		return xlvs_parse_unusual(ctx, pkt);
	pkt->tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, ip->saddr, ip->daddr,
					 pkt->tuple.ports, pkt->tuple.kind);
	return 0;
}

/* What comes before an IPv6 packet's transport header; the header itself is readable. */
static __always_inline int xlvs_parse_ipv6_header(const struct ipv6hdr *ip, const void *end,
						  struct xlvs_packet *pkt)
{
	__u32 length = sizeof(*ip) + bpf_ntohs(ip->payload_len);

	if ((*(const __u8 *)ip & 0xf0) != XLVS_IPV6_VERSION || length > end - (const void *)ip)
		return XLVS_NOT_OURS;
	pkt->length_bytes = length;
	pkt->tuple.kind = ip->nexthdr | XLVS_AF_INET6 << 8;
	__builtin_memcpy(&pkt->tuple.key, &ip->saddr, sizeof(pkt->tuple.key));
	pkt->l4_offset = sizeof(struct ethhdr) + sizeof(*ip);
	return 0;
}

static __always_inline void xlvs_hash_packet_ipv6(struct xlvs_packet *pkt)
{
	pkt->tuple.hash = xlvs_hash_ipv6(xlvs_constants.seed, pkt->tuple.key.words,
					 pkt->tuple.ports, pkt->tuple.kind);
}

static __always_inline int xlvs_parse_ipv6(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	const void *data = (void *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const struct ipv6hdr *ip = data + sizeof(struct ethhdr);

	if ((const void *)(ip + 1) + sizeof(struct tcphdr) > end)
		return xlvs_parse_unusual(ctx, pkt);
	if (xlvs_parse_ipv6_header(ip, end, pkt))
		return XLVS_NOT_OURS;
	if (xlvs_parse_l4(ip + 1, sizeof(*ip), ip->nexthdr, pkt))
		return xlvs_parse_unusual(ctx, pkt);
	xlvs_hash_packet_ipv6(pkt);
	return 0;
}

#endif
