/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Next hops by the kernel's routing table, for what the daemon does not resolve: the way back to
 * a client, and a destination whose next hop is not known yet. */
#ifndef XLVS_DATAPATH_ROUTE_BPF_H
#define XLVS_DATAPATH_ROUTE_BPF_H

#include "datapath/packet.bpf.h"

struct xlvs_flow_ends {
	__be32 from[4];
	__be32 to[4];
	__u32 family;
};

/* Index in xlvs_gateways of the next hop towards `ends->to`, below XLVS_GATEWAYS_MAX when it may
 * be kept; -XLVS_DROP_NO_ROUTE, or -XLVS_DROP_NO_NEIGHBOUR (the daemon was asked to resolve it). */
int xlvs_route(struct xdp_md *ctx, struct xlvs_flow_ends *ends);

/* The same for the client of a reply record, which keeps the answer. */
int xlvs_route_reply(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index);

static __always_inline struct xlvs_nexthop *xlvs_gateway_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_gateways, &index);
}

#endif
