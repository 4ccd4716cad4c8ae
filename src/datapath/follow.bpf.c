// SPDX-License-Identifier: GPL-2.0-or-later
#include "datapath/follow.bpf.h"

#include "datapath/advance.bpf.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/detour.bpf.h"
#include "datapath/fragment.bpf.h"
#include "datapath/route.bpf.h"
#include "forward/dr.bpf.h"
#include "forward/fullnat.bpf.h"
#include "forward/local.bpf.h"
#include "forward/nat.bpf.h"
#include "forward/tun.bpf.h"

/* As its sender says; in a tunnel, without pmtu_disc, whatever that says. */
static __always_inline bool may_be_cut(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				       bool in_tunnel)
{
	const struct iphdr *ip;
	void *frame;

	if (pkt->tuple.family != XLVS_AF_INET ||
	    !xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(*ip), &frame))
		return false;
	ip = frame + sizeof(struct ethhdr);
	return !(in_tunnel ? xlvs_tun_df(((const __be32 *)ip)[1])
			   : ip->frag_off & bpf_htons(XLVS_IPV4_DONT_FRAGMENT));
}

/* The way that leads to `nexthop` by the detour, where a packet that `may_cut` is cut. */
static __always_inline struct xlvs_nexthop *by_detour(struct xlvs_nexthop *nexthop, __u32 held,
						      bool may_cut)
{
	struct xlvs_nexthop *ticket = xlvs_detour_ticket(nexthop, held);

	if (ticket && may_cut)
		ticket->mtu_bytes = XLVS_DETOUR_MTU_BYTES;
	return ticket ? ticket : nexthop;
}

/* Called, as below: the stack of all this together is more than Linux 6.1 allows. */
static __noinline int forward(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
			      struct xlvs_nexthop *nexthop)
{
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;

	switch ((pkt->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT) {
#define FORWARD(name, number)                                                      \
	case number:                                                               \
		if (ipv4)                                                          \
			return xlvs_forward_##name(ctx, pkt, dest, nexthop, true); \
		return xlvs_forward_##name(ctx, pkt, dest, nexthop, false);
		XLVS_FORWARD_METHODS(FORWARD)
#undef FORWARD
	default:
		return -XLVS_DROP_INTERNAL;
	}
}

/* The frame, MAC addresses and all, to the host's stack by the detour, and the fragments that were
 * kept there or to the packet path: enum xlvs_detour_host. */
static __always_inline int to_host(struct xdp_md *ctx, __u32 held, __u32 how)
{
	struct xlvs_nexthop here = {.ifindex = ctx->ingress_ifindex};
	struct xlvs_nexthop *ticket;
	__u32 *macs;
	void *frame;

	if (!xlvs_frame(ctx, sizeof(struct ethhdr), &frame))
		return XLVS_NOT_OURS;
	macs = frame;
	here.macs[0] = macs[0];
	here.macs[1] = macs[1];
	here.macs[2] = macs[2];
	ticket = xlvs_detour_ticket(&here, held);
	if (!ticket)
		return XLVS_NOT_OURS;
	ticket->to_host = how;
	xlvs_write_macs(frame, ticket);
	return xlvs_transmit(ctx, ticket);
}

/* A destination that is the director itself: its stack puts fragments together, all of which NAT
 * has to translate. Without NAT they are the host's. */
static __always_inline int follow_to_host(struct xdp_md *ctx, struct xlvs_packet *pkt,
					  struct xlvs_dest *dest, bool is_new)
{
	__u32 held = 0;
	int r;

	if ((pkt->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT != XLVS_FORWARD_nat)
		return XLVS_NOT_OURS;
	if (is_new)
		held = xlvs_fragment_decide(ctx, pkt, XLVS_FATE_REQUEST);
	r = xlvs_forward_local(ctx, pkt, dest, pkt->meta);
	return r == XDP_PASS && held ? to_host(ctx, held, XLVS_HOST_PACKET) : r;
}

/* A tunnel's outer header has taken over the id of the fragment inside. Another one, or what two of
 * them are cut into on their way would be taken for parts of one packet. */
static __always_inline void give_id(struct xdp_md *ctx)
{
	__u16 id = bpf_get_prandom_u32();
	struct iphdr *ip;
	void *frame;

	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(*ip), &frame))
		return;
	ip = frame + sizeof(struct ethhdr);
	ip->check = xlvs_checksum_update(ip->check, (__u64)(__u16)~ip->id + id);
	ip->id = id;
}

static __always_inline int follow_request(struct xdp_md *ctx, struct xlvs_packet *pkt, bool is_new,
					  bool cut)
{
	__u32 method = (pkt->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;
	struct xlvs_dest *dest = xlvs_dest_at(pkt->dest);
	struct xlvs_nexthop *nexthop;
	__u32 held = 0;
	bool may_cut;
	int r = 0;

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	if (!(dest->flags & XLVS_DEST_AVAILABLE))
		return xlvs_dest_removed(pkt);
	if (!cut)
		xlvs_count_in(pkt->dest, pkt->length_bytes);
	nexthop = xlvs_dest_nexthop(ctx, dest, method, &r);
	if (method == XLVS_FORWARD_cross)
		return -XLVS_DROP_OTHER_FAMILY;
	if (r == XLVS_TO_HOST)
		return follow_to_host(ctx, pkt, dest, is_new);
	if (!nexthop)
		return r ? r : -XLVS_DROP_INTERNAL;
	if (is_new)
		held = xlvs_fragment_decide(ctx, pkt, XLVS_FATE_REQUEST);
	may_cut = may_be_cut(ctx, pkt, method == XLVS_FORWARD_tun) &&
		  (method != XLVS_FORWARD_tun || dest->family == XLVS_AF_INET);
	if (cut && !may_cut)
		return -XLVS_DROP_TOO_BIG;
	if (method == XLVS_FORWARD_fullnat &&
	    !xlvs_conn_find(&pkt->tuple, pkt->tuple.family == XLVS_AF_INET, &pkt->record))
		return -XLVS_DROP_FRAGMENT_LOST;
	if (held || cut)
		nexthop = by_detour(nexthop, held, may_cut);
	r = forward(ctx, pkt, dest, nexthop);
	if (r >= 0 && method == XLVS_FORWARD_tun && dest->family == XLVS_AF_INET)
		give_id(ctx);
	return r;
}

static __noinline int forward_reply(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index,
				    struct xlvs_nexthop *nexthop)
{
	struct xlvs_conn *record = xlvs_conn_at(index), *first;
	struct xlvs_rewrite to = {.ends = XLVS_SOURCE};

	first = record ? xlvs_conn_partner(record, index) : (void *)0;
	if (!first)
		return -XLVS_DROP_FRAGMENT_LOST;
	to.sport = first->dport;
	to.dport = first->sport;
	if (record->meta & XLVS_META_METHOD) /* FULLNAT */
		to.ends |= XLVS_DESTINATION;
	if (pkt->tuple.family == XLVS_AF_INET) {
		to.saddr[0] = first->key.v4.daddr;
		to.daddr[0] = first->key.v4.saddr;
	} else {
		__builtin_memcpy(to.saddr, first->key.v6.daddr, sizeof(to.saddr));
		__builtin_memcpy(to.daddr, first->key.v6.saddr, sizeof(to.daddr));
	}
	return xlvs_nat_any(ctx, pkt, &to, nexthop);
}

static __always_inline int follow_reply(struct xdp_md *ctx, struct xlvs_packet *pkt, bool is_new,
					bool cut)
{
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;
	struct xlvs_conn *record, *first;
	struct xlvs_nexthop *nexthop;
	__u32 index, held = 0;
	bool may_cut;
	int r;

	record = xlvs_conn_find(&pkt->tuple, ipv4, &index);
	first = record ? xlvs_conn_partner(record, index) : (void *)0;
	if (!first || !(record->meta & XLVS_META_REPLY))
		return -XLVS_DROP_FRAGMENT_LOST;
	if (first->family != record->family)
		return -XLVS_DROP_OTHER_FAMILY;
	if (is_new)
		held = xlvs_fragment_decide(ctx, pkt, XLVS_FATE_REPLY);
	may_cut = may_be_cut(ctx, pkt, false);
	if (cut && !may_cut)
		return -XLVS_DROP_TOO_BIG;
	if (!cut)
		xlvs_count_out(record->dest, pkt->length_bytes);
	r = xlvs_route_reply(ctx, index);
	if (r < 0)
		return r;
	nexthop = xlvs_gateway_at(r);
	if (!nexthop)
		return -XLVS_DROP_INTERNAL;
	if (held || cut)
		nexthop = by_detour(nexthop, held, may_cut);
	return forward_reply(ctx, pkt, index, nexthop);
}

int xlvs_follow(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 fate, __u32 is_new)
{
	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	return fate == XLVS_FATE_REPLY ? follow_reply(ctx, pkt, is_new, false)
				       : follow_request(ctx, pkt, is_new, false);
}

int xlvs_follow_not(struct xdp_md *ctx, struct xlvs_packet *pkt, int r)
{
	__u32 held;

	held = xlvs_fragment_decide(ctx, pkt,
				    r == XLVS_NOT_OURS ? XLVS_FATE_FOREIGN : XLVS_FATE_DROPPED);
	return held && r == XLVS_NOT_OURS ? to_host(ctx, held, XLVS_HOST_ALL) : r;
}

int xlvs_follow_cut(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn;
	__u32 index;

	if (!pkt || !runtime || !runtime->detour_ifindex || pkt->tuple.family != XLVS_AF_INET)
		return -XLVS_DROP_TOO_BIG;
	conn = xlvs_conn_find(&pkt->tuple, true, &index);
	if (conn && (conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT == XLVS_FORWARD_cross)
		return -XLVS_DROP_TOO_BIG;
	if (conn && conn->meta & XLVS_META_REPLY)
		return follow_reply(ctx, pkt, false, true);
	if (conn) {
		pkt->dest = conn->dest;
		pkt->meta = conn->meta;
	} else if (!(pkt->tuple.flags & XLVS_TUPLE_FRAGMENT)) {
		return -XLVS_DROP_TOO_BIG; /* one-packet scheduling keeps no record */
	}
	return follow_request(ctx, pkt, false, true);
}
