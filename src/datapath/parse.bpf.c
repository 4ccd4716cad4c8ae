// SPDX-License-Identifier: GPL-2.0-or-later
#include "datapath/parse.bpf.h"

enum sctp_constant {
	CHUNK_OFFSET_MAX = 0x3fff,
};

/* Does an ABORT stand behind the first chunk of an SCTP packet of `room` bytes? */
static __always_inline bool is_abort_next(const void *l4, const void *end, __u32 room)
{
	const struct xlvs_sctp_chunk *first = l4 + sizeof(struct xlvs_sctp), *next;
	__u32 bytes = bpf_ntohs(first->length_bytes);
	__u32 offset = sizeof(struct xlvs_sctp) + ((bytes + 3) & ~3U);

	if (bytes < sizeof(*first) || offset > CHUNK_OFFSET_MAX || offset + sizeof(*next) > room)
		return false;
	next = l4 + (offset & CHUNK_OFFSET_MAX);
	return (const void *)(next + 1) <= end && next->type == XLVS_SCTP_CHUNK_ABORT;
}

/* The chunk that counts is the first, but for an ABORT right behind one that ends a handshake: no
 * further does IPVS look. */
static __always_inline int parse_sctp(const void *l4, const void *end, struct xlvs_packet *pkt)
{
	const struct xlvs_sctp_chunk *first = l4 + sizeof(struct xlvs_sctp);
	__u32 room = pkt->length_bytes + sizeof(struct ethhdr) - pkt->l4_offset;

	if ((const void *)(first + 1) > end ||
	    (__s32)room < (__s32)(sizeof(struct xlvs_sctp) + sizeof(*first)))
		return XLVS_NOT_OURS;
	pkt->tuple.flow = *(const __u32 *)l4 | (__u64)pkt->tuple.kind << 32;
	pkt->sctp_chunk = first->type;
	if ((first->type == XLVS_SCTP_CHUNK_COOKIE_ECHO ||
	     first->type == XLVS_SCTP_CHUNK_COOKIE_ACK) &&
	    is_abort_next(l4, end, room))
		pkt->sctp_chunk = XLVS_SCTP_CHUNK_ABORT;
	return 0;
}

static __always_inline int parse_l4(const void *l4, const void *end, struct xlvs_packet *pkt)
{
	__u32 before = pkt->l4_offset - sizeof(struct ethhdr);

	if (pkt->tuple.protocol == IPPROTO_SCTP)
		return parse_sctp(l4, end, pkt);
	if (pkt->tuple.protocol == IPPROTO_TCP) {
		if (l4 + sizeof(struct tcphdr) > end)
			return XLVS_NOT_OURS;
		return xlvs_parse_l4(l4, before, IPPROTO_TCP, pkt);
	}
	if (l4 + sizeof(struct udphdr) > end)
		return XLVS_NOT_OURS;
	return xlvs_parse_l4(l4, before, pkt->tuple.protocol, pkt);
}

static __always_inline int parse_ipv4(const struct iphdr *ip, const void *end,
				      struct xlvs_packet *pkt)
{
	__u32 header_bytes;

	if ((const void *)(ip + 1) > end || ip->version != 4)
		return XLVS_NOT_OURS;
	header_bytes = ip->ihl * 4U;
	pkt->length_bytes = bpf_ntohs(ip->tot_len);
	if (header_bytes < sizeof(*ip) || ip->frag_off & bpf_htons(XLVS_IP_FRAGMENT) ||
	    pkt->length_bytes > end - (const void *)ip)
		return XLVS_NOT_OURS;
	pkt->tuple.kind = ip->protocol | XLVS_AF_INET << 8;
	pkt->tuple.key = (union xlvs_endpoints){.v4 = {ip->saddr, ip->daddr}};
	pkt->l4_offset = sizeof(struct ethhdr) + header_bytes;
	if (parse_l4((const void *)ip + header_bytes, end, pkt))
		return XLVS_NOT_OURS;
	pkt->tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, ip->saddr, ip->daddr,
					 pkt->tuple.ports, pkt->tuple.kind);
	return 0;
}

static __always_inline int parse_ipv6(const struct ipv6hdr *ip, const void *end,
				      struct xlvs_packet *pkt)
{
	if ((const void *)(ip + 1) > end || xlvs_parse_ipv6_header(ip, end, pkt) ||
	    parse_l4(ip + 1, end, pkt))
		return XLVS_NOT_OURS;
	xlvs_hash_packet_ipv6(pkt);
	return 0;
}

int xlvs_parse_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const void *l3 = eth + 1;

	if (!pkt || l3 > end || eth->h_dest[0] & 1) /* broadcast, multicast */
		return XLVS_NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(l3, end, pkt);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(l3, end, pkt);
	return XLVS_NOT_OURS;
}
