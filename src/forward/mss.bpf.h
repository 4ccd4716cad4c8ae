/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maximum segment size in TCP's handshake, which is lowered where a full segment would not fit
 * on its way. Only a SYN of TCP has it. */
#ifndef XLVS_FORWARD_MSS_BPF_H
#define XLVS_FORWARD_MSS_BPF_H

#include "abi/destination.h"
#include "datapath/service.bpf.h"

/* Lower a packet's maximum segment size to `most`, and what that leaves by `less` more. Returns 0,
 * whether it has one or not. */
int xlvs_mss_lower(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 most, __u32 less);

/* Lower it as the connection's destination wants it; `meta` is the connection's. A packet of
 * either side that is about to be forwarded. Returns 0. */
int xlvs_mss_clamp(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 dest, __u32 meta);

/* The same where it may be: a client's packet that was just found a destination. */
static __always_inline void xlvs_mss_limit(struct xdp_md *ctx, struct xlvs_packet *pkt,
					   const struct xlvs_dest *dest, __u32 index, __u32 meta)
{
	if (dest->mss && xlvs_is_first(pkt) && !(pkt->tuple.flags & XLVS_TUPLE_QUOTED))
		xlvs_mss_clamp(ctx, pkt, index, meta);
}

#endif
