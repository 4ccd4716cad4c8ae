// SPDX-License-Identifier: GPL-2.0-or-later
/* A lookup in the routing table costs more than all the rest of the path, so its answer is kept:
 * packets leave by few different next hops, each is entered once in xlvs_gateways, and whoever
 * keeps its index also keeps the generation in which it was found. */
#include "datapath/route.bpf.h"

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/detour.bpf.h"
#include "forward/list.h"

enum route_constant {
	GATEWAY_PROBES = 8,
	HOST_MTU_BYTES = 65535,
};

static __always_inline void ask_for_neighbour(const struct bpf_fib_lookup *fib, __u32 family)
{
	struct xlvs_event *event = bpf_ringbuf_reserve(&xlvs_events, sizeof(*event), 0);

	if (!event)
		return;
	event->ifindex = fib->ifindex;
	event->mtu_bytes = 0;
	event->family = family;
	__builtin_memcpy(event->address, fib->ipv6_dst, sizeof(event->address));
	if (family == XLVS_AF_INET)
		event->address[1] = event->address[2] = event->address[3] = 0;
	bpf_ringbuf_submit(event, 0);
	xlvs_count_reason(XLVS_EVENT_NEIGHBOUR_WANTED);
}

static __always_inline void fill(struct xlvs_nexthop *nexthop, const struct bpf_fib_lookup *fib)
{
	nexthop->behind_ifindex = 0;
	nexthop->ifindex = fib->ifindex;
	nexthop->mtu_bytes = fib->mtu_result;
	__builtin_memcpy(nexthop->dmac, fib->dmac, sizeof(nexthop->dmac));
	__builtin_memcpy(nexthop->smac, fib->smac, sizeof(nexthop->smac));
}

/* The same, by the detour if the interface asks for that. */
static __always_inline void fill_gateway(struct xlvs_nexthop *nexthop, __u32 index,
					 const struct bpf_fib_lookup *fib, __u32 detour_ifindex)
{
	fill(nexthop, fib);
	if (detour_ifindex)
		xlvs_detour_gateway(nexthop, index, detour_ifindex);
}

static __always_inline bool is_same(const struct xlvs_nexthop *one,
				    const struct xlvs_nexthop *other)
{
	const __u32 *macs = one->behind_ifindex ? one->behind_macs : one->macs;
	__u32 ifindex = one->behind_ifindex ? one->behind_ifindex : one->ifindex;

	return ifindex == other->ifindex && one->mtu_bytes == other->mtu_bytes &&
	       macs[0] == other->macs[0] && macs[1] == other->macs[1] && macs[2] == other->macs[2];
}

/* The entry of a next hop, made if there is none. When all its places are taken, an entry of this
 * CPU's own that is good for this packet alone. */
static __always_inline int enter_gateway(const struct bpf_fib_lookup *fib)
{
	struct xlvs_nexthop found = {};
	struct xlvs_nexthop *nexthop;
	__u32 index, hash, detour;

	fill(&found, fib);
	detour = xlvs_detour_for(found.ifindex);
	hash = (found.macs[0] ^ found.macs[1] ^ found.ifindex) * 0x9e3779b1U;
	for (__u32 i = 0; i < GATEWAY_PROBES; i++) {
		index = ((hash >> 16) + i) % XLVS_GATEWAYS_MAX;
		nexthop = xlvs_gateway_at(index);
		if (!nexthop)
			return -XLVS_DROP_INTERNAL;
		if (nexthop->state == XLVS_NEXTHOP_READY && !nexthop->behind_ifindex == !detour &&
		    is_same(nexthop, &found))
			return index;
		if (nexthop->state == XLVS_NEXTHOP_FREE &&
		    __sync_val_compare_and_swap(&nexthop->state, XLVS_NEXTHOP_FREE,
						XLVS_NEXTHOP_BUSY) == XLVS_NEXTHOP_FREE) {
			fill_gateway(nexthop, index, fib, detour);
			__sync_lock_test_and_set(&nexthop->state, XLVS_NEXTHOP_READY);
			return index;
		}
	}
	xlvs_count_reason(XLVS_EVENT_GATEWAYS_FULL);
	index = XLVS_GATEWAYS_MAX + bpf_get_smp_processor_id() % XLVS_CPUS_MAX;
	nexthop = xlvs_gateway_at(index);
	if (!nexthop)
		return -XLVS_DROP_INTERNAL;
	fill_gateway(nexthop, index, fib, detour);
	return index;
}

/* The client is a program of the director's own: in by the pair of interfaces that is there for it,
 * which has the addresses of the packet's other end accepted, though they are the director's. */
static __always_inline int route_to_host(struct bpf_fib_lookup *fib)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!runtime || !runtime->host_ifindex)
		return -XLVS_DROP_NO_ROUTE;
	fib->ifindex = runtime->host_ifindex;
	fib->mtu_result = HOST_MTU_BYTES;
	__builtin_memcpy(fib->dmac, xlvs_host_mac, sizeof(fib->dmac));
	__builtin_memcpy(fib->smac, xlvs_host_mac, sizeof(fib->smac));
	return enter_gateway(fib);
}

static __always_inline int route(struct xdp_md *ctx, struct bpf_fib_lookup *fib)
{
	fib->ifindex = ctx->ingress_ifindex;
	switch (bpf_fib_lookup(ctx, fib, sizeof(*fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		return enter_gateway(fib);
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return route_to_host(fib);
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		ask_for_neighbour(fib, fib->family);
		return -XLVS_DROP_NO_NEIGHBOUR;
	default:
		return -XLVS_DROP_NO_ROUTE;
	}
}

int xlvs_route_dest(struct xdp_md *ctx, struct xlvs_dest *dest, __u32 method)
{
	struct bpf_fib_lookup fib = {};

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	if (*(volatile __u32 *)&dest->flags & XLVS_DEST_LOCAL)
		return XLVS_TO_HOST;
	if (method == XLVS_FORWARD_tun)
		return -XLVS_DROP_NO_ROUTE;
	fib.family = dest->family;
	__builtin_memcpy(fib.ipv6_dst, dest->address, sizeof(fib.ipv6_dst));
	return route(ctx, &fib);
}

/* From and to the ends of a packet, in its own direction or back. */
static __always_inline void set_ends(struct bpf_fib_lookup *fib, const struct xlvs_tuple *tuple,
				     bool back)
{
	const union xlvs_endpoints *key = &tuple->key;

	fib->family = tuple->family;
	if (tuple->family == XLVS_AF_INET) {
		fib->ipv4_src = back ? key->v4.daddr : key->v4.saddr;
		fib->ipv4_dst = back ? key->v4.saddr : key->v4.daddr;
	} else {
		__builtin_memcpy(fib->ipv6_src, back ? key->v6.daddr : key->v6.saddr,
				 sizeof(fib->ipv6_src));
		__builtin_memcpy(fib->ipv6_dst, back ? key->v6.saddr : key->v6.daddr,
				 sizeof(fib->ipv6_dst));
	}
}

bool xlvs_route_leads_on(struct xdp_md *ctx, struct xlvs_tuple *tuple)
{
	struct bpf_fib_lookup fib = {.ifindex = ctx->ingress_ifindex};
	long r;

	if (!tuple)
		return false;
	set_ends(&fib, tuple, false);
	r = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH;
}

int xlvs_route_client(struct xdp_md *ctx, struct xlvs_tuple *request)
{
	struct bpf_fib_lookup fib = {};

	if (!request)
		return -XLVS_DROP_INTERNAL;
	set_ends(&fib, request, true);
	return route(ctx, &fib);
}

int xlvs_route_reply(struct xdp_md *ctx, __u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 kept = (1U << XLVS_META_GENERATION_SHIFT) - 1;
	struct xlvs_conn *reply = xlvs_conn_at(index), *conn;
	struct xlvs_tuple request;
	__u32 generation;
	int gateway;

	if (!reply || !runtime)
		return -XLVS_DROP_INTERNAL;
	conn = xlvs_conn_partner(reply, index);
	if (!conn)
		return XLVS_NOT_OURS;
	generation = runtime->generation << XLVS_META_GENERATION_SHIFT;
	request.key = conn->key;
	request.flow = conn->flow;
	request.hash = 0;
	gateway = xlvs_route_client(ctx, &request);
	if (gateway >= 0 && gateway < XLVS_GATEWAYS_MAX) {
		reply->gateway = gateway + 1;
		reply->meta = (reply->meta & kept) | generation;
	}
	return gateway;
}
