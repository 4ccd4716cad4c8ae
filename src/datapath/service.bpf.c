// SPDX-License-Identifier: GPL-2.0-or-later
/* Which service a packet is for: its mark's before its address's, its own port's before those that
 * take more than one. */
#include "datapath/service.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "datapath/connection.bpf.h"
#include "datapath/mark.bpf.h"
#include "datapath/persistence.bpf.h"

/* Slot of the service for a mark: it stands in the table under the mark as an address. */
static __noinline __u32 find_by_mark(__u32 family, __u32 mark)
{
	struct xlvs_tuple tuple = {};

	tuple.family = family;
	tuple.key.v4.daddr = bpf_htonl(mark);
	return xlvs_service_find(&tuple, 0, true);
}

/* A service that is found though the packet's own port has none: FTP's, for the data of its
 * connections, or one for all ports. */
static __noinline __u32 find_wide(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 slot = XLVS_NONE, port = bpf_ntohs(tuple->dport);
	bool ipv4 = tuple->family == XLVS_AF_INET;

	if (xlvs_lookups & XLVS_LOOKUP_FTP && tuple->protocol == IPPROTO_TCP && runtime &&
	    (port == XLVS_FTP_DATA_PORT || port >= runtime->unprivileged_port))
		slot = xlvs_service_find(tuple, bpf_htons(XLVS_FTP_PORT), ipv4);
	if (slot == XLVS_NONE && xlvs_lookups & XLVS_LOOKUP_PORT0)
		slot = xlvs_service_find(tuple, 0, ipv4);
	return slot;
}

/* The mark that netfilter gave the packet before it came to the packet path. */
static __always_inline __u32 carried_mark(struct xdp_md *ctx)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	const struct xlvs_mark_source *source;
	void *frame;

	if (!runtime || ctx->ingress_ifindex != runtime->mark_ifindex ||
	    !xlvs_frame(ctx, sizeof(struct ethhdr), &frame))
		return 0;
	source = frame + offsetof(struct ethhdr, h_source);
	return source->prefix == XLVS_MARK_SOURCE ? source->mark : 0;
}

static __always_inline int seek(struct xlvs_packet *pkt, __u32 mark)
{
	__u32 slot;

	if (!mark && xlvs_lookups & XLVS_LOOKUP_MARK)
		mark = xlvs_mark_give(&pkt->tuple);
	if (mark) {
		slot = find_by_mark(pkt->tuple.family, mark);
		if (slot != XLVS_NONE)
			return slot;
	}
	slot = xlvs_service_find(&pkt->tuple, pkt->tuple.dport, pkt->tuple.family == XLVS_AF_INET);
	return slot == XLVS_NONE ? find_wide(&pkt->tuple) : slot;
}

int xlvs_service_seek(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	return pkt ? seek(pkt, carried_mark(ctx)) : (int)XLVS_NONE;
}

int xlvs_service_seek_marked(struct xlvs_packet *pkt, __u32 mark)
{
	return pkt ? seek(pkt, mark) : (int)XLVS_NONE;
}
