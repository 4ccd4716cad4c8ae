/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direct routing: the packet goes to the destination's MAC address as it came, its TTL one less.
 * The destination holds the virtual address itself and answers the client directly. */
#ifndef XLVS_FORWARD_DR_BPF_H
#define XLVS_FORWARD_DR_BPF_H

#include "forward/forward.bpf.h"

static __always_inline int xlvs_forward_dr(struct xdp_md *ctx, struct xlvs_packet *pkt,
					   struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					   bool ipv4)
{
	void *frame, *l3;
	int r;

	(void)dest;
	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		return xlvs_drop(XLVS_DROP_INTERNAL);
	l3 = frame + sizeof(struct ethhdr);
	r = xlvs_forward_check(pkt, xlvs_ttl(l3, ipv4), nexthop);
	if (r)
		return r;
	if (ipv4)
		xlvs_decrement_ttl(l3);
	else
		((struct ipv6hdr *)l3)->hop_limit--;
	xlvs_write_macs(frame, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

#endif
