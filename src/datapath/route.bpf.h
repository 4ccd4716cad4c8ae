/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Next hops by the kernel's routing table, for what the daemon does not resolve: the way back to
 * a client, and a destination whose next hop is not known yet. */
#ifndef XLVS_DATAPATH_ROUTE_BPF_H
#define XLVS_DATAPATH_ROUTE_BPF_H

#include "datapath/packet.bpf.h"

/* Of both ends of the pair of interfaces between the host's own programs and the packet path. */
static const __u8 xlvs_host_mac[6] = {2, 0, 0, 0, 0, 1};

#define XLVS_TO_HOST (XLVS_NOT_OURS - 1)

/* Each: the index in xlvs_gateways of the next hop, below XLVS_GATEWAYS_MAX when it may be kept;
 * -XLVS_DROP_NO_ROUTE, or -XLVS_DROP_NO_NEIGHBOUR (the daemon was asked to resolve it). */

/* To a destination; XLVS_TO_HOST when it is the director itself. -XLVS_DROP_NO_ROUTE for a tunnel:
 * the routing table does not tell at which address it begins. */
int xlvs_route_dest(struct xdp_md *ctx, struct xlvs_dest *dest, __u32 method);
/* Does the packet go on to another host, by the routing table? */
bool xlvs_route_leads_on(struct xdp_md *ctx, struct xlvs_tuple *tuple);
/* Back to the client that sent `request`. */
int xlvs_route_client(struct xdp_md *ctx, struct xlvs_tuple *request);
/* The same for the client of the reply record `index`, which keeps the answer. */
int xlvs_route_reply(struct xdp_md *ctx, __u32 index);

static __always_inline struct xlvs_nexthop *xlvs_gateway_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_gateways, &index);
}

/* Where a request leaves: the daemon's answer, or else the routing table's; NULL with a negative
 * answer of xlvs_route_dest() in *ret. */
static __always_inline struct xlvs_nexthop *
xlvs_dest_nexthop(struct xdp_md *ctx, struct xlvs_dest *dest, __u32 method, int *ret)
{
	__u32 index = *(volatile __u32 *)&dest->nexthop;

	if (index)
		return bpf_map_lookup_elem(&xlvs_nexthops, &index);
	*ret = xlvs_route_dest(ctx, dest, method);
	return *ret < 0 ? (void *)0 : xlvs_gateway_at(*ret);
}

#endif
