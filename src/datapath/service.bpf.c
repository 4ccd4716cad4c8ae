// SPDX-License-Identifier: GPL-2.0-or-later
/* A connection opens in this order, as in the kernel's ip_vs_sched: may the packet open one at
 * all, is there a service for it, whom does the scheduler name, and is there room for a record.
 * Counting and state are left to the packet path, which goes on with the new record as with any
 * other. */
#include "datapath/service.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/mark.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/threshold.bpf.h"
#include "forward/list.h"
#include "scheduler/scheduler.bpf.h"

enum open_constant {
	FTP_DATA_PORT = 20, /* active FTP's data connections are never scheduled */
	FIRST_TIMEOUT_SEC = 3,
	HASH_TRIES = 8,
	WITHOUT_RECORD = 1,
};

static __always_inline int schedule(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	switch (pick->scheduler) {
#define SCHEDULE(name, number) \
	case number:           \
		return xlvs_sched_##name(pick, tuple);
		XLVS_SCHEDULERS(SCHEDULE)
#undef SCHEDULE
	default:
		return -XLVS_DROP_NO_DEST;
	}
}

static __always_inline int make_pick(const struct xlvs_service *service, struct xlvs_pick *pick)
{
	union xlvs_chunk *head;

	pick->list = *(volatile __u32 *)&service->list;
	head = xlvs_chunk_at(pick->list);
	if (!head || !head->head.n_dests || head->head.n_dests > XLVS_DESTS_PER_SERVICE)
		return -XLVS_DROP_NO_DEST;
	pick->n_dests = head->head.n_dests;
	pick->scheduler = head->head.scheduler;
	pick->flags = head->head.flags;
	return 0;
}

/* The n-th destination of the list, if it can be served without a record. */
static __noinline int one_way_dest(const struct xlvs_pick *pick, __u32 n)
{
	struct xlvs_cell *cell = xlvs_cell_at(pick, n);
	struct xlvs_dest *dest;

	if (!cell || cell->weight <= 0)
		return -XLVS_DROP_TABLE_FULL;
	dest = xlvs_dest_at(cell->dest);
	if (!dest || dest->overloaded || dest->method == XLVS_FORWARD_nat)
		return -XLVS_DROP_TABLE_FULL;
	return cell->dest;
}

/* With the table full: the same answer for every packet of a flow, as long as the list stays. */
static __always_inline int pick_by_hash(const struct xlvs_pick *pick,
					const struct xlvs_tuple *tuple)
{
	__u32 start = (tuple->hash >> 32) % pick->n_dests;
	int dest;

	for (__u32 i = 0; i < HASH_TRIES; i++) {
		dest = one_way_dest(pick, (start + i) % pick->n_dests);
		if (dest >= 0) {
			xlvs_count_reason(XLVS_EVENT_HASHED);
			return dest | XLVS_OPEN_HASHED;
		}
	}
	return -XLVS_DROP_TABLE_FULL;
}

static __always_inline void reply_tuple(const struct xlvs_packet *pkt, const struct xlvs_dest *dest,
					struct xlvs_tuple *reply)
{
	const struct xlvs_tuple *request = &pkt->tuple;

	reply->kind = request->kind;
	reply->flags = XLVS_TUPLE_REPLY;
	reply->sport =
		dest->port && !(pkt->meta & XLVS_META_KEEP_PORT) ? dest->port : request->dport;
	reply->dport = request->sport;
	if (request->family == XLVS_AF_INET) {
		reply->key.v4.saddr = dest->address[0];
		reply->key.v4.daddr = request->key.v4.saddr;
		reply->hash = xlvs_hash_ipv4(xlvs_constants.seed, reply->key.v4.saddr,
					     reply->key.v4.daddr, reply->ports, reply->kind);
	} else {
		__builtin_memcpy(reply->key.v6.saddr, dest->address, sizeof(dest->address));
		__builtin_memcpy(reply->key.v6.daddr, request->key.v6.saddr,
				 sizeof(reply->key.v6.daddr));
		reply->hash = xlvs_hash_ipv6(xlvs_constants.seed, reply->key.words, reply->ports,
					     reply->kind);
	}
}

/* The way back to the client, found while the request is on its way to the server: by the time of
 * the reply a missing neighbour has been resolved. 0 when it has to be found later. */
static __always_inline __u16 gateway_to_client(struct xdp_md *ctx, struct xlvs_tuple *request,
					       __u32 dest_index)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	int gateway;

	if (!dest || *(volatile __u8 *)&dest->method != XLVS_FORWARD_nat)
		return 0;
	gateway = xlvs_route_client(ctx, request);
	return gateway >= 0 && gateway < XLVS_GATEWAYS_MAX ? gateway + 1 : 0;
}

/* The second record of a two-way connection, to be published after the first. */
static __always_inline int open_reply(struct xlvs_packet *pkt, __u32 dest_index, __u32 first,
				      __u16 gateway)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_tuple tuple = {};
	struct xlvs_conn *conn;
	int index;

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	reply_tuple(pkt, dest, &tuple);
	index = xlvs_conn_claim(&tuple);
	if (index < 0)
		return index;
	conn = xlvs_conn_at(index);
	if (!conn || !runtime)
		return -XLVS_DROP_INTERNAL;
	if (tuple.family == XLVS_AF_INET) {
		conn->vaddr4 = pkt->tuple.key.v4.daddr;
		conn->vport4 = pkt->tuple.dport;
	}
	conn->gateway = gateway;
	conn->meta = XLVS_META_REPLY | runtime->generation << XLVS_META_GENERATION_SHIFT;
	conn->dest = dest_index;
	/* A second ago, so the first reply refreshes the first record. */
	conn->deadline = pkt->now - xlvs_constants.ticks_per_sec;
	conn->partner = first;
	return index;
}

static __always_inline int claim_record(struct xlvs_packet *pkt, __u32 over,
					const struct xlvs_runtime *runtime)
{
	if (over != XLVS_NONE)
		return xlvs_conn_reclaim(&pkt->tuple, over);
	return xlvs_conn_take(&pkt->tuple, xlvs_conns_full(runtime));
}

/* Called, and the way to the client found before: the stack of all this together is more than
 * Linux 6.1 allows. */
static __noinline int open_record(struct xlvs_packet *pkt, __u32 dest_index, __u32 over,
				  __u16 gateway)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	struct xlvs_conn *conn, *reply;
	int index, partner = XLVS_NONE;
	__u32 method;

	if (!runtime || !dest)
		return -XLVS_DROP_INTERNAL;
	method = *(volatile __u8 *)&dest->method; /* an edit may come in between */
	index = claim_record(pkt, over, runtime);
	if (index < 0)
		return index;
	conn = xlvs_conn_at(index);
	if (!conn)
		return -XLVS_DROP_INTERNAL;
	if (method == XLVS_FORWARD_nat) {
		partner = open_reply(pkt, dest_index, index, gateway);
		if (partner < 0) {
			xlvs_conn_abandon(conn);
			return partner;
		}
	}
	if (pkt->meta & XLVS_META_CONTROLLED)
		xlvs_control_join(index, pkt->template);
	conn->dest = dest_index;
	conn->partner = partner;
	conn->deadline = pkt->now + FIRST_TIMEOUT_SEC * xlvs_constants.ticks_per_sec;
	__sync_fetch_and_add(&dest->inactive, 1);
	__sync_fetch_and_add(&dest->conns, 1);
	xlvs_dest_bound(dest);
	__sync_fetch_and_add(&runtime->unproven, 1);
	pkt->turn = ((conn->meta >> XLVS_META_TURN_SHIFT) + 1) & XLVS_META_TURN;
	conn->meta = pkt->meta | pkt->turn << XLVS_META_TURN_SHIFT |
		     method << XLVS_META_METHOD_SHIFT | XLVS_META_INACTIVE |
		     (method == XLVS_FORWARD_nat ? 0 : XLVS_META_NOOUTPUT);
	xlvs_conn_publish(conn);
	reply = partner < 0 ? (void *)0 : xlvs_conn_at(partner);
	if (reply)
		xlvs_conn_publish(reply);
	return index;
}

/* A packet that ends a connection opens none. */
static __always_inline bool is_reset(const struct xlvs_packet *pkt)
{
	switch (pkt->tuple.protocol) {
	case IPPROTO_TCP:
		return pkt->tcp_flags & XLVS_TCP_RST;
	case IPPROTO_SCTP:
		return pkt->sctp_chunk == XLVS_SCTP_CHUNK_ABORT;
	default:
		return false;
	}
}

/* Does this packet open a connection? TCP by a SYN, SCTP by an INIT, or by whatever does not end
 * one (sloppy_tcp, sloppy_sctp). */
static __always_inline bool is_opening(const struct xlvs_packet *pkt)
{
	if (xlvs_is_first(pkt))
		return true;
	return pkt->tuple.protocol == IPPROTO_TCP ? xlvs_setting(XLVS_SETTING_sloppy_tcp)
						  : xlvs_setting(XLVS_SETTING_sloppy_sctp);
}

/* May it, at all? 0; WITHOUT_RECORD for what opens none, while the table is full and connections
 * without a record exist; XLVS_NOT_OURS or a negative reason: of new connections one in drop_rate
 * is dropped (drop_packet). Called, for the stack of xlvs_open is full. */
static __noinline int admit(const struct xlvs_packet *pkt, __u32 slot)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__s32 rate;

	if (pkt->tuple.sport == bpf_htons(FTP_DATA_PORT) || slot == XLVS_NONE || !runtime ||
	    is_reset(pkt))
		return XLVS_NOT_OURS;
	if (!is_opening(pkt))
		return xlvs_conns_full(runtime) ? WITHOUT_RECORD : XLVS_NOT_OURS;
	rate = *(volatile __s32 *)&runtime->drop_rate;
	if (!rate || (__s32)__sync_fetch_and_add(&runtime->drop_counter, -1) > 1)
		return 0;
	runtime->drop_counter = rate;
	return -XLVS_DROP_CHOSEN;
}

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
	    (port == FTP_DATA_PORT || port >= runtime->unprivileged_port))
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

/* The destination of a new connection: its client's, or whom the scheduler names. */
static __always_inline int choose(const struct xlvs_service *service, struct xlvs_packet *pkt,
				  __u32 slot, struct xlvs_pick *pick)
{
	bool persistent = service->flags & XLVS_SVC_PERSISTENT;
	int dest = -XLVS_DROP_NO_DEST;

	if (persistent)
		dest = xlvs_template_find(pkt, slot);
	else if (service->port != pkt->tuple.dport && !service->fwmark)
		return dest; /* FTP's data, or all ports: with persistence alone */
	if (dest >= 0)
		return dest;
	dest = make_pick(service, pick);
	if (dest)
		return dest;
	dest = schedule(pick, &pkt->tuple);
	return dest < 0 || !persistent ? dest : xlvs_template_open(pkt, slot, dest);
}

static __always_inline bool is_one_packet(const struct xlvs_service *service,
					  const struct xlvs_packet *pkt)
{
	return service->flags & XLVS_SVC_ONE_PACKET && pkt->tuple.protocol == IPPROTO_UDP;
}

/* A connection that ends with the datagram that opened it: it has no record, and replies are not
 * known as such, but it counts against the destination's thresholds while it lasts. */
static __noinline int open_one_packet(struct xlvs_packet *pkt, __u32 dest_index)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	__sync_fetch_and_add(&dest->conns, 1);
	__sync_fetch_and_add(&dest->inactive, 1);
	xlvs_dest_bound(dest);
	__sync_fetch_and_add(&dest->inactive, -1);
	xlvs_dest_unbound(dest);
	xlvs_template_release(pkt);
	return dest_index | XLVS_OPEN_HASHED;
}

/* What is not FTP's own, but was taken for its data, is the host's when FTP cannot take it. */
static __always_inline bool is_foreign(const struct xlvs_service *service,
				       const struct xlvs_packet *pkt)
{
	return service->port == bpf_htons(XLVS_FTP_PORT) && pkt->tuple.dport != service->port;
}

/* With the table full, and no record for the packet: by its template, or else by its hash. */
static __noinline int open_without_record(const struct xlvs_service *service,
					  struct xlvs_packet *pkt, __u32 slot)
{
	struct xlvs_pick pick = {};
	struct xlvs_dest *dest;
	int r;

	if (service->flags & XLVS_SVC_PERSISTENT) {
		r = xlvs_template_find(pkt, slot);
		dest = xlvs_dest_at(r);
		xlvs_template_release(pkt);
		if (dest)
			return dest->method == XLVS_FORWARD_nat ? -XLVS_DROP_TABLE_FULL
								: r | XLVS_OPEN_HASHED;
	}
	r = make_pick(service, &pick);
	return r ? r : pick_by_hash(&pick, &pkt->tuple);
}

int xlvs_open(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 over, __u32 slot)
{
	struct xlvs_service *service;
	struct xlvs_pick pick = {};
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	r = admit(pkt, slot);
	if (r < 0)
		return r;
	service = bpf_map_lookup_elem(&xlvs_services, &slot);
	if (!service)
		return XLVS_NOT_OURS;
	pkt->meta = 0;
	if (r == WITHOUT_RECORD) {
		r = open_without_record(service, pkt, slot);
		return r < 0 ? XLVS_NOT_OURS : r;
	}
	r = choose(service, pkt, slot, &pick);
	if (r >= 0 && is_one_packet(service, pkt))
		return open_one_packet(pkt, r);
	if (r >= 0) {
		r = open_record(pkt, r, over, gateway_to_client(ctx, &pkt->tuple, r));
		if (r < 0)
			xlvs_template_release(pkt);
	}
	if (r == -XLVS_DROP_TABLE_FULL)
		return open_without_record(service, pkt, slot);
	if (r == -XLVS_DROP_NO_DEST && is_foreign(service, pkt))
		return XLVS_NOT_OURS;
	return r;
}
