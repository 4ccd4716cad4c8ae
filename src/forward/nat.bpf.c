// SPDX-License-Identifier: GPL-2.0-or-later
/* Translation of a packet whose transport header may stand anywhere: UDP, and TCP behind IPv4
 * options. A UDP datagram that came without a checksum leaves with one, as in IPVS. */
#include "forward/nat.bpf.h"

#include <linux/udp.h>

/* Where the transport checksum stands; NULL past the frame, which the parser has ruled out. */
static __always_inline __u16 *checksum_of(void *l4, void *end, __u8 protocol)
{
	__u16 *check = l4 + (protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check)
						     : offsetof(struct udphdr, check));

	return (void *)(check + 1) > end ? (void *)0 : check;
}

/* One's complement sums do not mind the order: addresses, ports, protocol and length are part of
 * the datagram's, and what `delta` says of them is added. */
static __always_inline __u16 full_checksum(const struct xlvs_packet *pkt, __u32 datagram_sum,
					   __u32 datagram_bytes, __u64 delta)
{
	__u64 sum = delta + datagram_sum + bpf_htons(IPPROTO_UDP) + bpf_htons(datagram_bytes);

	for (int i = 0; i < (pkt->tuple.family == XLVS_AF_INET ? 1 : 4); i++)
		sum += (pkt->tuple.key.words[i] & 0xffffffff) + (pkt->tuple.key.words[i] >> 32);
	return ~xlvs_checksum_fold(sum);
}

/* A later fragment: of a datagram's checksum and ports it has nothing. */
static __always_inline int rewrite_fragment(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					    const struct xlvs_rewrite *to,
					    struct xlvs_nexthop *nexthop)
{
	struct xlvs_translation ends = xlvs_translation_of(to);
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;
	void *frame;
	int r;

	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		return -XLVS_DROP_INTERNAL;
	r = nexthop ? xlvs_forward_check(pkt, xlvs_ttl(frame + sizeof(struct ethhdr), ipv4),
					 nexthop)
		    : 0;
	if (r)
		return r;
	if (ipv4)
		xlvs_nat_write_ipv4(frame + sizeof(struct ethhdr), &ends);
	else if (xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame))
		xlvs_nat_write_ipv6(frame + sizeof(struct ethhdr), &ends);
	else
		return -XLVS_DROP_INTERNAL;
	return xlvs_nat_depart(ctx, frame, nexthop, ipv4);
}

int xlvs_nat_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		     struct xlvs_nexthop *nexthop)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	void *l3 = data + sizeof(struct ethhdr);
	struct xlvs_translation ends;
	__u32 datagram_bytes;
	__be16 *ports;
	__u16 *check;
	__u64 delta;
	bool ipv4;
	int r, sum = -1;

	if (!pkt || !to)
		return -XLVS_DROP_INTERNAL;
	if (!pkt->l4_offset)
		return rewrite_fragment(ctx, pkt, to, nexthop);
	ipv4 = pkt->tuple.family == XLVS_AF_INET;
	ports = data + (pkt->l4_offset & 0x7f);
	check = checksum_of(ports, end, pkt->tuple.protocol);
	if (!check || (void *)(ports + 2) > end || l3 + sizeof(struct iphdr) > end)
		return -XLVS_DROP_INTERNAL;
	r = nexthop ? xlvs_forward_check(pkt, xlvs_ttl(l3, ipv4), nexthop) : 0;
	if (r)
		return r;

	datagram_bytes = pkt->length_bytes + sizeof(struct ethhdr) - pkt->l4_offset;
	if (pkt->tuple.protocol == IPPROTO_UDP && !*check &&
	    !(pkt->tuple.flags & XLVS_TUPLE_FRAGMENT))
		sum = xlvs_udp_sum(ctx, pkt->l4_offset, datagram_bytes);
	ends = xlvs_translation_of(to);
	if (ipv4)
		delta = xlvs_nat_write_ipv4(l3, &ends);
	else if (l3 + sizeof(struct ipv6hdr) <= end)
		delta = xlvs_nat_write_ipv6(l3, &ends);
	else
		return -XLVS_DROP_INTERNAL;
	delta += xlvs_nat_write_ports(ports, &ends);
	if (sum >= 0)
		*check = full_checksum(pkt, sum, datagram_bytes, delta);
	else if (*check || pkt->tuple.protocol == IPPROTO_TCP)
		*check = xlvs_checksum_update(*check, delta);
	else
		goto written; /* without a checksum, and too long or not whole to be given one */
	if (pkt->tuple.protocol == IPPROTO_UDP && !*check)
		*check = 0xffff;
written:
	return xlvs_nat_depart(ctx, data, nexthop, ipv4);
}
