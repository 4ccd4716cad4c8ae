/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes to struct xlvs_packet. Only whole, unfragmented TCP and UDP packets to one host are taken;
 * everything else belongs to the host's stack (XLVS_NOT_OURS). Inlined into the fast path. */
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
	XLVS_TCP_FLAGS_BYTE = 13,
};

static __always_inline int parse_ports(void *l4, void *end, struct xlvs_packet *pkt)
{
	__u32 header =
		pkt->tuple.protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	if (pkt->tuple.protocol != IPPROTO_TCP && pkt->tuple.protocol != IPPROTO_UDP)
		return XLVS_NOT_OURS;
	if (l4 + sizeof(struct udphdr) > end ||
	    pkt->length_bytes + sizeof(struct ethhdr) < pkt->l4_offset + header)
		return XLVS_NOT_OURS;
	pkt->tuple.ports = *(__u32 *)l4;
	if (pkt->tuple.protocol == IPPROTO_TCP) {
		if (l4 + sizeof(struct tcphdr) > end)
			return XLVS_NOT_OURS;
		pkt->tcp_flags = ((__u8 *)l4)[XLVS_TCP_FLAGS_BYTE];
	} else {
		pkt->tcp_flags = 0;
	}
	return 0;
}

static __always_inline int parse_ipv4(void *l3, void *end, struct xlvs_packet *pkt)
{
	struct iphdr *ip = l3;
	const void *addresses = &ip->saddr;
	__u32 header_bytes;

	if (l3 + sizeof(*ip) > end || ip->version != 4)
		return XLVS_NOT_OURS;
	header_bytes = ip->ihl * 4U;
	pkt->length_bytes = bpf_ntohs(ip->tot_len);
	if (header_bytes < sizeof(*ip) || (ip->frag_off & bpf_htons(XLVS_IP_FRAGMENT)) ||
	    pkt->length_bytes > end - l3)
		return XLVS_NOT_OURS;
	pkt->tuple.kind = ip->protocol | XLVS_AF_INET << 8;
	pkt->tuple.key.words[0] = *(const __u64 *)addresses;
	pkt->ttl = ip->ttl;
	pkt->tos = ip->tos;
	pkt->l4_offset = sizeof(struct ethhdr) + header_bytes;
	if (parse_ports(l3 + header_bytes, end, pkt))
		return XLVS_NOT_OURS;
	pkt->tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, ip->saddr, ip->daddr,
					 pkt->tuple.ports, pkt->tuple.kind);
	return 0;
}

static __always_inline int parse_ipv6(void *l3, void *end, struct xlvs_packet *pkt)
{
	struct ipv6hdr *ip = l3;
	__u32 length;

	if (l3 + sizeof(*ip) > end || ip->version != 6)
		return XLVS_NOT_OURS;
	length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (length > end - l3)
		return XLVS_NOT_OURS;
	pkt->length_bytes = length;
	pkt->tuple.kind = ip->nexthdr | XLVS_AF_INET6 << 8;
	__builtin_memcpy(&pkt->tuple.key, &ip->saddr, sizeof(pkt->tuple.key));
	pkt->ttl = ip->hop_limit;
	pkt->tos = (bpf_ntohl(*(__be32 *)ip) >> 20) & 0xff;
	pkt->l4_offset = sizeof(struct ethhdr) + sizeof(*ip);
	if (parse_ports(l3 + sizeof(*ip), end, pkt))
		return XLVS_NOT_OURS;
	pkt->tuple.hash = xlvs_hash_ipv6(xlvs_constants.seed, pkt->tuple.key.words,
					 pkt->tuple.ports, pkt->tuple.kind);
	return 0;
}

static __always_inline int xlvs_parse(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if (data + sizeof(*eth) > end || (eth->h_dest[0] & 1)) /* broadcast, multicast */
		return XLVS_NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(data + sizeof(*eth), end, pkt);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(data + sizeof(*eth), end, pkt);
	return XLVS_NOT_OURS;
}

#endif
