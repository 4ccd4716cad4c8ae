// SPDX-License-Identifier: GPL-2.0-or-later
/* Length and protocol count the same in the transport checksum of either family, so addresses and
 * ports alone change it (RFC 1624). Over IPv6 a UDP datagram must have one: it is given that first
 * where it came without. */
#include "forward/cross.bpf.h"

#include <linux/udp.h>

#include "datapath/connection.bpf.h"
#include "forward/nat.bpf.h"
#include "forward/toa.bpf.h"

/* Addresses in the sum of a pseudo-header. */
static __always_inline __u64 address_sum(const union xlvs_endpoints *key, bool ipv4)
{
	__u64 sum = 0;

	for (int i = 0; i < (ipv4 ? 1 : 4); i++)
		sum += (key->words[i] & 0xffffffff) + (key->words[i] >> 32);
	return sum;
}

/* May the packet go on, and what will its header say? */
static __always_inline int read_header(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				       const struct xlvs_nexthop *nexthop,
				       struct xlvs_cross_header *ret_header)
{
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;
	void *frame;

	if (ipv4 && xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		xlvs_cross_read_ipv4(frame + sizeof(struct ethhdr), ret_header);
	else if (!ipv4 && xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame))
		xlvs_cross_read_ipv6(frame + sizeof(struct ethhdr), ret_header);
	else
		return -XLVS_DROP_INTERNAL;
	ret_header->protocol = pkt->tuple.protocol;
	ret_header->l4_bytes = pkt->length_bytes + sizeof(struct ethhdr) - pkt->l4_offset;
	if (ret_header->ttl-- <= 1)
		return -XLVS_DROP_TTL_EXCEEDED;
	if (ret_header->l4_bytes + (ipv4 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) >
	    nexthop->mtu_bytes)
		return -XLVS_DROP_TOO_BIG;
	return 0;
}

static __always_inline int give_checksum(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					 __u32 bytes)
{
	struct udphdr *udp = (void *)(long)ctx->data + (pkt->l4_offset & 0x7f);
	int sum;

	if ((void *)(udp + 1) > (void *)(long)ctx->data_end)
		return -XLVS_DROP_INTERNAL;
	if (udp->check)
		return 0;
	sum = xlvs_udp_sum(ctx, pkt->l4_offset, bytes);
	udp = (void *)(long)ctx->data + (pkt->l4_offset & 0x7f);
	if (sum < 0 || (void *)(udp + 1) > (void *)(long)ctx->data_end)
		return -XLVS_DROP_OTHER_FAMILY; /* more than a jumbo frame */
	udp->check = ~xlvs_checksum_fold(sum + address_sum(&pkt->tuple.key, true) +
					 bpf_htons(IPPROTO_UDP) + bpf_htons(bytes));
	if (!udp->check)
		udp->check = 0xffff;
	return 0;
}

/* Ports and checksum; `gain` is what the addresses add to the sum. */
static __always_inline int write_transport(void *l4, void *end, const struct xlvs_conn *other,
					   const struct xlvs_cross_header *header, __u64 gain)
{
	const struct xlvs_translation ends = {
		.ends = XLVS_SOURCE | XLVS_DESTINATION,
		.sport = other->dport,
		.dport = other->sport,
	};
	struct xlvs_sctp *sctp = l4;
	__u32 *ports = l4, before;
	__u16 *check;

	check = l4 + (header->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check)
						      : offsetof(struct udphdr, check));
	if ((void *)(check + 1) > end)
		return -XLVS_DROP_INTERNAL;
	before = *ports;
	gain += xlvs_nat_write_ports(l4, &ends);
	if (header->protocol == IPPROTO_SCTP) {
		if ((void *)(sctp + 1) > end)
			return -XLVS_DROP_INTERNAL;
		if (sctp->sum) /* see nat_sctp.bpf.c */
			sctp->sum ^= xlvs_sctp_sum_change(before ^ *ports, header->l4_bytes);
		return 0;
	}
	if (header->protocol == IPPROTO_UDP && !*check)
		return 0;
	*check = xlvs_checksum_update(*check, gain);
	if (header->protocol == IPPROTO_UDP && !*check)
		*check = 0xffff;
	return 0;
}

/* The headers of a frame that has room for them. */
static __always_inline int write_headers(struct xdp_md *ctx, const struct xlvs_conn *other,
					 const struct xlvs_cross_header *header, __u64 gain)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end, *l3 = eth + 1;

	if (other->family == XLVS_AF_INET) {
		if (l3 + sizeof(struct iphdr) > end)
			return -XLVS_DROP_INTERNAL;
		eth->h_proto = bpf_htons(ETH_P_IP);
		xlvs_cross_write_ipv4(l3, header, other->key.v4.daddr, other->key.v4.saddr);
		return write_transport(l3 + sizeof(struct iphdr), end, other, header, gain);
	}
	if (l3 + sizeof(struct ipv6hdr) > end)
		return -XLVS_DROP_INTERNAL;
	eth->h_proto = bpf_htons(ETH_P_IPV6);
	xlvs_cross_write_ipv6(l3, header, other->key.v6.daddr, other->key.v6.saddr);
	return write_transport(l3 + sizeof(struct ipv6hdr), end, other, header, gain);
}

static __always_inline int send(struct xdp_md *ctx, struct xlvs_packet *pkt,
				const struct xlvs_conn *other, struct xlvs_nexthop *nexthop)
{
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;
	struct xlvs_cross_header header = {};
	void *frame;
	__u64 gain;
	int r;

	r = read_header(ctx, pkt, nexthop, &header);
	if (r == 0 && ipv4 && header.protocol == IPPROTO_UDP)
		r = give_checksum(ctx, pkt, header.l4_bytes);
	if (r)
		return r;
	if (bpf_xdp_adjust_head(ctx, (int)pkt->l4_offset - (int)sizeof(struct ethhdr) -
					     (int)(ipv4 ? sizeof(struct ipv6hdr)
							: sizeof(struct iphdr))))
		return -XLVS_DROP_NO_HEADROOM;
	gain = address_sum(&other->key, !ipv4) +
	       (__u16)~xlvs_checksum_fold_few(address_sum(&pkt->tuple.key, ipv4));
	r = write_headers(ctx, other, &header, gain);
	if (r || !xlvs_frame(ctx, sizeof(struct ethhdr), &frame))
		return -XLVS_DROP_INTERNAL;
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

int xlvs_cross(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
	       struct xlvs_nexthop *nexthop)
{
	struct xlvs_conn *record, *other;
	int r = 0;

	if (!pkt || !dest || !nexthop)
		return -XLVS_DROP_INTERNAL;
	record = xlvs_conn_at(pkt->record);
	if (!record)
		return -XLVS_DROP_INTERNAL;
	if (record->meta & XLVS_META_TELLING)
		r = record->meta & XLVS_META_REPLY ? xlvs_toa_reply(ctx, pkt, pkt->record)
						   : xlvs_toa_request(ctx, pkt, dest, nexthop);
	if (r)
		return r;
	other = xlvs_conn_partner(record, pkt->record);
	if (!other)
		return XLVS_NOT_OURS;
	if (other->family == pkt->tuple.family)
		return -XLVS_DROP_INTERNAL;
	return send(ctx, pkt, other, nexthop);
}
