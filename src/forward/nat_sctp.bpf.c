// SPDX-License-Identifier: GPL-2.0-or-later
/* Translation of SCTP: its checksum does not cover addresses, so it changes with the port alone. */
#include "forward/nat.bpf.h"

/* A field of 0 is no checksum: the sender's card was to fill it in, or its peer does without (RFC
 * 9653). */
static __always_inline __u32 sum_after(const struct xlvs_packet *pkt, __u32 sum, __u32 change)
{
	__u32 bytes = pkt->length_bytes + sizeof(struct ethhdr) - pkt->l4_offset;

	return sum && change ? sum ^ xlvs_sctp_sum_change(change, bytes) : sum;
}

int xlvs_nat_sctp(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_rewrite *to,
		  struct xlvs_nexthop *nexthop)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	void *l3 = data + sizeof(struct ethhdr);
	struct xlvs_translation ends;
	struct xlvs_sctp *sctp;
	__u32 change;
	bool ipv4;
	int r;

	if (!pkt || !to)
		return -XLVS_DROP_INTERNAL;
	ipv4 = pkt->tuple.family == XLVS_AF_INET;
	sctp = data + (pkt->l4_offset & 0x7f);
	if ((void *)(sctp + 1) > end || l3 + sizeof(struct iphdr) > end)
		return -XLVS_DROP_INTERNAL;
	r = nexthop ? xlvs_forward_check(pkt, xlvs_ttl(l3, ipv4), nexthop) : 0;
	if (r)
		return r;
	ends = xlvs_translation_of(to);
	if (ipv4)
		xlvs_nat_write_ipv4(l3, &ends);
	else if (l3 + sizeof(struct ipv6hdr) <= end)
		xlvs_nat_write_ipv6(l3, &ends);
	else
		return -XLVS_DROP_INTERNAL;
	change = sctp->ports;
	xlvs_nat_write_ports(&sctp->source, &ends);
	sctp->sum = sum_after(pkt, sctp->sum, change ^ sctp->ports);
	return xlvs_nat_depart(ctx, data, nexthop, ipv4);
}
