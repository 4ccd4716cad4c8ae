// SPDX-License-Identifier: GPL-2.0-or-later
/* schedule_icmp: an error about a reply that no connection is known for, because another director
 * had it, opens the connection. Which destination it is the scheduler says, so this is of use with
 * those that say the same again: sh, mh, dh, or persistence. */
#include "datapath/connection.bpf.h"
#include "datapath/icmp.bpf.h"
#include "datapath/open.bpf.h"
#include "datapath/service.bpf.h"

int xlvs_icmp_schedule(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	__u32 slot;
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	r = xlvs_icmp_error(ctx, pkt);
	if (r != XLVS_ICMP_UNKNOWN)
		return r;
	pkt->now = xlvs_now();
	pkt->tcp_flags = XLVS_TCP_SYN; /* whatever is quoted may open it */
	pkt->tuple.flags |= XLVS_TUPLE_QUOTED;
	slot = xlvs_service_seek(ctx, pkt);
	if (slot == XLVS_NONE)
		return XLVS_NOT_OURS;
	r = xlvs_open(ctx, pkt, XLVS_NONE, slot);
	if (r < 0)
		return r;
	r = xlvs_icmp_error(ctx, pkt);
	return r == XLVS_ICMP_UNKNOWN ? XLVS_NOT_OURS : r;
}
