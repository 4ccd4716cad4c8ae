// SPDX-License-Identifier: GPL-2.0-or-later
/* A destination that is an address of the director itself: its stack gets the packet, as it came
 * or, with NAT, translated. It has reached its end, so its TTL stays and no MTU is asked for. */
#include "forward/local.bpf.h"

#include "forward/nat.bpf.h"

int xlvs_forward_local(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		       __u32 meta)
{
	struct xlvs_rewrite to = {.ends = XLVS_DESTINATION};

	if (!pkt || !dest)
		return -XLVS_DROP_INTERNAL;
	if ((meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT != XLVS_FORWARD_nat)
		return XDP_PASS;
	__builtin_memcpy(to.daddr, dest->address, sizeof(to.daddr));
	to.dport = dest->port && !(meta & XLVS_META_KEEP_PORT) ? dest->port : pkt->tuple.dport;
	return xlvs_nat_any(ctx, pkt, &to, (void *)0);
}
